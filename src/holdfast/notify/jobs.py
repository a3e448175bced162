"""Sending what is queued."""

from __future__ import annotations

from holdfast.jobs import Blueprint, JobContext, Work
from holdfast.notify.sending import send_due

tasks = Blueprint()


@tasks.periodic(cron="* * * * * */2")
@tasks.task(name="send_mail", queueing_lock="send_mail", lock="send_mail", pass_context=True)
async def send_mail(context: JobContext, timestamp: int) -> None:
    """Every two seconds. The queue is the table, so a killed worker loses nothing."""
    work = Work.of(context)
    await send_due(work.database, work.settings)
