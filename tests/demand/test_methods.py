"""Every method against demand whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.demand import (
    LEVELS,
    METHODS,
    DemandHistory,
    DemandMethod,
    Intermittent,
    MovingAverage,
    Occasion,
    Period,
    Selected,
    WindowBootstrap,
    by_likeness,
    effect_of,
    forecast_demand,
    forecast_with_occasions,
    method_named,
)
from holdfast.demand.shape import pinball

ALL: list[DemandMethod] = list(METHODS.values())


def whole(quantity: NDArray[np.generic], period: Period = Period.DAY) -> DemandHistory:
    return DemandHistory(quantity, np.ones(quantity.shape, bool), period)  # type: ignore[arg-type]


def poisson(mean: float, periods: int, seed: int, series: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).poisson(mean, (series, periods))


def quantiles(history: DemandHistory, length: int, method: DemandMethod) -> NDArray[np.float64]:
    forecast = forecast_demand(history, length, method, cap_bulk=False)
    return forecast.quantile_over(np.array(LEVELS)[:, None], length).T.astype(np.float64)


@pytest.mark.parametrize("method", ALL, ids=lambda m: m.name)
def test_each_method_meets_its_95_percent_on_plain_chance(method: DemandMethod) -> None:
    """600 Poisson series, 14 days that were not shown: 3 binomial sd is 2.7 points below; counts only add above."""
    quantity = poisson(1.5, 214, 11, 600)
    found = quantiles(whole(quantity[:, :200]), 14, method)
    assert 0.915 <= np.mean(quantity[:, 200:].sum(axis=1) <= found[:, 3]) <= 0.995
    assert np.all(np.diff(found, axis=1) >= 0), "quantiles do not cross"


@pytest.mark.parametrize("method", ALL, ids=lambda m: m.name)
@pytest.mark.parametrize("period", list(Period))
def test_each_method_answers_short_empty_and_silent_series_of_any_period(method: DemandMethod, period: Period) -> None:
    rows = [[0] * 30, [0] * 29 + [5], [5] + [0] * 29, [3] * 30, [10**6] * 30]
    history = DemandHistory(np.array(rows), np.array([[0] * 30, *([[1] * 30] * 4)], bool), period)
    for used in (history, history.until(2), history.until(0)):
        forecast = forecast_demand(used, 5, method)
        assert np.isfinite(forecast.daily_mean).all()
        assert forecast.quantile_over(0.99, 5)[0] == 0
        assert forecast.band(9).shape == (5, 3, 9)


@pytest.mark.parametrize("method", ALL, ids=lambda m: m.name)
def test_what_is_not_observed_changes_no_forecast(method: DemandMethod) -> None:
    quantity = poisson(2.0, 120, 12, 20)
    observed = np.random.default_rng(13).random(quantity.shape) < 0.8
    wild = np.where(observed, quantity, 10_000)
    plain = forecast_demand(DemandHistory(quantity, observed), 7, method)
    assert forecast_demand(DemandHistory(wild, observed), 7, method).daily_mean == pytest.approx(plain.daily_mean)


def test_an_item_that_died_is_seen_to_die_by_the_intermittent_method() -> None:
    sold = np.zeros((1, 300), np.int64)
    sold[0, 5:150:10] = 4
    assert forecast_demand(whole(sold), 14, Intermittent()).mean_over(14)[0] < 0.05
    assert forecast_demand(whole(sold[:, :150]), 14, Intermittent()).mean_over(14)[0] > 2


def test_the_bootstrap_finds_two_heaps_that_no_bell_has() -> None:
    """Every third week an order of 100, else nothing: 90 % of windows hold 0 or 100 and none holds 50."""
    sold = np.zeros((1, 364), np.int64)
    sold[0, 10::21] = 100
    found = quantiles(whole(sold), 7, WindowBootstrap())[0]
    assert found.tolist() == [0, 100, 100, 100, 100]


def test_a_year_ago_tells_the_season() -> None:
    """Months of 5 and, in December, of 60, three years: what comes is December."""
    rng = np.random.default_rng(14)
    level = np.tile([5.0] * 11 + [60.0], 3)[:35]
    history = whole(rng.poisson(level, (50, 35)), Period.MONTH)
    seasonal = forecast_demand(history, 1, method_named("seasonal-negbin")).daily_mean.mean()
    assert seasonal > 2 * forecast_demand(history, 1, MovingAverage()).daily_mean.mean()


def test_selection_takes_to_a_step_and_leaves_what_is_steady() -> None:
    step = np.concatenate([poisson(2, 250, 15, 60), poisson(12, 50, 16, 60)], axis=1)
    chosen = forecast_demand(whole(step), 7, Selected())
    assert chosen.daily_mean.mean() > 10
    assert chosen.method_names is not None
    assert np.mean(chosen.method_names == "all-history-negbin") < 0.1
    assert np.all(np.isfinite(chosen.expected_error)), "every choice says what it cost so far"  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["steady", "lumpy", "step", "weekly"])
def test_selection_is_no_worse_than_the_naive_method_on_what_came(kind: str) -> None:
    """300 series, loss of the 14 days not shown; 3 % is the noise of choosing among equals."""
    rng = np.random.default_rng(17)
    series, periods = 300, 280
    mean = {"steady": 2.0, "lumpy": 0.15, "step": 1.0, "weekly": 2.0}[kind] * np.ones(periods)
    if kind == "step":
        mean[200:] = 4.0
    if kind == "weekly":
        mean = mean * np.array([0.2, 0.2, 0.2, 0.4, 1, 2.5, 2.5])[np.arange(periods) % 7]
    sold = rng.poisson(mean, (series, periods)) * (rng.integers(1, 40, (series, periods)) if kind == "lumpy" else 1)
    past, came = whole(sold[:, :-14]), sold[:, -14:].sum(axis=1).astype(np.float64)
    naive, chosen = (pinball(quantiles(past, 14, m), came).mean() for m in (MovingAverage(), Selected()))
    assert chosen <= 1.03 * naive


def test_fractions_are_forecast_in_their_own_unit() -> None:
    kilos = poisson(3, 120, 18, 40) * 0.25
    forecast = forecast_demand(whole(kilos), 7)
    found = forecast.quantile_over(0.9, 7)
    assert forecast.unit == 0.25
    assert np.all(found * 4 == np.rint(found * 4))
    assert np.mean(found) == pytest.approx(np.mean(forecast_demand(whole(kilos * 4), 7).quantile_over(0.9, 7)) / 4)


def test_a_new_product_is_forecast_like_its_category_and_soon_like_itself() -> None:
    observed = np.ones((12, 100), bool)
    observed[10:] = False
    observed[11, -14:] = True
    quantity = np.concatenate([poisson(4, 100, 19, 10), np.zeros((2, 100), np.int64)])
    quantity[11, -14:] = 20
    forecast = forecast_demand(DemandHistory(quantity, observed), 7)
    likened = by_likeness(forecast, ["tea"] * 12)
    assert likened.daily_mean[10] == pytest.approx(4, abs=0.5)
    assert likened.daily_mean[11] == pytest.approx((20 + 4) / 2, abs=0.6)
    assert likened.daily_mean[:10] == pytest.approx(forecast.daily_mean[:10])
    assert likened.quantile_over(0.95, 7)[10] > likened.quantile_over(0.95, 7)[:10].mean()
    alone = by_likeness(forecast.rows(slice(10, 12)), ["tea"] * 2)
    assert alone.daily_mean.tolist() == forecast.daily_mean[10:].tolist(), "nothing to be likened to"


def test_a_promotion_is_taken_out_of_the_past_and_put_into_the_coming_window() -> None:
    on = np.zeros((1, 134), bool)
    on[0, 20:120:10] = True
    on[0, 120:127] = True
    sold = np.where(on[:, :120], poisson(15, 120, 20, 200), poisson(5, 120, 21, 200))
    promotion = Occasion("promotion", on)
    assert effect_of(whole(sold), promotion) == pytest.approx(3, rel=0.05)
    coming = forecast_with_occasions(whole(sold), 7, [promotion])
    assert np.median(coming.daily_mean) == pytest.approx(15, rel=0.1)
    later = replace(promotion, on=np.concatenate([on[:, :120], on[:, 127:]], axis=1))
    assert np.median(forecast_with_occasions(whole(sold), 7, [later]).daily_mean) == pytest.approx(5, rel=0.1)
