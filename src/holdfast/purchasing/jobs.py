"""What goes to suppliers' own systems, and what only time does to orders."""

from __future__ import annotations

from uuid import UUID

from procrastinate import RetryStrategy

from holdfast.jobs import Blueprint, JobContext, Work
from holdfast.purchasing.exceptions import watch
from holdfast.purchasing.keeping import learn_supplier, suppliers_to_learn
from holdfast.purchasing.pushing import ATTEMPTS_MAX, push
from holdfast.purchasing.trying import try_channel

tasks = Blueprint()


class NotTakenYet(Exception):
    """The supplier's API did not take it, and sending again does no harm."""


@tasks.task(
    name="push_order",
    pass_context=True,
    retry=RetryStrategy(max_attempts=ATTEMPTS_MAX, exponential_wait=3, retry_exceptions=[NotTakenYet]),
)
async def push_order(context: JobContext, push_id: str) -> None:
    """One request to a supplier's API; tried again only where that is safe."""
    work = Work.of(context)
    if await push(work.database, work.settings, UUID(push_id)) == "queued":
        raise NotTakenYet


@tasks.task(name="try_order_channel", pass_context=True)
async def try_order_channel(context: JobContext, message_id: str) -> None:
    """One test message to a supplier's own system."""
    work = Work.of(context)
    await try_channel(work.database, work.settings, UUID(message_id))


@tasks.periodic(cron="17 * * * *")
@tasks.task(name="learn_lead_times", queueing_lock="learn_lead_times", lock="learn_lead_times", pass_context=True)
async def learn_lead_times(context: JobContext, timestamp: int) -> None:
    """Every hour: suppliers of whom something arrived, each in a transaction of its own."""
    database = Work.of(context).database
    async with database.transaction() as tx:
        waiting = await suppliers_to_learn(tx)
    for supplier_id in waiting:
        async with database.transaction() as tx:
            await learn_supplier(tx, supplier_id)


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(name="watch_orders", queueing_lock="watch_orders", lock="watch_orders", pass_context=True)
async def watch_orders(context: JobContext, timestamp: int) -> None:
    """Every ten minutes: what became late, and what is over."""
    async with Work.of(context).database.transaction() as tx:
        await watch(tx)
