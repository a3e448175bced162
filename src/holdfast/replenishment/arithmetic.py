"""The arithmetic of one suggestion: lines that add up to its quantity, for people and for audit."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from holdfast.replenishment.limits import Cap
from holdfast.replenishment.model import UNSET, Mode, Plan

Fact = int | float | str

_CAP_KEYS = {Cap.MAX_STOCK: "max_stock_cap", Cap.SHELF_LIFE: "shelf_life_cap", Cap.END_OF_LIFE: "end_of_life_cap"}


@dataclass(frozen=True, slots=True)
class ArithmeticLine:
    """One leaf: `sign` · `amount` units, why (`key`, a stable word the console translates), its facts."""

    key: str
    sign: Literal[1, -1]
    amount: int
    facts: Mapping[str, Fact]

    def as_json(self) -> dict[str, object]:
        return {"key": self.key, "sign": self.sign, "amount": self.amount, "facts": dict(self.facts)}


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures behind one pair, as plain numbers. Fields as in Terms, Position, Levels and Orders."""

    mode: Mode
    daily_mean: float
    daily_sd: float
    lead_days: float
    lead_days_sd: float
    review_days: float
    cycle_service_level: float
    expected_demand: int
    buffer: int
    manual_shift: int
    lot: int
    max_cut: int
    manual_reorder_point: int
    max_stock: int
    available: int
    in_transit: int
    approved: int
    backordered: int
    later: int
    triggered: bool
    bridging: bool
    need: int
    fill_rate: float | None
    cap: Cap = field(default=Cap.MAX_STOCK, kw_only=True)
    break_raise: int = field(default=0, kw_only=True)
    break_at: int = field(default=0, kw_only=True)
    supplier_cut: int = field(default=0, kw_only=True)
    left_for_later: int = field(default=0, kw_only=True)
    supplier_max: int = field(default=0, kw_only=True)
    season_factor: float = field(default=1.0, kw_only=True)
    occasion_factor: float = field(default=1.0, kw_only=True)
    by_odds: bool = field(default=False, kw_only=True)
    rounding: int
    minimum_raise: int
    max_reduction: int
    over_max: bool
    moq: int
    order_multiple: int
    quantity: int

    @property
    def reorder_point(self) -> int:
        return self.expected_demand + self.buffer + self.manual_shift

    @property
    def position(self) -> int:
        return self.available + self.in_transit + self.approved - self.backordered

    @property
    def order_up_to(self) -> int:
        return self.reorder_point + self.lot - self.max_cut


def figures_of(plan: Plan, row: int, cap: Cap = Cap.MAX_STOCK) -> Figures:
    """The figures of pair number `row`; `cap` says what set its maximum."""
    terms, position, levels, orders = plan.terms, plan.position, plan.levels, plan.orders
    return Figures(
        mode=Mode(int(terms.mode[row])),
        daily_mean=float(plan.daily_mean[row]),
        daily_sd=float(plan.daily_sd[row]),
        lead_days=float(terms.lead_days[row]),
        lead_days_sd=float(terms.lead_days_sd[row]),
        review_days=float(terms.review_days[row]),
        cycle_service_level=float(terms.cycle_service_level[row]),
        expected_demand=int(levels.expected_demand[row]),
        buffer=int(levels.buffer[row]),
        manual_shift=int(levels.manual_shift[row]),
        lot=int(levels.lot[row]),
        max_cut=int(levels.max_cut[row]),
        manual_reorder_point=int(terms.manual_reorder_point[row]),
        max_stock=int(terms.max_stock[row]),
        available=int(position.available[row]),
        in_transit=int(position.in_transit[row]),
        approved=int(position.approved[row]),
        backordered=int(position.backordered[row]),
        later=int(position.later[row]),
        triggered=bool(orders.triggered[row]),
        bridging=bool(orders.bridging[row]),
        need=int(orders.need[row]),
        fill_rate=None if math.isnan(terms.fill_rate[row]) else float(terms.fill_rate[row]),
        cap=cap,
        season_factor=float(plan.season_factor[row]),
        occasion_factor=float(plan.occasion_factor[row]),
        by_odds=bool(terms.by_odds[row]),
        rounding=int(orders.rounding[row]),
        minimum_raise=int(orders.minimum_raise[row]),
        max_reduction=int(orders.max_reduction[row]),
        over_max=bool(orders.over_max[row]),
        moq=int(terms.moq[row]),
        order_multiple=int(terms.order_multiple[row]),
        quantity=int(orders.quantity[row]),
    )


def explain(figures: Figures) -> tuple[ArithmeticLine, ...]:
    """Lines in reading order whose signed amounts sum to `figures.quantity` exactly, ordered or not.

    For a pair that is not triggered the last line takes the rest away and says where the reorder point is.
    Where what is on order comes too late only the gap before it is ordered: no lot, and `comes_later` counts nothing.
    Lines that would be zero are left out, except expected demand, buffer and available, which people look for, and
    `comes_later`, which explains why an order is not in the sum.
    """
    f = figures
    lines = [
        _line("expected_demand", f.expected_demand, **_demand_facts(f)),
        _line("buffer", f.buffer, **_service_facts(f))
        if f.fill_rate is None
        else _line("fill_buffer", f.buffer, fill_rate=f.fill_rate, lead_days_sd=f.lead_days_sd),
        _line("manual_level", f.manual_shift, reorder_point=f.manual_reorder_point),
        *_lot_lines(f),
        _line("available", -f.available),
        *_inbound_lines(f),
        _line("backordered", f.backordered),
    ]
    if f.triggered:
        packs = -(-f.quantity // max(f.order_multiple, 1))
        lines += [
            _line("whole_lots", 0 if f.bridging else f.need - (f.order_up_to - f.position), lot=f.lot),
            _line("order_multiple", f.rounding, order_multiple=f.order_multiple, packs=packs),
            _line("minimum_order", f.minimum_raise, moq=f.moq),
            _line("max_stock_room", -f.max_reduction, max_stock=f.max_stock),
            _line("price_break", f.break_raise, break_at=f.break_at),
            _line("left_for_later", -f.left_for_later),
            _line("supplier_max", -f.supplier_cut, supplier_max=f.supplier_max),
        ]
    else:
        gap = f.order_up_to - f.position
        lines.append(_line("no_order", -gap, reorder_point=f.reorder_point, position=f.position, mode=f.mode.name))
    shown = ("expected_demand", "buffer", "fill_buffer", "available", "comes_later")
    return tuple(line for line in lines if line.amount or line.key in shown)


# Which part of the sum a leaf belongs to; what is not named here was done to the quantity at the end.
_PARTS: dict[str, tuple[str, ...]] = {
    "reorder_point": ("expected_demand", "buffer", "fill_buffer", "manual_level"),
    "lot": ("order_lot", *_CAP_KEYS.values()),
    "position": ("available", "in_transit", "approved", "due_later", "comes_later", "backordered"),
}


@dataclass(frozen=True, slots=True)
class Branch:
    """A part of the sum and its leaves: ``reorder_point``, ``lot``, ``position`` and ``supplier``."""

    key: str
    leaves: tuple[ArithmeticLine, ...]

    @property
    def amount(self) -> int:
        """Signed, in units."""
        return total_of(self.leaves)


def tree_of(lines: tuple[ArithmeticLine, ...]) -> tuple[Branch, ...]:
    """The same leaves by part, in reading order; the branches sum to what the leaves sum to.

    Empty parts are left out.
    """
    known = {key for keys in _PARTS.values() for key in keys}
    parts = {part: tuple(line for line in lines if line.key in keys) for part, keys in _PARTS.items()}
    parts["supplier"] = tuple(line for line in lines if line.key not in known)
    return tuple(Branch(key, leaves) for key, leaves in parts.items() if leaves)


def total_of(lines: tuple[ArithmeticLine, ...]) -> int:
    """What the leaves add up to."""
    return sum(line.sign * line.amount for line in lines)


def reason_of(figures: Figures) -> str:
    """One stable word for why: `backordered`, `stockout`, `runs_out_before_delivery`, `below_reorder_point`,
    `inbound_too_late` when what is on order comes after the need, and `over_max_stock` when the smallest order does
    not fit under the maximum."""
    f = figures
    if f.over_max:
        return "over_max_stock"
    if f.bridging:
        return "inbound_too_late"
    if f.backordered > f.available:
        return "backordered"
    if f.available <= 0:
        return "stockout"
    if f.daily_mean > 0 and f.available / f.daily_mean < f.lead_days:
        return "runs_out_before_delivery"
    return "below_reorder_point"


def _lot_lines(f: Figures) -> list[ArithmeticLine]:
    if f.bridging:
        return [_line(_CAP_KEYS[f.cap], min(f.lot - f.max_cut, 0), max_stock=f.max_stock)]
    return [
        _line("order_lot", f.lot, lot_days=_days(f.lot, f.daily_mean)),
        _line(_CAP_KEYS[f.cap], -f.max_cut, max_stock=f.max_stock),
    ]


def _inbound_lines(f: Figures) -> list[ArithmeticLine]:
    """What is on order. `later` is part of in transit first; only what was not sent yet can exceed it."""
    later_in_transit = min(f.later, f.in_transit)
    later_approved = f.later - later_in_transit
    lines = [
        _line("in_transit", later_in_transit - f.in_transit),
        _line("approved", later_approved - f.approved),
    ]
    if f.later:
        facts: dict[str, Fact] = {"units": f.later, "days": round(f.lead_days + f.review_days, 1)}
        lines.append(_line("comes_later", 0, **facts) if f.bridging else _line("due_later", -f.later, **facts))
    return lines


def _demand_facts(f: Figures) -> dict[str, Fact]:
    facts: dict[str, Fact] = {
        "daily_mean": round(f.daily_mean, 3),
        "daily_sd": round(f.daily_sd, 3),
        "lead_days": round(f.lead_days, 1),
        "review_days": round(f.review_days, 1),
    }
    # The mean has both in it. The calendar first: its sentence is the one to read where both speak.
    for name, factor in (("occasion_factor", f.occasion_factor), ("season_factor", f.season_factor)):
        if abs(factor - 1.0) >= 0.005:
            facts[name] = round(factor, 3)
    return facts


def _service_facts(f: Figures) -> dict[str, Fact]:
    facts: dict[str, Fact] = {"cycle_service_level": f.cycle_service_level, "lead_days_sd": f.lead_days_sd}
    return facts | {"found_on": "own past"} if f.by_odds else facts


def _days(units: int, daily_mean: float) -> float:
    return round(units / daily_mean, 1) if daily_mean > 0 else 0.0


def _line(key: str, signed: int, **facts: Fact) -> ArithmeticLine:
    known = {name: value for name, value in facts.items() if value != UNSET}
    return ArithmeticLine(key, 1 if signed >= 0 else -1, abs(signed), known)
