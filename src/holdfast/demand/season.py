"""The demand orders are placed on: per-series methods pooled, the season ahead, and what both got wrong. Pure.

Stock for a season must be ordered a lead time before it, when the recent weeks do not show it yet; and what is left
when it ends must not be ordered again. One shop's year is little to learn a season of every SKU from, so the season
is one for all series: how much more was wanted a year ago in the weeks that lie ahead than in the half year before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.demand.history import DemandHistory, Period, finest_unit, in_units
from holdfast.demand.methods import Aggregated, DemandMethod, ExponentialSmoothing, Intermittent, MovingAverage
from holdfast.demand.regression import Regression, Said, learnable, pooled, together
from holdfast.demand.spread import LevelFit, adrift, same_lengths

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Last year's season is followed so far (as a power of the ratio), and never beyond these factors.
TRUST = 0.75
FACTOR_MIN, FACTOR_MAX = 0.5, 2.0

# The half year before is what the ratio compares with; less than a month of it says nothing.
BEFORE_YEARS = 0.5
BEFORE_YEARS_MIN = 1.0 / 12.0

# Beyond the protection time, an order is sold over about so many days more.
LOT_DAYS = 14.0

# One series counts in a period for at most so many times its mean: no single order makes a season.
SIZE_MAX = 10.0

# Fewer series have no common season.
SERIES_MIN = 20

# The pool: three ways to follow the level, and a little of the mean of everything known, which what fell asleep may
# come back to.
MEMBERS: tuple[DemandMethod, ...] = (
    ExponentialSmoothing(),
    Intermittent(),
    Aggregated(),
    MovingAverage(36_500, "all-history-negbin"),
)
SHARES = (0.30, 0.33, 0.30, 0.07)

# What the regression is learned from: the newest origins, over some five months where there are as many; this many
# series; the protection times most of them have.
ORIGINS, APART_DAYS_MAX = 5, 33
LEARNED_SERIES_MAX = 3_000
LENGTHS_MAX = 6


@dataclass(frozen=True, slots=True)
class OrderingDemand:
    """The pool of the members, times the season ahead where `index` knows one, as the past of all series corrects it.

    `index`: see `season_index`, of the history that is forecast; None looks for no season. `regression`: None leaves
    the pool as it is.
    """

    index: Floats | None = None
    regression: Regression | None = None
    members: tuple[DemandMethod, ...] = MEMBERS
    shares: tuple[float, ...] = SHARES

    @property
    def name(self) -> str:
        return "ordering-demand"

    def fit(self, history: DemandHistory, protection_days: Ints) -> LevelFit:
        pool, fits, factor = self._pooled(history, protection_days)
        if self.regression is None:
            pool = adrift(pool, history.days, protection_days)
        else:
            seen = history.observed.sum(axis=1)
            said = Said.of(pool, fits, protection_days, seen, factor, history.period.per_year)
            pool = self.regression.applied(pool, said, protection_days)
        return replace(pool, season_factor=factor)

    def said_at(self, history: DemandHistory, origin: int, lengths: Ints) -> Said:
        """What this method's pool says of the next `lengths` periods, from the first `origin` periods only."""
        past, index = history.until(origin), self.index
        if index is not None:
            kept = index.size - (history.days - origin)
            index = index[:kept] if kept > history.period.per_year else None
        pool, fits, factor = replace(self, index=index)._pooled(past, lengths)
        return Said.of(pool, fits, lengths, past.observed.sum(axis=1), factor, past.period.per_year)

    def _pooled(self, history: DemandHistory, lengths: Ints) -> tuple[LevelFit, list[LevelFit], Floats]:
        fits = [member.fit(history, lengths) for member in self.members]
        factor = np.ones(history.series) if self.index is None else season_ahead(self.index, history, lengths)
        fits = [_in_season(fit, factor) for fit in fits]
        return pooled(fits, self.shares), fits, factor


def _in_season(fit: LevelFit, factor: Floats) -> LevelFit:
    # Between a fixed dispersion (power 1) and a fixed coefficient of variation (power 2).
    return LevelFit(fit.daily_mean * factor, fit.day_variance * factor**1.5, fit.level_variance * factor**2)


def ordering_demand(history: DemandHistory, protection_days: ArrayLike) -> OrderingDemand:
    """The method for this history and these protection times, with what its own past teaches."""
    return learned_on(history, protection_days, season_index(history))


def learned_on(history: DemandHistory, protection_days: ArrayLike, index: Floats | None) -> OrderingDemand:
    """The method with a season known from elsewhere, its regression learned on this history.

    At every origin the methods are told only what was known then, and only sums that have come by now are learned
    from; series and protection times beyond LEARNED_SERIES_MAX and LENGTHS_MAX are left out.
    """
    lengths = np.maximum(np.ceil(np.asarray(protection_days, np.float64)), 1).astype(np.int64)
    lengths = np.broadcast_to(lengths, (history.series,))
    plain = OrderingDemand(index)
    rows = _teaching(history, lengths)
    part, unit = history.rows(rows), finest_unit(history)
    part = in_units(part, unit)
    said: list[Said] = []
    came: list[Floats] = []
    for length, group in same_lengths(lengths[rows]):
        one = part.rows(group)
        for origin in origins_of(history, length):
            known, units = learnable(one, origin, length)
            if known.size:
                told = plain.said_at(one.rows(known), origin, np.full(known.size, length, np.int64))
                sells = np.flatnonzero(told.mean > 2e-4)
                said.append(told.rows(sells))
                came.append(units[sells])
    if not said:
        return plain
    return replace(plain, regression=Regression.learned(together(said), np.concatenate(came)))


def origins_of(history: DemandHistory, length: int) -> list[int]:
    """Newest first; before each there are two lengths to learn from."""
    apart = min(round(APART_DAYS_MAX / history.period.days), (history.days - 4 * length) // ORIGINS)
    first = history.days - length
    return [o for n in range(ORIGINS) if (o := first - n * max(apart, length)) >= max(3, 2 * length)]


def _teaching(history: DemandHistory, lengths: Ints) -> Ints:
    """Every k-th series that sold, of the most usual protection times, so that the choice does not depend on luck."""
    known, counts = np.unique(lengths, return_counts=True)
    usual = known[np.argsort(-counts, kind="stable")[:LENGTHS_MAX]]
    rows = np.flatnonzero(np.isin(lengths, usual) & ((history.quantity > 0) & history.observed).any(axis=1))
    return rows[:: max(1, -(-rows.size // LEARNED_SERIES_MAX))]


@dataclass(frozen=True, slots=True)
class SeasonSums:
    """What a season index is the quotient of, one entry per period: parts of a shop add up to the whole of it.

    `cut` units wanted, large days cut; `usual` what the series observed then want on average; `seen` series observed.
    """

    cut: Floats
    usual: Floats
    seen: Ints
    series: int

    @staticmethod
    def of(history: DemandHistory) -> SeasonSums:
        seen = history.observed
        sold = np.where(seen, history.quantity, 0).astype(np.float64)
        mean = sold.sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
        cut = np.minimum(sold, SIZE_MAX * mean[:, None] + 1.0).sum(axis=0)
        return SeasonSums(cut, mean @ seen, seen.sum(axis=0, dtype=np.int64), history.series)

    def __add__(self, other: SeasonSums) -> SeasonSums:
        """Of two parts with the same periods."""
        return SeasonSums(
            self.cut + other.cut, self.usual + other.usual, self.seen + other.seen, self.series + other.series
        )

    def index(self, period: Period) -> Floats | None:
        """Wanted by usual, from the first observed period on; None for few series, or below a year and a month."""
        known = np.flatnonzero(self.seen)
        first = int(known[0]) if known.size else self.seen.size
        year = period.per_year
        if self.series < SERIES_MIN or self.seen.size - first - year < max(2, round(BEFORE_YEARS_MIN * year)):
            return None
        cut, usual = self.cut[first:], self.usual[first:]
        return np.divide(cut, usual, out=np.ones_like(cut), where=usual > 0)


def season_index(history: DemandHistory) -> Floats | None:
    """Units wanted per period over what the series observed in it want on average; None without a year and a month.

    Series that were not sold yet weigh nothing, so a growing assortment is no season. One entry per period, the last
    one last; periods before anything was observed are left out.
    """
    return SeasonSums.of(history).index(history.period)


def season_ahead(index: Floats, history: DemandHistory, protection: Ints, *, trust: float = TRUST) -> Floats:
    """Factor on the level of each series: last year's index over its protection time ÷ over the half year before."""
    year = history.period.per_year
    now = index.size - year
    first = max(0, now - round(BEFORE_YEARS * year))
    total = np.concatenate([[0.0], np.cumsum(index)])
    before = float(total[now] - total[first]) / (now - first)
    ahead = np.ceil(protection + LOT_DAYS / history.period.days).astype(np.int64)
    end = np.minimum(now + ahead, index.size)
    coming = (total[end] - total[now]) / np.maximum(end - now, 1)
    if before <= 0:
        return np.ones(protection.size)
    return np.clip(coming / before, FACTOR_MIN, FACTOR_MAX) ** trust
