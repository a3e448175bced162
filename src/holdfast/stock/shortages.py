"""The shortage case: fewer units are there than are promised.

On hand never goes below what is reserved, so such a finding cannot be booked as it is. It becomes a case that keeps
what is to be booked; resolving it breaks chosen promises and books the loss in one transaction, so that nobody gets the
units that are not there. Whoever finds a shortage (a count, an adjustment, an ERP, an expired or recalled batch) calls
``open_case`` in its own transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from psycopg.types.json import Json, Jsonb
from pydantic import Field

from holdfast.access import audit
from holdfast.db import Tx, statements
from holdfast.kernel.errors import Conflict, NotFound
from holdfast.notify.service import queue_inbox
from holdfast.stock import service
from holdfast.stock.asks import MoveAsk, MoveItem

sql = statements("holdfast.stock", "shortages.sql")

Status = Literal["open", "waiting", "resolved", "dismissed"]
Cause = Literal["count", "adjustment", "erp", "expiry", "recall"]


@dataclass(frozen=True, slots=True)
class Shortage:
    """``change`` (negative) is to be booked; ``missing_quantity`` promised units stand in its way."""

    id: UUID
    number: str
    sku_id: UUID
    sku_code: str
    warehouse_id: UUID
    warehouse_code: str
    status: Status
    cause: Cause
    reference_id: str | None
    change: Annotated[int, Field(description="what is to be booked: negative")]
    missing_quantity: Annotated[int, Field(description="promised units that stand in the way")]
    available_quantity: int
    reserved_quantity: int
    reason: str
    note: str
    wait_until: date | None
    opened_by: str
    opened_at: datetime
    resolved_by: str | None
    resolved_at: datetime | None
    broken: list[dict[str, Any]]
    version: int


@dataclass(frozen=True, slots=True)
class Promise:
    """Units of the level that somebody was promised."""

    reservation_id: UUID
    reference_type: str
    reference_id: str
    quantity: int
    reserved_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Broken:
    """So many units of a promise that are not kept."""

    reservation_id: UUID
    quantity: int


async def open_case(
    tx: Tx,
    *,
    sku_id: UUID,
    warehouse_id: UUID,
    change: int,
    cause: Cause,
    reason: str,
    actor: str,
    reference_id: str | None = None,
) -> Shortage:
    """Note that ``change`` (negative, sellable units) is to be booked and cannot be, because more is reserved.

    One case per level is open: a newer finding takes the place of an older one. Nothing is released by this.
    """
    row = (
        await tx.dicts(
            sql.open_case,
            sku_id=sku_id,
            warehouse_id=warehouse_id,
            change=change,
            cause=cause,
            reason=reason,
            actor=actor,
            reference_id=reference_id,
        )
    )[0]
    return await _opened(tx, row, actor)


async def follow_stranded(tx: Tx, *, actor: str, sku_id: UUID | None = None) -> None:
    """Open a case for each level where promised units are past their use, and end those where none is any more.

    A batch that is judged or expires calls this with its SKU; every minute it is called for all.
    """
    for row in await tx.dicts(sql.open_stranded, sku_id=sku_id, actor=actor):
        await _opened(tx, row, actor)
    for row in await tx.dicts(sql.find_served, sku_id=sku_id):
        case = await lock_case(tx, row["id"])
        await end(tx, case, "resolved", broken=[], note=None, actor=actor)


async def withdraw_level(tx: Tx, case: Shortage) -> int | None:
    """Take units past their use out of the level; how many stay because they are promised.

    None when the case is not about a batch: then its change is booked as an adjustment.
    """
    if case.cause not in ("expiry", "recall"):
        return None
    return await tx.value(sql.withdraw_level, sku_id=case.sku_id, warehouse_id=case.warehouse_id)


async def book_or_open(
    tx: Tx,
    *,
    sku_id: UUID,
    warehouse_id: UUID,
    found: int,
    expected: int,
    cause: Cause,
    reason: str,
    actor: str,
    reference_id: str | None = None,
) -> Shortage | None:
    """Set the sellable units to what was ``found``, if they still are ``expected``; a case when more is reserved.

    For absolute figures of other systems. Raises Conflict(``version_conflict`` …) as a posting does.
    """
    item = MoveItem(sku_id=str(sku_id), warehouse_id=str(warehouse_id), set_to=found, expected_quantity=expected)
    try:
        await service.move(tx, _adjusting([item], reason, actor))
    except Conflict as refusal:
        if refusal.code != "below_reserved":
            raise
        # What the posting saw under its lock, which this transaction still holds.
        physical: int = await tx.value(sql.physical_level, sku_id=sku_id, warehouse_id=warehouse_id)
        return await open_case(
            tx,
            sku_id=sku_id,
            warehouse_id=warehouse_id,
            change=found - physical,
            cause=cause,
            reason=reason,
            actor=actor,
            reference_id=reference_id,
        )
    return None


async def get_case(tx: Tx, case_id: UUID) -> Shortage:
    """Raises NotFound(``shortage_not_found``)."""
    found = await list_cases(tx, limit=1, id=case_id)
    if not found:
        raise NotFound("shortage_not_found", "There is no such shortage case.")
    return found[0]


async def list_cases(tx: Tx, *, limit: int, before: UUID | None = None, **filters: Any) -> list[Shortage]:
    """One page and one row more, newest first. Filters: status, is_over, sku_id, warehouse_id."""
    columns: dict[str, Any] = dict.fromkeys(("id", "status", "is_over", "sku_id", "warehouse_id")) | filters
    return await tx.all(sql.list_cases, Shortage, before=before, limit=limit + 1, **columns)


async def list_promises(tx: Tx, case: Shortage) -> list[Promise]:
    """Who was promised units of the level, in the order in which promises would be broken."""
    return await tx.all(sql.list_promises, Promise, sku_id=case.sku_id, warehouse_id=case.warehouse_id)


def proposed(case: Shortage, promises: Sequence[Promise]) -> list[Broken]:
    """The fewest units by rule: carts before holds by hand before orders, the latest promise first."""
    left, chosen = case.missing_quantity, list[Broken]()
    for promise in promises:
        if left <= 0:
            break
        chosen.append(Broken(promise.reservation_id, min(left, promise.quantity)))
        left -= chosen[-1].quantity
    return chosen


async def break_promises(tx: Tx, case: Shortage, chosen: Sequence[Broken] | None) -> list[dict[str, Any]]:
    """Release the chosen parts (or those the rule proposes) without serving anybody; the caller books the loss next."""
    if chosen is None:
        chosen = proposed(case, await list_promises(tx, case))
    takes = [{"reservation_id": str(b.reservation_id), "quantity": b.quantity} for b in chosen]
    rows = await tx.dicts(sql.break_promises, sku_id=case.sku_id, warehouse_id=case.warehouse_id, takes=Json(takes))
    return [{**row, "reservation_id": str(row["reservation_id"])} for row in rows]


async def book(tx: Tx, case: Shortage, *, actor: str) -> None:
    """Post what the case keeps. Raises Conflict(``shortage_remains``) when promised units still stand in the way."""
    item = MoveItem(sku_id=str(case.sku_id), warehouse_id=str(case.warehouse_id), quantity=case.change)
    try:
        await service.move(tx, _adjusting([item], case.reason, actor, reference_id=case.reference_id))
    except Conflict as refusal:
        raise remains(case) from refusal


def remains(case: Shortage) -> Conflict:
    facts = {"missing": case.missing_quantity}
    return Conflict("shortage_remains", "More units are promised than would be left; release more of them.", facts)


async def lock_case(tx: Tx, case_id: UUID, *, expected_version: int | None = None) -> Shortage:
    """An open case, locked for a decision.

    Raises NotFound(``shortage_not_found``), Conflict(``shortage_over`` | ``version_conflict``).
    """
    found = await tx.dicts(sql.lock_case, id=case_id)
    if not found:
        raise NotFound("shortage_not_found", "There is no such shortage case.")
    status, version = found[0]["status"], found[0]["version"]
    if status not in ("open", "waiting"):
        raise Conflict("shortage_over", "The case is resolved or dismissed.", {"shortage_status": status})
    if expected_version not in (None, version):
        raise Conflict("version_conflict", "The case was changed meanwhile; read it again.", {"version": version})
    return await get_case(tx, case_id)


async def end(
    tx: Tx,
    case: Shortage,
    status: Literal["resolved", "dismissed"],
    *,
    broken: list[dict[str, Any]],
    note: str | None,
    actor: str,
) -> Shortage:
    await tx.run(sql.end_case, id=case.id, status=status, actor=actor, note=note, broken=Jsonb(broken))
    ended = await get_case(tx, case.id)
    await _tell(tx, f"shortage.{status}", ended, actor)
    return ended


async def wait(tx: Tx, case_id: UUID, *, note: str, until: date | None, actor: str) -> Shortage:
    """Break no promise yet: goods are expected. Sellable units stay as the books have them."""
    case = await lock_case(tx, case_id)
    await tx.run(sql.wait, id=case.id, note=note, until=until)
    waiting = await get_case(tx, case.id)
    await _tell(tx, "shortage.waiting", waiting, actor)
    return waiting


async def end_booked(tx: Tx, *, cause: Cause, reference_id: str, sku_ids: Sequence[UUID], actor: str) -> None:
    """The document's finding was booked after all: its open cases are over."""
    for row in await tx.dicts(sql.find_booked, cause=cause, reference_id=reference_id, sku_ids=list(sku_ids)):
        await end(tx, await lock_case(tx, row["id"]), "resolved", broken=[], note=None, actor=actor)


def _adjusting(items: list[MoveItem], reason: str, actor: str, *, reference_id: str | None = None) -> MoveAsk:
    return MoveAsk(
        actor=actor,
        event_type="inventory.adjusted",
        movement_type="adjustment",
        reference_type="adjustment",
        reference_id=reference_id,
        reason=reason,
        items=items,
    )


async def _opened(tx: Tx, row: dict[str, Any], actor: str) -> Shortage:
    """Tell of a case that was opened or found anew."""
    case = await get_case(tx, row["id"])
    await _tell(tx, "shortage.opened" if row["version"] == 1 else "shortage.changed", case, actor)
    if row["version"] == 1:
        facts = {
            "number": case.number,
            "sku_code": case.sku_code,
            "warehouse_code": case.warehouse_code,
            "missing": case.missing_quantity,
            "reserved": case.reserved_quantity,
            "reason": case.reason,
        }
        await queue_inbox(tx, kind="shortage", facts=facts, dedupe_key=f"shortage:{case.id}")
    return case


async def _tell(tx: Tx, event_type: str, case: Shortage, actor: str) -> None:
    data = {
        "shortage_id": str(case.id),
        "number": case.number,
        "status": case.status,
        "cause": case.cause,
        "reference_id": case.reference_id,
        "sku_id": str(case.sku_id),
        "warehouse_id": str(case.warehouse_id),
        "change": case.change,
        "missing": case.missing_quantity,
        "broken": case.broken,
    }
    await tx.run(sql.write_event, event_type=event_type, sku_ids=[case.sku_id], data=Json(data))
    await audit.record(tx, actor=actor, action=event_type, subject=f"shortage:{case.id}", **data)
