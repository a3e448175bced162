"""What the pages of transfers show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid4

from holdfast.access.visit import Visit
from holdfast.catalog.scanning import Scan
from holdfast.db import statements
from holdfast.kernel.errors import NotFound
from holdfast.kernel.ids import uuid_or_none
from holdfast.kernel.page import decode_id_cursor, encode_cursor, page_of
from holdfast.transfers.model import FOLLOWS
from holdfast.transfers.named_parts import PartShown, PartsOfLine, parts_by_line
from holdfast.warehouses.choosing import warehouse_choices
from holdfast.web.address import Address
from holdfast.web.i18n import N_
from holdfast.web.search_words import search_words

sql = statements("holdfast.transfers", "pages.sql")

ROWS: Final = 50
STATES: Final = ("draft", "coming", "late", "done")
STATUS_WORDS: Final = {
    "draft": N_("draft"),
    "shipped": N_("on its way"),
    "partly_received": N_("arrived in part"),
    "received": N_("arrived"),
    "closed": N_("closed with a loss"),
    "cancelled": N_("cancelled"),
}
STATUS_TONES: Final = {
    "draft": "warn",
    "shipped": "",
    "partly_received": "",
    "received": "ok",
    "closed": "bad",
    "cancelled": "",
}
# The mark of a delivery that was scanned, in front of what makes it unique: no delivery note of a carrier.
SCANNED: Final = "scan:"


@dataclass(frozen=True, slots=True)
class TransferRow:
    id: UUID
    number: str
    status: str
    expected_at: date | None
    created_at: datetime
    from_name: str
    to_name: str
    lines: int
    units: int
    open: int
    lost: int
    first_name: str | None
    days_late: int | None


@dataclass(frozen=True, slots=True)
class TransferCounts:
    total: int
    draft: int
    coming: int
    late: int
    done: int


@dataclass(frozen=True, slots=True)
class TransfersView:
    address: Address
    rows: tuple[TransferRow, ...]
    next_cursor: str | None
    counts: TransferCounts
    warehouses: tuple[tuple[str, str], ...]
    status_words: Mapping[str, str]
    status_tones: Mapping[str, str]
    may_create: bool


@dataclass(frozen=True, slots=True)
class TransferHead:
    id: UUID
    number: str
    status: str
    expected_at: date | None
    note: str
    created_by: str
    created_at: datetime
    shipped_at: datetime | None
    resolved_at: datetime | None
    version: int
    from_id: UUID
    from_name: str
    to_id: UUID
    to_name: str
    days_late: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """`available` is at the source; once shipped, quantity = open + received + damaged + lost."""

    line_no: int
    sku_id: UUID
    code: str
    name: str
    barcode: str | None
    quantity: int
    open: int
    received: int
    damaged: int
    lost: int
    unit_cost: Decimal | None
    available: int


@dataclass(frozen=True, slots=True)
class Arrived:
    received_at: datetime
    actor: str
    reference: str | None
    good: int
    damaged: int
    lost: int

    @property
    def note(self) -> str:
        """The delivery note; a scan has none."""
        return "" if (self.reference or "").startswith(SCANNED) else self.reference or ""


@dataclass(frozen=True, slots=True)
class Lost:
    lost_at: datetime
    actor: str
    reason: str
    quantity: int
    unit_cost: Decimal | None
    name: str
    sku_id: UUID


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person sent and what of it was refused, so that a page comes back as it was."""

    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])
    scan: Scan | None = None


@dataclass(frozen=True, slots=True)
class TransferView:
    head: TransferHead
    status: str
    tone: str
    lines: tuple[Line, ...]
    deliveries: tuple[Arrived, ...]
    losses: tuple[Lost, ...]
    may_change: bool
    may_receive: bool
    may_close: bool
    typed: Typed
    parts: Mapping[int, PartsOfLine] = field(default_factory=dict[int, PartsOfLine])

    @property
    def units(self) -> int:
        return sum(line.quantity for line in self.lines)

    @property
    def arrived(self) -> int:
        return sum(line.received + line.damaged for line in self.lines)

    @property
    def open(self) -> int:
        return sum(line.open for line in self.lines)

    @property
    def lost(self) -> int:
        return sum(line.lost for line in self.lines)

    @property
    def missing(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.open)

    @property
    def short(self) -> tuple[Line, ...]:
        """Lines of a draft that the source cannot send now."""
        return tuple(line for line in self.lines if line.quantity > line.available)


@dataclass(frozen=True, slots=True)
class ScanView:
    """Receiving by scanner: first the SKU, then how many.

    `once` makes a second press of the button the same delivery.
    """

    head: TransferHead
    lines: tuple[Line, ...]
    line: Line | None
    typed: Typed
    once: str
    parts: PartsOfLine = PartsOfLine()

    @property
    def open(self) -> int:
        return sum(line.open for line in self.lines)

    @property
    def done(self) -> int:
        return sum(line.quantity - line.open for line in self.lines)

    @property
    def units(self) -> int:
        return sum(line.quantity for line in self.lines)

    @property
    def missing(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.open)


@dataclass(frozen=True, slots=True)
class NewView:
    warehouses: tuple[tuple[str, str], ...]
    typed: Typed


async def transfers_view(visit: Visit) -> TransfersView:
    """Three statements: the page, the counts, the warehouses of the filters."""
    address = Address.of(
        "/transfers",
        q=visit.asked("q"),
        **{"from": visit.asked("from")},
        to=visit.asked("to"),
        state=visit.asked("state", among=STATES),
        cursor=visit.asked("cursor"),
    )
    words = search_words(address.value("q"))
    found = await visit.tx.all(
        sql.transfer_rows,
        TransferRow,
        after_id=decode_id_cursor(address.value("cursor")),
        from_id=uuid_or_none(address.value("from")),
        to_id=uuid_or_none(address.value("to")),
        like=words.like,
        prefix=words.prefix,
        state=address.value("state") or None,
        limit=ROWS + 1,
    )
    page = page_of(found, ROWS, lambda row: encode_cursor(row.id))
    return TransfersView(
        address=address,
        rows=tuple(page.items),
        next_cursor=page.next_cursor,
        counts=await visit.tx.one(sql.transfer_counts, TransferCounts),
        warehouses=await warehouse_choices(visit),
        status_words={status: visit.words.gettext(text) for status, text in STATUS_WORDS.items()},
        status_tones=STATUS_TONES,
        may_create=visit.may("operate"),
    )


async def transfer_view(visit: Visit, transfer_id: UUID, typed: Typed | None = None) -> TransferView:
    """Five statements, however many lines there are."""
    head = await transfer_head(visit, transfer_id)
    may = visit.may("operate")
    parts: Mapping[int, PartsOfLine] = {}
    if may and head.status in FOLLOWS["change"]:
        parts = await parts_at_source(visit, transfer_id)
    elif may and head.status in FOLLOWS["receive"]:
        parts = await parts_on_way(visit, transfer_id)
    return TransferView(
        head=head,
        status=visit.words.gettext(STATUS_WORDS[head.status]),
        tone=STATUS_TONES[head.status],
        lines=tuple(await transfer_lines(visit, transfer_id)),
        deliveries=tuple(await visit.tx.all(sql.transfer_deliveries, Arrived, transfer_id=transfer_id)),
        losses=tuple(await visit.tx.all(sql.transfer_losses, Lost, transfer_id=transfer_id)),
        may_change=may and head.status in FOLLOWS["change"],
        may_receive=may and head.status in FOLLOWS["receive"],
        may_close=may and head.status in FOLLOWS["close"],
        typed=typed or Typed(),
        parts=parts,
    )


async def scan_view(visit: Visit, transfer_id: UUID, line: Line | None, lines: list[Line], typed: Typed) -> ScanView:
    once = typed.fields.get("once") or f"{SCANNED}{uuid4()}"
    head = await transfer_head(visit, transfer_id)
    parts = (await parts_on_way(visit, transfer_id)).get(line.line_no, PartsOfLine()) if line else PartsOfLine()
    return ScanView(head, tuple(lines), line, typed, once, parts)


async def transfer_head(visit: Visit, transfer_id: UUID) -> TransferHead:
    head = await visit.tx.maybe(sql.transfer_head, TransferHead, transfer_id=transfer_id)
    if head is None:
        raise NotFound("transfer_not_found", visit.words.gettext("There is no such transfer."))
    return head


async def transfer_lines(visit: Visit, transfer_id: UUID) -> list[Line]:
    return await visit.tx.all(sql.transfer_lines, Line, transfer_id=transfer_id)


async def parts_on_way(visit: Visit, transfer_id: UUID) -> Mapping[int, PartsOfLine]:
    return parts_by_line(await visit.tx.all(sql.parts_on_way, PartShown, transfer_id=transfer_id))


async def parts_at_source(visit: Visit, transfer_id: UUID) -> Mapping[int, PartsOfLine]:
    return parts_by_line(await visit.tx.all(sql.parts_at_source, PartShown, transfer_id=transfer_id))
