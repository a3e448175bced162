"""How good forecasts were: those whose time is over against what came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from holdfast.db import Tx, statements

sql = statements("holdfast.demand", "grading.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Of forecasts whose time is over. ``wape``: errors / demand, of the mean over the protection time.

    ``naive_wape``: of "as much as in the same time before", which a forecast must beat. ``bias``: forecast less
    actual / actual, above 0 is too high. ``pinball``: mean loss of the five stated levels / demand. ``coverage``: how
    often demand stayed within each stated level. Null where nothing was sold.
    """

    graded: int
    since: date | None
    until: date | None
    actual_units: float
    wape: float | None
    naive_wape: float | None
    bias: float | None
    pinball: float | None
    coverage: dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAccuracy(Accuracy):
    """Of one SKU in one warehouse."""

    sku_id: UUID
    warehouse_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracySummary(Accuracy):
    """Of everything, by units of demand."""

    pairs: int


async def list_accuracy(
    tx: Tx,
    *,
    days: int,
    limit: int,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    after: tuple[UUID, UUID] | None = None,
) -> list[PairAccuracy]:
    """One page and one row more, by SKU and warehouse, of what was forecast in the last ``days`` days."""
    return await tx.all(
        sql.list_accuracy,
        PairAccuracy,
        since=_since(days),
        sku_id=sku_id,
        warehouse_id=warehouse_id,
        after_sku=after[0] if after else None,
        after_warehouse=after[1] if after else None,
        limit=limit + 1,
    )


async def sum_accuracy(tx: Tx, *, days: int) -> AccuracySummary:
    """The same of all pairs together."""
    return await tx.one(sql.sum_accuracy, AccuracySummary, since=_since(days))


def _since(days: int) -> date:
    # How far to look back is no business decision: the clock of this machine does.
    return (datetime.now(UTC) - timedelta(days=days)).date()
