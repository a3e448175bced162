"""How the demand of a day was made (promise P10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from holdfast.db import Tx
from holdfast.demand import planners, store
from holdfast.demand.planners import DemandLine
from holdfast.demand.store import DemandDay
from holdfast.kernel.errors import NotFound

LINES_MAX = 500


@dataclass(frozen=True, slots=True)
class DayPart:
    """One figure of a day and how it was made. ``units`` of net demand add up; the others stand beside it."""

    part: str
    units: float
    is_part_of_demand: bool
    made_by: str


@dataclass(frozen=True, slots=True)
class RefusedAttempt:
    """The most one cart, order or minute was short of."""

    requested: int
    available: int
    at: datetime


@dataclass(frozen=True, slots=True)
class EmptyTime:
    """``cause``: empty (nothing sellable there, by the ledger) or promised (all of it was). null: since ever; still."""

    cause: str
    empty_from: datetime | None
    empty_until: datetime | None


@dataclass(frozen=True, slots=True)
class DemandExplained:
    """A day in parts. ``lines`` are the first 500 behind it; ``adds_up``: imports and lines make the quantity."""

    sku_id: UUID
    warehouse_id: UUID
    day: date
    quantity: int
    parts: list[DayPart]
    lines: list[DemandLine]
    refusals: list[RefusedAttempt]
    empty_times: list[EmptyTime]
    adds_up: bool


async def explain(tx: Tx, sku_id: UUID, warehouse_id: UUID, day: date) -> DemandExplained:
    """Raises NotFound(``demand_not_found``) for a day of which nothing is kept."""
    level: dict[str, Any] = {"sku_id": sku_id, "warehouse_id": warehouse_id}
    found = await store.list_demand(tx, before=None, limit=1, **level, since=day, until=day)
    if not found:
        raise NotFound("demand_not_found", "Nothing was wanted of this SKU there on this day, as far as is known.")
    kept = found[0]
    lines = await planners.list_lines(
        tx, sku_id=sku_id, warehouse_id=warehouse_id, since=day, until=day, limit=LINES_MAX
    )
    summed = sum(line.quantity for line in lines)
    return DemandExplained(
        sku_id,
        warehouse_id,
        day,
        kept.quantity,
        _parts(kept),
        lines[:LINES_MAX],
        await tx.all(store.sql.list_refusals, RefusedAttempt, **level, day=day),
        await tx.all(store.sql.list_empty_times, EmptyTime, **level, day=day),
        len(lines) > LINES_MAX or summed + kept.imported_quantity == kept.quantity,
    )


def _parts(kept: DemandDay) -> list[DayPart]:
    rate = kept.lost_quantity / kept.empty_share if kept.lost_quantity is not None and kept.empty_share else None
    lost_by = (
        "no rate is known: fewer than 7 of the 90 days before were seen"
        if rate is None
        else f"{rate:.4g} units a day, the mean of 90 days before by time in stock, times {kept.empty_share:.3f}"
    )
    parts = [
        DayPart("imported", kept.imported_quantity, True, "taken over from a file, as it was given"),
        DayPart(
            "sold", kept.sold_quantity, True, "order lines on the day they were placed, and sales, less what was undone"
        ),
        DayPart("returned", -kept.returned_quantity, True, "what came back of lines of this day"),
        DayPart(
            "one_off",
            kept.bulk_quantity,
            False,
            "of what was sold: lines far above the usual, or so a planner says",
        ),
        DayPart(
            "refused",
            kept.refused_quantity,
            False,
            "asked for and refused for want of stock, once per order and day",
        ),
    ]
    if kept.empty_share:
        parts.append(DayPart("lost", kept.lost_quantity or 0.0, False, lost_by))
    parts.append(_read_by_forecast(kept))
    return parts


def _read_by_forecast(kept: DemandDay) -> DayPart:
    """What the forecast takes this day for, and why."""
    if not kept.observed:
        return DayPart("forecast", 0.0, False, "unknown: the shelf was empty from morning on and nothing sold")
    if kept.lost_quantity is None or not 0 < kept.empty_share < 1:
        return DayPart("forecast", float(kept.ordinary_quantity), False, "what was wanted, without one-offs")
    seen = 1.0 - kept.empty_share
    why = (
        f"seen for {seen:.3f} of the day: what was wanted then, without one-offs, and what would have sold in the rest"
    )
    return DayPart("forecast", kept.ordinary_quantity + kept.lost_quantity, False, why)
