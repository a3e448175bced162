"""What the forecast says about small histories anyone can read."""

import math
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.demand import (
    DEMAND_CLASSES,
    DemandForecast,
    DemandHistory,
    DemandMethod,
    ExponentialSmoothing,
    LevelFit,
    MovingAverage,
    cap_bulk_days,
    classify,
    forecast_demand,
    method_named,
    without_unsold_start,
)
from holdfast.demand import model as demand_model

METHODS: list[DemandMethod] = [ExponentialSmoothing(), MovingAverage()]


def history(*rows: list[int], observed: list[list[int]] | None = None) -> DemandHistory:
    quantity = np.array(rows, np.int32).reshape(len(rows), -1)
    seen = np.ones(quantity.shape, bool) if observed is None else np.array(observed, bool)
    return DemandHistory(quantity, seen)


def poisson(mean: float, days: int, seed: int, series: int = 1) -> NDArray[np.int64]:
    return np.random.default_rng(seed).poisson(mean, (series, days))


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_the_same_sale_every_day_is_forecast_as_itself_with_the_spread_of_chance(method: DemandMethod) -> None:
    forecast = forecast_demand(history([7] * 120), 10, method)
    assert forecast.daily_mean == pytest.approx([7.0])
    assert forecast.daily_sd == pytest.approx([math.sqrt(7)])
    assert forecast.mean_over(10) == pytest.approx([70.0])


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_a_series_without_an_observed_day_says_nothing(method: DemandMethod) -> None:
    forecast = forecast_demand(history([0] * 90, observed=[[0] * 90]), 10, method)
    assert (forecast.daily_mean[0], forecast.daily_sd[0]) == (0.0, 0.0)
    assert forecast.quantile_over(0.99, 10)[0] == 0
    assert forecast.observed_days[0] == 0


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_one_observed_day_counts_as_one_sale_day_in_a_week(method: DemandMethod) -> None:
    forecast = forecast_demand(history([0] * 89 + [14], observed=[[0] * 89 + [1]]), 7, method)
    assert forecast.daily_mean == pytest.approx([2.0])
    assert forecast.quantile_over(0.95, 7)[0] > 14, "one day is known to be little knowledge"


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_a_month_without_stock_does_not_lower_the_forecast(method: DemandMethod) -> None:
    sold = [10] * 150 + [0] * 30
    masked = forecast_demand(history(sold, observed=[[1] * 150 + [0] * 30]), 14, method)
    believed = forecast_demand(history(sold), 14, method)
    assert masked.daily_mean == pytest.approx([10.0])
    assert believed.daily_mean[0] < 8.0


def test_a_silent_tail_with_stock_on_the_shelf_lowers_the_forecast_to_almost_nothing() -> None:
    forecast = forecast_demand(history([10] * 100 + [0] * 200), 14)
    assert forecast.daily_mean[0] < 0.5


def test_days_before_the_first_sale_are_not_days_without_demand() -> None:
    sold = np.array([[0, 0, 3, 0, 1], [0, 0, 0, 0, 0]])
    observed = without_unsold_start(sold, np.ones((2, 5), bool))
    assert observed.tolist() == [[False, False, True, True, True], [False] * 5]


def test_smoothing_follows_a_jump_and_stays_calm_in_noise() -> None:
    jump = forecast_demand(history([5] * 200 + [20] * 60), 14)
    assert jump.daily_mean[0] > 15
    calm = forecast_demand(DemandHistory(poisson(5, 365, 1), np.ones((1, 365), bool)), 14)
    assert calm.daily_mean[0] == pytest.approx(5, abs=0.5)


def test_the_stated_95_percent_level_is_met_about_95_times_in_100() -> None:
    """2,000 Poisson series of 180 days, then 14 days that were not shown: 3 binomial sd is 1.5 points."""
    quantity = poisson(2.5, 194, 2, series=2_000)
    forecast = forecast_demand(DemandHistory(quantity[:, :180], np.ones((2_000, 180), bool)), 14)
    covered = np.mean(quantity[:, 180:].sum(axis=1) <= forecast.quantile_over(0.95, 14))
    assert 0.935 <= covered <= 0.99


def test_the_spread_of_independent_days_grows_with_the_root_of_time() -> None:
    quantity = poisson(20, 365, 3, series=400)
    forecast = forecast_demand(DemandHistory(quantity, np.ones((400, 365), bool)), 14)
    assert np.median(forecast.variance_over(14)) == pytest.approx(14 * 20, rel=0.25)


def test_an_uncertain_lead_time_adds_mean_squared_times_its_variance() -> None:
    forecast = forecast_demand(history([10] * 100), 5)
    assert forecast.variance_over(5, 2.0) - forecast.variance_over(5) == pytest.approx([10.0**2 * 2.0**2])


def test_series_with_different_protection_times_get_their_own_answer() -> None:
    quantity = poisson(3, 200, 4, series=6)
    full = np.ones((6, 200), bool)
    lengths = np.array([3, 21, 3, 9, 21, 1])
    together = forecast_demand(DemandHistory(quantity, full), lengths)
    for row, length in enumerate(lengths):
        alone = forecast_demand(DemandHistory(quantity[row : row + 1], full[:1]), length)
        assert together.daily_mean[row] == pytest.approx(alone.daily_mean[0])
        assert together.daily_sd[row] == pytest.approx(alone.daily_sd[0])


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    quantity = poisson(1, 100, 5, series=25)
    whole = forecast_demand(DemandHistory(quantity, np.ones((25, 100), bool)), np.arange(25) % 4 + 1)
    monkeypatch.setattr(demand_model, "CHUNK_SERIES", 4)
    parts = forecast_demand(DemandHistory(quantity, np.ones((25, 100), bool)), np.arange(25) % 4 + 1)
    np.testing.assert_allclose(parts.daily_mean, whole.daily_mean)
    np.testing.assert_allclose(parts.level_variance, whole.level_variance)


def test_no_series_and_no_days_are_answered_too() -> None:
    assert forecast_demand(DemandHistory(np.zeros((0, 30)), np.zeros((0, 30), bool)), 7).daily_mean.size == 0
    empty = forecast_demand(DemandHistory(np.zeros((2, 0)), np.zeros((2, 0), bool)), 7)
    assert empty.daily_mean.tolist() == [0.0, 0.0]


def test_a_protection_time_longer_than_the_history_is_answered() -> None:
    forecast = forecast_demand(history([4, 0, 6, 2] * 10), 120)
    assert forecast.quantile_over(0.95, 120)[0] > forecast.mean_over(120)[0] > 0


def test_a_bulk_order_is_cut_to_six_mean_sale_days_and_counted() -> None:
    sold = [5] * 99 + [2_000]
    capped, excess = cap_bulk_days(history(sold, [5] * 100, [1] * 99 + [25]))
    assert capped.quantity[0, -1] == 150, "(99 x 5 + 2000) / 100 = 24.95 a sale day; six of them"
    assert excess.tolist() == [1_850, 0, 0], "25 units are under 30: never a bulk order"
    assert forecast_demand(history(sold), 7).daily_mean[0] < 30


@pytest.mark.parametrize(
    ("week", "demand_class"),
    [
        ([[1] * 7] * 12, "smooth"),
        ([[1, 0, 0, 0, 0, 0, 0], [40, 0, 0, 0, 0, 0, 0]] * 6, "erratic"),
        ([[4, 0, 0, 0, 0, 0, 0], [0] * 7] * 6, "intermittent"),
        ([[1, 0, 0, 0, 0, 0, 0], [0] * 7, [40, 0, 0, 0, 0, 0, 0], [0] * 7] * 3, "lumpy"),
        ([[0] * 7] * 12, "none"),
    ],
)
def test_demand_classes_are_read_from_weeks(week: list[list[int]], demand_class: str) -> None:
    index = classify(history([day for days in week for day in days]))[0]
    assert DEMAND_CLASSES[index] == demand_class


def test_a_trend_is_percent_of_the_mean_per_week_and_noise_has_none() -> None:
    rising = [100 + day for day in range(91)]
    forecast = forecast_demand(history(rising, [3] * 91), 7)
    assert forecast.trend_pct_per_week[0] == pytest.approx(100 * 7 / 145.0, rel=0.01)
    assert forecast.trend_pct_per_week[1] == 0.0
    noise = forecast_demand(DemandHistory(poisson(2, 91, 6, series=500), np.ones((500, 91), bool)), 7)
    assert np.mean(noise.trend_pct_per_week != 0) < 0.1


def test_the_band_ends_where_the_quantile_over_that_many_days_is() -> None:
    forecast = forecast_demand(DemandHistory(poisson(4, 200, 7), np.ones((1, 200), bool)), 14)
    band = forecast.band(90, (0.1, 0.5, 0.9))
    assert band.shape == (1, 3, 90)
    assert band[0, 2, 89] == forecast.quantile_over(0.9, 90)[0]
    assert np.all(np.diff(band, axis=1) >= 0), "quantiles do not cross"
    assert np.all(np.diff(band, axis=2) >= 0), "summed demand does not shrink"


def test_a_method_of_ones_own_can_be_put_in() -> None:
    class Fixed:
        name = "fixed"

        def fit(self, history: DemandHistory, protection_days: NDArray[np.int64]) -> LevelFit:
            days = protection_days.astype(np.float64)
            return LevelFit(days, 0.0 * days, 0.0 * days)

    forecast: DemandForecast = forecast_demand(history([1] * 30, [1] * 30), [2, 5], cast(DemandMethod, Fixed()))
    assert forecast.daily_mean.tolist() == [2.0, 5.0]


def test_methods_are_found_by_the_name_stored_with_a_forecast() -> None:
    assert isinstance(method_named("ses-negbin"), ExponentialSmoothing)
    assert isinstance(method_named("moving-average"), MovingAverage)


def test_a_month_of_history_knows_how_little_it_knows() -> None:
    """2,000 series of 30 days, windows of 14: two whole windows are no measure of spread by themselves."""
    quantity = poisson(2.5, 44, 9, series=2_000)
    forecast = forecast_demand(DemandHistory(quantity[:, :30], np.ones((2_000, 30), bool)), 14)
    covered = np.mean(quantity[:, 30:].sum(axis=1) <= forecast.quantile_over(0.95, 14))
    assert 0.93 <= covered <= 0.995
    certain = DemandHistory(np.tile(quantity[:, :30], (1, 12)), np.ones((2_000, 360), bool))
    assert np.mean(forecast.level_variance) > 1.5 * np.mean(forecast_demand(certain, 14).level_variance)
