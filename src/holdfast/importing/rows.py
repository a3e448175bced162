"""From a table of text to rows of values, or to the problems of their cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from holdfast.importing.model import PROBLEMS_MAX, Column, Problem, Row
from holdfast.importing.table import Table, unreadable
from holdfast.kernel.errors import Invalid

# What a message shows of a value: enough to find it, not a page of it.
VALUE_CHARACTERS_MAX = 80


def read_rows(table: Table, columns: Sequence[Column]) -> Iterator[Row | Problem]:
    """Each row with its cells read, or the problems of its cells.

    Raises Invalid(``unknown_columns`` | ``unreadable_file``) when the header or the file as a whole is wrong.
    """
    at = matched_columns(table.header, columns)
    problems = 0
    for number, cells in table.rows:
        if len(cells) == len(table.header):
            values, found = _read(number, cells, at, table.header)
        else:
            message = f"the row has {len(cells)} cells and the header {len(table.header)}"
            values, found = {}, [Problem(number, "", "", "wrong_width", message)]
        yield from found or [Row(number, values)]
        problems += len(found)
        if problems > PROBLEMS_MAX:
            raise unreadable(f"More than {PROBLEMS_MAX:,} cells are wrong; the file is not what it is taken for.")


def matched_columns(header: Sequence[str], columns: Sequence[Column]) -> dict[int, Column]:
    """Which position holds which column. Raises Invalid when a required one is missing or two mean the same."""
    by_heading = {plain(heading): column for column in columns for heading in (column.name, *column.aliases)}
    at = {n: by_heading[plain(heading)] for n, heading in enumerate(header) if plain(heading) in by_heading}
    for column in columns:
        positions = [n for n, found in at.items() if found is column]
        if len(positions) > 1:
            names = " and ".join(repr(header[n]) for n in positions)
            raise Invalid("unknown_columns", f"The columns {names} both mean {column.name}; keep one.")
        if column.is_required and not positions:
            there = ", ".join(repr(heading[:40]) for heading in header[:12])
            also = f" (also understood: {', '.join(column.aliases[:4])})" if column.aliases else ""
            raise Invalid("unknown_columns", f"There is no column {column.name}{also}; the file has {there}.")
    return at


def ignored_columns(header: Sequence[str], columns: Sequence[Column]) -> list[str]:
    """Headings nobody reads."""
    at = matched_columns(header, columns)
    return [heading for n, heading in enumerate(header) if n not in at]


def plain(heading: str) -> str:
    """Headings match whatever their case and spacing: ``SKU Code`` is ``sku_code``."""
    return re.sub(r"[\s_\-./]+", "_", heading.strip().lower()).strip("_")


def _read(
    number: int, cells: Sequence[str], at: dict[int, Column], header: Sequence[str]
) -> tuple[dict[str, object], list[Problem]]:
    values: dict[str, object] = {}
    problems: list[Problem] = []
    for n, column in at.items():
        cell = cells[n].strip()
        if not cell:
            if column.is_required:
                problems.append(Problem(number, header[n], "", "empty", "is empty"))
            continue
        try:
            values[column.name] = column.read(cell)
        except ValueError as error:
            problems.append(Problem(number, header[n], cell[:VALUE_CHARACTERS_MAX], "invalid", str(error)))
    return values, problems
