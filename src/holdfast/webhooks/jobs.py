"""Publishing, delivering, forgetting. State lives in the tables; a job run twice or killed changes nothing."""

from __future__ import annotations

from uuid import UUID

from holdfast.jobs import Blueprint, JobContext, Work, defer
from holdfast.webhooks import service
from holdfast.webhooks.delivery import deliver_due
from holdfast.webhooks.publisher import publish_all, sql

tasks = Blueprint()

FORGET_STEP = 10_000


@tasks.periodic(cron="* * * * * *")
@tasks.task(name="publish_events", queueing_lock="publish_events", lock="publish_events", pass_context=True)
async def publish_events(context: JobContext, timestamp: int) -> None:
    """Every second: what happened becomes visible, and every receiver with something due gets its own job."""
    database = Work.of(context).database
    await publish_all(database)
    async with database.transaction() as tx:
        for webhook_id in await service.list_due(tx):
            name = f"webhook:{webhook_id}"
            await defer(tx, deliver_webhook, lock=name, queueing_lock=name, webhook_id=str(webhook_id))


@tasks.task(name="deliver_webhook", pass_context=True)
async def deliver_webhook(context: JobContext, webhook_id: str) -> None:
    """One at a time per receiver (its lock), so messages arrive in order."""
    work = Work.of(context)
    await deliver_due(work.database, work.settings, UUID(webhook_id))


@tasks.periodic(cron="23 * * * *")
@tasks.task(name="forget_events", queueing_lock="forget_events", pass_context=True)
async def forget_events(context: JobContext, timestamp: int) -> None:
    """In small steps, so that nothing waits for a long delete."""
    database = Work.of(context).database
    for statement in (sql.forget_deliveries, sql.forget_events):
        deleted = FORGET_STEP
        while deleted == FORGET_STEP:
            async with database.transaction() as tx:
                deleted = await tx.run(statement, limit=FORGET_STEP)
