"""The mean of what several methods say, as one distribution: what is left when no model can be trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holdfast.demand.calibration import Calibration
from holdfast.demand.history import DemandHistory, Floats, Ints
from holdfast.demand.methods import Aggregated, DemandMethod, ExponentialSmoothing, Intermittent
from holdfast.demand.shape import quantiles_of, shift_to
from holdfast.demand.spread import LEVELS, LevelFit, adrift, joined, same_lengths, split_variance

# Standard normal deviates of the upper levels, to read a spread off quantiles.
_UPPER = np.array([1.2815516, 1.6448536, 2.3263479])

# Nothing held out says how far off these are: twice as much as a judged model's origins usually differ.
UNTRIED_BETWEEN = 0.25


@dataclass(frozen=True, slots=True)
class Averaged:
    """Mean quantiles of smoothing, chance times size, and smoothing over intervals, a little widened.

    Averaging quantiles (Vincent 1912; Lichtendahl, Grushka-Cockayne & Winkler 2013, Management Science 59) keeps the
    form of what is averaged. A few series are too few to choose among methods: the one that was best at four past
    origins lost 3 to 27 % more than this mean did (docs/planning.md).
    """

    members: tuple[DemandMethod, ...] = (ExponentialSmoothing(), Intermittent(), Aggregated())

    @property
    def name(self) -> str:
        return "averaged"

    def fit(self, history: DemandHistory, protection_days: Ints) -> LevelFit:
        parts: list[tuple[Ints, LevelFit]] = []
        wider = Calibration.none(UNTRIED_BETWEEN)
        for length, rows in same_lengths(protection_days):
            part, lengths = history.rows(rows), np.full(rows.size, length, np.int64)
            fits = [member.fit(part, lengths) for member in self.members]
            quantiles = np.mean([quantiles_of(fit, lengths) for fit in fits], axis=0)
            mean = np.mean([fit.daily_mean for fit in fits], axis=0) * length
            fit = adrift(bent_to(quantiles, mean, fits[0], length), history.days, length)
            parts.append((rows, wider.applied(fit, length)))
        return joined(parts, history.series)


def bent_to(quantiles: Floats, mean: Floats, plain: LevelFit, length: int) -> LevelFit:
    """Mean and variance of a distribution of the sum known by (series, LEVELS) quantiles, and the shift to them.

    `plain` says how its variance is split, which carries over to other lengths.
    """
    spread = np.maximum(quantiles[:, 2:] - mean[:, None], 0.0).sum(axis=1) / _UPPER.sum()
    variance = np.maximum(spread**2, mean)
    _, plain_variance = plain.moments_over(length)
    day_share = length * plain.day_variance / np.maximum(plain_variance, 1e-12)
    fit = split_variance(mean / length, variance, np.minimum(day_share, 1.0) * variance / length, length)
    known = fit.daily_mean > 0
    shift = shift_to(np.asarray(LEVELS), np.where(known[:, None], quantiles, np.nan), *fit.moments_over(length))
    return LevelFit(fit.daily_mean, fit.day_variance, fit.level_variance, shift)
