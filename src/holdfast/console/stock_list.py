"""The stock list: every SKU over the chosen warehouses, searched, filtered, sorted and paged by its address."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from holdfast.access.visit import Visit
from holdfast.console import frame
from holdfast.db import statements
from holdfast.kernel.ids import uuid_or_none
from holdfast.kernel.page import decode_cursor, encode_cursor, page_of
from holdfast.web.address import Address
from holdfast.web.search_words import search_words

sql = statements("holdfast.console", "stock_list.sql")

STATES: Final = ("out", "low", "over", "ok")
SORTS: Final = ("name", "code", "available", "reserved", "in_transit", "cover")
ROWS: Final = 50
CSV_CHUNK: Final = 20_000


@dataclass(frozen=True, slots=True)
class StockRow:
    id: UUID
    code: str
    name: str
    category: str | None
    price: Decimal | None
    currency: str | None
    available: int
    reserved: int
    unavailable: int
    in_transit: int
    reorder_point: int
    daily_mean: float | None
    cover: float | None
    status: str
    number_key: float
    text_key: str


@dataclass(frozen=True, slots=True)
class StockCounts:
    total: int
    out: int
    low: int
    over: int

    @property
    def ok(self) -> int:
        return self.total - self.out - self.low - self.over


@dataclass(frozen=True, slots=True)
class StockView:
    """`counts` are None while the page is to ask for them by itself: in a large shop it does not wait for them."""

    address: Address
    rows: tuple[StockRow, ...]
    next_cursor: str | None
    counts: StockCounts | None
    warehouses: tuple[tuple[str, str], ...]
    categories: tuple[tuple[str, str], ...]
    csv_path: str
    states_path: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of the list as the statements take them."""

    q: str | None
    like: str | None
    prefix: str | None
    category: str | None
    warehouse_id: UUID | None

    @property
    def params(self) -> dict[str, object]:
        return {
            "q": self.q,
            "like": self.like,
            "prefix": self.prefix,
            "category": self.category,
            "warehouse_id": self.warehouse_id,
        }


def address_of(visit: Visit) -> Address:
    return Address.of(
        "/stock",
        q=visit.asked("q"),
        warehouse=visit.asked("warehouse"),
        category=visit.asked("category"),
        status=visit.asked("status", among=STATES),
        sort=visit.asked("sort", among=(*SORTS, *(f"-{s}" for s in SORTS))),
        cursor=visit.asked("cursor"),
    )


def wanted_of(address: Address) -> Wanted:
    words = search_words(address.value("q"))
    return Wanted(
        words.q, words.like, words.prefix, address.value("category") or None, uuid_or_none(address.value("warehouse"))
    )


async def rows_of(visit: Visit, address: Address, *, cursor: str | None, limit: int) -> list[StockRow]:
    """`limit` rows after the cursor; the caller asks for one more to learn whether there is a next page."""
    sort = address.value("sort") or "name"
    after = decode_cursor(cursor, 3)
    if sort == "name" and not address.value("status"):
        return await visit.tx.all(
            sql.stock_rows_by_name,
            StockRow,
            **wanted_of(address).params,
            after_text=after[1] if after else None,
            after_id=after[2] if after else None,
            limit=limit,
        )
    return await visit.tx.all(
        sql.stock_rows,
        StockRow,
        **wanted_of(address).params,
        status=address.value("status") or None,
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        after_number=float(after[0]) if after else None,
        after_text=after[1] if after else None,
        after_id=after[2] if after else None,
        limit=limit,
    )


def cursor_of(row: StockRow) -> str:
    return encode_cursor(repr(row.number_key), row.text_key, row.id)


@dataclass(frozen=True, slots=True)
class StatesView:
    """Only the tabs over the list."""

    address: Address
    counts: StockCounts


async def states_view(visit: Visit) -> StatesView:
    address = address_of(visit)
    return StatesView(address, await _counts(visit, address))


async def _counts(visit: Visit, address: Address) -> StockCounts:
    return await visit.tx.one(sql.stock_counts, StockCounts, **wanted_of(address).params)


async def stock_view(visit: Visit) -> StockView:
    address = address_of(visit)
    found = await rows_of(visit, address, cursor=address.value("cursor"), limit=ROWS + 1)
    page = page_of(found, ROWS, cursor_of)
    return StockView(
        address=address,
        rows=tuple(page.items),
        next_cursor=page.next_cursor,
        counts=None if await visit.tx.value(sql.is_large) else await _counts(visit, address),
        warehouses=await visit.choices(frame.sql.warehouse_choices),
        categories=await visit.choices(sql.category_choices),
        csv_path=Address("/stock.csv", address.query).having(cursor=""),
        states_path=Address("/stock/states", address.query).having(cursor=""),
    )


async def csv_text(visit: Visit) -> str:
    """The whole filtered list with plain numbers for other programs: about 80 bytes a SKU."""
    address = address_of(visit)
    text = io.StringIO()
    sheet = csv.writer(text)
    names = ("code", "name", "category", "status", "available", "reserved", "unavailable", "in_transit")
    sheet.writerow([*names, "reorder_point", "sells_per_day", "days_of_cover"])
    cursor: str | None = None
    while True:
        rows = await rows_of(visit, address, cursor=cursor, limit=CSV_CHUNK)
        for row in rows:
            figures = (row.reorder_point, _rounded(row.daily_mean), _rounded(row.cover))
            sheet.writerow([*(_safe(getattr(row, name)) for name in names), *figures])
        if len(rows) < CSV_CHUNK:
            return text.getvalue()
        cursor = cursor_of(rows[-1])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _safe(value: object) -> object:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
