"""Batches, serial numbers and unsellable states over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access import audit
from holdfast.access.edge import ApiRoute, ApiTx, Operator, Reader
from holdfast.catalog.api import version_of
from holdfast.db import Tx
from holdfast.kernel.errors import Invalid
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, encode_cursor, foreign_cursor, page_of
from holdfast.stock import service as stock
from holdfast.stock.asks import MoveAsk, MoveItem
from holdfast.stock.model import BatchNamed
from holdfast.stock.shapes import Posted, Reason, StateChange
from holdfast.tracking import service
from holdfast.tracking.model import Balance, Batch, State, Trace, Unit, UnitStep
from holdfast.web.fields import Version

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["Batches and serials"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
_FAR = "9999-12-31"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDetail(Batch):
    warehouses: list[Balance]


class BatchPage(BaseModel):
    batches: list[BatchDetail]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedBatch(BatchDetail):
    trace: Trace


class Judgement(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: Reason


class BatchChange(BaseModel):
    """Only the fields that are sent are changed; null takes a date or the supplier away."""

    model_config = ConfigDict(extra="forbid")
    production_date: date | None = None
    expiry_date: date | None = None
    supplier_id: UUID | None = None
    expected_version: Version | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitDetail(Unit):
    history: Annotated[list[UnitStep], Field(description="newest first")]


class UnitPage(BaseModel):
    serials: Sequence[Unit]
    next_cursor: str | None


@router.get("/batches")
async def list_batches(
    tx: ApiTx,
    _: Reader,
    sku_id: UUID | None = None,
    warehouse_id: Annotated[UUID | None, Query(description="only what lies there; quantities are of it alone")] = None,
    number: str | None = None,
    state: State | None = None,
    supplier_id: UUID | None = None,
    expiring_before: date | None = None,
    in_stock: bool = False,
    stranded: Annotated[bool, Query(description="only with units past their use that are still promised")] = False,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> BatchPage:
    """Batches by expiry date, soonest first."""
    found = await service.list_batches(
        tx,
        limit=limit,
        after=_batch_key(decode_cursor(cursor, 2)),
        sku_id=sku_id,
        warehouse_id=warehouse_id,
        number=number,
        state=state,
        supplier_id=supplier_id,
        expiring_before=expiring_before,
        in_stock=in_stock,
        stranded=stranded,
    )
    page = page_of(found, limit, lambda b: encode_cursor(b.expiry_date or _FAR, b.id))
    return BatchPage(batches=await _detailed(tx, page.items), next_cursor=page.next_cursor)


@router.get("/batches/{batch_id}")
async def get_batch(batch_id: UUID, tx: ApiTx, _: Reader, response: Response) -> BatchDetail:
    return await _shown(tx, await service.get_batch(tx, batch_id), response)


@router.patch("/batches/{batch_id}")
async def change_batch(
    batch_id: UUID,
    body: BatchChange,
    tx: ApiTx,
    caller: Operator,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> BatchDetail:
    """Correct dates or supplier; units become expired or usable again at once. ``If-Match`` compares first."""
    expected = body.expected_version if if_match is None else version_of(if_match)
    changes = body.model_dump(exclude_unset=True, exclude={"expected_version"})
    batch = await service.change(tx, batch_id, changes, expected_version=expected, actor=caller.actor)
    return await _shown(tx, batch, response)


@router.get("/batches/{batch_id}/trace")
async def trace_batch(batch_id: UUID, tx: ApiTx, _: Reader) -> Trace:
    """Forward to who got units, back to supplier and order, and the holds that cannot be served."""
    return await service.trace(tx, batch_id)


@router.post("/batches/{batch_id}/quarantine")
async def quarantine_batch(batch_id: UUID, body: Judgement, tx: ApiTx, caller: Operator) -> JudgedBatch:
    """No unit of it is sold until it is released."""
    return await _judged(tx, batch_id, "quarantined", body.reason, caller.actor)


@router.post("/batches/{batch_id}/release")
async def release_batch(batch_id: UUID, body: Judgement, tx: ApiTx, caller: Operator) -> JudgedBatch:
    """What is not expired can be sold again."""
    return await _judged(tx, batch_id, "usable", body.reason, caller.actor)


@router.post("/batches/{batch_id}/recall")
async def recall_batch(batch_id: UUID, body: Judgement, tx: ApiTx, caller: Operator) -> JudgedBatch:
    """No unit of it is sold; the answer names who has units, where they came from, and which holds lose theirs."""
    return await _judged(tx, batch_id, "recalled", body.reason, caller.actor)


@router.get("/serials")
async def list_serials(
    tx: ApiTx,
    _: Reader,
    sku_id: UUID | None = None,
    serial_number: Annotated[str | None, Query(max_length=200)] = None,
    state: str | None = None,
    warehouse_id: UUID | None = None,
    batch_id: UUID | None = None,
    reservation_id: UUID | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> UnitPage:
    found = await service.list_units(
        tx,
        limit=limit,
        after=_unit_key(decode_cursor(cursor, 2)),
        sku_id=sku_id,
        serial_number=serial_number,
        state=state,
        warehouse_id=warehouse_id,
        batch_id=batch_id,
        reservation_id=reservation_id,
    )
    page = page_of(found, limit, lambda u: encode_cursor(u.sku_id, u.serial_number))
    return UnitPage(serials=page.items, next_cursor=page.next_cursor)


@router.get("/skus/{sku_id}/serials/{serial_number:path}")
async def get_serial(sku_id: UUID, serial_number: str, tx: ApiTx, _: Reader) -> UnitDetail:
    """One unit and every ledger entry it was part of."""
    unit, steps = await service.get_unit(tx, sku_id, serial_number)
    return UnitDetail(**asdict(unit), history=steps)


@router.post("/inventory/{sku_id}/state")
async def change_state(sku_id: UUID, body: StateChange, tx: ApiTx, caller: Operator) -> Posted:
    """Set units aside where they are, or make them sellable again."""
    if body.from_state == body.to_state:
        raise Invalid.field_error(["to_state"], "out_of_range", "They are in that state already.")
    ask = MoveAsk(
        actor=caller.actor,
        event_type="inventory.state_changed",
        movement_type="transfer",
        reference_type="adjustment",
        reason=body.reason,
        items=[_leg(sku_id, body, body.from_state, -body.quantity), _leg(sku_id, body, body.to_state, body.quantity)],
    )
    facts = await stock.move(tx, ask)
    said = body.model_dump(mode="json")
    await audit.record(tx, actor=caller.actor, action="inventory.state_changed", subject=f"sku:{sku_id}", **said)
    return Posted.model_validate(facts)


def _leg(sku_id: UUID, body: StateChange, state: str, quantity: int) -> MoveItem:
    return MoveItem(
        sku_id=str(sku_id),
        warehouse_id=str(body.warehouse_id),
        quantity=quantity,
        bucket="sellable" if state == "sellable" else "unsellable",
        state=None if state == "sellable" else state,
        batch=None if body.batch is None else BatchNamed(body.batch),
        serials=body.serials,
    )


async def _judged(tx: Tx, batch_id: UUID, state: State, reason: str, actor: str) -> JudgedBatch:
    batch = await service.judge(tx, batch_id, state, reason=reason, actor=actor)
    return JudgedBatch(
        **asdict(batch),
        warehouses=await service.list_balances(tx, [batch_id]),
        trace=await service.trace(tx, batch_id),
    )


async def _detailed(tx: Tx, batches: Sequence[Batch]) -> list[BatchDetail]:
    balances = await service.list_balances(tx, [batch.id for batch in batches])
    return [
        BatchDetail(**asdict(batch), warehouses=[here for here in balances if here.batch_id == batch.id])
        for batch in batches
    ]


async def _shown(tx: Tx, batch: Batch, response: Response) -> BatchDetail:
    response.headers["etag"] = f'"{batch.version}"'
    return (await _detailed(tx, [batch]))[0]


def _batch_key(keys: list[str] | None) -> list[str] | None:
    if keys is None:
        return None
    try:
        return [date.fromisoformat(keys[0]).isoformat(), str(UUID(keys[1]))]
    except ValueError:
        raise foreign_cursor() from None


def _unit_key(keys: list[str] | None) -> list[str] | None:
    if keys is None:
        return None
    try:
        return [str(UUID(keys[0])), keys[1]]
    except ValueError:
        raise foreign_cursor() from None
