"""Look at levels, let alerts open and resolve, tell people. Every step may run twice or be killed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from holdfast.alerts.model import Evaluation
from holdfast.alerts.service import sql
from holdfast.db import Database, Tx
from holdfast.notify import service as notify
from holdfast.settings import Settings

SKUS_PER_STEP: Final = 5_000
# A rule speaks at once, then collects for a minute: a bad morning is a few messages, not hundreds.
COLLECT_SECONDS: Final = 60
LINES_IN_LETTER: Final = 30


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


@dataclass(frozen=True, slots=True)
class _Speaker:
    id: UUID
    name: str
    recipients: list[str]


async def tell(tx: Tx) -> int:
    """Queue one message per rule and person about everything that opened since; answers of how many alerts."""
    told = 0
    for rule in await tx.all(sql.list_rules_to_tell, _Speaker, seconds=COLLECT_SECONDS):
        opened = await tx.dicts(sql.take_untold, rule_id=rule.id)
        if opened:
            await _queue(tx, rule, opened)
            await tx.run(sql.mark_told, rule_id=rule.id)
            told += len(opened)
    return told


async def _queue(tx: Tx, rule: _Speaker, opened: list[dict[str, Any]]) -> None:
    facts = {
        "rule_name": rule.name,
        "total": len(opened),
        "left": max(0, len(opened) - LINES_IN_LETTER),
        "alerts": [
            {name: value for name, value in alert.items() if name != "id"} for alert in opened[:LINES_IN_LETTER]
        ],
    }
    # The first alert of the message names it: the same alert is never told in two messages.
    key = f"alerts:{opened[0]['id']}"
    for person in await tx.dicts(sql.list_recipients, named=rule.recipients):
        await notify.queue_email(
            tx,
            kind="low_stock",
            recipient=person["email"],
            language=person["language"],
            facts=facts,
            dedupe_key=key,
            link="/alerts",
        )
    await notify.queue_inbox(tx, kind="low_stock", facts=facts, dedupe_key=key, link="/alerts")
