"""The inbox: what the rules found, until someone has seen it or it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from holdfast.access.visit import Visit
from holdfast.alerts.orders import OrderAlertRow
from holdfast.alerts.orders import sql as order_sql
from holdfast.db import statements
from holdfast.kernel.ids import uuid_or_none
from holdfast.kernel.page import decode_cursor, encode_cursor, page_of
from holdfast.purchasing.order_views import EXCEPTIONS
from holdfast.web.address import Address
from holdfast.web.i18n import N_
from holdfast.web.search_words import search_words

sql = statements("holdfast.alerts", "pages.sql")

ROWS: Final = 50
ORDERS: Final = "orders"
STATUSES: Final = ("open", "acknowledged", "resolved")
SEVERITIES: Final = {"critical": N_("critical"), "warning": N_("warning"), "info": N_("for information")}
TONES: Final = {"critical": "bad", "warning": "warn", "info": ""}
METRICS: Final = {
    "available_quantity": N_("available %(value)s, line at %(threshold)s"),
    "on_hand_quantity": N_("on hand %(value)s, line at %(threshold)s"),
    "days_of_cover": N_("%(value)s days of cover, line at %(threshold)s"),
}


@dataclass(frozen=True, slots=True)
class AlertRow:
    id: UUID
    status: str
    severity: str
    metric: str
    value: Decimal
    threshold: Decimal
    opened_at: datetime
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    resolved_by: str | None
    resolved_at: datetime | None
    sku_id: UUID
    code: str
    name: str
    warehouse: str
    rule: str
    rank: int


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """`since` and `who` belong to the state: opened, seen or over."""

    id: UUID
    sku_id: UUID
    code: str
    name: str
    warehouse: str
    rule: str
    severity: str
    tone: str
    says: str
    since: datetime
    who: str


@dataclass(frozen=True, slots=True)
class ShownOrderAlert:
    """The same of an order; `about` is its line, empty when the order as a whole is meant."""

    id: UUID
    order_id: UUID
    number: str
    supplier: str
    warehouse: str
    about: str
    rule: str
    severity: str
    tone: str
    says: str
    since: datetime
    who: str


@dataclass(frozen=True, slots=True)
class AlertCounts:
    open: int
    critical: int
    acknowledged: int
    resolved_lately: int


@dataclass(frozen=True, slots=True)
class InboxView:
    address: Address
    status: str
    about: str
    rows: tuple[ShownAlert, ...] | tuple[ShownOrderAlert, ...]
    next_cursor: str | None
    counts: AlertCounts
    other_open: int
    severities: tuple[tuple[str, str], ...]
    warehouses: tuple[tuple[str, str], ...]
    may_act: bool


async def inbox_view(visit: Visit) -> InboxView:
    """Four statements. What is about levels and what is about orders are two lists of one inbox."""
    address = Address.of(
        "/alerts",
        about=visit.asked("about", among=(ORDERS,)),
        q=visit.asked("q"),
        status=visit.asked("status", among=STATUSES[1:]),
        severity=visit.asked("severity", among=tuple(SEVERITIES)),
        warehouse=visit.asked("warehouse"),
        cursor=visit.asked("cursor"),
    )
    status = address.value("status") or "open"
    words = search_words(address.value("q"))
    after = decode_cursor(address.value("cursor"), 2)
    asked: dict[str, Any] = {
        "status": status,
        "severity": address.value("severity") or None,
        "warehouse_id": uuid_or_none(address.value("warehouse")),
        "like": words.like,
        "after_rank": int(after[0]) if after else None,
        "after_id": after[1] if after else None,
        "limit": ROWS + 1,
    }
    of_levels = await visit.tx.one(sql.alert_counts, AlertCounts)
    of_orders = await visit.tx.one(order_sql.order_alert_counts, AlertCounts)
    is_orders = address.value("about") == ORDERS
    rows: tuple[ShownAlert, ...] | tuple[ShownOrderAlert, ...]
    if is_orders:
        orders = page_of(
            await visit.tx.all(order_sql.order_alert_rows, OrderAlertRow, **asked),
            ROWS,
            lambda row: encode_cursor(row.rank, row.id),
        )
        rows, next_cursor = tuple(_shown_order(row, visit) for row in orders.items), orders.next_cursor
    else:
        found = await visit.tx.all(sql.alert_rows, AlertRow, prefix=words.prefix, **asked)
        page = page_of(found, ROWS, lambda row: encode_cursor(row.rank, row.id))
        rows, next_cursor = tuple(_shown(row, visit) for row in page.items), page.next_cursor
    return InboxView(
        address=address,
        status=status,
        about=address.value("about"),
        rows=rows,
        next_cursor=next_cursor,
        counts=of_orders if is_orders else of_levels,
        other_open=(of_levels if is_orders else of_orders).open,
        severities=tuple((code, visit.words.gettext(text)) for code, text in SEVERITIES.items()),
        warehouses=await visit.choices(sql.warehouse_choices),
        may_act=visit.may("operate"),
    )


def _shown_order(row: OrderAlertRow, visit: Visit) -> ShownOrderAlert:
    since, who = _state(row)
    words, formats = visit.words, visit.formats
    says = words.gettext(EXCEPTIONS[row.kind])
    if row.line_no is not None:
        says = words.gettext("%(what)s: %(quantity)s", what=says, quantity=formats.number(row.quantity))
    if row.due is not None:
        says = " · ".join([says, words.gettext("promised for %(day)s", day=formats.day(row.due))])
    return ShownOrderAlert(
        id=row.id,
        order_id=row.purchase_order_id,
        number=row.number,
        supplier=row.supplier,
        warehouse=row.warehouse,
        about=f"{row.name} · {row.code}" if row.name else "",
        rule=row.rule or "",
        severity=words.gettext(SEVERITIES[row.severity]),
        tone=TONES[row.severity],
        says=says,
        since=since,
        who=who or "",
    )


def _state(row: AlertRow | OrderAlertRow) -> tuple[datetime, str | None]:
    """Since when it is in its state, and through whom."""
    if row.status == "resolved":
        return row.resolved_at or row.opened_at, row.resolved_by
    if row.status == "acknowledged":
        return row.acknowledged_at or row.opened_at, row.acknowledged_by
    return row.opened_at, None


def _shown(row: AlertRow, visit: Visit) -> ShownAlert:
    since, who = _state(row)
    says = visit.words.gettext(
        METRICS[row.metric],
        value=visit.formats.number(row.value, 1),
        threshold=visit.formats.number(row.threshold, 1),
    )
    severity = visit.words.gettext(SEVERITIES[row.severity]) if row.severity in SEVERITIES else row.severity
    return ShownAlert(
        id=row.id,
        sku_id=row.sku_id,
        code=row.code,
        name=row.name,
        warehouse=row.warehouse,
        rule=row.rule,
        severity=severity,
        tone=TONES.get(row.severity, ""),
        says=says,
        since=since,
        who=who or "",
    )
