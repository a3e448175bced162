"""Planning runs: chunk by chunk over all levels, resumable, and the same for a few levels that ran low."""

from __future__ import annotations

import asyncio
from uuid import UUID

import numpy as np
import psycopg
import structlog
from numpy.typing import NDArray
from psycopg.types.json import Json, Jsonb

from holdfast.access import audit
from holdfast.db import Database, Tx
from holdfast.demand import service as demand
from holdfast.kernel.errors import Conflict, NotFound
from holdfast.replenishment import classing, store
from holdfast.replenishment.limits import within_limits
from holdfast.replenishment.model import Plan, Priority, plan_orders
from holdfast.replenishment.store import LEVELS_PER_WRITE, Changes, Inputs, Pairs, Run, sql

log = structlog.get_logger()

# Pairs per step. One step takes about a second; a killed worker repeats one.
CHUNK_PAIRS = 5_000
PAIRS_BETWEEN_RUNS_MAX = 500

# A step that was begun this often without an end will not end the next time either.
ATTEMPTS_MAX = 5

# A rejected suggestion comes back within its review period only when it is half as much again, or newly urgent.
REJECTED_GROWTH = 1.5


async def start_run(tx: Tx, *, actor: str) -> Run:
    """A new run, or the one that is under way: two at once would do the same work twice."""
    pairs_total = await tx.value(sql.count_pairs)
    run_id = await tx.value(sql.start_run, started_by=actor, pairs_total=pairs_total)
    if run_id is None:
        return await tx.one(sql.running_run, Run)
    run = await get_run(tx, run_id)
    await audit.record(tx, actor=actor, action="replenishment.run_started", subject=f"run:{run.id}")
    return run


async def get_run(tx: Tx, run_id: UUID) -> Run:
    found = await tx.maybe(sql.get_run, Run, id=run_id)
    if found is None:
        raise NotFound("run_not_found", "There is no such planning run.")
    return found


async def stop_run(tx: Tx, run_id: UUID, *, actor: str) -> Run:
    """The step under way is finished, no other begins. Stopping what is not running answers it as it is."""
    if await tx.maybe(sql.stop_run, Run, id=run_id) is not None:
        await audit.record(tx, actor=actor, action="replenishment.run_stopped", subject=f"run:{run_id}")
    return await get_run(tx, run_id)


async def resume_run(tx: Tx, run_id: UUID, *, actor: str) -> Run:
    """Go on where it was stopped. Raises Conflict(``run_not_stopped``), also when another goes on at this moment."""
    try:
        async with tx.connection.transaction():
            resumed = await tx.maybe(sql.resume_run, Run, id=run_id)
    except psycopg.errors.UniqueViolation:  # the index has the last word on one run at a time
        resumed = None
    if resumed is None:
        found = await get_run(tx, run_id)
        raise Conflict(
            "run_not_stopped", "Only a stopped run goes on, while no other is under way.", {"run_status": found.status}
        )
    await audit.record(tx, actor=actor, action="replenishment.run_resumed", subject=f"run:{run_id}")
    return await get_run(tx, run_id)


async def running_run(tx: Tx) -> Run | None:
    return await tx.maybe(sql.running_run, Run)


async def list_runs(tx: Tx, *, before: UUID | None, limit: int) -> list[Run]:
    """One page and one row more, newest first."""
    return await tx.all(sql.list_runs, Run, before=before, limit=limit + 1)


async def is_due(tx: Tx, *, interval_seconds: int) -> bool:
    """Whether the last run began longer ago than the interval, or there was none."""
    seconds = await tx.value(sql.last_start)
    return seconds is None or seconds >= interval_seconds


async def work_on(database: Database, run_id: UUID) -> Run:
    """Go on with a run until it is finished; safe to call again after a crash, and for a run that is finished."""
    async with database.transaction() as tx:
        run = await tx.maybe(sql.try_run, Run, id=run_id)
        if run is None:
            return await get_run(tx, run_id)
        if run.facts["attempts"] > ATTEMPTS_MAX:
            error = f"gave up behind SKU {run.at_sku_id} after {ATTEMPTS_MAX} attempts; see the log of the worker"
            return await _finish(tx, run.id, "failed", error=error)
        if run.at_sku_id is None:
            await demand.refresh(tx)
    after = Pairs((run.at_sku_id,), (run.at_warehouse_id,)) if run.at_sku_id and run.at_warehouse_id else None
    while True:
        async with database.transaction() as tx:
            if (now := await get_run(tx, run.id)).status != "running":
                return now
            pairs = await store.next_pairs(tx, after=after, limit=CHUNK_PAIRS)
            if not pairs:
                await tx.run(sql.withdraw_inactive)
                await classing.classify_all(tx)
                return await _finish(tx, run.id, "finished")
        await plan_pairs(database, pairs, run_id=run.id)
        after = pairs


async def plan_between_runs(database: Database) -> int | None:
    """Plan what is new or ran low since the last run; answers how many levels, None when it takes a whole run."""
    async with database.transaction() as tx:
        pairs = await store.pairs_to_plan(tx, limit=PAIRS_BETWEEN_RUNS_MAX + 1)
        if len(pairs) > PAIRS_BETWEEN_RUNS_MAX:
            return None
        if pairs:
            await demand.refresh(tx)
    if pairs:
        await plan_pairs(database, pairs, run_id=None)
    return len(pairs)


async def plan_pairs(database: Database, pairs: Pairs, *, run_id: UUID | None) -> None:
    """Forecast, levels and suggestions of these pairs. Repeating it changes nothing.

    Three kinds of transaction, so that no level stays locked while we compute: read and forecast; a few levels at a
    time; suggestions together with the progress of the run.
    """
    async with database.transaction() as tx:
        inputs, plan, caps = await _planned(tx, pairs)
    changed, levels = store.changed_levels(inputs, plan)
    for start in range(0, len(changed), LEVELS_PER_WRITE):
        part = range(start, min(start + LEVELS_PER_WRITE, len(changed)))
        async with database.transaction() as tx:
            await store.set_levels(tx, changed.at(part), levels[part.start : part.stop])
    wanted = plan.orders.triggered & ~_rejected(inputs, plan)
    async with database.transaction() as tx:
        await store.lock_pending(tx, pairs)
        withdrawn = await store.withdraw(tx, pairs.at(np.flatnonzero(~wanted & ~inputs.rests).tolist()))
        due = np.flatnonzero(wanted & ~inputs.rests).tolist()
        changes = await store.put_suggestions(tx, inputs, plan, caps, due, run_id=run_id)
        if run_id is not None:
            await _advance(tx, run_id, pairs, changes, withdrawn)
    log.info("pairs planned", pairs=len(pairs), opened=changes.opened, updated=changes.updated, withdrawn=withdrawn)


async def _planned(tx: Tx, pairs: Pairs) -> tuple[Inputs, Plan, NDArray[np.int8]]:
    inputs = await store.read_inputs(tx, pairs)
    forecast = await demand.forecast_pairs(
        tx,
        pairs.sku_ids,
        pairs.warehouse_ids,
        protection_days=inputs.terms.protection_days,
        protection_days_sd=inputs.terms.lead_days_sd,
    )
    terms, caps = within_limits(inputs.terms, forecast, inputs.limits)
    plan = await asyncio.to_thread(plan_orders, forecast, terms, inputs.position)
    return inputs, plan, caps


def _rejected(inputs: Inputs, plan: Plan) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Where somebody said no within the review period and nothing became much worse since."""
    said_no = inputs.rejected_quantity > 0
    grown = plan.orders.quantity >= REJECTED_GROWTH * inputs.rejected_quantity
    newly_urgent = (plan.orders.priority == Priority.URGENT) & ~inputs.rejected_urgent
    return said_no & ~grown & ~newly_urgent


async def _advance(tx: Tx, run_id: UUID, pairs: Pairs, changes: Changes, withdrawn: int) -> None:
    await tx.run(
        sql.advance_run,
        id=run_id,
        pairs=len(pairs),
        at_sku_id=pairs.sku_ids[-1],
        at_warehouse_id=pairs.warehouse_ids[-1],
        opened=changes.opened,
        updated=changes.updated,
        withdrawn=withdrawn,
    )


async def _finish(tx: Tx, run_id: UUID, status: str, **facts: str) -> Run:
    run = await tx.one(sql.finish_run, Run, id=run_id, status=status, facts=Jsonb(facts))
    told = {"run_id": str(run.id), "status": run.status, "pairs": run.pairs_done, **run.facts}
    await tx.run(sql.write_event, event_type=f"replenishment.run_{status}", sku_ids=[], data=Json(told))
    return run
