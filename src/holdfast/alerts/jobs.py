"""Evaluation on change and on schedule."""

from __future__ import annotations

from holdfast.alerts.evaluation import evaluate_all, evaluate_changes, tell
from holdfast.alerts.service import sql
from holdfast.jobs import Blueprint, JobContext, Work

tasks = Blueprint()


@tasks.periodic(cron="* * * * * */2")
@tasks.task(name="watch_levels", queueing_lock="watch_levels", lock="watch_levels", pass_context=True)
async def watch_levels(context: JobContext, timestamp: int) -> None:
    """Every two seconds: what changed, coalesced; then people are told."""
    work = Work.of(context)
    await evaluate_changes(work.database, work.settings)
    async with work.database.transaction() as tx:
        await tell(tx)


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(name="watch_all_levels", queueing_lock="watch_all_levels", lock="watch_levels", pass_context=True)
async def watch_all_levels(context: JobContext, timestamp: int) -> None:
    """Every ten minutes: everything."""
    work = Work.of(context)
    async with work.database.transaction() as tx:
        await evaluate_all(tx, work.settings)
        await tx.run(sql.forget_evaluations)
