"""Look at levels, let alerts open and resolve, tell people. Every step may run twice or be killed."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from holdfast.alerts.model import Evaluation
from holdfast.alerts.service import sql
from holdfast.alerts.telling import Letter, tell_by_rules
from holdfast.db import Database, Tx
from holdfast.settings import Settings

SKUS_PER_STEP: Final = 5_000
# A rule speaks at once, then collects for a minute: a bad morning is a few messages, not hundreds.
COLLECT_SECONDS: Final = 60


async def note_changes(tx: Tx, after: int, until: int) -> None:
    """Hears the publisher: remember which SKUs to look at."""
    await tx.run(sql.note_changes, after=after, until=until)


async def evaluate_changes(database: Database, settings: Settings) -> None:
    """Look at what changed since the last time, and at rules that are new or changed."""
    async with database.transaction() as tx:
        rules = [row["id"] for row in await tx.dicts(sql.list_unevaluated)]
        if rules:
            await _evaluate(tx, settings, scope="rules", rules=rules)
    taken = SKUS_PER_STEP
    while taken == SKUS_PER_STEP:
        async with database.transaction() as tx:
            skus = [row["sku_id"] for row in await tx.dicts(sql.take_checks, limit=SKUS_PER_STEP)]
            taken = len(skus)
            if skus:
                await _evaluate(tx, settings, scope="changes", skus=skus)


async def evaluate_all(tx: Tx, settings: Settings) -> Evaluation:
    """Look at every level: what no event tells, such as a new forecast, is found here."""
    return await _evaluate(tx, settings, scope="all")


async def _evaluate(
    tx: Tx, settings: Settings, *, scope: str, skus: list[UUID] | None = None, rules: list[UUID] | None = None
) -> Evaluation:
    found = await tx.one(sql.evaluate, Evaluation, skus=skus, rules=rules, low_share=settings.low_stock_share)
    if skus is None:
        await tx.run(sql.mark_evaluated, rules=rules)
    if scope == "all" or found.opened or found.resolved:
        await tx.run(
            sql.record_evaluation, scope=scope, measured=found.measured, opened=found.opened, resolved=found.resolved
        )
    return found


async def tell(tx: Tx) -> int:
    """Queue one message per rule and person about everything that opened since; answers of how many alerts."""
    return await tell_by_rules(
        tx,
        Letter(kind="low_stock", rows="alerts", link="/alerts"),
        rules=sql.list_rules_to_tell,
        untold=sql.take_untold,
        seconds=COLLECT_SECONDS,
        in_inbox=True,
    )
