"""What the pages of stock counts show. Nobody sees what the books expect before a number is entered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from holdfast.access.visit import Visit
from holdfast.catalog.scanning import Scan, Scanned
from holdfast.counts.found_units import BatchRow, batch_rows
from holdfast.counts.model import Bucket
from holdfast.db import statements
from holdfast.kernel.errors import NotFound
from holdfast.kernel.ids import uuid_or_none
from holdfast.kernel.page import decode_cursor, decode_id_cursor, encode_cursor, page_of
from holdfast.warehouses.choosing import warehouse_choices
from holdfast.web.address import Address
from holdfast.web.i18n import N_

sql = statements("holdfast.counts", "pages.sql")

ROWS: Final = 50
LEFT_SHOWN: Final = 30
STATES: Final = ("open", "closed", "cancelled")
LINE_STATES: Final = ("decide", "left", "approved", "all")
BUCKETS: Final[tuple[Bucket, ...]] = ("sellable", "unsellable")
STATUS_WORDS: Final = {"open": N_("being counted"), "closed": N_("closed"), "cancelled": N_("cancelled")}
STATUS_TONES: Final = {"open": "warn", "closed": "ok", "cancelled": ""}
REFUSED_WORDS: Final = {
    "below_reserved": N_(
        "%(counted)s were found but %(reserved)s are promised to customers. Choose which promise is not kept."
    ),
    "adjusted_since_counted": N_("Somebody adjusted this shelf after it was counted, perhaps for the same gap."),
    "insufficient_stock": N_("Meanwhile fewer units are there than this would take away. Count it again."),
    "batch_required": N_("This SKU is kept by batch. Count it again and type the quantity of each batch."),
    "serials_required": N_("Units of this SKU have serial numbers. Count it again and scan each of them."),
    "serial_in_stock": N_("A unit that was seen is in stock elsewhere or in another state. Look it up by its number."),
    "serial_not_here": N_("A missing unit was sold, set aside or held by number meanwhile. Count it again."),
    "batch_differs": N_("A batch is known with another expiry date. Correct the batch, or count again without a date."),
    "counted_again": N_("It was counted again since you looked."),
}


@dataclass(frozen=True, slots=True)
class CountRow:
    id: UUID
    number: str
    status: str
    category: str | None
    note: str
    created_at: datetime
    created_by: str
    warehouse: str
    lines: int
    pending: int
    waiting: int
    exact: int
    missing: int
    surplus: int


@dataclass(frozen=True, slots=True)
class CountCounts:
    total: int
    open: int
    closed: int
    cancelled: int
    waiting: int
    shortages: int


@dataclass(frozen=True, slots=True)
class CountsView:
    address: Address
    rows: tuple[CountRow, ...]
    next_cursor: str | None
    counts: CountCounts
    warehouses: tuple[tuple[str, str], ...]
    status_words: Mapping[str, str]
    status_tones: Mapping[str, str]
    may_open: bool


@dataclass(frozen=True, slots=True)
class NewCountView:
    warehouses: tuple[tuple[str, str], ...]
    categories: tuple[tuple[str, str], ...]
    fields: Mapping[str, str]
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class CountHead:
    """`missing` and `surplus` are units over all lines; `waiting` lines were counted and not decided."""

    id: UUID
    number: str
    status: str
    category: str | None
    note: str
    created_by: str
    created_at: datetime
    resolved_at: datetime | None
    version: int
    warehouse_id: UUID
    warehouse: str
    lines: int
    pending: int
    waiting: int
    approved: int
    exact: int
    missing: int
    surplus: int

    @property
    def counted(self) -> int:
        return self.lines - self.pending


@dataclass(frozen=True, slots=True)
class CountedLine:
    """A line and the ledger at its moment: `recorded` when it was counted, `late` happened before but came after.

    `since` moved afterwards, on shelf and in the books alike; it is no part of the variance.
    """

    sku_id: UUID
    code: str
    name: str
    bucket: str
    is_listed: bool
    status: str
    count_no: int
    counted: int | None
    counted_at: datetime | None
    counted_by: str | None
    recorded: int | None
    ledger_at: datetime | None
    booked_variance: int | None
    refusal: dict[str, Any] | None
    approved_at: datetime | None
    approved_by: str | None
    late: int
    is_adjusted: bool
    since: int
    booked_late: int
    shortage_id: UUID | None

    @property
    def books(self) -> int | None:
        """What should have been there at the moment of counting."""
        if self.recorded is None:
            return None
        return self.recorded + (self.booked_late if self.status == "approved" else self.late)

    @property
    def variance(self) -> int | None:
        return None if self.counted is None or self.books is None else self.counted - self.books

    @property
    def key(self) -> str:
        return f"{self.sku_id}:{self.bucket}:{self.count_no}"


@dataclass(frozen=True, slots=True)
class CountView:
    address: Address
    head: CountHead
    status: str
    tone: str
    state: str
    lines: tuple[CountedLine, ...]
    refusals: Mapping[str, str]
    next_cursor: str | None
    may_count: bool
    may_approve: bool
    may_end: bool
    may_cancel: bool
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class ToCount:
    sku_id: UUID
    code: str
    name: str
    barcode: str | None


@dataclass(frozen=True, slots=True)
class CountedBefore:
    count_no: int
    counted_by: str | None
    counted_at: datetime | None
    is_listed: bool


@dataclass(frozen=True, slots=True)
class CountingView:
    """Counting on a phone: first the SKU, then the number, never what is expected."""

    head: CountHead
    sku: Scanned | None
    bucket: str
    before: CountedBefore | None
    left: tuple[ToCount, ...]
    batches: tuple[BatchRow, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])
    scan: Scan | None = None


async def counts_view(visit: Visit) -> CountsView:
    """Three statements: the page, the counts, the warehouses of the filter."""
    address = Address.of(
        "/stock-counts",
        warehouse=visit.asked("warehouse"),
        state=visit.asked("state", among=STATES),
        cursor=visit.asked("cursor"),
    )
    found = await visit.tx.all(
        sql.count_rows,
        CountRow,
        after_id=decode_id_cursor(address.value("cursor")),
        warehouse_id=uuid_or_none(address.value("warehouse")),
        state=address.value("state") or None,
        limit=ROWS + 1,
    )
    page = page_of(found, ROWS, lambda row: encode_cursor(row.id))
    return CountsView(
        address=address,
        rows=tuple(page.items),
        next_cursor=page.next_cursor,
        counts=await visit.tx.one(sql.count_counts, CountCounts),
        warehouses=await warehouse_choices(visit),
        status_words={status: visit.words.gettext(text) for status, text in STATUS_WORDS.items()},
        status_tones=STATUS_TONES,
        may_open=visit.may("operate"),
    )


async def new_count_view(
    visit: Visit, fields: Mapping[str, str], wrong: Mapping[str, str] | None = None
) -> NewCountView:
    categories = [row["value"] for row in await visit.tx.dicts(sql.category_choices)]
    return NewCountView(await warehouse_choices(visit), tuple((c, c) for c in categories), fields, wrong or {})


async def count_view(visit: Visit, count_id: UUID, *, wrong: str = "") -> CountView:
    """Two statements, however many lines there are. Without a choice: what waits for a decision, else what is left."""
    head = await count_head(visit, count_id)
    best = "decide" if head.waiting else "left" if head.pending and head.status == "open" else "all"
    state = visit.asked("state", among=LINE_STATES) or best
    address = Address.of(
        f"/stock-counts/{count_id}", state=visit.asked("state", among=LINE_STATES), cursor=visit.asked("cursor")
    )
    after = decode_cursor(address.value("cursor"), 2)
    found = await visit.tx.all(
        sql.count_lines,
        CountedLine,
        count_id=count_id,
        warehouse_id=head.warehouse_id,
        state=state,
        after_code=after[0] if after else None,
        after_bucket=after[1] if after else None,
        limit=ROWS + 1,
    )
    page = page_of(found, ROWS, lambda line: encode_cursor(line.code, line.bucket))
    is_open = head.status == "open"
    may = visit.may("operate") and is_open
    return CountView(
        address=address,
        head=head,
        status=visit.words.gettext(STATUS_WORDS[head.status]),
        tone=STATUS_TONES[head.status],
        state=state,
        lines=tuple(page.items),
        refusals={line.key: _refusal(visit, line.refusal) for line in page.items if line.refusal},
        next_cursor=page.next_cursor,
        may_count=may,
        may_approve=visit.may("approve") and is_open,
        may_end=may and bool(head.approved or head.waiting),
        may_cancel=may and not head.approved,
        wrong=wrong,
    )


async def counting_view(
    visit: Visit,
    count_id: UUID,
    sku: Scanned | None,
    bucket: Bucket = "sellable",
    *,
    fields: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    scan: Scan | None = None,
) -> CountingView:
    head = await count_head(visit, count_id)
    before: CountedBefore | None = None
    left: tuple[ToCount, ...] = ()
    if sku is None:
        left = tuple(await visit.tx.all(sql.left_to_count, ToCount, count_id=count_id, limit=LEFT_SHOWN))
    else:
        before = await visit.tx.maybe(
            sql.counted_before, CountedBefore, count_id=count_id, sku_id=sku.id, bucket=bucket
        )
    rows: tuple[BatchRow, ...] = ()
    if sku is not None and sku.tracking == "batch" and bucket == "sellable":
        names = await visit.tx.dicts(sql.batches_to_count, sku_id=sku.id, warehouse_id=head.warehouse_id)
        rows = batch_rows([(row["number"], row["expiry_date"]) for row in names], fields or {})
    return CountingView(head, sku, bucket, before, left, rows, fields or {}, wrong or {}, scan)


async def count_head(visit: Visit, count_id: UUID) -> CountHead:
    head = await visit.tx.maybe(sql.count_head, CountHead, count_id=count_id)
    if head is None:
        raise NotFound("count_not_found", visit.words.gettext("There is no such stock count."))
    return head


def _refusal(visit: Visit, facts: Mapping[str, Any]) -> str:
    """Why a line could not be booked, in words."""
    said = REFUSED_WORDS.get(str(facts.get("code")))
    if said is None:
        return str(facts.get("code"))
    numbers = {name: visit.formats.number(facts.get(name) or 0) for name in ("counted", "reserved")}
    return visit.words.gettext(said, **numbers)
