"""Bending a negative binomial into a distribution known by some of its quantiles.

A level u becomes Φ(Φ⁻¹(u) + shift(u)), the shift a straight line in Φ⁻¹(u) between the known levels and constant
beyond them. It bends the probability and not the units, so it carries over to any other number of days, stays right
where most quantiles are zero, and leaves counts counts.
"""

from __future__ import annotations

import numpy as np

from holdfast.demand.history import Floats, Ints
from holdfast.demand.negbin import LEVEL_MAX, negbin_cdf, negbin_quantile
from holdfast.demand.spread import LEVELS, LevelFit

# Bounds of a bent level in standard normal deviations: 1 in 100,000 on the high side, and never the minimum.
_Z_MIN, _Z_MAX = -3.0, 4.3


def normal_score(level: Floats) -> Floats:
    """Φ⁻¹, the standard normal deviate of a probability."""
    from scipy import special

    return special.ndtri(level)


def shaped_level(level: Floats, shift: Floats) -> Floats:
    """The level to ask the plain distribution for. `level` broadcasts against the series in the last axis."""
    from scipy import special

    known = normal_score(np.asarray(LEVELS))
    inner = np.clip(level, 1e-9, 1 - 1e-9)
    z = np.broadcast_to(normal_score(inner), np.broadcast_shapes(inner.shape, (shift.shape[0],)))
    bent = z + shift[:, 0]
    for k in range(known.size - 1):
        width = known[k + 1] - known[k]
        bent = bent + (shift[:, k + 1] - shift[:, k]) / width * np.clip(z - known[k], 0.0, width)
    return special.ndtr(np.clip(bent, min(_Z_MIN, float(np.min(z, initial=0.0))), _Z_MAX))


def quantiles_of(fit: LevelFit, days: Ints | int) -> Floats:
    """(series, LEVELS) quantiles of the sum over the protection time the fit was made for, in units."""
    mean, variance = fit.moments_over(days)
    levels = np.asarray(LEVELS)[:, None]
    asked = levels if fit.level_shift is None else np.minimum(shaped_level(levels, fit.level_shift), LEVEL_MAX)
    return negbin_quantile(asked, mean, variance).T.astype(np.float64)


def pinball(quantiles: Floats, demand: Floats) -> Floats:
    """(series, LEVELS) pinball loss: u per unit short, 1 - u per unit over (Koenker & Bassett 1978)."""
    gap = demand[:, None] - quantiles
    levels = np.asarray(LEVELS)[None, :]
    return np.where(gap > 0, levels * gap, (levels - 1.0) * gap)


def shift_to(levels: Floats, quantiles: Floats, mean: Floats, variance: Floats) -> Floats:
    """(series, levels) shifts under which negbin(mean, variance) has these quantiles, NaN among them ignored.

    A count is the quantile of a whole interval of levels: the one nearest to the level itself is taken, so that
    nothing is bent where the plain distribution agrees. Between two counts the interval is interpolated.
    """
    asked = np.sort(np.where(np.isnan(quantiles), 0.0, np.maximum(quantiles, 0.0)), axis=1)
    count = np.floor(asked)
    part = asked - count
    below, here, above = (negbin_cdf(count + step, mean[:, None], variance[:, None]) for step in (-1, 0, 1))
    lowest, highest = below + part * (here - below), here + part * (above - here)
    # Not the very end of the interval, where the last digit would decide between two counts.
    margin = 1e-6 * (highest - lowest)
    reached = np.clip(levels, lowest + margin, highest - margin)
    score = normal_score(np.clip(reached, 1e-12, 1 - 1e-12))
    score = np.maximum.accumulate(np.clip(score, _Z_MIN, _Z_MAX), axis=1)
    known = ~np.isnan(quantiles).any(axis=1) & (mean > 0)
    return np.where(known[:, None], score - normal_score(levels), 0.0)
