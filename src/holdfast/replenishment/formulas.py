"""Closed formulas of inventory theory, each with its source; the tests check them against another library. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.replenishment.fill_rate import expected_shortage, summed_shortage
from holdfast.replenishment.model import economic_order_quantity

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Demand beyond this many standard deviations adds nothing to a cost that a double could show.
_TAIL = 12.0


def lot_with_price_breaks(
    *,
    demand_per_year: Floats,
    order_cost: Floats,
    holding_rate_per_year: Floats,
    break_from: Floats,
    unit_price: Floats,
) -> tuple[Floats, Floats]:
    """Cheapest lot and its yearly cost (goods included) where all units get the price of the bracket the lot is in.

    `break_from` and `unit_price` are (lines, brackets), brackets in rising order, the first from 0; a bracket that
    does not exist has price inf. Every bracket's own EOQ, lifted to its start, is tried: Hadley & Whitin (1963);
    Silver, Pyke & Thomas 4.5.
    """
    demand = demand_per_year[:, None]
    exists = np.isfinite(unit_price)
    price = np.where(exists, unit_price, 1.0)
    holding = holding_rate_per_year[:, None] * price
    lot = economic_order_quantity(
        demand_per_year=np.broadcast_to(demand, price.shape),
        order_cost=np.broadcast_to(order_cost[:, None], price.shape),
        holding_cost_per_unit_year=holding,
    )
    lot = np.maximum(lot, break_from)
    ends = np.concatenate([break_from[:, 1:], np.full((price.shape[0], 1), np.inf)], axis=1)
    safe = np.maximum(lot, 1e-300)
    cost = price * demand + order_cost[:, None] * demand / safe + holding * lot / 2.0
    cost = np.where(exists & (lot < ends) & (lot > 0), cost, np.inf)
    best = np.argmin(cost, axis=1)
    pick = best[:, None]
    return np.take_along_axis(lot, pick, axis=1)[:, 0], np.take_along_axis(cost, pick, axis=1)[:, 0]


def r_q_cost(
    *,
    reorder_point: ArrayLike,
    lot: ArrayLike,
    demand_rate: ArrayLike,
    lead_mean: ArrayLike,
    lead_variance: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    backorder_cost: ArrayLike,
) -> Floats:
    """Cost per period of a continuously reviewed (r, Q) policy where customers wait; costs per unit and period.

    The position is spread evenly over r+1 ... r+Q, so backorders are the mean of the loss function there and stock
    is what is left of the balance (Zipkin 2000, 6.2; Axsäter 5.3.2). Demand in the lead time is negative binomial,
    Poisson where its variance is not above its mean.
    """
    r, q = np.asarray(reorder_point, np.float64), np.asarray(lot, np.float64)
    mean = np.asarray(lead_mean, np.float64)
    waiting = (summed_shortage(r + 1.0, mean, lead_variance) - summed_shortage(r + q + 1.0, mean, lead_variance)) / q
    stock = r + (q + 1.0) / 2.0 - mean + waiting
    ordering = np.asarray(order_cost) * np.asarray(demand_rate) / q
    return np.asarray(ordering + np.asarray(holding_cost) * stock + np.asarray(backorder_cost) * waiting, np.float64)


def s_s_cost(
    *,
    reorder_point: int,
    order_up_to: int,
    probability: Floats,
    order_cost: float,
    holding_cost: float,
    backorder_cost: float,
) -> float:
    """Cost per period of (s, S) with periodic review, lead time 0 and waiting customers.

    `probability[k]` is the probability that k units are wanted in a period. Renewal argument of Zheng & Federgruen
    (1991), "Finding optimal (s, S) policies is about as simple as evaluating a single policy", Operations Research 39.
    """
    span = order_up_to - reorder_point
    assert span >= 1, "S lies above s"
    visits = _visits(probability, span)
    levels = order_up_to - np.arange(span)
    each = np.array([_period_cost(int(y), probability, holding_cost, backorder_cost) for y in levels])
    return float((order_cost + visits @ each) / visits.sum())


def best_s_s(
    *, probability: Floats, order_cost: float, holding_cost: float, backorder_cost: float
) -> tuple[int, int, float]:
    """Cheapest (s, S) and its cost per period, by the algorithm of Zheng & Federgruen (1991)."""

    def period(y: int) -> float:
        return _period_cost(y, probability, holding_cost, backorder_cost)

    def cost(s: int, top: int) -> float:
        return s_s_cost(
            reorder_point=s,
            order_up_to=top,
            probability=probability,
            order_cost=order_cost,
            holding_cost=holding_cost,
            backorder_cost=backorder_cost,
        )

    lowest = 0
    while period(lowest + 1) < period(lowest):
        lowest += 1
    s, best_top = lowest - 1, lowest
    while cost(s, best_top) > period(s):
        s -= 1
    best = cost(s, best_top)
    top = best_top + 1
    while period(top) <= best:
        tried = cost(s, top)
        if tried < best:
            best_top, best = top, tried
            while cost(s, best_top) <= period(s + 1) and s + 1 < best_top:
                s += 1
            best = cost(s, best_top)
        top += 1
    return s, best_top, best


def poisson_probabilities(mean: float) -> Floats:
    """P(demand = k) for k = 0 ... until nothing is left."""
    last = int(mean + _TAIL * np.sqrt(mean) + 10)
    counts = np.arange(1, last + 1)
    return np.exp(np.concatenate([[0.0], np.cumsum(np.log(mean / counts))]) - mean)


def base_stock_fill_rate(*, base_stock: ArrayLike, lead_mean: ArrayLike, next_mean: ArrayLike) -> Floats:
    """Share of units served at once under base stock with Poisson demand and waiting customers (Axsäter 5.4).

    `lead_mean` units wanted in the lead time, `next_mean` in the one period that is served after it.
    """
    begin, wanted = np.asarray(lead_mean, np.float64), np.asarray(next_mean, np.float64)
    end = begin + wanted
    short = expected_shortage(base_stock, end, end) - expected_shortage(base_stock, begin, begin)
    return np.asarray(1.0 - short / wanted, np.float64)


def _visits(probability: Floats, span: int) -> Floats:
    """Expected periods spent at S, S-1, ..., S-span+1 in one cycle (the renewal density m)."""
    visits = np.zeros(span)
    stay = 1.0 - probability[0]
    visits[0] = 1.0 / stay
    for j in range(1, span):
        reach = np.arange(1, min(j, probability.size - 1) + 1)
        visits[j] = float(probability[reach] @ visits[j - reach]) / stay
    return visits


def _period_cost(level: int, probability: Floats, holding: float, backorder: float) -> float:
    left = level - np.arange(probability.size)
    return float(probability @ np.where(left > 0, holding * left, -backorder * left))
