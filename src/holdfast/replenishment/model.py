"""When to order and how much, for many (warehouse, SKU) pairs at once. Pure.

Everything is an array with one entry per pair. The policy is periodic review with a reorder point and an
order-up-to level, (R, s, S) in Silver, Pyke & Thomas: at a review, when the inventory position is at or below
s, order up to S. s is a quantile of the demand over lead time + review period, because an order placed today
must last until the delivery after the next review.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from holdfast.demand import DemandForecast
from holdfast.replenishment.fill_rate import Waits, reorder_point_for_fill_rate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Marks "not set" in integer arrays; stock limits are never negative.
UNSET = -1

# A cheap slow item has an economic lot of many years. Past half a year no forecast is worth binding money to.
LOT_DAYS_MAX = 182.5
DAYS_PER_YEAR = 365.0

# Share of the lead time that stock must last to be no emergency: below it, the shelf is empty for more than
# three tenths of the wait even if the order leaves now.
URGENT_COVER_SHARE = 0.7


class Mode(IntEnum):
    """How a pair is replenished.

    AUTO: levels from demand, manual levels are floors. MANUAL: given levels win. NONE: no suggestions.
    """

    NONE = 0
    MANUAL = 1
    AUTO = 2


class Method(IntEnum):
    """When and how much is ordered.

    S_S: at or below the reorder point, up to the order-up-to level. R_S: at every review, up to the order-up-to
    level. S_NQ: at or below the reorder point, in whole lots until the position is above it.
    """

    S_S = 0
    R_S = 1
    S_NQ = 2


class Priority(IntEnum):
    """How soon a suggestion must be decided, by days of cover against the lead time."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2
    URGENT = 3


@dataclass(frozen=True, slots=True)
class Terms:
    """What is known about ordering each pair. Days, units, and money in the supplier's currency.

    `cycle_service_level` is the wanted probability of no stockout until the delivery after next review.
    `order_multiple` and `moq` >= 1. `manual_reorder_point`, `manual_safety_stock`, `max_stock`: UNSET when
    not given. `unit_cost`, `order_cost` 0 when unknown: then there is no economic lot. `lot_days_min`: one lot lasts at
    least so many days, for stock built before a season. Where `fill_rate` is not NaN, that share of units is to be
    served from stock, whatever the cycle service level. `by_odds`: the level was not said but found on the past.
    """

    mode: NDArray[np.int8]
    lead_days: Floats
    lead_days_sd: Floats
    review_days: Floats
    cycle_service_level: Floats
    order_cost: Floats
    holding_rate_per_year: Floats
    unit_cost: Floats
    moq: Ints
    order_multiple: Ints
    manual_reorder_point: Ints
    manual_safety_stock: Ints
    max_stock: Ints
    method: NDArray[np.int8] = field(default_factory=lambda: np.zeros((), np.int8))
    lot_days_min: Floats = field(default_factory=lambda: np.zeros(()))
    fill_rate: Floats = field(default_factory=lambda: np.full((), np.nan))
    by_odds: Flags = field(default_factory=lambda: np.zeros((), np.bool_))

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_odds", np.broadcast_to(self.by_odds, self.mode.shape))
        object.__setattr__(self, "fill_rate", np.broadcast_to(self.fill_rate, self.mode.shape))
        object.__setattr__(self, "method", np.broadcast_to(self.method, self.mode.shape))
        object.__setattr__(self, "lot_days_min", np.broadcast_to(self.lot_days_min, self.mode.shape))

    @property
    def protection_days(self) -> Floats:
        """Days an order decided now must cover: lead time + review period."""
        return self.lead_days + self.review_days


@dataclass(frozen=True, slots=True)
class Position:
    """Units per pair. Inventory position = available + in transit + approved - backordered.

    `approved` is what was decided but is not yet on an order that counts as in transit. `later` is the part of
    in transit and approved that is due only after the protection time: it is netted, but it feeds nobody until then.
    """

    available: Ints
    in_transit: Ints
    approved: Ints
    backordered: Ints
    later: Ints = field(default_factory=lambda: np.zeros((), np.int64))

    def __post_init__(self) -> None:
        object.__setattr__(self, "later", np.broadcast_to(self.later, self.available.shape))

    @property
    def units(self) -> Ints:
        """Everything open, whenever it comes: what must not be ordered a second time."""
        return self.available + self.in_transit + self.approved - self.backordered

    @property
    def units_in_time(self) -> Ints:
        """What demand over the protection time can be served from."""
        return self.units - self.later


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of each pair and the whole-unit pieces they are made of.

    reorder_point = expected_demand + buffer + manual_shift; order_up_to = reorder_point + lot - max_cut.
    `buffer` is negative where the wanted quantile lies below the mean. `manual_shift` is signed too: a manual
    policy may set the reorder point below the computed one.
    """

    expected_demand: Ints
    buffer: Ints
    manual_shift: Ints
    lot: Ints
    max_cut: Ints

    @property
    def safety_stock(self) -> Ints:
        """Part of the reorder point that is not expected to be sold before the next delivery."""
        return np.maximum(self.reorder_point - self.expected_demand, 0)

    @property
    def reorder_point(self) -> Ints:
        return self.expected_demand + self.buffer + self.manual_shift

    @property
    def order_up_to(self) -> Ints:
        return self.reorder_point + self.lot - self.max_cut


@dataclass(frozen=True, slots=True)
class Orders:
    """What to order now: need + rounding + minimum_raise - max_reduction where `triggered`, else nothing."""

    triggered: Flags
    bridging: Flags  # what is on order comes too late: only the gap until then is ordered, not a whole lot
    need: Ints  # order_up_to - position; where bridging, reorder point - position in time
    rounding: Ints
    minimum_raise: Ints
    max_reduction: Ints
    over_max: Flags  # the smallest order the supplier takes does not fit under max_stock
    quantity: Ints
    days_of_cover: Floats  # available ÷ mean daily demand; inf without demand
    priority: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one run decided about its pairs, array by array in the same order."""

    terms: Terms
    position: Position
    levels: Levels
    orders: Orders
    daily_mean: Floats
    daily_sd: Floats
    season_factor: Floats  # what the season ahead did to the mean
    occasion_factor: Floats  # what promotions and holidays ahead did


def plan_orders(forecast: DemandForecast, terms: Terms, position: Position) -> Plan:
    """Levels and orders of every pair."""
    levels = compute_levels(forecast, terms)
    orders = compute_orders(levels, position, terms, forecast.daily_mean)
    none = np.ones_like(forecast.daily_mean)
    season = none if forecast.season_factor is None else forecast.season_factor
    occasion = none if forecast.occasion_factor is None else forecast.occasion_factor
    return Plan(terms, position, levels, orders, forecast.daily_mean, forecast.daily_sd, season, occasion)


def economic_order_quantity(
    *, demand_per_year: Floats, order_cost: Floats, holding_cost_per_unit_year: Floats
) -> Floats:
    """Harris (1913): sqrt(2·K·D/h), the lot where yearly ordering and holding costs are equal.

    0 where a cost is 0 (unknown): nothing can be balanced then.
    """
    product = 2.0 * order_cost * demand_per_year
    known = holding_cost_per_unit_year > 0
    with np.errstate(over="ignore"):  # next to nothing to hold: an endless lot, which callers bound in days
        ratio = np.divide(product, holding_cost_per_unit_year, out=np.zeros_like(product), where=known)
    return np.sqrt(np.maximum(ratio, 0.0))


def compute_levels(forecast: DemandForecast, terms: Terms) -> Levels:
    """Reorder point and order-up-to level of each pair, in whole units.

    The lot is the economic one, at least the demand of one review period (otherwise the next review would
    order again), at most LOT_DAYS_MAX days. Manual levels are floors in AUTO and win in MANUAL; `max_stock`
    caps the order-up-to level, and in MANUAL it is the order-up-to level when it is above the reorder point.
    """
    expected = np.rint(forecast.mean_over(terms.protection_days)).astype(np.int64)
    quantile = forecast.quantile_over(terms.cycle_service_level, terms.protection_days, terms.lead_days_sd)
    lot = _lot(forecast, terms)
    filled = np.flatnonzero(~np.isnan(terms.fill_rate))
    if filled.size:
        waits = Waits.of(forecast, lead=terms.lead_days, lead_sd=terms.lead_days_sd, review=terms.review_days)
        quantile = quantile.copy()
        quantile[filled] = reorder_point_for_fill_rate(waits.at(filled), terms.fill_rate[filled], lot[filled])
    safety_floor = np.where(terms.manual_safety_stock != UNSET, expected + terms.manual_safety_stock, 0)
    computed = np.maximum(quantile, safety_floor)
    given = terms.manual_reorder_point != UNSET
    manual = terms.mode == Mode.MANUAL
    floored = np.where(manual, terms.manual_reorder_point, np.maximum(computed, terms.manual_reorder_point))
    reorder = np.where(given, floored, computed)
    capped = terms.max_stock != UNSET
    ceiling = np.where(capped, np.maximum(terms.max_stock, 0), np.iinfo(np.int64).max)
    lot = np.where(manual & capped, np.maximum(terms.max_stock - reorder, 0), lot)
    max_cut = np.maximum(reorder + lot - ceiling, 0)
    silent = terms.mode == Mode.NONE
    zero = np.zeros_like(expected)
    return Levels(
        expected_demand=np.where(silent, zero, expected),
        buffer=np.where(silent, zero, computed - expected),
        manual_shift=np.where(silent, zero, reorder - computed),
        lot=np.where(silent, zero, lot),
        max_cut=np.where(silent, zero, max_cut),
    )


def _lot(forecast: DemandForecast, terms: Terms) -> Ints:
    eoq = economic_order_quantity(
        demand_per_year=forecast.daily_mean * DAYS_PER_YEAR,
        order_cost=terms.order_cost,
        holding_cost_per_unit_year=terms.holding_rate_per_year * terms.unit_cost,
    )
    lot = np.minimum(eoq, forecast.daily_mean * LOT_DAYS_MAX)
    lot = np.maximum(lot, forecast.daily_mean * np.maximum(terms.review_days, terms.lot_days_min))
    return np.maximum(np.rint(lot), 1).astype(np.int64)


def compute_orders(levels: Levels, position: Position, terms: Terms, daily_mean: Floats) -> Orders:
    """What each pair should order now.

    Triggered when position <= reorder point. A pair whose reorder point is 0 (no demand worth keeping stock
    for, no manual level) is triggered only by backorders: an item that never sold is not ordered because it
    is at zero. The quantity is the gap to the order-up-to level, rounded up to the multiple, at least the
    MOQ; then lowered to fit under `max_stock` as long as something the supplier accepts is left. When even
    the smallest order does not fit, that order is suggested and `over_max` says so: a person decides, the
    shelf is not left empty in silence.

    What is due after the protection time does not stop the trigger, or a delivery that was put off would hide the
    shortage before it. It is still netted: where everything open is above the reorder point, or the gap before it
    comes is the larger need, only that gap is ordered (`bridging`).
    """
    units, in_time = position.units, position.units_in_time
    wanted = (levels.reorder_point > 0) | (in_time < 0)
    low = (units <= levels.reorder_point) | (terms.method == Method.R_S)
    gap = levels.order_up_to - units
    refill = np.where(low, np.where(terms.method == Method.S_NQ, _lots(levels, units), gap), 0)
    bridge = np.minimum(levels.reorder_point, levels.order_up_to) - in_time
    bridging = bridge > np.maximum(refill, 0)
    need = np.where(bridging, bridge, refill)
    low |= in_time <= levels.reorder_point
    triggered = (terms.mode != Mode.NONE) & wanted & low & (need > 0)
    multiple = np.maximum(terms.order_multiple, 1)
    rounded = -(-need // multiple) * multiple
    smallest = -(-np.maximum(terms.moq, 1) // multiple) * multiple
    raised = np.maximum(rounded, smallest)
    taken = np.where(bridging, in_time, units)
    room = np.where(terms.max_stock != UNSET, terms.max_stock - taken, np.iinfo(np.int64).max)
    fitting = np.maximum(np.minimum(raised, room // multiple * multiple), smallest)
    cover = _days_of_cover(position, daily_mean)
    return Orders(
        triggered=triggered,
        bridging=triggered & bridging,
        need=need,
        rounding=rounded - need,
        minimum_raise=raised - rounded,
        max_reduction=raised - fitting,
        over_max=triggered & (fitting > room),
        quantity=np.where(triggered, fitting, 0),
        days_of_cover=cover,
        priority=_priority(cover, terms),
    )


def _lots(levels: Levels, units: Ints) -> Ints:
    """Whole lots until the position is above the reorder point."""
    lot = np.maximum(levels.lot, 1)
    return ((levels.reorder_point - units) // lot + 1) * lot


def _days_of_cover(position: Position, daily_mean: Floats) -> Floats:
    here = (position.available - position.backordered).astype(np.float64)
    cover = np.full(here.shape, np.inf)
    with np.errstate(over="ignore"):  # next to no demand: cover without end, as with none
        np.divide(np.maximum(here, 0.0), daily_mean, out=cover, where=daily_mean > 0)
    return np.where(here < 0, 0.0, cover)


def _priority(days_of_cover: Floats, terms: Terms) -> NDArray[np.int8]:
    """Urgent: empty for much of the wait. High: empty before the delivery. Medium: before the one after.

    The trend plays no part here: it belongs into the forecast, and a mild rise is no emergency.
    """
    steps = [
        days_of_cover < URGENT_COVER_SHARE * terms.lead_days,
        days_of_cover < terms.lead_days,
        days_of_cover < terms.protection_days,
    ]
    choices = [Priority.URGENT, Priority.HIGH, Priority.MEDIUM]
    return np.select(steps, choices, default=Priority.LOW).astype(np.int8)
