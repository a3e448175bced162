"""Lead times are learned from receipts, and suppliers are scored by what they promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from psycopg.types.json import Json

from holdfast.db import Tx, statements
from holdfast.purchasing.lead_times import Delivery, learn
from holdfast.purchasing.suppliers import get_supplier

sql = statements("holdfast.purchasing", "learning.sql")

COST_CHANGES_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class SkuLeadTime:
    """Days. What was learned is None without receipts; ``lead_time_days`` is what planning uses, from ``source``."""

    sku_id: UUID
    sku_code: str
    sku_name: str
    receipts: int | None
    mean_days: float | None
    sd_days: float | None
    low_days: float | None
    median_days: float | None
    high_days: float | None
    learned_at: datetime | None
    promised_days: float
    promised_sd_days: float
    lead_time_days: float
    lead_time_sd_days: float
    source: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Lines whose first promised day lies in the window."""

    lines_due: int
    lines_on_time: int
    lines_in_full: int
    lines_on_time_in_full: int
    lines_cut: int

    def share(self, lines: int) -> float | None:
        return lines / self.lines_due if self.lines_due else None


@dataclass(frozen=True, slots=True)
class Factor:
    """Lead time as a factor on the promise; None before the first receipt."""

    receipts: int | None
    mean_factor: float | None
    sd_factor: float | None
    low_factor: float | None
    high_factor: float | None
    is_used: bool | None
    learned_at: datetime | None
    promised_days: float
    promised_sd_days: float


@dataclass(frozen=True, slots=True)
class CostChange:
    sku_id: UUID
    sku_code: str
    sku_name: str
    cost_before: Decimal
    cost_after: Decimal
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class SeenDelivery:
    received_at: datetime
    number: str
    days: float
    promised_days: int | None


@dataclass(frozen=True, slots=True)
class Scorecard:
    days: int
    counts: Counts
    lead_time: Factor
    cost_changes: tuple[CostChange, ...]
    deliveries: tuple[SeenDelivery, ...]


async def suppliers_to_learn(tx: Tx) -> list[UUID]:
    """Suppliers of whom something is new."""
    return [row["id"] for row in await tx.dicts(sql.suppliers_to_learn)]


async def learn_supplier(tx: Tx, supplier_id: UUID) -> None:
    """Write down anew what the receipts of one supplier teach."""
    deliveries: Sequence[Delivery] = await tx.all(sql.deliveries, Delivery, supplier_id=supplier_id)
    share: float | None = await tx.value(sql.promised_share, supplier_id=supplier_id)
    found = learn(deliveries, promised_share=share)
    if found is None:
        return
    whole = found.supplier
    await tx.run(
        sql.write_factor,
        supplier_id=supplier_id,
        receipts=whole.receipts,
        mean=whole.mean,
        sd=whole.sd,
        low=whole.low,
        high=whole.high,
        is_used=whole.is_used,
    )
    rows = [{"sku_id": str(sku), **asdict(lead_time)} for sku, lead_time in found.skus.items()]
    await tx.run(sql.write_lead_times, supplier_id=supplier_id, rows=Json(rows))


async def list_lead_times(tx: Tx, supplier_id: UUID, *, limit: int, after: str | None = None) -> list[SkuLeadTime]:
    """One page and one row more, by SKU code. Raises NotFound(``supplier_not_found``)."""
    await get_supplier(tx, supplier_id)
    return await tx.all(sql.list_lead_times, SkuLeadTime, supplier_id=supplier_id, after=after, limit=limit + 1)


async def scorecard(tx: Tx, supplier_id: UUID, *, days: int) -> Scorecard:
    """How a supplier kept its word in the last so many days. Raises NotFound(``supplier_not_found``)."""
    await get_supplier(tx, supplier_id)
    window = {"supplier_id": supplier_id, "days": days}
    changes = await tx.all(sql.cost_changes, CostChange, **window, limit=COST_CHANGES_SHOWN)
    return Scorecard(
        days=days,
        counts=await tx.one(sql.score, Counts, **window),
        lead_time=await tx.one(sql.score_lead_time, Factor, supplier_id=supplier_id),
        cost_changes=tuple(changes),
        deliveries=tuple(await tx.all(sql.deliveries_seen, SeenDelivery, **window)),
    )
