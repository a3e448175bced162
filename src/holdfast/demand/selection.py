"""Which method for which series: the one that would have set the best quantiles of lead-time demand so far."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from holdfast.demand.averaged import Averaged
from holdfast.demand.history import DEMAND_CLASSES, DemandHistory, Floats, Ints, classify
from holdfast.demand.methods import (
    Aggregated,
    DemandMethod,
    ExponentialSmoothing,
    Intermittent,
    MovingAverage,
)
from holdfast.demand.methods_window import Seasonal, WindowBootstrap
from holdfast.demand.shape import pinball, quantiles_of
from holdfast.demand.spread import LEVELS, LevelFit

# Past origins every candidate is tried at, one protection time apart.
ORIGINS = 4

# A series' own loss counts like its origins, the loss of its class like this many.
CLASS_ORIGINS = 4.0

CANDIDATES: tuple[DemandMethod, ...] = (
    MovingAverage(),
    ExponentialSmoothing(),
    Intermittent(),
    Aggregated(),
    WindowBootstrap(),
    Seasonal(),
    MovingAverage(36_500, "all-history-negbin"),
)


@dataclass(frozen=True, slots=True)
class Selected:
    """Per series the candidate with the least pinball loss of protection-time sums at past origins.

    At every origin a candidate sees only what was known then. Losses are relative to the series' own level and
    drawn towards the mean of its demand class, which decides alone where a series is short. The first candidate is
    the naive one; another takes its place only by being better, so that a choice is never worse than naive on the
    past it was made on.
    """

    candidates: tuple[DemandMethod, ...] = CANDIDATES

    @property
    def name(self) -> str:
        return "selected"

    def fit(self, history: DemandHistory, protection_days: Ints) -> LevelFit:
        loss, count = self._losses(history, protection_days)
        own = loss / np.maximum(count, 1.0)
        kind = classify(history)
        group = np.zeros_like(own)
        for index in range(len(DEMAND_CLASSES)):
            rows = np.flatnonzero((kind == index) & (count > 0))
            group[:, kind == index] = own[:, rows].mean(axis=1)[:, None] if rows.size else 0.0
        drawn = (loss + CLASS_ORIGINS * group) / (count + CLASS_ORIGINS)
        best = np.argmin(drawn, axis=0)
        # Better by class alone is not better for a series that was better served by the naive method.
        best = np.where((count > 0) & (own[best, np.arange(best.size)] > own[0]), 0, best)
        names = np.array([candidate.name for candidate in self.candidates], object)
        fits = [candidate.fit(history, protection_days) for candidate in self.candidates]
        error = np.where(count > 0, own[best, np.arange(best.size)], np.nan)
        return replace(_picked(fits, best), method_names=names[best], expected_error=error)

    def _losses(self, history: DemandHistory, protection_days: Ints) -> tuple[Floats, Floats]:
        """Sum of scaled losses (candidates, series) and origins that counted (series,)."""
        loss = np.zeros((len(self.candidates), history.series))
        count = np.zeros(history.series)
        for back in range(1, ORIGINS + 1):
            for length in np.unique(protection_days):
                origin = history.days - back * int(length)
                if origin < max(2, int(length)):
                    continue
                rows = np.flatnonzero(protection_days == length)
                self._try_at(history.rows(rows), origin, int(length), rows, loss, count)
        return loss, count

    def _try_at(
        self, history: DemandHistory, origin: int, length: int, rows: Ints, loss: Floats, count: Floats
    ) -> None:
        past, coming = history.until(origin), slice(origin, origin + length)
        seen = history.observed[:, coming].sum(axis=1)
        sums = np.where(history.observed[:, coming], history.quantity[:, coming], 0).sum(axis=1) * length
        sums = sums / np.maximum(seen, 1)
        total = np.where(past.observed, past.quantity, 0).sum(axis=1, dtype=np.float64)
        scale = total / np.maximum(past.observed.sum(axis=1), 1) * length
        valid = (2 * seen >= length) & (scale > 0)
        count[rows] += valid
        lengths = np.full(rows.size, length, np.int64)
        for index, candidate in enumerate(self.candidates):
            quantiles = quantiles_of(candidate.fit(past, lengths), lengths)
            found = pinball(quantiles, sums).mean(axis=1)
            loss[index, rows] += np.where(valid, found / np.maximum(scale, 1e-9), 0.0)


def _picked(fits: list[LevelFit], best: Ints) -> LevelFit:
    def of(values: list[Floats]) -> Floats:
        return np.stack(values)[best, np.arange(best.size)]

    none = np.zeros((best.size, len(LEVELS)))
    return LevelFit(
        of([fit.daily_mean for fit in fits]),
        of([fit.day_variance for fit in fits]),
        of([fit.level_variance for fit in fits]),
        of([none if fit.level_shift is None else fit.level_shift for fit in fits]),
    )


METHODS: dict[str, DemandMethod] = {method.name: method for method in (*CANDIDATES, Selected(), Averaged())}


def method_named(name: str) -> DemandMethod:
    """The method stored under this name; KeyError when no such method exists."""
    return METHODS[name]
