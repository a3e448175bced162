"""What one level would order under other assumptions: the same plan over changed figures. Nothing is written."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np

from holdfast.db import Tx
from holdfast.demand import DemandForecast
from holdfast.demand import service as demand
from holdfast.kernel.errors import Conflict
from holdfast.replenishment import store
from holdfast.replenishment.arithmetic import ArithmeticLine, Figures, explain, reason_of
from holdfast.replenishment.limits import within_limits
from holdfast.replenishment.model import UNSET, Terms, plan_orders
from holdfast.replenishment.store import Inputs, Pairs
from holdfast.replenishment.supply import SupplierOffer


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What shall be assumed in place of what is known; None leaves it as it is.

    ``demand_percent`` 20 means a fifth more than forecast. ``break_quantity`` with ``break_cost`` stands in for the
    price breaks of the supplier.
    """

    target_service: float | None = None
    target_fill_rate: float | None = None
    lead_time_days: float | None = None
    lead_time_sd_days: float | None = None
    review_days: int | None = None
    moq: int | None = None
    order_multiple: int | None = None
    max_stock: int | None = None
    unit_cost: Decimal | None = None
    break_quantity: int | None = None
    break_cost: Decimal | None = None
    order_cost: Decimal | None = None
    holding_rate: float | None = None
    demand_percent: float | None = None

    @property
    def changed(self) -> bool:
        return any(getattr(self, f.name) is not None for f in fields(self))


@dataclass(frozen=True, slots=True)
class Worked:
    """One plan of one level. ``cost`` is of the quantity, in the currency of the supplier."""

    figures: Figures
    lines: tuple[ArithmeticLine, ...]
    unit_cost: Decimal | None
    cost: Decimal | None
    days_of_cover: float | None
    reason: str

    @property
    def quantity(self) -> int:
        return self.figures.quantity


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The plan as things are now, and under the assumptions."""

    now: Worked
    then: Worked
    known: Assumptions
    currency: str | None


async def what_if(tx: Tx, *, sku_id: UUID, warehouse_id: UUID, assumed: Assumptions) -> WhatIf:
    """Recompute one level from its last forecast and its position now.

    Raises Conflict(``not_planned_yet``) when no plan has seen the level.
    """
    pairs = Pairs((sku_id,), (warehouse_id,))
    inputs = await store.read_inputs(tx, pairs) if await _is_level(tx, pairs) else None
    forecast = await demand.ordered_by(tx, sku_id, warehouse_id)
    if inputs is None or forecast is None:
        raise Conflict("not_planned_yet", "No plan has looked at this SKU in this warehouse yet.")
    return WhatIf(
        now=_worked(inputs, forecast),
        then=_worked(_assuming(inputs, assumed), _scaled(forecast, assumed.demand_percent)),
        known=_known(inputs),
        currency=inputs.currencies[0],
    )


async def _is_level(tx: Tx, pairs: Pairs) -> bool:
    return bool(await tx.dicts(store.sql.is_level, sku_id=pairs.sku_ids[0], warehouse_id=pairs.warehouse_ids[0]))


def _worked(inputs: Inputs, forecast: DemandForecast) -> Worked:
    terms, caps = within_limits(inputs.terms, forecast, inputs.limits)
    plan = plan_orders(forecast, terms, inputs.position)
    figures = store.figures_at(inputs, plan, caps, 0)
    unit_cost = inputs.offers[0].cost_at(figures.quantity)
    cover = float(plan.orders.days_of_cover[0])
    return Worked(
        figures=figures,
        lines=explain(figures),
        unit_cost=unit_cost,
        cost=None if unit_cost is None else round(unit_cost * figures.quantity, 2),
        days_of_cover=None if np.isinf(cover) else round(cover, 2),
        reason=reason_of(figures) if figures.triggered else "enough",
    )


def _assuming(inputs: Inputs, assumed: Assumptions) -> Inputs:
    """The inputs with everything that was assumed in its place."""
    given: dict[str, float | int | Decimal | None] = {
        "cycle_service_level": assumed.target_service,
        "lead_days": assumed.lead_time_days,
        "lead_days_sd": assumed.lead_time_sd_days,
        "review_days": assumed.review_days,
        "moq": assumed.moq,
        "order_multiple": assumed.order_multiple,
        "max_stock": assumed.max_stock,
        "unit_cost": assumed.unit_cost,
        "order_cost": assumed.order_cost,
        "holding_rate_per_year": assumed.holding_rate,
        "fill_rate": assumed.target_fill_rate,
    }
    if assumed.target_service is not None and assumed.target_fill_rate is None:
        given["fill_rate"] = float("nan")  # a service level was asked for in place of the fill rate
    if assumed.target_service is not None:
        given["by_odds"] = False
    changes = {name: _one(inputs.terms, name, value) for name, value in given.items() if value is not None}
    return replace(inputs, terms=replace(inputs.terms, **changes), offers=[_offer(inputs.offers[0], assumed)])


def _one(terms: Terms, name: str, value: float | Decimal) -> Any:
    return np.array([value], getattr(terms, name).dtype)


def _offer(known: SupplierOffer, assumed: Assumptions) -> SupplierOffer:
    offer = known if assumed.unit_cost is None else replace(known, unit_cost=assumed.unit_cost)
    if assumed.break_quantity is None or assumed.break_cost is None:
        return offer
    return replace(offer, breaks=((assumed.break_quantity, assumed.break_cost),))


def _scaled(forecast: DemandForecast, percent: float | None) -> DemandForecast:
    """Demand ``percent`` higher: the mean in proportion, its variances with the square."""
    factor = 1.0 + (percent or 0.0) / 100.0
    return replace(
        forecast,
        daily_mean=forecast.daily_mean * factor,
        day_variance=forecast.day_variance * factor**2,
        level_variance=forecast.level_variance * factor**2,
    )


def _known(inputs: Inputs) -> Assumptions:
    """What the plan assumes today, to start from."""
    terms, offer = inputs.terms, inputs.offers[0]
    fill, most = float(terms.fill_rate[0]), int(terms.max_stock[0])
    least, cost = offer.breaks[0] if offer.breaks else (None, None)
    return Assumptions(
        target_service=float(terms.cycle_service_level[0]),
        target_fill_rate=None if np.isnan(fill) else fill,
        lead_time_days=float(terms.lead_days[0]),
        lead_time_sd_days=float(terms.lead_days_sd[0]),
        review_days=int(terms.review_days[0]),
        moq=int(terms.moq[0]),
        order_multiple=int(terms.order_multiple[0]),
        max_stock=None if most == UNSET else most,
        unit_cost=offer.unit_cost,
        break_quantity=least,
        break_cost=cost,
        order_cost=Decimal(str(float(terms.order_cost[0]))),
        holding_rate=float(terms.holding_rate_per_year[0]),
        demand_percent=0.0,
    )
