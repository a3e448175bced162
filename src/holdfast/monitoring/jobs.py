"""The doctor's round, every night."""

from __future__ import annotations

from holdfast.jobs import Blueprint, JobContext, Work
from holdfast.monitoring import reconciling

tasks = Blueprint()


@tasks.periodic(cron="23 2 * * *")
@tasks.task(name="examine_books", queueing_lock="examine_books", lock="examine_books", pass_context=True)
async def examine_books(context: JobContext, timestamp: int) -> None:
    async with Work.of(context).database.transaction() as tx:
        await reconciling.run(tx, started_by="schedule")
