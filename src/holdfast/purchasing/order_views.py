"""What the pages of purchase orders show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from holdfast.access.signed_paths import signed_path
from holdfast.access.visit import Visit
from holdfast.db import statements
from holdfast.kernel.errors import NotFound
from holdfast.kernel.ids import uuid_or_none
from holdfast.kernel.page import decode_id_cursor, encode_cursor, page_of
from holdfast.purchasing.exceptions import list_exceptions
from holdfast.purchasing.exceptions import sql as words_sql
from holdfast.purchasing.links import Link, list_links, path_of
from holdfast.purchasing.model import FOLLOWS, OrderException, Statement
from holdfast.purchasing.pushes import Push, list_pushes
from holdfast.settings import Settings
from holdfast.web.address import Address
from holdfast.web.i18n import N_
from holdfast.web.search_words import search_words

sql = statements("holdfast.purchasing", "pages.sql")

ROWS: Final = 50
STATES: Final = ("unsent", "coming", "late", "exceptions", "done")
EXCEPTIONS: Final = {
    "late": N_("late"),
    "short": N_("cut short"),
    "refused": N_("refused"),
    "over_delivered": N_("over-delivered"),
    "not_delivered": N_("did not reach the supplier"),
}
SAID: Final = {
    "confirmed": N_("confirmed"),
    "message": N_("wrote"),
    "shipped": N_("announced a shipment"),
}
STATUS_WORDS: Final = {
    "draft": N_("draft"),
    "approved": N_("approved"),
    "sent": N_("sent"),
    "confirmed": N_("confirmed"),
    "partly_received": N_("partly received"),
    "received": N_("received"),
    "closed": N_("closed"),
    "cancelled": N_("cancelled"),
}
STATUS_TONES: Final = {
    "draft": "warn",
    "approved": "warn",
    "sent": "",
    "confirmed": "",
    "partly_received": "",
    "received": "ok",
    "closed": "ok",
    "cancelled": "",
}


@dataclass(frozen=True, slots=True)
class OrderRow:
    id: UUID
    number: str
    status: str
    currency: str
    expected_at: date | None
    order_day: date | None
    created_at: datetime
    supplier: str
    warehouse: str
    lines: int
    ordered: int
    received: int
    cost: Decimal
    is_late: bool | None
    days_late: int | None
    exceptions: list[str]
    due: date | None


@dataclass(frozen=True, slots=True)
class OrderCounts:
    total: int
    unsent: int
    coming: int
    late: int
    exceptions: int
    done: int


@dataclass(frozen=True, slots=True)
class OrdersView:
    address: Address
    rows: tuple[OrderRow, ...]
    next_cursor: str | None
    counts: OrderCounts
    suppliers: tuple[tuple[str, str], ...]
    status_words: Mapping[str, str]
    status_tones: Mapping[str, str]
    exception_words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OrderHead:
    id: UUID
    number: str
    status: str
    currency: str
    expected_at: date | None
    order_day: date | None
    note: str
    created_by: str
    created_at: datetime
    sent_at: datetime | None
    resolved_at: datetime | None
    version: int
    supplier_id: UUID
    supplier: str
    order_channel: str
    supplier_email: str | None
    minimum_order_value: Decimal | None
    warehouse_id: UUID
    warehouse: str
    days_late: int | None


@dataclass(frozen=True, slots=True)
class OrderLine:
    """`open` is still to come; before the order is sent it is not counted there yet."""

    line_no: int
    sku_id: UUID
    code: str
    name: str
    ordered: int
    received: int
    open: int
    unit_cost: Decimal
    available: int
    supplier_code: str | None
    confirmed: int | None
    refused: int
    refusal: str | None
    tracking: str
    exceptions: list[str]
    parts: list[dict[str, Any]]

    @property
    def days(self) -> list[tuple[int, date | None]]:
        """What is open by promised day."""
        return [(p["quantity"], date.fromisoformat(p["expected_at"]) if p["expected_at"] else None) for p in self.parts]

    @property
    def cost(self) -> Decimal:
        return self.ordered * self.unit_cost


@dataclass(frozen=True, slots=True)
class Message:
    """One e-mail to the supplier about the order."""

    status: str
    recipient: str
    subject: str
    created_at: datetime
    sent_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """One statement of the supplier, in words."""

    heading: str
    details: tuple[str, ...]
    source: str
    said_at: datetime


@dataclass(frozen=True, slots=True)
class SupplierDoor:
    """The supplier's own page of this order. ``address`` is None where it cannot be shown or does not open."""

    address: str | None
    link: Link | None


@dataclass(frozen=True, slots=True)
class OrderView:
    head: OrderHead
    status: str
    tone: str
    lines: tuple[OrderLine, ...]
    messages: tuple[Message, ...]
    may_send: bool
    may_receive: bool
    may_cancel: bool
    may_close: bool
    may_see_to: bool
    may_resolve: bool
    said: tuple[Said, ...]
    exceptions: tuple[OrderException, ...]
    exception_words: Mapping[str, str]
    pushes: tuple[Push, ...]
    door: SupplierDoor
    typed: Mapping[str, str] = field(default_factory=dict[str, str])
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def cost(self) -> Decimal:
        return sum((line.cost for line in self.lines), Decimal(0))

    @property
    def ordered(self) -> int:
        return sum(line.ordered for line in self.lines)

    @property
    def received(self) -> int:
        return sum(line.received for line in self.lines)

    @property
    def still_open(self) -> int:
        return sum(line.open for line in self.lines)


async def orders_view(visit: Visit) -> OrdersView:
    """Three statements."""
    address = Address.of(
        "/purchase-orders",
        q=visit.asked("q"),
        supplier=visit.asked("supplier"),
        state=visit.asked("state", among=STATES),
        cursor=visit.asked("cursor"),
    )
    words = search_words(address.value("q"))
    found = await visit.tx.all(
        sql.order_rows,
        OrderRow,
        supplier_id=uuid_or_none(address.value("supplier")),
        like=words.like,
        state=address.value("state") or None,
        after_id=decode_id_cursor(address.value("cursor")),
        limit=ROWS + 1,
    )
    page = page_of(found, ROWS, lambda row: encode_cursor(row.id))
    return OrdersView(
        address=address,
        rows=tuple(page.items),
        next_cursor=page.next_cursor,
        counts=await visit.tx.one(sql.order_counts, OrderCounts),
        suppliers=await visit.choices(sql.supplier_choices),
        status_words={status: visit.words.gettext(text) for status, text in STATUS_WORDS.items()},
        status_tones=STATUS_TONES,
        exception_words=exception_words(visit),
    )


def exception_words(visit: Visit) -> dict[str, str]:
    return {kind: visit.words.gettext(text) for kind, text in EXCEPTIONS.items()}


async def order_view(
    visit: Visit,
    order_id: UUID,
    *,
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> OrderView:
    """Seven statements. `typed` and `wrong` bring a refused form back as it was."""
    head = await visit.tx.maybe(sql.order_head, OrderHead, order_id=order_id)
    if head is None:
        raise NotFound("purchase_order_not_found", visit.words.gettext("There is no such order."))
    live = await list_exceptions(visit.tx, limit=ROWS, purchase_order_id=order_id, is_live=True)
    statements = await visit.tx.all(words_sql.list_statements, Statement, id=order_id)
    return OrderView(
        head=head,
        status=visit.words.gettext(STATUS_WORDS[head.status]),
        tone=STATUS_TONES[head.status],
        lines=tuple(await order_lines(visit, order_id)),
        messages=tuple(await visit.tx.all(sql.order_messages, Message, key=f"purchase_order:{order_id}:%")),
        may_send=visit.may("approve") and head.status in FOLLOWS["send"],
        may_receive=visit.may("operate") and head.status in FOLLOWS["receive"],
        may_cancel=visit.may("approve") and head.status in FOLLOWS["cancel"],
        may_close=visit.may("approve") and head.status in ("confirmed", "partly_received"),
        may_see_to=visit.may("operate") and any(e.acknowledged_at is None for e in live),
        may_resolve=visit.may("operate"),
        said=tuple(_said(visit, s) for s in reversed(statements)),
        exceptions=tuple(live),
        exception_words=exception_words(visit),
        pushes=tuple(await list_pushes(visit.tx, order_id)),
        door=await _door(visit, order_id),
        typed=typed or {},
        wrong=wrong or {},
    )


async def _door(visit: Visit, order_id: UUID) -> SupplierDoor:
    """Who may confirm an order here may also pass the supplier's address on."""
    link = next(iter(await list_links(visit.tx, order_id)), None)
    settings: Settings = visit.request.app.state.settings
    is_shown = link is not None and link.is_valid and visit.may("operate")
    path = signed_path(path_of(link.id), settings.secret) if link is not None and is_shown else None
    return SupplierDoor(f"{settings.public_url}{path}" if path else None, link)


def _said(visit: Visit, statement: Statement) -> Said:
    said, words = statement.said, visit.words
    details: list[str] = []
    if statement.kind == "message":
        details.append(str(said["text"]))
    elif statement.kind == "shipped":
        parts = [visit.formats.day(date.fromisoformat(said["expected_at"])), said["carrier"], said["tracking_number"]]
        details.append(" · ".join(part for part in parts if part))
    elif said["expected_at"]:
        day = visit.formats.day(date.fromisoformat(said["expected_at"]))
        details.append(words.gettext("the order for %(day)s", day=day))
    for line in said.get("lines", ()):
        quantity = visit.formats.number(line["quantity"])
        text = words.gettext("line %(no)s: %(quantity)s", no=line["line_no"], quantity=quantity)
        if line.get("expected_at"):
            text += f", {visit.formats.day(date.fromisoformat(line['expected_at']))}"
        details.append(text + (f" ({line['reason']})" if line.get("reason") else ""))
    return Said(words.gettext(SAID[statement.kind]), tuple(details), statement.source, statement.said_at)


async def order_lines(visit: Visit, order_id: UUID) -> list[OrderLine]:
    return await visit.tx.all(sql.order_lines, OrderLine, order_id=order_id)
