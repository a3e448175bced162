"""Batching changed levels, and looking at what comes into stock or goes out of it."""

from __future__ import annotations

from holdfast.connectors import channels
from holdfast.connectors.levels import batch_levels
from holdfast.jobs import Blueprint, JobContext, Work

tasks = Blueprint()


@tasks.periodic(cron="* * * * * */2")
@tasks.task(name="batch_levels", queueing_lock="batch_levels", lock="batch_levels", pass_context=True)
async def batch_changed_levels(context: JobContext, timestamp: int) -> None:
    """Every two seconds, so a level that changes ten times in between is told once."""
    async with Work.of(context).database.transaction() as tx:
        await batch_levels(tx)


@tasks.periodic(cron="* * * * * */30")
@tasks.task(name="watch_channels", queueing_lock="watch_channels", lock="stock_states", pass_context=True)
async def watch_channels(context: JobContext, timestamp: int) -> None:
    """Every half minute: channels whose buffers or other rules changed."""
    await channels.look_at_changed(Work.of(context).database)


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(name="watch_all_states", queueing_lock="watch_all_states", lock="stock_states", pass_context=True)
async def watch_all_states(context: JobContext, timestamp: int) -> None:
    """Every ten minutes: everything, for what no event of a SKU tells, such as a warehouse that opens or closes."""
    await channels.look_at_all(Work.of(context).database)
