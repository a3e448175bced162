"""What all series teach about each: how demand fell out at past origins, given what per-series methods said. Pure.

The methods are pooled (`pooled`), and a negative binomial regression (Cameron & Trivedi, *Regression Analysis of Count
Data*, 2nd ed., 3.3) says by which factor mean and dispersion of the pool were off: where the methods disagree, where
little is sold, where little is known. Some twenty coefficients for a whole shop, smooth in everything they are read
from, so that levels do not jump from week to week. Likelihood and not squares: it asks for the right spread as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from holdfast.demand.history import DemandHistory, Floats, Ints
from holdfast.demand.spread import LevelFit, split_variance

# A regression learned on a few origins is believed so far, and its coefficients are drawn to 0 as by this many sums.
TRUST = 0.4
RIDGE = 300.0

# Fewer sums than this teach nothing; up to some hundred the ridge keeps the pool nearly as it is.
ROWS_MIN = 60

# Of the pool's mean and dispersion no more is believed than these factors (as logarithms).
_MEAN_REACH, _SPREAD_REACH = 2.5, 4.0

# A sum varies by one percent of its mean beyond chance however steady a series was (its square is the dispersion), and
# by ten percent while most of a year is still to be seen. Ten percent for ever made a good that sells the same
# every day need several times its stock.
_STEADY, _UNSEEN = 1e-4, 1e-2

# Below this many units a mean is no mean.
_MEAN_MIN = 1e-4


def pooled(fits: Sequence[LevelFit], shares: Sequence[float]) -> LevelFit:
    """The moments of a mixture of the fits: where they disagree about the level, the level is less known."""
    none = np.zeros_like(fits[0].daily_mean)
    mean = sum((share * fit.daily_mean for share, fit in zip(shares, fits, strict=True)), none)
    apart = sum((share * (fit.daily_mean - mean) ** 2 for share, fit in zip(shares, fits, strict=True)), none)
    day = sum((share * fit.day_variance for share, fit in zip(shares, fits, strict=True)), none)
    level = sum((share * fit.level_variance for share, fit in zip(shares, fits, strict=True)), none)
    return LevelFit(mean, day, level + apart)


@dataclass(frozen=True, slots=True)
class Said:
    """What is known of each sum before it comes. `mean` (rows,) and `dispersion`, (variance - mean) over mean²;
    `of_mean` and `of_spread` (rows, facts) are what their factors are read from."""

    mean: Floats
    dispersion: Floats
    of_mean: Floats
    of_spread: Floats

    @staticmethod
    def of(pool: LevelFit, fits: Sequence[LevelFit], lengths: Ints, observed: Ints, season: Floats, year: int) -> Said:
        """`fits` of the members, `lengths` the periods of the sums, `observed` periods known of each series, of which
        a `year` has so many; the factor `season` is in them."""
        mean, variance = pool.moments_over(lengths)
        mean = np.maximum(mean, _MEAN_MIN)
        unseen = np.maximum(1.0 - observed / year, 0.0)
        dispersion = np.maximum(variance - mean, 0.02 * mean + (_STEADY + _UNSEEN * unseen) * mean**2) / mean**2
        apart: list[Floats] = []
        spreads: list[Floats] = []
        for fit in fits:
            own, own_variance = fit.moments_over(lengths)
            apart.append(np.clip(np.log((own + 0.05 * mean) / mean), -3.0, 3.0))
            excess = np.maximum(own_variance - own, 1e-3 * mean**2 + 0.01 * mean) / mean**2
            spreads.append(np.clip(np.log(excess / dispersion), -4.0, 4.0))
        size = np.clip(np.log(mean), -4.0, 8.0)
        few, many = np.minimum(size, 0.0), np.maximum(size, 0.0)
        wild = np.clip(np.log(dispersion), -4.0, 6.0)
        age = np.log(np.maximum(observed, 1) / lengths)
        return Said(
            mean,
            dispersion,
            np.column_stack([np.ones_like(mean), *apart, few, many, wild, age, np.log(season)]),
            np.column_stack([np.ones_like(mean), *apart, *spreads, few, many, wild]),
        )

    def rows(self, rows: Ints) -> Said:
        return Said(self.mean[rows], self.dispersion[rows], self.of_mean[rows], self.of_spread[rows])


def together(parts: Sequence[Said]) -> Said:
    """The rows of several, one after the other."""
    return Said(
        np.concatenate([part.mean for part in parts]),
        np.concatenate([part.dispersion for part in parts]),
        np.concatenate([part.of_mean for part in parts]),
        np.concatenate([part.of_spread for part in parts]),
    )


@dataclass(frozen=True, slots=True)
class Scale:
    """Middle, width and bounds of each fact in what was learned from: beyond the bounds nothing is extrapolated."""

    middle: Floats
    width: Floats
    low: Floats
    high: Floats

    @staticmethod
    def of(facts: Floats) -> Scale:
        rest = facts[:, 1:]
        low, high = np.quantile(rest, [0.005, 0.995], axis=0)
        return Scale(rest.mean(axis=0), np.maximum(rest.std(axis=0), 0.1), low, high)

    def applied(self, facts: Floats) -> Floats:
        inner = np.clip(facts[:, 1:], self.low, self.high)
        return np.column_stack([facts[:, :1], (inner - self.middle) / self.width])


@dataclass(frozen=True, slots=True)
class Regression:
    """Coefficients of the logarithms of both factors, per standard deviation of a fact; the first is the constant."""

    mean_scale: Scale
    spread_scale: Scale
    of_mean: Floats
    of_spread: Floats
    rows: int

    @staticmethod
    def learned(said: Said, came: Floats) -> Regression | None:
        """From what was said of sums and what came (whole units); None where that is too little."""
        if came.size < ROWS_MIN:
            return None
        import scipy.optimize  # pyright: ignore[reportMissingTypeStubs]

        optimize: Any = scipy.optimize
        scales = Scale.of(said.of_mean), Scale.of(said.of_spread)
        tables = scales[0].applied(said.of_mean), scales[1].applied(said.of_spread)
        split = tables[0].shape[1]

        def loss(coefficients: Floats) -> tuple[float, Floats]:
            found, slope_mean, slope_spread = _likelihood(said, came, *_factors(tables, coefficients, split))
            slope = np.concatenate([tables[0].T @ slope_mean, tables[1].T @ slope_spread])
            return 0.5 * RIDGE * float(coefficients @ coefficients) - found, RIDGE * coefficients - slope

        start = np.zeros(split + tables[1].shape[1])
        found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 60})
        return Regression(*scales, found.x[:split], found.x[split:], int(came.size))

    def applied(self, pool: LevelFit, said: Said, lengths: Ints) -> LevelFit:
        """The pool, its mean and spread over `lengths` as the past corrects them. What sells nothing stays so."""
        tables = self.mean_scale.applied(said.of_mean), self.spread_scale.applied(said.of_spread)
        coefficients = TRUST * np.concatenate([self.of_mean, self.of_spread])
        factor, wider = _factors(tables, coefficients, self.of_mean.size)
        mean = said.mean * factor
        variance = mean + said.dispersion * wider * mean**2
        found = split_variance(mean / lengths, variance, pool.day_variance * factor**1.5, lengths)
        sells = pool.daily_mean > 0
        return LevelFit(
            np.where(sells, found.daily_mean, pool.daily_mean),
            np.where(sells, found.day_variance, pool.day_variance),
            np.where(sells, found.level_variance, pool.level_variance),
        )

    def as_lists(self) -> list[list[float]]:
        scales = [getattr(scale, name) for scale in (self.mean_scale, self.spread_scale) for name in _SCALE]
        return [column.tolist() for column in (*scales, self.of_mean, self.of_spread)] + [[float(self.rows)]]

    @staticmethod
    def from_lists(lists: list[list[float]]) -> Regression:
        columns = [np.array(one, np.float64) for one in lists]
        return Regression(Scale(*columns[:4]), Scale(*columns[4:8]), columns[8], columns[9], int(lists[10][0]))


_SCALE = ("middle", "width", "low", "high")


def _factors(tables: tuple[Floats, Floats], coefficients: Floats, split: int) -> tuple[Floats, Floats]:
    mean = np.clip(tables[0] @ coefficients[:split], -_MEAN_REACH, _MEAN_REACH)
    spread = np.clip(tables[1] @ coefficients[split:], -_SPREAD_REACH, _SPREAD_REACH)
    return np.exp(mean), np.exp(spread)


def _likelihood(said: Said, came: Floats, factor: Floats, wider: Floats) -> tuple[float, Floats, Floats]:
    """Log-likelihood, and its slopes by the logarithm of the mean and of the dispersion (Cameron & Trivedi, 3.3.1)."""
    import scipy.special

    special: Any = scipy.special
    mean, dispersion = said.mean * factor, said.dispersion * wider
    r = 1.0 / dispersion
    rest = r / (r + mean)
    found = special.gammaln(came + r) - special.gammaln(r) - special.gammaln(came + 1.0)
    found += r * np.log(rest) + special.xlogy(came, 1.0 - rest)
    by_r = special.digamma(came + r) - special.digamma(r) + np.log(rest) + 1.0 - (r + came) / (r + mean)
    return float(found.sum()), (came - mean) / (1.0 + mean * dispersion), -r * by_r


def learnable(history: DemandHistory, origin: int, length: int) -> tuple[Ints, Floats]:
    """(rows, units that came) of series that sold in the year before `origin` and were seen for most of the window.

    What was not seen of it is taken to be like the rest.
    """
    window, year = slice(origin, origin + length), slice(max(0, origin - history.period.per_year), origin)
    seen = history.observed[:, window].sum(axis=1)
    sold = np.where(history.observed[:, year], history.quantity[:, year], 0).sum(axis=1)
    rows = np.flatnonzero((seen >= 0.6 * length) & (sold > 0))
    units = np.where(history.observed[rows, window], history.quantity[rows, window], 0).sum(axis=1, dtype=np.float64)
    return rows, np.maximum(np.rint(units * length / seen[rows]), 0.0)
