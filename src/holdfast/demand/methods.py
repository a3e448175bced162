"""Ways to read a level and its uncertainty out of one series after the other. Each is one `DemandMethod`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from holdfast.demand.history import DemandHistory, Floats, Ints, Period
from holdfast.demand.spread import ByPeriod, LevelFit, Windows, by_length, running, with_spread

# Candidate smoothing constants of Brown's exponential smoothing; the best one is chosen per series.
ALPHAS = {
    Period.DAY: (0.01, 0.03, 0.06, 0.12, 0.25),
    Period.WEEK: (0.02, 0.05, 0.1, 0.2, 0.4),
    Period.MONTH: (0.03, 0.08, 0.15, 0.3, 0.5),
}


class DemandMethod(Protocol):
    """A forecasting method. Implementations are pure and see one chunk of series at a time."""

    @property
    def name(self) -> str:
        """Stable word stored with every forecast."""
        ...

    def fit(self, history: DemandHistory, protection_days: Ints) -> LevelFit:
        """Level and spread per series; `protection_days` (>= 1, in periods) is the sum that must be right."""
        ...


@dataclass(frozen=True, slots=True)
class ExponentialSmoothing:
    """SES whose smoothing constant is the one that would have forecast sums over the protection time best.

    Brown (1959) by discounted means, so that missing periods need no filling and a short history no start value;
    constant chosen by squared error of protection-time sums, spread measured on the same sums (Syntetos &
    Boylan 2006, "On the stock control performance of intermittent demand estimators", measure it so too).
    """

    alphas: tuple[float, ...] | None = None

    @property
    def name(self) -> str:
        return "ses-negbin"

    def fit(self, history: DemandHistory, protection_days: Ints) -> LevelFit:
        return by_length(history, protection_days, self._fit)

    def _fit(self, demand: ByPeriod, length: int) -> LevelFit:
        alphas = self.alphas or ALPHAS[demand.period]
        windows = Windows.of(demand, length)
        series = demand.series
        decay = 1.0 - np.asarray(alphas)[:, None]
        weighted_sold = np.zeros((len(alphas), series))
        weighted_days = np.zeros_like(weighted_sold)
        error = np.zeros_like(weighted_sold)
        level = np.zeros_like(weighted_sold)
        for day in range(demand.periods):
            weighted_sold *= decay
            weighted_sold += demand.sold[day]
            weighted_days *= decay
            weighted_days += demand.seen[day]
            origin = day + 1
            if windows.first <= origin <= windows.last:
                np.divide(weighted_sold, weighted_days, out=level, where=weighted_days > 0)
                level *= windows.observed[origin]
                np.subtract(windows.sold[origin], level, out=level)
                np.multiply(level, level, out=level)
                level *= windows.weight[origin]
                error += level
        level = np.divide(weighted_sold, weighted_days, out=np.zeros_like(level), where=weighted_days > 0)
        best = np.argmin(error, axis=0) if demand.periods else np.zeros(series, np.int64)
        best = np.where(windows.count > 0, best, len(alphas) // 2)
        series_rows = np.arange(series)
        level, error = level[best, series_rows], error[best, series_rows]
        return with_spread(demand, windows, level=level, error=error, length=length)


@dataclass(frozen=True, slots=True)
class MovingAverage:
    """Plain mean of the observed days among the last `window_days` (the source specification's 90)."""

    window_days: int = 90
    name: str = "moving-average"

    def fit(self, history: DemandHistory, protection_days: Ints) -> LevelFit:
        """Spread is measured as for SES: the same mean, taken at past origins, against the sums that came."""
        return by_length(history, protection_days, self._fit)

    def _fit(self, demand: ByPeriod, length: int) -> LevelFit:
        windows = Windows.of(demand, length)
        total_sold, total_seen = running(demand.sold), running(demand.seen)
        width = max(1, round(self.window_days / demand.period.days))

        def level(origin: int) -> Floats:
            start = max(0, origin - width)
            seen = total_seen[origin] - total_seen[start]
            return (total_sold[origin] - total_sold[start]) / np.maximum(seen, 1.0)

        error = np.zeros(demand.series)
        for origin in range(windows.first, windows.last + 1):
            gap = windows.sold[origin] - windows.observed[origin] * level(origin)
            error += windows.weight[origin] * gap * gap
        return with_spread(demand, windows, level=level(demand.periods), error=error, length=length)


@dataclass(frozen=True, slots=True)
class Intermittent:
    """Chance of a sale times its size, each smoothed on its own; an item that dies is seen to die.

    Teunter, Syntetos & Babai (2011), "Intermittent demand: Linking forecasting to inventory obsolescence", EJOR
    214, by discounted means like SES here. The constants are those of the smooth of a day; a week or a month has
    twice of them.
    """

    size_alpha: float = 0.1
    chance_alpha: float = 0.05

    @property
    def name(self) -> str:
        return "tsb-negbin"

    def fit(self, history: DemandHistory, protection_days: Ints) -> LevelFit:
        return by_length(history, protection_days, self._fit)

    def _fit(self, demand: ByPeriod, length: int) -> LevelFit:
        windows = Windows.of(demand, length)
        series = demand.series
        factor = 1.0 if demand.period is Period.DAY else 2.0
        keep_size, keep_chance = 1.0 - factor * self.size_alpha, 1.0 - factor * self.chance_alpha
        units, sales, chance, seen, error = (np.zeros(series) for _ in range(5))
        level = np.zeros(series)
        for day in range(demand.periods):
            sale = demand.sold[day] > 0
            decay = np.where(sale, keep_size, 1.0)
            units = units * decay + demand.sold[day]
            sales = sales * decay + sale
            chance = chance * keep_chance + sale
            seen = seen * keep_chance + demand.seen[day]
            level = units / np.maximum(sales, 1e-12) * chance / np.maximum(seen, 1e-12)
            origin = day + 1
            if windows.first <= origin <= windows.last:
                gap = windows.sold[origin] - windows.observed[origin] * level
                error += windows.weight[origin] * gap * gap
        return with_spread(demand, windows, level=level, error=error, length=length)


@dataclass(frozen=True, slots=True)
class Aggregated:
    """SES on buckets as long as the mean interval between sales, so that a bucket is seldom empty.

    ADIDA: Nikolopoulos, Syntetos, Boylan, Petropoulos & Assimakopoulos (2011), JORS 62. A smoothing constant per
    bucket is the same forgetting as its root per period, which needs no buckets and moves with every period.
    """

    alpha: float = 0.1

    @property
    def name(self) -> str:
        return "adida-negbin"

    def fit(self, history: DemandHistory, protection_days: Ints) -> LevelFit:
        return by_length(history, protection_days, self._fit)

    def _fit(self, demand: ByPeriod, length: int) -> LevelFit:
        windows = Windows.of(demand, length)
        series = demand.series
        units, seen, sales, total_seen, error, level = (np.zeros(series) for _ in range(6))
        for day in range(demand.periods):
            sales += demand.sold[day] > 0
            total_seen += demand.seen[day]
            # The interval known at that time, nothing later.
            decay = (1.0 - self.alpha) ** (np.maximum(sales, 1.0) / np.maximum(total_seen, 1.0))
            units = units * decay + demand.sold[day]
            seen = seen * decay + demand.seen[day]
            level = units / np.maximum(seen, 1e-12)
            origin = day + 1
            if windows.first <= origin <= windows.last:
                gap = windows.sold[origin] - windows.observed[origin] * level
                error += windows.weight[origin] * gap * gap
        return with_spread(demand, windows, level=level, error=error, length=length)


def trend_pct_per_week(history: DemandHistory, days: int = 91) -> NDArray[np.float64]:
    """Slope of the last `days` days in percent of their mean per week, 0 where noise alone could make it.

    Least squares on the observed periods, at least 13 of them. A slope under two of its standard errors is answered
    as 0: on lumpy items the bare slope is mostly noise and would be read as news. At most +-100.
    """
    used = min(max(round(days / history.period.days), 13), history.days)
    least = 14 if history.period is Period.DAY else 6
    if used < least:
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
    clear = (count >= least) & (mean > 0) & (np.abs(slope) > 2.0 * error)
    percent = 100.0 * 7.0 / history.period.days * slope / np.maximum(mean, 1e-12)
    return np.where(clear, np.clip(percent, -100.0, 100.0), 0.0)
