"""Keeping daily demand up to the ledger."""

from __future__ import annotations

from holdfast.demand import service
from holdfast.jobs import Blueprint, JobContext, Work

tasks = Blueprint()


@tasks.periodic(cron="* * * * *")
@tasks.task(name="refresh_demand", queueing_lock="refresh_demand", lock="refresh_demand", pass_context=True)
async def refresh_demand(context: JobContext, timestamp: int) -> None:
    async with Work.of(context).database.transaction() as tx:
        await service.refresh(tx)
