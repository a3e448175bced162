"""Our formulas beside those of `stockpyl`, an independent library: the worst difference in percent."""

from __future__ import annotations

import warnings
from statistics import NormalDist

import numpy as np

from bench.planning.sets import Folder
from holdfast.demand import negbin_quantile
from holdfast.replenishment.fill_rate import Waits, expected_shortage, short_share
from holdfast.replenishment.formulas import (
    base_stock_fill_rate,
    best_s_s,
    lot_with_price_breaks,
    poisson_probabilities,
    r_q_cost,
)
from holdfast.replenishment.model import economic_order_quantity
from holdfast.replenishment.simulation import Market, OrderLevels, Supply, fixed, simulate

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from stockpyl import eoq, loss_functions, newsvendor, rq, ss

Check = tuple[str, float, float]


def one(value: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([value])


def lot_checks() -> list[Check]:
    ours = economic_order_quantity(
        demand_per_year=one(1300.0), order_cost=one(8.0), holding_cost_per_unit_year=one(0.225)
    )
    lot, cost = lot_with_price_breaks(
        demand_per_year=one(1300.0),
        order_cost=one(8.0),
        holding_rate_per_year=one(0.3),
        break_from=np.array([[0.0, 400.0, 800.0]]),
        unit_price=np.array([[0.75, 0.72, 0.68]]),
    )
    theirs = eoq.economic_order_quantity_with_all_units_discounts(8, 0.3, 1300, [0, 400, 800], [0.75, 0.72, 0.68])
    return [
        ("economic lot", float(ours[0]), eoq.economic_order_quantity(8, 0.225, 1300)[0]),
        ("lot with price breaks", float(lot[0]), theirs[0]),
        ("its yearly cost", float(cost[0]), theirs[2]),
    ]


def newsvendor_checks() -> list[Check]:
    poisson = negbin_quantile(0.7 / (0.18 + 0.7), 50.0, 50.0)
    normal = 50.0 + NormalDist().inv_cdf(0.7 / (0.18 + 0.7)) * 8.0
    loss = expected_shortage(np.array([12.0]), 10.0, 10.0)[0]
    negbin = expected_shortage(np.array([12.0]), 10.0, 40.0)[0]
    return [
        ("newsvendor, Poisson", float(poisson), newsvendor.newsvendor_poisson(0.18, 0.7, 50)[0]),
        ("newsvendor, normal", normal, newsvendor.newsvendor_normal(0.18, 0.7, 50, 8)[0]),
        ("loss, Poisson", float(loss), loss_functions.poisson_loss(12, 10)[0]),
        (
            "loss, negative binomial",
            float(negbin),
            loss_functions.negative_binomial_loss(12, 10.0 * 10.0 / 30.0, 10.0 / 40.0)[0],
        ),
    ]


def s_s_checks() -> list[Check]:
    checks: list[Check] = []
    for mean, order_cost in ((6.0, 5.0), (12.0, 40.0)):
        ours = best_s_s(
            probability=poisson_probabilities(mean), order_cost=order_cost, holding_cost=1.0, backorder_cost=4.0
        )
        theirs = ss.s_s_discrete_exact(1, 4, order_cost, True, mean)
        for name, mine, other in zip(("s", "S", "cost"), ours, theirs, strict=True):
            checks.append((f"(s,S) Poisson {mean:g}: {name}", float(mine), float(other)))
    return checks


def r_q_checks() -> list[Check]:
    mine = r_q_cost(
        reorder_point=3, lot=5, demand_rate=1.5, lead_mean=3.0, lead_variance=3.0,
        order_cost=100, holding_cost=20, backorder_cost=150,
    )  # fmt: skip
    return [("(r,Q) Poisson: cost", float(mine), rq.r_q_cost_poisson(3, 5, 20, 150, 100, 1.5, 2))]


def base_stock_checks() -> list[Check]:
    """Fill rate in closed form, through our short share with lots of one, and in the simulator."""
    closed = float(base_stock_fill_rate(base_stock=16, lead_mean=10.0, next_mean=2.0))
    theirs = 1.0 - (loss_functions.poisson_loss(16, 12)[0] - loss_functions.poisson_loss(16, 10)[0]) / 2.0
    waits = Waits(one(10.0), one(10.0), one(12.0), one(12.0))
    shared = 1.0 - float(short_share(waits, 15, 1, lost_sales=False)[0])
    demand = np.random.default_rng(5).poisson(2.0, (400, 8_000))
    each = np.ones(400, np.int64)
    market = Market(demand, 5 * each[:, None], 16 * each)
    levels = fixed(OrderLevels(15 * each, 16 * each))
    replay = simulate(market, Supply(each, each, each), levels, backorders=True)
    return [
        ("base stock: fill rate", closed, theirs),
        ("base stock: short share", shared, theirs),
        ("base stock: simulated", replay.fill_rate, theirs),
    ]


def simulated_r_q() -> Check:
    """(r,Q) looked at once a period, of which there are 100 in a lead time: nearly continuous review."""
    demand = np.random.default_rng(6).poisson(0.03, (1_000, 20_000))
    each = np.ones(1_000, np.int64)
    market = Market(demand, 99 * each[:, None], 8 * each)
    levels = fixed(OrderLevels(3 * each, 4 * each, 5 * each))
    replay = simulate(market, Supply(each, each, each), levels, backorders=True)
    stock, waiting = float(replay.stock.mean()), float(replay.waiting_mean.mean())
    orders = float(replay.orders.mean()) / replay.periods * 50.0
    theirs = rq.r_q_cost_poisson(3, 5, 20, 150, 100, 1.5, 2)
    return ("(r,Q) Poisson: simulated", 100 * orders + 20 * stock + 150 * waiting, theirs)


def measure(folder: Folder | None) -> dict[str, float]:
    """`folder` is not needed: nothing here depends on data."""
    checks = [*lot_checks(), *newsvendor_checks(), *s_s_checks(), *r_q_checks(), *base_stock_checks()]
    exact = [_told(*check) for check in checks]
    return {"stockpyl_worst_difference_pct": max(exact), "stockpyl_r_q_difference_pct": _told(*simulated_r_q())}


def _told(name: str, mine: float, theirs: float) -> float:
    difference = 100.0 * abs(mine - theirs) / max(abs(theirs), 1e-12)
    print(f"{name:32} {mine:12.5f} {theirs:12.5f} {difference:8.4f} %")
    return difference
