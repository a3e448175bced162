"""What stock is worth as of a date: by moving average, or by first in first out; and costs that are learned late."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from holdfast.access import audit
from holdfast.db import Tx, statements
from holdfast.db.posting import Answer
from holdfast.stock.answers import refusal_of

sql = statements("holdfast.stock", "valuation.sql")

Method = Literal["average", "fifo"]


@dataclass(frozen=True, slots=True)
class LevelValue:
    """``value`` covers ``valued_quantity`` units; the rest came in without a cost and is worth nobody knows what."""

    sku_code: str
    warehouse_code: str
    category: str | None
    currency: str | None
    sku_id: UUID
    warehouse_id: UUID
    quantity: int
    valued_quantity: int
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Total:
    """A sum per currency; with ``by_warehouse`` or ``by_category`` of one warehouse or category of it."""

    currency: str | None
    warehouse_code: str | None
    category: str | None
    by_warehouse: bool
    by_category: bool
    quantity: int
    valued_quantity: int
    value: Decimal


@dataclass(frozen=True, slots=True)
class Layer:
    """Units of one arrival that are still here by first in, first out."""

    warehouse_id: UUID
    movement_id: UUID
    created_at: datetime
    quantity: int
    unit_cost: Decimal | None


async def list_values(tx: Tx, *, as_of: datetime | None, method: Method, **filters: Any) -> list[LevelValue]:
    """Every level that had stock; that has, without ``as_of``. Filters: sku_id, warehouse_id, category."""
    statement = sql.list_fifo if method == "fifo" else sql.list_average
    return await tx.all(statement, LevelValue, as_of=as_of, **_columns(filters))


async def list_totals(tx: Tx, *, as_of: datetime | None, method: Method, **filters: Any) -> list[Total]:
    """Totals per currency, currency and warehouse, currency and category. Filters: sku_id, warehouse_id, category."""
    statement = sql.total_fifo if method == "fifo" else sql.total_average
    return await tx.all(statement, Total, as_of=as_of, **_columns(filters))


async def list_layers(tx: Tx, *, as_of: datetime, sku_id: UUID, warehouse_id: UUID | None) -> list[Layer]:
    return await tx.all(sql.list_layers, Layer, as_of=as_of, sku_id=sku_id, warehouse_id=warehouse_id)


async def now(tx: Tx) -> datetime:
    return await tx.value(sql.now)


async def correct_cost(tx: Tx, movement_id: UUID, *, unit_cost: Decimal, reason: str, actor: str) -> dict[str, Any]:
    """Say what the goods of an arrival really cost; answers what of it changed the stock and what is expensed.

    Raises NotFound(``movement_not_found``), Conflict(``not_an_arrival`` | ``cost_below_zero``).
    """
    params = {"movement_id": movement_id, "unit_cost": unit_cost, "reason": reason, "actor": actor}
    answer = Answer(**(await tx.dicts(sql.correct_cost, **params))[0])
    refusal = refusal_of(answer)
    if refusal is not None:
        raise refusal
    facts: dict[str, Any] = msgspec.json.decode(answer.facts)
    subject = f"movement:{movement_id}"
    await audit.record(tx, actor=actor, action="inventory.cost_corrected", subject=subject, reason=reason, **facts)
    return facts


def csv_text(values: Sequence[LevelValue]) -> str:
    """One row per level, for other programs: money as plain decimals, empty when nobody knows."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    writer.writerow(["sku", "warehouse", "category", "quantity", "valued_quantity", "value", "currency"])
    for v in values:
        worth = "" if v.value is None else f"{v.value:f}"
        writer.writerow(
            [v.sku_code, v.warehouse_code, v.category or "", v.quantity, v.valued_quantity, worth, v.currency or ""]
        )
    return sheet.getvalue()


def _columns(filters: dict[str, Any]) -> dict[str, Any]:
    return dict.fromkeys(("sku_id", "warehouse_id", "category")) | filters
