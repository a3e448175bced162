"""Sample paths: their shape, and what decides their service level and forecast."""

import numpy as np
import pytest

from holdfast.demand import DemandForecast, DemandHistory, LevelFit, Period
from holdfast.replenishment import path_choice
from holdfast.replenishment.calibration import Knob, make_market, make_scene
from holdfast.replenishment.items import Costs, Items, supply_of
from holdfast.replenishment.path_choice import critical_ratio, paths_chosen
from holdfast.replenishment.paths import Draws, PathNewsvendor, draw_paths
from holdfast.replenishment.simulation import simulate

COSTS = Costs(0.0, holding_cost_per_period=0.2, lost_sale_cost=1.0)


def items(count: int, lead_weeks: float = 2.0) -> Items:
    n = np.full(count, -1, np.int64)
    unknown = np.full(count, np.nan)
    names = np.array([f"S{k}" for k in range(count)], object)
    return Items(
        sku=names,
        location=names,
        lead_time_days=np.full(count, 7.0 * lead_weeks),
        lead_time_sd_days=np.zeros(count),
        review_days=np.full(count, 7.0),
        moq=np.ones(count, np.int64),
        order_multiple=np.ones(count, np.int64),
        unit_cost=unknown,
        price=unknown,
        reorder_point=n,
        order_up_to=n,
        max_stock=n,
        shelf_life_days=unknown,
        last_day=np.full(count, np.datetime64("NaT"), "datetime64[D]"),
    )


def forecast(shift: float | None) -> DemandForecast:
    one = np.ones(2)
    bent = None if shift is None else np.full((2, 5), shift)
    zero = np.zeros(2, np.int64)
    return DemandForecast(
        one * [6.0, 0.3], one * [12.0, 0.5], one * [2.0, 0.01], one, zero.astype(np.int8), zero, zero, bent
    )


def test_paths_have_the_quantiles_of_the_forecast_and_not_only_its_moments() -> None:
    wide = forecast(0.8)
    sums = draw_paths(wide, 3, seed=5, paths=2_000).sum(axis=2)
    for level in (0.5, 0.8, 0.95):
        found = np.quantile(sums, level, axis=1, method="inverted_cdf")
        assert np.all(np.abs(found - wide.quantile_over(level, 3)) <= 1), level
    plain = draw_paths(forecast(None), 3, seed=5, paths=2_000).sum(axis=2)
    assert sums[0].mean() > 1.3 * plain[0].mean()


def test_the_same_seed_draws_the_same_paths_and_another_seed_others() -> None:
    for told in (forecast(None), forecast(0.3)):
        first = draw_paths(told, 4, seed=5)
        assert np.array_equal(first, draw_paths(told, 4, seed=5))
        assert not np.array_equal(first, draw_paths(told, 4, seed=6))


def test_the_critical_ratio_weighs_a_lost_unit_against_holding_it_until_the_next_delivery() -> None:
    history = weeks(30)
    assert critical_ratio(make_scene(history, items(30), COSTS, start=40)) == pytest.approx(1 / 1.2)
    dear = Costs(0.0, holding_cost_per_period=1.0, lost_sale_cost=1.0)
    assert critical_ratio(make_scene(history, items(30), dear, start=40)) == pytest.approx(0.5)


def weeks(series: int, periods: int = 60, seed: int = 9) -> DemandHistory:
    level = np.random.default_rng(seed).gamma(2.0, 4.0, series)[:, None]
    quantity = np.random.default_rng(seed + 1).poisson(np.broadcast_to(level, (series, periods)))
    return DemandHistory(quantity, np.ones(quantity.shape, np.bool_), Period.WEEK)


def test_the_level_lies_between_what_was_cheapest_and_the_critical_ratio() -> None:
    history = weeks(40)
    found = paths_chosen(history, items(40), COSTS, Knob(24.0, ()), method=None, lost_sales=True, seed=1)
    assert found is not None
    assert 0.6 < found.level < 1 / 1.2 + 0.05


def test_the_model_of_the_trial_is_trained_on_what_came_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    history = weeks(60)
    seen: list[int] = []
    train = path_choice._trained

    def noted(known: DemandHistory, protection: np.ndarray) -> object:
        seen.append(known.days)
        return train(known, protection)

    monkeypatch.setattr(path_choice, "_trained", noted)
    paths_chosen(history, items(60), COSTS, Knob(24.0, ()), method=None, lost_sales=True, seed=1)
    assert seen == [34], "the trial is the last 26 of 60 weeks"


def test_every_period_of_a_replay_has_its_own_luck() -> None:
    history = weeks(5, 30)
    scene = make_scene(history, items(5), COSTS, start=20, method=Known())
    market, draws = make_market(history, scene, start=20, end=30, seed=1), Draws({})
    simulate(market, supply_of(items(5), Period.WEEK), PathNewsvendor(0.8, paths=20, draws=draws).steering(scene))
    first, *others = draws.made.values()
    assert len(others) >= 9
    assert all(not np.array_equal(first, other) for other in others)


class Known:
    """The same forecast whatever came."""

    name = "known"

    def fit(self, history: DemandHistory, protection_days: np.ndarray) -> LevelFit:
        one = np.ones(history.series)
        return LevelFit(8 * one, 16 * one, one)
