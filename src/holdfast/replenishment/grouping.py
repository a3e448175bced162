"""What of the pending lines goes onto orders now, under every limit on money, room and minimum values. Pure.

A line is never ordered for more than was suggested: the policy decided about lots and stock. What is chosen here is
who comes first when not everything can go: what saves the most lost sales, in money. `budget.choose_within` chooses,
and proves how much more any other choice could save.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast.replenishment.budget import Choices, Chosen, Limits, choose_within
from holdfast.replenishment.candidates import price_at
from holdfast.replenishment.fill_rate import Waits, expected_shortage

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

MEASURES: Final = ("money", "volume_l", "weight_kg", "pallets")

# Parts of the suggested quantity that may go when all of it does not.
STEPS: Final = (0.25, 0.5, 0.75)

# What was suggested is wanted even where it saves no sale we can foresee: levels set by hand, safety stock.
WANTED_SHARE: Final = 1e-3

# How often prices of money and the loads of full trucks are brought to agree.
TRUCK_ROUNDS: Final = 3

_SLACK: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Asked:
    """One entry per line. `position` units there or coming in time; `wanted` units, the most that is ordered.

    `margin` money lost with a sale; `early` money per unit for having it before it is due. `break_from` and
    `unit_price` (lines, brackets), price inf where there is no bracket. `per_unit` (lines, 3): litres, kilograms,
    pallets. `order`: number of the order a line would go onto.
    """

    waits: Waits
    position: Ints
    wanted: Ints
    moq: Ints
    multiple: Ints
    margin: Floats
    early: Floats
    break_from: Floats
    unit_price: Floats
    per_unit: Floats
    order: Ints
    is_filler: Flags


@dataclass(frozen=True, slots=True)
class Room:
    """One limit: how much is `left` of a measure (its number in MEASURES) for the orders marked in `orders`."""

    measure: int
    orders: Flags
    left: float


@dataclass(frozen=True, slots=True)
class Grouped:
    """Per line: units, cost, lost sales saved by them and by all that was wanted, and the limit that stopped it (-1).

    Per limit: what is used, and money saved by one more unit; `relaxed_most` by any more of all of them. `value` is the
    lost sales saved and what price breaks save, `bound` what no choice exceeds. `short` marks orders left out.
    """

    quantity: Ints
    cost: Floats
    saves: Floats
    saves_all: Floats
    stopped_by: Ints
    used: Floats
    prices: Floats
    relaxed_most: float
    value: float
    bound: float
    short: Flags

    @property
    def gap(self) -> float:
        """Money that another choice could save at most."""
        return max(self.bound - self.value, 0.0)


def group_lines(asked: Asked, rooms: Sequence[Room], minimum: Floats) -> Grouped:
    """The best choice found. `minimum` per order: what still must be ordered for the supplier to take it, 0 for none.

    Fillers are considered only where everything that is due stays below the minimum.
    """
    units, price = _units_of(asked)
    cash = np.maximum(units, 0) * price
    saved = saved_sales(asked, units)
    cheaper = (asked.unit_price[:, :1] - price) * np.maximum(units, 0)
    benefit = saved + cheaper + WANTED_SHARE * cash - asked.early[:, None] * np.maximum(units, 0)
    benefit = np.where(units < 0, -np.inf, np.where(units == 0, 0.0, benefit))
    most = np.where(asked.is_filler, 0.0, cash.max(axis=1))
    due = np.bincount(asked.order, most, minlength=minimum.size)
    short = due < minimum - _SLACK
    idle = asked.is_filler & ~short[asked.order]
    benefit[idle, 1:] = -np.inf
    per = [cash, *(np.maximum(units, 0) * asked.per_unit[:, n][:, None] for n in range(len(MEASURES) - 1))]
    sums = _Sums(per, asked.order, minimum.size)
    problem = _Problem(Choices(benefit, np.zeros((0, 0, 0)), asked.order, cash), sums, rooms, minimum)
    chosen, prices, bound = problem.solved()
    rows = np.arange(units.shape[0], dtype=np.int64)
    last = np.max(np.isfinite(benefit) * np.arange(units.shape[1], dtype=np.int64)[None, :], axis=1)
    dropped = np.zeros(minimum.size, np.bool_)
    dropped[chosen.dropped_groups] = True
    return Grouped(
        quantity=np.maximum(units[rows, chosen.choice], 0),
        cost=cash[rows, chosen.choice],
        saves=saved[rows, chosen.choice],
        saves_all=saved[rows, last],
        stopped_by=_stopped_by(sums, rooms, prices, chosen.choice, last),
        used=sums.used(rooms, chosen.choice),
        prices=prices,
        relaxed_most=max(float(benefit.max(axis=1).sum()) - bound, 0.0),
        value=chosen.value,
        bound=max(bound, chosen.value),
        short=dropped,
    )


def saved_sales(asked: Asked, units: Ints) -> Floats:
    """(lines, candidates) money of sales that so many units save until the delivery after next.

    What is sold out before an order of today can be there is lost whatever is ordered. Customers who wait already are
    served first. Shortage: E[(demand - stock)+] over lead time and review, Silver, Pyke & Thomas 6.7.
    """
    here = np.maximum(asked.position, 0).astype(np.float64)
    waiting = np.maximum(-asked.position, 0)[:, None]
    gone = expected_shortage(here, asked.waits.lead_mean, asked.waits.lead_variance)
    stock = np.rint(here + gone)[:, None]
    more = np.maximum(units, 0)
    mean, variance = asked.waits.protection_mean[:, None], asked.waits.protection_variance[:, None]
    short = expected_shortage(stock, mean, variance)
    left = expected_shortage(stock + np.maximum(more - waiting, 0), mean, variance)
    return asked.margin[:, None] * (np.minimum(more, waiting) + np.maximum(short - left, 0.0))


def _units_of(asked: Asked) -> tuple[Ints, Floats]:
    """(lines, candidates) nothing, the least that is sold, parts, starts of price brackets, all; -1: not there."""
    wanted = asked.wanted[:, None]
    starts = np.where(np.isfinite(asked.unit_price), asked.break_from, 0.0)
    raw = np.concatenate([wanted * np.asarray(STEPS)[None, :], starts], axis=1)
    multiple = np.maximum(asked.multiple, 1)[:, None]
    parts = np.maximum(np.ceil(raw), np.maximum(asked.moq, 1)[:, None]).astype(np.int64)
    parts = -(-parts // multiple) * multiple
    units = np.concatenate([np.where(parts >= wanted, wanted, parts), wanted], axis=1)
    units = np.sort(units, axis=1)
    repeated = np.concatenate([np.zeros((units.shape[0], 1), np.bool_), units[:, 1:] == units[:, :-1]], axis=1)
    units = np.where(repeated, -1, units)
    units = np.concatenate([np.zeros((units.shape[0], 1), np.int64), units], axis=1)
    return units, price_at(np.maximum(units, 0), asked.break_from, asked.unit_price)


@dataclass(frozen=True, slots=True)
class _Sums:
    """What every candidate uses of each measure, (lines, candidates) each, and the order it would go onto."""

    per: Sequence[Floats]
    order: Ints
    orders: int

    def used(self, rooms: Sequence[Room], choice: Ints) -> Floats:
        """Per limit, what the choice uses of it."""
        rows = np.arange(choice.size)
        by_order = [np.bincount(self.order, use[rows, choice], minlength=self.orders) for use in self.per]
        return np.array([float(by_order[room.measure][room.orders].sum()) for room in rooms], np.float64)

    def of(self, room: Room) -> Floats:
        return self.per[room.measure] * room.orders[self.order][:, None]


@dataclass(frozen=True, slots=True)
class _Problem:
    """Limits of one order alone (a truck) are kept order by order, those of many (a budget) by prices for all.

    Every candidate below one that fits a truck fits it too, so an order is kept by taking away what is above its own
    best choice at the prices of the others. The bound is the priced problem's, these orders with bounds of their own.
    """

    choices: Choices
    sums: _Sums
    rooms: Sequence[Room]
    minimum: Floats

    def solved(self) -> tuple[Chosen, Floats, float]:
        """The choice, a price per limit, and the bound. Only limits that some choice broke take part.

        Leaving limits out can only raise the bound, so it stays one.
        """
        left = np.array([max(room.left, 0.0) for room in self.rooms], np.float64)
        own = np.array([room.orders.sum() == 1 for room in self.rooms], np.bool_)
        prices, bound, rounds = np.zeros(len(self.rooms)), np.inf, 0
        wide: list[int] = []
        full: dict[int, bool] = {}  # orders whose truck was full, and whether they are kept even where they would fit
        best: tuple[Chosen, Floats] | None = None
        while True:
            benefit, lower = self._with_orders_kept(full, wide, prices, left)
            chosen = self._within(benefit, wide, left)
            prices[wide] = chosen.prices[: len(wide)]
            bound = min(bound, lower if full else chosen.bound)
            over = self.sums.used(self.rooms, chosen.choice) > left + _SLACK
            fuller = {int(np.argmax(self.rooms[at].orders)) for at in np.flatnonzero(over & own).tolist()}
            wider = [at for at in np.flatnonzero(over & ~own).tolist() if at not in wide]
            full |= {number: number in full for number in fuller}
            wide += wider
            if fuller or wider:
                continue
            if best is None or chosen.value > best[0].value:
                best = chosen, prices.copy()
            rounds += 1
            if not full or rounds == TRUCK_ROUNDS:
                return *best, bound

    def _within(self, benefit: Floats, wide: list[int], left: Floats) -> Chosen:
        uses = [self.sums.of(self.rooms[at]) for at in wide] or [np.zeros_like(benefit)]
        capacity = left[wide] if wide else np.array([np.inf])
        asked = Choices(benefit, np.stack(uses, axis=2), self.choices.group, self.choices.value)
        return choose_within(asked, Limits(capacity, min_value=self.minimum))

    def _with_orders_kept(
        self, full: dict[int, bool], wide: list[int], prices: Floats, left: Floats
    ) -> tuple[Floats, float]:
        """Benefits without what full trucks have no room for, and the bound at these prices. Sets prices of trucks."""
        benefit = self.choices.benefit.copy()
        net = benefit - sum((prices[at] * self.sums.of(self.rooms[at]) for at in wide), np.zeros_like(benefit))
        bound = float((prices[wide] * left[wide]).sum())
        others = np.ones(self.sums.order.size, np.bool_)
        for number, is_kept in full.items():
            lines = np.flatnonzero(self.sums.order == number)
            mine = [at for at, r in enumerate(self.rooms) if r.orders[number] and r.orders.sum() == 1]
            uses = np.stack([self.sums.per[self.rooms[at].measure][lines] for at in mine], axis=2)
            own = choose_within(Choices(net[lines], uses), Limits(left[mine]))
            prices[mine] = own.prices
            bound += own.bound
            others[lines] = False
            if is_kept or bool((own.prices > 0).any()):
                above = np.arange(benefit.shape[1], dtype=np.int64)[None, :] > own.choice[:, None]
                benefit[lines] = np.where(above, -np.inf, benefit[lines])
        return benefit, bound + float(net[others].max(axis=1).sum())


def _stopped_by(sums: _Sums, rooms: Sequence[Room], prices: Floats, choice: Ints, last: Ints) -> Ints:
    """The limit that weighs most on what was left of a line; where no price tells, the one it does not fit into."""
    rows = np.arange(choice.size)
    more = [use[rows, last] - use[rows, choice] for use in sums.per]
    used = sums.used(rooms, choice)
    by = np.full(rows.size, -1, np.int64)
    worst = np.zeros(rows.size)
    for at, room in enumerate(rooms):
        asks = more[room.measure] * room.orders[sums.order]
        over = used[at] + asks > max(room.left, 0.0) + _SLACK
        weight = np.where(asks > _SLACK, asks * (prices[at] + np.where(over, 1e-9, 0.0)), 0.0)
        by = np.where(weight > worst, at, by)
        worst = np.maximum(worst, weight)
    return by
