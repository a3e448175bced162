"""Sales history from elsewhere becomes demand of the days before our own ledger begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from holdfast.db import Tx, statements

sql = statements("holdfast.demand", "importing.sql")

GROUP = 10_000


@dataclass(frozen=True, slots=True)
class SoldDay:
    """What one warehouse sold of one SKU on one day."""

    sku_id: UUID
    warehouse_id: UUID
    day: date
    quantity: int
    orders: int

    @property
    def key(self) -> tuple[UUID, UUID, date]:
        return self.sku_id, self.warehouse_id, self.day


async def known_days(tx: Tx, days: Sequence[SoldDay]) -> dict[tuple[UUID, UUID, date], SoldDay]:
    """What is already recorded of the same pairs and days."""
    found: dict[tuple[UUID, UUID, date], SoldDay] = {}
    for some in _groups(days):
        known = await tx.all(
            sql.list_days,
            SoldDay,
            sku_ids=[d.sku_id for d in some],
            warehouse_ids=[d.warehouse_id for d in some],
            days=[d.day for d in some],
        )
        found |= {day.key: day for day in known}
    return found


async def ledger_starts(tx: Tx, pairs: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], date]:
    """The day of the first ledger entry of each (SKU, warehouse) that has one."""
    rows = await tx.dicts(sql.list_ledger_starts, sku_ids=[p[0] for p in pairs], warehouse_ids=[p[1] for p in pairs])
    return {(row["sku_id"], row["warehouse_id"]): row["day"] for row in rows}


async def put_days(tx: Tx, days: Sequence[SoldDay]) -> None:
    """Record these days; a figure that was there is replaced."""
    for some in _groups(days):
        await tx.run(
            sql.put_days,
            sku_ids=[d.sku_id for d in some],
            warehouse_ids=[d.warehouse_id for d in some],
            days=[d.day for d in some],
            quantities=[d.quantity for d in some],
            orders=[d.orders for d in some],
        )


def _groups(days: Sequence[SoldDay]) -> Iterator[Sequence[SoldDay]]:
    for start in range(0, len(days), GROUP):
        yield days[start : start + GROUP]
