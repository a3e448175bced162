"""Before an order leaves: minimum value, truck, and the limits people set, each that it breaks with its figures."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from holdfast.db import Tx
from holdfast.kernel.errors import Conflict
from holdfast.purchasing.leaving import Leaving
from holdfast.purchasing.model import OrderDetail, broken_totals
from holdfast.purchasing.suppliers import get_supplier
from holdfast.replenishment.guard import REASON_LENGTH_MAX
from holdfast.replenishment.order_limits import Measure, Per, rounded, sql


@dataclass(frozen=True, slots=True)
class _Use:
    """What of a limit went out before an order, and what the order adds."""

    order_limit_id: UUID
    measure: Measure
    per: Per
    supplier: str | None
    warehouse: str | None
    currency: str | None
    most: Decimal
    before: Decimal
    adds: Decimal

    @property
    def is_broken(self) -> bool:
        return self.adds > 0 and rounded(self.before + self.adds) > self.most

    def facts(self) -> dict[str, Any]:
        return {
            "code": "order_limit_exceeded",
            "order_limit_id": str(self.order_limit_id),
            "measure": self.measure,
            "per": self.per,
            "supplier": self.supplier,
            "warehouse": self.warehouse,
            "currency": self.currency,
            "most": str(self.most),
            "before": str(rounded(self.before)),
            "adds": str(rounded(self.adds)),
        }


async def broken_limits(tx: Tx, detail: OrderDetail) -> list[dict[str, Any]]:
    """What an order breaks if it leaves now: what left in the period counts, drafts that may never leave do not."""
    supplier = await get_supplier(tx, detail.order.supplier_id)
    uses = await tx.all(sql.limits_of_order, _Use, id=detail.order.id)
    return broken_totals(detail, supplier) + [use.facts() for use in uses if use.is_broken]


async def refuse_outside_limits(tx: Tx, leaving: Leaving) -> dict[str, Any]:
    """Raises Conflict(``outside_limits``) unless whoever sends gave a reason; both go into the audit trail."""
    if not leaving.is_sent:
        return {}
    await tx.run(sql.one_leaves_at_a_time)
    found = await broken_limits(tx, leaving.detail)
    if not found:
        return {}
    reason = (leaving.limit_reason or "").strip()[:REASON_LENGTH_MAX]
    if not reason:
        raise Conflict(
            "outside_limits",
            "The order is outside its limits; give limit_reason to send it all the same.",
            errors=found,
        )
    return {"limit_reason": reason, "limits_broken": found}
