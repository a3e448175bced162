"""The model learned from all series: what it may know, what it promises, and that it is the same tomorrow."""

import functools
import json
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from holdfast.demand import (
    LEVELS,
    DemandHistory,
    GlobalQuantiles,
    MovingAverage,
    best_method,
    forecast_demand,
    load_quantiles,
    train_quantiles,
)
from holdfast.demand.averaged import Averaged
from holdfast.demand.calibration import Calibration
from holdfast.demand.features import Sums, features_at
from holdfast.demand.negbin import negbin_quantile
from holdfast.demand.shape import pinball, quantiles_of, shift_to
from holdfast.demand.spread import LevelFit
from holdfast.demand.trained import Blend, Members
from holdfast.demand.training import _all_rows, _held_out, _Tried, _voted

SERIES, DAYS, LENGTH = 400, 220, 10


@functools.cache
def shop() -> DemandHistory:
    """Levels spread over two orders of magnitude, sizes geometric, each level jumping now and then."""
    rng = np.random.default_rng(31)
    level = rng.gamma(0.5, 4.0, SERIES)[:, None] * np.repeat(rng.gamma(4, 0.25, (SERIES, DAYS // 20)), 20, axis=1)
    quantity = rng.poisson(level) * rng.geometric(0.5, (SERIES, DAYS))
    return DemandHistory(quantity.astype(np.int32), np.ones((SERIES, DAYS), bool))


@functools.cache
def trained_until(day: int) -> GlobalQuantiles:
    method = train_quantiles(shop().until(day), [LENGTH], cap_bulk=False)
    assert method is not None
    return method


def quantiles(history: DemandHistory, method: GlobalQuantiles | MovingAverage) -> NDArray[np.float64]:
    forecast = forecast_demand(history, LENGTH, method, cap_bulk=False)
    return forecast.quantile_over(np.array(LEVELS)[:, None], LENGTH).T.astype(np.float64)


def test_the_future_changes_nothing_the_past_was_told() -> None:
    """Everything after the origin is made absurd; the model trained and the forecast made there are the same."""
    history, day = shop(), DAYS - LENGTH
    wild = DemandHistory(history.quantity.copy(), history.observed.copy())
    wild.quantity[:, day:] = 99_999
    again = train_quantiles(wild.until(day), [LENGTH], cap_bulk=False)
    assert again is not None
    assert np.array_equal(quantiles(history.until(day), trained_until(day)), quantiles(wild.until(day), again))
    for origin in (40, day):
        seen, level = features_at(Sums.of(history), origin, LENGTH)
        told, level_told = features_at(Sums.of(wild), origin, LENGTH)
        assert np.array_equal(seen, told, equal_nan=True)
        assert np.array_equal(level, level_told)
    assert not np.array_equal(seen, features_at(Sums.of(wild), day + 1, LENGTH)[0], equal_nan=True)


def test_it_loses_less_than_the_naive_method_and_covers_what_it_states() -> None:
    """40 days in four windows that were not shown, 1,600 sums: 3 binomial sd of 95 % are 1.6 points."""
    history = shop()
    loss = {"trained": 0.0, "naive": 0.0}
    covered: list[float] = []
    for origin in range(DAYS - 4 * LENGTH, DAYS, LENGTH):
        past, came = history.until(origin), history.quantity[:, origin : origin + LENGTH].sum(axis=1).astype(np.float64)
        found = quantiles(past, trained_until(DAYS - 4 * LENGTH))
        loss["trained"] += pinball(found, came).mean()
        loss["naive"] += pinball(quantiles(past, MovingAverage()), came).mean()
        covered.append(float(np.mean(came <= found[:, 3])))
        assert np.all(np.diff(found, axis=1) >= 0), "quantiles do not cross"
    assert loss["trained"] < loss["naive"]
    assert 0.925 <= np.mean(covered) <= 0.975


def test_the_same_history_trains_the_same_model_and_its_text_forecasts_the_same(tmp_path: Path) -> None:
    day = DAYS - LENGTH
    first = trained_until(day)
    again = train_quantiles(shop().until(day), [LENGTH], cap_bulk=False)
    assert again is not None
    first.save(tmp_path / "model.json")
    loaded = load_quantiles(tmp_path / "model.json")
    answers = [quantiles(shop(), method) for method in (first, again, loaded)]
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], answers[2])
    assert [file.name for file in tmp_path.iterdir()] == ["model.json"]
    (tmp_path / "model.json").write_text('{"format": 0}')
    with pytest.raises(ValueError, match="train again"):
        load_quantiles(tmp_path / "model.json")


def test_it_is_a_method_like_any_other_for_every_length_and_for_series_it_never_saw() -> None:
    rows = [[0] * 60, [0] * 59 + [3], [4] * 60, [10**6] * 60]
    history = DemandHistory(np.array(rows), np.array([[0] * 60, *([[1] * 60] * 3)], bool))
    forecast = forecast_demand(history, [10, 3, 25, 10], trained_until(DAYS - LENGTH))
    assert forecast.quantile_over(0.95, 10)[0] == 0
    assert forecast.mean_over(10)[3] == pytest.approx(10**7, rel=0.5), "levels far beyond any it learned on"
    band = forecast.band(90)
    assert np.all(np.diff(band, axis=1) >= 0)
    assert np.all(np.diff(band[1:], axis=2) >= -1), "summed demand does not shrink"
    assert forecast.quantile_over(0.95, 10, 4.0)[2] > forecast.quantile_over(0.95, 10)[2], "late deliveries cost stock"


def test_too_little_to_learn_from_is_forecast_series_by_series() -> None:
    small = shop().rows(slice(0, 3))
    assert train_quantiles(small.until(60), [LENGTH]) is None
    assert isinstance(best_method(small.until(60), [LENGTH]), Averaged)


def test_unobserved_days_teach_nothing() -> None:
    history = shop().until(120)
    observed = np.random.default_rng(32).random(history.observed.shape) < 0.9
    wild = np.where(observed, history.quantity, 77_777)
    methods = [train_quantiles(DemandHistory(q, observed), [LENGTH], cap_bulk=False) for q in (history.quantity, wild)]
    answers = [quantiles(DemandHistory(history.quantity, observed), method) for method in methods if method]
    assert np.array_equal(answers[0], answers[1])


def test_calibration_makes_a_bold_forecast_honest_and_leaves_an_honest_one_alone() -> None:
    """Demand is negative binomial with three times the mean as variance; the bold forecast says Poisson."""
    rng = np.random.default_rng(33)
    mean = np.repeat(rng.gamma(2, 5, 500), 8)
    demand = rng.negative_binomial(mean / 2, 1 / 3).astype(np.float64)
    origin = np.tile(np.arange(8), 500)
    learned, fresh = origin < 4, origin >= 4

    def covered(variance: NDArray[np.float64]) -> float:
        zero = np.zeros((mean.size, len(LEVELS)))
        fit = LevelFit(mean, variance, 0 * mean, zero)
        half = LevelFit(mean[learned], variance[learned], 0 * mean[learned], zero[learned])
        calibration = Calibration.learned(half, 1, demand[learned], mean[learned], origin[learned])
        found = quantiles_of(calibration.applied(fit, 1), 1)
        return float(np.mean(demand[fresh] <= found[fresh, 3]))

    bold = np.mean(demand <= quantiles_of(LevelFit(mean, mean, 0 * mean), 1)[:, 3])
    assert bold < 0.88
    assert 0.935 <= covered(mean) <= 0.97
    assert 0.935 <= covered(3 * mean) <= 0.97


@given(
    mean=st.floats(0.05, 500),
    dispersion=st.floats(1.0, 20),
    steps=st.lists(st.integers(0, 60), min_size=5, max_size=5),
)
def test_a_bent_distribution_has_the_quantiles_it_was_bent_to(mean: float, dispersion: float, steps: list[int]) -> None:
    """Within what bending may reach: counts of a level between 0.002 and 0.99999."""
    from holdfast.demand import negbin_cdf

    asked = np.cumsum(steps).astype(np.float64)[None, :]
    m, v = np.array([mean]), np.array([mean * dispersion])
    fit = LevelFit(m, v, 0 * m, shift_to(np.array(LEVELS), asked, m, v))
    found = quantiles_of(fit, 1)
    reachable = (negbin_cdf(asked, m, v) > 0.002) & (negbin_cdf(asked - 1, m, v) < 0.9999)
    assert np.all(found[reachable] == asked[reachable])


def test_the_mean_of_methods_lies_between_them_and_is_a_little_wider() -> None:
    history = shop().rows(slice(0, 40))
    lengths = np.full(40, LENGTH)
    each = [quantiles_of(member.fit(history, lengths), lengths) for member in Averaged().members]
    found = quantiles_of(Averaged().fit(history, lengths), lengths)
    assert np.all(found >= np.min(each, axis=0) - 1)
    middle = np.mean(each, axis=0)
    assert np.all(np.abs(found[:, 0] - middle[:, 0]) <= 1), "the median stays where it was"
    assert np.all(found[:, 4] >= np.floor(middle[:, 4]))
    assert found[:, 4].sum() > 1.05 * middle[:, 4].sum()


def test_the_blend_moves_to_what_lost_less_and_the_further_the_more_origins_say_so() -> None:
    rng = np.random.default_rng(71)
    level = rng.gamma(2.0, 5.0, 300)
    true = negbin_quantile(np.array(LEVELS)[:, None], level, 2 * level).T.astype(np.float64)
    absurd = 10.0 * true + 50.0

    def tried(origin: int) -> _Tried:
        came = rng.negative_binomial(level, 0.5).astype(np.float64)
        # The model is absurd, every method per series is right.
        members = Members(
            (absurd, true, true, true, true), (level,) * 5, MovingAverage().fit(shop(), np.full(SERIES, 1))
        )
        return _Tried(members, origin, 1, np.arange(300), came, level)

    one, four = _voted([tried(1)]), _voted([tried(n) for n in range(4)])
    assert 0 <= four.trained <= one.trained < 0.1
    for blend in (one, four):
        assert sum(astuple(blend)) == pytest.approx(1.0)


def test_a_model_saved_before_there_were_five_shares_is_read(tmp_path: Path) -> None:
    method = trained_until(DAYS - LENGTH)
    file = tmp_path / "model.json"
    method.save(file)
    content = json.loads(file.read_text())
    content["format"], content["blend"] = 1, [0.6, 0.2, 0.2]
    file.write_text(json.dumps(content))
    assert load_quantiles(file).blend == Blend(0.6, 0.2, 0.2)
    file.write_text(json.dumps(content | {"format": 3}))
    with pytest.raises(ValueError, match="train again"):
        load_quantiles(file)


def test_the_model_that_is_judged_learned_from_no_sum_that_had_not_ended_by_then() -> None:
    rows = _all_rows(shop(), [LENGTH], 5_000, np.random.default_rng(1))
    first_held = min(_held_out(DAYS, LENGTH))
    early = rows.until(first_held)
    assert 0 < early.target.size < rows.target.size
    assert early.known_at.max() <= first_held


def test_the_calibration_learned_is_in_the_forecast() -> None:
    method = trained_until(DAYS - LENGTH)
    history = shop().until(DAYS - LENGTH).rows(slice(0, 50))
    bare = replace(method, calibration=Calibration(np.zeros(0), np.zeros((1, len(LEVELS))), np.full(1, np.nan)))
    assert quantiles(history, method).sum() != quantiles(history, bare).sum()
