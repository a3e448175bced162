"""What goes to a supplier's own API: queued in the transaction of its cause, decided on by a person when unknown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from holdfast.access import audit
from holdfast.db import Tx
from holdfast.jobs import defer
from holdfast.kernel.errors import Conflict, NotFound
from holdfast.purchasing.exceptions import watch
from holdfast.purchasing.jobs import push_order
from holdfast.purchasing.model import OrderDetail, Supplier
from holdfast.purchasing.pushing import sql
from holdfast.warehouses.service import get_warehouse


@dataclass(frozen=True, slots=True)
class Push:
    id: UUID
    purchase_order_id: UUID
    kind: str
    status: str
    attempts: int
    last_status: int | None
    last_error: str | None
    created_at: datetime
    tried_at: datetime | None
    finished_at: datetime | None


async def queue(tx: Tx, detail: OrderDetail, supplier: Supplier, kind: Literal["order", "cancellation"]) -> UUID:
    """Let an order, or its cancellation, go to the supplier's API once this transaction is committed."""
    facts = await _facts(tx, detail, supplier) if kind == "order" else {"number": detail.order.number}
    body = {
        "type": "purchase_order.sent" if kind == "order" else "purchase_order.cancelled",
        "data": {"purchase_order_id": str(detail.order.id), **facts},
    }
    push_id: UUID = await tx.value(
        sql.insert_push, purchase_order_id=detail.order.id, kind=kind, body=json.dumps(body, ensure_ascii=False)
    )
    await _defer(tx, detail.order.id, push_id)
    return push_id


async def list_pushes(tx: Tx, order_id: UUID) -> list[Push]:
    """What went, or shall go, to the supplier's API about an order, oldest first."""
    return await tx.all(sql.list_pushes, Push, id=order_id)


async def decide(
    tx: Tx, order_id: UUID, push_id: UUID, *, decision: Literal["again", "received"], actor: str
) -> list[Push]:
    """A person decides on a push that was refused or whose fate is unknown: send it again, or it was received.

    Raises NotFound(``push_not_found``), Conflict(``push_not_waiting``).
    """
    found = next((p for p in await list_pushes(tx, order_id) if p.id == push_id), None)
    if found is None:
        raise NotFound("push_not_found", "Nothing like this went to the supplier's API.")
    status = "queued" if decision == "again" else "accepted"
    if not await tx.run(sql.decide, id=push_id, status=status):
        raise Conflict("push_not_waiting", "Only what was refused, or whose fate is unknown, waits for a decision.")
    if decision == "again":
        await _defer(tx, order_id, push_id)
    await audit.record(
        tx,
        actor=actor,
        action="purchase_push.decided",
        subject=f"purchase_order:{order_id}",
        push_id=str(push_id),
        decision=decision,
    )
    await watch(tx, [order_id])
    return await list_pushes(tx, order_id)


async def _defer(tx: Tx, order_id: UUID, push_id: UUID) -> None:
    # One at a time per order: a cancellation never overtakes the order.
    await defer(tx, push_order, lock=f"push:{order_id}", push_id=str(push_id))


async def _facts(tx: Tx, detail: OrderDetail, supplier: Supplier) -> dict[str, Any]:
    order = detail.order
    warehouse = await get_warehouse(tx, order.warehouse_id)
    return {
        "number": order.number,
        "supplier_code": supplier.code,
        "currency": order.currency,
        "total": str(order.cost_total),
        "expected_at": order.expected_at.isoformat() if order.expected_at else None,
        "deliver_to": {"name": warehouse.name, "address": warehouse.address},
        "note": order.note,
        "lines": [
            {
                "line_no": line.line_no,
                "sku_code": line.sku_code,
                "supplier_code": line.supplier_code,
                "name": line.sku_name,
                "quantity": line.ordered_quantity,
                "unit_cost": str(line.unit_cost),
                "expected_at": line.expected_at.isoformat() if line.expected_at else None,
            }
            for line in detail.lines
        ],
    }
