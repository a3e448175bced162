"""Purchase orders: draft, approve, send, confirm, receive, cancel, close.

``in_transit_quantity`` of a level always equals the open lines of the orders that are out: sending raises it,
receipts, short confirmations, cancelling and closing lower it, each in the transaction that changes the lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.types.json import Json

from holdfast.access import audit
from holdfast.db import Tx
from holdfast.kernel.errors import Conflict, Invalid
from holdfast.purchasing import letters, links, pushes
from holdfast.purchasing.confirming import announce, confirm, say
from holdfast.purchasing.leaving import Leaving, may_leave
from holdfast.purchasing.model import FOLLOWS, OUT, DraftLine, OrderDetail, broken_terms
from holdfast.purchasing.orders import expect, get_order, list_orders, lock, sql, tell, told
from holdfast.purchasing.receiving import receive
from holdfast.purchasing.suppliers import get_supplier
from holdfast.warehouses.service import get_warehouse

__all__ = [
    "add_to_draft",
    "announce",
    "approve",
    "cancel",
    "change_draft",
    "close",
    "confirm",
    "create_order",
    "get_order",
    "list_orders",
    "receive",
    "renew_link",
    "say",
    "send",
]


async def add_to_draft(
    tx: Tx, *, supplier_id: UUID, warehouse_id: UUID, lines: Sequence[DraftLine], actor: str
) -> UUID:
    """Put lines of approved suggestions on the draft that collects them; answers the draft's id.

    A suggestion that is already on an order which is not cancelled is left where it is. Raises NotFound for the
    supplier or warehouse, Invalid(``unorderable_line`` | ``mixed_currencies``).
    """
    await get_supplier(tx, supplier_id)
    await get_warehouse(tx, warehouse_id)
    draft = {
        "supplier_id": supplier_id,
        "warehouse_id": warehouse_id,
        "currency": await _currency(tx, supplier_id, lines),
    }
    await tx.run(sql.insert_collecting_draft, **draft, actor=actor)
    order_id: UUID = await tx.value(sql.lock_collecting_draft, **draft)
    await _add_lines(tx, order_id, supplier_id, lines)
    await tell(tx, "purchase_order.changed", order_id, actor)
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
        currency=await _currency(tx, supplier_id, lines),
        expected_at=expected_at,
        note=note,
        actor=actor,
    )
    await _add_lines(tx, order_id, supplier_id, lines)
    return await told(tx, "purchase_order.created", order_id, actor)


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
    await lock(tx, order_id, allowed=frozenset({"draft"}))
    before = await get_order(tx, order_id)
    if expected_version is not None and expected_version != before.order.version:
        raise Conflict(
            "version_conflict", "The order was changed meanwhile; read it again.", {"version": before.order.version}
        )
    if lines is not None:
        suggested = {line.sku_id: line.suggestion_id for line in before.lines}
        if await _currency(tx, before.order.supplier_id, lines) != before.order.currency:
            raise Invalid("mixed_currencies", "These lines are priced in another currency than the order.")
        kept = [DraftLine(n.sku_id, n.quantity, n.unit_cost, suggested.get(n.sku_id)) for n in lines]
        await tx.run(sql.delete_lines, id=order_id)
        await _add_lines(tx, order_id, before.order.supplier_id, kept)
    columns = {"note": before.order.note, "expected_at": before.order.expected_at, **changes}
    await tx.run(sql.change_order, id=order_id, **columns)
    return await told(tx, "purchase_order.changed", order_id, actor)


async def approve(tx: Tx, order_id: UUID, *, actor: str) -> OrderDetail:
    """Somebody who may spend the money says yes; saying it twice is fine."""
    if await lock(tx, order_id, allowed=FOLLOWS["approve"] | {"approved"}) == "approved":
        return await get_order(tx, order_id)
    facts = await may_leave(tx, Leaving(await get_order(tx, order_id), actor, is_sent=False))
    await tx.run(sql.mark_approved, id=order_id, actor=actor)
    return await told(tx, "purchase_order.approved", order_id, actor, **facts)


async def send(
    tx: Tx,
    order_id: UUID,
    *,
    actor: str,
    accept_terms_broken: bool = False,
    duplicate_reason: str | None = None,
    limit_reason: str | None = None,
) -> OrderDetail:
    """Send to the supplier: in_transit rises by every line and the e-mail is queued, all in this transaction.

    Raises Conflict(``order_is_empty`` | ``terms_not_met`` | ``order_already_sent`` …), and what others say before an
    order leaves (``over_approval_limit``, ``outside_limits`` without a ``limit_reason``, ``duplicate_supply`` without a
    ``duplicate_reason``).
    """
    await lock(tx, order_id, allowed=FOLLOWS["send"])
    detail = await get_order(tx, order_id)
    supplier = await get_supplier(tx, detail.order.supplier_id)
    if not detail.lines:
        raise Conflict("order_is_empty", "The order has no lines.")
    days = (await tx.dicts(sql.order_days, supplier_id=supplier.id))[0]
    broken = broken_terms(detail, days["next_order_day"], days["today"])
    if broken and not accept_terms_broken:
        raise Conflict("terms_not_met", "The order does not meet the supplier's terms.", errors=broken)
    leaving = Leaving(detail, actor, is_sent=True, duplicate_reason=duplicate_reason, limit_reason=limit_reason)
    facts = await may_leave(tx, leaving)
    await tx.run(sql.mark_sent, id=order_id, actor=actor)
    await tx.run(sql.open_lines, id=order_id)
    sent = await get_order(tx, order_id)
    await expect(tx, sent, [(line, line.ordered_quantity) for line in sent.lines])
    if supplier.order_channel == "api":
        await pushes.queue(tx, sent, supplier, "order")
    elif supplier.order_channel == "page":
        # The order page shows the address; whoever sent the order passes it on.
        await links.new_link(tx, order_id, actor=actor)
    is_mailed = supplier.order_channel == "email" and await letters.write_order(tx, sent, supplier, actor=actor)
    told_facts = {"is_mailed": is_mailed, "channel": supplier.order_channel, **facts}
    return await told(tx, "purchase_order.sent", order_id, actor, **told_facts)


async def renew_link(tx: Tx, order_id: UUID, *, actor: str) -> str:
    """A new address at which the supplier answers, mailed when it has e-mail and no person passes addresses on.
    Answers its path, without signature.

    Raises Conflict(``order_not_sent`` and those of an order that is over).
    """
    await lock(tx, order_id, allowed=FOLLOWS["announce"])
    detail = await get_order(tx, order_id)
    path = await links.new_link(tx, order_id, actor=actor)
    supplier = await get_supplier(tx, detail.order.supplier_id)
    if supplier.order_channel != "page":
        await letters.write_link(tx, detail, supplier, path)
    subject = f"purchase_order:{order_id}"
    await audit.record(tx, actor=actor, action="supplier_link.renewed", subject=subject)
    return path


async def cancel(tx: Tx, order_id: UUID, *, reason: str, actor: str) -> OrderDetail:
    """Nothing of it shall come; the supplier is told if the order was out. Cancelling twice is fine.

    Raises Conflict(``order_partly_received`` | ``order_received`` | ``order_closed``).
    """
    status = await lock(tx, order_id, allowed=FOLLOWS["cancel"] | {"cancelled"})
    if status == "cancelled":
        return await get_order(tx, order_id)
    detail = await _end(tx, order_id, "cancelled")
    if status in OUT:
        supplier = await get_supplier(tx, detail.order.supplier_id)
        if supplier.order_channel == "api":
            await pushes.queue(tx, detail, supplier, "cancellation")
        elif supplier.order_channel == "email":
            await letters.write_cancellation(tx, detail, supplier, reason=reason)
    return await told(tx, "purchase_order.cancelled", order_id, actor, reason=reason)


async def close(tx: Tx, order_id: UUID, *, reason: str, actor: str) -> OrderDetail:
    """What has not come will not come. Closing twice is fine. Raises Conflict for a draft or a cancelled order."""
    if await lock(tx, order_id, allowed=FOLLOWS["close"] | {"closed"}) == "closed":
        return await get_order(tx, order_id)
    await _end(tx, order_id, "closed")
    return await told(tx, "purchase_order.closed", order_id, actor, reason=reason)


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
    await tx.run(sql.write_order_day, id=order_id)


async def _currency(tx: Tx, supplier_id: UUID, lines: Sequence[DraftLine]) -> str:
    """The one currency in which the supplier prices these lines."""
    found = [
        row["currency"]
        for row in await tx.dicts(sql.line_currencies, supplier_id=supplier_id, sku_ids=[line.sku_id for line in lines])
    ]
    if len(found) > 1:
        raise Invalid(
            "mixed_currencies",
            "An order is in one currency; order what is priced in another separately.",
            {"currencies": found},
        )
    return found[0]


_UNORDERABLE = {
    "unknown_sku": "There is no such SKU.",
    "sku_archived": "The SKU is archived.",
    "sku_is_bundle": "A bundle has no stock of its own; order its components.",
    "unit_cost_unknown": "The supplier has no price for this SKU; give unit_cost.",
    "terms_not_valid": "The supplier's price for this SKU does not hold today; give unit_cost.",
}


async def _end(tx: Tx, order_id: UUID, status: str) -> OrderDetail:
    before = await get_order(tx, order_id)
    await tx.run(sql.close_lines, id=order_id)
    await expect(tx, before, [(line, -line.open_quantity) for line in before.lines])
    await tx.run(sql.mark_resolved, id=order_id, status=status)
    return before
