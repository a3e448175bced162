"""What receipts teach about lead times, written down: every hour, and at once when a promise is corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from psycopg.types.json import Json

from holdfast.db import Tx, statements
from holdfast.purchasing.lead_times import Delivery, learn

sql = statements("holdfast.purchasing", "learning.sql")


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


async def promise_changed(tx: Tx, supplier_id: UUID) -> None:
    """A stated lead time is another now. What was learned is a factor on it, so until it is learned anew the
    correction would count twice.
    """
    if await tx.value(sql.is_learned, supplier_id=supplier_id):
        await learn_supplier(tx, supplier_id)
