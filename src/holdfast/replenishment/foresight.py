"""The least any policy could have cost, knowing every sale and every lead time: a bound, never a policy. Pure.

Wagner & Whitin (1958) with lost sales: one delivery serves the days after it for which holding is cheaper than
missing the sale. Minimum quantities, packs and reviews are left out, which can only make it cheaper; so no policy
under the same costs can come below it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holdfast.replenishment.items import Economics
from holdfast.replenishment.simulation import Floats, Ints, Market

# Nobody holds a unit longer than this many periods when the bound is computed: time grows with its square.
REACH_MAX = 400


@dataclass(frozen=True, slots=True)
class Foresight:
    """Per series: cost and its parts, orders, units missed, mean units on hand at the end of a period."""

    cost: Floats
    orders: Ints
    lost: Floats
    stock: Floats


def best_with_foresight(market: Market, economics: Economics) -> Foresight:
    """Cheapest deliveries for the demand of `market`, its opening stock and inbound used up first.

    Nothing arrives before an order of the shortest lead time drawn could.
    """
    demand, held = _after_opening(market)
    first = np.minimum(market.lead.min(axis=1) + 1, market.periods)
    cost, orders, lost, stock = _wagner_whitin(demand, first, economics)
    base = held.sum(axis=0)
    return Foresight(
        cost=cost + base * economics.holding,
        orders=orders,
        lost=lost,
        stock=(stock + base) / max(market.periods, 1),
    )


def _after_opening(market: Market) -> tuple[Floats, Floats]:
    """Demand (periods, series) that opening stock and inbound do not serve, and the stock they are meanwhile."""
    on_hand = market.opening.astype(np.float64).copy()
    demand = np.ascontiguousarray(market.demand.T.astype(np.float64))
    held = np.zeros_like(demand)
    for period in range(market.periods):
        if market.inbound is not None and period < market.inbound.shape[1]:
            on_hand += market.inbound[:, period]
        served = np.minimum(on_hand, demand[period])
        on_hand -= served
        demand[period] -= served
        held[period] = on_hand
    return demand, held


def _wagner_whitin(demand: Floats, first: Ints, economics: Economics) -> tuple[Floats, Ints, Floats, Floats]:
    """Forward over the period up to which demand is settled; every candidate is a delivery and how far it reaches."""
    periods, series = demand.shape
    holding, missing, ordering = economics.holding, economics.missing, economics.ordering
    best = np.full((periods + 1, series), np.inf)
    best[0] = 0.0
    came_from = np.full((periods + 1, series), -1, np.int64)  # start of the last delivery's reach; -1 = missed
    patience = np.full(series, np.inf)
    np.divide(missing, holding, out=patience, where=holding > 0)
    for start in range(periods):
        skipped = best[start] + missing * demand[start]
        better = skipped < best[start + 1]
        best[start + 1] = np.where(better, skipped, best[start + 1])
        came_from[start + 1] = np.where(better, -1, came_from[start + 1])
        rows = np.flatnonzero((first <= start) & (demand[start] > 0))
        if not rows.size:
            continue
        running = best[start, rows] + ordering[rows]
        for end in range(start, min(periods, start + REACH_MAX)):
            age = end - start
            running = running + demand[end, rows] * np.minimum(holding[rows] * age, missing[rows])
            better = running < best[end + 1, rows]
            hit = rows[better]
            best[end + 1, hit] = running[better]
            came_from[end + 1, hit] = start
            alive = (running < best[end + 1, rows] + ordering[rows]) & (age <= patience[rows])
            if not alive.all():
                rows, running = rows[alive], running[alive]
                if not rows.size:
                    break
    return _told(demand, came_from, best[periods], economics)


def _told(demand: Floats, came_from: Ints, cost: Floats, economics: Economics) -> tuple[Floats, Ints, Floats, Floats]:
    """Walk back along the best path and count orders, units missed and units held."""
    periods, series = demand.shape
    orders, lost, stock = np.zeros(series, np.int64), np.zeros(series), np.zeros(series)
    patience = np.full(series, np.inf)
    np.divide(economics.missing, economics.holding, out=patience, where=economics.holding > 0)
    reach = np.full(series, -2, np.int64)  # start of the delivery that serves the period looked at; -2 = look it up
    for period in range(periods - 1, -1, -1):
        start = np.where(reach == -2, came_from[period + 1], reach)
        age = period - start
        served = (start >= 0) & (age <= patience)
        lost += np.where(served, 0.0, demand[period])
        stock += np.where(served, demand[period] * age, 0.0)
        orders += start == period
        reach = np.where((start >= 0) & (start < period), start, -2)
    return cost, orders, lost, stock
