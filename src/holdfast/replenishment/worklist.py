"""The worklist: pending suggestions as people decide them, grouped by supplier, each with its picture and its sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from babel.numbers import get_currency_precision

from holdfast.access.visit import Visit
from holdfast.db import statements
from holdfast.kernel.ids import uuid_or_none
from holdfast.kernel.page import decode_cursor, encode_cursor, page_of
from holdfast.replenishment.wording import (
    PRIORITIES,
    TONES,
    SumLine,
    arithmetic_lines,
    priority_words,
    reason_words,
)
from holdfast.web.address import Address
from holdfast.web.pictures import Sparkline, sparkline
from holdfast.web.search_words import search_words

sql = statements("holdfast.replenishment", "pages.sql")

ROWS: Final = 50
PAST_DAYS: Final = 90
AHEAD_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Row:
    """One pending suggestion as the statement answers it."""

    id: UUID
    version: int
    sku_id: UUID
    code: str
    name: str
    warehouse_id: UUID
    warehouse: str
    supplier_id: UUID | None
    supplier: str
    is_transfer: bool
    quantity: int
    priority: str
    reason: str
    days_of_cover: float | None
    lead_days: float
    lead_spread: float | None
    cost: Decimal | None
    currency: str
    arithmetic: Any
    sellable: int
    available: int
    reorder_point: int | None
    daily_mean: float | None
    today: date
    rank: int


@dataclass(frozen=True, slots=True)
class DayMove:
    sku_id: UUID
    warehouse_id: UUID
    day: date
    quantity: int


@dataclass(frozen=True, slots=True)
class SupplierSum:
    id: str
    name: str
    currency: str
    lines: int
    cost: Decimal
    urgent: int


@dataclass(frozen=True, slots=True)
class Run:
    id: UUID
    status: str
    started_at: datetime
    finished_at: datetime | None
    pairs_total: int
    pairs_done: int


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the page. `value` is what its tick posts; `minor` its cost in minor units, for exact sums."""

    id: UUID
    value: str
    sku_id: UUID
    code: str
    name: str
    warehouse: str
    picture: Sparkline
    cover: float | None
    is_short: bool
    lead_days: float
    lead_spread: float | None
    quantity: int
    cost: Decimal | None
    currency: str
    minor: int
    priority: str
    tone: str
    reason: str
    lines: tuple[SumLine, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The suggestions for one supplier on this page, and what all of its pending ones come to."""

    supplier_id: str
    supplier: str
    is_transfer: bool
    total_lines: int
    total_cost: Decimal
    currency: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class WorklistView:
    address: Address
    groups: tuple[Group, ...]
    shown: int
    total: int
    cost: str
    urgent: int
    next_cursor: str | None
    suppliers: tuple[tuple[str, str], ...]
    warehouses: tuple[tuple[str, str], ...]
    priorities: tuple[tuple[str, str], ...]
    run: Run | None
    may_decide: bool
    may_run: bool


async def worklist_view(visit: Visit) -> WorklistView:
    """Five statements, however many suggestions there are."""
    address = Address.of(
        "/replenishment",
        q=visit.asked("q"),
        supplier=visit.asked("supplier"),
        warehouse=visit.asked("warehouse"),
        priority=visit.asked("priority", among=tuple(PRIORITIES)),
        cursor=visit.asked("cursor"),
    )
    rows = await _rows(visit, address)
    page = page_of(rows, ROWS, lambda row: encode_cursor(row.supplier, row.rank, row.id))
    days = await _days(visit, page.items)
    sums = await visit.tx.all(sql.worklist_suppliers, SupplierSum)
    return WorklistView(
        address=address,
        groups=_groups(visit, page.items, sums, days),
        shown=len(page.items),
        total=sum(s.lines for s in sums),
        cost=_cost(visit, sums),
        urgent=sum(s.urgent for s in sums),
        next_cursor=page.next_cursor,
        suppliers=tuple({s.id: s.name for s in sums if s.id}.items()),
        warehouses=await visit.choices(sql.warehouse_choices),
        priorities=tuple((p, visit.words.gettext(text)) for p, text in PRIORITIES.items()),
        run=await visit.tx.maybe(sql.last_run, Run),
        may_decide=visit.may("approve"),
        may_run=visit.may("plan"),
    )


@dataclass(frozen=True, slots=True)
class ProgressView:
    """How far the planning run is, and what may be done about it."""

    run: Run | None
    may_run: bool


async def progress_view(visit: Visit) -> ProgressView:
    return ProgressView(await visit.tx.maybe(sql.last_run, Run), visit.may("plan"))


async def _rows(visit: Visit, address: Address) -> list[Row]:
    words = search_words(address.value("q"))
    after = decode_cursor(address.value("cursor"), 3)
    return await visit.tx.all(
        sql.worklist_rows,
        Row,
        supplier_id=uuid_or_none(address.value("supplier")),
        warehouse_id=uuid_or_none(address.value("warehouse")),
        priority=address.value("priority") or None,
        like=words.like,
        prefix=words.prefix,
        after_supplier=after[0] if after else None,
        after_rank=int(after[1]) if after else None,
        after_id=after[2] if after else None,
        limit=ROWS + 1,
    )


async def _days(visit: Visit, rows: Sequence[Row]) -> Mapping[tuple[UUID, UUID], dict[date, int]]:
    """Net change per day of every level of the page, in one statement."""
    found: dict[tuple[UUID, UUID], dict[date, int]] = {}
    if rows:
        moves = await visit.tx.all(
            sql.worklist_days,
            DayMove,
            sku_ids=[r.sku_id for r in rows],
            warehouse_ids=[r.warehouse_id for r in rows],
            since=rows[0].today - timedelta(days=PAST_DAYS),
        )
        for move in moves:
            found.setdefault((move.sku_id, move.warehouse_id), {})[move.day] = move.quantity
    return found


def _groups(
    visit: Visit,
    rows: Sequence[Row],
    sums: Sequence[SupplierSum],
    days: Mapping[tuple[UUID, UUID], dict[date, int]],
) -> tuple[Group, ...]:
    totals = {(s.id, s.currency): s for s in sums}
    groups: list[Group] = []
    for supplier, its in groupby(rows, key=lambda row: (row.supplier, row.supplier_id, row.is_transfer)):
        lines = [(row, _line(visit, row, days.get((row.sku_id, row.warehouse_id), {}))) for row in its]
        first = lines[0][0]
        supplier_id = str(first.supplier_id or "")
        total = None if first.is_transfer else totals.get((supplier_id, first.currency))
        groups.append(
            Group(
                supplier_id=supplier_id,
                supplier=supplier[0],
                is_transfer=first.is_transfer,
                total_lines=total.lines if total else len(lines),
                total_cost=total.cost if total else Decimal(0),
                currency=first.currency,
                lines=tuple(line for _, line in lines),
            )
        )
    return tuple(groups)


def _line(visit: Visit, row: Row, days: Mapping[date, int]) -> Line:
    digits = get_currency_precision(row.currency) if row.currency else 2
    return Line(
        id=row.id,
        value=f"{row.id}:{row.version}",
        sku_id=row.sku_id,
        code=row.code,
        name=row.name,
        warehouse=row.warehouse,
        picture=picture_of(row, days),
        cover=row.days_of_cover,
        is_short=row.days_of_cover is not None and row.days_of_cover < row.lead_days,
        lead_days=row.lead_days,
        lead_spread=row.lead_spread,
        quantity=row.quantity,
        cost=row.cost,
        currency=row.currency,
        minor=int((row.cost or Decimal(0)).scaleb(digits).to_integral_value()),
        priority=priority_words(row.priority, visit.words),
        tone=TONES.get(row.priority, ""),
        reason=reason_words(row.reason, visit.words),
        lines=arithmetic_lines(row.arithmetic, row.quantity, visit.words, visit.formats),
    )


def picture_of(row: Row, days: Mapping[date, int]) -> Sparkline:
    """Stock at the end of each of the last days, then what is expected if nothing is ordered."""
    past: list[float] = []
    level = row.sellable
    for back in range(PAST_DAYS):
        past.append(level)
        level -= days.get(row.today - timedelta(days=back), 0)
    past.reverse()
    mean = row.daily_mean
    coming = [] if mean is None else [max(0.0, row.available - mean * n) for n in range(1, AHEAD_DAYS + 1)]
    return sparkline(past, coming, limit=row.reorder_point)


def _cost(visit: Visit, sums: Sequence[SupplierSum]) -> str:
    costs: dict[str, Decimal] = {}
    for one in sums:
        if one.currency and one.cost:
            costs[one.currency] = costs.get(one.currency, Decimal(0)) + one.cost
    return " + ".join(visit.formats.money(cost, currency, whole=True) for currency, cost in costs.items())
