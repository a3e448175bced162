"""What a model may look at: a series up to an origin, in multiples of its own level, never a day later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.demand.history import DemandHistory, Floats, Period

FloatTable = NDArray[np.float32]

# Sums over the protection time looked back at, and how many of them enter one by one.
_LAGS = 13
_LAGS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Sums:
    """Running sums of a history, (series, periods + 1): any window is a difference of two columns."""

    units: Floats
    squares: Floats
    sales: NDArray[np.int32]
    seen: NDArray[np.int32]
    last_sale: NDArray[np.int32]  # periods up to and including the last sale, 0 before any
    period: Period
    starts_on: np.datetime64 | None

    @staticmethod
    def of(history: DemandHistory) -> Sums:
        sold = np.where(history.observed, history.quantity, 0).astype(np.float64)
        is_sale = sold > 0
        last = np.where(is_sale, np.arange(1, history.days + 1, dtype=np.int32), np.int32(0))
        return Sums(
            _running(sold, np.float64),
            _running(sold * sold, np.float64),
            _running(is_sale, np.int32),
            _running(history.observed, np.int32),
            np.maximum.accumulate(np.pad(last, ((0, 0), (1, 0))), axis=1),
            history.period,
            history.starts_on,
        )

    def rows(self, rows: NDArray[np.int64]) -> Sums:
        """The sums of some of the series."""
        parts = (self.units[rows], self.squares[rows], self.sales[rows], self.seen[rows], self.last_sale[rows])
        return Sums(*parts, self.period, self.starts_on)

    @property
    def series(self) -> int:
        return int(self.units.shape[0])

    @property
    def periods(self) -> int:
        return int(self.units.shape[1]) - 1

    def window(self, start: int, end: int) -> tuple[Floats, Floats]:
        """Units and observed periods in [start, end), start below zero counting as zero."""
        first = max(start, 0)
        units = self.units[:, end] - self.units[:, first]
        return units, (self.seen[:, end] - self.seen[:, first]).astype(np.float64)


def series_level(sums: Sums, origin: int, length: int) -> Floats:
    """Mean per period that everything is measured in: the mean of ever longer memories, each drawn to the longer."""
    units, seen = sums.window(0, origin)
    level = units / np.maximum(seen, 1.0)
    prior = 2.0 * length
    for memory in (sums.period.per_year, 8 * length, 3 * length):
        units, seen = sums.window(origin - memory, origin)
        level = (units + prior * level) / (seen + prior)
    return level


def features_at(sums: Sums, origin: int, length: int) -> tuple[FloatTable, Floats]:
    """(series, features) of the first `origin` periods for the sum over `length`, and the level they are divided by.

    NaN where a series is too short to say. Values do not depend on the unit of quantity except through the first
    feature, the expected units of the window, because chance weighs more on few units.
    """
    level = series_level(sums, origin, length)
    safe = np.maximum(level, 1e-12)
    columns: list[Floats] = [np.log(safe * length), np.full(sums.series, np.log(length))]
    for memory in (length, 2 * length, 4 * length, 8 * length, sums.period.per_year, origin):
        units, seen = sums.window(origin - memory, origin)
        columns.append(np.where(seen > 0, units / np.maximum(seen, 1.0) / safe, np.nan))
    columns += _lag_columns(sums, origin, length, safe)
    for memory in (4 * length, origin):
        columns += _size_columns(sums, origin, memory, safe * length)
    columns.append((origin - sums.last_sale[:, origin]) / length)
    columns.append(sums.seen[:, origin] / length)
    columns += _calendar_columns(sums, origin, length, safe)
    return np.stack(columns, axis=1).astype(np.float32), level


def _lag_columns(sums: Sums, origin: int, length: int, level: Floats) -> list[Floats]:
    lags = np.full((_LAGS, sums.series), np.nan)
    for back in range(_LAGS):
        end = origin - back * length
        if end - length >= 0:
            units, seen = sums.window(end - length, end)
            lags[back] = np.where(seen >= 0.5 * length, units / np.maximum(seen, 1.0) / level, np.nan)
    known = ~np.isnan(lags)
    count = known.sum(axis=0)
    filled = np.where(known, lags, 0.0)
    mean = filled.sum(axis=0) / np.maximum(count, 1)
    spread = np.sqrt(np.where(known, (filled - mean) ** 2, 0.0).sum(axis=0) / np.maximum(count, 1))
    short = known[:5].sum(axis=0)
    near = filled[:5].sum(axis=0) / np.maximum(short, 1)
    near_spread = np.sqrt(np.where(known[:5], (filled[:5] - near) ** 2, 0.0).sum(axis=0) / np.maximum(short, 1))
    ranked = np.sort(np.where(known, lags, np.inf), axis=0)
    middle = ranked[np.maximum(count - 1, 0) // 2, np.arange(sums.series)]
    some = count > 0
    return [
        *lags[:_LAGS_SHOWN],
        np.where(some, spread, np.nan),
        np.where(short > 1, near_spread, np.nan),
        np.where(some, filled.max(axis=0), np.nan),
        np.where(some, ranked[0], np.nan),
        np.where(some, middle, np.nan),
    ]


def _size_columns(sums: Sums, origin: int, memory: int, expected: Floats) -> list[Floats]:
    """Share of periods without a sale, mean size of a sale, and how much sizes differ."""
    first = max(origin - memory, 0)
    sales = (sums.sales[:, origin] - sums.sales[:, first]).astype(np.float64)
    units, seen = sums.window(first, origin)
    squares = sums.squares[:, origin] - sums.squares[:, first]
    size = units / np.maximum(sales, 1.0)
    unevenness = squares / np.maximum(sales, 1.0) / np.maximum(size, 1e-12) ** 2
    some = sales > 0
    return [
        1.0 - sales / np.maximum(seen, 1.0),
        np.where(some, size / expected, np.nan),
        np.where(some, unevenness, np.nan),
    ]


def _calendar_columns(sums: Sums, origin: int, length: int, level: Floats) -> list[Floats]:
    """The same window a year ago, against the level and against what came just before it then."""
    year = sums.period.per_year
    start = origin - year
    unknown = np.full(sums.series, np.nan)
    if start < 0:
        return [unknown, unknown]
    units, seen = sums.window(start, start + length)
    then = units / np.maximum(seen, 1.0)
    units_before, seen_before = sums.window(start - 4 * length, start)
    before = units_before / np.maximum(seen_before, 1.0)
    valid = seen >= 0.5 * length
    return [
        np.where(valid, then / level, np.nan),
        np.where(valid & (seen_before >= length), (then - before) / level, np.nan),
    ]


def _running(values: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    total: NDArray[Any] = np.zeros((values.shape[0], values.shape[1] + 1), dtype)
    np.cumsum(values, axis=1, out=total[:, 1:])
    return total
