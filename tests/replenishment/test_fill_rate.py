"""Fill rates: the loss functions against brute sums, the reorder point against the simulator."""

from typing import Any

import numpy as np
import pytest

from holdfast.demand import negbin_cdf
from holdfast.replenishment.fill_rate import (
    Waits,
    expected_fill_rate,
    expected_shortage,
    reorder_point_for_fill_rate,
    short_share,
    summed_shortage,
)
from holdfast.replenishment.simulation import Market, OrderLevels, Supply, fixed, simulate


@pytest.mark.parametrize(("mean", "variance"), [(3.0, 3.0), (3.0, 9.0), (50.0, 400.0), (0.2, 1.0), (0.2, 0.2)])
def test_losses_are_the_sums_they_stand_for(mean: float, variance: float) -> None:
    beyond = 1.0 - negbin_cdf(np.arange(4000), mean, variance)
    first = np.cumsum(beyond[::-1])[::-1]
    second = np.cumsum(first[::-1])[::-1]
    count = np.array([0, 1, 3, 10, 60])
    np.testing.assert_allclose(expected_shortage(count, mean, variance), first[count], atol=1e-10)
    np.testing.assert_allclose(summed_shortage(count, mean, variance), second[count], atol=1e-9)


def test_no_demand_is_never_short() -> None:
    assert expected_shortage(0, 0.0, 0.0) == 0
    assert summed_shortage(0, 0.0, 4.0) == 0
    nothing = Waits(*(np.zeros(1) for _ in range(4)))
    assert reorder_point_for_fill_rate(nothing, 0.95, 5).tolist() == [0]
    assert short_share(nothing, 0, 5).tolist() == [0.0]
    assert expected_fill_rate(nothing, np.zeros(1), 5) == 1.0


def stationary(daily: float, day_variance: float, lead: float) -> Waits:
    days = np.array([lead, lead + 1.0])
    mean, variance = days * daily, days * day_variance
    return Waits(mean[:1], variance[:1], mean[1:], variance[1:])


@pytest.mark.parametrize("lost_sales", [False, True])
@pytest.mark.parametrize(("target", "lot", "lead"), [(0.90, 40, 5), (0.95, 10, 5), (0.98, 120, 12), (0.99, 1, 3)])
def test_the_reorder_point_reaches_the_fill_rate_in_simulation(
    target: float, lot: int, lead: int, lost_sales: bool
) -> None:
    """Negative binomial days of mean 4 and variance 12 for 40 x 5,000 days; (s, nQ), looked at every day."""
    waits = stationary(4.0, 12.0, lead)
    point = reorder_point_for_fill_rate(waits, target, lot, lost_sales=lost_sales)
    demand = np.random.default_rng(8).negative_binomial(2.0, 2.0 / 6.0, (40, 5_000))
    one = np.ones(40, np.int64)
    levels = OrderLevels(one * point, one * point + 1, one * lot)
    market = Market(demand, one[:, None] * lead, one * (point + lot))
    replay = simulate(market, Supply(one, one, one), fixed(levels), backorders=not lost_sales)
    expected = 1.0 - short_share(waits, point, lot, lost_sales=lost_sales)[0]
    # With waiting the formula is exact; with lost sales, and lots smaller than the lead-time demand, it is careful.
    above = 0.02 if lost_sales else 0.004
    assert expected - 0.004 <= replay.fill_rate <= expected + above
    assert replay.fill_rate > target - 0.004
    lower = short_share(waits, point - 1, lot, lost_sales=lost_sales)
    assert 1.0 - lower[0] < target, "one unit less would not do"


def test_larger_lots_need_less_buffer_and_higher_targets_more() -> None:
    waits = stationary(4.0, 12.0, 7)

    def point(target: float, lot: int) -> Any:
        return reorder_point_for_fill_rate(waits, target, lot)[0]

    assert point(0.95, 400) < point(0.95, 40) < point(0.95, 4)
    assert point(0.90, 40) < point(0.95, 40) < point(0.99, 40)


def test_what_is_lost_does_not_wait_to_be_short_again() -> None:
    """Far too little stock: with waiting much more is short than where people leave, in formula and simulation."""
    waits = stationary(4.0, 12.0, 10)
    one = np.ones(40, np.int64)
    demand = np.random.default_rng(9).negative_binomial(2.0, 2.0 / 6.0, (40, 3_000))
    levels = fixed(OrderLevels(one * 0, one * 1, one * 60))
    market = Market(demand, one[:, None] * 10, one * 60)
    for lost_sales in (False, True):
        replay = simulate(market, Supply(one, one, one), levels, backorders=not lost_sales)
        formula = 1.0 - short_share(waits, 0, 60, lost_sales=lost_sales)[0]
        assert replay.fill_rate == pytest.approx(formula, abs=0.03), lost_sales
