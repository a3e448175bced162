"""What is known about ordering each series, and what holding, ordering and missing cost. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from holdfast.demand import Period
from holdfast.replenishment.simulation import Floats, Ints, Supply

Names = NDArray[np.object_]

DAYS_PER_YEAR = 365.0


@dataclass(frozen=True, slots=True)
class Items:
    """One entry per series. Times in days; money in one currency; NaN is unknown, -1 (levels) is not given.

    `reorder_point` and `order_up_to` are the levels somebody keeps today. `max_stock` and `shelf_life_days` limit the
    order-up-to level. `last_day` is the last day of sale, NaT without one.
    """

    sku: Names
    location: Names
    lead_time_days: Floats
    lead_time_sd_days: Floats
    review_days: Floats
    moq: Ints
    order_multiple: Ints
    unit_cost: Floats
    price: Floats
    reorder_point: Ints
    order_up_to: Ints
    max_stock: Ints
    shelf_life_days: Floats
    last_day: NDArray[np.datetime64]

    @property
    def count(self) -> int:
        return int(self.sku.size)

    def at(self, rows: Ints) -> Items:
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(Items)})


@dataclass(frozen=True, slots=True)
class Times:
    """Lead time, its spread and the time between reviews, in periods of the history."""

    lead: Floats
    lead_sd: Floats
    review: Floats

    @staticmethod
    def of(items: Items, period: Period) -> Times:
        days = period.days
        review = np.maximum(np.rint(items.review_days / days), 1.0)
        return Times(items.lead_time_days / days, items.lead_time_sd_days / days, review)

    @property
    def protection(self) -> Floats:
        """Periods an order decided now must cover."""
        return self.lead + self.review

    def at(self, rows: Ints) -> Times:
        return Times(self.lead[rows], self.lead_sd[rows], self.review[rows])


@dataclass(frozen=True, slots=True)
class Costs:
    """What the money is counted by. Give a rate per year on the unit cost, or a cost per unit and period.

    `lost_sale_cost` per unit not served, None = price - unit cost. `order_cost` per order line.
    """

    order_cost: float = 2.0
    holding_rate_per_year: float = 0.25
    holding_cost_per_period: float | None = None
    lost_sale_cost: float | None = None


@dataclass(frozen=True, slots=True)
class Economics:
    """Per series: holding one unit for one period, missing one unit, one order line, one unit bought."""

    holding: Floats
    missing: Floats
    ordering: Floats
    unit_cost: Floats

    @staticmethod
    def of(items: Items, costs: Costs, period: Period) -> Economics:
        """Unknown unit costs are taken as the median of the known ones, 1 when none is known."""
        cost = _filled(items.unit_cost)
        margin = items.price - cost
        margin = np.where(np.isnan(margin), cost * MARGIN_SHARE, np.maximum(margin, 0.0))
        rate = cost * costs.holding_rate_per_year * period.days / DAYS_PER_YEAR
        given = costs.holding_cost_per_period
        return Economics(
            holding=rate if given is None else np.full(items.count, given),
            missing=margin if costs.lost_sale_cost is None else np.full(items.count, costs.lost_sale_cost),
            ordering=np.full(items.count, costs.order_cost),
            unit_cost=cost,
        )

    def at(self, rows: Ints) -> Economics:
        return Economics(self.holding[rows], self.missing[rows], self.ordering[rows], self.unit_cost[rows])


# Margin on cost where no price is known: 40 % of the price.
MARGIN_SHARE = 0.4 / 0.6


def supply_of(items: Items, period: Period) -> Supply:
    """The supplier's rules in periods."""
    shelf = items.shelf_life_days
    keeps = np.isfinite(shelf)
    life = np.where(keeps, np.maximum(np.floor(np.where(keeps, shelf, 0.0) / period.days), 1.0), 1e9)
    return Supply(
        moq=items.moq,
        multiple=items.order_multiple,
        review=Times.of(items, period).review.astype(np.int64),
        shelf_life=life.astype(np.int64) if keeps.any() else None,
    )


def _filled(values: Floats) -> Floats:
    known = values[np.isfinite(values)]
    return np.where(np.isfinite(values), values, np.median(known) if known.size else 1.0)
