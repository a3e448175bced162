"""Every decision graded by what came of it: days with an empty shelf, and money in stock nobody needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from holdfast.db import Tx, statements

sql = statements("holdfast.replenishment", "grades.sql")


@dataclass(frozen=True, slots=True)
class MonthLine:
    """The decisions of one kind by one person in a month; ``final``: their window is over."""

    decision: str
    decided_by: str
    currency: str
    decisions: int
    final: int
    with_stockout: int
    stockout_days: int
    excess_value: Decimal


@dataclass(frozen=True, slots=True)
class Grade:
    """One decision. ``suggested_quantity`` is what the plan proposed, ``decided_quantity`` what was ordered."""

    suggestion_id: UUID
    decision: str
    decided_by: str
    decided_at: datetime
    sku_id: UUID
    sku_code: str
    sku_name: str
    warehouse_id: UUID
    warehouse: str
    suggested_quantity: int
    decided_quantity: int
    stockout_days: int
    excess_units: int
    excess_value: Decimal | None
    currency: str | None
    window_begins: date
    window_ends: date
    is_final: bool
    graded_at: datetime


async def grade(tx: Tx) -> int:
    """Grade what is not final yet; answers how many grades were written. Repeating it changes nothing."""
    return await tx.run(sql.grade_decisions)


async def month_of(tx: Tx, asked: date | None) -> date:
    """The first day of the month of ``asked``, or of this one."""
    return asked.replace(day=1) if asked is not None else await tx.value(sql.this_month)


async def month_report(tx: Tx, month: date) -> list[MonthLine]:
    return await tx.all(sql.month_report, MonthLine, month=month)


async def list_grades(tx: Tx, month: date, *, decision: str | None = None, limit: int = 100) -> list[Grade]:
    """The costliest decisions of a month first."""
    return await tx.all(sql.list_grades, Grade, month=month, decision=decision, limit=limit)
