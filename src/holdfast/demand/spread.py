"""From a level at every past origin to the spread of demand around it, measured on sums over the protection time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.demand.history import DemandHistory, Floats, Ints, Period

# Fewer observed periods than these are filled up with periods without a sale: one order on the first day a product
# is listed must not become a month of such orders.
PERIODS_MIN = {Period.DAY: 7, Period.WEEK: 3, Period.MONTH: 2}

# Windows of the last year measure the spread. They are blended with what independent periods would give, which
# counts like two whole protection times, so that a short history does not pretend to know its spread.
PRIOR_WINDOWS = 2.0

# Where no past origin says how far off a forecast was, because the sum is long for what the shop knows, demand as a
# whole may have moved by such a share of its mean over the time it was seen, and by less over a part of that.
DRIFT, DRIFT_POWER = 0.6, 1.5

# Quantiles a forecast is exact at; between and beyond them its shape is interpolated.
LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class LevelFit:
    """Per series: mean units per period, and two variances that give the spread over any number of periods.

    The variance of the sum of h periods is h·day_variance + h²·level_variance: periods scatter around the level
    independently, and the level itself is not known exactly (it errs the same way in every period). A method that
    knows more than two moments also gives `level_shift` (series, LEVELS), see `shape`.
    """

    daily_mean: Floats
    day_variance: Floats
    level_variance: Floats
    level_shift: Floats | None = None
    expected_error: Floats | None = None  # mean pinball loss at past origins over the mean sum, where it was tried
    method_names: NDArray[np.object_] | None = None  # where one method stands for several
    season_factor: Floats | None = None  # what a season ahead did to the mean, where the method knows one

    def moments_over(self, days: Ints | int) -> tuple[Floats, Floats]:
        """Mean and variance of the sum over that many periods."""
        length = np.asarray(days, np.float64)
        return length * self.daily_mean, length * self.day_variance + length**2 * self.level_variance


@dataclass(frozen=True, slots=True)
class ByPeriod:
    """(periods, series) units and observed flags as floats: one period of all series lies together in memory."""

    sold: Floats
    seen: Floats
    period: Period

    @staticmethod
    def of(history: DemandHistory, rows: Ints) -> ByPeriod:
        seen = np.ascontiguousarray(history.observed[rows].T.astype(np.float64))
        sold = np.ascontiguousarray(history.quantity[rows].T.astype(np.float64))
        sold *= seen
        return ByPeriod(sold, seen, history.period)

    @property
    def periods(self) -> int:
        return int(self.sold.shape[0])

    @property
    def series(self) -> int:
        return int(self.sold.shape[1])


@dataclass(frozen=True, slots=True)
class Windows:
    """Sums over every window of `length` periods, by origin (the number of periods before the window starts)."""

    first: int  # first origin whose window is scored
    last: int
    sold: Floats  # (periods + 1, series) units in the observed periods of the window
    observed: Floats  # observed periods in the window
    weight: Floats  # 0 = not scored; else length / observed, which brings the error to full length
    count: Floats  # (series,) windows scored

    @staticmethod
    def of(demand: ByPeriod, length: int) -> Windows:
        periods, series = demand.sold.shape
        last = periods - length
        first = max(1, periods - demand.period.per_year - length)
        total_sold, total_seen = running(demand.sold), running(demand.seen)
        shape = (max(last + 1, 0), series)
        window_sold, window_seen, weight = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        if last >= first:
            window_sold[:] = total_sold[length:] - total_sold[: last + 1]
            window_seen[:] = total_seen[length:] - total_seen[: last + 1]
            before = total_seen[: last + 1]
            scored = (window_seen >= length / 2) & (before >= max(PERIODS_MIN[demand.period], length / 2))
            scored[:first] = False
            np.divide(float(length), window_seen, out=weight, where=scored)
        return Windows(first, last, window_sold, window_seen, weight, np.count_nonzero(weight, axis=0) * 1.0)


def with_spread(demand: ByPeriod, windows: Windows, *, level: Floats, error: Floats, length: int) -> LevelFit:
    """Level and variances from the squared errors of overlapping windows of `length` periods."""
    fill = PERIODS_MIN[demand.period]
    periods = demand.seen.sum(axis=0)
    filled = np.maximum(periods, fill)
    # More may have come back than was sold: nothing is wanted then, never less than nothing.
    mean = np.where(periods > 0, np.maximum(level, 0.0) * np.minimum(periods / fill, 1.0), 0.0)
    recent = slice(max(0, demand.periods - demand.period.per_year), None)
    count = np.maximum(demand.seen[recent].sum(axis=0), fill)
    average = demand.sold[recent].sum(axis=0) / count
    scatter = ((demand.sold[recent] ** 2).sum(axis=0) - count * average**2) / (count - 1)
    day_variance = np.maximum(scatter, 0.0)
    prior = length * day_variance + length**2 * day_variance / filled
    measured = error / np.maximum(windows.count, 1.0)
    independent = windows.count / length
    variance = (independent * measured + PRIOR_WINDOWS * prior) / (independent + PRIOR_WINDOWS)
    return split_variance(mean, variance, day_variance, length)


def split_variance(mean: Floats, variance: Floats, day_variance: Floats, length: int | Ints) -> LevelFit:
    """A variance of the sum over `length` periods as period part and level part; never less than chance (Poisson)."""
    day_part = np.minimum(day_variance, variance / length)
    level_part = np.maximum(variance - length * day_part, 0.0) / length**2
    return LevelFit(mean, np.maximum(day_part, mean - length * level_part), level_part)


def adrift(fit: LevelFit, periods: int, lengths: Ints | int) -> LevelFit:
    """The level less known, by what all series of a shop that was seen for so many periods may move by together."""
    share = DRIFT * np.minimum(np.asarray(lengths, np.float64) / max(periods, 1), 1.0) ** DRIFT_POWER
    return replace(fit, level_variance=fit.level_variance + (share * fit.daily_mean) ** 2)


def running(by_period: Floats) -> Floats:
    """Sums of everything before each origin: one row more than there are periods."""
    total = np.zeros((by_period.shape[0] + 1, by_period.shape[1]))
    np.cumsum(by_period, axis=0, out=total[1:])
    return total


def same_lengths(protection_days: Ints) -> Iterator[tuple[int, Ints]]:
    """(length, rows) for every protection time: series with the same one are fitted together, by slices."""
    for length in np.unique(protection_days):
        yield int(length), np.flatnonzero(protection_days == length)


def by_length(history: DemandHistory, protection_days: Ints, fit: Callable[[ByPeriod, int], LevelFit]) -> LevelFit:
    """One fit of all series: `fit` is asked once for every protection time, for the series that have it."""
    parts = [(rows, fit(ByPeriod.of(history, rows), length)) for length, rows in same_lengths(protection_days)]
    return joined(parts, history.series)


def joined(parts: list[tuple[Ints, LevelFit]], series: int) -> LevelFit:
    """Fits of some rows each, as one fit of all rows."""
    rows = np.concatenate([rows for rows, _ in parts]) if parts else np.arange(0)
    back = np.empty(series, np.int64)
    back[rows] = np.arange(series)

    def column(name: str) -> Any:
        values: list[Any] = [getattr(fit, name) for _, fit in parts]
        if not values:
            return np.zeros(0) if name in ("daily_mean", "day_variance", "level_variance") else None
        return None if values[0] is None else np.concatenate(values)[back]

    return LevelFit(*[column(field.name) for field in fields(LevelFit)])
