"""Sweeping expired holds and keeping the ledger's months ahead of time."""

from __future__ import annotations

import asyncio
import time

from holdfast.jobs import Blueprint, JobContext, Work
from holdfast.stock import promises, seals, service, tree, undo

tasks = Blueprint()

# 250 holds lock their levels for some ten milliseconds, after each group the sweeper rests a fifth of that. 100,000
# holds fall within ten seconds, and a shop that is half busy sells on at its pace (docs/performance.md).
SWEEP_GROUP = 250
SWEEP_REST = 0.2


@tasks.periodic(cron="* * * * * */10")
@tasks.task(name="expire_holds", queueing_lock="expire_holds", lock="expire_holds", pass_context=True)
async def expire_holds(context: JobContext, timestamp: int) -> None:
    """Every ten seconds. Correctness does not need it (promise P7); figures on screens do."""
    database = Work.of(context).database
    while True:
        began = time.monotonic()
        async with database.transaction() as tx:
            expired = await service.expire_due(tx, limit=SWEEP_GROUP)
        if expired < SWEEP_GROUP:
            return
        await asyncio.sleep((time.monotonic() - began) * SWEEP_REST)


@tasks.periodic(cron="7 0 * * *")
@tasks.task(name="date_promises", queueing_lock="date_promises", pass_context=True)
async def date_promises(context: JobContext, timestamp: int) -> None:
    """A delivery that did not come on its day dates no promise any more; who waits for it is told."""
    async with Work.of(context).database.transaction() as tx:
        await promises.date_overdue(tx)


@tasks.periodic(cron="17 3 * * *")
@tasks.task(name="ensure_ledger_months", queueing_lock="ensure_ledger_months", pass_context=True)
async def ensure_ledger_months(context: JobContext, timestamp: int) -> None:
    async with Work.of(context).database.transaction() as tx:
        await service.ensure_ledger_months(tx)


@tasks.periodic(cron="41 3 * * *")
@tasks.task(name="forget_row_changes", queueing_lock="forget_row_changes", pass_context=True)
async def forget_row_changes(context: JobContext, timestamp: int) -> None:
    async with Work.of(context).database.transaction() as tx:
        await undo.forget_row_changes(tx)


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(name="seal_ledger", queueing_lock="seal_ledger", lock="seal_ledger", pass_context=True)
async def seal_ledger(context: JobContext, timestamp: int) -> None:
    """What was still being written is sealed next time."""
    await seals.seal_finished(Work.of(context).database)


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(name="watch_capacity", queueing_lock="watch_capacity", lock="watch_capacity", pass_context=True)
async def watch_capacity(context: JobContext, timestamp: int) -> None:
    """A warehouse that is fuller than it should be is told, and refused nothing."""
    async with Work.of(context).database.transaction() as tx:
        await tree.note_capacity(tx)
