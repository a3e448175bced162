"""The inbox: what the rules found, until someone has seen it or it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from holdfast.access.visit import Visit
from holdfast.db import statements
from holdfast.kernel.ids import uuid_or_none
from holdfast.kernel.page import decode_cursor, encode_cursor, page_of
from holdfast.web.address import Address
from holdfast.web.i18n import N_
from holdfast.web.search_words import search_words

sql = statements("holdfast.alerts", "pages.sql")

ROWS: Final = 50
STATUSES: Final = ("open", "acknowledged", "resolved")
SEVERITIES: Final = {"critical": N_("critical"), "warning": N_("warning"), "info": N_("for information")}
TONES: Final = {"critical": "bad", "warning": "warn", "info": ""}
METRICS: Final = {
    "available_quantity": N_("available %(value)s, line at %(threshold)s"),
    "on_hand_quantity": N_("on hand %(value)s, line at %(threshold)s"),
    "days_of_cover": N_("%(value)s days of cover, line at %(threshold)s"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


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
class AlertCounts:
    open: int
    critical: int
    acknowledged: int
    resolved_lately: int


@dataclass(frozen=True, slots=True)
class InboxView:
    address: Address
    status: str
    rows: tuple[ShownAlert, ...]
    next_cursor: str | None
    counts: AlertCounts
    severities: tuple[tuple[str, str], ...]
    warehouses: tuple[tuple[str, str], ...]
    may_act: bool


async def inbox_view(visit: Visit) -> InboxView:
    """Three statements."""
    address = Address.of(
        "/alerts",
        q=visit.asked("q"),
        status=visit.asked("status", among=STATUSES[1:]),
        severity=visit.asked("severity", among=tuple(SEVERITIES)),
        warehouse=visit.asked("warehouse"),
        cursor=visit.asked("cursor"),
    )
    status = address.value("status") or "open"
    words = search_words(address.value("q"))
    after = decode_cursor(address.value("cursor"), 2)
    found = await visit.tx.all(
        sql.alert_rows,
        AlertRow,
        status=status,
        severity=address.value("severity") or None,
        warehouse_id=uuid_or_none(address.value("warehouse")),
        like=words.like,
        prefix=words.prefix,
        after_rank=int(after[0]) if after else None,
        after_id=after[1] if after else None,
        limit=ROWS + 1,
    )
    page = page_of(found, ROWS, lambda row: encode_cursor(row.rank, row.id))
    choices = await visit.tx.all(sql.warehouse_choices, Choice)
    return InboxView(
        address=address,
        status=status,
        rows=tuple(_shown(row, visit) for row in page.items),
        next_cursor=page.next_cursor,
        counts=await visit.tx.one(sql.alert_counts, AlertCounts),
        severities=tuple((code, visit.words.gettext(text)) for code, text in SEVERITIES.items()),
        warehouses=tuple((c.value, c.label) for c in choices),
        may_act=visit.may("operate"),
    )


def _shown(row: AlertRow, visit: Visit) -> ShownAlert:
    if row.status == "resolved":
        since, who = row.resolved_at or row.opened_at, row.resolved_by
    elif row.status == "acknowledged":
        since, who = row.acknowledged_at or row.opened_at, row.acknowledged_by
    else:
        since, who = row.opened_at, None
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
