"""Reorder points that reach a fill rate: the share of units served at once, not the share of good cycles. Pure.

A cycle service level says how often somebody is turned away, a fill rate how many units are. With large lots a
shortage is rare per unit sold and less buffer is needed; with daily small lots more. Sources: Axsäter, *Inventory
Control* (3rd ed., 5.3 and 5.7: (R,Q) policy, ready rate and fill rate for compound demand); Silver, Pyke & Thomas
(4th ed., 6.7 and 6.9: P2 and lost sales); Zipkin, *Foundations of Inventory Management* (2000, appendix C: loss
functions of the negative binomial).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.demand import DemandForecast, negbin_quantile

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FILL_RATE_MAX = 0.9999
CYCLE_SERVICE_MAX = 0.999

# As in `holdfast.demand.negbin`: closer to Poisson than this, the negative binomial is the Poisson.
_POISSON_EXCESS = 1e-7


def expected_shortage(count: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> Floats:
    """E[(demand - count)+], the first-order loss, for demand with this mean and variance; arguments broadcast.

    Negative binomial, Poisson where the variance is not above the mean. `count` >= 0 is rounded down.
    """
    k, m, r, p, over = _shape(count, mean, variance)
    upper = m * _beyond(k - 1.0, m, r + 1.0, p, over)
    return np.where(m > 0, np.maximum(upper - k * _beyond(k, m, r, p, over), 0.0), 0.0)


def summed_shortage(count: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> Floats:
    """Sum of E[(demand - y)+] over y = count, count + 1, ...: the second-order loss, in units²."""
    k, m, r, p, over = _shape(count, mean, variance)
    square = m * m * np.where(over, (r + 1.0) / r, 1.0) * _beyond(k - 2.0, m, r + 2.0, p, over)
    linear = (2.0 - 2.0 * k) * m * _beyond(k - 1.0, m, r + 1.0, p, over)
    constant = k * (k - 1.0) * _beyond(k, m, r, p, over)
    return np.where(m > 0, np.maximum(0.5 * (square + linear + constant), 0.0), 0.0)


@dataclass(frozen=True, slots=True)
class Waits:
    """Mean and variance of demand over the lead time, and over lead time + review, one entry per series."""

    lead_mean: Floats
    lead_variance: Floats
    protection_mean: Floats
    protection_variance: Floats

    @staticmethod
    def of(forecast: DemandForecast, *, lead: Floats, lead_sd: Floats, review: Floats) -> "Waits":
        """`lead`, `lead_sd`, `review` in periods of the forecast."""
        return Waits(
            forecast.mean_over(lead),
            forecast.variance_over(lead, lead_sd),
            forecast.mean_over(lead + review),
            forecast.variance_over(lead + review, lead_sd),
        )

    def at(self, rows: Ints) -> "Waits":
        return Waits(
            self.lead_mean[rows],
            self.lead_variance[rows],
            self.protection_mean[rows],
            self.protection_variance[rows],
        )

    def quantile(self, level: ArrayLike) -> Ints:
        """Units that demand over lead time + review stays within with probability `level`."""
        return negbin_quantile(level, self.protection_mean, self.protection_variance)


def short_share(waits: Waits, reorder_point: ArrayLike, lot: ArrayLike, *, lost_sales: bool = True) -> Floats:
    """Share of units that find no stock under (s, nQ) with periodic review; 0 without demand.

    After a review the inventory position is spread evenly over s+1 ... s+Q (Axsäter 5.3), so the units short in
    the review period that ends lead + review later are the mean of loss(lead + review) - loss(lead) over these.
    With lost sales a unit turned away does not come back, so x / (1 + x) of demand is short where x would be with
    waiting (Silver, Pyke & Thomas 6.7).
    """
    s = np.asarray(reorder_point, np.float64)
    q = np.maximum(np.asarray(lot, np.float64), 1.0)
    wanted = waits.protection_mean - waits.lead_mean
    end = _between(s, q, waits.protection_mean, waits.protection_variance)
    short = end - _between(s, q, waits.lead_mean, waits.lead_variance)
    share = np.divide(short, q * wanted, out=np.zeros_like(short), where=wanted > 0)
    share = np.clip(share, 0.0, 1.0)
    return share / (1.0 + share) if lost_sales else share


def reorder_point_for_fill_rate(waits: Waits, fill_rate: ArrayLike, lot: ArrayLike, *, lost_sales: bool = True) -> Ints:
    """Smallest s >= 0 whose (s, nQ) policy serves `fill_rate` of the units at once, one per series.

    0 <= fill_rate <= FILL_RATE_MAX. Never above the level of CYCLE_SERVICE_MAX: where the demand is next to unknown
    its tail has no end, and no fill rate is worth stocking for one cycle in a thousand. Series without demand: 0.
    """
    target = np.broadcast_to(np.asarray(fill_rate, np.float64), waits.lead_mean.shape)
    assert np.all((target >= 0) & (target <= FILL_RATE_MAX)), "a fill rate lies in [0, FILL_RATE_MAX]"
    lots = np.broadcast_to(np.asarray(lot, np.float64), target.shape)
    high = waits.quantile(CYCLE_SERVICE_MAX).astype(np.float64)
    low = np.full(target.shape, -1.0)  # invariant: too little; `high` is enough, or the end
    wide = np.flatnonzero(high > 0)
    while wide.size:
        middle = np.floor((low[wide] + high[wide]) / 2)
        share = short_share(waits.at(wide), middle, lots[wide], lost_sales=lost_sales)
        enough = share <= 1.0 - target[wide]
        high[wide] = np.where(enough, middle, high[wide])
        low[wide] = np.where(enough, low[wide], middle)
        wide = wide[high[wide] - low[wide] > 1]
    return high.astype(np.int64)


def expected_fill_rate(waits: Waits, reorder_point: ArrayLike, lot: ArrayLike, *, lost_sales: bool = True) -> float:
    """Fill rate of all series together, each counting by the units it is expected to sell; 1.0 without demand."""
    wanted = waits.protection_mean - waits.lead_mean
    total = float(wanted.sum())
    short = short_share(waits, reorder_point, lot, lost_sales=lost_sales)
    return 1.0 - float((wanted * short).sum()) / total if total > 0 else 1.0


def _between(s: Floats, q: Floats, mean: Floats, variance: Floats) -> Floats:
    return summed_shortage(s + 1.0, mean, variance) - summed_shortage(s + q + 1.0, mean, variance)


def _shape(
    count: ArrayLike, mean: ArrayLike, variance: ArrayLike
) -> tuple[Floats, Floats, Floats, Floats, NDArray[np.bool_]]:
    """Count, mean, and the negative binomial's r and p (1 and 1 where it is a Poisson)."""
    k, m, v = np.broadcast_arrays(
        np.floor(np.asarray(count, np.float64)), np.asarray(mean, np.float64), np.asarray(variance, np.float64)
    )
    m = np.maximum(m, 0.0)
    excess = v - m
    over = (excess > _POISSON_EXCESS * np.maximum(m, 1e-300)) & (m > 0)
    safe = np.where(over, excess, 1.0)
    return k, m, np.where(over, m * m / safe, 1.0), np.where(over, m / (m + safe), 1.0), over


def _beyond(count: Floats, mean: Floats, r: Floats, p: Floats, over: NDArray[np.bool_]) -> Floats:
    """P(demand > count); 1 for a negative count."""
    from scipy import special

    k = np.maximum(count, -1.0)
    at = np.maximum(k + 1.0, 1.0)
    negbin = special.betainc(at, r, 1.0 - p) if over.any() else np.zeros_like(k)
    out = np.where(over, negbin, 0.0) if over.all() else np.where(over, negbin, special.gammainc(at, mean))
    return np.where(count < 0, 1.0, out)
