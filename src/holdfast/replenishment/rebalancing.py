"""Transfer what another warehouse can spare before buying it. Pure.

The gain of a transferred unit is the purchase it replaces, what the earlier arrival saves, less the way. A warehouse
spares only what is above its own order-up-to level, so its own plan is unchanged. Lanes follow the hierarchy: from
the parent, to the parent, and between children of one parent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lanes:
    """One entry per lane: warehouse numbers, money per unit and per transfer line, days on the way."""

    source: Ints
    target: Ints
    unit_cost: Floats
    line_cost: Floats
    days: Floats


@dataclass(frozen=True, slots=True)
class Demands:
    """One entry per (SKU, warehouse) that needs `units`. `buy_price` per unit, `buy_days` until a purchase is there.

    `shortage_per_day`: money lost per day of waiting, for all units together.
    """

    sku: Ints
    warehouse: Ints
    units: Ints
    buy_price: Floats
    buy_days: Floats
    shortage_per_day: Floats


@dataclass(frozen=True, slots=True)
class Moves:
    """Transfers to make, one entry each; `need` is the row of the demand, `gain` money against buying."""

    need: Ints
    source: Ints
    units: Ints
    gain: Floats


def lanes_of_hierarchy(parent: Ints, *, unit_cost: float, line_cost: float, days: float) -> Lanes:
    """Lanes between each warehouse and its parent, both ways, and between siblings. `parent[i]` is -1 at the top."""
    pairs: list[tuple[int, int]] = []
    for one in range(parent.size):
        for two in range(parent.size):
            related = parent[two] == one or parent[one] == two or (parent[one] >= 0 and parent[one] == parent[two])
            if one != two and related:
                pairs.append((one, two))
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    count = ends.shape[0]
    return Lanes(
        ends[:, 0], ends[:, 1], np.full(count, unit_cost), np.full(count, line_cost), np.full(count, float(days))
    )


def plan_transfers(demands: Demands, spare: NDArray[np.int64], lanes: Lanes, *, multiple: Ints | None = None) -> Moves:
    """Transfers that beat buying, best gain per unit first; what they leave of a need is to be bought.

    `spare` (SKUs, warehouses) units above the donor's own order-up-to level. `multiple` per SKU: whole packs only.
    A unit is never promised twice and a need never overfilled. A line whose gain over the units at hand does not
    cover its line cost is not made.
    """
    left = np.maximum(spare, 0).copy()
    open_units = demands.units.copy()
    rows, lane = _options(demands, lanes)
    per_unit = _gain_per_unit(demands, lanes, rows, lane)
    order = np.argsort(-per_unit, kind="stable")
    moves: list[tuple[int, int, int, float]] = []
    for at in order.tolist():
        row, way = int(rows[at]), int(lane[at])
        if per_unit[at] <= 0:
            break
        sku, source = int(demands.sku[row]), int(lanes.source[way])
        pack = 1 if multiple is None else max(int(multiple[sku]), 1)
        units = min(int(open_units[row]), int(left[sku, source])) // pack * pack
        gain = float(per_unit[at]) * units - float(lanes.line_cost[way])
        if units <= 0 or gain <= 0:
            continue
        left[sku, source] -= units
        open_units[row] -= units
        moves.append((row, source, units, gain))
    return Moves(
        np.array([m[0] for m in moves], np.int64),
        np.array([m[1] for m in moves], np.int64),
        np.array([m[2] for m in moves], np.int64),
        np.array([m[3] for m in moves], np.float64),
    )


def _options(demands: Demands, lanes: Lanes) -> tuple[Ints, Ints]:
    """Every (demand, lane) whose lane ends where the demand is."""
    by_target = np.argsort(lanes.target, kind="stable")
    targets = lanes.target[by_target]
    first = np.searchsorted(targets, demands.warehouse, side="left")
    count = np.searchsorted(targets, demands.warehouse, side="right") - first
    rows = np.repeat(np.arange(demands.sku.size), count)
    start = np.repeat(first - np.concatenate([[0], np.cumsum(count)[:-1]]), count) if rows.size else rows
    return rows, by_target[start + np.arange(rows.size)] if rows.size else rows


def _gain_per_unit(demands: Demands, lanes: Lanes, rows: Ints, lane: Ints) -> Floats:
    earlier = demands.buy_days[rows] - lanes.days[lane]
    waiting = demands.shortage_per_day[rows] / np.maximum(demands.units[rows], 1)
    return demands.buy_price[rows] - lanes.unit_cost[lane] + earlier * waiting
