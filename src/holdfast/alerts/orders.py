"""Alerts of orders: their exceptions, told by the rules whose metric is ``order_exception``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from holdfast.alerts.service import sql as alerts
from holdfast.db import Tx, statements
from holdfast.notify import service as notify

sql = statements("holdfast.alerts", "orders.sql")

LINES_IN_LETTER: Final = 30


@dataclass(frozen=True, slots=True)
class OrderAlertRow:
    """An exception of an order; ``line_no`` None is the order as a whole."""

    id: UUID
    purchase_order_id: UUID
    number: str
    supplier: str
    warehouse: str
    line_no: int | None
    code: str | None
    name: str | None
    kind: str
    quantity: int
    due: date | None
    severity: str
    status: str
    rule: str | None
    opened_at: datetime
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    resolved_by: str | None
    resolved_at: datetime | None
    rank: int


@dataclass(frozen=True, slots=True)
class _Speaker:
    id: UUID
    name: str
    recipients: list[str]


async def tell_of_orders(tx: Tx, *, seconds: int) -> int:
    """Queue one letter per rule and person about every exception that opened since; answers of how many.

    The console's inbox hears of each order at once, from whoever changed it; here it is about e-mail.
    """
    told = 0
    for rule in await tx.all(sql.rules_to_tell_of_orders, _Speaker, seconds=seconds):
        found = await tx.dicts(sql.take_untold_exceptions, rule_id=rule.id)
        if found:
            await _queue(tx, rule, found)
            await tx.run(alerts.mark_told, rule_id=rule.id)
            told += len(found)
    return told


async def _queue(tx: Tx, rule: _Speaker, found: list[dict[str, Any]]) -> None:
    facts = {
        "rule_name": rule.name,
        "total": len(found),
        "left": max(0, len(found) - LINES_IN_LETTER),
        "exceptions": [
            {**{name: value for name, value in row.items() if name != "id"}, "due": row["due"] and str(row["due"])}
            for row in found[:LINES_IN_LETTER]
        ],
    }
    for person in await tx.dicts(alerts.list_recipients, named=rule.recipients):
        await notify.queue_email(
            tx,
            kind="order_exceptions",
            recipient=person["email"],
            language=person["language"],
            facts=facts,
            # The first exception names the letter: none is told twice by a rule.
            dedupe_key=f"order_exceptions:{rule.id}:{found[0]['id']}",
            link="/alerts?about=orders",
        )
