"""Quantiles of demand counts: negative binomial where demand is overdispersed, Poisson where it is not.

Silver, Pyke & Thomas, *Inventory and Production Management in Supply Chains* (4th ed., section 9.3) fit the
negative binomial to lead-time demand by its first two moments. With mean m and variance v > m it has
r = m²/(v - m) and success probability p = m/v, and P(X <= k) = I_p(r, k + 1), the regularised incomplete beta
function. `scipy.special` is used instead of `scipy.stats`, whose import alone costs seconds.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVEL_MAX = 0.999999

# Closer to Poisson than this the negative binomial is the Poisson to ten digits, and r would overflow the
# incomplete beta function.
_POISSON_EXCESS = 1e-7


def negbin_cdf(count: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> Floats:
    """P(demand <= count) for demand with this mean and variance; arguments broadcast.

    A variance below the mean is read as Poisson: promising less spread than pure chance is never safe.
    A negative count has probability 0; demand with mean 0 is surely 0.
    """
    counts, means, variances = np.broadcast_arrays(
        np.floor(np.asarray(count, np.float64)),
        np.asarray(mean, np.float64),
        np.asarray(variance, np.float64),
    )
    return _cdf(counts, means, variances)


def negbin_quantile(level: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> Ints:
    """Smallest whole number of units k with P(demand <= k) >= level; arguments broadcast.

    0 <= level <= LEVEL_MAX. Starts from the gamma quantile with the same two moments (the continuous limit)
    and closes in by doubling and halving, so it stays exact from 0.01 to millions of units.
    """
    levels, means, variances = np.broadcast_arrays(
        np.asarray(level, np.float64), np.asarray(mean, np.float64), np.asarray(variance, np.float64)
    )
    assert np.all((levels >= 0) & (levels <= LEVEL_MAX)), "a quantile level lies in [0, LEVEL_MAX]"
    assert np.all(np.isfinite(means) & np.isfinite(variances)), "demand has a finite mean and variance"
    shape = levels.shape
    q, m, v = levels.ravel(), means.ravel(), variances.ravel()
    answer = np.zeros(q.size, np.int64)
    # Markov: P(demand >= 1) <= mean, so a mean under 1 - level has quantile 0. The search never meets the
    # tiny means where the incomplete beta function runs out of numbers.
    rows = np.flatnonzero(m > 1.0 - q)
    rows = rows[_cdf(np.zeros(rows.size), m[rows], v[rows]) < q[rows]]
    if rows.size:
        answer[rows] = _search(q[rows], m[rows], v[rows])
    return answer.reshape(shape)


def _cdf(count: Floats, mean: Floats, variance: Floats) -> Floats:
    from scipy import special

    k = np.maximum(count, 0.0)
    excess = variance - mean
    overdispersed = excess > _POISSON_EXCESS * np.maximum(mean, 1e-300)
    safe_mean = np.where(mean > 0, mean, 1.0)
    safe_excess = np.where(overdispersed, excess, 1.0)
    r = safe_mean * safe_mean / safe_excess
    p = safe_mean / (safe_mean + safe_excess)
    negbin = special.betainc(r, k + 1.0, p)
    poisson = special.gammaincc(k + 1.0, safe_mean)
    probability = np.where(overdispersed, negbin, poisson)
    return np.where(count < 0, 0.0, np.where(mean > 0, probability, 1.0))


def _search(q: Floats, mean: Floats, variance: Floats) -> Ints:
    """Quantiles known to be >= 1: bracket around the gamma start, then bisection on whole numbers."""
    from scipy import special

    spread = np.maximum(variance, mean)
    # Cantelli: P(demand - mean >= a) <= variance / (variance + a²). No quantile lies above this.
    bound = np.ceil(mean + np.sqrt(spread * q / (1.0 - q)))
    start = special.gammaincinv(mean * mean / spread, q) * spread / mean
    start = np.minimum(np.floor(np.nan_to_num(start, posinf=0.0)), bound)
    reach = np.maximum(1.0, np.floor(0.02 * start))
    low, high = np.maximum(start - reach, 0.0), start + reach  # invariant wanted: cdf(low) < q <= cdf(high)
    open_low = np.arange(q.size)
    while open_low.size:
        open_low = open_low[_cdf(low[open_low], mean[open_low], variance[open_low]) >= q[open_low]]
        high[open_low] = low[open_low]
        reach[open_low] *= 2
        low[open_low] = np.maximum(low[open_low] - reach[open_low], 0.0)
    open_high = np.arange(q.size)
    while open_high.size:
        short = _cdf(high[open_high], mean[open_high], variance[open_high]) < q[open_high]
        open_high = open_high[short & (high[open_high] < bound[open_high])]
        low[open_high] = high[open_high]
        reach[open_high] *= 2
        high[open_high] = np.minimum(high[open_high] + reach[open_high], bound[open_high])
    wide = np.flatnonzero(high - low > 1)
    while wide.size:
        middle = np.floor((low[wide] + high[wide]) / 2)
        enough = _cdf(middle, mean[wide], variance[wide]) >= q[wide]
        high[wide] = np.where(enough, middle, high[wide])
        low[wide] = np.where(enough, low[wide], middle)
        wide = wide[high[wide] - low[wide] > 1]
    return high.astype(np.int64)
