"""What the page of one SKU shows. Pure: rows in, a frozen view out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from holdfast.replenishment.wording import SumLine

PAST_DAYS = 90
AHEAD_DAYS = 45


class State(StrEnum):
    """What the sentence beside the name says, worst first."""

    OUT = "out"
    RUNS_OUT_FIRST = "runs_out_first"
    LOW = "low"
    OVER = "over"
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Sku:
    id: UUID
    code: str
    name: str
    category: str | None
    unit: str
    price: Decimal | None
    currency: str | None
    is_archived: bool
    today: date
    has_channels: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """One level: this SKU in one warehouse. Points are what holds now: a person's, else the computed one. ``pooled`` is
    kept for single channels, there or still to come.
    """

    warehouse_id: UUID
    warehouse_code: str
    warehouse_name: str
    available: int
    reserved: int
    unavailable: int
    in_transit: int
    reorder_point: int | None
    max_stock: int | None
    is_computed: bool
    cost: Decimal | None = None
    pooled: int = 0

    @property
    def sellable(self) -> int:
        return self.available + self.reserved


@dataclass(frozen=True, slots=True)
class Forecast:
    """Demand of this SKU at one warehouse. The band holds 80 % of outcomes, cumulative, one entry per day."""

    warehouse_id: UUID
    daily_mean: float
    daily_sd: float
    band_low: list[float]
    band_high: list[float]


@dataclass(frozen=True, slots=True)
class DayMove:
    """Net change of what was sellable, reserved included, on one day at one warehouse."""

    day: date
    quantity: int


@dataclass(frozen=True, slots=True)
class Inbound:
    order_id: UUID
    number: str
    quantity: int
    expected_at: date | None
    supplier: str


@dataclass(frozen=True, slots=True)
class OpenSuggestion:
    """A pending suggestion and its arithmetic as stored."""

    id: UUID
    version: int
    warehouse_id: UUID
    warehouse_name: str
    supplier: str | None
    quantity: int
    lead_days: float
    cost: Decimal | None
    currency: str | None
    arithmetic: Any
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """A suggestion as the page offers it: the words of its button and the lines that add up to it."""

    value: str
    warehouse_name: str
    quantity: int
    approve: str
    lines: tuple[SumLine, ...]
    planned_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger; `can_undo` when it belongs to an action that nobody took back."""

    id: UUID
    occurred_at: datetime
    movement_type: str
    quantity: int
    bucket: str
    balance_after: int
    warehouse_code: str
    reference_type: str
    reference_id: str | None
    reason: str
    actor: str
    can_undo: bool
    is_undo: bool


@dataclass(frozen=True, slots=True)
class Hold:
    reservation_id: UUID
    reference_type: str
    reference_id: str
    quantity: int
    warehouse_code: str
    reserved_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ShownEntry:
    id: UUID
    occurred_at: datetime
    what: str
    quantity: int
    balance_after: int
    warehouse_code: str
    reference_id: str | None
    actor: str
    can_undo: bool


@dataclass(frozen=True, slots=True)
class ShownHold:
    reference_id: str
    kind: str
    quantity: int
    warehouse_code: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Figures:
    """The row of figures: the sum over the places shown. `value` is of the units whose cost is known."""

    available: int
    reserved: int
    unavailable: int
    in_transit: int
    sells_per_day: float | None
    sells_spread: float | None
    cover_days: float | None
    lead_days: float | None
    value: Decimal | None = None
    unit_cost: Decimal | None = None

    @property
    def is_irregular(self) -> bool:
        """Sells in bursts: the spread of a day says nothing a person could use."""
        return self.sells_spread is not None and self.sells_spread > 2 * (self.sells_per_day or 0)


@dataclass(frozen=True, slots=True)
class ShortPlace:
    """The warehouse that is empty first, if it is empty before an order placed now would arrive."""

    warehouse_name: str
    days: int
    is_empty: bool


@dataclass(frozen=True, slots=True)
class SkuBatch:
    id: UUID
    number: str
    expiry_date: date | None
    state: str
    sellable: int
    unsellable: int
    days_left: int | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Someone who waits for units that are not here. `kind` is backorder (with its promised day) or list."""

    kind: str
    reference_id: str
    quantity: int
    warehouse: str | None
    day: date | None
    since: datetime


@dataclass(frozen=True, slots=True)
class SkuView:
    sku: Sku
    state: State
    figures: Figures
    places: tuple[Place, ...]
    warehouse_id: UUID | None
    inbound: tuple[Inbound, ...]
    decisions: tuple[Decision, ...]
    chart: Mapping[str, object]
    entries: tuple[ShownEntry, ...]
    holds: tuple[ShownHold, ...]
    short: ShortPlace | None
    batches: tuple[SkuBatch, ...]
    waiting: tuple[Waiting, ...]
    may_decide: bool
    may_adjust: bool

    @property
    def widest(self) -> int:
        """The length of a whole bar: the fullest place, so that bars compare."""
        return max((p.sellable + p.in_transit for p in self.places), default=0)

    @property
    def first(self) -> Decision | None:
        """The decision the page's one action is about."""
        return self.decisions[0] if self.decisions else None


@dataclass(frozen=True, slots=True)
class Outlook:
    """Stock to come, one value per day from today: expected, and the band that holds 80 % of outcomes."""

    expected: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    runs_out_after: int | None


def figures_of(places: Sequence[Place], forecasts: Sequence[Forecast], lead_days: float | None) -> Figures:
    """Means add up; spreads add as squares, taking warehouses as independent."""
    mean = sum(f.daily_mean for f in forecasts) if forecasts else None
    available = sum(p.available for p in places)
    valued = [(p.sellable + p.unavailable, p.cost) for p in places if p.cost is not None]
    value, units = sum((n * cost for n, cost in valued), Decimal()), sum(n for n, _ in valued)
    return Figures(
        available=available,
        reserved=sum(p.reserved for p in places),
        unavailable=sum(p.unavailable for p in places),
        in_transit=sum(p.in_transit for p in places),
        sells_per_day=mean,
        sells_spread=math.sqrt(sum(f.daily_sd**2 for f in forecasts)) if forecasts else None,
        cover_days=available / mean if mean else None,
        lead_days=lead_days,
        value=value if valued else None,
        unit_cost=value / units if units else None,
    )


def state_of(places: Sequence[Place], figures: Figures) -> State:
    if figures.available == 0:
        return State.OUT
    if figures.cover_days is not None and figures.lead_days and figures.cover_days < figures.lead_days:
        return State.RUNS_OUT_FIRST
    if any(p.reorder_point is not None and p.available + p.in_transit <= p.reorder_point for p in places):
        return State.LOW
    if any(p.max_stock is not None and p.available > p.max_stock for p in places):
        return State.OVER
    return State.FINE


def short_place(places: Sequence[Place], forecasts: Sequence[Forecast], lead_days: float | None) -> ShortPlace | None:
    """A SKU may last long in sum and still be gone where people buy it."""
    means = {f.warehouse_id: f.daily_mean for f in forecasts}
    covers = [(p.available / mean, p) for p in places if (mean := means.get(p.warehouse_id, 0.0)) > 0]
    if not covers or not lead_days:
        return None
    days, place = min(covers, key=lambda pair: pair[0])
    if days >= lead_days:
        return None
    return ShortPlace(place.warehouse_name, int(days), place.available == 0)


def past_levels(today: date, sellable_now: int, moves: Sequence[DayMove]) -> list[tuple[date, int]]:
    """Stock at the end of each day, read backwards from what is there now."""
    change: dict[date, int] = {}
    for move in moves:
        change[move.day] = change.get(move.day, 0) + move.quantity
    levels: list[tuple[date, int]] = []
    level = sellable_now
    for back in range(PAST_DAYS + 1):
        day = today - timedelta(days=back)
        levels.append((day, level))
        level -= change.get(day, 0)
    levels.reverse()
    return levels


def outlook_of(today: date, *, available: int, forecasts: Sequence[Forecast], inbound: Sequence[Inbound]) -> Outlook:
    """Walk the coming days: what is there less the demand of the day, plus what arrives; never below zero.

    Means of warehouses add up, their distances to the edge of the band as squares (independent demand). The line
    is the mean, as days of cover are: the median of a rare seller is zero for weeks.
    """
    arrives: dict[int, int] = {}
    for one in inbound:
        if one.expected_at is not None and one.expected_at > today:
            after = (one.expected_at - today).days
            arrives[after] = arrives.get(after, 0) + one.quantity
    days = range(1, AHEAD_DAYS + 1) if forecasts else range(0)
    mid = [sum(f.daily_mean for f in forecasts) * n for n in days]
    below = [math.hypot(*(max(0.0, f.daily_mean * n - f.band_low[n - 1]) for f in forecasts)) for n in days]
    above = [math.hypot(*(max(0.0, f.band_high[n - 1] - f.daily_mean * n) for f in forecasts)) for n in days]
    expected = _walk(available, mid, arrives)
    worst = _walk(available, [m + a for m, a in zip(mid, above, strict=True)], arrives)
    best = _walk(available, [max(0.0, m - b) for m, b in zip(mid, below, strict=True)], arrives)
    empty = next((n for n, level in enumerate(expected) if level <= 0), None)
    return Outlook(tuple(expected), tuple(worst), tuple(best), empty)


def _walk(start: int, cumulative: Sequence[float], arrives: Mapping[int, int]) -> list[float]:
    level, before, levels = float(start), 0.0, [float(start)]
    for n, total in enumerate(cumulative, start=1):
        level = max(0.0, level - max(0.0, total - before)) + arrives.get(n, 0)
        before = max(before, total)
        levels.append(round(level, 1))
    return levels


def chart_of(
    sku: Sku, places: Sequence[Place], moves: Sequence[DayMove], outlook: Outlook, inbound: Sequence[Inbound]
) -> dict[str, object]:
    """The points of the picture: times in milliseconds UTC, as ECharts wants them."""
    points = [p.reorder_point for p in places if p.reorder_point is not None]

    def at(day: date) -> int:
        return int(datetime.combine(day, time(), UTC).timestamp() * 1000)

    def ahead(levels: Sequence[float]) -> list[tuple[int, float]]:
        return [(at(sku.today + timedelta(days=n)), level) for n, level in enumerate(levels)]

    past = past_levels(sku.today, sum(p.sellable for p in places), moves)
    known = len(outlook.expected) > 1
    gone = outlook.runs_out_after
    return {
        "past": [(at(day), level) for day, level in past],
        "expected": ahead(outlook.expected) if known else [],
        "low": ahead(outlook.low) if known else [],
        "high": ahead(outlook.high) if known else [],
        "reorder_point": sum(points) if points else None,
        "runs_out": (at(sku.today + timedelta(days=gone)), 0) if known and gone else None,
        "inbound": [
            {
                "at": at(one.expected_at),
                "level": outlook.expected[(one.expected_at - sku.today).days],
                "quantity": one.quantity,
                "number": one.number,
            }
            for one in inbound
            if known and one.expected_at and 0 < (one.expected_at - sku.today).days < len(outlook.expected)
        ],
    }
