"""Purchase orders: draft, approve, send, confirm, receive, cancel, close.

``in_transit_quantity`` of a level always equals the open lines of the orders that are out: sending raises it,
receipts, short confirmations, cancelling and closing lower it, each in the transaction that changes the lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.types.json import Json, Jsonb

from holdfast.access import audit
from holdfast.db import Tx, statements
from holdfast.kernel.errors import Conflict, Invalid, NotFound
from holdfast.purchasing import letters
from holdfast.purchasing.model import (
    FOLLOWS,
    OUT,
    Arrival,
    DraftLine,
    LineReceipt,
    OrderDetail,
    OrderLine,
    PurchaseOrder,
    Receipt,
    beyond_tolerance,
    broken_terms,
    receipt_lines,
    spread,
)
from holdfast.purchasing.suppliers import get_supplier
from holdfast.stock import promises
from holdfast.stock import service as stock
from holdfast.stock.asks import MoveAsk, MoveItem
from holdfast.warehouses.service import get_warehouse

sql = statements("holdfast.purchasing")

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


async def add_to_draft(
    tx: Tx, *, supplier_id: UUID, warehouse_id: UUID, lines: Sequence[DraftLine], actor: str
) -> UUID:
    """Put lines of approved suggestions on the draft that collects them; answers the draft's id.

    A suggestion that is already on an order which is not cancelled is left where it is. Raises NotFound for the
    supplier or warehouse, Invalid(``unorderable_line``).
    """
    await get_supplier(tx, supplier_id)
    await get_warehouse(tx, warehouse_id)
    await tx.run(sql.insert_collecting_draft, supplier_id=supplier_id, warehouse_id=warehouse_id, actor=actor)
    order_id: UUID = await tx.value(sql.lock_collecting_draft, supplier_id=supplier_id, warehouse_id=warehouse_id)
    await _add_lines(tx, order_id, supplier_id, lines)
    await _tell(tx, "purchase_order.changed", order_id, actor)
    return order_id


async def create_order(
    tx: Tx,
    *,
    supplier_id: UUID,
    warehouse_id: UUID,
    lines: Sequence[DraftLine],
    expected_at: date | None,
    note: str,
    actor: str,
) -> OrderDetail:
    """A draft of a person's own. Raises NotFound, Conflict(``supplier_inactive``), Invalid(``unorderable_line``)."""
    supplier = await get_supplier(tx, supplier_id)
    if not supplier.is_active:
        raise Conflict("supplier_inactive", "The supplier is not active.")
    await get_warehouse(tx, warehouse_id)
    order_id: UUID = await tx.value(
        sql.insert_order,
        supplier_id=supplier_id,
        warehouse_id=warehouse_id,
        expected_at=expected_at,
        note=note,
        actor=actor,
    )
    await _add_lines(tx, order_id, supplier_id, lines)
    return await _told(tx, "purchase_order.created", order_id, actor)


async def change_draft(
    tx: Tx,
    order_id: UUID,
    *,
    lines: Sequence[DraftLine] | None,
    changes: dict[str, Any],
    expected_version: int | None,
    actor: str,
) -> OrderDetail:
    """Write a draft anew: ``lines`` replace all lines, ``changes`` are of note and expected_at.

    A line keeps its suggestion when its SKU stays. Raises Conflict(``version_conflict``) and those of the state.
    """
    await _lock(tx, order_id, allowed=frozenset({"draft"}))
    before = await get_order(tx, order_id)
    if expected_version is not None and expected_version != before.order.version:
        raise Conflict(
            "version_conflict", "The order was changed meanwhile; read it again.", {"version": before.order.version}
        )
    if lines is not None:
        suggested = {line.sku_id: line.suggestion_id for line in before.lines}
        kept = [DraftLine(n.sku_id, n.quantity, n.unit_cost, suggested.get(n.sku_id)) for n in lines]
        await tx.run(sql.delete_lines, id=order_id)
        await _add_lines(tx, order_id, before.order.supplier_id, kept)
    columns = {"note": before.order.note, "expected_at": before.order.expected_at, **changes}
    await tx.run(sql.change_order, id=order_id, **columns)
    return await _told(tx, "purchase_order.changed", order_id, actor)


async def approve(tx: Tx, order_id: UUID, *, actor: str) -> OrderDetail:
    """Somebody who may spend the money says yes; saying it twice is fine."""
    if await _lock(tx, order_id, allowed=FOLLOWS["approve"] | {"approved"}) == "approved":
        return await get_order(tx, order_id)
    await tx.run(sql.mark_approved, id=order_id, actor=actor)
    return await _told(tx, "purchase_order.approved", order_id, actor)


async def send(tx: Tx, order_id: UUID, *, actor: str, accept_terms_broken: bool = False) -> OrderDetail:
    """Send to the supplier: in_transit rises by every line and the e-mail is queued, all in this transaction.

    Raises Conflict(``order_is_empty`` | ``terms_not_met`` | ``order_already_sent`` …).
    """
    await _lock(tx, order_id, allowed=FOLLOWS["send"])
    detail = await get_order(tx, order_id)
    supplier = await get_supplier(tx, detail.order.supplier_id)
    if not detail.lines:
        raise Conflict("order_is_empty", "The order has no lines.")
    broken = broken_terms(detail, supplier.minimum_order_value)
    if broken and not accept_terms_broken:
        raise Conflict("terms_not_met", "The order does not meet the supplier's terms.", errors=broken)
    await tx.run(sql.mark_sent, id=order_id, actor=actor)
    await tx.run(sql.open_lines, id=order_id)
    sent = await get_order(tx, order_id)
    await _expect(tx, sent, [(line, line.ordered_quantity) for line in sent.lines])
    is_mailed = await letters.write_order(tx, sent, supplier)
    return await _told(tx, "purchase_order.sent", order_id, actor, is_mailed=is_mailed)


async def confirm(
    tx: Tx,
    order_id: UUID,
    *,
    expected_at: date | None,
    lines: Sequence[tuple[int, int, date | None]],
    actor: str,
) -> OrderDetail:
    """The supplier's word: a date for the order and, per line number, a quantity and a date.

    A line promised short is open for that much only, and in_transit falls by the difference. Raises
    Invalid(``unknown_line``), Conflict(``confirmed_exceeds_ordered``).
    """
    await _lock(tx, order_id, allowed=FOLLOWS["confirm"])
    before = await get_order(tx, order_id)
    by_number = {line.line_no: line for line in before.lines}
    for number, quantity, _ in lines:
        if number not in by_number:
            raise Invalid("unknown_line", "The order has no such line.", {"line_no": number})
        if quantity > by_number[number].ordered_quantity:
            facts = {"line_no": number, "ordered": by_number[number].ordered_quantity, "requested": quantity}
            raise Conflict("confirmed_exceeds_ordered", "More than was ordered cannot be confirmed.", errors=[facts])
    asked = [
        {"line_no": number, "quantity": quantity, "expected_at": when.isoformat() if when else None}
        for number, quantity, when in lines
    ]
    await tx.run(sql.confirm_lines, id=order_id, lines=Json(asked))
    await tx.run(sql.mark_confirmed, id=order_id, expected_at=expected_at)
    after = await get_order(tx, order_id)
    await _expect(
        tx, after, [(line, line.open_quantity - by_number[line.line_no].open_quantity) for line in after.lines]
    )
    return await _told(tx, "purchase_order.confirmed", order_id, actor)


async def receive(
    tx: Tx, order_id: UUID, *, arrivals: Sequence[Arrival] | None, reference: str | None, actor: str
) -> OrderDetail:
    """Goods arrived: stock rises, in_transit falls, in one movement. Without ``arrivals``, everything open arrived.

    The same delivery note (``reference``) with the same lines is the same delivery and changes nothing. Raises
    Conflict(``over_receipt`` | ``delivery_note_reused`` | ``order_not_sent`` …), Invalid(``not_on_order``).
    """
    await _lock(tx, order_id)
    before = await get_order(tx, order_id)
    if arrivals is None:
        open_lines = [line for line in before.lines if line.open_quantity]
        arrivals = [Arrival(line.sku_id, line.open_quantity, line.line_no) for line in open_lines]
    known = await tx.maybe(sql.find_receipt, Receipt, id=order_id, reference=reference) if reference else None
    if known is not None:
        return _same_delivery(before, known, arrivals)
    await _lock(tx, order_id, allowed=FOLLOWS["receive"])
    parts, strange = spread(before.lines, arrivals)
    if strange or not parts:
        errors = [{"sku_id": str(a.sku_id), "line_no": a.line_no, "code": "not_on_order"} for a in strange]
        raise Invalid("not_on_order", "Something in this delivery is not on the order.", errors=errors)
    supplier = await get_supplier(tx, before.order.supplier_id)
    too_much = beyond_tolerance(parts, supplier.over_receipt_share)
    if too_much:
        raise Conflict("over_receipt", "More arrived than was ordered; nothing was booked.", errors=too_much)
    await _book(tx, before.order, parts, reference=reference, actor=actor)
    return await _told(tx, "purchase_order.received", order_id, actor, received=receipt_lines(parts))


async def cancel(tx: Tx, order_id: UUID, *, reason: str, actor: str) -> OrderDetail:
    """Nothing of it shall come; the supplier is told if the order was out. Cancelling twice is fine.

    Raises Conflict(``order_partly_received`` | ``order_received`` | ``order_closed``).
    """
    status = await _lock(tx, order_id, allowed=FOLLOWS["cancel"] | {"cancelled"})
    if status == "cancelled":
        return await get_order(tx, order_id)
    detail = await _end(tx, order_id, "cancelled")
    if status in OUT:
        supplier = await get_supplier(tx, detail.order.supplier_id)
        await letters.write_cancellation(tx, detail, supplier, reason=reason)
    return await _told(tx, "purchase_order.cancelled", order_id, actor, reason=reason)


async def close(tx: Tx, order_id: UUID, *, reason: str, actor: str) -> OrderDetail:
    """What has not come will not come. Closing twice is fine. Raises Conflict for a draft or a cancelled order."""
    if await _lock(tx, order_id, allowed=FOLLOWS["close"] | {"closed"}) == "closed":
        return await get_order(tx, order_id)
    await _end(tx, order_id, "closed")
    return await _told(tx, "purchase_order.closed", order_id, actor, reason=reason)


async def get_order(tx: Tx, order_id: UUID) -> OrderDetail:
    """An order with its lines and what arrived of it."""
    order = await tx.maybe(sql.get_order, PurchaseOrder, id=order_id)
    if order is None:
        raise NotFound("purchase_order_not_found", "There is no such purchase order.")
    lines = await tx.all(sql.list_lines, OrderLine, id=order_id)
    return OrderDetail(order, tuple(lines), tuple(await tx.all(sql.list_receipts, Receipt, id=order_id)))


async def list_orders(tx: Tx, *, limit: int, before: UUID | None = None, **filters: Any) -> list[PurchaseOrder]:
    """One page and one row more, newest first. Filters: status, supplier_id, warehouse_id, number, sku_id, is_late."""
    names = ("status", "supplier_id", "warehouse_id", "number", "sku_id", "is_late")
    columns: dict[str, Any] = dict.fromkeys(names) | filters
    return await tx.all(sql.list_orders, PurchaseOrder, before=before, limit=limit + 1, **columns)


async def _lock(tx: Tx, order_id: UUID, *, allowed: frozenset[str] | None = None) -> str:
    """Lock the order and answer its status; raises NotFound, or the Conflict of a status that is not allowed."""
    status: str | None = await tx.value(sql.lock_order, id=order_id)
    if status is None:
        raise NotFound("purchase_order_not_found", "There is no such purchase order.")
    if allowed is not None and status not in allowed:
        code, detail = _REFUSED[status]
        raise Conflict(code, detail, {"order_status": status})
    return status


async def _add_lines(tx: Tx, order_id: UUID, supplier_id: UUID, lines: Sequence[DraftLine]) -> None:
    asked = Json(
        [
            {
                "sku_id": str(line.sku_id),
                "quantity": line.quantity,
                "unit_cost": None if line.unit_cost is None else str(line.unit_cost),
                "suggestion_id": None if line.suggestion_id is None else str(line.suggestion_id),
            }
            for line in lines
        ]
    )
    wrong = await tx.dicts(sql.find_unorderable, supplier_id=supplier_id, lines=asked)
    if wrong:
        errors = [{"loc": ["items", w["line"]], "code": w["code"], "message": _UNORDERABLE[w["code"]]} for w in wrong]
        raise Invalid("unorderable_line", "A line cannot be ordered.", errors=errors)
    await tx.run(sql.add_lines, id=order_id, supplier_id=supplier_id, lines=asked)


_UNORDERABLE = {
    "unknown_sku": "There is no such SKU.",
    "sku_archived": "The SKU is archived.",
    "sku_is_bundle": "A bundle has no stock of its own; order its components.",
    "unit_cost_unknown": "The supplier has no price for this SKU; give unit_cost.",
}


async def _expect(tx: Tx, detail: OrderDetail, changes: list[tuple[OrderLine, int]]) -> None:
    warehouse = str(detail.order.warehouse_id)
    lines = [
        {"sku_id": str(line.sku_id), "warehouse_id": warehouse, "quantity": quantity}
        for line, quantity in changes
        if quantity
    ]
    await stock.expect(tx, lines, reference_id=str(detail.order.id))
    # Customers may wait for what the lines now say.
    await promises.inbound_changed(tx, [(line.sku_id, detail.order.warehouse_id) for line, _ in changes])


def _same_delivery(detail: OrderDetail, known: Receipt, arrivals: Sequence[Arrival]) -> OrderDetail:
    """The order as it is, if the delivery note says again what it said before."""
    before: dict[str, int] = {}
    for line in known.lines:
        before[line["sku_id"]] = before.get(line["sku_id"], 0) + line["quantity"]
    now: dict[str, int] = {}
    for arrival in arrivals:
        now[str(arrival.sku_id)] = now.get(str(arrival.sku_id), 0) + arrival.quantity
    # A repeat of "everything open arrived" finds nothing open any more.
    if now and now != before:
        raise Conflict("delivery_note_reused", "This delivery note was booked with other lines.")
    return detail


async def _book(
    tx: Tx, order: PurchaseOrder, parts: Sequence[LineReceipt], *, reference: str | None, actor: str
) -> None:
    booked = [{"line_no": p.line.line_no, "quantity": p.quantity, "closes": p.closes} for p in parts]
    await tx.run(sql.receive_lines, id=order.id, lines=Json(booked))
    await tx.run(sql.mark_received, id=order.id)
    await tx.run(sql.insert_receipt, id=order.id, reference=reference, lines=Jsonb(receipt_lines(parts)), actor=actor)
    items = [
        MoveItem(
            sku_id=str(part.line.sku_id),
            warehouse_id=str(order.warehouse_id),
            quantity=piece.quantity,
            unit_cost=str(part.unit_cost),
            inbound_delta=-part.closes if piece is part.pieces[0] else 0,
            batch=None
            if piece.batch is None
            else replace(piece.batch, supplier_id=piece.batch.supplier_id or str(order.supplier_id)),
            serials=None if piece.serials is None else list(piece.serials),
        )
        for part in parts
        for piece in part.pieces
    ]
    ask = MoveAsk(
        actor=actor,
        event_type="inventory.received",
        movement_type="in",
        reference_type="purchase",
        reference_id=str(order.id),
        reason=f"received on {order.number}",
        items=items,
    )
    await stock.move(tx, ask)


async def _end(tx: Tx, order_id: UUID, status: str) -> OrderDetail:
    before = await get_order(tx, order_id)
    await tx.run(sql.close_lines, id=order_id)
    await _expect(tx, before, [(line, -line.open_quantity) for line in before.lines])
    await tx.run(sql.mark_resolved, id=order_id, status=status)
    return before


async def _told(tx: Tx, event_type: str, order_id: UUID, actor: str, **facts: Any) -> OrderDetail:
    await _tell(tx, event_type, order_id, actor, **facts)
    return await get_order(tx, order_id)


async def _tell(tx: Tx, event_type: str, order_id: UUID, actor: str, **facts: Any) -> None:
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
