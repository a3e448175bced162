"""Orders from sample paths: what is missing when the delivery comes, sales lost until then included. Pure.

With lost sales, a base-stock level from the demand over lead time + review orders too much: what is turned away
meanwhile never comes back to be served. So coming demand is drawn many times, stock and inbound are run down along
each draw, and the order is the quantile of what is missing in the periods it must cover: the newsvendor on what is
left (Zipkin 2000, 9.6.5; Huh et al. 2009, "Asymptotic optimality of order-up-to policies in lost sales systems").
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from holdfast.demand import DemandForecast
from holdfast.replenishment.offers import Scene
from holdfast.replenishment.simulation import NEVER, Floats, Ints, OrderLevels, Seen, Steering

PATHS = 300

# Enough to compare settings on the past, where hundreds of orders average the luck out.
TRIAL_PATHS = 100

# Rows drawn at a time: 20,000 series of 4 periods need 200 MB.
ROWS_PER_DRAW = 2_000


def draw_paths(forecast: DemandForecast, periods: int, *, seed: int, paths: int = PATHS) -> NDArray[np.int32]:
    """(series, paths, periods) units: a level per path, counts around it, with the forecast's two variances.

    The level is gamma distributed around the mean; a period's count is negative binomial around the level, Poisson
    where the period variance is not above the mean. Where the forecast knows more of its shape than two moments, the
    sums of the paths get its quantiles. The same seed gives the same luck.
    """
    rng = np.random.default_rng(seed)
    series = forecast.daily_mean.size
    out = np.zeros((series, paths, periods), np.int32)
    for start in range(0, series, ROWS_PER_DRAW):
        rows = slice(start, min(start + ROWS_PER_DRAW, series))
        mean = np.maximum(forecast.daily_mean[rows], 1e-12)[:, None]
        relative = np.clip(forecast.level_variance[rows][:, None] / mean**2, 1e-9, 1e3)
        level = mean * rng.gamma(1.0 / relative, relative, (mean.size, paths))
        # Beyond Poisson, the spread of one period is that of its rate.
        extra = np.maximum(forecast.day_variance[rows][:, None] - mean, 0.0) / mean**2
        extra = np.clip(extra, 1e-9, 1e3)[:, :, None]
        rate = level[:, :, None] * rng.gamma(1.0 / extra, extra, (mean.size, paths, periods))
        out[rows] = np.minimum(rng.poisson(np.minimum(rate, 1e9)), np.iinfo(np.int32).max)
        if forecast.level_shift is not None:
            out[rows] = _bent(out[rows], forecast.rows(np.arange(rows.start, rows.stop)), rng)
    out[forecast.daily_mean <= 0] = 0
    return out


def _bent(drawn: NDArray[np.int32], forecast: DemandForecast, rng: np.random.Generator) -> NDArray[np.int32]:
    """The k-th largest sum of a series becomes the forecast's quantile of that rank, dealt out as its path was."""
    series, paths, periods = drawn.shape
    # Equal sums, mostly zeros, are ranked by lot: the first path is not the smallest one.
    sums = drawn.sum(axis=2) + rng.random((series, paths))
    rank = np.argsort(np.argsort(sums, axis=1), axis=1)
    middles = np.array([(k + 0.5) / paths for k in range(paths)], np.float64)
    wanted = forecast.quantile_over(middles[:, None], periods)
    sums_wanted = np.rint(np.take_along_axis(wanted.T, rank, axis=1)).astype(np.int64)
    # A path without a sale may become one with some: a trace of the mean in every period says where.
    share = drawn + 0.05 * np.maximum(forecast.daily_mean, 1e-6)[:, None, None]
    share = (share / share.sum(axis=2, keepdims=True)).reshape(-1, periods)
    dealt = rng.multinomial(np.minimum(sums_wanted, np.iinfo(np.int32).max).ravel(), share)
    return dealt.reshape(drawn.shape).astype(np.int32)


def order_from_paths(
    paths: NDArray[np.int32],
    on_hand: Ints,
    due: Ints,
    *,
    lead: Ints,
    review: Ints,
    level: Floats,
    lost_sales: bool = True,
) -> Ints:
    """Units to order now, per series, so that with probability `level` nothing is missing until the next delivery.

    `due` (series, coming periods) units by the period they arrive in, 0 = the next one. An order placed now arrives
    in coming period `lead` and must last `review` periods.
    """
    series, _, periods = paths.shape
    stock = np.broadcast_to(on_hand[:, None], paths.shape[:2]).astype(np.int64)
    missing = np.zeros_like(stock)
    for period in range(periods):
        arriving = due[:, period] if period < due.shape[1] else np.zeros(series, np.int64)
        stock = stock + arriving[:, None] - paths[:, :, period]
        waiting = (period < lead)[:, None]
        covered = ((period >= lead) & (period < lead + review))[:, None]
        missing = np.where(covered, np.maximum(missing, -stock), missing)
        if lost_sales:
            stock = np.where(waiting, np.maximum(stock, 0), stock)
    missing = np.maximum(missing, 0)
    index = np.maximum(np.minimum(np.ceil(level * paths.shape[1]).astype(np.int64), paths.shape[1]) - 1, 0)
    ranked = np.partition(missing, np.unique(index), axis=1)
    return ranked[np.arange(series), index]


@dataclass(slots=True)
class Draws:
    """Paths by period, shared by every setting of the knob."""

    made: dict[int, NDArray[np.int32]]


@dataclass(frozen=True, slots=True)
class PathNewsvendor:
    """Orders at every review what the sample paths miss at probability `level`."""

    level: float = 0.8
    seed: int = 1
    name: str = "holdfast, sample paths"
    paths: int = PATHS
    draws: Draws = field(default_factory=lambda: Draws({}))

    def steering(self, scene: Scene) -> Steering:
        lead = np.rint(scene.times.lead).astype(np.int64)
        review = scene.times.review.astype(np.int64)
        horizon = int((lead + review).max(initial=1))

        def levels(seen: Seen) -> OrderLevels:
            if seen.period not in self.draws.made:
                forecast = scene.refits.at(seen)
                self.draws.made[seen.period] = draw_paths(
                    forecast, horizon, seed=self.seed + seen.period + 1, paths=self.paths
                )
            paths = self.draws.made[seen.period]
            wanted = np.full(seen.on_hand.size, self.level)
            quantity = order_from_paths(paths, seen.on_hand, seen.due, lead=lead, review=review, level=wanted)
            position = seen.on_hand + seen.due.sum(axis=1)
            return OrderLevels(np.where(quantity > 0, NEVER, -NEVER), position + quantity)

        return levels
