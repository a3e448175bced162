"""A past that could have been: a buyer meets the real demand, day by day, for every level.

At first the buyer follows a plain (s, S) rule of their own, then the levels Holdfast plans.

Pure arithmetic over arrays; the result is the ledger (what came in, what went out) and the orders still on their way.
Days are columns; the last column is yesterday.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

LEDGER_DAYS = 120
# The buyer looks at the last eight weeks and reviews each supplier once a week. For the last two months they followed
# Holdfast's levels; before the days away they cleared the desk, so that what runs low since is to be decided today.
LOOK_BACK_DAYS = 56
REVIEW_DAYS = 7
PLANNED_DAYS = 60
AWAY_DAYS = 2
COVER_DAYS = 35
SAFETY = 2.2
# A day's demand above this part of the target level, when the shelf cannot give it, is a wholesale order.
BULK_SHARE = 0.4
# The first delivery of a new product covers this many days of what it then really sold.
LAUNCH_DAYS = 28

Whole = NDArray[np.int64]
Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Buying:
    """Per level: which supplier (its number), how long it takes, in what steps, on which weekday reviewed."""

    supplier: Whole
    warehouse: Whole
    lead_days: Real
    lead_sd_days: Real
    moq: Whole
    order_multiple: Whole
    review_weekday: Whole


@dataclass(frozen=True, slots=True)
class Delivery:
    """One order to a supplier for one warehouse; day numbers count from 0 = the first day of the ledger."""

    ordered_on: int
    arrives_on: int
    supplier: int
    warehouse: int
    levels: Whole
    quantities: Whole


@dataclass(slots=True)
class Past:
    """The ledger of all levels: what was there at first, what was sold and when the shelf was empty, what arrived."""

    opening: Whole
    sold: Whole
    short: NDArray[np.bool_]
    launches: Whole
    to_order: Whole
    deliveries: list[Delivery] = field(default_factory=list[Delivery])

    @property
    def on_hand(self) -> Whole:
        """What is there at the end, per level."""
        arrived = np.zeros_like(self.opening)
        for delivery in self.deliveries:
            if delivery.arrives_on < LEDGER_DAYS:
                np.add.at(arrived, delivery.levels, delivery.quantities)
        return self.opening + arrived + (self.launches + self.to_order - self.sold).sum(axis=1)


def live_through(units: Whole, buying: Buying, planned: tuple[Whole, Whole], *, seed: int) -> Past:
    """Let the buyer live through ``LEDGER_DAYS``; ``units`` holds LOOK_BACK_DAYS more in front.

    ``planned`` is the reorder point and the order-up-to level of Holdfast's plan, per level.

    Sales never exceed what is there: a wanted unit that is not there is lost and the day is marked short, except a
    wholesale order, which is bought for that customer and passed on whole the same day.
    """
    chance = np.random.default_rng(seed)
    levels = len(units)
    assert units.shape[1] == LEDGER_DAYS + LOOK_BACK_DAYS, "the look-back lies in front of the ledger"
    wanted = units[:, LOOK_BACK_DAYS:]
    point, target = _order_levels(units[:, :LOOK_BACK_DAYS], buying)
    opening = np.rint(point + chance.random(levels) * np.maximum(target - point, 0)).astype(np.int64)
    launches, launched = _launches(units, buying)
    # Left over from earlier days: a third of what has not sold for half a year still lies somewhere.
    idle = units.sum(axis=1) == 0
    opening[idle] = np.where(chance.random(levels) < 1 / 3, chance.integers(1, 40, levels), 0)[idle]
    past = Past(opening, np.zeros_like(wanted), np.zeros(wanted.shape, np.bool_), launches, np.zeros_like(wanted))
    on_hand, position = opening.copy(), opening.copy()
    for day in range(LEDGER_DAYS):
        _receive(past.deliveries, day, on_hand)
        on_hand += launches[:, day]
        position += launches[:, day]
        today = wanted[:, day]
        passed_on = np.where((today > on_hand) & (today > target * BULK_SHARE), today, 0)
        past.to_order[:, day] = passed_on
        past.sold[:, day] = np.minimum(today, on_hand + passed_on)
        past.short[:, day] = past.sold[:, day] < today
        on_hand += passed_on - past.sold[:, day]
        position += passed_on - past.sold[:, day]
        if day < LEDGER_DAYS - AWAY_DAYS:
            point, target = _order_levels(units[:, day + 1 : day + 1 + LOOK_BACK_DAYS], buying)
            if day >= LEDGER_DAYS - PLANNED_DAYS:
                point, target = planned[0].astype(np.float64), planned[1].astype(np.float64)
            reviewed = (buying.review_weekday == day % REVIEW_DAYS) | (day == LEDGER_DAYS - AWAY_DAYS - 1)
            due = reviewed & (position <= point) & (target > position) & (launched <= day)
            past.deliveries += _order(due, target - position, buying, day, chance, position)
    return past


def _order_levels(seen: Whole, buying: Buying) -> tuple[Real, Real]:
    """Reorder point and order-up-to level from what was asked for lately; large single days count only in part."""
    large: Real = np.quantile(seen, 0.97, axis=1, keepdims=True)  # pyright: ignore[reportUnknownMemberType]
    usual = np.minimum(seen, np.maximum(large, 1))
    mean: Real = usual.mean(axis=1)
    spread: Real = usual.std(axis=1)
    protected = buying.lead_days + REVIEW_DAYS
    point = mean * protected + SAFETY * np.sqrt(spread**2 * protected + (mean * buying.lead_sd_days) ** 2)
    target: Real = np.where(mean > 0, point + mean * COVER_DAYS, 0.0)
    return point, target


def _launches(units: Whole, buying: Buying) -> tuple[Whole, Whole]:
    """First deliveries of products that began to sell within the ledger, two days before the first sale."""
    began = np.argmax(units > 0, axis=1) - LOOK_BACK_DAYS
    is_new = (units.sum(axis=1) > 0) & (began >= 2)
    launches = np.zeros((len(units), LEDGER_DAYS), np.int64)
    launched = np.where(is_new, began - 2, -1)
    for level in np.flatnonzero(is_new):
        first = LOOK_BACK_DAYS + int(began[level])
        need = max(int(units[level, first : first + LAUNCH_DAYS].sum()), 1)
        launches[level, launched[level]] = _in_packs(need, int(buying.order_multiple[level]))
    return launches, launched


def _order(
    due: NDArray[np.bool_],
    gap: Real,
    buying: Buying,
    day: int,
    chance: np.random.Generator,
    position: Whole,
) -> list[Delivery]:
    """One order per supplier and warehouse, with one lead time drawn for all its lines."""
    made: list[Delivery] = []
    chosen = np.flatnonzero(due)
    if not len(chosen):
        return made
    need = np.maximum(np.ceil(gap[chosen]), buying.moq[chosen]).astype(np.int64)
    step = buying.order_multiple[chosen]
    quantity = (need + step - 1) // step * step
    position[chosen] += quantity
    pairs = np.stack([buying.supplier[chosen], buying.warehouse[chosen]])
    for supplier, warehouse in np.unique(pairs, axis=1).T:
        lines = (pairs[0] == supplier) & (pairs[1] == warehouse)
        first = chosen[lines][0]
        lead = chance.normal(buying.lead_days[first], buying.lead_sd_days[first])
        arrives = day + max(1, round(float(lead)))
        made.append(Delivery(day, arrives, int(supplier), int(warehouse), chosen[lines], quantity[lines]))
    return made


def _receive(deliveries: list[Delivery], day: int, on_hand: Whole) -> None:
    for delivery in deliveries:
        if delivery.arrives_on == day:
            on_hand[delivery.levels] += delivery.quantities


def _in_packs(need: int, pack: int) -> int:
    return -(-need // pack) * pack
