"""Transfers over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Operator, Reader
from holdfast.catalog.api import version_of
from holdfast.kernel.errors import Invalid
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_id_cursor, encode_cursor, page_of
from holdfast.stock.shapes import BatchNumber, Serials
from holdfast.transfers import service
from holdfast.transfers.model import (
    Arrival,
    Loss,
    Picked,
    Status,
    Transfer,
    TransferDetail,
    TransferLine,
    TransferReceipt,
)
from holdfast.web.fields import Count, Quantity, Reason, Version

router = APIRouter(prefix="/api/v1/transfers", route_class=ApiRoute, tags=["Transfers"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Note = Annotated[str, Field(max_length=5000)]


def _expected(if_match: Annotated[str | None, Header()] = None) -> int | None:
    return None if if_match is None else version_of(if_match)


Expected = Annotated[int | None, Depends(_expected)]


class TransferItem(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    quantity: Quantity


class NewTransfer(BaseModel):
    """A SKU named twice counts together."""

    model_config = ConfigDict(extra="forbid")
    from_warehouse_id: UUID
    to_warehouse_id: UUID
    items: Annotated[list[TransferItem], Field(min_length=1, max_length=10_000)]
    expected_at: date | None = None
    note: Note = ""


class TransferChange(BaseModel):
    """Only a draft changes. ``items`` replace all lines."""

    model_config = ConfigDict(extra="forbid")
    items: Annotated[list[TransferItem], Field(min_length=1, max_length=10_000)] | None = None
    expected_at: date | None = None
    note: Note | None = None
    expected_version: Version | None = None


class ArrivedItem(BaseModel):
    """Good units, units kept as unsellable, and units that are lost: broken beyond keeping, or missing."""

    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    quantity: Count = 0
    unsellable_quantity: Count = 0
    lost_quantity: Count = 0
    batch: BatchNumber | None = None
    serials: Serials | None = None
    unsellable_serials: Serials | None = None
    lost_serials: Serials | None = None


class PickedItem(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    quantity: Quantity
    batch: BatchNumber | None = None
    serials: Serials | None = None


class Shipping(BaseModel):
    """Which batches or units were picked; what is left open goes first expired first out."""

    model_config = ConfigDict(extra="forbid")
    items: Annotated[list[PickedItem], Field(max_length=10_000)] = []


class TransferDelivery(BaseModel):
    """Without ``items``, everything that is open arrived well. ``reference`` is the delivery note, booked once."""

    model_config = ConfigDict(extra="forbid")
    items: Annotated[list[ArrivedItem], Field(min_length=1, max_length=10_000)] | None = None
    reference: Text | None = None
    reason: Annotated[str, Field(max_length=500, description="why units are lost"), AfterValidator(str.strip)] = ""


class TransferClosing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: Reason


class TransferCancelling(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: Annotated[str, Field(max_length=500)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferDetailInfo(Transfer):
    items: tuple[TransferLine, ...]
    receipts: tuple[TransferReceipt, ...]
    losses: tuple[Loss, ...]


class TransferPage(BaseModel):
    transfers: Sequence[Transfer]
    next_cursor: str | None


@router.post("", status_code=201)
async def create_transfer(body: NewTransfer, tx: ApiTx, caller: Operator, response: Response) -> TransferDetailInfo:
    detail = await service.create_transfer(
        tx,
        from_warehouse_id=body.from_warehouse_id,
        to_warehouse_id=body.to_warehouse_id,
        lines=[(i.sku_id, i.quantity) for i in body.items],
        expected_at=body.expected_at,
        note=body.note,
        actor=caller.actor,
    )
    return _shown(detail, response)


@router.get("")
async def list_transfers(
    tx: ApiTx,
    _: Reader,
    status: Status | None = None,
    from_warehouse_id: UUID | None = None,
    to_warehouse_id: UUID | None = None,
    sku_id: UUID | None = None,
    number: str | None = None,
    is_late: bool | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> TransferPage:
    found = await service.list_transfers(
        tx,
        before=decode_id_cursor(cursor),
        limit=limit,
        status=status,
        from_warehouse_id=from_warehouse_id,
        to_warehouse_id=to_warehouse_id,
        sku_id=sku_id,
        number=number,
        is_late=is_late,
    )
    page = page_of(found, limit, lambda t: encode_cursor(t.id))
    return TransferPage(transfers=page.items, next_cursor=page.next_cursor)


@router.get("/{transfer_id}")
async def get_transfer(transfer_id: UUID, tx: ApiTx, _: Reader, response: Response) -> TransferDetailInfo:
    return _shown(await service.get_transfer(tx, transfer_id), response)


@router.patch("/{transfer_id}")
async def change_transfer(
    transfer_id: UUID, body: TransferChange, tx: ApiTx, caller: Operator, expected: Expected, response: Response
) -> TransferDetailInfo:
    """Change a draft. ``If-Match`` or ``expected_version`` compares first."""
    changes = body.model_dump(exclude_unset=True, include={"expected_at", "note"})
    if changes.get("note", "") is None:
        raise Invalid.field_error(["note"], "not_null", "A note can be empty text.")
    detail = await service.change_draft(
        tx,
        transfer_id,
        lines=None if body.items is None else [(i.sku_id, i.quantity) for i in body.items],
        changes=changes,
        expected_version=body.expected_version if expected is None else expected,
        actor=caller.actor,
    )
    return _shown(detail, response)


@router.post("/{transfer_id}/ship")
async def ship_transfer(
    transfer_id: UUID,
    tx: ApiTx,
    caller: Operator,
    expected: Expected,
    response: Response,
    body: Shipping | None = None,
) -> TransferDetailInfo:
    """Out of the source and in transit to the destination, every line or none."""
    items = body.items if body else []
    picked = [Picked(i.sku_id, i.quantity, i.batch, tuple(i.serials) if i.serials else None) for i in items]
    detail = await service.ship(tx, transfer_id, actor=caller.actor, picked=picked, expected_version=expected)
    return _shown(detail, response)


@router.post("/{transfer_id}/receive")
async def receive_transfer(
    transfer_id: UUID,
    tx: ApiTx,
    caller: Operator,
    expected: Expected,
    response: Response,
    body: TransferDelivery | None = None,
) -> TransferDetailInfo:
    """Goods in at the destination, in parts if they come in parts; more than is on its way is refused."""
    arrived = body or TransferDelivery()
    arrivals = (
        None
        if arrived.items is None
        else [
            Arrival(
                i.sku_id,
                i.quantity,
                i.unsellable_quantity,
                i.lost_quantity,
                i.batch,
                tuple(i.serials or ()),
                tuple(i.unsellable_serials or ()),
                tuple(i.lost_serials or ()),
            )
            for i in arrived.items
        ]
    )
    detail = await service.receive(
        tx,
        transfer_id,
        arrivals=arrivals,
        reference=arrived.reference,
        reason=arrived.reason,
        actor=caller.actor,
        expected_version=expected,
    )
    return _shown(detail, response)


@router.post("/{transfer_id}/close")
async def close_transfer(
    transfer_id: UUID, body: TransferClosing, tx: ApiTx, caller: Operator, expected: Expected, response: Response
) -> TransferDetailInfo:
    """What has not arrived is written off as lost."""
    detail = await service.close(tx, transfer_id, reason=body.reason, actor=caller.actor, expected_version=expected)
    return _shown(detail, response)


@router.post("/{transfer_id}/cancel")
async def cancel_transfer(
    transfer_id: UUID,
    tx: ApiTx,
    caller: Operator,
    expected: Expected,
    response: Response,
    body: TransferCancelling | None = None,
) -> TransferDetailInfo:
    """Take back a draft."""
    reason = body.reason if body else ""
    detail = await service.cancel(tx, transfer_id, reason=reason, actor=caller.actor, expected_version=expected)
    return _shown(detail, response)


def _shown(detail: TransferDetail, response: Response) -> TransferDetailInfo:
    response.headers["etag"] = f'"{detail.transfer.version}"'
    return TransferDetailInfo(
        **asdict(detail.transfer), items=detail.lines, receipts=detail.receipts, losses=detail.losses
    )
