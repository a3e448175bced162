"""What the page of promotions and holidays shows: the year as a strip, then its entries."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

from holdfast.access.visit import Visit
from holdfast.demand.demand_views import sql
from holdfast.kernel.ids import uuid_or_none
from holdfast.kernel.page import decode_cursor, encode_cursor, foreign_cursor, page_of
from holdfast.warehouses.choosing import warehouse_choices
from holdfast.web.address import Address
from holdfast.web.i18n import N_

KINDS: Final[Mapping[str, str]] = {
    "promotion": N_("Promotion"),
    "holiday": N_("Holiday"),
    "closed": N_("Closed days"),
    "other": N_("Other unusual days"),
}
ROWS: Final = 50
# A strip of a thousand stretches is a solid bar; more would not be seen.
STRETCHES: Final = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    id: UUID
    kind: str
    label: str
    first_day: date
    last_day: date
    sku_id: UUID | None
    sku_code: str | None
    sku_name: str | None
    category: str | None
    warehouse: str | None
    said_by: str
    said_at: datetime
    factor: float | None

    @property
    def days(self) -> int:
        return (self.last_day - self.first_day).days + 1


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days said to be unusual, of one kind; ``entries`` say so."""

    kind: str
    first_day: date
    last_day: date
    label: str
    entries: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of the strip, in percent of the year."""

    start: float
    length: float
    title: str


@dataclass(frozen=True, slots=True)
class StripRow:
    kind: str
    label: str
    bars: tuple[Bar, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class CellProblem:
    row: int
    column: str
    words: str


@dataclass(frozen=True, slots=True)
class FileCheck:
    """A file that was read and not applied: what it would bring, or what is wrong with which cell."""

    text: str
    new: int = 0
    known: int = 0
    problems: tuple[CellProblem, ...] = ()
    refused: str = ""

    @property
    def is_ready(self) -> bool:
        return not self.problems and not self.refused


@dataclass(frozen=True, slots=True)
class Typed:
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class CalendarView:
    year: int
    this_year: int
    months: tuple[str, ...]
    strip: tuple[StripRow, ...]
    now: float | None
    entries: tuple[Entry, ...]
    next_cursor: str | None
    address: Address
    kinds: tuple[tuple[str, str], ...]
    categories: tuple[tuple[str, str], ...]
    warehouses: tuple[tuple[str, str], ...]
    typed: Typed
    file: FileCheck | None
    may_plan: bool


async def calendar_view(visit: Visit, *, typed: Typed | None = None, file: FileCheck | None = None) -> CalendarView:
    """Five statements. The year and the page are of the address."""
    words = visit.words
    today: date = await visit.tx.value(sql.today_of_shop)
    asked = visit.asked("year")
    year = int(asked) if asked.isascii() and asked.isdigit() and 2000 <= int(asked) <= 2100 else today.year
    since, until = date(year, 1, 1), date(year, 12, 31)
    after = _after(visit.asked("cursor"))
    rows = await visit.tx.all(
        sql.calendar_rows, Entry, since=since, until=until, after_day=after[0], after_id=after[1], limit=ROWS + 1
    )
    page = page_of(rows, ROWS, lambda e: encode_cursor(e.first_day, e.id))
    stretches = await visit.tx.all(sql.calendar_strip, Stretch, since=since, until=until, limit=STRETCHES)
    categories = await visit.tx.dicts(sql.calendar_categories)
    return CalendarView(
        year=year,
        this_year=today.year,
        months=tuple(_month(visit, n) for n in range(1, 13)),
        strip=tuple(_strip_row(visit, kind, [s for s in stretches if s.kind == kind], since, until) for kind in KINDS),
        now=place_in_year(today) if today.year == year else None,
        entries=tuple(page.items),
        next_cursor=page.next_cursor,
        address=Address.of("/demand/calendar", year=str(year), cursor=visit.asked("cursor")),
        kinds=tuple((kind, words.gettext(label)) for kind, label in KINDS.items()),
        categories=tuple((row["category"], row["category"]) for row in categories),
        warehouses=await warehouse_choices(visit),
        typed=typed or Typed({"kind": "promotion", "first_day": today.isoformat(), "last_day": today.isoformat()}),
        file=file,
        may_plan=visit.may("plan"),
    )


def place_in_year(day: date) -> float:
    """Percent of a strip whose twelve months are equally wide."""
    inside = (day.day - 1) / calendar.monthrange(day.year, day.month)[1]
    return round((day.month - 1 + inside) * 100 / 12, 2)


def bar_of(first: date, last: date, *, since: date, until: date) -> tuple[float, float]:
    """(start, length) in percent of the year; a single day is still seen."""
    start = place_in_year(max(first, since))
    shown = min(last, until)
    end = place_in_year(shown) + 100 / 12 / calendar.monthrange(shown.year, shown.month)[1]
    return start, round(max(end - start, 0.4), 2)


def _strip_row(visit: Visit, kind: str, stretches: Sequence[Stretch], since: date, until: date) -> StripRow:
    words, formats = visit.words, visit.formats
    bars: list[Bar] = []
    for one in stretches:
        start, length = bar_of(one.first_day, one.last_day, since=since, until=until)
        days = formats.day(one.first_day)
        if one.last_day != one.first_day:
            days = f"{days} – {formats.day(one.last_day)}"
        more = f" +{one.entries - 1}" if one.entries > 1 else ""
        bars.append(Bar(start, length, f"{one.label}{more}, {days}"))
    label = words.gettext(KINDS[kind])
    said = "; ".join(bar.title for bar in bars[:20]) or words.gettext("none")
    return StripRow(kind, label, tuple(bars), f"{label}: {said}")


def _month(visit: Visit, number: int) -> str:
    """One letter, or the number where months are called by number: twelve have room on a telephone."""
    locale = visit.formats.locale
    return locale.months["stand-alone"]["narrow"][number] if locale.language == "en" else str(number)


def _after(cursor: str) -> tuple[date | None, UUID | None]:
    keys = decode_cursor(cursor, 2)
    if keys is None:
        return None, None
    try:
        day, found = date.fromisoformat(keys[0]), uuid_or_none(keys[1])
    except ValueError:
        raise foreign_cursor() from None
    if found is None:
        raise foreign_cursor()
    return day, found
