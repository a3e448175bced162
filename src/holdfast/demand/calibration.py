"""Stated levels made true: quantiles moved until they would have held as often as they say on past origins."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from holdfast.demand.history import Floats, Ints
from holdfast.demand.negbin import negbin_cdf
from holdfast.demand.shape import normal_score, pinball, quantiles_of
from holdfast.demand.spread import LEVELS, LevelFit

# Fewer held-out sums than this do not make a group of their own.
GROUP_ROWS_MIN = 400
_GROUPS_MAX = 5

# Half of what parts a group from the others, and a quarter of what points down: few origins stand behind a correction,
# and what was the same for all series then (a season, a strike) is no property of a group. A quantile moved down on
# the word of a quiet month costs more when the next one is lively than it saves while it stays quiet.
OF_GROUP, DOWNWARDS = 0.5, 0.25

# Two to four origins measure their differences badly: what they say is drawn to a usual value that counts like two of
# them, and more than the largest is not believed.
BETWEEN_USUAL, BETWEEN_MAX = 0.12, 0.25

# Fewer sums than this do not measure an origin.
_ORIGIN_ROWS_MIN = 30

# No correction beyond this many standard normal deviations is believed.
_DOWN_MAX, _UP_MAX = -0.5, 1.2


@dataclass(frozen=True, slots=True)
class Calibration:
    """Per group of expected units in the window: how far each level must be moved, in normal deviations.

    Split conformal prediction (Vovk, Gammerman & Shafer 2005; Romano, Patterson & Candès 2019 for quantiles): the
    correction is the stated quantile of how far held-out sums lay beyond it. Groups, because few units and many
    units go wrong in different ways. The score is a probability and not a ratio, so zeros need no exception.
    """

    edges: Floats  # (groups - 1,) expected units that part the groups
    moves: Floats  # (groups, LEVELS)
    errors: Floats  # (groups,) mean pinball loss there over the series' own mean sum; NaN where not tried

    @property
    def is_tried(self) -> bool:
        return not bool(np.isnan(self.errors).all())

    @staticmethod
    def none(between: float = BETWEEN_USUAL) -> Calibration:
        """Nothing was tried: only what a coming origin usually differs from those before it."""
        return Calibration(np.zeros(0), _widened(between)[None, :], np.full(1, np.nan))

    @staticmethod
    def learned(fit: LevelFit, length: int, demand: Floats, scale: Floats, origin: Ints, seed: int = 1) -> Calibration:
        """From forecasts made at past origins and the sums that came; `scale` is the series' mean sum until then.

        All series of one `origin` share its weather. How much the origins differ among themselves widens every level,
        because the next origin will differ too: with a shock of variance τ² between origins, the level at z deviations
        is reached at z·√(1 + τ²).
        """
        mean, variance = fit.moments_over(length)
        rows = np.flatnonzero(mean > 0)
        loss = pinball(quantiles_of(fit, length), demand).mean(axis=1)[rows] / scale[rows]
        mean, variance, demand = mean[rows], variance[rows], demand[rows]
        if rows.size < GROUP_ROWS_MIN // 4:
            return Calibration.none()
        shift = np.zeros((rows.size, len(LEVELS))) if fit.level_shift is None else fit.level_shift[rows]
        groups = int(np.clip(rows.size // GROUP_ROWS_MIN, 1, _GROUPS_MAX))
        edges = np.quantile(mean, np.arange(1, groups) / groups)
        below = negbin_cdf(demand - 1, mean, variance)
        here = negbin_cdf(demand, mean, variance)
        # A count stands for all probabilities between its neighbour's and its own. Drawing one of them at random is
        # right for the loss, taking the lowest for the share of sums within; a draw from the lower half is between.
        drawn = below + 0.5 * np.random.default_rng(seed).random(rows.size) * (here - below)
        z = normal_score(np.asarray(LEVELS))
        score = normal_score(np.clip(drawn, 1e-9, 1 - 1e-9))
        beyond = score[:, None] - shift - z
        group = np.searchsorted(edges, mean, side="right")
        together = _moves(beyond)
        apart = np.stack([_moves(beyond[group == index]) for index in range(groups)])
        moves = together + OF_GROUP * (apart - together)
        errors = np.array([loss[group == index].mean() for index in range(groups)])
        widened = _widened(_between(score - shift[:, 0], origin[rows]))
        return Calibration(edges, np.where(moves < 0, DOWNWARDS * moves, moves) + widened, errors)

    def applied(self, fit: LevelFit, length: int) -> LevelFit:
        """The fit with its levels moved; they keep their order."""
        assert fit.level_shift is not None
        mean, _ = fit.moments_over(length)
        z = normal_score(np.asarray(LEVELS))
        group = np.searchsorted(self.edges, mean, side="right")
        moved = fit.level_shift + self.moves[group]
        shift = np.where((mean > 0)[:, None], np.maximum.accumulate(moved + z, axis=1) - z, 0.0)
        return replace(fit, level_shift=shift, expected_error=self.errors[group])

    def as_lists(self) -> list[list[float]]:
        return [self.edges.tolist(), self.errors.tolist(), *self.moves.tolist()]

    @staticmethod
    def from_lists(lists: list[list[float]]) -> Calibration:
        edges, errors, *moves = lists
        return Calibration(np.array(edges, np.float64), np.array(moves, np.float64), np.array(errors, np.float64))


def _widened(between: float) -> Floats:
    return normal_score(np.asarray(LEVELS)) * (np.sqrt(1.0 + between) - 1.0)


def _between(score: Floats, origin: Ints) -> float:
    """Variance between the origins' middles, in squared normal deviations."""
    parts = [score[origin == one] for one in np.unique(origin)]
    parts = [part for part in parts if part.size >= _ORIGIN_ROWS_MIN]
    if not parts:
        return BETWEEN_USUAL
    found = 0.0
    if len(parts) > 1:
        # A median of n normal deviates varies by π/2n by itself.
        chance = np.mean([np.pi / 2 / part.size for part in parts])
        found = max(float(np.var([np.median(part) for part in parts], ddof=1) - chance), 0.0)
    drawn = (2 * BETWEEN_USUAL + (len(parts) - 1) * found) / (len(parts) + 1)
    return min(drawn, BETWEEN_MAX)


def _moves(beyond: Floats) -> Floats:
    count = beyond.shape[0]
    # The finite-sample quantile of split conformal prediction: one more than the share of those seen.
    ranks = np.minimum(np.ceil((count + 1) * np.asarray(LEVELS)), count).astype(np.int64) - 1
    found = np.sort(beyond, axis=0)[ranks, np.arange(len(LEVELS))]
    return np.clip(found, _DOWN_MAX, _UP_MAX)
