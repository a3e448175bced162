"""One letter per rule and person about everything that opened since the last one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from holdfast.alerts.service import sql
from holdfast.db import Statement, Tx
from holdfast.notify import service as notify

LINES_IN_LETTER: Final = 30


@dataclass(frozen=True, slots=True)
class Letter:
    """``kind`` names its words, ``rows`` what its lines are called there, ``link`` the page that shows them all."""

    kind: str
    rows: str
    link: str


@dataclass(frozen=True, slots=True)
class _Speaker:
    id: UUID
    name: str
    recipients: list[str]


async def tell_by_rules(
    tx: Tx, letter: Letter, *, rules: Statement, untold: Statement, seconds: int, in_inbox: bool
) -> int:
    """Queue what the ``rules`` that may speak again have ``untold``; answers how many rows were told."""
    told = 0
    for rule in await tx.all(rules, _Speaker, seconds=seconds):
        opened = await tx.dicts(untold, rule_id=rule.id)
        if opened:
            await _queue(tx, letter, rule, opened, in_inbox=in_inbox)
            await tx.run(sql.mark_told, rule_id=rule.id)
            told += len(opened)
    return told


async def _queue(tx: Tx, letter: Letter, rule: _Speaker, opened: list[dict[str, Any]], *, in_inbox: bool) -> None:
    facts = {
        "rule_name": rule.name,
        "total": len(opened),
        "left": max(0, len(opened) - LINES_IN_LETTER),
        letter.rows: [_line(row) for row in opened[:LINES_IN_LETTER]],
    }
    # The first row names the letter: none is told twice by a rule.
    key = f"{letter.rows}:{rule.id}:{opened[0]['id']}"
    for person in await tx.dicts(sql.list_recipients, named=rule.recipients):
        await notify.queue_email(
            tx,
            kind=letter.kind,
            recipient=person["email"],
            language=person["language"],
            facts=facts,
            dedupe_key=key,
            link=letter.link,
        )
    if in_inbox:
        await notify.queue_inbox(tx, kind=letter.kind, facts=facts, dedupe_key=key, link=letter.link)


def _line(row: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, date) else value for name, value in row.items() if name != "id"}
