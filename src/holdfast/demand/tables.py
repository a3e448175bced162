"""A sales history out of a table or a file: aligned, dense, with everything odd about it told.

Columns `date, sku, location, quantity, price, observed`; only date, sku and quantity are needed. One bad row or
one odd series never stops the others: it is left out, or read in the way stated at `NoteKind`, and noted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdfast.demand.history import DemandHistory, Floats, Ints, Period

if TYPE_CHECKING:
    from holdfast.demand.table_source import Source

ONE_LOCATION = "all"

# Three years of days, ten of weeks, twenty of months: a stray date must not make a matrix of a hundred years.
PERIODS_MAX = {Period.DAY: 1_096, Period.WEEK: 520, Period.MONTH: 240}

# Series read into the matrix at a time.
_SERIES_PER_READ = 50_000
_EXAMPLES_MAX = 5
# One example says how many units it comes to.
_SHOWN_ROWS = _EXAMPLES_MAX - 1
_QUANTITY_MAX = 1e12

Names = NDArray[np.object_]


class NoteKind(StrEnum):
    """What can be odd about a history, and what is done then."""

    BAD_DATE = "bad_date"  # the row is left out
    BAD_NUMBER = "bad_number"  # text, infinity or an impossible size where a number belongs: the row is left out
    MISSING_KEY = "missing_key"  # a row without SKU is left out
    UNKNOWN_QUANTITY = "unknown_quantity"  # an empty quantity or NaN: the period is unknown, not zero
    FUTURE = "future"  # `as_of` or later, or a period that has not ended by then: left out
    TOO_OLD = "too_old"  # before the last PERIODS_MAX periods: left out
    COPIES = "copies"  # rows equal in every column, as from a file put in twice: counted once
    SUMMED = "summed"  # several differing rows for one SKU, location and period: added up
    RETURNS = "returns"  # negative quantities: netted within their period, which is never below zero
    ZEROS_ONLY = "zeros_only"  # listed and never sold: known to sell nothing since it was listed
    SINGLE_SALE = "single_sale"  # one period with a sale in the whole history
    PERIOD_ASSUMED = "period_assumed"  # one date only says nothing about the length of a period: taken as days
    NO_HISTORY = "no_history"  # asked for and not in the history: a series with nothing known
    NOT_ASKED = "not_asked"  # in the history and not asked for: left out


@dataclass(frozen=True, slots=True)
class Note:
    """`count` rows (series for the last five kinds) are so; `examples` names at most five of them."""

    kind: NoteKind
    count: int
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = f": {'; '.join(self.examples)}" if self.examples else ""
        return f"{self.kind} ({self.count:,}){named}"


@dataclass(frozen=True, slots=True)
class Panel:
    """A history with its names: row i of `history` is `sku[i]` at `location[i]`, sorted by both.

    `starts` holds the first day of every period; `price` the last known price per series, NaN where there is none.
    """

    sku: Names
    location: Names
    history: DemandHistory
    price: Floats
    starts: NDArray[np.datetime64]
    notes: tuple[Note, ...]

    @property
    def period(self) -> Period:
        return self.history.period

    def rows_of(self, sku: Sequence[str] | Names, location: Sequence[str] | Names) -> Ints:
        """The row of every asked (sku, location), -1 where the history has none."""
        index = {key: row for row, key in enumerate(zip(self.sku, self.location, strict=True))}
        asked = zip(sku, location, strict=True)
        return np.fromiter((index.get((str(s), str(at)), -1) for s, at in asked), np.int64, len(sku))

    def aligned_to(self, sku: Sequence[str] | Names, location: Sequence[str] | Names) -> Panel:
        """The asked series in the asked order. What has no history is unknown everywhere; both gaps are noted."""
        rows = self.rows_of(sku, location)
        found = rows >= 0
        # The last row is nobody's: an empty history has no other to point at.
        nobody = np.zeros((1, self.history.days))
        quantity = np.concatenate([self.history.quantity, nobody.astype(self.history.quantity.dtype)])[rows]
        observed = np.concatenate([self.history.observed, nobody.astype(np.bool_)])[rows]
        price = np.append(self.price, np.nan)[rows]
        asked_sku, asked_at = _names(sku), _names(location)
        unasked = np.setdiff1d(np.arange(self.history.series), rows)
        notes = [
            _series_note(NoteKind.NO_HISTORY, asked_sku, asked_at, np.flatnonzero(~found)),
            _series_note(NoteKind.NOT_ASKED, self.sku, self.location, unasked),
        ]
        return Panel(
            asked_sku,
            asked_at,
            DemandHistory(quantity, observed, self.period, self.history.starts_on),
            price,
            self.starts,
            (*self.notes, *(note for note in notes if note.count)),
        )


def read_history(
    source: object,
    *,
    as_of: date | None = None,
    period: Period | None = None,
) -> Panel:
    """Read a table into one aligned matrix of demand.

    `source`: anything with `__arrow_c_stream__`, a mapping of column names to NumPy arrays, or the path of a CSV
    (UTF-8; comma, semicolon, tab) or Parquet file. Nothing dated `as_of` or later is read; without it nothing dated
    after today, unless most rows are. `period` is found from
    the dates: weeks when all lie whole weeks apart, months when all fall on the same day of the month (or on its
    last), days otherwise. Periods between the first and the last date of the whole table without a row are zero
    demand - a silent tail is one - except before a series' first sale, which is unknown. Raises
    Invalid(`unreadable_file`, `missing_column`) when the table as a whole cannot be read. A `Panel` is answered as it
    is: whoever has one has read.
    """
    if isinstance(source, Panel):
        return source
    # DuckDB is loaded by whoever reads a table, not by every process that knows what demand is.
    from holdfast.demand.table_source import opened

    with opened(source, needed=("date", "sku", "quantity"), optional=("location", "price", "observed")) as table:
        notes = _bad_rows(table)
        cut = np.datetime64(as_of, "D") if as_of is not None else _end_of_today(table)
        found = _found_period(table, cut) if period is None else period
        if found is None:
            notes.append(Note(NoteKind.PERIOD_ASSUMED, 1))
            found = Period.DAY
        columns = _lay_out(table, found, cut, notes)
        return _filled(table, columns, found, notes)


def _bad_rows(table: Source) -> list[Note]:
    """Rows that cannot count, by their row number (the first row under the header is row 2, as in a spreadsheet)."""
    reasons = {
        NoteKind.BAD_DATE: ("date", "day is null"),
        NoteKind.MISSING_KEY: ("sku", "sku is null"),
        NoteKind.BAD_NUMBER: (
            "quantity",
            f"quantity_text is not null and (amount is null or abs(amount) > {_QUANTITY_MAX})",
        ),
        NoteKind.UNKNOWN_QUANTITY: ("quantity", "quantity_text is null"),
    }
    notes: list[Note] = []
    for kind, (column, condition) in reasons.items():
        count = table.number(f"select count(*) from typed where {condition}")
        if count:
            shown = {"date": "date_text", "quantity": "quantity_text"}.get(column, "sku")
            rows = table.rows(f"select row, {shown} from typed where {condition} order by row limit {_EXAMPLES_MAX}")
            notes.append(Note(kind, count, tuple(_where(row, column, text) for row, text in rows)))
    return notes


def _where(row: int, column: str, text: object) -> str:
    return f"row {row}, {column}: " + ("empty" if text is None else f'"{str(text)[:40]}"')


def _end_of_today(table: Source) -> np.datetime64 | None:
    """Tomorrow, where a minority of the rows lies behind today: one sale of 2093 must not end the history of all in
    2093. A table that mostly lies there has a calendar of its own, and a table of the past needs no end."""
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    rows, later = table.rows(f"select count(*), count(*) filter (day >= date '{tomorrow}') from good")[0]
    return np.datetime64(tomorrow, "D") if 0 < 2 * later < rows else None


def _found_period(table: Source, cut: np.datetime64 | None) -> Period | None:
    days = table.array("select distinct day from good order by day", "datetime64[D]")
    days = days if cut is None else days[days < cut]
    if days.size < 2:
        return None
    gaps = np.diff(days).astype(np.int64)
    if not np.any(gaps % 7):
        return Period.WEEK
    day_of_month = (days - days.astype("datetime64[M]")).astype(np.int64)
    is_last = (days + 1).astype("datetime64[M]") != days.astype("datetime64[M]")
    return Period.MONTH if np.ptp(day_of_month) == 0 or is_last.all() else Period.DAY


def _lay_out(table: Source, period: Period, cut: np.datetime64 | None, notes: list[Note]) -> NDArray[np.datetime64]:
    """Build `cells` (series, column, sold, observed, rows) and `keys`; answers the first day of every column."""
    last_day = table.array("select max(day) from good", "datetime64[D]")[0]
    if np.isnat(last_day):
        table.run("create temp table keys as select sku, location, 0 as series from good limit 0")
        return np.zeros(0, "datetime64[D]")
    number = _Numbering.of(period, table, cut)
    if cut is not None:
        notes.extend(_dated(table, NoteKind.FUTURE, f"{number.sql} > {number.last}"))
    oldest = table.number(f"select min({number.sql}) from good where {number.sql} <= {number.last}", number.last)
    first = max(oldest, number.last - PERIODS_MAX[period] + 1)
    notes.extend(_dated(table, NoteKind.TOO_OLD, f"{number.sql} < {first}"))
    table.run(
        f"create temp view kept as select *, {number.sql} - {first} as col from good"
        f" where {number.sql} between {first} and {number.last}"
    )
    table.run(
        "create temp table keys as select sku, location, row_number() over (order by sku, location) - 1 as series"
        " from (select distinct sku, location from kept)"
    )
    _sum_up(table, notes)
    return number.first_days(np.arange(first, number.last + 1))


def _dated(table: Source, kind: NoteKind, condition: str) -> list[Note]:
    count = table.number(f"select count(*) from good where {condition}")
    if not count:
        return []
    rows = table.rows(f"select row, date_text from good where {condition} order by row limit {_EXAMPLES_MAX}")
    return [Note(kind, count, tuple(_where(row, "date", text) for row, text in rows))]


@dataclass(frozen=True, slots=True)
class _Numbering:
    """Periods as whole numbers: `sql` gives the number of a row's period, `last` the last complete one."""

    period: Period
    anchor: int  # days since 1970 that a week starts on; 0 for days and months
    last: int

    @staticmethod
    def of(period: Period, table: Source, cut: np.datetime64 | None) -> _Numbering:
        days = table.array("select distinct day from good order by day", "datetime64[D]")
        known = days if cut is None else days[days < cut]
        end = known[-1] if known.size else days[0]
        # Weeks start on the weekday of the newest row when all rows agree on it, else they end with the newest day.
        starts = bool(known.size) and not np.any(np.diff(known).astype(np.int64) % 7)
        anchor = int(end.astype(np.int64)) + (0 if starts else 1)
        numbering = _Numbering(period, anchor % 7 if period is Period.WEEK else 0, 0)
        last = numbering.of_day(end)
        if cut is not None:
            last = min(last, numbering.of_day(cut) - 1)
        return _Numbering(period, numbering.anchor, last)

    @property
    def sql(self) -> str:
        days = "(day - date '1970-01-01')"
        return {
            Period.DAY: days,
            Period.WEEK: f"floor(({days} - {self.anchor}) / 7.0)::bigint",
            Period.MONTH: "(year(day) * 12 + month(day) - 1 - 1970 * 12)",
        }[self.period]

    def of_day(self, day: np.datetime64) -> int:
        number = int(day.astype("datetime64[D]").astype(np.int64))
        if self.period is Period.MONTH:
            return int(day.astype("datetime64[M]").astype(np.int64))
        return number if self.period is Period.DAY else (number - self.anchor) // 7

    def first_days(self, numbers: Ints) -> NDArray[np.datetime64]:
        if self.period is Period.MONTH:
            return numbers.astype("datetime64[M]").astype("datetime64[D]")
        days = numbers if self.period is Period.DAY else numbers * 7 + self.anchor
        return days.astype("datetime64[D]")


def _sum_up(table: Source, notes: list[Note]) -> None:
    source = "kept"
    together = "select count(*) - count(distinct (sku, location, day)) from kept"
    if table.number(together):
        table.run(
            "create temp table once as select distinct on (hash(whole), sku, location, day) * from kept order by row"
        )
        copies = table.number("select (select count(*) from kept) - (select count(*) from once)")
        if copies:
            left_out = "from kept anti join once using (row)"
            notes.append(Note(NoteKind.COPIES, copies, _named_rows(table, left_out)))
        source = "once"
        summed = table.number(together.replace("from kept", "from once"))
        if summed:
            again = "from once qualify row_number() over (partition by sku, location, day order by row) > 1"
            notes.append(Note(NoteKind.SUMMED, summed, _named_rows(table, again)))
    table.run(
        "create temp table cells as select series, col, sum(amount) as sold,"
        " bool_and(seen and amount is not null) as seen, arg_max(price, day) as price"
        f" from {source} join keys using (sku, location)"
        " group by series, col order by series, col"
    )
    returns = table.number(f"select count(*) from {source} where amount < 0")
    if returns:
        lost = table.rows("select coalesce(-sum(sold), 0) from cells where sold < 0")[0][0]
        rows = table.rows(f"select row, quantity_text from {source} where amount < 0 order by row limit {_SHOWN_ROWS}")
        named = tuple(_where(row, "quantity", text) for row, text in rows)
        told = f"{lost:g} units more came back than were sold in their period"
        notes.append(Note(NoteKind.RETURNS, returns, (*named, told)))


def _named_rows(table: Source, chosen: str) -> tuple[str, ...]:
    rows = table.rows(f"select row, sku, date_text {chosen} order by row limit {_EXAMPLES_MAX}")
    return tuple(f"row {row}: {sku} on {day}" for row, sku, day in rows)


def _filled(table: Source, starts: NDArray[np.datetime64], period: Period, notes: list[Note]) -> Panel:
    names = table.rows("select sku, location from keys order by series")
    sku, location = _names([row[0] for row in names]), _names([row[1] for row in names])
    whole = not names or not table.number("select count(*) from cells where sold <> trunc(sold) or abs(sold) >= 2e9")
    quantity = np.zeros((len(names), starts.size), np.int32 if whole else np.float32)
    observed = np.ones(quantity.shape, np.bool_)
    price = np.full(len(names), np.nan)
    first_row = np.zeros(len(names), np.int64)
    for start in range(0, len(names), _SERIES_PER_READ):
        part = table.columns(
            "select series, col, greatest(coalesce(sold, 0), 0) as sold, seen, price from cells"
            f" where series >= {start} and series < {start + _SERIES_PER_READ} order by series, col"
        )
        row, column = part["series"], part["col"]
        quantity[row, column] = part["sold"]
        observed[row, column] = part["seen"]
        priced = ~np.isnan(part["price"])
        price[row[priced]] = part["price"][priced]
        listed, at = np.unique(row, return_index=True)
        first_row[listed] = column[at]
    _hide_before_launch(quantity, observed, first_row)
    sales = np.zeros(len(names), np.int64)
    for start in range(0, len(names), _SERIES_PER_READ):
        part = slice(start, start + _SERIES_PER_READ)
        sales[part] = np.count_nonzero(quantity[part], axis=1)
    odd = (
        _series_note(NoteKind.ZEROS_ONLY, sku, location, np.flatnonzero(sales == 0)),
        _series_note(NoteKind.SINGLE_SALE, sku, location, np.flatnonzero(sales == 1)),
    )
    notes.extend(note for note in odd if note.count)
    first = starts[0] if starts.size else None
    return Panel(sku, location, DemandHistory(quantity, observed, period, first), price, starts, tuple(notes))


def _hide_before_launch(quantity: NDArray[Any], observed: NDArray[np.bool_], first_row: Ints) -> None:
    """In place, by parts: before its first row nothing is known of a series. A listed day without a sale is known, as
    in the ledger, where the first entry of stock lists an item."""
    column = np.arange(quantity.shape[1], dtype=np.int64)
    for start in range(0, quantity.shape[0], _SERIES_PER_READ):
        part = slice(start, start + _SERIES_PER_READ)
        observed[part] &= np.greater_equal(column[None, :], first_row[part, None])


def _series_note(kind: NoteKind, sku: Names, location: Names, rows: Ints) -> Note:
    shown = tuple(f"{sku[row]} at {location[row]}" for row in rows[:_EXAMPLES_MAX])
    return Note(kind, int(rows.size), shown)


def _names(values: Sequence[str] | Names) -> Names:
    out = np.empty(len(values), object)
    out[:] = [str(value) for value in values]
    return out
