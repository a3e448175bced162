"""The policies on offer, each as levels that follow what has been seen so far. Pure.

All are (s, S): a reorder point and an order-up-to level per series, worked out again every few periods from the
demand until then. What differs is where the levels come from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from holdfast.demand import DemandForecast, DemandHistory, DemandMethod, forecast_demand
from holdfast.demand.season import OrderingDemand, ordering_demand, season_index
from holdfast.replenishment.items import Economics, Items, Times
from holdfast.replenishment.model import economic_order_quantity
from holdfast.replenishment.simulation import Floats, Ints, OrderLevels, Seen, Steering

# The source specification: mean of 90 days, a lead time of 7 days whatever the supplier.
RULE_MEAN_DAYS = 90.0
RULE_LEAD_DAYS = 7.0

# A cheap slow item has an economic lot of many years. Past half a year no forecast is worth binding money to.
LOT_YEARS_MAX = 0.5

SERVICE_MIN = 0.3
SERVICE_MAX = 0.9997

# Odds of service go with the root of what a missing unit is worth over what holding one costs. The full ratio (the
# textbook's critical ratio) follows errors of the forecast too closely; the root needs 5 to 6 % less stock for the
# same share of all units than one service level for everything (docs/planning.md).
WORTH_POWER = 0.5


class Aim(StrEnum):
    """What a missing unit counts for: its own lost margin, or as one unit like any other."""

    COST = "cost"
    FILL_RATE = "fill_rate"


# Learns a method from a history for these protection times; None where there is too little to learn from.
Trainer = Callable[[DemandHistory, Floats], DemandMethod | None]


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything a policy may build on at the start of a replay. Rows are series, in the order of `items`.

    `past` is what was known before the first simulated period; `every` periods lie between two looks at the levels.
    """

    past: DemandHistory
    items: Items
    times: Times
    economics: Economics
    every: int
    refits: Refits


@dataclass(slots=True)
class Refits:
    """Forecasts at the refit periods of one replay, each made once however many policies ask.

    With `censored` every policy sees its own sales, so nothing is shared. `trainer` makes the method from what is
    known, at the start and then every `train_every` periods; what comes later never reaches it.
    """

    past: DemandHistory
    protection: Floats
    method: DemandMethod | None = None
    censored: bool = False
    trainer: Trainer | None = None
    train_every: int = 91
    _made: dict[int, DemandForecast] = field(default_factory=dict[int, DemandForecast])
    _learned: dict[int, OrderingDemand] = field(default_factory=dict[int, OrderingDemand])
    _trained: dict[int, DemandMethod | None] = field(default_factory=dict[int, DemandMethod | None])

    def at(self, seen: Seen) -> DemandForecast:
        if self.censored:
            return self._forecast(seen)
        if seen.period not in self._made:
            self._made[seen.period] = self._forecast(seen)
        return self._made[seen.period]

    def _forecast(self, seen: Seen) -> DemandForecast:
        known = self.known(seen)
        return forecast_demand(known, self.protection, self._method_for(known, seen.period + 1), cap_bulk=False)

    def _method_for(self, known: DemandHistory, elapsed: int) -> DemandMethod:
        if self.trainer is None:
            return self.method if self.method is not None else self._ordering(known, elapsed)
        when = elapsed - elapsed % self.train_every
        if when not in self._trained:
            self._trained[when] = self.trainer(known.until(self.past.days + when), self.protection)
        return self._trained[when] or self._ordering(known, elapsed)

    def _ordering(self, known: DemandHistory, elapsed: int) -> OrderingDemand:
        """The season of everything known, and the regression as it was learned last."""
        when = elapsed - elapsed % self.train_every
        if when not in self._learned:
            self._learned[when] = ordering_demand(known.until(self.past.days + when), self.protection)
        return replace(self._learned[when], index=season_index(known))

    def known(self, seen: Seen) -> DemandHistory:
        return DemandHistory(
            np.concatenate([self.past.quantity, seen.demand], axis=1),
            np.concatenate([self.past.observed, seen.observed], axis=1),
            self.past.period,
            self.past.starts_on,
        )


class Offer(Protocol):
    """A policy that can be replayed."""

    @property
    def name(self) -> str: ...

    def steering(self, scene: Scene) -> Steering: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """The source specification: at or below the reorder point, order up to safety stock + 7 days of demand.

    Safety stock is `cover_days` of demand. Levels are `fixed` at the start, as they stand in its inventory table, or
    worked out again with everything else; the mean daily demand of the last 90 days is always up to date.
    """

    cover_days: float = 14.0
    fixed: bool = True

    @property
    def name(self) -> str:
        return "rule, fixed" if self.fixed else "rule, refreshed"

    def steering(self, scene: Scene) -> Steering:
        days = scene.past.period.days
        start = _recent_mean(scene.past, RULE_MEAN_DAYS / days)

        def levels(seen: Seen) -> OrderLevels | None:
            if not _is_due(seen, scene.every):
                return None
            now = _recent_mean(scene.refits.known(seen), RULE_MEAN_DAYS / days)
            kept = start if self.fixed else now
            safety, wait = kept * self.cover_days / days, RULE_LEAD_DAYS / days
            return OrderLevels(_up(safety + kept * wait), _up(safety + now * wait))

        return levels


@dataclass(frozen=True, slots=True)
class Today:
    """The levels somebody keeps by hand: `reorder_point` and `order_up_to` of the items, where both are given."""

    name: str = "today"

    def steering(self, scene: Scene) -> Steering:
        point, top = scene.items.reorder_point, scene.items.order_up_to
        return lambda seen: OrderLevels(point, np.maximum(top, point)) if seen.period < 0 else None


@dataclass(frozen=True, slots=True)
class Textbook:
    """Normal lead-time demand: mean + z·sd of the days observed, economic lots (Silver, Pyke & Thomas 6.7)."""

    service: float = 0.95

    @property
    def name(self) -> str:
        return "textbook normal"

    def steering(self, scene: Scene) -> Steering:
        from statistics import NormalDist

        z = NormalDist().inv_cdf(self.service)
        year = scene.past.period.per_year

        def levels(seen: Seen) -> OrderLevels | None:
            if not _is_due(seen, scene.every):
                return None
            mean, variance = _recent_moments(scene.refits.known(seen), year)
            times = scene.times
            spread = np.sqrt(times.protection * variance + (mean * times.lead_sd) ** 2)
            point = _up(np.maximum(mean * times.protection + z * spread, 0.0))
            return OrderLevels(point, point + economic_lot(mean, scene.economics, times, year))

        return levels


@dataclass(frozen=True, slots=True)
class Ours:
    """Quantile of the forecast demand over lead time + review, economic lots.

    `odds` are the odds of no stockout before the delivery after next review for an ordinary item. Under FILL_RATE
    dear items get less, which is where a fill rate of all units is bought for the least money; under COST an item
    gets more the more margin is lost for what it costs to hold (one level where both go with the price).
    """

    odds: float = 20.0
    aim: Aim = Aim.COST
    name: str = "holdfast"

    def steering(self, scene: Scene) -> Steering:
        def levels(seen: Seen) -> OrderLevels | None:
            if not _is_due(seen, scene.every):
                return None
            ends = _periods_to_end(scene, seen)
            return our_levels(
                scene.refits.at(seen),
                scene,
                service_levels(self.odds, scene.economics, self.aim),
                periods_to_end=ends,
            )

        return levels


def our_levels(
    forecast: DemandForecast, scene: Scene, service: Floats, *, periods_to_end: Floats | None = None
) -> OrderLevels:
    """Reorder point and order-up-to level of each series under the caps of its item.

    The order-up-to level never exceeds `max_stock`, nor what is expected to sell within the shelf life, nor what is
    expected to sell until the last day of sale; after it nothing is ordered.
    """
    times, items = scene.times, scene.items
    point = _whole(forecast.quantile_over(service, times.protection, times.lead_sd))
    lot = economic_lot(forecast.daily_mean, scene.economics, times, scene.past.period.per_year)
    top = point + lot
    shelf = np.isfinite(items.shelf_life_days)
    if shelf.any():
        life = np.where(shelf, items.shelf_life_days, 0.0) / scene.past.period.days
        sold = np.floor(forecast.mean_over(life)).astype(np.int64)
        top = np.where(shelf, np.minimum(top, np.maximum(sold, 1)), top)
    top = np.where(items.max_stock >= 0, np.minimum(top, items.max_stock), top)
    if periods_to_end is not None:
        left = np.where(np.isfinite(periods_to_end), np.maximum(periods_to_end, 0.0), 0.0)
        rest = _whole(forecast.quantile_over(service, left))
        top = np.where(np.isfinite(periods_to_end), np.minimum(top, rest), top)
        over = np.isfinite(periods_to_end) & (periods_to_end <= times.lead)
        top = np.where(over, 0, top)
    nothing = (forecast.daily_mean <= 0) | (top <= 0)
    return OrderLevels(np.where(nothing, -1, np.minimum(point, np.maximum(top - 1, 0))), np.where(nothing, 0, top))


def service_levels(odds: float, economics: Economics, aim: Aim, *, usual: float | None = None) -> Floats:
    """Cycle service level of each series at these odds, which are those of the median item.

    `usual` is that item's worth where `economics` are not those of all of them.
    """
    worth = _worth(economics, aim)
    middle = usual_worth(economics, aim) if usual is None else usual
    scaled = odds * np.where(np.isnan(worth), 1.0, worth / middle) ** WORTH_POWER
    return np.clip(scaled / (1.0 + scaled), SERVICE_MIN, SERVICE_MAX)


def usual_worth(economics: Economics, aim: Aim) -> float:
    """Missing a unit over holding it for a period, of the item in the middle; 1 when none is known."""
    worth = _worth(economics, aim)
    known = ~np.isnan(worth)
    return float(np.median(worth[known])) if known.any() else 1.0


def _worth(economics: Economics, aim: Aim) -> Floats:
    """What a missing unit costs over what holding one does; NaN where either costs nothing."""
    missing = economics.missing if aim is Aim.COST else np.ones_like(economics.holding)
    known = (economics.holding > 0) & (missing > 0)
    return np.divide(missing, economics.holding, out=np.full(missing.shape, np.nan), where=known)


def economic_lot(mean: Floats, economics: Economics, times: Times, periods_per_year: int) -> Ints:
    """Harris' lot, at least the demand of one review period, at most that of half a year; whole units >= 1."""
    lot = economic_order_quantity(
        demand_per_year=mean * periods_per_year,
        order_cost=economics.ordering,
        holding_cost_per_unit_year=economics.holding * periods_per_year,
    )
    lot = np.minimum(lot, mean * periods_per_year * LOT_YEARS_MAX)
    lot = np.maximum(lot, mean * times.review)
    return np.maximum(np.rint(lot), 1).astype(np.int64)


def _periods_to_end(scene: Scene, seen: Seen) -> Floats | None:
    """Periods from the end of `seen` to the last day of sale; inf without one."""
    last = scene.items.last_day
    if scene.past.starts_on is None or np.isnat(last).all():
        return None
    elapsed = scene.past.days + seen.period + 1
    today = scene.past.starts_on + np.timedelta64(round(elapsed * scene.past.period.days), "D")
    days = (last - today).astype("timedelta64[D]").astype(np.float64) + 1.0
    return np.where(np.isnat(last), np.inf, days / scene.past.period.days)


def _is_due(seen: Seen, every: int) -> bool:
    return (seen.period + 1) % every == 0


def _recent_mean(history: DemandHistory, periods: float) -> Floats:
    used = max(1, min(round(periods), history.days))
    seen = history.observed[:, -used:]
    sold = np.where(seen, history.quantity[:, -used:], 0).sum(axis=1)
    return sold / np.maximum(seen.sum(axis=1), 1)


def _recent_moments(history: DemandHistory, periods: int) -> tuple[Floats, Floats]:
    used = max(1, min(periods, history.days))
    seen: NDArray[np.bool_] = history.observed[:, -used:]
    sold = np.where(seen, history.quantity[:, -used:], 0).astype(np.float64)
    count = np.maximum(seen.sum(axis=1), 1)
    mean = sold.sum(axis=1) / count
    scatter = (sold**2).sum(axis=1) - count * mean**2
    return mean, np.maximum(scatter / np.maximum(count - 1, 1), 0.0)


def _up(units: Floats) -> Ints:
    return np.ceil(units - 1e-9).astype(np.int64)


def _whole(units: NDArray[np.number]) -> Ints:
    """A forecast in fractions of a unit, as units that can be ordered."""
    return np.ceil(units - 1e-9).astype(np.int64)
