"""Before an order leaves: everything open for its SKUs against the demand it must serve, and the duplicate by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from holdfast.db import Tx, statements
from holdfast.kernel.errors import Conflict
from holdfast.purchasing.leaving import Leaving

sql = statements("holdfast.replenishment", "guard.sql")

REASON_LENGTH_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class OpenSupply:
    """One SKU of an order. ``documents``: source, number, quantity, expected_at and status of everything else open.

    ``in_time_quantity`` of it comes within ``horizon_days``, the protection time. ``is_duplicate``: something else is
    open and, without this order, stock in time is above the reorder point.
    """

    line_no: int
    sku_id: UUID
    sku_code: str
    sku_name: str
    quantity: int
    available: int
    backordered: int
    reorder_point: int
    horizon_days: float
    expected_demand: int
    open_quantity: int
    in_time_quantity: int
    documents: list[dict[str, Any]]
    is_duplicate: bool

    def facts(self) -> dict[str, Any]:
        """What a refusal says about the line."""
        return {
            "code": "duplicate_supply",
            "line_no": self.line_no,
            "sku_id": str(self.sku_id),
            "sku_code": self.sku_code,
            "ordered": self.quantity,
            "available": self.available,
            "reorder_point": self.reorder_point,
            "open_quantity": self.open_quantity,
            "horizon_days": self.horizon_days,
            "expected_demand": self.expected_demand,
            "documents": [{**d, "expected_at": _day(d["expected_at"])} for d in self.documents],
        }


async def open_supply(tx: Tx, order_id: UUID) -> list[OpenSupply]:
    """Every line of an order; one statement, whatever its length. Drafts count: two unsent orders name each other."""
    return await tx.all(sql.open_supply, OpenSupply, id=order_id)


async def refuse_duplicates(tx: Tx, leaving: Leaving) -> dict[str, Any]:
    """Raises Conflict(``duplicate_supply``) unless whoever sends gave a reason; both go into the audit trail."""
    if not leaving.is_sent:
        return {}
    found = [line for line in await open_supply(tx, leaving.detail.order.id) if line.is_duplicate]
    if not found:
        return {}
    reason = (leaving.duplicate_reason or "").strip()[:REASON_LENGTH_MAX]
    if not reason:
        raise Conflict(
            "duplicate_supply",
            "What is open already covers this; give duplicate_reason to send the order all the same.",
            errors=[line.facts() for line in found],
        )
    numbers = sorted({str(d["number"]) for line in found for d in line.documents})
    return {"duplicate_reason": reason, "duplicate_of": numbers, "duplicate_lines": [line.line_no for line in found]}


def _day(value: date | str | None) -> str | None:
    return value.isoformat() if isinstance(value, date) else value
