"""What only time does to orders."""

from __future__ import annotations

from holdfast.jobs import Blueprint, JobContext, Work
from holdfast.purchasing.exceptions import watch

tasks = Blueprint()


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(name="watch_orders", queueing_lock="watch_orders", lock="watch_orders", pass_context=True)
async def watch_orders(context: JobContext, timestamp: int) -> None:
    """Every ten minutes: what became late, and what is over."""
    async with Work.of(context).database.transaction() as tx:
        await watch(tx)
