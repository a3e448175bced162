"""What is promised before it is there: rules for backorders, promises dated by inbound, and the waiting list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg.types.json import Json

from holdfast.access import audit
from holdfast.cache import totals
from holdfast.db import Tx, statements
from holdfast.db.posting import Answer
from holdfast.kernel.errors import Conflict, Invalid, NotFound, Refusal
from holdfast.stock import service
from holdfast.stock.answers import refusal_of
from holdfast.stock.asks import ProlongAsk, ResolveAsk

sql = statements("holdfast.stock", "promises.sql")

Mode = Literal["never", "dated", "always"]

_NO_POLICY: dict[str, tuple[type[Refusal], str]] = {
    "sku_not_found": (NotFound, "There is no such SKU."),
    "unknown_warehouse": (Invalid, "There is no such warehouse."),
    "sku_is_bundle": (Conflict, "A bundle has no stock of its own; its components may wait."),
}


@dataclass(frozen=True, slots=True)
class BackorderPolicy:
    """Whether more than what is there may be promised; ``warehouse_id`` None: wherever nothing else is said."""

    warehouse_id: UUID | None
    mode: Mode
    quantity_max: int | None
    updated_by: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class WaitingEntry:
    """Somebody who wants units when some come free. ``ahead``: how many wait before it; None when it waits no more."""

    id: UUID
    place: int
    sku_id: UUID
    warehouse_id: UUID | None
    quantity: int
    reference_id: str
    status: str
    ahead: int | None
    reservation_id: UUID | None
    offered_at: datetime | None
    offer_expires_at: datetime | None
    created_at: datetime


async def list_policies(tx: Tx, sku_id: UUID) -> list[BackorderPolicy]:
    """The rules of a SKU, its general one first. Raises NotFound."""
    if not await tx.value(sql.sku_exists, sku_id=sku_id):
        raise NotFound("sku_not_found", "There is no such SKU.")
    return await tx.all(sql.list_policies, BackorderPolicy, sku_id=sku_id)


async def set_policy(
    tx: Tx, sku_id: UUID, *, warehouse_id: UUID | None, mode: Mode | None, quantity_max: int | None, actor: str
) -> list[BackorderPolicy]:
    """Set one rule; ``mode`` None takes it back. What is promised already stays promised.

    Raises NotFound, Invalid(``unknown_warehouse``), Conflict(``sku_is_bundle``).
    """
    facts = {"warehouse_id": warehouse_id, "mode": mode, "quantity_max": quantity_max}
    refused: str | None = await tx.value(sql.set_policy, sku_id=sku_id, actor=actor, **facts)
    if refused is not None:
        kind, detail = _NO_POLICY[refused]
        if kind is Invalid:
            raise Invalid.at(["warehouse_id"], refused, detail)
        raise kind(refused, detail)
    told = {**facts, "warehouse_id": None if warehouse_id is None else str(warehouse_id)}
    await audit.record(tx, actor=actor, action="backorders.policy_set", subject=f"sku:{sku_id}", **told)
    return await list_policies(tx, sku_id)


async def inbound_changed(tx: Tx, levels: Sequence[tuple[UUID, UUID]]) -> None:
    """Inbound of these (SKU, warehouse) was sent, dated, postponed or taken back: date the promises made against it.

    Call it after the lines of the document were written.
    """
    if levels:
        named = [{"sku_id": str(sku), "warehouse_id": str(warehouse)} for sku, warehouse in levels]
        await tx.run(sql.inbound_changed, levels=Json(named))
        tx.changed |= {totals(sku) for sku, _ in levels}


async def date_overdue(tx: Tx) -> int:
    """Promises whose inbound is late by now get another date, or none; answers how many levels were looked at."""
    levels: list[dict[str, str]] = await tx.value(sql.overdue_promises)
    await tx.run(sql.inbound_changed, levels=Json(levels))
    return len(levels)


async def join_waiting_list(
    tx: Tx,
    *,
    sku_id: UUID,
    warehouse_id: UUID | None,
    quantity: int,
    reference_id: str,
    offer_minutes: int,
    actor: str,
) -> WaitingEntry:
    """Wait for units of a SKU; what is free now and nobody waits for before is offered at once.

    Raises NotFound(``sku_not_found``), Invalid(``unknown_warehouse``), Conflict(``sku_archived`` | ``sku_is_bundle`` |
    ``warehouse_inactive``).
    """
    ask = {
        "sku_id": str(sku_id),
        "warehouse_id": None if warehouse_id is None else str(warehouse_id),
        "quantity": quantity,
        "reference_id": reference_id,
        "offer_minutes": offer_minutes,
        "actor": actor,
    }
    [row] = await tx.dicts(sql.wait, request=Json(ask))
    refusal = refusal_of(Answer(row["outcome"], row["facts"]))
    if refusal is not None:
        raise refusal
    tx.changed.add(totals(sku_id))
    entry_id = UUID(msgspec.json.decode(row["facts"])["entry_id"])
    await audit.record(
        tx,
        actor=actor,
        action="waiting_list.joined",
        subject=f"waiting_entry:{entry_id}",
        sku_id=str(sku_id),
        quantity=quantity,
        reference_id=reference_id,
    )
    return await get_entry(tx, entry_id)


async def get_entry(tx: Tx, entry_id: UUID) -> WaitingEntry:
    found = await tx.maybe(sql.get_entry, WaitingEntry, id=entry_id)
    if found is None:
        raise NotFound("waiting_entry_not_found", "There is no such entry on the waiting list.")
    return found


async def list_entries(tx: Tx, *, after: int | None, limit: int, **filters: Any) -> list[WaitingEntry]:
    """One page and one row more, in order of place. Filters: sku_id, warehouse_id, reference_id, status."""
    columns: dict[str, Any] = dict.fromkeys(("sku_id", "warehouse_id", "reference_id", "status")) | filters
    return await tx.all(sql.list_entries, WaitingEntry, after=after, limit=limit + 1, **columns)


async def leave_waiting_list(tx: Tx, entry_id: UUID, *, actor: str) -> None:
    """Wait no more; an offer is given back and goes to the next. Leaving twice is fine.

    Raises NotFound, Conflict(``offer_accepted``).
    """
    entry = await get_entry(tx, entry_id)
    if await tx.value(sql.stop_waiting, id=entry_id):
        await audit.record(tx, actor=actor, action="waiting_list.left", subject=f"waiting_entry:{entry_id}")
        return
    entry = await get_entry(tx, entry_id)
    if entry.status == "accepted":
        raise Conflict("offer_accepted", "The offer was accepted; cancel its reservation instead.")
    if entry.status == "offered":
        assert entry.reservation_id is not None
        ask = ResolveAsk(actor=actor, reservation_id=str(entry.reservation_id), action="release")
        await service.resolve(tx, ask)
        await audit.record(tx, actor=actor, action="waiting_list.declined", subject=f"waiting_entry:{entry_id}")


async def accept_offer(
    tx: Tx,
    entry_id: UUID,
    *,
    reference_type: Literal["order", "manual"],
    reference_id: str,
    minutes: int | None,
    actor: str,
) -> dict[str, Any]:
    """Turn what was offered into a reservation of the order; answers the reservation.

    Raises NotFound, Conflict(``not_offered`` | ``reservation_expired``).
    """
    entry = await get_entry(tx, entry_id)
    if entry.status in ("waiting", "cancelled", "accepted", "declined"):
        raise Conflict("not_offered", "There is no open offer to accept.", {"entry_status": entry.status})
    ask = ProlongAsk(
        actor=actor,
        reservation_id=str(entry.reservation_id),
        action="convert",
        minutes=minutes,
        extension_max=0,
        reference_type=reference_type,
        reference_id=reference_id,
    )
    reservation = await service.prolong(tx, ask)
    await audit.record(tx, actor=actor, action="waiting_list.accepted", subject=f"waiting_entry:{entry_id}")
    return reservation
