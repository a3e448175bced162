"""What a grouping reads: lines, what could fill orders up, the terms of their suppliers; and how it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from holdfast.db import Tx
from holdfast.demand import DemandForecast
from holdfast.demand.spread import LEVELS
from holdfast.replenishment import store
from holdfast.replenishment.arithmetic import Figures, explain, figures_of
from holdfast.replenishment.fill_rate import Waits
from holdfast.replenishment.grouping import Asked
from holdfast.replenishment.limits import Cap, within_limits
from holdfast.replenishment.model import DAYS_PER_YEAR, UNSET, Mode, Plan, plan_orders
from holdfast.replenishment.order_limits import sql
from holdfast.replenishment.sharing import MARGIN_SHARE
from holdfast.replenishment.store import Inputs, Pairs

# What a sale earns at least, as a share of the cost, however the price was set.
MARGIN_SHARE_MIN: Final = 0.05


@dataclass(frozen=True, slots=True)
class Line:
    """One line as the statements answer it. Without ``id`` it is not suggested yet and only fills an order up."""

    sku_id: UUID
    warehouse_id: UUID
    supplier_id: UUID
    currency: str
    unit_cost: Decimal
    break_quantities: list[int]
    break_costs: list[Decimal]
    moq: int
    order_multiple: int
    volume_l: Decimal | None
    weight_kg: Decimal | None
    pallets: Decimal | None
    price: Decimal | None
    daily_mean: float
    day_variance: float
    level_variance: float
    level_shift: list[float] | None
    id: UUID | None = None
    version: int | None = None
    wanted: int = 0
    days_of_cover: float | None = None

    @property
    def margin(self) -> float:
        """Money lost with a sale, in the currency of the order; a share of the cost where no price is known."""
        cost = float(self.unit_cost)
        if self.price is None:
            return MARGIN_SHARE * cost
        return max(float(self.price) - cost, MARGIN_SHARE_MIN * cost)

    @property
    def order_key(self) -> tuple[UUID, UUID, str]:
        return self.supplier_id, self.warehouse_id, self.currency


@dataclass(frozen=True, slots=True)
class Head:
    """What an order has to keep, and what is on the draft that collects for it already."""

    n: int
    minimum_order_value: Decimal | None
    truck_volume_l: Decimal | None
    truck_weight_kg: Decimal | None
    order_day: date | None
    money: Decimal
    volume_l: Decimal
    weight_kg: Decimal
    pallets: Decimal


@dataclass(frozen=True, slots=True)
class Considered:
    """Lines and what the choice needs of them, row by row; ``fillings`` only where a line fills up."""

    lines: list[Line]
    asked: Asked
    lead_days: NDArray[np.float64]
    fillings: Sequence[dict[str, Any] | None]


async def read_heads(tx: Tx, keys: Sequence[tuple[UUID, UUID, str]]) -> list[Head]:
    return await tx.all(sql.order_heads, Head, **_keyed(keys))


def _keyed(keys: Sequence[tuple[UUID, UUID, str]]) -> dict[str, Any]:
    return {
        "supplier_ids": [k[0] for k in keys],
        "warehouse_ids": [k[1] for k in keys],
        "currencies": [k[2] for k in keys],
    }


async def read_lines(tx: Tx) -> list[Line]:
    return await tx.all(sql.lines_to_group, Line)


async def fillers_for(tx: Tx, keys: Sequence[tuple[UUID, UUID, str]]) -> tuple[list[Line], list[Figures]]:
    """For each of these orders what its supplier sells and will run low next, up to its order-up-to level.

    The figures add up to the quantity. Nothing a person rejected lately, nor what another supplier would deliver.
    """
    found = await tx.all(sql.lines_to_fill_with, Line, **_keyed(keys)) if keys else []
    if not found:
        return [], []
    inputs = await store.read_inputs(tx, _pairs(found))
    forecast = _forecast(found)
    terms, caps = within_limits(inputs.terms, forecast, inputs.limits)
    plan = plan_orders(forecast, terms, inputs.position)
    lines: list[Line] = []
    figures: list[Figures] = []
    for row, line in enumerate(found):
        filled = _filled(inputs, plan, caps, row, line)
        if filled is not None:
            lines.append(replace(line, wanted=filled.quantity, days_of_cover=_cover(plan, row)))
            figures.append(filled)
    return lines, figures


def _filled(inputs: Inputs, plan: Plan, caps: NDArray[np.int8], row: int, line: Line) -> Figures | None:
    """What brings the level up to its target, in what the supplier sells; None where that is nothing."""
    f = figures_of(plan, row, Cap(int(caps[row])))
    gap = f.order_up_to - f.position
    is_wanted = (
        f.mode != Mode.NONE and inputs.rejected_quantity[row] == 0 and inputs.supplier_ids[row] == line.supplier_id
    )
    if not is_wanted or gap <= 0 or f.triggered:
        return None
    multiple = max(line.order_multiple, 1)
    rounded = -(-gap // multiple) * multiple
    raised = max(rounded, -(-max(line.moq, 1) // multiple) * multiple)
    most = inputs.offers[row].max_order
    too_much = (f.max_stock != UNSET and f.position + raised > f.max_stock) or (most is not None and raised > most)
    if too_much:
        return None
    return replace(
        f,
        triggered=True,
        bridging=False,
        need=gap,
        rounding=rounded - gap,
        minimum_raise=raised - rounded,
        max_reduction=0,
        over_max=False,
        quantity=raised,
    )


def _cover(plan: Plan, row: int) -> float | None:
    days = float(plan.orders.days_of_cover[row])
    return None if np.isinf(days) else round(days, 2)


async def considered(
    tx: Tx, lines: list[Line], fillers: list[Line], figures: list[Figures], order_of: dict[tuple[UUID, UUID, str], int]
) -> Considered:
    """Lines that are due, then fillers, as arrays."""
    every = [*lines, *fillers]
    inputs = await store.read_inputs(tx, _pairs(every))
    forecast = _forecast(every)
    terms = inputs.terms
    brackets = 1 + max((len(line.break_quantities) for line in every), default=0)
    starts, prices = np.zeros((len(every), brackets)), np.full((len(every), brackets), np.inf)
    for row, line in enumerate(every):
        prices[row, 0] = float(line.unit_cost)
        known = len(line.break_quantities)
        starts[row, 1 : 1 + known] = line.break_quantities
        prices[row, 1 : 1 + known] = [float(cost) for cost in line.break_costs]
    early = np.zeros(len(every))
    for row, (line, f) in enumerate(zip(fillers, figures, strict=True), start=len(lines)):
        days = (f.position - f.reorder_point) / line.daily_mean
        early[row] = float(terms.holding_rate_per_year[row]) * float(line.unit_cost) * max(days, 0.0) / DAYS_PER_YEAR
    asked = Asked(
        waits=Waits.of(forecast, lead=terms.lead_days, lead_sd=terms.lead_days_sd, review=terms.review_days),
        position=inputs.position.units_in_time,
        wanted=np.array([line.wanted for line in every], np.int64),
        moq=np.array([line.moq for line in every], np.int64),
        multiple=np.array([line.order_multiple for line in every], np.int64),
        margin=np.array([line.margin for line in every], np.float64),
        early=early,
        break_from=starts,
        unit_price=prices,
        per_unit=np.array(
            [[float(v or 0) for v in (line.volume_l, line.weight_kg, line.pallets)] for line in every], np.float64
        ).reshape(-1, 3),
        order=np.array([order_of[line.order_key] for line in every], np.int64),
        is_filler=np.arange(len(every)) >= len(lines),
    )
    nothing: list[dict[str, Any] | None] = [None] * len(lines)
    fillings = [_filling(line, f) for line, f in zip(fillers, figures, strict=True)]
    return Considered(every, asked, terms.lead_days, [*nothing, *fillings])


def _filling(line: Line, f: Figures) -> dict[str, Any]:
    """All that the suggestion will say that is opened when the order is placed."""
    return {
        "current_quantity": f.available,
        "in_transit": f.in_transit,
        "lead_time_days": round(f.lead_days, 2),
        "days_of_cover": line.days_of_cover,
        "unit_cost": str(line.unit_cost),
        "arithmetic": [one.as_json() for one in explain(f)],
    }


def _pairs(lines: Sequence[Line]) -> Pairs:
    return Pairs(tuple(line.sku_id for line in lines), tuple(line.warehouse_id for line in lines))


def _forecast(lines: Sequence[Line]) -> DemandForecast:
    """The stored distributions, as far as a plan needs them."""

    def floats(name: str) -> NDArray[np.float64]:
        return np.array([getattr(line, name) for line in lines], np.float64)

    nothing = np.zeros(len(lines), np.int64)
    plain = [0.0] * len(LEVELS)
    return DemandForecast(
        daily_mean=floats("daily_mean"),
        day_variance=floats("day_variance"),
        level_variance=floats("level_variance"),
        trend_pct_per_week=np.zeros(len(lines)),
        demand_class=nothing.astype(np.int8),
        observed_days=nothing,
        bulk_units=nothing,
        level_shift=np.array([line.level_shift or plain for line in lines], np.float64),
    )
