"""Keeping daily demand up to the ledger, and the nightly run."""

from __future__ import annotations

from uuid import UUID

from holdfast.db import Tx
from holdfast.demand import nightly, service
from holdfast.demand.nightly import DemandRun
from holdfast.jobs import Blueprint, JobContext, Work, defer

tasks = Blueprint()


@tasks.periodic(cron="* * * * *")
@tasks.task(name="refresh_demand", queueing_lock="refresh_demand", lock="refresh_demand", pass_context=True)
async def refresh_demand(context: JobContext, timestamp: int) -> None:
    async with Work.of(context).database.transaction() as tx:
        await service.refresh(tx)


@tasks.task(name="run_demand", lock="run_demand", pass_context=True)
async def run_demand(context: JobContext, run_id: str) -> None:
    await nightly.work_on(Work.of(context).database, UUID(run_id))


async def begin(tx: Tx, *, actor: str) -> DemandRun:
    """Start a run, or answer the one under way; its job is enqueued in this transaction."""
    run = await nightly.start_run(tx, actor=actor)
    await defer(tx, run_demand, queueing_lock="run_demand", run_id=str(run.id))
    return run


@tasks.periodic(cron="40 1 * * *")
@tasks.task(name="begin_demand_run", queueing_lock="begin_demand_run", pass_context=True)
async def begin_demand_run(context: JobContext, timestamp: int) -> None:
    """Every night (UTC), when a model may be trained without being in anybody's way."""
    async with Work.of(context).database.transaction() as tx:
        await begin(tx, actor="schedule")


@tasks.periodic(cron="*/5 * * * *")
@tasks.task(name="check_demand_run", queueing_lock="check_demand_run", pass_context=True)
async def check_demand_run(context: JobContext, timestamp: int) -> None:
    """Make sure the run under way has its job, and begin one when last night nobody did."""
    async with Work.of(context).database.transaction() as tx:
        if await nightly.running_run(tx) is not None or await nightly.is_due(tx):
            await begin(tx, actor="schedule")
