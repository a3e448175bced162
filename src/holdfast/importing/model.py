"""What an import is made of: columns, rows, problems and the plan of what would change. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

# Enough to see a pattern; beyond this a file is wrong as a whole and reading on tells nothing new.
PROBLEMS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in one cell. ``row`` counts as a spreadsheet does: the header is row 1."""

    row: int
    column: str
    value: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column we understand: its name, other headings it goes by, and how a cell is read (ValueError: why not)."""

    name: str
    read: Callable[[str], Any]
    aliases: tuple[str, ...] = ()
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file; columns that are absent or empty are not in ``values``."""

    number: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that exists and would become different: ``differences`` maps a column to (before, after)."""

    row: int
    key: str
    differences: dict[str, tuple[Any, Any]]


@dataclass(slots=True)
class Plan:
    """What applying a file would do. ``work`` is what the applying step of its kind needs."""

    new: int = 0
    unchanged: int = 0
    changes: list[Change] = field(default_factory=list[Change])
    problems: list[Problem] = field(default_factory=list[Problem])
    work: Any = None


def without_problems(rows: Iterable[Row], problems: Iterable[Problem]) -> list[Row]:
    """The rows nothing was said against."""
    bad = {problem.row for problem in problems}
    return [row for row in rows if row.number not in bad]


def duplicates(rows: Iterable[Row], columns: tuple[str, ...], message: str) -> list[Problem]:
    """A problem for every row that speaks of the same thing as another: neither can be meant. Rows lacking a value
    are left out.
    """
    seen: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
    for row in rows:
        if all(column in row.values for column in columns):
            seen[tuple(row.values[column] for column in columns)].append(row.number)
    return [
        Problem(
            number,
            columns[0],
            " ".join(str(part) for part in key if part != ""),
            "duplicate",
            f"{message} (also in row {next(other for other in numbers if other != number)})",
        )
        for key, numbers in seen.items()
        if len(numbers) > 1
        for number in numbers
    ]
