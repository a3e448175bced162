"""Lead times are learned from receipts, and suppliers are scored by what they promised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from holdfast.access import audit
from holdfast.db import Tx
from holdfast.kernel.errors import Conflict
from holdfast.purchasing.keeping import learn_supplier, sql
from holdfast.purchasing.suppliers import get_supplier, write_event

COST_CHANGES_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class SkuLeadTime:
    """Days from sending an order to its arrival; nine of ten deliveries lie from ``low_days`` to ``high_days``.

    What was learned is null without receipts. ``lead_time_days`` and its spread are what planning uses.
    """

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
    source: Literal["learned", "promised"]


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
    """Lead time as a factor on the promise: 1.2 is a fifth longer than promised. Null before the first receipt."""

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
class MonthScore:
    """Lines whose first promised day lies in the month."""

    month: date
    lines_due: int
    lines_on_time: int
    lines_in_full: int


@dataclass(frozen=True, slots=True)
class Scorecard:
    days: int
    counts: Counts
    lead_time: Factor
    cost_changes: tuple[CostChange, ...]
    deliveries: tuple[SeenDelivery, ...]


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


async def months(tx: Tx, supplier_id: UUID, *, days: int) -> list[MonthScore]:
    """On time and in full, month by month, oldest first; months without a line that was due have none."""
    return await tx.all(sql.score_months, MonthScore, supplier_id=supplier_id, days=days)


async def accept(tx: Tx, supplier_id: UUID, *, actor: str, sku_id: UUID | None = None) -> None:
    """Let what was learned be what is stated: of one SKU, or of the supplier and every SKU with a promise of its own.

    Raises NotFound(``supplier_not_found``), Conflict(``nothing_learned``) before there are enough deliveries.
    """
    supplier = await get_supplier(tx, supplier_id)
    if sku_id is None:
        changed = await tx.run(sql.accept_supplier, supplier_id=supplier_id)
        await tx.run(sql.accept_own_promises, supplier_id=supplier_id)
    else:
        changed = await tx.run(sql.accept_sku, supplier_id=supplier_id, sku_id=sku_id)
    if not changed:
        raise Conflict("nothing_learned", "Too few deliveries arrived to learn a lead time from them.")
    # The factor on the new promise is about one: what planning uses stays as it was.
    await learn_supplier(tx, supplier_id)
    facts = {} if sku_id is None else {"sku_id": str(sku_id)}
    subject = f"supplier:{supplier_id}"
    await write_event(tx, "supplier.changed", supplier)
    await audit.record(tx, actor=actor, action="supplier.lead_time_accepted", subject=subject, **facts)
