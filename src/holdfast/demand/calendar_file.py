"""A calendar from a CSV file: all of it or nothing, with every row that is wrong named."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import Any, get_args
from uuid import UUID

from holdfast.db import Tx
from holdfast.demand.planners import CalendarKind, NewEntry, add_entries, sql
from holdfast.kernel.errors import Invalid

COLUMNS = ("kind", "label", "first_day", "last_day", "sku", "category", "warehouse", "factor")
REQUIRED = COLUMNS[:3]
ROWS_MAX = 10_000
FACTOR_MAX = 100.0
PROBLEMS_MAX = 500

Problem = dict[str, Any]


async def import_calendar(tx: Tx, body: bytes, *, actor: str) -> tuple[int, int]:
    """How many entries are new, and how many were said before.

    Columns: kind, label, first_day, last_day (empty: one day), sku, category, warehouse (codes; empty: every one), and
    factor (times the usual; empty: what earlier days of this kind did).
    Raises Invalid(``unreadable_file`` | ``import_has_problems``).
    """
    rows = _rows(body)
    named = {name: sorted({row[name] for row in rows if row[name]}) for name in ("sku", "warehouse", "category")}
    found = await tx.dicts(sql.find_ids, skus=named["sku"], warehouses=named["warehouse"], categories=named["category"])
    ids: dict[tuple[str, str], UUID | None] = {(row["kind"], row["code"]): row["id"] for row in found}
    entries: list[NewEntry] = []
    problems: list[Problem] = []
    for number, row in enumerate(rows, start=2):
        wrong = list(_problems(row, ids))
        if wrong:
            problems += [
                {"loc": ["rows", number, column], "code": code, "message": message} for column, code, message in wrong
            ]
            continue
        entries.append(_entry(row, ids))
    if problems:
        raise Invalid("import_has_problems", "Rows have problems; nothing was applied.", errors=problems[:PROBLEMS_MAX])
    added = await add_entries(tx, entries, actor=actor)
    return added, len(entries) - added


def _rows(body: bytes) -> list[dict[str, str]]:
    try:
        text = body.decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text), strict=True)
        header = [name.strip().lower() for name in next(reader, list[str]())]
        lines = [line for line in reader if any(cell.strip() for cell in line)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise Invalid("unreadable_file", f"This is not a CSV file in UTF-8: {error}.") from error
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise Invalid("unreadable_file", f"The file has no column {', '.join(missing)}.")
    if not 0 < len(lines) <= ROWS_MAX:
        raise Invalid("unreadable_file", f"The file has {len(lines)} rows; 1 to {ROWS_MAX} can be read.")
    places = {name: header.index(name) for name in COLUMNS if name in header}
    return [
        {name: line[places[name]].strip() if name in places and places[name] < len(line) else "" for name in COLUMNS}
        for line in lines
    ]


def _problems(row: dict[str, str], ids: dict[tuple[str, str], UUID | None]) -> Iterator[tuple[str, str, str]]:
    """(column, code, message) of everything that is wrong with a row."""
    if row["kind"] not in get_args(CalendarKind):
        yield "kind", "unknown_kind", f"is none of {', '.join(get_args(CalendarKind))}"
    if not 0 < len(row["label"]) <= 200 or "\0" in row["label"]:
        yield "label", "invalid_length", "needs 1 to 200 characters"
    dates = [_day(row["first_day"]), _day(row["last_day"] or row["first_day"])]
    if dates[0] is None:
        yield "first_day", "not_a_date", "is not a date such as 2026-11-27"
    elif dates[1] is None:
        yield "last_day", "not_a_date", "is not a date such as 2026-11-27"
    for name in ("sku", "category", "warehouse"):
        if row[name] and (name, row[name]) not in ids:
            yield name, f"unknown_{name}", f"there is no such {name}"
    if row["factor"] and factor_of(row["factor"]) is None:
        yield "factor", "not_a_factor", "is no number from 0 to 100"
    if None not in dates:
        wrong = _entry(row, ids).problem()
        if wrong is not None:
            yield wrong


def _entry(row: dict[str, str], ids: dict[tuple[str, str], UUID | None]) -> NewEntry:
    first, last = _day(row["first_day"]), _day(row["last_day"] or row["first_day"])
    assert first is not None, "dates are checked before"
    assert last is not None, "dates are checked before"
    # Every cell is judged by `_problems`, which names its column.
    return NewEntry.model_construct(
        kind=row["kind"],
        label=row["label"],
        first_day=first,
        last_day=last,
        sku_id=ids.get(("sku", row["sku"])),
        category=row["category"] or None,
        warehouse_id=ids.get(("warehouse", row["warehouse"])),
        factor=factor_of(row["factor"]),
    )


def factor_of(text: str) -> float | None:
    """Times the usual; None for what is no number from 0 to 100."""
    try:
        factor = float(text)
    except ValueError:
        return None
    return factor if 0 <= factor <= FACTOR_MAX else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
