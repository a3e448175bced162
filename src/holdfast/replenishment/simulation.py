"""One simulator for every policy: period by period, all series at once. Pure.

A period is a day, a week or a month; everything counted in periods. Within one period, in this order:

1. deliveries due arrive;
2. demand comes: what is there is sold, the rest is lost or waits (`backorders`);
3. what is too old is thrown away (`shelf_life`);
4. stock is counted (holding cost is paid on it);
5. where a review is due and the inventory position is at or below the reorder point, the gap up to the
   order-up-to level is ordered, in whole multiples and at least the minimum quantity.

An order placed at the end of period t with lead time L arrives at the start of period t + 1 + L, so an order must
cover lead time + review period, and lead time 0 means tomorrow morning.

The n-th order of a series takes the n-th lead time drawn for it, whatever the policy: policies are compared on the
same luck (common random numbers).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Lead times drawn per series; the order after the last takes the first again.
DRAWS = 64
PERIODS_MAX = 3_650

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Market:
    """What happens to every policy alike. Rows are series.

    `demand` (series, periods) units; `lead` (series, draws) periods of the 1st, 2nd, ... order; `opening` units on
    hand before the first period; `inbound` (series, any number of periods) units already ordered, by the period in
    which they arrive.
    """

    demand: Ints
    lead: Ints
    opening: Ints
    inbound: Ints | None = None

    @property
    def series(self) -> int:
        return int(self.demand.shape[0])

    @property
    def periods(self) -> int:
        return int(self.demand.shape[1])


@dataclass(frozen=True, slots=True)
class Supply:
    """What a supplier accepts and how long goods keep, one entry per series.

    `moq` units, 0 or 1 = any; `multiple` units >= 1; `review` periods between two looks >= 1; `shelf_life` periods
    a unit can be sold, counted from its arrival, None = for ever.
    """

    moq: Ints
    multiple: Ints
    review: Ints
    shelf_life: Ints | None = None


@dataclass(frozen=True, slots=True)
class OrderLevels:
    """Order when position <= `reorder_point`, up to `order_up_to`; `multiple` overrules the supplier's.

    (s,S): as it stands. (R,S): reorder_point = order_up_to - 1. (s,nQ): order_up_to = reorder_point + 1 and
    multiple = Q, which makes the smallest n that lifts the position above s.
    """

    reorder_point: Ints
    order_up_to: Ints
    multiple: Ints | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a policy may know at the end of period `period` (0-based; -1 before the first).

    `demand` and `observed` are (series, periods so far) of the simulated time: with `censored` simulation a period
    that ran out shows its sales and is not observed. `on_hand` is what is there now less what customers wait for,
    `due` (series, coming periods) what is on order, by the period in which it arrives (lead times are known once an
    order is placed). Views: copy what is kept.
    """

    period: int
    demand: Ints
    observed: NDArray[np.bool_]
    on_hand: Ints
    due: Ints


# Asked before the first period and after every one; None leaves the levels as they are.
Steering = Callable[[Seen], OrderLevels | None]


@dataclass(frozen=True, slots=True)
class Replay:
    """What one policy did to each series. Units unless said otherwise.

    opening + inbound at start + ordered = sold + wasted + closing + in_transit, and demand = sold + lost + waiting.
    """

    periods: int
    opening: Ints
    inbound: Ints
    demand: Ints
    sold: Ints
    lost: Ints
    waiting: Ints  # backordered at the end
    late: Ints  # units not served at once: lost, or served late
    wasted: Ints
    received: Ints
    ordered: Ints
    closing: Ints
    in_transit: Ints
    orders: Ints  # order lines
    short_periods: Ints  # periods in which somebody was not served at once
    stock: Floats  # mean units on hand at the end of a period
    waiting_mean: Floats  # mean units backordered at the end of a period

    @property
    def fill_rate(self) -> float:
        """Share of all units wanted that were served at once from stock; 1.0 when nothing was wanted."""
        wanted = int(self.demand.sum())
        return 1.0 - int(self.late.sum()) / wanted if wanted else 1.0


def draw_lead_times(mean: Floats, sd: Floats, *, seed: int, draws: int = DRAWS) -> Ints:
    """(series, draws) whole periods, gamma distributed with this mean and standard deviation per series.

    Row i depends on seed and i only: leaving out the last series changes nothing for the others. What is drawn beyond
    PERIODS_MAX counts as that: a replay keeps room for every period that goods may still be under way.
    """
    out = np.empty((mean.size, draws), np.int64)
    for row in range(mean.size):
        if sd[row] <= 0 or mean[row] <= 0:
            out[row] = round(float(mean[row]))
            continue
        shape = (mean[row] / sd[row]) ** 2
        drawn = np.random.default_rng((seed, row)).gamma(shape, mean[row] / shape, draws)
        out[row] = np.rint(np.minimum(drawn, max(PERIODS_MAX, mean[row])))
    return np.maximum(out, 0)


def simulate(
    market: Market, supply: Supply, steering: Steering, *, backorders: bool = False, censored: bool = False
) -> Replay:
    """Replay `market` under the levels that `steering` gives. The same arguments give the same answer."""
    state = _State.at_start(market, supply)
    levels = steering(state.seen(-1))
    assert levels is not None, "a policy has levels from the start"
    for period in range(market.periods):
        state.receive(period)
        state.sell(period, backorders=backorders, censored=censored)
        state.discard(period)
        state.count()
        levels = steering(state.seen(period)) or levels
        state.order(period, levels)
    return state.result()


def fixed(levels: OrderLevels) -> Steering:
    """The same levels for ever."""
    return lambda seen: levels if seen.period < 0 else None


def scheduled(by_period: dict[int, OrderLevels]) -> Steering:
    """Levels worked out beforehand, by the period after which they hold; -1 is needed."""
    return lambda seen: by_period.get(seen.period)


class _State:
    """The books of one replay; time-major, because one period of all series is worked on at once."""

    def __init__(self, market: Market, supply: Supply) -> None:
        series, periods = market.series, market.periods
        self.market, self.supply = market, supply
        self.demand = np.ascontiguousarray(market.demand.T)
        self.known = self.demand.copy()
        self.observed = np.ones((periods, series), np.bool_)
        self.on_hand = market.opening.astype(np.int64).copy()
        self.waiting = np.zeros(series, np.int64)
        longest = int(market.lead.max(initial=0)) + 2
        ahead = 0 if market.inbound is None else market.inbound.shape[1]
        self.due = np.zeros((max(periods + longest, ahead), series), np.int64)
        if market.inbound is not None:
            self.due[:ahead] = market.inbound.T
        self.inbound = self.due.sum(axis=0)
        self.on_order = self.inbound.copy()
        self.orders = np.zeros(series, np.int64)
        self.multiple = np.maximum(supply.multiple, 1)
        self.moq = np.maximum(supply.moq, 1)
        self.age = None if supply.shelf_life is None else np.minimum(np.maximum(supply.shelf_life, 1), periods + 1)
        self.came = np.zeros((periods + 1, series), np.int64)  # arrived until and with period - 1 (row 0: opening)
        self.came[0] = self.on_hand
        self.gone = np.zeros(series, np.int64)
        self.rows = np.arange(series)
        names = ("sold", "lost", "late", "wasted", "received", "ordered", "short", "stock", "waited")
        self.sum = {name: np.zeros(series, np.int64) for name in names}

    @staticmethod
    def at_start(market: Market, supply: Supply) -> "_State":
        assert market.demand.min(initial=0) >= 0, "demand is netted and never negative"
        return _State(market, supply)

    def seen(self, period: int) -> Seen:
        until = period + 1
        here = self.on_hand - self.waiting
        return Seen(period, self.known[:until].T, self.observed[:until].T, here, self.due[until:].T)

    def receive(self, period: int) -> None:
        arriving = self.due[period]
        self.on_hand += arriving
        self.on_order -= arriving
        self.sum["received"] += arriving
        self.came[period + 1] = self.came[period] + arriving

    def sell(self, period: int, *, backorders: bool, censored: bool) -> None:
        wanted = self.demand[period]
        cleared = np.minimum(self.on_hand, self.waiting)
        self.on_hand -= cleared
        self.waiting -= cleared
        served = np.minimum(self.on_hand, wanted)
        self.on_hand -= served
        missed = wanted - served
        self.gone += served + cleared
        self.sum["sold"] += served + cleared
        self.sum["late"] += missed
        self.sum["short"] += missed > 0
        if backorders:
            self.waiting += missed
        else:
            self.sum["lost"] += missed
        if censored:
            self.known[period] = served
            self.observed[period] = self.on_hand > 0

    def discard(self, period: int) -> None:
        """First in, first out: what arrived `age` periods ago and is not gone by now is too old."""
        if self.age is None:
            return
        oldest = period + 1 - self.age
        arrived = np.where(oldest >= 0, self.came[np.maximum(oldest + 1, 0), self.rows], 0)
        wasted = np.maximum(arrived - self.gone, 0)
        self.gone += wasted
        self.on_hand -= wasted
        self.sum["wasted"] += wasted

    def count(self) -> None:
        self.sum["stock"] += self.on_hand
        self.sum["waited"] += self.waiting

    def order(self, period: int, levels: OrderLevels) -> None:
        position = self.on_hand + self.on_order - self.waiting
        need = levels.order_up_to - position
        wanted = (position <= levels.reorder_point) & (need > 0) & ((period + 1) % self.supply.review == 0)
        rows = np.flatnonzero(wanted)
        if not rows.size:
            return
        multiple = self.multiple[rows] if levels.multiple is None else np.maximum(levels.multiple[rows], 1)
        quantity = np.maximum(need[rows], self.moq[rows])
        quantity = -(-quantity // multiple) * multiple
        lead = self.market.lead[rows, self.orders[rows] % self.market.lead.shape[1]]
        self.due[period + 1 + lead, rows] += quantity
        self.on_order[rows] += quantity
        self.orders[rows] += 1
        self.sum["ordered"][rows] += quantity

    def result(self) -> Replay:
        periods = self.market.periods
        return Replay(
            periods=periods,
            opening=self.market.opening.astype(np.int64),
            inbound=self.inbound,
            demand=self.demand.sum(axis=0),
            sold=self.sum["sold"],
            lost=self.sum["lost"],
            waiting=self.waiting,
            late=self.sum["late"],
            wasted=self.sum["wasted"],
            received=self.sum["received"],
            ordered=self.sum["ordered"],
            closing=self.on_hand,
            in_transit=self.on_order,
            orders=self.orders,
            short_periods=self.sum["short"],
            stock=self.sum["stock"] / max(periods, 1),
            waiting_mean=self.sum["waited"] / max(periods, 1),
        )
