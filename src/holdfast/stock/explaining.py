"""Every figure with the entries that make it (promise P10), and stock as of any instant, both by index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from holdfast.catalog.service import escaped
from holdfast.db import Tx, statements
from holdfast.kernel.errors import NotFound
from holdfast.stock import service
from holdfast.stock.model import ActiveLine, PastLevel

sql = statements("holdfast.stock", "explaining.sql")

# What is older is told as one opening balance; the statement of the level has every entry.
ENTRIES_MAX: Final = 500
HOLDS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """One entry of a level with the balance before and after it."""

    id: UUID
    seq: int
    movement_type: str
    quantity: int
    bucket: str
    state: str | None
    balance_before: int
    balance_after: int
    unsellable_after: int
    cost_after: Decimal | None
    unit_cost: Decimal | None
    reference_type: str
    reference_id: str | None
    reason: str
    actor: str
    occurred_at: datetime
    created_at: datetime
    undoes: UUID | None


async def list_levels_as_of(
    tx: Tx,
    as_of: datetime,
    *,
    limit: int,
    after: list[str] | None,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    category: str | None = None,
    q: str | None = None,
) -> list[PastLevel]:
    """One page and one row more of what each level was, by the time entries were written."""
    bounds = (await tx.dicts(sql.ledger_bounds))[0]
    # With a month missing between others, entries of it are in the default partition, which is then read with the rest.
    is_whole = bool(bounds["are_gapless"])
    await tx.run(sql.plan_for_this_instant)
    return await tx.all(
        sql.list_levels_as_of,
        PastLevel,
        as_of=as_of,
        from_month=bounds["first_month"] if is_whole else "-infinity",
        end_of_months=bounds["end_of_months"] if is_whole else "infinity",
        sku_id=sku_id,
        warehouse_id=warehouse_id,
        category=category,
        q=q,
        pattern=None if q is None else f"%{escaped(q)}%",
        after_code=after[0] if after else None,
        after_warehouse=after[1] if after else None,
        limit=limit + 1,
    )


async def list_statement(
    tx: Tx,
    sku_id: UUID,
    warehouse_id: UUID,
    *,
    since: datetime | None,
    until: datetime | None,
    before: tuple[datetime, int] | None,
    limit: int,
) -> tuple[list[StatementEntry], int]:
    """One page and one entry more of a level's ledger after ``since`` up to ``until``, newest first, and the balance
    after the newest: that of the whole time when nothing moved in it.

    Raises NotFound(``sku_not_found``).
    """
    place = {
        "sku_id": sku_id,
        "warehouse_id": warehouse_id,
        "until": until,
        "before_created_at": before[0] if before else None,
        "before_seq": before[1] if before else None,
    }
    entries = await tx.all(sql.list_statement, StatementEntry, **place, since=since, limit=limit + 1)
    if entries:
        return entries, entries[0].balance_after
    balance = await tx.value(sql.balance_of_level, **place)
    if balance is None:
        raise NotFound("sku_not_found", "This SKU has no stock record there.")
    return entries, balance


async def explain(tx: Tx, sku_id: UUID, warehouse_id: UUID | None) -> dict[str, Any]:
    """Every figure of a SKU with the entries that add up to it: ``ENTRIES_MAX`` per level after an opening balance.

    Raises NotFound(``sku_not_found``).
    """
    place = {"sku_id": sku_id, "warehouse_id": warehouse_id}
    levels = await tx.dicts(sql.explain_levels, **place)
    if not levels:
        raise NotFound("sku_not_found", "This SKU has no stock record there.")
    entries = await tx.dicts(sql.explain_entries, **place, entries_max=ENTRIES_MAX)
    holds = await service.list_active_lines(tx, [sku_id])
    inbound = await tx.dicts(sql.explain_inbound, **place)
    pools = await tx.dicts(sql.explain_pools, **place)
    costs = {row["warehouse_id"]: row for row in await tx.dicts(sql.explain_cost, **place)}
    return {
        "sku_id": sku_id,
        "levels": [
            {
                "warehouse_id": level["warehouse_id"],
                "warehouse_code": level["warehouse_code"],
                "on_hand": _on_hand(level, entries),
                "reserved": _reserved(level, holds),
                "unavailable": {
                    "quantity": level["unavailable_quantity"],
                    "adds_up": level["unavailable_quantity"]
                    == level["ledger_unavailable"]
                    == sum(s["quantity"] for s in level["states"]),
                    "states": level["states"],
                },
                "available": _available(level),
                "pooled": _pooled(level, pools),
                "in_transit": _inbound(level, inbound),
                "backordered": {
                    "quantity": level["backordered_quantity"],
                    "adds_up": level["backordered_quantity"] == level["backordered_sum"],
                },
                "cost": _cost(level, costs.get(level["warehouse_id"])),
            }
            for level in levels
        ],
    }


def _on_hand(level: dict[str, Any], entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    here = [entry for entry in entries if entry["warehouse_id"] == level["warehouse_id"]]
    first = next((entry for entry in here if entry["opening_quantity"] is not None), None)
    opening = first["opening_quantity"] if first else 0
    total = opening + sum(entry["quantity"] for entry in here)
    hidden = ("warehouse_id", "opening_quantity", "opening_before")
    return {
        "quantity": level["on_hand_quantity"],
        "adds_up": level["on_hand_quantity"] == level["ledger_on_hand"] == total,
        "opening": {"quantity": opening, "before": first["opening_before"] if first else None},
        "entries": [{k: v for k, v in entry.items() if k not in hidden} for entry in here],
    }


def _reserved(level: dict[str, Any], holds: Sequence[ActiveLine]) -> dict[str, Any]:
    here = [hold for hold in holds if hold.warehouse_id == level["warehouse_id"]]
    shown = here[:HOLDS_MAX]
    return {
        "quantity": level["reserved_quantity"],
        "adds_up": level["reserved_quantity"] == level["active_sum"],
        # so many units are held by reservations that are not listed
        "not_listed": sum(hold.quantity for hold in here[HOLDS_MAX:]),
        "entries": [
            {
                "reservation_id": hold.reservation_id,
                "quantity": hold.quantity,
                "reference_type": hold.reference_type,
                "reference_id": hold.reference_id,
                "expires_at": hold.expires_at,
            }
            for hold in shown
        ],
    }


def _available(level: dict[str, Any]) -> dict[str, Any]:
    arithmetic = [
        {"key": "on_hand", "quantity": level["on_hand_quantity"]},
        {"key": "reserved", "quantity": -level["reserved_quantity"]},
        {"key": "unavailable", "quantity": -level["unavailable_quantity"]},
    ]
    return {"quantity": level["available_quantity"], "arithmetic": arithmetic}


def _pooled(level: dict[str, Any], pools: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What is kept for single channels; ``free`` is what is available and kept for none."""
    here = [pool for pool in pools if pool["warehouse_id"] == level["warehouse_id"]]
    return {
        "quantity": level["pooled_quantity"],
        "adds_up": level["pooled_quantity"] == sum(p["remaining_quantity"] for p in here)
        and all(p["taken_quantity"] == p["held"] + p["sold"] for p in here),
        "free": max(0, level["available_quantity"] - level["pooled_quantity"]),
        "entries": [{k: v for k, v in pool.items() if k != "warehouse_id"} for pool in here],
    }


def _inbound(level: dict[str, Any], inbound: Sequence[dict[str, Any]]) -> dict[str, Any]:
    here = [line for line in inbound if line["warehouse_id"] == level["warehouse_id"]]
    by_source = {
        source: sum(line["quantity"] for line in here if line["source"] == source)
        for source in ("purchase", "transfer")
    }
    return {
        "quantity": level["in_transit_quantity"],
        "adds_up": level["in_transit_quantity"] == sum(by_source.values()),
        **by_source,
        "entries": [{k: v for k, v in line.items() if k != "warehouse_id"} for line in here],
    }


def _cost(level: dict[str, Any], found: dict[str, Any] | None) -> dict[str, Any]:
    """The moving average and the entry or correction that left it; the value of what is on hand."""
    cost = level["cost_price"]
    told: dict[str, Any] = {"unit_cost": cost, "currency": level["currency"]}
    told["value"] = None if cost is None else cost * level["on_hand_quantity"]
    if found is None:
        return {**told, "adds_up": cost is None}
    by_correction = found["correction_id"] is not None
    return {
        **told,
        "adds_up": cost == (found["corrected_cost"] if by_correction else found["cost_after"]),
        "movement_id": found["movement_id"],
        "correction_id": found["correction_id"],
        "since": found["corrected_at"] if by_correction else found["created_at"],
    }
