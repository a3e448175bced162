"""Forgetting what is no longer needed."""

from __future__ import annotations

from holdfast.access.keys import sql
from holdfast.jobs import Blueprint, JobContext, Work

tasks = Blueprint()


@tasks.periodic(cron="7 * * * *")
@tasks.task(name="forget_old_answers", queueing_lock="forget_old_answers", pass_context=True)
async def forget_old_answers(context: JobContext, timestamp: int) -> None:
    """Idempotency keys live 24 hours."""
    async with Work.of(context).database.transaction() as tx:
        await tx.run(sql.forget_old_answers)
