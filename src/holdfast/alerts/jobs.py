"""Evaluation on change and on schedule."""

from __future__ import annotations

from holdfast.alerts.evaluation import COLLECT_SECONDS, evaluate_all, evaluate_changes, tell
from holdfast.alerts.orders import tell_of_orders
from holdfast.alerts.service import sql
from holdfast.cache import LOW_STOCK
from holdfast.jobs import Blueprint, JobContext, Work

tasks = Blueprint()

LOW_STOCK_MAX = 1_000


@tasks.periodic(cron="* * * * * */2")
@tasks.task(name="watch_levels", queueing_lock="watch_levels", lock="watch_levels", pass_context=True)
async def watch_levels(context: JobContext, timestamp: int) -> None:
    """Every two seconds: what changed, coalesced; then people are told."""
    work = Work.of(context)
    await evaluate_changes(work.database, work.settings)
    async with work.database.transaction() as tx:
        await tell(tx)
        await tell_of_orders(tx, seconds=COLLECT_SECONDS)


@tasks.periodic(cron="* * * * *")
@tasks.task(name="show_low_stock", queueing_lock="show_low_stock", pass_context=True)
async def show_low_stock(context: JobContext, timestamp: int) -> None:
    """Every minute the list is written anew, whole, for programs that read Redis; the table is the truth (D-49)."""
    work = Work.of(context)
    if work.settings.redis_url:
        async with work.database.transaction() as tx:
            found: str | None = await tx.value(sql.list_low_stock, limit=LOW_STOCK_MAX)
        await work.cache.show(LOW_STOCK, (found or "[]").encode(), seconds=120)


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(name="watch_all_levels", queueing_lock="watch_all_levels", lock="watch_levels", pass_context=True)
async def watch_all_levels(context: JobContext, timestamp: int) -> None:
    """Every ten minutes: everything."""
    work = Work.of(context)
    async with work.database.transaction() as tx:
        await evaluate_all(tx, work.settings)
        await tx.run(sql.forget_evaluations)
