"""Whether to order from sample paths, at which service level and from whose forecast: what was cheapest. Pure.

Everything is simulated on the last part of the items' own past, as it would have been used: an order at every review,
forecasts from what was known by then, the model trained on what was known before the trial.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from holdfast.demand import DemandHistory, DemandMethod, forecast_demand, train_quantiles
from holdfast.demand.season import ordering_demand
from holdfast.replenishment.calibration import (
    PRIOR_YEARS,
    Knob,
    cost_of,
    make_market,
    make_scene,
    trial_rows,
    trial_span,
)
from holdfast.replenishment.items import Costs, Items, supply_of
from holdfast.replenishment.offers import Offer, Ours, Scene
from holdfast.replenishment.paths import TRIAL_PATHS, Draws, PathNewsvendor, draw_paths, order_from_paths
from holdfast.replenishment.simulation import Floats, Ints, simulate
from holdfast.replenishment.tables import StockState

# Service levels tried for sample paths. The theoretical one is seldom the cheapest: forecasts are biased.
LEVELS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
FIRST_TRIED = (2, 5, 8)

# Longer than this many periods, paths cost more than they tell.
PERIODS_MAX = 16
TRIAL_PERIODS_MAX = 26
SERIES_MAX = 50_000

DEMANDS = ("smoothed", "trained")

# Smoothing takes the trained model's place only where it was clearly cheaper: a trial is one half-year's luck.
SMOOTHED_HANDICAP = 1.03

# In the trial the model is trained once, before it begins; with more series than these no plan waits for a training.
TRAINED_SERIES_MAX = 5_000


@dataclass(frozen=True, slots=True)
class PathChoice:
    """What was cheapest: the level, and the demand the paths are drawn from ("trained" or "smoothed")."""

    level: float
    demand: str
    method: DemandMethod | None

    def orders(self, history: DemandHistory, scene: Scene, stock: StockState, *, lost_sales: bool, seed: int) -> Ints:
        """Units missing at this level, per series, before packs and minimums."""
        method = self.method
        if method is None and self.demand == "trained":
            method = _trained(history, scene.times.protection)
        forecast = forecast_demand(
            history, scene.times.protection, method or ordering_demand(history, scene.times.protection), cap_bulk=False
        )
        return order_from_paths(
            draw_paths(forecast, _horizon(scene), seed=seed),
            stock.on_hand,
            stock.inbound,
            lead=np.rint(scene.times.lead).astype(np.int64),
            review=scene.times.review.astype(np.int64),
            level=np.full(scene.items.count, self.level),
            lost_sales=lost_sales,
        )


def paths_fit(scene: Scene) -> bool:
    """Without an order cost, and where a path is short."""
    free = not scene.economics.ordering.any()
    return free and _horizon(scene) <= PERIODS_MAX and scene.items.count <= SERIES_MAX


def paths_chosen(
    history: DemandHistory,
    items: Items,
    costs: Costs,
    knob: Knob,
    *,
    method: DemandMethod | None,
    lost_sales: bool,
    seed: int,
) -> PathChoice | None:
    """None where the past is too short, or where levels with the chosen knob would have been cheaper.

    `method` is used for everything where given; else smoothing and the trained model are tried beside each other.
    """
    span = trial_span(history, items)
    if span is None:
        return None
    start = history.days - min(span, TRIAL_PERIODS_MAX)
    rows = trial_rows(history)
    part, chosen = history.rows(rows), items.at(rows)
    market = make_market(part, make_scene(part, chosen, costs, start=start), start=start, end=history.days, seed=seed)

    def cost(offer: Offer, scene: Scene) -> float:
        supply = supply_of(chosen, history.period)
        replay = simulate(market, supply, offer.steering(scene), backorders=not lost_sales)
        return sum(cost_of(replay, scene.economics))

    def scene_of(demand: str) -> Scene:
        scene = make_scene(part, chosen, costs, start=start, method=method, every=1)
        if demand == "trained":
            scene.refits.trainer = _trained
            scene.refits.train_every = history.days
        return scene

    found: dict[tuple[str, float], float] = {}
    smoothed = scene_of("smoothed")
    # The model is left out where the past before the trial is too little to train it.
    demands = DEMANDS if method is None and history.series <= TRAINED_SERIES_MAX else DEMANDS[:1]
    for demand in demands:
        scene, draws = smoothed if demand == "smoothed" else scene_of(demand), Draws({})

        def at(level: float, scene: Scene = scene, draws: Draws = draws) -> float:
            return cost(PathNewsvendor(level, seed, paths=TRIAL_PATHS, draws=draws), scene)

        level, least = _cheapest(at)
        found[demand, level] = least
    demand, level = min(found, key=lambda key: found[key] * (SMOOTHED_HANDICAP if key[0] == "smoothed" else 1.0))
    if found[demand, level] >= cost(Ours(knob.odds), smoothed):
        return None
    trust = (history.days - start) / (history.days - start + PRIOR_YEARS * history.period.per_year)
    return PathChoice(_drawn(level, critical_ratio(smoothed), trust), demand, method)


def critical_ratio(scene: Scene) -> float:
    """The level at which one unit more costs as much to hold until the next delivery as it saves: the median item's.

    Newsvendor: missing / (missing + holding over a review period); Silver, Pyke & Thomas 9.4.
    """
    missing, holding = scene.economics.missing, scene.economics.holding * scene.times.review
    known = (missing > 0) & (holding > 0)
    return float(np.median(missing[known] / (missing[known] + holding[known]))) if known.any() else LEVELS[-1]


def _drawn(found: float, usual: float, trust: float) -> float:
    """Between what was cheapest on one short past and what a true distribution would ask for, in odds."""
    odds = [level / (1.0 - level) for level in (found, min(max(usual, LEVELS[0]), 0.99))]
    between = float(np.exp(trust * np.log(odds[0]) + (1.0 - trust) * np.log(odds[1])))
    return between / (1.0 + between)


def _cheapest(cost: Callable[[float], float]) -> tuple[float, float]:
    """Cost has one valley over the levels: three tries tell its side, the neighbours of the best its bottom."""
    tried = {index: cost(LEVELS[index]) for index in FIRST_TRIED}
    while True:
        best = min(tried, key=tried.__getitem__)
        beside = [index for index in (best - 1, best + 1) if 0 <= index < len(LEVELS) and index not in tried]
        if not beside:
            return LEVELS[best], tried[best]
        tried |= {index: cost(LEVELS[index]) for index in beside}


def _trained(history: DemandHistory, protection: Floats) -> DemandMethod | None:
    return train_quantiles(history, np.ceil(protection).astype(np.int64), cap_bulk=False)


def _horizon(scene: Scene) -> int:
    return int(np.ceil(scene.times.protection.max(initial=1.0)))
