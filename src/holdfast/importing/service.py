"""One import from first row to last: read, plan, and apply whole or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Protocol

from holdfast.db import Tx
from holdfast.importing import postcodes, sales, skus, stock, terms
from holdfast.importing.model import Column, Plan, Problem, Row
from holdfast.importing.rows import ignored_columns, read_rows
from holdfast.importing.stock import Mode
from holdfast.importing.table import Table
from holdfast.kernel.errors import Invalid

KindName = Literal["skus", "stock", "sales", "postcodes", "terms"]


class Apply(Protocol):
    async def __call__(self, tx: Tx, plan: Plan, *, actor: str, reference: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be imported: the columns understood, how its effect is planned, how it is applied."""

    columns: Sequence[Column]
    plan: Callable[[Tx, Sequence[Row]], Awaitable[Plan]]
    apply: Apply


def kind_of(name: KindName, *, mode: Mode | None = None, from_stock: bool = False) -> Kind:
    """Raises Invalid(``mode_required``) for stock without a mode."""
    if name == "skus":
        return Kind(skus.COLUMNS, skus.plan_skus, skus.apply_skus)
    if name == "postcodes":
        return Kind(postcodes.COLUMNS, postcodes.plan_postcodes, postcodes.apply_postcodes)
    if name == "terms":
        return Kind(terms.COLUMNS, terms.plan_terms, terms.apply_terms)
    if name == "sales" and from_stock:
        return Kind(sales.COLUMNS, sales.plan_sales, sales.apply_sales)
    if name == "sales":
        return Kind(sales.COLUMNS, sales.plan_history, sales.apply_history)
    if mode is None:
        raise Invalid("mode_required", "Say --mode set (so many are there) or --mode add (so many more).")
    return Kind(stock.COLUMNS, partial(stock.plan_stock, mode=mode), stock.apply_stock)


@dataclass(slots=True)
class Reading:
    """What the file itself says, before anybody asked the database."""

    read_as: str
    ignored: list[str]
    rows: list[Row] = field(default_factory=list[Row])
    problems: list[Problem] = field(default_factory=list[Problem])

    @property
    def rows_total(self) -> int:
        return len(self.rows) + len({problem.row for problem in self.problems})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import found and whether it was applied."""

    plan: Plan
    problems: list[Problem]
    is_applied: bool


def read_table(table: Table, kind: Kind, on_row: Callable[[], None]) -> Reading:
    """Read every row. Raises Invalid when the file as a whole cannot be read."""
    reading = Reading(table.read_as, ignored_columns(table.header, kind.columns))
    for found in read_rows(table, kind.columns):
        if isinstance(found, Row):
            reading.rows.append(found)
        else:
            reading.problems.append(found)
        on_row()
    if not reading.rows and not reading.problems:
        raise Invalid("unreadable_file", "The file has a header and no rows.")
    return reading


async def run_import(
    tx: Tx, kind: Kind, reading: Reading, *, apply: bool, valid_rows_only: bool, actor: str, reference: str
) -> Outcome:
    """Plan, and apply if asked and nothing is wrong (or only the valid rows are wanted). All in the caller's
    transaction; without ``apply`` nothing is written. Raises Conflict when stock or SKUs changed meanwhile.
    """
    plan = await kind.plan(tx, reading.rows)
    problems = sorted([*reading.problems, *plan.problems], key=lambda problem: problem.row)
    is_applied = apply and (valid_rows_only or not problems)
    if is_applied:
        await kind.apply(tx, plan, actor=actor, reference=reference)
    return Outcome(plan, problems, is_applied)
