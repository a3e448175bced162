"""Methods that read the sum over the protection time off past windows: as they were, or as they were a year ago."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from holdfast.demand.history import DemandHistory, Floats, Ints, Period
from holdfast.demand.methods import ExponentialSmoothing
from holdfast.demand.shape import shift_to
from holdfast.demand.spread import (
    LEVELS,
    ByPeriod,
    LevelFit,
    Windows,
    by_length,
    same_lengths,
    split_variance,
    with_spread,
)

# A year-ago window is believed in proportion to the units it and its surroundings hold, against this many.
_SEASON_PRIOR_UNITS = 20.0


@dataclass(frozen=True, slots=True)
class WindowBootstrap:
    """Quantiles of the sums that past windows of the protection time had, the newer ones counting more.

    Overlapping windows of the last year (Porras & Dekker 2008, EJOR 184, "An inventory control system for spare
    parts at a refinery"), weights halving every four protection times. Fewer windows than three whole protection
    times are filled up by the negative binomial of SES.
    """

    half_life_lengths: float = 4.0

    @property
    def name(self) -> str:
        return "window-bootstrap"

    def fit(self, history: DemandHistory, protection_days: Ints) -> LevelFit:
        return by_length(history, protection_days, self._fit)

    def _fit(self, demand: ByPeriod, length: int) -> LevelFit:
        windows = Windows.of(demand, length)
        series = demand.series
        if windows.last < windows.first:
            plain = with_spread(demand, windows, level=_mean(demand), error=np.zeros(series), length=length)
            return replace(plain, level_shift=np.zeros((series, len(LEVELS))))
        used = slice(windows.first, windows.last + 1)
        age = np.arange(windows.last - windows.first, -1, -1.0)[:, None]
        weight = np.where(windows.weight[used] > 0, 0.5 ** (age / (self.half_life_lengths * length)), 0.0)
        sums = windows.sold[used] * windows.weight[used]
        total = weight.sum(axis=0)
        share = weight / np.maximum(total, 1e-12)
        mean = np.where(total > 0, (share * sums).sum(axis=0) / length, _mean(demand))
        gap = sums - mean * length
        error: Floats = np.sum(windows.weight[used] * gap * gap, axis=0)
        fit = with_spread(demand, windows, level=mean, error=error, length=length)
        order = np.argsort(sums, axis=0)
        reached = np.cumsum(np.take_along_axis(share, order, axis=0), axis=0)
        ranked = np.take_along_axis(sums, order, axis=0)
        rows = [np.argmax(reached >= level - 1e-12, axis=0) for level in LEVELS]
        quantiles = np.stack([ranked[row, np.arange(series)] for row in rows], axis=1)
        quantiles[windows.count < 3 * length] = np.nan
        shift = shift_to(np.asarray(LEVELS), quantiles, *fit.moments_over(length))
        return replace(fit, level_shift=shift)


@dataclass(frozen=True, slots=True)
class Seasonal:
    """SES times what the coming window was worth a year ago, and for days times the days of the week in it.

    The yearly index is the window one year ago over the year around it, drawn towards 1 by 20 units; without a year
    of history it is 1. A week's index is drawn in the same way and matters only for windows of broken weeks.
    """

    @property
    def name(self) -> str:
        return "seasonal-negbin"

    def fit(self, history: DemandHistory, protection_days: Ints) -> LevelFit:
        plain = ExponentialSmoothing().fit(history, protection_days)
        index = np.ones(history.series)
        for length, rows in same_lengths(protection_days):
            part = history.rows(rows)
            index[rows] = _yearly_index(part, length) * _weekly_index(part, length)
        mean = plain.daily_mean * index
        _, variance = plain.moments_over(protection_days)
        return split_variance(mean, variance * index**2, plain.day_variance * index, protection_days)


def _mean(demand: ByPeriod) -> Floats:
    return demand.sold.sum(axis=0) / np.maximum(demand.seen.sum(axis=0), 1.0)


def _yearly_index(history: DemandHistory, length: int) -> Floats:
    year = history.period.per_year
    start = history.days - year
    if start < 0:
        return np.ones(history.series)
    # The window itself and half a length around it: one day's difference in the calendar is no season.
    around = slice(max(start - length // 2, 0), start + length + (length + 1) // 2)
    whole = slice(max(start - year // 2, 0), start + year // 2)

    def rate(columns: slice) -> tuple[Floats, Floats]:
        seen = history.observed[:, columns]
        return np.where(seen, history.quantity[:, columns], 0).sum(axis=1, dtype=np.float64), seen.sum(axis=1) * 1.0

    units, seen = rate(around)
    all_units, all_seen = rate(whole)
    usual = all_units / np.maximum(all_seen, 1.0) * seen
    return np.clip((units + _SEASON_PRIOR_UNITS) / (usual + _SEASON_PRIOR_UNITS), 0.25, 4.0)


def _weekly_index(history: DemandHistory, length: int) -> Floats:
    weeks = min(history.days // 7, 26)
    if history.period is not Period.DAY or length % 7 == 0 or weeks < 4:
        return np.ones(history.series)
    last = slice(history.days - weeks * 7, history.days)
    seen = history.observed[:, last].reshape(history.series, weeks, 7)
    sold = np.where(seen, history.quantity[:, last].reshape(history.series, weeks, 7), 0).sum(axis=1, dtype=np.float64)
    usual = sold.sum(axis=1) / np.maximum(seen.sum(axis=(1, 2)), 1)
    expected = usual[:, None] * seen.sum(axis=1)
    index = (sold + _SEASON_PRIOR_UNITS) / (expected + _SEASON_PRIOR_UNITS)
    # The first coming day is the weekday of the first column here, because whole weeks were taken.
    coming = np.arange(length) % 7
    return index[:, coming].mean(axis=1)
