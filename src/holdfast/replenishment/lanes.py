"""What moving between our own warehouses takes: days, money per line and per unit, by pair, with a default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np

from holdfast.db import Tx, statements
from holdfast.kernel.errors import Invalid, NotFound
from holdfast.replenishment.changes import tell_change
from holdfast.replenishment.rebalancing import Lanes

sql = statements("holdfast.replenishment", "lanes.sql")


@dataclass(frozen=True, slots=True)
class TransferLane:
    """From one warehouse to another; without both it is the default of the lanes along the tree of warehouses.

    ``lead_days`` on the way; ``line_cost`` per line and ``unit_cost`` per unit, in the shop's own currency. A row for a
    pair opens a lane between any two warehouses; ``is_open`` false closes it.
    """

    id: UUID
    from_warehouse_id: UUID | None
    to_warehouse_id: UUID | None
    is_open: bool
    lead_days: float
    line_cost: Decimal
    unit_cost: Decimal
    updated_by: str
    updated_at: datetime
    from_warehouse: str | None
    to_warehouse: str | None


async def list_lanes(tx: Tx) -> list[TransferLane]:
    """The default first."""
    return await tx.all(sql.list_lanes, TransferLane)


async def put_lane(tx: Tx, *, actor: str, **columns: Any) -> TransferLane:
    """The lane of a pair, or the default, in place of the one before. It counts from the next plan on.

    Raises Invalid(``both_ends_or_none`` | ``same_warehouse`` | ``unknown_warehouse``).
    """
    ends = columns["from_warehouse_id"], columns["to_warehouse_id"]
    if (ends[0] is None) != (ends[1] is None):
        raise Invalid.field_error(
            ["to_warehouse_id"], "both_ends_or_none", "A lane has two ends; the default has none."
        )
    if ends[0] is not None and ends[0] == ends[1]:
        raise Invalid.field_error(["to_warehouse_id"], "same_warehouse", "A lane goes to another warehouse.")
    known = await tx.value(sql.knows_ends, from_warehouse_id=ends[0], to_warehouse_id=ends[1])
    if ends[0] is not None and known < 2:
        raise Invalid.field_error(["from_warehouse_id"], "unknown_warehouse", "There is no such warehouse.")
    lane_id = await tx.value(sql.put_lane, actor=actor, **columns)
    await tell_change(tx, "replenishment.lane_set", "lane", lane_id, actor=actor, columns=columns)
    return next(lane for lane in await list_lanes(tx) if lane.id == lane_id)


async def delete_lane(tx: Tx, lane_id: UUID, *, actor: str) -> None:
    """The default holds for the pair again. Raises NotFound(``lane_not_found``), for the default too."""
    if await tx.value(sql.delete_lane, id=lane_id) is None:
        raise NotFound("lane_not_found", "There is no such lane of a pair.")
    await tell_change(tx, "replenishment.lane_deleted", "lane", lane_id, actor=actor)


def with_own_figures(tree: Lanes, places: Sequence[UUID], known: Sequence[TransferLane]) -> Lanes:
    """The lanes of the tree with the default, and every pair that has a row with its own figures, or closed."""
    number = {place: n for n, place in enumerate(places)}
    default = next(lane for lane in known if lane.from_warehouse_id is None)
    own: dict[tuple[int, int], TransferLane] = {}
    for lane in known:
        ends = lane.from_warehouse_id, lane.to_warehouse_id
        if ends[0] is not None and ends[1] is not None and ends[0] in number and ends[1] in number:
            own[number[ends[0]], number[ends[1]]] = lane
    along: list[tuple[int, int]] = [(int(a), int(b)) for a, b in zip(tree.source, tree.target, strict=True)]
    if not default.is_open:
        along = []
    pairs = [pair for pair in dict.fromkeys([*along, *own]) if own.get(pair, default).is_open]
    lanes = [own.get(pair, default) for pair in pairs]
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    return Lanes(
        ends[:, 0],
        ends[:, 1],
        np.array([float(lane.unit_cost) for lane in lanes], np.float64),
        np.array([float(lane.line_cost) for lane in lanes], np.float64),
        np.array([lane.lead_days for lane in lanes], np.float64),
    )
