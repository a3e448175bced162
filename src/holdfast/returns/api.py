"""Returns over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Operator, Reader
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_id_cursor, encode_cursor, page_of
from holdfast.returns import service
from holdfast.returns.model import ReturnDetail, ReturnedLine
from holdfast.returns.service import Parcel
from holdfast.stock.shapes import BatchNumber, Serials
from holdfast.web.fields import Quantity

router = APIRouter(prefix="/api/v1/returns", route_class=ApiRoute, tags=["Returns"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
ReferenceType = Literal["order", "sale", "cart", "manual"]
Outcome = Literal["restock", "unsellable", "scrap", "refund_only"]


class ReturnItem(BaseModel):
    """``outcome`` is what the inspection found; ``refund_only``: the customer keeps the goods and stock stays."""

    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    quantity: Quantity
    outcome: Outcome
    order_line: Annotated[Text | None, Field(description="the shop's id of the order line")] = None
    batch: BatchNumber | None = None
    serials: Serials | None = None


class NewReturn(BaseModel):
    """What came back of one order. ``return_reference`` (parcel, return number) is booked once per order."""

    model_config = ConfigDict(extra="forbid")
    reference_type: ReferenceType = "order"
    reference_id: Text
    warehouse_id: UUID
    items: Annotated[list[ReturnItem], Field(min_length=1, max_length=1000)]
    return_reference: Text | None = None
    reason: Annotated[str, Field(max_length=500), AfterValidator(str.strip)] = ""
    accept_unmatched: Annotated[
        bool, Field(description="take back more than the ledger knows as sold; needs a reason")
    ] = False


class ReturnLineInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    line_no: int
    sku_id: UUID
    sku_code: str
    sku_name: str
    order_line: str | None
    quantity: int
    outcome: Outcome
    batch: str | None
    serials: list[str] | None


class ReturnInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    number: str
    reference_type: ReferenceType
    reference_id: str
    warehouse_id: UUID
    warehouse_code: str
    return_reference: str | None
    reason: str
    is_unmatched: bool
    created_by: str
    created_at: datetime
    back_total: int


class ReturnDetailInfo(ReturnInfo):
    items: list[ReturnLineInfo]


class ReturnPage(BaseModel):
    returns: list[ReturnDetailInfo]
    next_cursor: str | None


class ReturnableInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    sku_id: UUID
    sku_code: str
    consumed_quantity: int
    returned_quantity: int
    returnable_quantity: int


class ReturnableList(BaseModel):
    returnable: list[ReturnableInfo]


@router.post("", status_code=201)
async def create_return(
    body: NewReturn,
    tx: ApiTx,
    caller: Operator,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> ReturnDetailInfo:
    """Book goods that came back, each unit once, never more than left for the order."""
    parcel = Parcel(
        reference_type=body.reference_type,
        reference_id=body.reference_id,
        warehouse_id=body.warehouse_id,
        lines=[
            ReturnedLine(
                i.sku_id, i.quantity, i.outcome, i.order_line, i.batch, tuple(i.serials) if i.serials else None
            )
            for i in body.items
        ],
        return_reference=body.return_reference,
        reason=body.reason,
        accept_unmatched=body.accept_unmatched,
    )
    return _shown(await service.take_back(tx, parcel, actor=caller.actor, is_keyed=idempotency_key is not None))


@router.get("")
async def list_returns(
    tx: ApiTx,
    _: Reader,
    reference_type: ReferenceType | None = None,
    reference_id: str | None = None,
    return_reference: str | None = None,
    warehouse_id: UUID | None = None,
    sku_id: UUID | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> ReturnPage:
    found = await service.list_returns(
        tx,
        before=decode_id_cursor(cursor),
        limit=limit,
        reference_type=reference_type,
        reference_id=reference_id,
        return_reference=return_reference,
        warehouse_id=warehouse_id,
        sku_id=sku_id,
    )
    page = page_of(found, limit, lambda r: encode_cursor(r.head.id))
    return ReturnPage(returns=[_shown(r) for r in page.items], next_cursor=page.next_cursor)


@router.get("/returnable")
async def list_returnable(
    tx: ApiTx, _: Reader, reference_id: Annotated[str, Query(max_length=200)], reference_type: ReferenceType = "order"
) -> ReturnableList:
    """What may still come back of an order, per SKU."""
    found = await service.list_returnable(tx, reference_type, reference_id)
    return ReturnableList(returnable=[ReturnableInfo.model_validate(r) for r in found])


@router.get("/{return_id}")
async def get_return(return_id: UUID, tx: ApiTx, _: Reader) -> ReturnDetailInfo:
    return _shown(await service.get_return(tx, return_id))


def _shown(detail: ReturnDetail) -> ReturnDetailInfo:
    return ReturnDetailInfo(
        **ReturnInfo.model_validate(detail.head).model_dump(),
        items=[ReturnLineInfo.model_validate(line) for line in detail.lines],
    )
