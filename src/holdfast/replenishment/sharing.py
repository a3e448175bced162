"""Moving what another warehouse can spare instead of buying it, along the tree of warehouses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import numpy as np

from holdfast.db import Tx, statements
from holdfast.replenishment import lanes
from holdfast.replenishment.arithmetic import Figures
from holdfast.replenishment.lanes import TransferLane
from holdfast.replenishment.rebalancing import Demands, lanes_of_hierarchy, plan_transfers

sql = statements("holdfast.replenishment", "sharing.sql")

# Where nobody said what a unit costs, it is worth moving all the same.
UNKNOWN_PRICE: Final = 1.0
# What a unit not sold loses, as a share of its cost.
MARGIN_SHARE: Final = 0.4


@dataclass(frozen=True, slots=True)
class SpareLevel:
    """What one warehouse can spare of one SKU."""

    sku_id: UUID
    warehouse_id: UUID
    parent_id: UUID | None
    spare: int


@dataclass(frozen=True, slots=True)
class Need:
    """One level that runs low, and what buying for it would cost per unit."""

    sku_id: UUID
    warehouse_id: UUID
    figures: Figures
    price: float


@dataclass(frozen=True, slots=True)
class Move:
    """So many units from a warehouse that can spare them."""

    from_warehouse_id: UUID
    units: int


async def moves_for(
    tx: Tx, needs: Sequence[Need], *, sku_ids: Sequence[UUID], warehouse_ids: Sequence[UUID]
) -> dict[int, Move]:
    """The needs, by their number, that a transfer meets better than an order; the rest is to be bought.

    A transfer is proposed only when it alone lifts the level above its reorder point: an open suggestion is one
    thing. ``sku_ids`` and ``warehouse_ids`` are all levels planned now, whose earlier proposals do not count.
    """
    if not needs:
        return {}
    found = await tx.all(
        sql.spare_levels,
        SpareLevel,
        needed=list({n.sku_id for n in needs}),
        sku_ids=list(sku_ids),
        warehouse_ids=list(warehouse_ids),
    )
    if not any(level.spare for level in found):
        return {}
    return _moves(needs, found, await tx.all(lanes.sql.list_lanes, TransferLane))


def _moves(needs: Sequence[Need], found: Sequence[SpareLevel], known: Sequence[TransferLane]) -> dict[int, Move]:
    skus = {sku_id: n for n, sku_id in enumerate(dict.fromkeys(level.sku_id for level in found))}
    # A parent joins its children even where it keeps none of these SKUs.
    names: list[UUID] = list(
        dict.fromkeys([x.warehouse_id for x in found] + [x.parent_id for x in found if x.parent_id])
    )
    places = {place: n for n, place in enumerate(names)}
    parents = np.full(len(places), -1, np.int64)
    spare = np.zeros((len(skus), len(places)), np.int64)
    needy = {(n.sku_id, n.warehouse_id) for n in needs}
    for level in found:
        parents[places[level.warehouse_id]] = places.get(level.parent_id, -1) if level.parent_id else -1
        if (level.sku_id, level.warehouse_id) not in needy:
            spare[skus[level.sku_id], places[level.warehouse_id]] = level.spare
    rows = [n for n, need in enumerate(needs) if need.sku_id in skus and need.warehouse_id in places]
    chosen = [needs[n] for n in rows]
    price = np.array([n.price or UNKNOWN_PRICE for n in chosen], np.float64)
    demands = Demands(
        sku=np.array([skus[n.sku_id] for n in chosen], np.int64),
        warehouse=np.array([places[n.warehouse_id] for n in chosen], np.int64),
        units=np.array([n.figures.need for n in chosen], np.int64),
        buy_price=price,
        buy_days=np.array([n.figures.lead_days for n in chosen], np.float64),
        shortage_per_day=price * MARGIN_SHARE * np.array([n.figures.daily_mean for n in chosen], np.float64),
    )
    tree = lanes_of_hierarchy(parents, unit_cost=0.0, line_cost=0.0, days=0.0)
    made = plan_transfers(demands, spare, lanes.with_own_figures(tree, names, known))
    best: dict[int, Move] = {}
    for at in range(made.need.size):
        row, units = int(made.need[at]), int(made.units[at])
        if row not in best or units > best[row].units:
            best[row] = Move(names[int(made.source[at])], units)
    return {rows[row]: move for row, move in best.items() if move.units > _gap(chosen[row].figures)}


def _gap(figures: Figures) -> int:
    """Units up to the reorder point."""
    return figures.reorder_point - figures.position + figures.later


def moved(figures: Figures, units: int) -> Figures:
    """The figures when so many units are moved: nothing is rounded for a supplier, and what is missing waits."""
    return replace(
        figures,
        rounding=0,
        minimum_raise=0,
        max_reduction=0,
        break_raise=0,
        supplier_cut=0,
        over_max=False,
        left_for_later=figures.need - units,
        quantity=units,
    )
