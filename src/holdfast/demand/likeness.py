"""Demand of what has hardly sold yet, by what its like sold: a product's own days speak as they come in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from holdfast.demand.history import Floats
from holdfast.demand.model import DemandForecast

# So many observed periods of its own speak as loudly as the likeness; with fewer the likeness is mixed in.
OWN_PERIODS = 28.0

# Fewer series than this are not a group of likes: everything is the likeness then.
LIKES_MIN = 5


def by_likeness(forecast: DemandForecast, group: ArrayLike, own_periods: float = OWN_PERIODS) -> DemandForecast:
    """`forecast` with new series forecast from the established ones of their group (a category, one word per series).

    A likeness is the mean of the group's levels; how much the levels differ among themselves is the uncertainty of
    the level, so that a new product's upper quantile is that of a product drawn from its group. A series with n of
    `own_periods` observed periods is n / own_periods itself. A group of fewer than five established series, or the
    empty word, is likened to all established series; where there are none, nothing changes.
    """
    named = np.asarray(group).astype(str)
    own = np.minimum(forecast.observed_days / own_periods, 1.0)
    established = own >= 1.0
    new = np.flatnonzero(~established)
    if not new.size or np.count_nonzero(established) < LIKES_MIN:
        return forecast
    mean, day_variance = forecast.daily_mean.copy(), forecast.day_variance.copy()
    level_variance = forecast.level_variance.copy()
    for word in np.unique(named[new]):
        likes = np.flatnonzero(established & (named == word)) if word else np.zeros(0, np.int64)
        if likes.size < LIKES_MIN:
            likes = np.flatnonzero(established)
        rows = new[named[new] == word]
        share = own[rows]
        level, spread, scatter = _likeness(forecast, likes)
        between = (share * (1 - share)) * (forecast.daily_mean[rows] - level) ** 2
        mean[rows] = share * forecast.daily_mean[rows] + (1 - share) * level
        day_variance[rows] = share * forecast.day_variance[rows] + (1 - share) * scatter
        level_variance[rows] = share * forecast.level_variance[rows] + (1 - share) * spread + between
    shift = forecast.level_shift
    own_shape = None if shift is None else shift * established[:, None]
    return replace(
        forecast, daily_mean=mean, day_variance=day_variance, level_variance=level_variance, level_shift=own_shape
    )


def _likeness(
    forecast: DemandForecast, likes: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> tuple[float, float, float]:
    """Mean level of the likes, the variance of a level drawn from them, and how their periods scatter on average."""
    levels: Floats = forecast.daily_mean[likes]
    spread = float(levels.var(ddof=1) + forecast.level_variance[likes].mean())
    return float(levels.mean()), spread, float(forecast.day_variance[likes].mean())
