"""What the pages of purchase orders show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from holdfast.access.visit import Visit
from holdfast.db import statements
from holdfast.kernel.errors import NotFound
from holdfast.kernel.ids import uuid_or_none
from holdfast.kernel.page import decode_id_cursor, encode_cursor, page_of
from holdfast.purchasing.model import FOLLOWS
from holdfast.web.address import Address
from holdfast.web.i18n import N_
from holdfast.web.search_words import search_words

sql = statements("holdfast.purchasing", "pages.sql")

ROWS: Final = 50
STATES: Final = ("unsent", "coming", "late", "done")
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
class Choice:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class OrderRow:
    id: UUID
    number: str
    status: str
    currency: str
    expected_at: date | None
    created_at: datetime
    supplier: str
    warehouse: str
    lines: int
    ordered: int
    received: int
    cost: Decimal
    is_late: bool | None
    days_late: int | None


@dataclass(frozen=True, slots=True)
class OrderCounts:
    total: int
    unsent: int
    coming: int
    late: int
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


@dataclass(frozen=True, slots=True)
class OrderHead:
    id: UUID
    number: str
    status: str
    currency: str
    expected_at: date | None
    note: str
    created_by: str
    created_at: datetime
    sent_at: datetime | None
    resolved_at: datetime | None
    version: int
    supplier: str
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
    suppliers = await visit.tx.all(sql.supplier_choices, Choice)
    return OrdersView(
        address=address,
        rows=tuple(page.items),
        next_cursor=page.next_cursor,
        counts=await visit.tx.one(sql.order_counts, OrderCounts),
        suppliers=tuple((c.value, c.label) for c in suppliers),
        status_words={status: visit.words.gettext(text) for status, text in STATUS_WORDS.items()},
        status_tones=STATUS_TONES,
    )


async def order_view(
    visit: Visit,
    order_id: UUID,
    *,
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> OrderView:
    """Three statements. `typed` and `wrong` bring a refused form back as it was."""
    head = await visit.tx.maybe(sql.order_head, OrderHead, order_id=order_id)
    if head is None:
        raise NotFound("purchase_order_not_found", visit.words.gettext("There is no such order."))
    return OrderView(
        head=head,
        status=visit.words.gettext(STATUS_WORDS[head.status]),
        tone=STATUS_TONES[head.status],
        lines=tuple(await order_lines(visit, order_id)),
        messages=tuple(await visit.tx.all(sql.order_messages, Message, key=f"purchase_order:{order_id}:%")),
        may_send=visit.may("approve") and head.status in FOLLOWS["send"],
        may_receive=visit.may("operate") and head.status in FOLLOWS["receive"],
        may_cancel=visit.may("approve") and head.status in FOLLOWS["cancel"],
        may_close=visit.may("approve") and head.status == "partly_received",
        typed=typed or {},
        wrong=wrong or {},
    )


async def order_lines(visit: Visit, order_id: UUID) -> list[OrderLine]:
    return await visit.tx.all(sql.order_lines, OrderLine, order_id=order_id)
