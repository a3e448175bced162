"""Goods in: the only step of an order that posts stock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from psycopg.types.json import Json, Jsonb

from holdfast.db import Tx
from holdfast.kernel.errors import Conflict, Invalid
from holdfast.purchasing.model import (
    FOLLOWS,
    Arrival,
    LineReceipt,
    OrderDetail,
    PurchaseOrder,
    Receipt,
    beyond_tolerance,
    receipt_lines,
    spread,
)
from holdfast.purchasing.orders import get_order, lock, sql, told
from holdfast.purchasing.promised import arrived, as_row, parts_of
from holdfast.purchasing.suppliers import get_supplier
from holdfast.stock import service as stock
from holdfast.stock.asks import MoveAsk, MoveItem


async def receive(
    tx: Tx, order_id: UUID, *, arrivals: Sequence[Arrival] | None, reference: str | None, actor: str
) -> OrderDetail:
    """Goods arrived: stock rises, in_transit falls, in one movement. Without ``arrivals``, everything open arrived.

    The same delivery note (``reference``) with the same lines is the same delivery and changes nothing. Raises
    Conflict(``over_receipt`` | ``delivery_note_reused`` | ``order_not_sent`` …), Invalid(``not_on_order``).
    """
    await lock(tx, order_id)
    before = await get_order(tx, order_id)
    if arrivals is None:
        open_lines = [line for line in before.lines if line.open_quantity]
        arrivals = [Arrival(line.sku_id, line.open_quantity, line.line_no) for line in open_lines]
    known = await tx.maybe(sql.find_receipt, Receipt, id=order_id, reference=reference) if reference else None
    if known is not None:
        return _same_delivery(before, known, arrivals)
    await lock(tx, order_id, allowed=FOLLOWS["receive"])
    parts, strange = spread(before.lines, arrivals)
    if strange or not parts:
        errors = [{"sku_id": str(a.sku_id), "line_no": a.line_no, "code": "not_on_order"} for a in strange]
        raise Invalid("not_on_order", "Something in this delivery is not on the order.", errors=errors)
    supplier = await get_supplier(tx, before.order.supplier_id)
    too_much = beyond_tolerance(parts, supplier.over_receipt_share)
    if too_much:
        raise Conflict("over_receipt", "More arrived than was ordered; nothing was booked.", errors=too_much)
    await _book(tx, before.order, parts, reference=reference, actor=actor)
    return await told(tx, "purchase_order.received", order_id, actor, received=receipt_lines(parts))


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
    booked = [
        {
            "line_no": p.line.line_no,
            "quantity": p.quantity,
            "closes": p.closes,
            **as_row(arrived(parts_of(p.line), p.closes, order.expected_at), p.line.expected_at),
        }
        for p in parts
    ]
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
