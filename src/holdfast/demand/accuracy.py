"""How good forecasts were: those whose time is over against what came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from holdfast.db import Tx, statements

sql = statements("holdfast.demand", "grading.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Errors of the mean over the protection time, by units of demand; see the API. ``coverage`` at STORED_LEVELS."""

    graded: int
    since: date | None
    until: date | None
    actual_units: float
    wape: float | None
    naive_wape: float | None
    bias: float | None
    pinball: float | None
    coverage: list[float | None]
    sku_id: UUID | None = None
    warehouse_id: UUID | None = None
    pairs: int = 1


async def list_accuracy(
    tx: Tx,
    *,
    days: int,
    limit: int,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    after: tuple[UUID, UUID] | None = None,
) -> list[Accuracy]:
    """One page and one row more, by SKU and warehouse, of what was forecast in the last ``days`` days."""
    return await tx.all(
        sql.list_accuracy,
        Accuracy,
        since=_since(days),
        sku_id=sku_id,
        warehouse_id=warehouse_id,
        after_sku=after[0] if after else None,
        after_warehouse=after[1] if after else None,
        limit=limit + 1,
    )


async def sum_accuracy(tx: Tx, *, days: int) -> Accuracy:
    """The same of all pairs together."""
    return await tx.one(sql.sum_accuracy, Accuracy, since=_since(days))


def _since(days: int) -> date:
    # How far to look back is no business decision: the clock of this machine does.
    return (datetime.now(UTC) - timedelta(days=days)).date()
