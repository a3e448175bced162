"""The nightly run: demand is brought up to date, forecasts are renewed, and earlier ones compared with what came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import numpy as np
import structlog
from psycopg.types.json import Jsonb
from pydantic import Field

from holdfast.access import audit
from holdfast.db import Database, Tx, statements
from holdfast.demand import kept_season, service
from holdfast.kernel.errors import Conflict, NotFound

sql = statements("holdfast.demand", "grading.sql")
log = structlog.get_logger()

# Pairs per step. One step takes about a second; a killed worker repeats one.
CHUNK_PAIRS = 5_000
# A step that was begun this often without an end will not end the next time either.
ATTEMPTS_MAX = 5


@dataclass(frozen=True, slots=True)
class DemandRun:
    """``facts``: forecasts renewed, graded and newly said; the error of a run that failed."""

    id: UUID
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    status: str
    pairs_total: int
    pairs_done: int
    at_sku_id: Annotated[UUID | None, Field(exclude=True)]
    at_warehouse_id: Annotated[UUID | None, Field(exclude=True)]
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Pair:
    sku_id: UUID
    warehouse_id: UUID
    protection_days: float
    protection_days_sd: float
    is_fresh: bool


async def start_run(tx: Tx, *, actor: str) -> DemandRun:
    """A new run, or the one that is under way."""
    run_id = await tx.value(sql.start_run, started_by=actor, pairs_total=await tx.value(sql.count_pairs))
    if run_id is None:
        return await tx.one(sql.running_run, DemandRun)
    await audit.record(tx, actor=actor, action="demand.run_started", subject=f"run:{run_id}")
    return await get_run(tx, run_id)


async def get_run(tx: Tx, run_id: UUID) -> DemandRun:
    """Raises NotFound(``run_not_found``)."""
    found = await tx.maybe(sql.get_run, DemandRun, id=run_id)
    if found is None:
        raise NotFound("run_not_found", "There is no such demand run.")
    return found


async def list_runs(tx: Tx, *, before: UUID | None, limit: int) -> list[DemandRun]:
    """One page and one row more, newest first."""
    return await tx.all(sql.list_runs, DemandRun, before=before, limit=limit + 1)


async def stop_run(tx: Tx, run_id: UUID, *, actor: str) -> DemandRun:
    """End a run behind the step it is at; what it did stays. Raises NotFound, Conflict(``run_not_running``)."""
    run = await tx.maybe(sql.finish_run, DemandRun, id=run_id, status="stopped", facts=Jsonb({"stopped_by": actor}))
    if run is None:
        run = await get_run(tx, run_id)
        raise Conflict("run_not_running", f"This run is {run.status} already.")
    await audit.record(tx, actor=actor, action="demand.run_stopped", subject=f"run:{run_id}")
    return run


async def is_due(tx: Tx) -> bool:
    """Whether a night passed without a run, because nobody was there to begin it."""
    return await tx.value(sql.is_overdue) is True


async def running_run(tx: Tx) -> DemandRun | None:
    return await tx.maybe(sql.running_run, DemandRun)


async def work_on(database: Database, run_id: UUID, *, chunk_pairs: int = CHUNK_PAIRS) -> DemandRun:
    """Go on with a run until it is finished or stopped; safe to call again after a crash, and for one that is over."""
    async with database.transaction() as tx:
        run = await tx.maybe(sql.try_run, DemandRun, id=run_id)
        if run is None:
            return await get_run(tx, run_id)
        if run.facts["attempts"] > ATTEMPTS_MAX:
            error = f"gave up behind SKU {run.at_sku_id} after {ATTEMPTS_MAX} attempts; see the log of the worker"
            return await tx.one(sql.finish_run, DemandRun, id=run_id, status="failed", facts=Jsonb({"error": error}))
    if run.at_sku_id is None:
        async with database.transaction() as tx:
            await service.refresh(tx)
        async with database.transaction() as tx:
            await tx.run(sql.grade_overrides)
            await tx.run(sql.forget_grades)
        await kept_season.renew(database)
    after = (run.at_sku_id, run.at_warehouse_id)
    while True:
        async with database.transaction() as tx:
            pairs = await tx.all(sql.next_pairs, _Pair, after_sku=after[0], after_warehouse=after[1], limit=chunk_pairs)
            if not pairs:
                done = await tx.maybe(sql.finish_run, DemandRun, id=run_id, status="finished", facts=Jsonb({}))
                return done or await get_run(tx, run_id)
            if not await _do_chunk(tx, run_id, pairs):
                return await get_run(tx, run_id)
        after = pairs[-1].sku_id, pairs[-1].warehouse_id


async def _do_chunk(tx: Tx, run_id: UUID, pairs: list[_Pair]) -> bool:
    """Renew, grade, say; with the progress in one transaction. Answers whether the run still runs."""
    stale = [pair for pair in pairs if not pair.is_fresh]
    if stale:
        await service.forecast_pairs(
            tx,
            [pair.sku_id for pair in stale],
            [pair.warehouse_id for pair in stale],
            protection_days=np.array([pair.protection_days for pair in stale]),
            protection_days_sd=np.array([pair.protection_days_sd for pair in stale]),
        )
    ids = {"sku_ids": [pair.sku_id for pair in pairs], "warehouse_ids": [pair.warehouse_id for pair in pairs]}
    graded = await tx.value(sql.grade_forecasts, **ids)
    said = await tx.run(sql.say_forecasts, **ids)
    log.info("forecasts graded", pairs=len(pairs), renewed=len(stale), graded=graded, said=said)
    last = pairs[-1]
    return (
        await tx.value(
            sql.advance_run,
            id=run_id,
            pairs=len(pairs),
            at_sku_id=last.sku_id,
            at_warehouse_id=last.warehouse_id,
            forecast=len(stale),
            graded=graded,
            said=said,
        )
        is not None
    )
