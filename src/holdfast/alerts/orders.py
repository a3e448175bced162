"""Alerts of orders: their exceptions, told by the rules whose metric is ``order_exception``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from holdfast.alerts.telling import Letter, tell_by_rules
from holdfast.db import Tx, statements

sql = statements("holdfast.alerts", "orders.sql")


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


async def tell_of_orders(tx: Tx, *, seconds: int) -> int:
    """Queue one letter per rule and person about every exception that opened since; answers of how many.

    The console's inbox hears of each order at once, from whoever changed it; here it is about e-mail.
    """
    return await tell_by_rules(
        tx,
        Letter(kind="order_exceptions", rows="exceptions", link="/alerts?about=orders"),
        rules=sql.rules_to_tell_of_orders,
        untold=sql.take_untold_exceptions,
        seconds=seconds,
        in_inbox=False,
    )
