"""Demand as a distribution: from daily history to the quantile of demand over a protection time. Pure."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.demand.history import DemandHistory, Floats, Ints, cap_bulk_days, classify
from holdfast.demand.methods import METHODS, DemandMethod, ExponentialSmoothing, trend_pct_per_week
from holdfast.demand.negbin import negbin_quantile

# Series per chunk. 2,048 series of two years need about 100 MB of working memory, whatever the total.
CHUNK_SERIES = 2_048


@dataclass(frozen=True, slots=True)
class DemandForecast:
    """What is expected of every series, one array entry per series.

    `daily_mean` units per day; `day_variance` and `level_variance` as in `LevelFit`; `trend_pct_per_week`
    (percent of the mean, 0 when not clear); `demand_class` index into DEMAND_CLASSES; `observed_days` how
    many days stand behind it; `bulk_units` one-off units that were left out.
    """

    daily_mean: Floats
    day_variance: Floats
    level_variance: Floats
    trend_pct_per_week: Floats
    demand_class: NDArray[np.int8]
    observed_days: Ints
    bulk_units: Ints

    @property
    def daily_sd(self) -> Floats:
        """Standard deviation of one day, including that the level is not known exactly."""
        return np.sqrt(self.day_variance + self.level_variance)

    def mean_over(self, days: ArrayLike) -> Floats:
        """Expected units over `days` (scalar or one per series)."""
        return self.daily_mean * np.asarray(days, np.float64)

    def variance_over(self, days: ArrayLike, days_sd: ArrayLike = 0.0) -> Floats:
        """Variance of units over `days` whose own length has standard deviation `days_sd`.

        Silver, Pyke & Thomas, section 6.10: variance of a random sum = days·σ² + mean²·σ_days², to which the
        uncertainty of the level is added.
        """
        length, length_sd = np.asarray(days, np.float64), np.asarray(days_sd, np.float64)
        return length * self.day_variance + length**2 * self.level_variance + self.daily_mean**2 * length_sd**2

    def quantile_over(self, level: ArrayLike, days: ArrayLike, days_sd: ArrayLike = 0.0) -> Ints:
        """Units that demand over `days` stays within with probability `level` (negative binomial)."""
        return negbin_quantile(level, self.mean_over(days), self.variance_over(days, days_sd))

    def band(self, days_ahead: int = 90, levels: tuple[float, ...] = (0.1, 0.5, 0.9)) -> Ints:
        """(series, levels, days_ahead) quantiles of the demand summed from tomorrow to each coming day.

        For a chart of stock to come: stock minus the band is the stock that will be there.
        """
        days = np.arange(1, days_ahead + 1, dtype=np.float64)[None, None, :]
        mean = self.daily_mean[:, None, None] * days
        variance = days * self.day_variance[:, None, None] + days**2 * self.level_variance[:, None, None]
        return negbin_quantile(np.asarray(levels)[None, :, None], mean, variance)


def forecast_demand(
    history: DemandHistory, protection_days: ArrayLike, method: DemandMethod | None = None
) -> DemandForecast:
    """Forecast every series for its own protection time (lead time + review, days, rounded up to whole days).

    One-off bulk days are capped first. A series without an observed day has mean 0 and variance 0: it says
    nothing, and a policy must not order on it. Works in chunks, so memory does not grow with the series.
    """
    chosen = method if method is not None else ExponentialSmoothing()
    lengths = np.maximum(np.ceil(np.asarray(protection_days, np.float64)), 1).astype(np.int64)
    protection = np.broadcast_to(lengths, (history.series,))
    # Neighbours by protection time share a chunk, so that a chunk has few lengths to go through.
    order = np.argsort(protection, kind="stable")
    parts: list[DemandForecast] = []
    for start in range(0, history.series, CHUNK_SERIES):
        rows = order[start : start + CHUNK_SERIES]
        chunk = DemandHistory(history.quantity[rows], history.observed[rows])
        parts.append(_forecast_chunk(chunk, protection[rows], chosen))
    if not parts:
        return _forecast_chunk(history, protection, chosen)
    back = np.empty_like(order)
    back[order] = np.arange(order.size)
    joined = [np.concatenate([getattr(part, f.name) for part in parts])[back] for f in fields(DemandForecast)]
    return DemandForecast(*joined)


def _forecast_chunk(history: DemandHistory, protection_days: Ints, method: DemandMethod) -> DemandForecast:
    capped, bulk_units = cap_bulk_days(history)
    fit = method.fit(capped, protection_days)
    return DemandForecast(
        daily_mean=fit.daily_mean,
        day_variance=fit.day_variance,
        level_variance=fit.level_variance,
        trend_pct_per_week=trend_pct_per_week(capped),
        demand_class=classify(capped),
        observed_days=np.count_nonzero(history.observed, axis=1).astype(np.int64),
        bulk_units=bulk_units,
    )


def method_named(name: str) -> DemandMethod:
    """The method stored under this name; KeyError when no such method exists."""
    return METHODS[name]
