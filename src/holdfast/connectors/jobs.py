"""Batching changed levels."""

from __future__ import annotations

from holdfast.connectors.levels import batch_levels
from holdfast.jobs import Blueprint, JobContext, Work

tasks = Blueprint()


@tasks.periodic(cron="* * * * * */2")
@tasks.task(name="batch_levels", queueing_lock="batch_levels", lock="batch_levels", pass_context=True)
async def batch_changed_levels(context: JobContext, timestamp: int) -> None:
    """Every two seconds, so a level that changes ten times in between is told once."""
    async with Work.of(context).database.transaction() as tx:
        await batch_levels(tx)
