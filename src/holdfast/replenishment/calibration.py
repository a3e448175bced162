"""The service knob, chosen by what it would have cost on the items' own past. Pure.

A forecast that is a little too sure, demand that drifts, lost sales that take the edge off a shortage: none of it is
in the formula for the best service level, all of it is in the past. So the levels are simulated on the last part of
the history, with a few settings of the knob, and the cheapest (or the least stock that reaches the fill rate) wins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holdfast.demand import DemandHistory, DemandMethod
from holdfast.replenishment.items import Costs, Economics, Items, Times, supply_of
from holdfast.replenishment.offers import Aim, Offer, Ours, Refits, Scene
from holdfast.replenishment.simulation import (
    Floats,
    Ints,
    Market,
    Replay,
    draw_lead_times,
    simulate,
)

# Odds of no stockout in a cycle, from 1:2 to 600:1.
ODDS = (0.5, 1.0, 2.0, 4.0, 8.0, 14.0, 24.0, 40.0, 70.0, 130.0, 250.0, 600.0)

# What nobody measured yet: 14:1, a cycle service level of 93 % for an item of median holding cost.
ODDS_DEFAULT = 14.0

# Series simulated to choose the knob, and the share of the past they are simulated on.
SAMPLE_SERIES = 1_500
TRIAL_YEARS_MAX = 1.0
TRIAL_SHARE = 0.5
TRIAL_PROTECTIONS_MIN = 2.0
PRIOR_YEARS = 1.0

# Fourteen days beyond lead time and review: what every policy starts with.
OPENING_DAYS = 14.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What one setting of the knob did."""

    odds: float
    cost: float
    fill_rate: float
    stock_value: float


@dataclass(frozen=True, slots=True)
class Knob:
    """The chosen odds and every setting that was tried; none when the past was too short."""

    odds: float
    trials: tuple[Trial, ...]


def make_scene(
    history: DemandHistory,
    items: Items,
    costs: Costs,
    *,
    start: int,
    method: DemandMethod | None = None,
    every: int | None = None,
    censored: bool = False,
) -> Scene:
    """A replay that begins after the first `start` periods of `history`, levels looked at every week by default."""
    past, times = history.until(start), Times.of(items, history.period)
    return Scene(
        past=past,
        items=items,
        times=times,
        economics=Economics.of(items, costs, history.period),
        every=every if every is not None else max(1, round(7 / history.period.days)),
        refits=Refits(past, times.protection, method, censored),
    )


def make_market(history: DemandHistory, scene: Scene, *, start: int, end: int, seed: int) -> Market:
    """Demand of periods `start` to `end`, lead times drawn for `seed`, and the same opening stock for every policy."""
    period = history.period
    recent = max(1, min(round(90 / period.days), start))
    seen = scene.past.observed[:, -recent:]
    mean = np.where(seen, scene.past.quantity[:, -recent:], 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    opening = np.ceil(mean * (scene.times.protection + OPENING_DAYS / period.days))
    demand = np.where(history.observed[:, start:end], history.quantity[:, start:end], 0)
    return Market(
        demand=np.rint(np.maximum(demand, 0)).astype(np.int64),
        lead=draw_lead_times(scene.times.lead, scene.times.lead_sd, seed=seed),
        opening=opening.astype(np.int64),
    )


def cost_of(replay: Replay, economics: Economics) -> tuple[float, float, float]:
    """Holding, ordering and missed units of one replay, in money. A unit served late counts as missed."""
    holding = float((replay.stock * replay.periods * economics.holding).sum())
    return holding, float((replay.orders * economics.ordering).sum()), float((replay.late * economics.missing).sum())


def calibrate(
    history: DemandHistory,
    items: Items,
    costs: Costs,
    *,
    target_fill_rate: float | None = None,
    seed: int = 1,
    method: DemandMethod | None = None,
) -> Knob:
    """Odds of service for `Ours`: the cheapest, or with a target the lowest that reached it. `history` is the past."""
    span = trial_span(history, items)
    if span is None:
        return Knob(_default_odds(target_fill_rate), ())
    rows = trial_rows(history)
    part, chosen = history.rows(rows), items.at(rows)
    start = history.days - span
    # Half as many refits as in a replay: the knob is coarse.
    every = max(1, round(14 / history.period.days))
    scene = make_scene(part, chosen, costs, start=start, method=method, every=every)
    market = make_market(part, scene, start=start, end=history.days, seed=seed)
    aim = Aim.COST if target_fill_rate is None else Aim.FILL_RATE
    trials = tuple(_tried(odds, aim, scene, market) for odds in ODDS)
    found, usual = _chosen(trials, target_fill_rate), _default_odds(target_fill_rate)
    # Half a year of one past says a third of what there is to say about the next year: drawn towards what is usual.
    trust = span / (span + PRIOR_YEARS * history.period.per_year)
    return Knob(float(np.exp(trust * np.log(found) + (1.0 - trust) * np.log(usual))), trials)


def _tried(odds: float, aim: Aim, scene: Scene, market: Market) -> Trial:
    offer: Offer = Ours(odds, aim)
    replay = simulate(market, supply_of(scene.items, scene.past.period), offer.steering(scene))
    value = float((replay.stock * scene.economics.unit_cost).sum())
    return Trial(odds, sum(cost_of(replay, scene.economics)), replay.fill_rate, value)


def _chosen(trials: tuple[Trial, ...], target: float | None) -> float:
    """The bottom of a parabola through the cheapest and its neighbours, or the target met between two settings."""
    log = np.log([t.odds for t in trials])
    if target is None:
        cost = np.array([t.cost for t in trials])
        best = int(np.argmin(cost))
        if 0 < best < len(trials) - 1:
            return float(np.exp(_bottom(log[best - 1 : best + 2], cost[best - 1 : best + 2])))
        return trials[best].odds
    fill = np.maximum.accumulate([t.fill_rate for t in trials])
    if fill[-1] <= target:
        return trials[-1].odds
    return float(np.exp(np.interp(target, fill, log)))


def _bottom(x: Floats, y: Floats) -> float:
    (a, b, _), middle = np.polyfit(x, y, 2), float(x[1])
    return float(np.clip(-b / (2 * a), x[0], x[2])) if a > 0 else middle


def _default_odds(target: float | None) -> float:
    """Without a past to learn from, the target fill rate is taken as the cycle service level."""
    if target is None:
        return ODDS_DEFAULT
    bounded = min(max(target, 0.5), 0.999)
    return bounded / (1.0 - bounded)


def trial_span(history: DemandHistory, items: Items) -> int | None:
    """Periods at the end of the history to simulate on; None where the past is too short to learn from."""
    protection = float(np.median(Times.of(items, history.period).protection)) if items.count else 1.0
    span = int(min(history.days * TRIAL_SHARE, TRIAL_YEARS_MAX * history.period.per_year))
    return span if span >= max(TRIAL_PROTECTIONS_MIN * protection, 4) else None


def trial_rows(history: DemandHistory) -> Ints:
    """Every k-th of the series that were ever sold, so that the choice does not depend on luck."""
    live = np.flatnonzero((history.quantity > 0).any(axis=1))
    live = live if live.size else np.arange(history.series)
    step = max(1, -(-live.size // SAMPLE_SERIES))
    return live[::step]
