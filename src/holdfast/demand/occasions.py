"""Promotions and holidays known ahead: taken out of the past, put into the window that is forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.demand.history import DemandHistory, Floats, Ints, finest_unit
from holdfast.demand.methods import DemandMethod
from holdfast.demand.model import DemandForecast, forecast_demand

# An effect is drawn towards none by this many expected units: a holiday seen once on three sales is no knowledge.
_PRIOR_UNITS = 50.0
_EFFECT_MIN, _EFFECT_MAX = 0.1, 10.0


@dataclass(frozen=True, slots=True)
class Occasion:
    """One kind of day: `on` is (series or 1, periods of the history and those ahead) true where it is.

    `factor` times the usual is what a planner says of its coming days; None: what the past of its kind says.
    """

    name: str
    on: NDArray[np.bool_]
    factor: float | None = None


def coming_factor(history: DemandHistory, protection_days: ArrayLike, occasions: Sequence[Occasion]) -> Floats:
    """(series,) by how much occasions raise or lower the mean over each series' coming protection time.

    A planner's factor counts as it is said. Without one it is learned from the series' own days of the same name that
    have passed, drawn towards 1. `history` must have the units of these days, observed. Each series by itself, so
    that it has the same factor whatever stands beside it. Effects multiply where occasions of different names meet; of
    one name the first that speaks of a day counts.
    """
    lengths = np.broadcast_to(np.maximum(np.ceil(np.asarray(protection_days, np.float64)), 1), history.series)
    ahead = int(lengths.max(initial=1))
    shape = (history.series, history.days + ahead)
    coming = np.ones((history.series, ahead))
    for name in dict.fromkeys(one.name for one in occasions):
        same = [
            (np.broadcast_to(_as_wide(one.on, shape[1]), shape), one.factor) for one in occasions if one.name == name
        ]
        past = np.logical_or.reduce([on[:, : history.days] for on, _ in same])
        learned = _own_effects(history, past)
        effect = np.ones((history.series, ahead))
        for on, factor in reversed(same):
            now = on[:, history.days :]
            effect = np.where(now, learned[:, None] if factor is None else factor, effect)
        coming *= effect
    last = lengths.astype(np.int64) - 1
    return np.cumsum(coming, axis=1)[np.arange(history.series), last] / lengths


def without_days_of(history: DemandHistory, occasions: Sequence[Occasion]) -> DemandHistory:
    """The history with the days of all occasions unknown."""
    if not occasions:
        return history
    on = np.logical_or.reduce([one.on[:, : history.days] for one in occasions])
    return replace(history, observed=history.observed & ~on)


def times(forecast: DemandForecast, factor: Floats) -> DemandForecast:
    """The forecast `factor` times as high, its spread as for a season."""
    return replace(
        forecast,
        daily_mean=forecast.daily_mean * factor,
        day_variance=forecast.day_variance * factor**1.5,
        level_variance=forecast.level_variance * factor**2,
        occasion_factor=factor,
    )


def _as_wide(on: NDArray[np.bool_], periods: int) -> NDArray[np.bool_]:
    short = max(periods - on.shape[1], 0)
    return np.pad(on, ((0, 0), (0, short)))[:, :periods]


def _own_effects(history: DemandHistory, on: NDArray[np.bool_]) -> Floats:
    known = on & history.observed
    off = history.observed & ~on
    sold = np.where(history.observed, history.quantity, 0).astype(np.float64)
    usual = np.where(off, sold, 0).sum(axis=1) / np.maximum(off.sum(axis=1), 1)
    expected = usual * known.sum(axis=1)
    found = np.where(known, sold, 0).sum(axis=1)
    effect = (found + _PRIOR_UNITS) / (expected + _PRIOR_UNITS)
    return np.where(off.any(axis=1), np.clip(effect, _EFFECT_MIN, _EFFECT_MAX), 1.0)


def effect_of(history: DemandHistory, occasion: Occasion) -> float:
    """How many times the usual demand these periods had, over all series together: 1 is no effect.

    Usual is each series' own mean in its observed periods without the occasion, so that a promotion of large
    products is not taken for a large effect.
    """
    on = np.broadcast_to(occasion.on[:, : history.days], history.observed.shape) & history.observed
    off = history.observed & ~on
    sold = np.where(history.observed, history.quantity, 0)
    usual = np.where(off, sold, 0).sum(axis=1) / np.maximum(off.sum(axis=1), 1)
    compared = off.any(axis=1)
    expected = float((usual * on.sum(axis=1))[compared].sum())
    found = float(np.where(on, sold, 0).sum(axis=1)[compared].sum())
    return float(np.clip((found + _PRIOR_UNITS) / (expected + _PRIOR_UNITS), _EFFECT_MIN, _EFFECT_MAX))


def forecast_with_occasions(
    history: DemandHistory,
    protection_days: ArrayLike,
    occasions: Sequence[Occasion],
    method: DemandMethod | None = None,
    *,
    cap_bulk: bool = True,
) -> DemandForecast:
    """`forecast_demand` of the demand there would have been without the occasions, times those of the coming window.

    Effects multiply where occasions meet. Periods ahead that a calendar does not reach have no occasion.
    """
    usual, factor = without_occasions(history, protection_days, occasions)
    forecast = forecast_demand(usual, protection_days, method, cap_bulk=cap_bulk, unit=finest_unit(history))
    return replace(
        forecast,
        daily_mean=forecast.daily_mean * factor,
        day_variance=forecast.day_variance * factor**2,
        level_variance=forecast.level_variance * factor**2,
    )


def without_occasions(
    history: DemandHistory, protection_days: ArrayLike, occasions: Sequence[Occasion]
) -> tuple[DemandHistory, Floats]:
    """The history as if no occasion had been, and per series the mean effect over its coming protection time."""
    lengths: Ints = np.broadcast_to(np.maximum(np.ceil(np.asarray(protection_days, np.float64)), 1), history.series)
    ahead = int(lengths.max(initial=1))
    past = np.ones(history.observed.shape)
    coming = np.ones((history.series, ahead))
    for occasion in occasions:
        effect = effect_of(history, occasion)
        past *= np.where(occasion.on[:, : history.days], effect, 1.0)
        known = occasion.on[:, history.days : history.days + ahead]
        coming[:, : known.shape[1]] *= np.where(known, effect, 1.0)
    mean = np.cumsum(coming, axis=1)[np.arange(history.series), lengths.astype(np.int64) - 1] / lengths
    return replace(history, quantity=history.quantity / past), mean
