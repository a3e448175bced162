"""Formulas against an independent library, and against simulation."""

import numpy as np
import pytest
from bench.planning.formulas import (
    Check,
    base_stock_checks,
    lot_checks,
    newsvendor_checks,
    r_q_checks,
    s_s_checks,
    simulated_r_q,
)

from holdfast.replenishment.formulas import best_s_s, lot_with_price_breaks, poisson_probabilities, s_s_cost

EXACT = [*lot_checks(), *newsvendor_checks(), *s_s_checks(), *r_q_checks(), *base_stock_checks()]


@pytest.mark.parametrize(("name", "ours", "theirs"), EXACT, ids=[name for name, *_ in EXACT])
def test_a_formula_agrees_with_the_other_library(name: str, ours: float, theirs: float) -> None:
    assert ours == pytest.approx(theirs, rel=2e-4), name


def test_the_simulator_agrees_with_the_exact_cost_of_r_q() -> None:
    check: Check = simulated_r_q()
    assert check[1] == pytest.approx(check[2], rel=0.02)


def test_no_other_s_s_is_cheaper() -> None:
    chance = poisson_probabilities(3.0)
    costs = {"order_cost": 7.0, "holding_cost": 1.0, "backorder_cost": 5.0}
    s, top, best = best_s_s(probability=chance, **costs)
    for low in range(-2, 9):
        for high in range(low + 1, 18):
            other = s_s_cost(reorder_point=low, order_up_to=high, probability=chance, **costs)
            assert other >= best - 1e-9, (low, high)
    assert s < top


def test_a_missing_bracket_is_never_chosen() -> None:
    lot, cost = lot_with_price_breaks(
        demand_per_year=np.array([1000.0]),
        order_cost=np.array([10.0]),
        holding_rate_per_year=np.array([0.2]),
        break_from=np.array([[0.0, 500.0]]),
        unit_price=np.array([[5.0, np.inf]]),
    )
    assert lot[0] == pytest.approx(np.sqrt(2 * 10 * 1000 / 1.0))
    assert np.isfinite(cost[0])
