"""From lines, terms and limits to proposed orders, with every figure people look at. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from holdfast.replenishment.grouping import MEASURES, Asked, Grouped, Room, group_lines
from holdfast.replenishment.grouping_store import Considered, Head, Line
from holdfast.replenishment.order_limits import OrderLimit

Key = tuple[UUID, UUID, str]

CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class DraftedLine:
    line: Line
    order_no: int
    quantity: int
    cost: Decimal
    verdict: str
    why: str | None
    saves: Decimal
    waiting_costs: Decimal
    filling: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class DraftedOrder:
    key: Key
    order_no: int
    order_day: date | None
    lead_days: float
    verdict: str
    draft_value: Decimal
    value: Decimal
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Drafted:
    facts: dict[str, Any]
    orders: list[DraftedOrder]
    lines: list[DraftedLine]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A limit in the form of the choice: which orders it is for, and for one alone its number."""

    measure: str
    per: str  # order, truck, or a period
    orders: NDArray[np.bool_]
    most: Decimal
    before: Decimal
    order: int | None = None
    limit: OrderLimit | None = None


def draft_orders(seen: Considered, keys: Sequence[Key], heads: Sequence[Head], limits: Sequence[OrderLimit]) -> Drafted:
    """Orders by supplier, warehouse and currency, numbered from 1.

    Rates of exchange are not known here, so currencies are grouped one after another, the one that is asked for most
    first; room they share goes to the first.
    """
    kept = _kept(keys, heads, limits)
    used, gains = np.zeros(len(kept)), np.zeros(len(kept))
    orders: list[DraftedOrder] = []
    lines: list[DraftedLine] = []
    sums: list[dict[str, Any]] = []
    minimum = np.array([max(float((h.minimum_order_value or 0) - h.money), 0.0) for h in heads], np.float64)
    for currency in _currencies(seen):
        rows = np.array([n for n, line in enumerate(seen.lines) if line.currency == currency], np.int64)
        rooms = [
            Room(MEASURES.index(k.measure), k.orders, float(k.most - k.before) - used[n]) for n, k in enumerate(kept)
        ]
        found = group_lines(_rows_of(seen.asked, rows), rooms, minimum)
        used += found.used
        gains = np.maximum(gains, [_gain(k, found.prices[n], found.relaxed_most) for n, k in enumerate(kept)])
        mine = _lines(seen, rows, found, kept)
        lines += mine
        sums.append(_sum(currency, found, mine))
        orders += _orders(seen, keys, heads, kept, used, gains, mine, found)
    # The dearest to wait first, so that the first page is the one to look at.
    lines.sort(key=lambda n: (-n.waiting_costs, -n.saves, n.line.sku_id, n.line.warehouse_id))
    counts = {verdict: sum(n.verdict == verdict for n in lines) for verdict in ("goes", "partly", "waits", "fills_up")}
    facts = {
        "sums": sums,
        "limits": [_limit_facts(k, used[n], gains[n]) for n, k in enumerate(kept) if k.order is None],
        "lines": sum(n.line.id is not None for n in lines),
        "going": counts["goes"] + counts["partly"],
        "partly": counts["partly"],
        "waiting": counts["waits"],
        "filling": counts["fills_up"],
    }
    return Drafted(facts, orders, lines)


def _kept(keys: Sequence[Key], heads: Sequence[Head], limits: Sequence[OrderLimit]) -> list[_Kept]:
    """Limits of a period for all their orders, limits per order and trucks once for each order."""
    kept: list[_Kept] = []
    for limit in limits:
        covered = np.array([limit.covers(*key) for key in keys], np.bool_)
        if limit.per != "order":
            kept.append(_Kept(limit.measure, limit.per, covered, limit.most, limit.used, limit=limit))
            continue
        for n in np.flatnonzero(covered).tolist():
            before = getattr(heads[n], limit.measure)
            kept.append(_Kept(limit.measure, "order", _only(n, len(keys)), limit.most, before, n, limit))
    for n, head in enumerate(heads):
        for measure, most in (("volume_l", head.truck_volume_l), ("weight_kg", head.truck_weight_kg)):
            if most is not None:
                kept.append(_Kept(measure, "truck", _only(n, len(keys)), most, getattr(head, measure), n))
    return kept


def _only(number: int, orders: int) -> NDArray[np.bool_]:
    return np.arange(orders) == number


def _currencies(seen: Considered) -> list[str]:
    asked: dict[str, Decimal] = {}
    for line in seen.lines:
        asked[line.currency] = asked.get(line.currency, Decimal(0)) + line.unit_cost * line.wanted
    return sorted(asked, key=lambda currency: (-asked[currency], currency))


def _rows_of(asked: Asked, rows: NDArray[np.int64]) -> Asked:
    return Asked(
        waits=asked.waits.at(rows),
        position=asked.position[rows],
        wanted=asked.wanted[rows],
        moq=asked.moq[rows],
        multiple=asked.multiple[rows],
        margin=asked.margin[rows],
        early=asked.early[rows],
        break_from=asked.break_from[rows],
        unit_price=asked.unit_price[rows],
        per_unit=asked.per_unit[rows],
        order=asked.order[rows],
        is_filler=asked.is_filler[rows],
    )


def _lines(seen: Considered, rows: NDArray[np.int64], found: Grouped, kept: Sequence[_Kept]) -> list[DraftedLine]:
    """Fillers that are not needed are not mentioned."""
    lines: list[DraftedLine] = []
    numbers: list[int] = rows.tolist()
    for n, row in enumerate(numbers):
        line, quantity = seen.lines[row], int(found.quantity[n])
        is_filler = line.id is None
        if is_filler and quantity == 0:
            continue
        order = int(seen.asked.order[row])
        verdict = (
            "fills_up" if is_filler else "waits" if not quantity else "goes" if quantity == line.wanted else "partly"
        )
        stop = int(found.stopped_by[n])
        why = None
        if verdict in ("waits", "partly"):
            why = "below_minimum" if found.short[order] and stop < 0 else "nothing_left"
            why = f"{kept[stop].measure}:{kept[stop].per}" if stop >= 0 else why
        lost = 0.0 if is_filler else max(float(found.saves_all[n] - found.saves[n]), 0.0)
        lines.append(
            DraftedLine(
                line=line,
                order_no=order + 1,
                quantity=quantity,
                cost=_money(float(found.cost[n])),
                verdict=verdict,
                why=why,
                saves=_money(float(found.saves[n])),
                waiting_costs=_money(lost),
                filling=_as_far_as_needed(seen.fillings[row], line.wanted - quantity),
            )
        )
    return lines


def _as_far_as_needed(filling: dict[str, Any] | None, left: int) -> dict[str, Any] | None:
    """The sum of a filler still adds up where less than all of it fills the order."""
    if filling is None or left == 0:
        return filling
    rest: dict[str, Any] = {"key": "enough_for_minimum", "sign": -1, "amount": left, "facts": {}}
    return {**filling, "arithmetic": [*filling["arithmetic"], rest]}


def _orders(
    seen: Considered,
    keys: Sequence[Key],
    heads: Sequence[Head],
    kept: Sequence[_Kept],
    used: NDArray[np.float64],
    gains: NDArray[np.float64],
    lines: Sequence[DraftedLine],
    found: Grouped,
) -> list[DraftedOrder]:
    by_order: dict[int, list[DraftedLine]] = {}
    for line in lines:
        by_order.setdefault(line.order_no, []).append(line)
    orders: list[DraftedOrder] = []
    for number, mine in sorted(by_order.items()):
        at = number - 1
        head, value = heads[at], sum((n.cost for n in mine), Decimal(0))
        due = sum((n.line.unit_cost * n.line.wanted for n in mine if n.line.id is not None), Decimal(0))
        is_low = head.money + due < (head.minimum_order_value or 0)
        verdict = "goes" if value > 0 else "below_minimum" if found.short[at] and is_low else "nothing_fits"
        facts = {
            **_counts(mine),
            "minimum": None if head.minimum_order_value is None else str(head.minimum_order_value),
            "due": str(due.quantize(CENT)),
            "limits": [_limit_facts(k, used[n], gains[n]) for n, k in enumerate(kept) if k.order == at],
        }
        lead = float(seen.lead_days[seen.asked.order == at].max())
        orders.append(
            DraftedOrder(keys[at], number, head.order_day, lead, verdict, head.money.quantize(CENT), value, facts)
        )
    return orders


def _counts(lines: Sequence[DraftedLine]) -> dict[str, Any]:
    return {
        "lines": sum(n.quantity > 0 for n in lines),
        "waits": sum(n.verdict == "waits" for n in lines),
        "fills_up": sum(n.verdict == "fills_up" for n in lines),
        "filling_value": str(sum((n.cost for n in lines if n.verdict == "fills_up"), Decimal(0))),
        "saves": str(sum((n.saves for n in lines), Decimal(0))),
        "waiting_costs": str(sum((n.waiting_costs for n in lines), Decimal(0))),
    }


def _sum(currency: str, found: Grouped, lines: Sequence[DraftedLine]) -> dict[str, Any]:
    """``gap``: lost sales that any other choice could save at most beyond this one; ``gap_share`` of the bound."""
    return {
        "currency": currency,
        "value": str(sum((n.cost for n in lines), Decimal(0))),
        "saves": str(sum((n.saves for n in lines), Decimal(0))),
        "waiting_costs": str(sum((n.waiting_costs for n in lines), Decimal(0))),
        "gap": str(_money(found.gap)),
        "gap_share": round(found.gap / found.bound, 6) if found.bound > 0 else 0.0,
    }


def _limit_facts(kept: _Kept, adds: float, gain: float) -> dict[str, Any]:
    """``before`` and ``adds`` of ``most``; ``step`` more would save about ``gain`` of lost sales."""
    limit = kept.limit
    return {
        "order_limit_id": None if limit is None else str(limit.id),
        "measure": kept.measure,
        "per": kept.per,
        "supplier": None if limit is None else limit.supplier,
        "warehouse": None if limit is None else limit.warehouse,
        "currency": None if limit is None else limit.currency,
        "most": str(kept.most),
        "before": str(kept.before.quantize(Decimal("0.001"))),
        "adds": str(Decimal(adds).quantize(Decimal("0.001"))),
        "step": str(step_of(kept.most - kept.before)),
        "gain": str(_money(gain)),
    }


def step_of(most: Decimal) -> Decimal:
    """A round amount of about a tenth: 1, 2 or 5 with zeros. Never 0."""
    tenth = float(most) / 10.0
    if tenth <= 0:
        return Decimal(1)
    power = 10.0 ** math.floor(math.log10(tenth))
    first = next(n for n in (5, 2, 1) if n * power <= tenth * (1 + 1e-9))
    return Decimal(f"{first * power:.6f}").normalize() + 0


def _gain(kept: _Kept, price: float, most: float) -> float:
    """What one step more would save: at this price, and never more than all limits gone."""
    return min(price * float(step_of(kept.most - kept.before)), most)


def _money(value: float) -> Decimal:
    return Decimal(str(round(value, 2))).quantize(CENT)
