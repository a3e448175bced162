"""Ways to read a level and its uncertainty out of a demand history. Each is one `DemandMethod`."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from holdfast.demand.history import DemandHistory, Floats, Ints

# Candidate smoothing constants of Brown's exponential smoothing; the best one is chosen per series.
ALPHAS = (0.01, 0.03, 0.06, 0.12, 0.25)

# Fewer observed days than a week are filled up with days without a sale: one order on the first day a product
# is listed must not become a month of such orders.
DAYS_MIN = 7

# Windows of the last year measure the spread. They are blended with what independent days would give, which
# counts like two whole protection times, so that a short history does not pretend to know its spread.
SPREAD_DAYS = 365
PRIOR_WINDOWS = 2.0


@dataclass(frozen=True, slots=True)
class LevelFit:
    """Per series: mean units per day, and two variances that give the spread over any number of days.

    The variance of the sum of h days is h·day_variance + h²·level_variance: days scatter around the level
    independently, and the level itself is not known exactly (it errs the same way on every day).
    """

    daily_mean: Floats
    day_variance: Floats
    level_variance: Floats


class DemandMethod(Protocol):
    """A forecasting method. Implementations are pure and see one chunk of series at a time."""

    @property
    def name(self) -> str:
        """Stable word stored with every forecast."""
        ...

    def fit(self, history: DemandHistory, protection_days: Ints) -> LevelFit:
        """Level and spread per series; `protection_days` (>= 1) is the sum of days that must be right."""
        ...


@dataclass(frozen=True, slots=True)
class ExponentialSmoothing:
    """SES whose smoothing constant is the one that would have forecast sums over the protection time best.

    Brown (1959) by discounted means, so that missing days need no filling and a short history no start value;
    constant chosen by squared error of protection-time sums, spread measured on the same sums (Syntetos &
    Boylan 2006, "On the stock control performance of intermittent demand estimators", measure it so too).
    """

    alphas: tuple[float, ...] = ALPHAS

    @property
    def name(self) -> str:
        return "ses-negbin"

    def fit(self, history: DemandHistory, protection_days: Ints) -> LevelFit:
        """Series with the same protection time are fitted together: their windows are slices, not gathers."""
        out = _empty_fit(history.series)
        for days in np.unique(protection_days):
            rows = np.flatnonzero(protection_days == days)
            fit = self._fit_one_length(history, rows, int(days))
            out.daily_mean[rows] = fit.daily_mean
            out.day_variance[rows] = fit.day_variance
            out.level_variance[rows] = fit.level_variance
        return out

    def _fit_one_length(self, history: DemandHistory, rows: Ints, length: int) -> LevelFit:
        sold, seen = _by_day(history, rows)
        windows = _Windows.of(sold, seen, length)
        decay = 1.0 - np.asarray(self.alphas)[:, None]
        weighted_sold = np.zeros((len(self.alphas), rows.size))
        weighted_days = np.zeros_like(weighted_sold)
        error = np.zeros_like(weighted_sold)
        level = np.zeros_like(weighted_sold)
        for day in range(history.days):
            weighted_sold *= decay
            weighted_sold += sold[day]
            weighted_days *= decay
            weighted_days += seen[day]
            origin = day + 1
            if windows.first <= origin <= windows.last:
                np.divide(weighted_sold, weighted_days, out=level, where=weighted_days > 0)
                level *= windows.observed[origin]
                np.subtract(windows.sold[origin], level, out=level)
                np.multiply(level, level, out=level)
                level *= windows.weight[origin]
                error += level
        level = np.divide(weighted_sold, weighted_days, out=np.zeros_like(level), where=weighted_days > 0)
        best = np.argmin(error, axis=0) if history.days else np.zeros(rows.size, np.int64)
        best = np.where(windows.count > 0, best, len(self.alphas) // 2)
        pick = (best, np.arange(rows.size))
        return _with_spread(sold, seen, level=level[pick], error=error[pick], scored=windows.count, length=length)


@dataclass(frozen=True, slots=True)
class MovingAverage:
    """Plain mean of the observed days among the last `window_days` (the source specification's 90)."""

    window_days: int = 90

    @property
    def name(self) -> str:
        return "moving-average"

    def fit(self, history: DemandHistory, protection_days: Ints) -> LevelFit:
        """Spread is measured as for SES: the same mean, taken at past origins, against the sums that came."""
        out = _empty_fit(history.series)
        for days in np.unique(protection_days):
            rows = np.flatnonzero(protection_days == days)
            sold, seen = _by_day(history, rows)
            windows = _Windows.of(sold, seen, int(days))
            total_sold, total_seen = _running(sold), _running(seen)
            error = np.zeros(rows.size)
            for origin in range(windows.first, windows.last + 1):
                level = self._level(total_sold, total_seen, origin)
                gap = windows.sold[origin] - windows.observed[origin] * level
                error += windows.weight[origin] * gap * gap
            level = self._level(total_sold, total_seen, history.days)
            fit = _with_spread(sold, seen, level=level, error=error, scored=windows.count, length=int(days))
            out.daily_mean[rows] = fit.daily_mean
            out.day_variance[rows] = fit.day_variance
            out.level_variance[rows] = fit.level_variance
        return out

    def _level(self, total_sold: Floats, total_seen: Floats, origin: int) -> Floats:
        start = max(0, origin - self.window_days)
        days = total_seen[origin] - total_seen[start]
        return (total_sold[origin] - total_sold[start]) / np.maximum(days, 1.0)


@dataclass(frozen=True, slots=True)
class _Windows:
    """Sums over every window of `length` days, by origin (the number of days before the window starts)."""

    first: int  # first origin whose window is scored
    last: int
    sold: Floats  # (days + 1, series) units in the observed days of the window
    observed: Floats  # observed days in the window
    weight: Floats  # 0 = not scored; else length / observed, which brings the error to full length
    count: Floats  # (series,) windows scored

    @staticmethod
    def of(sold: Floats, seen: Floats, length: int) -> "_Windows":
        days, series = sold.shape
        last = days - length
        first = max(1, days - SPREAD_DAYS - length)
        total_sold, total_seen = _running(sold), _running(seen)
        shape = (max(last + 1, 0), series)
        window_sold, window_seen, weight = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        if last >= first:
            window_sold[:] = total_sold[length:] - total_sold[: last + 1]
            window_seen[:] = total_seen[length:] - total_seen[: last + 1]
            before = total_seen[: last + 1]
            scored = (window_seen >= length / 2) & (before >= max(DAYS_MIN, length / 2))
            scored[:first] = False
            np.divide(float(length), window_seen, out=weight, where=scored)
        return _Windows(first, last, window_sold, window_seen, weight, np.count_nonzero(weight, axis=0) * 1.0)


def _with_spread(sold: Floats, seen: Floats, *, level: Floats, error: Floats, scored: Floats, length: int) -> LevelFit:
    """Level and variances from the squared errors of `scored` overlapping windows of `length` days."""
    days = seen.sum(axis=0)
    filled = np.maximum(days, DAYS_MIN)
    # More may have come back than was sold: nothing is wanted then, never less than nothing.
    mean = np.where(days > 0, np.maximum(level, 0.0) * np.minimum(days / DAYS_MIN, 1.0), 0.0)
    recent = slice(max(0, sold.shape[0] - SPREAD_DAYS), None)
    count = np.maximum(seen[recent].sum(axis=0), DAYS_MIN)
    average = sold[recent].sum(axis=0) / count
    scatter = ((sold[recent] ** 2).sum(axis=0) - count * average**2) / (count - 1)
    day_variance = np.maximum(scatter, 0.0)
    prior = length * day_variance + length**2 * day_variance / filled
    measured = error / np.maximum(scored, 1.0)
    independent = scored / length
    variance = (independent * measured + PRIOR_WINDOWS * prior) / (independent + PRIOR_WINDOWS)
    day_part = np.minimum(day_variance, variance / length)
    level_part = np.maximum(variance - length * day_part, 0.0) / length**2
    # The quantiles never believe in less spread than pure chance (Poisson); what is shown beside them is the same.
    day_part = np.maximum(day_part, mean - length * level_part)
    return LevelFit(mean, day_part, level_part)


def _by_day(history: DemandHistory, rows: Ints) -> tuple[Floats, Floats]:
    """(days, series) units and observed flags as floats: one day of all series lies together in memory."""
    seen = np.ascontiguousarray(history.observed[rows].T.astype(np.float64))
    sold = np.ascontiguousarray(history.quantity[rows].T.astype(np.float64))
    sold *= seen
    return sold, seen


def _running(by_day: Floats) -> Floats:
    total = np.zeros((by_day.shape[0] + 1, by_day.shape[1]))
    np.cumsum(by_day, axis=0, out=total[1:])
    return total


def _empty_fit(series: int) -> LevelFit:
    return LevelFit(np.zeros(series), np.zeros(series), np.zeros(series))


METHODS: dict[str, DemandMethod] = {method.name: method for method in (ExponentialSmoothing(), MovingAverage())}


def trend_pct_per_week(history: DemandHistory, days: int = 91) -> NDArray[np.float64]:
    """Slope of the last `days` days in percent of their mean per week, 0 where noise alone could make it.

    Least squares on the observed days. A slope under two of its standard errors is answered as 0: on lumpy
    items the bare slope is mostly noise and would be read as news. At most +-100.
    """
    used = min(days, history.days)
    if used < 14:
        return np.zeros(history.series)
    seen = history.observed[:, -used:].astype(np.float64)
    sold = history.quantity[:, -used:].astype(np.float64) * seen
    time = np.arange(used, dtype=np.float64)
    count = seen.sum(axis=1)
    safe = np.maximum(count, 1.0)
    centred = (time[None, :] - ((seen @ time) / safe)[:, None]) * seen
    width = np.maximum((centred**2).sum(axis=1), 1e-12)
    mean = sold.sum(axis=1) / safe
    slope = (centred * sold).sum(axis=1) / width
    left = ((sold - mean[:, None]) * seen - slope[:, None] * centred) ** 2
    error = np.sqrt(left.sum(axis=1) / np.maximum(count - 2, 1.0) / width)
    clear = (count >= 14) & (mean > 0) & (np.abs(slope) > 2.0 * error)
    percent = 100.0 * 7.0 * slope / np.maximum(mean, 1e-12)
    return np.where(clear, np.clip(percent, -100.0, 100.0), 0.0)
