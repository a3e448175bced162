"""The demand orders are placed on: two per-series methods averaged, and the season that lies ahead. Pure.

Stock for a season must be ordered a lead time before it, when the recent weeks do not show it yet; and what is left
when it ends must not be ordered again. One shop's year is little to learn a season of every SKU from, so the season
is one for all series: how much more was wanted a year ago in the weeks that lie ahead than in the half year before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.demand.history import DemandHistory, Period
from holdfast.demand.methods import DemandMethod, ExponentialSmoothing, Intermittent
from holdfast.demand.spread import LevelFit

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

MEMBERS: tuple[DemandMethod, ...] = (ExponentialSmoothing(), Intermittent())


@dataclass(frozen=True, slots=True)
class OrderingDemand:
    """Mean of the members' level and variances, times the season ahead where `index` knows one.

    `index`: see `season_index`, of the history that is forecast; None looks for no season.
    """

    index: Floats | None = None
    members: tuple[DemandMethod, ...] = MEMBERS

    @property
    def name(self) -> str:
        return "ordering-demand"

    def fit(self, history: DemandHistory, protection_days: Ints) -> LevelFit:
        fits = [member.fit(history, protection_days) for member in self.members]
        factor = np.ones(history.series) if self.index is None else season_ahead(self.index, history, protection_days)
        none = np.zeros(history.series)
        return LevelFit(
            sum((fit.daily_mean for fit in fits), none) / len(fits) * factor,
            # Between a fixed dispersion (power 1) and a fixed coefficient of variation (power 2).
            sum((fit.day_variance for fit in fits), none) / len(fits) * factor**1.5,
            sum((fit.level_variance for fit in fits), none) / len(fits) * factor**2,
            season_factor=factor,
        )


def ordering_demand(history: DemandHistory) -> OrderingDemand:
    """The method for this history, with its own season where it has one."""
    return OrderingDemand(season_index(history))


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
