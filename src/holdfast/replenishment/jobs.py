"""The planning run as a job, and what starts it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from holdfast.db import Database, Tx
from holdfast.jobs import Blueprint, JobContext, Work, defer
from holdfast.replenishment import backtests, decisions, grades, groupings, service, service_odds
from holdfast.replenishment.backtests import StoredBacktest
from holdfast.replenishment.store import Run

tasks = Blueprint()


@tasks.task(name="plan_replenishment", lock="plan_replenishment", pass_context=True)
async def plan_replenishment(context: JobContext, run_id: str) -> None:
    database = Work.of(context).database
    run = await service.work_on(database, UUID(run_id))
    if run.status == "finished":
        await _group(database)


async def _group(database: Database) -> None:
    """What the plan proposed is put together to orders, for people to look at."""
    async with database.transaction() as tx:
        await groupings.propose(tx, actor="plan")


async def begin(tx: Tx, *, actor: str) -> Run:
    """Start a run, or answer the one under way; its job is enqueued in this transaction."""
    run = await service.start_run(tx, actor=actor)
    await defer(tx, plan_replenishment, queueing_lock="plan_replenishment", run_id=str(run.id))
    return run


async def resume(tx: Tx, run_id: UUID, *, actor: str) -> Run:
    """Go on with a stopped run; its job is enqueued in this transaction."""
    run = await service.resume_run(tx, run_id, actor=actor)
    await defer(tx, plan_replenishment, queueing_lock="plan_replenishment", run_id=str(run.id))
    return run


@tasks.task(name="replay_past", lock="replay_past", pass_context=True)
async def replay_past(context: JobContext, backtest_id: str) -> None:
    await backtests.work_on(Work.of(context).database, UUID(backtest_id))


async def begin_backtest(tx: Tx, *, actor: str, **asked: Any) -> StoredBacktest:
    """Start a backtest, or answer the one under way; its job is enqueued in this transaction."""
    stored = await backtests.start(tx, actor=actor, **asked)
    await defer(tx, replay_past, queueing_lock="replay_past", backtest_id=str(stored.id))
    return stored


@tasks.periodic(cron="40 1 * * *")
@tasks.task(name="grade_decisions", queueing_lock="grade_decisions", pass_context=True)
async def grade_decisions(context: JobContext, timestamp: int) -> None:
    """Every night: what became of what was decided."""
    async with Work.of(context).database.transaction() as tx:
        await grades.grade(tx)


@tasks.periodic(cron="20 2 * * *")
@tasks.task(name="renew_service_odds", queueing_lock="renew_service_odds", lock="renew_service_odds", pass_context=True)
async def renew_service_odds(context: JobContext, timestamp: int) -> None:
    """Every night, when the season of the day is known: the odds of service that were cheapest so far."""
    await service_odds.renew(Work.of(context).database)


@tasks.periodic(cron="* * * * *")
@tasks.task(name="check_replenishment", queueing_lock="check_replenishment", pass_context=True)
async def check_replenishment(context: JobContext, timestamp: int) -> None:
    """Every minute: begin the run that is due, and make sure what is under way has its job."""
    work = Work.of(context)
    async with work.database.transaction() as tx:
        run = await service.running_run(tx)
        if run is not None or await service.is_due(tx, interval_seconds=work.settings.replenishment_seconds):
            await begin(tx, actor="schedule")
        if await service_odds.are_missing(tx):
            await defer(tx, renew_service_odds, queueing_lock="renew_service_odds", timestamp=0)
        replaying = await backtests.running(tx)
        if replaying is not None:
            await defer(tx, replay_past, queueing_lock="replay_past", backtest_id=str(replaying.id))


@tasks.periodic(cron="* * * * * 30")
@tasks.task(name="plan_between_runs", queueing_lock="plan_between_runs", lock="plan_replenishment", pass_context=True)
async def plan_between_runs(context: JobContext, timestamp: int) -> None:
    """What is new or ran low is planned within a minute; much of it at once, as after an import, by a run."""
    work = Work.of(context)
    planned = await service.plan_between_runs(work.database)
    if planned is None:
        async with work.database.transaction() as tx:
            await begin(tx, actor="schedule")
    elif planned:
        await _group(work.database)


@tasks.periodic(cron="* * * * * 45")
@tasks.task(name="auto_approve", queueing_lock="auto_approve", lock="auto_approve", pass_context=True)
async def auto_approve(context: JobContext, timestamp: int) -> None:
    """What a rule covers needs nobody; a minute is time enough to look at what the plan just proposed."""
    async with Work.of(context).database.transaction() as tx:
        await decisions.auto_approve(tx)


@tasks.periodic(cron="* * * * * 15")
@tasks.task(name="follow_orders", queueing_lock="follow_orders", pass_context=True)
async def follow_orders(context: JobContext, timestamp: int) -> None:
    """Approved suggestions become ordered and received with the orders they went into."""
    async with Work.of(context).database.transaction() as tx:
        await decisions.follow_orders(tx)
