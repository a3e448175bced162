"""Withdrawing what is past its use."""

from __future__ import annotations

from holdfast.jobs import Blueprint, JobContext, Work
from holdfast.tracking import service

tasks = Blueprint()

# Levels locked by one transaction: some tens of milliseconds.
GROUP = 200


@tasks.periodic(cron="* * * * *")
@tasks.task(name="withdraw_batches", queueing_lock="withdraw_batches", lock="withdraw_batches", pass_context=True)
async def withdraw_batches(context: JobContext, timestamp: int) -> None:
    """Every minute. Correctness does not need it: a hold withdraws what is past its use before it decides."""
    database = Work.of(context).database
    while True:
        async with database.transaction() as tx:
            if await service.withdraw_due(tx, limit=GROUP) == 0:
                await service.follow_stranded(tx)
                return
