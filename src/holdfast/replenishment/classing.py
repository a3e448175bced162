"""The class of every level: A, B, C by what it sells in a year, X, Y, Z by how even its demand is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from holdfast.db import Tx, statements

sql = statements("holdfast.replenishment", "policies.sql")

CODES: Final = tuple(value + spread for value in "ABC" for spread in "XYZ")
DAYS_PER_YEAR: Final = 365
SPREAD_DAYS: Final = 28  # four weeks: one day says nothing about a slow seller

# Pareto's usual cuts: A is the first 80 % of the value, B the next 15 %.
A_SHARE: Final = 0.80
B_SHARE: Final = 0.95
# Coefficient of variation of four weeks of demand.
X_VARIATION: Final = 0.5
Y_VARIATION: Final = 1.0


@dataclass(frozen=True, slots=True)
class Worth:
    """One level as the statement answers it."""

    sku_id: UUID
    warehouse_id: UUID
    daily_mean: float
    day_variance: float
    level_variance: float
    unit_value: float
    currency: str


@dataclass(frozen=True, slots=True)
class ClassCell:
    """One class in one currency."""

    class_code: str
    currency: str
    levels: int
    yearly_value: Decimal
    empty: int
    classed_at: datetime


async def classify_all(tx: Tx) -> int:
    """Give every planned level its class; answers how many there are. Two statements, whatever their number."""
    rows = await tx.all(sql.read_worth, Worth)
    yearly = np.array([r.daily_mean * r.unit_value * DAYS_PER_YEAR for r in rows], np.float64)
    mean = np.array([r.daily_mean for r in rows], np.float64) * SPREAD_DAYS
    variance = np.array([r.day_variance * SPREAD_DAYS + r.level_variance * SPREAD_DAYS**2 for r in rows], np.float64)
    variation = np.full(mean.shape, np.inf)
    np.divide(np.sqrt(variance), mean, out=variation, where=mean > 0)
    currencies = np.array([r.currency for r in rows])
    letters = np.full(mean.shape, "C")
    for currency in np.unique(currencies):
        mine = currencies == currency
        letters[mine] = value_letters(yearly[mine])
    keys = {"sku_ids": [r.sku_id for r in rows], "warehouse_ids": [r.warehouse_id for r in rows]}
    await tx.run(sql.forget_classes, **keys)
    await tx.run(
        sql.write_classes,
        **keys,
        class_codes=[a + b for a, b in zip(letters.tolist(), spread_letters(variation).tolist(), strict=True)],
        yearly_values=yearly.tolist(),
        currencies=[r.currency for r in rows],
        variations=[None if np.isinf(v) else float(v) for v in variation],
    )
    return len(rows)


def value_letters(yearly_value: NDArray[np.float64]) -> NDArray[np.str_]:
    """A while what was counted before is under 80 % of the value, B under 95 %, then C; no value is C."""
    order = np.argsort(-yearly_value, kind="stable")
    total = yearly_value.sum()
    before = np.empty_like(yearly_value)
    before[order] = np.cumsum(yearly_value[order]) - yearly_value[order]
    share = before / total if total > 0 else np.ones_like(before)
    return np.where(yearly_value <= 0, "C", np.where(share < A_SHARE, "A", np.where(share < B_SHARE, "B", "C")))


def spread_letters(variation: NDArray[np.float64]) -> NDArray[np.str_]:
    """X is even, Z is anybody's guess."""
    return np.where(variation <= X_VARIATION, "X", np.where(variation <= Y_VARIATION, "Y", "Z"))


async def list_cells(tx: Tx) -> list[ClassCell]:
    return await tx.all(sql.class_cells, ClassCell)
