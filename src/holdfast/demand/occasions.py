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
    """One kind of day: `on` is (series or 1, periods of the history and those ahead) true where it is."""

    name: str
    on: NDArray[np.bool_]


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
