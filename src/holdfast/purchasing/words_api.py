"""What suppliers say, and what is not as it should be, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Approver, Operator, Reader
from holdfast.access.signed_paths import signed_path
from holdfast.kernel.page import LIMIT_DEFAULT, decode_id_cursor, encode_cursor, page_of
from holdfast.purchasing import exceptions, letters, links, pushes, service
from holdfast.purchasing.api import Limit, OrderDetailInfo, Quantity, shown
from holdfast.purchasing.model import ExceptionKind, OrderException
from holdfast.purchasing.suppliers import get_supplier
from holdfast.settings import Settings

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["Purchasing"])


class SupplierMessage(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: Annotated[str, Field(min_length=1, max_length=5000)]


class AnnouncedLine(BaseModel):
    model_config = ConfigDict(extra="forbid")
    line_no: Annotated[int, Field(ge=1, le=100_000)]
    quantity: Quantity


class Shipment(BaseModel):
    """Goods on their way. Nothing arrives by it: only a receipt posts stock."""

    model_config = ConfigDict(extra="forbid")
    expected_at: date
    carrier: Annotated[str, Field(max_length=200)] = ""
    tracking_number: Annotated[str, Field(max_length=200)] = ""
    items: Annotated[list[AnnouncedLine], Field(min_length=1, max_length=10_000)]


class Seen(BaseModel):
    """Without ``exception_id``, all that wait."""

    model_config = ConfigDict(extra="forbid")
    exception_id: UUID | None = None


class ExceptionPage(BaseModel):
    exceptions: Sequence[OrderException]
    next_cursor: str | None


@router.post("/purchase-orders/{order_id}/messages")
async def pass_message_on(order_id: UUID, body: SupplierMessage, tx: ApiTx, caller: Operator) -> OrderDetailInfo:
    """What the supplier said about the order, passed on."""
    return shown(await service.say(tx, order_id, text=body.text, actor=caller.actor))


@router.post("/purchase-orders/{order_id}/shipments")
async def announce_shipment(order_id: UUID, body: Shipment, tx: ApiTx, caller: Operator) -> OrderDetailInfo:
    """The supplier has sent goods: what is promised soonest of each line now comes that day."""
    detail = await service.announce(
        tx,
        order_id,
        expected_at=body.expected_at,
        carrier=body.carrier,
        tracking_number=body.tracking_number,
        lines=[(i.line_no, i.quantity) for i in body.items],
        actor=caller.actor,
    )
    return shown(detail)


@router.get("/purchase-order-exceptions")
async def list_exceptions(
    tx: ApiTx,
    _: Reader,
    purchase_order_id: UUID | None = None,
    supplier_id: UUID | None = None,
    kind: ExceptionKind | None = None,
    is_live: bool | None = True,
    is_acknowledged: bool | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> ExceptionPage:
    """Orders that are late, cut short, refused, over-delivered or did not reach their supplier."""
    found = await exceptions.list_exceptions(
        tx,
        before=decode_id_cursor(cursor),
        limit=limit,
        purchase_order_id=purchase_order_id,
        supplier_id=supplier_id,
        kind=kind,
        is_live=is_live,
        is_acknowledged=is_acknowledged,
    )
    page = page_of(found, limit, lambda e: encode_cursor(e.id))
    return ExceptionPage(exceptions=page.items, next_cursor=page.next_cursor)


@router.post("/purchase-orders/{order_id}/acknowledge")
async def acknowledge(order_id: UUID, tx: ApiTx, caller: Operator, body: Seen | None = None) -> OrderDetailInfo:
    """Somebody deals with the exceptions of the order."""
    await service.get_order(tx, order_id)
    chosen = body.exception_id if body else None
    await exceptions.acknowledge(tx, order_id, actor=caller.actor, exception_id=chosen)
    return shown(await service.get_order(tx, order_id))


@router.post("/purchase-orders/{order_id}/resolve")
async def resolve(order_id: UUID, tx: ApiTx, caller: Operator, body: Seen | None = None) -> OrderDetailInfo:
    """Somebody has dealt with the exceptions of the order. One whose cause goes on stays so until it was over."""
    await service.get_order(tx, order_id)
    chosen = body.exception_id if body else None
    await exceptions.resolve(tx, order_id, actor=caller.actor, exception_id=chosen)
    return shown(await service.get_order(tx, order_id))


class PushInfo(BaseModel):
    """``unknown``: the request left and no answer came; only a person may send it again."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    kind: Literal["order", "cancellation"]
    status: Literal["queued", "sending", "accepted", "refused", "unknown"]
    attempts: int
    last_status: int | None
    last_error: str | None
    created_at: datetime
    tried_at: datetime | None
    finished_at: datetime | None


class PushList(BaseModel):
    pushes: list[PushInfo]


class PushDecision(BaseModel):
    model_config = ConfigDict(extra="forbid")
    decision: Annotated[Literal["again", "received"], Field(description="send it again, or the supplier has it")]


@router.get("/purchase-orders/{order_id}/pushes")
async def list_pushes(order_id: UUID, tx: ApiTx, _: Reader) -> PushList:
    """What went, or shall go, to the supplier's own API."""
    await service.get_order(tx, order_id)
    return PushList(pushes=[PushInfo.model_validate(p) for p in await pushes.list_pushes(tx, order_id)])


@router.post("/purchase-orders/{order_id}/pushes/{push_id}")
async def decide_push(order_id: UUID, push_id: UUID, body: PushDecision, tx: ApiTx, caller: Approver) -> PushList:
    """Decide on what the supplier's API refused, or of which nobody knows whether it arrived."""
    found = await pushes.decide(tx, order_id, push_id, decision=body.decision, actor=caller.actor)
    return PushList(pushes=[PushInfo.model_validate(p) for p in found])


class LinkInfo(BaseModel):
    """``path`` comes after the installation's own address; null when HOLDFAST_SECRET is not set."""

    path: str | None


@router.post("/purchase-orders/{order_id}/links", status_code=201)
async def renew_link(order_id: UUID, tx: ApiTx, caller: Approver, request: Request) -> LinkInfo:
    """A new address for the supplier, by e-mail too; earlier ones stop working."""
    settings: Settings = request.app.state.settings
    path = await service.renew_link(tx, order_id, actor=caller.actor)
    return LinkInfo(path=signed_path(path, settings.secret))


@router.delete("/purchase-orders/{order_id}/links", status_code=204)
async def revoke_links(order_id: UUID, tx: ApiTx, caller: Approver) -> None:
    """The supplier's address of this order stops working."""
    await service.get_order(tx, order_id)
    await links.revoke(tx, order_id, actor=caller.actor)


@router.get("/purchase-orders/{order_id}/order.pdf", response_class=Response)
async def read_paper(order_id: UUID, tx: ApiTx, _: Reader) -> Response:
    """The order as its supplier gets it."""
    detail = await service.get_order(tx, order_id)
    supplier = await get_supplier(tx, detail.order.supplier_id)
    return Response(await letters.printed(tx, detail, supplier), media_type="application/pdf")


@router.get("/purchase-orders/{order_id}/order.csv", response_class=Response)
async def read_lines(order_id: UUID, tx: ApiTx, _: Reader) -> Response:
    """All lines of the order as its supplier gets them; text that a spreadsheet would run is made harmless."""
    return Response(letters.order_csv(await service.get_order(tx, order_id)), media_type="text/csv")
