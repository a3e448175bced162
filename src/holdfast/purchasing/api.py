"""Purchase orders over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Approver, Operator, Planner, Reader
from holdfast.kernel.errors import Invalid
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_id_cursor, encode_cursor, page_of
from holdfast.purchasing import service
from holdfast.purchasing.model import (
    Arrival,
    DraftLine,
    ExceptionKind,
    LineWord,
    OrderDetail,
    PurchaseOrder,
    Receipt,
    Statement,
    Status,
)
from holdfast.stock.shapes import BatchIn, Serials
from holdfast.web.fields import Count, Quantity, Version

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["Purchasing"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cost = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Note = Annotated[str, Field(max_length=5000)]


class OrderItem(BaseModel):
    """Without ``unit_cost``, the supplier's price for the SKU."""

    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    quantity: Quantity
    unit_cost: Cost | None = None


class NewOrder(BaseModel):
    model_config = ConfigDict(extra="forbid")
    supplier_id: UUID
    warehouse_id: UUID
    items: Annotated[list[OrderItem], Field(min_length=1, max_length=10_000)]
    expected_at: date | None = None
    note: Note = ""


class OrderChange(BaseModel):
    """Only a draft changes. ``items`` replace all lines."""

    model_config = ConfigDict(extra="forbid")
    items: Annotated[list[OrderItem], Field(min_length=1, max_length=10_000)] | None = None
    expected_at: date | None = None
    note: Note | None = None
    expected_version: Version | None = None


class OpenPart(BaseModel):
    """Of the open balance, so many for one day; a day of null is the order's."""

    quantity: int
    expected_at: date | None
    is_confirmed: bool


class OrderLineInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    line_no: int
    sku_id: UUID
    sku_code: str
    sku_name: str
    supplier_code: str | None
    ordered_quantity: int
    received_quantity: int
    open_quantity: int
    confirmed_quantity: int | None
    refused_quantity: int
    refusal: str | None
    expected_at: date | None
    promised_at: Annotated[date | None, Field(description="the day promised first; on time is measured against it")]
    schedule: Annotated[
        list[OpenPart] | None, Field(description="what is open by promised day, when there are several; null: one day")
    ]
    exceptions: Annotated[list[ExceptionKind], Field(description="what is not as it should be with this line now")]
    unit_cost: Decimal
    suggestion_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDetailInfo(PurchaseOrder):
    items: Sequence[OrderLineInfo]
    receipts: Sequence[Receipt]
    statements: Sequence[Statement]


class OrderPage(BaseModel):
    purchase_orders: Sequence[PurchaseOrder]
    next_cursor: str | None


@router.post("/purchase-orders", status_code=201)
async def create_order(body: NewOrder, tx: ApiTx, caller: Planner) -> OrderDetailInfo:
    detail = await service.create_order(
        tx,
        supplier_id=body.supplier_id,
        warehouse_id=body.warehouse_id,
        lines=[DraftLine(i.sku_id, i.quantity, i.unit_cost) for i in body.items],
        expected_at=body.expected_at,
        note=body.note,
        actor=caller.actor,
    )
    return shown(detail)


@router.get("/purchase-orders")
async def list_orders(
    tx: ApiTx,
    _: Reader,
    status: Status | None = None,
    supplier_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    sku_id: UUID | None = None,
    number: str | None = None,
    is_late: bool | None = None,
    exception: Annotated[
        ExceptionKind | Literal["any"] | None, Query(description="only with such an exception")
    ] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> OrderPage:
    found = await service.list_orders(
        tx,
        before=decode_id_cursor(cursor),
        limit=limit,
        status=status,
        supplier_id=supplier_id,
        warehouse_id=warehouse_id,
        sku_id=sku_id,
        number=number,
        is_late=is_late,
        exception=exception,
    )
    page = page_of(found, limit, lambda o: encode_cursor(o.id))
    return OrderPage(purchase_orders=page.items, next_cursor=page.next_cursor)


@router.get("/purchase-orders/{order_id}")
async def get_order(order_id: UUID, tx: ApiTx, _: Reader) -> OrderDetailInfo:
    return shown(await service.get_order(tx, order_id))


@router.patch("/purchase-orders/{order_id}")
async def change_order(order_id: UUID, body: OrderChange, tx: ApiTx, caller: Planner) -> OrderDetailInfo:
    changes = body.model_dump(exclude_unset=True, include={"expected_at", "note"})
    if changes.get("note", "") is None:
        raise Invalid.field_error(["note"], "not_null", "A note can be empty text.")
    lines = None if body.items is None else [DraftLine(i.sku_id, i.quantity, i.unit_cost) for i in body.items]
    detail = await service.change_draft(
        tx, order_id, lines=lines, changes=changes, expected_version=body.expected_version, actor=caller.actor
    )
    return shown(detail)


class Sending(BaseModel):
    model_config = ConfigDict(extra="forbid")
    accept_terms_broken: Annotated[bool, Field(description="send although the supplier's terms are not met")] = False
    duplicate_reason: Annotated[
        str, Field(max_length=500, description="why the order is sent although what is open covers it already")
    ] = ""
    limit_reason: Annotated[
        str, Field(max_length=500, description="why the order is sent outside a minimum value, a truck or a budget")
    ] = ""


class ConfirmedLine(BaseModel):
    """So many units of a line for a day; a line named twice comes in several deliveries."""

    model_config = ConfigDict(extra="forbid")
    line_no: Annotated[int, Field(ge=1, le=100_000)]
    quantity: Count
    expected_at: date | None = None
    is_rest_open: Annotated[
        bool, Field(description="what is not confirmed stays to come on the day it had; false: it will not come")
    ] = False
    reason: Annotated[Text | None, Field(description="why not all of it comes")] = None


class Confirmation(BaseModel):
    """What the supplier promised; lines that are not named stay as ordered."""

    model_config = ConfigDict(extra="forbid")
    expected_at: date | None = None
    items: Annotated[list[ConfirmedLine], Field(max_length=10_000)] = []


class ArrivedItem(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    quantity: Quantity
    line_no: Annotated[int, Field(ge=1, le=100_000)] | None = None
    unit_cost: Cost | None = None
    batch: BatchIn | None = None
    serials: Serials | None = None


class Delivery(BaseModel):
    """What arrived; without ``items``, everything that was open. ``reference`` is the delivery note, booked once."""

    model_config = ConfigDict(extra="forbid")
    items: Annotated[list[ArrivedItem], Field(min_length=1, max_length=10_000)] | None = None
    reference: Text | None = None


class Ending(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: Annotated[str, Field(max_length=500)] = ""


@router.post("/purchase-orders/{order_id}/approve")
async def approve_order(order_id: UUID, tx: ApiTx, caller: Approver) -> OrderDetailInfo:
    return shown(await service.approve(tx, order_id, actor=caller.actor))


@router.post("/purchase-orders/{order_id}/send")
async def send_order(order_id: UUID, tx: ApiTx, caller: Approver, body: Sending | None = None) -> OrderDetailInfo:
    """Approve if nobody has, and send: what is ordered is in transit and the supplier gets the order by e-mail."""
    said = body or Sending()
    detail = await service.send(
        tx,
        order_id,
        actor=caller.actor,
        accept_terms_broken=said.accept_terms_broken,
        duplicate_reason=said.duplicate_reason,
        limit_reason=said.limit_reason,
    )
    return shown(detail)


@router.post("/purchase-orders/{order_id}/confirm")
async def confirm_order(
    order_id: UUID, tx: ApiTx, caller: Operator, body: Confirmation | None = None
) -> OrderDetailInfo:
    said = body or Confirmation()
    lines = [LineWord(i.line_no, i.quantity, i.expected_at, i.is_rest_open, i.reason) for i in said.items]
    detail = await service.confirm(tx, order_id, expected_at=said.expected_at, lines=lines, actor=caller.actor)
    return shown(detail)


@router.post("/purchase-orders/{order_id}/receive")
async def receive_order(order_id: UUID, tx: ApiTx, caller: Operator, body: Delivery | None = None) -> OrderDetailInfo:
    """Goods in: stock rises and in_transit falls. Partial deliveries are fine; more than ordered is refused."""
    arrived = body or Delivery()
    arrivals = (
        None
        if arrived.items is None
        else [
            Arrival(
                i.sku_id,
                i.quantity,
                i.line_no,
                i.unit_cost,
                None if i.batch is None else i.batch.named(),
                None if i.serials is None else tuple(i.serials),
            )
            for i in arrived.items
        ]
    )
    detail = await service.receive(tx, order_id, arrivals=arrivals, reference=arrived.reference, actor=caller.actor)
    return shown(detail)


@router.post("/purchase-orders/{order_id}/cancel")
async def cancel_order(order_id: UUID, tx: ApiTx, caller: Approver, body: Ending | None = None) -> OrderDetailInfo:
    return shown(await service.cancel(tx, order_id, reason=body.reason if body else "", actor=caller.actor))


@router.post("/purchase-orders/{order_id}/close")
async def close_order(order_id: UUID, tx: ApiTx, caller: Planner, body: Ending | None = None) -> OrderDetailInfo:
    return shown(await service.close(tx, order_id, reason=body.reason if body else "", actor=caller.actor))


def shown(detail: OrderDetail) -> OrderDetailInfo:
    return OrderDetailInfo(
        **asdict(detail.order),
        items=[OrderLineInfo.model_validate(line) for line in detail.lines],
        receipts=detail.receipts,
        statements=detail.statements,
    )
