"""Demand as a distribution: from a history to the quantile of demand over a protection time. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.demand.history import DemandHistory, Floats, Ints, cap_bulk_days, classify, finest_unit, in_units
from holdfast.demand.methods import DemandMethod, ExponentialSmoothing, trend_pct_per_week
from holdfast.demand.negbin import LEVEL_MAX, negbin_quantile
from holdfast.demand.shape import shaped_level

# Series per chunk. 2,048 series of two years need about 100 MB of working memory, whatever the total.
CHUNK_SERIES = 2_048


@dataclass(frozen=True, slots=True)
class DemandForecast:
    """What is expected of every series, one array entry per series.

    `daily_mean` units per day (per period of the history); `day_variance` and `level_variance` as in `LevelFit`;
    `trend_pct_per_week` (percent of the mean, 0 when not clear); `demand_class` index into DEMAND_CLASSES;
    `observed_days` how many periods stand behind it; `bulk_units` one-off units that were left out.

    `level_shift` (series, LEVELS), when there is one, is what bends the negative binomial into the distribution the
    method found: the quantile at LEVELS[k] is the one the plain distribution has at Φ(Φ⁻¹(LEVELS[k]) + shift).
    Quantities are whole multiples of `unit`. `expected_error` is the mean pinball loss of the method at past origins
    over the series' mean sum, where the method has tried itself; `method_names` is per series where methods differ.
    `season_factor` is what a season ahead did to the mean, `occasion_factor` what promotions and holidays ahead did;
    the mean has both in it.
    """

    daily_mean: Floats
    day_variance: Floats
    level_variance: Floats
    trend_pct_per_week: Floats
    demand_class: NDArray[np.int8]
    observed_days: Ints
    bulk_units: Ints
    level_shift: Floats | None = None
    unit: float = 1.0
    expected_error: Floats | None = None
    method_names: NDArray[np.object_] | None = None
    season_factor: Floats | None = None
    occasion_factor: Floats | None = None

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
        """Units that demand over `days` stays within with probability `level`; the series are the last axis.

        Whole numbers, unless the history is in fractions (`unit` below 1).
        """
        return self._quantile(np.asarray(level, np.float64), self.mean_over(days), self.variance_over(days, days_sd))

    def band(self, days_ahead: int = 90, levels: tuple[float, ...] = (0.1, 0.5, 0.9)) -> Ints:
        """(series, levels, days_ahead) quantiles of the demand summed from tomorrow to each coming day.

        For a chart of stock to come: stock minus the band is the stock that will be there.
        """
        days = np.arange(1, days_ahead + 1, dtype=np.float64)[None, :, None]
        path = self.quantile_over(np.asarray(levels)[:, None, None], days)
        return np.moveaxis(path, -1, 0)

    def rows(self, rows: NDArray[np.int64] | slice) -> DemandForecast:
        """The forecasts of some of the series."""
        return DemandForecast(*[_taken(getattr(self, f.name), rows) for f in fields(self)])

    def _quantile(self, level: Floats, mean: Floats, variance: Floats) -> Ints:
        if self.level_shift is not None:
            level = np.minimum(shaped_level(level, self.level_shift), LEVEL_MAX)
        if self.unit == 1.0:
            return negbin_quantile(level, mean, variance)
        counted = negbin_quantile(level, mean / self.unit, variance / self.unit**2)
        return np.round(counted * self.unit, 9)  # type: ignore[return-value]


def forecast_demand(
    history: DemandHistory,
    protection_days: ArrayLike,
    method: DemandMethod | None = None,
    *,
    cap_bulk: bool = True,
    unit: float | None = None,
) -> DemandForecast:
    """Forecast every series for its own protection time (lead time + review, rounded up to whole periods).

    One-off bulk days are capped first, unless `cap_bulk` is false; weeks and months hide them and are never capped.
    A series without an observed period has mean 0 and variance 0: it says nothing, and a policy must not order on
    it. `unit` is what quantities are multiples of, found from them when not said. Works in chunks, so memory does
    not grow with the series.
    """
    chosen = method if method is not None else ExponentialSmoothing()
    counted_in = finest_unit(history) if unit is None else unit
    lengths = np.maximum(np.ceil(np.asarray(protection_days, np.float64)), 1).astype(np.int64)
    protection = np.broadcast_to(lengths, (history.series,))
    # Neighbours by protection time share a chunk, so that a chunk has few lengths to go through.
    order = np.argsort(protection, kind="stable")
    parts: list[DemandForecast] = []
    for start in range(0, max(history.series, 1), CHUNK_SERIES):
        rows = order[start : start + CHUNK_SERIES]
        chunk = in_units(history.rows(rows), counted_in)
        part = _forecast_chunk(chunk, protection[rows], chosen, cap_bulk=cap_bulk)
        parts.append(_scaled(part, counted_in))
    back = np.empty_like(order)
    back[order] = np.arange(order.size)
    return _joined(parts).rows(back)


def _forecast_chunk(
    history: DemandHistory, protection_days: Ints, method: DemandMethod, *, cap_bulk: bool
) -> DemandForecast:
    no_bulk = np.zeros(history.series, np.int64)
    capped, bulk_units = cap_bulk_days(history) if cap_bulk else (history, no_bulk)
    fit = method.fit(capped, protection_days)
    return DemandForecast(
        daily_mean=fit.daily_mean,
        day_variance=fit.day_variance,
        level_variance=fit.level_variance,
        trend_pct_per_week=trend_pct_per_week(capped),
        demand_class=classify(capped),
        observed_days=np.count_nonzero(history.observed, axis=1).astype(np.int64),
        bulk_units=bulk_units,
        level_shift=fit.level_shift,
        expected_error=fit.expected_error,
        method_names=fit.method_names,
        season_factor=fit.season_factor,
    )


def _scaled(forecast: DemandForecast, unit: float) -> DemandForecast:
    if unit == 1.0:
        return forecast
    return replace(
        forecast,
        daily_mean=forecast.daily_mean * unit,
        day_variance=forecast.day_variance * unit**2,
        level_variance=forecast.level_variance * unit**2,
        bulk_units=np.rint(forecast.bulk_units * unit).astype(np.int64),
        unit=unit,
    )


def _taken(column: Any, rows: NDArray[np.int64] | slice) -> Any:
    array: NDArray[Any] | float | None = column
    return array[rows] if isinstance(array, np.ndarray) else array


def _joined(parts: list[DemandForecast]) -> DemandForecast:
    columns: list[list[Any]] = [[getattr(part, f.name) for part in parts] for f in fields(DemandForecast)]
    one = [cast("Any", np.concatenate(of)) if isinstance(of[0], np.ndarray) else of[0] for of in columns]
    return DemandForecast(*one)
