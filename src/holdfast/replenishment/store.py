"""What a plan reads and writes, many pairs at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from holdfast.db import Tx, statements
from holdfast.replenishment import sharing
from holdfast.replenishment.arithmetic import Figures, explain, figures_of, reason_of
from holdfast.replenishment.kept_odds import KeptOdds, kept_odds
from holdfast.replenishment.limits import Cap, Limits
from holdfast.replenishment.model import UNSET, Method, Mode, Plan, Position, Priority, Terms
from holdfast.replenishment.supply import Holding, SupplierOffer, fit_to_offer

sql = statements("holdfast.replenishment")

MODES = {"none": Mode.NONE, "manual": Mode.MANUAL, "auto": Mode.AUTO}
METHODS = {"s_S": Method.S_S, "R_S": Method.R_S, "s_nQ": Method.S_NQ}

# Levels are locked while they are written, and a sale of one of them waits: a few milliseconds at a time.
LEVELS_PER_WRITE = 250


@dataclass(frozen=True, slots=True)
class Pairs:
    """Keys of levels, in order."""

    sku_ids: tuple[UUID, ...]
    warehouse_ids: tuple[UUID, ...]

    def __len__(self) -> int:
        return len(self.sku_ids)

    def at(self, rows: Sequence[int]) -> Pairs:
        """Some of them, by row number."""
        return Pairs(tuple(self.sku_ids[n] for n in rows), tuple(self.warehouse_ids[n] for n in rows))


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is known about each pair before planning; arrays and lists in the order of ``pairs``."""

    pairs: Pairs
    terms: Terms
    position: Position
    limits: Limits
    rests: NDArray[np.bool_]  # reviewed on other days than today: what is open stays as it is
    supplier_ids: list[UUID | None]
    offers: list[SupplierOffer]
    currencies: list[str | None]
    known_levels: NDArray[np.int64]  # (pairs, 3): safety stock, reorder point, order-up-to as stored; UNSET if none
    rejected_quantity: NDArray[np.int64]  # 0 = nothing was rejected lately
    rejected_urgent: NDArray[np.bool_]
    price: NDArray[np.float64]  # per unit, in the currency of the cost; NaN where it is in another, or unknown


@dataclass(frozen=True, slots=True)
class Run:
    """One planning run: ``facts`` hold how many suggestions were opened, updated and withdrawn."""

    id: UUID
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    status: str
    pairs_total: int
    pairs_done: int
    facts: dict[str, Any]
    at_sku_id: Annotated[UUID | None, Field(exclude=True)]
    at_warehouse_id: Annotated[UUID | None, Field(exclude=True)]


@dataclass(frozen=True, slots=True)
class Changes:
    """What one write did to suggestions."""

    opened: int
    updated: int


async def next_pairs(tx: Tx, *, after: Pairs | None, limit: int) -> Pairs:
    rows = await tx.dicts(
        sql.next_pairs,
        after_sku=after.sku_ids[-1] if after else None,
        after_warehouse=after.warehouse_ids[-1] if after else None,
        limit=limit,
    )
    return _keys(rows)


async def pairs_to_plan(tx: Tx, *, limit: int) -> Pairs:
    return _keys(await tx.dicts(sql.pairs_to_plan, limit=limit))


def _keys(rows: list[dict[str, Any]]) -> Pairs:
    return Pairs(tuple(r["sku_id"] for r in rows), tuple(r["warehouse_id"] for r in rows))


async def read_inputs(tx: Tx, pairs: Pairs) -> Inputs:
    """Terms and position of each pair; a pair without a level any more is an error of the caller."""
    rows = await tx.dicts(sql.read_pairs, sku_ids=list(pairs.sku_ids), warehouse_ids=list(pairs.warehouse_ids))
    assert len(rows) == len(pairs), "every pair has its level"

    def floats(name: str) -> NDArray[np.float64]:
        return np.array([float(r[name]) for r in rows], np.float64)

    def units(name: str, missing: int = UNSET) -> NDArray[np.int64]:
        return np.array([missing if r[name] is None else r[name] for r in rows], np.int64)

    cost = np.array([float(r["unit_cost"] or 0) for r in rows], np.float64)
    price = np.array([np.nan if r["price"] is None else float(r["price"]) for r in rows], np.float64)
    service, by_odds = _service(floats("target_service"), rows, await kept_odds(tx), cost, price)
    return Inputs(
        pairs=pairs,
        terms=Terms(
            mode=np.array([MODES[r["mode"]] for r in rows], np.int8),
            lead_days=floats("lead_time_days"),
            lead_days_sd=floats("lead_time_sd_days"),
            review_days=floats("review_days"),
            cycle_service_level=service,
            by_odds=by_odds,
            order_cost=floats("order_cost"),
            holding_rate_per_year=floats("holding_rate"),
            unit_cost=cost,
            moq=units("moq"),
            order_multiple=units("order_multiple"),
            manual_reorder_point=units("reorder_point"),
            manual_safety_stock=units("safety_stock"),
            max_stock=units("max_stock"),
            method=np.array([METHODS[r["method"]] for r in rows], np.int8),
            lot_days_min=floats("prebuild_days"),
            fill_rate=np.array([np.nan if r["target_fill_rate"] is None else r["target_fill_rate"] for r in rows]),
        ),
        position=Position(
            available=units("available_quantity"),
            in_transit=units("in_transit_quantity"),
            approved=units("approved_quantity"),
            backordered=units("backordered_quantity"),
            later=units("later_quantity"),
        ),
        limits=Limits(units("shelf_life_days"), _days_to_end(rows)),
        rests=np.array([r["method"] == "R_S" and not r["is_review_day"] for r in rows], np.bool_),
        supplier_ids=[r["supplier_id"] for r in rows],
        offers=[_offer(r) for r in rows],
        currencies=[r["currency"] for r in rows],
        known_levels=np.stack(
            [units("computed_safety_stock"), units("computed_reorder_point"), units("computed_order_up_to")], axis=1
        ),
        rejected_quantity=units("rejected_quantity", 0),
        rejected_urgent=np.array([r["rejected_priority"] == "urgent" for r in rows], np.bool_),
        price=price,
    )


def _service(
    said: NDArray[np.float64],
    rows: list[dict[str, Any]],
    odds: KeptOdds | None,
    cost: NDArray[np.float64],
    price: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """What policies say, and where none speaks what was cheapest on the shop's own past; and where that is."""
    by_odds = np.array([odds is not None and r["is_by_odds"] for r in rows], np.bool_)
    if odds is None:
        return said, by_odds
    rate = np.array([float(r["holding_rate"]) for r in rows], np.float64)
    return np.where(by_odds, odds.service_of(unit_cost=cost, price=price, holding_rate=rate), said), by_odds


def _offer(row: dict[str, Any]) -> SupplierOffer:
    breaks = tuple(zip(row["break_quantities"] or (), row["break_costs"] or (), strict=True))
    return SupplierOffer(row["unit_cost"], breaks, row["max_order_quantity"])


def figures_at(inputs: Inputs, plan: Plan, caps: NDArray[np.int8], row: int) -> Figures:
    """All figures of one pair, with a quantity its supplier sells."""
    terms = plan.terms
    holding = Holding(float(terms.order_cost[row]), float(terms.holding_rate_per_year[row]))
    return fit_to_offer(figures_of(plan, row, Cap(int(caps[row]))), inputs.offers[row], holding)


def _days_to_end(rows: list[dict[str, Any]]) -> NDArray[np.int64]:
    """A last day that is over is 0 days away: UNSET is taken."""
    return np.array([UNSET if r["days_to_end"] is None else max(r["days_to_end"], 0) for r in rows], np.int64)


def changed_levels(inputs: Inputs, plan: Plan) -> tuple[Pairs, NDArray[np.int64]]:
    """The pairs whose stored levels differ from the plan, with safety stock, reorder point and order-up-to."""
    levels = np.stack([plan.levels.safety_stock, plan.levels.reorder_point, plan.levels.order_up_to], axis=1)
    rows = np.flatnonzero((levels != inputs.known_levels).any(axis=1))
    return inputs.pairs.at(rows.tolist()), levels[rows]


async def set_levels(tx: Tx, pairs: Pairs, levels: NDArray[np.int64]) -> None:
    safety_stock, reorder_point, order_up_to = levels.T.tolist()
    await tx.value(
        sql.set_levels,
        sku_ids=list(pairs.sku_ids),
        warehouse_ids=list(pairs.warehouse_ids),
        safety_stock=safety_stock,
        reorder_point=reorder_point,
        order_up_to=order_up_to,
    )


async def put_suggestions(
    tx: Tx, inputs: Inputs, plan: Plan, caps: NDArray[np.int8], rows: list[int], *, run_id: UUID | None
) -> Changes:
    """Open or update the suggestions of these rows of the plan."""
    if not rows:
        return Changes(0, 0)
    figures = [figures_at(inputs, plan, caps, n) for n in rows]
    moves = await _shared(tx, inputs, rows, figures)
    figures = [sharing.moved(f, moves[n].units) if n in moves else f for n, f in enumerate(figures)]
    pairs = inputs.pairs.at(rows)
    # What is moved is bought from nobody and costs nothing.
    costs = [inputs.offers[n].cost_at(f.quantity) for n, f in zip(rows, figures, strict=True)]
    cover: list[float] = plan.orders.days_of_cover[rows].tolist()
    return await tx.one(
        sql.put_suggestions,
        Changes,
        sku_ids=list(pairs.sku_ids),
        warehouse_ids=list(pairs.warehouse_ids),
        kinds=["transfer" if at in moves else "purchase" for at in range(len(rows))],
        from_warehouse_ids=[moves[at].from_warehouse_id if at in moves else None for at in range(len(rows))],
        supplier_ids=[None if at in moves else inputs.supplier_ids[n] for at, n in enumerate(rows)],
        current_quantity=[f.available for f in figures],
        suggested_quantity=[f.quantity for f in figures],
        priority=[Priority(p).name.lower() for p in plan.orders.priority[rows].tolist()],
        reason=[reason_of(f) for f in figures],
        days_of_cover=[None if np.isinf(days) else round(days, 2) for days in cover],
        lead_time_days=[f.lead_days for f in figures],
        unit_cost=[None if at in moves else cost for at, cost in enumerate(costs)],
        currency=[inputs.currencies[n] for n in rows],
        arithmetic=[msgspec.json.encode([line.as_json() for line in explain(f)]).decode() for f in figures],
        in_transit=[f.in_transit for f in figures],
        run_id=run_id,
    )


async def _shared(tx: Tx, inputs: Inputs, rows: list[int], figures: list[Figures]) -> dict[int, sharing.Move]:
    """Which of the rows another warehouse serves."""
    pairs = inputs.pairs
    needs = [
        sharing.Need(pairs.sku_ids[n], pairs.warehouse_ids[n], f, float(inputs.offers[n].unit_cost or 0))
        for n, f in zip(rows, figures, strict=True)
    ]
    return await sharing.moves_for(tx, needs, sku_ids=pairs.sku_ids, warehouse_ids=pairs.warehouse_ids)


async def lock_pending(tx: Tx, pairs: Pairs) -> None:
    """Take the pending suggestions of these pairs before changing them."""
    await tx.run(sql.lock_pending, sku_ids=list(pairs.sku_ids), warehouse_ids=list(pairs.warehouse_ids))


async def withdraw(tx: Tx, pairs: Pairs) -> int:
    """Close the pending suggestions of these pairs; answers how many there were."""
    return await tx.run(sql.withdraw_suggestions, sku_ids=list(pairs.sku_ids), warehouse_ids=list(pairs.warehouse_ids))
