"""One purchase order: reading it, locking it, and telling what became of it. What every command on it shares."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Json

from holdfast.access import audit
from holdfast.db import Tx, statements
from holdfast.kernel.errors import Conflict, NotFound
from holdfast.purchasing.exceptions import sql as words_sql
from holdfast.purchasing.exceptions import watch
from holdfast.purchasing.model import OrderDetail, OrderLine, PurchaseOrder, Receipt, Statement
from holdfast.stock import promises
from holdfast.stock import service as stock

sql = statements("holdfast.purchasing")

# Nothing can be wrong yet with what was not sent.
_BEFORE_SENDING = ("purchase_order.created", "purchase_order.changed", "purchase_order.approved")
_REFUSED = {
    "draft": ("order_not_sent", "The order is still a draft; send it first."),
    "approved": ("order_not_sent", "The order is approved but not sent; send it first."),
    "sent": ("order_already_sent", "The order was already sent."),
    "confirmed": ("order_already_sent", "The order was already sent and confirmed."),
    "partly_received": ("order_partly_received", "Part of the order has arrived; close it instead."),
    "received": ("order_received", "The order has arrived in full."),
    "closed": ("order_closed", "The order is closed."),
    "cancelled": ("order_cancelled", "The order is cancelled."),
}


async def get_order(tx: Tx, order_id: UUID) -> OrderDetail:
    """An order with its lines, what arrived of it and what the supplier said."""
    order = await tx.maybe(sql.get_order, PurchaseOrder, id=order_id)
    if order is None:
        raise NotFound("purchase_order_not_found", "There is no such purchase order.")
    lines = await tx.all(sql.list_lines, OrderLine, id=order_id)
    receipts = await tx.all(sql.list_receipts, Receipt, id=order_id)
    said = await tx.all(words_sql.list_statements, Statement, id=order_id)
    return OrderDetail(order, tuple(lines), tuple(receipts), tuple(said))


async def list_orders(tx: Tx, *, limit: int, before: UUID | None = None, **filters: Any) -> list[PurchaseOrder]:
    """One page and one row more, newest first.

    Filters: status, supplier_id, warehouse_id, number, sku_id, is_late, exception (a kind, or any).
    """
    names = ("status", "supplier_id", "warehouse_id", "number", "sku_id", "is_late", "exception")
    columns: dict[str, Any] = dict.fromkeys(names) | filters
    return await tx.all(sql.list_orders, PurchaseOrder, before=before, limit=limit + 1, **columns)


async def lock(tx: Tx, order_id: UUID, *, allowed: frozenset[str] | None = None) -> str:
    """Lock the order and answer its status; raises NotFound, or the Conflict of a status that is not allowed."""
    status: str | None = await tx.value(sql.lock_order, id=order_id)
    if status is None:
        raise NotFound("purchase_order_not_found", "There is no such purchase order.")
    if allowed is not None and status not in allowed:
        code, detail = _REFUSED[status]
        raise Conflict(code, detail, {"order_status": status})
    return status


async def expect(tx: Tx, detail: OrderDetail, changes: list[tuple[OrderLine, int]]) -> None:
    """Raise (or, signed, lower) what is in transit, line by line."""
    warehouse = str(detail.order.warehouse_id)
    lines = [
        {"sku_id": str(line.sku_id), "warehouse_id": warehouse, "quantity": quantity}
        for line, quantity in changes
        if quantity
    ]
    await stock.expect(tx, lines, reference_id=str(detail.order.id))
    # Customers may wait for what the lines now say.
    await promises.inbound_changed(tx, [(line.sku_id, detail.order.warehouse_id) for line, _ in changes])


async def told(tx: Tx, event_type: str, order_id: UUID, actor: str, **facts: Any) -> OrderDetail:
    """Tell, and answer the order as it is now."""
    await tell(tx, event_type, order_id, actor, **facts)
    if event_type not in _BEFORE_SENDING:
        await watch(tx, [order_id])
    return await get_order(tx, order_id)


async def tell(tx: Tx, event_type: str, order_id: UUID, actor: str, **facts: Any) -> None:
    """One event per change; ``suggestion_ids`` are what replenishment follows."""
    detail = await get_order(tx, order_id)
    order = detail.order
    data = {
        "purchase_order_id": str(order.id),
        "number": order.number,
        "status": order.status,
        "supplier_id": str(order.supplier_id),
        "warehouse_id": str(order.warehouse_id),
        "expected_at": order.expected_at.isoformat() if order.expected_at else None,
        "suggestion_ids": [str(line.suggestion_id) for line in detail.lines if line.suggestion_id],
        "lines": [
            {
                "line_no": line.line_no,
                "sku_id": str(line.sku_id),
                "ordered_quantity": line.ordered_quantity,
                "received_quantity": line.received_quantity,
                "open_quantity": line.open_quantity,
            }
            for line in detail.lines
        ],
        **facts,
    }
    skus = list({line.sku_id for line in detail.lines})
    await tx.run(sql.write_event, event_type=event_type, sku_ids=skus, data=Json(data))
    await audit.record(
        tx, actor=actor, action=event_type, subject=f"purchase_order:{order.id}", number=order.number, **facts
    )
