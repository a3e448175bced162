"""Shortage cases over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Approver, Operator, Reader
from holdfast.counts import shortages as resolving
from holdfast.db import Tx
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_id_cursor, encode_cursor, page_of
from holdfast.stock import shortages
from holdfast.stock.shortages import Broken, Shortage, Status
from holdfast.web.fields import Count, Expected, Quantity, Version

router = APIRouter(prefix="/api/v1/shortages", route_class=ApiRoute, tags=["Shortages"])

Text = Annotated[str, Field(min_length=1, max_length=500)]
Note = Annotated[str, Field(max_length=5000)]


class Finding(BaseModel):
    """So many sellable units were found, where the books had ``expected_quantity``."""

    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    warehouse_id: UUID
    found_quantity: Count
    expected_quantity: Expected
    reason: Text
    cause: Literal["adjustment", "erp", "expiry", "recall"] = "adjustment"
    reference_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class ChosenPromise(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reservation_id: UUID
    quantity: Quantity


class Resolving(BaseModel):
    """Without ``release``, promises are broken by rule: carts, holds by hand, orders; the latest first."""

    model_config = ConfigDict(extra="forbid")
    release: Annotated[list[ChosenPromise], Field(max_length=1000)] | None = None
    note: Note | None = None
    expected_version: Version | None = None


class Waiting(BaseModel):
    model_config = ConfigDict(extra="forbid")
    note: Note = ""
    until: date | None = None


class Dismissing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    note: Annotated[str, Field(min_length=1, max_length=5000)]


class PromiseInfo(BaseModel):
    reservation_id: UUID
    reference_type: str
    reference_id: str
    quantity: int
    reserved_at: datetime
    expires_at: datetime | None
    proposed_release: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortageDetail(Shortage):
    """``promises`` are in the order in which the rule breaks them."""

    promises: list[PromiseInfo]


class ShortagePage(BaseModel):
    shortages: Sequence[Shortage]
    next_cursor: str | None


class Booked(BaseModel):
    """``shortage`` is null when the figure fitted and was booked."""

    shortage: Shortage | None


@router.get("")
async def list_shortages(
    tx: ApiTx,
    _: Reader,
    status: Status | None = None,
    is_over: bool | None = None,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> ShortagePage:
    """Cases, newest first."""
    filters = {"status": status, "is_over": is_over, "sku_id": sku_id, "warehouse_id": warehouse_id}
    found = await shortages.list_cases(tx, limit=limit, before=decode_id_cursor(cursor), **filters)
    page = page_of(found, limit, lambda case: encode_cursor(case.id))
    return ShortagePage(shortages=page.items, next_cursor=page.next_cursor)


@router.post("", status_code=201)
async def report_shortage(body: Finding, tx: ApiTx, caller: Operator) -> Booked:
    """Set the sellable units to what was found; when more is reserved, open a case instead."""
    case = await shortages.book_or_open(
        tx,
        sku_id=body.sku_id,
        warehouse_id=body.warehouse_id,
        found=body.found_quantity,
        expected=body.expected_quantity,
        cause=body.cause,
        reason=body.reason,
        reference_id=body.reference_id,
        actor=caller.actor,
    )
    return Booked(shortage=case)


@router.get("/{shortage_id}")
async def get_shortage(shortage_id: UUID, tx: ApiTx, _: Reader) -> ShortageDetail:
    """A case, who was promised the units, and what the rule proposes to release."""
    return await _detail(tx, await shortages.get_case(tx, shortage_id))


@router.post("/{shortage_id}/resolve")
async def resolve(shortage_id: UUID, tx: ApiTx, caller: Approver, body: Resolving | None = None) -> ShortageDetail:
    """Break the chosen promises and book what was found, in one transaction."""
    body = body or Resolving()
    chosen = None if body.release is None else [Broken(c.reservation_id, c.quantity) for c in body.release]
    case = await resolving.resolve(
        tx, shortage_id, chosen, note=body.note, actor=caller.actor, expected_version=body.expected_version
    )
    return await _detail(tx, case)


@router.post("/{shortage_id}/wait")
async def wait(shortage_id: UUID, tx: ApiTx, caller: Operator, body: Waiting | None = None) -> ShortageDetail:
    """Wait for goods; resolving later breaks only what is still missing then."""
    body = body or Waiting()
    case = await shortages.wait(tx, shortage_id, note=body.note, until=body.until, actor=caller.actor)
    return await _detail(tx, case)


@router.post("/{shortage_id}/dismiss")
async def dismiss(shortage_id: UUID, body: Dismissing, tx: ApiTx, caller: Approver) -> ShortageDetail:
    """The finding was wrong; nothing is booked and nothing released."""
    case = await shortages.lock_case(tx, shortage_id)
    case = await shortages.end(tx, case, "dismissed", broken=[], note=body.note, actor=caller.actor)
    return await _detail(tx, case)


async def _detail(tx: Tx, case: Shortage) -> ShortageDetail:
    promises = await shortages.list_promises(tx, case) if case.resolved_at is None else []
    release = {b.reservation_id: b.quantity for b in shortages.proposed(case, promises)}
    shown = [
        PromiseInfo(
            reservation_id=p.reservation_id,
            reference_type=p.reference_type,
            reference_id=p.reference_id,
            quantity=p.quantity,
            reserved_at=p.reserved_at,
            expires_at=p.expires_at,
            proposed_release=release.get(p.reservation_id, 0),
        )
        for p in promises
    ]
    return ShortageDetail(**asdict(case), promises=shown)
