"""What the supplier says of an order: quantities and days, a message, a notice of shipment.

It comes over the supplier's page or is passed on by one of us, and does the same either way. None of it posts stock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Json, Jsonb

from holdfast.access import audit
from holdfast.db import Tx
from holdfast.kernel.errors import Conflict, Invalid
from holdfast.notify import service as notify
from holdfast.purchasing.exceptions import sql as words_sql
from holdfast.purchasing.model import FOLLOWS, LineWord, OrderDetail, OrderLine
from holdfast.purchasing.orders import expect, get_order, lock, told
from holdfast.purchasing.promised import announced, as_row, confirmed, parts_of

# So long before the order a promised day is no day of it.
SLIP = timedelta(days=365)

Source = Literal["link", "api"]


async def confirm(
    tx: Tx,
    order_id: UUID,
    *,
    expected_at: date | None,
    lines: Sequence[LineWord],
    actor: str,
    source: Source = "api",
    request_key: str | None = None,
) -> OrderDetail:
    """The supplier's word: a day for the order, and per line so many for a day; see LineWord.

    Lines that are not named stay as they are. A line promised short is open for that much only, unless the rest stays
    open. The same ``request_key`` again changes nothing. Raises Invalid(``unknown_line``),
    Conflict(``confirmed_exceeds_ordered`` and those of the state).
    """
    await lock(tx, order_id)
    said = {
        "expected_at": _iso(expected_at),
        "lines": [
            {
                "line_no": w.line_no,
                "quantity": w.quantity,
                "expected_at": _iso(w.expected_at),
                "is_rest_open": w.is_rest_open,
                "reason": w.reason,
            }
            for w in lines
        ],
    }
    before = await get_order(tx, order_id)
    if await is_repeat(tx, order_id, request_key):
        return before
    await lock(tx, order_id, allowed=FOLLOWS["confirm"])
    named = [(["items", n, "expected_at"], word.expected_at) for n, word in enumerate(lines)]
    _no_day_before(before, [(["expected_at"], expected_at), *named])
    rows = _rows(before, lines)
    if expected_at is not None:
        await tx.run(words_sql.promise_days, id=order_id, expected_at=expected_at)
    await _state(tx, order_id, "confirmed", source, said, actor, request_key)
    await tx.run(words_sql.write_words, id=order_id, lines=Json(rows))
    await tx.run(words_sql.mark_confirmed, id=order_id, expected_at=expected_at)
    after = await get_order(tx, order_id)
    was = {line.line_no: line.open_quantity for line in before.lines}
    await expect(tx, after, [(line, line.open_quantity - was[line.line_no]) for line in after.lines])
    return await told(tx, "purchase_order.confirmed", order_id, actor, source=source)


async def say(
    tx: Tx, order_id: UUID, *, text: str, actor: str, source: Source = "api", request_key: str | None = None
) -> OrderDetail:
    """A message of the supplier about an order that is or was out; our inbox shows it."""
    await lock(tx, order_id)
    before = await get_order(tx, order_id)
    if await is_repeat(tx, order_id, request_key):
        return before
    if before.order.sent_at is None:
        await lock(tx, order_id, allowed=FOLLOWS["announce"])
    statement_id = await _state(tx, order_id, "message", source, {"text": text}, actor, request_key)
    await notify.queue_inbox(
        tx,
        kind="supplier_message",
        facts={"number": before.order.number, "supplier_name": before.order.supplier_name, "text": text},
        dedupe_key=f"supplier_message:{statement_id}",
        link=f"/purchase-orders/{order_id}",
    )
    return await told(tx, "purchase_order.message_received", order_id, actor, source=source)


async def announce(
    tx: Tx,
    order_id: UUID,
    *,
    expected_at: date,
    carrier: str,
    tracking_number: str,
    lines: Sequence[tuple[int, int]],
    actor: str,
    source: Source = "api",
    request_key: str | None = None,
) -> OrderDetail:
    """Goods are on their way: per line number so many, to arrive that day. What is promised soonest moves to it.

    Nothing arrives by it: only a receipt posts stock. Raises Invalid(``unknown_line``),
    Conflict(``announced_exceeds_open`` and those of the state).
    """
    await lock(tx, order_id)
    before = await get_order(tx, order_id)
    if await is_repeat(tx, order_id, request_key):
        return before
    await lock(tx, order_id, allowed=FOLLOWS["announce"])
    _no_day_before(before, [(["expected_at"], expected_at)])
    by_number = {line.line_no: line for line in before.lines}
    rows: list[dict[str, Any]] = []
    asked: dict[int, int] = defaultdict(int)
    for number, quantity in lines:
        asked[number] += quantity
    for number, quantity in asked.items():
        line = _line(by_number, number)
        if quantity > line.open_quantity:
            facts = {"line_no": number, "open": line.open_quantity, "requested": quantity}
            raise Conflict("announced_exceeds_open", "More than is still to come cannot be announced.", errors=[facts])
        parts = announced(parts_of(line), quantity, expected_at, before.order.expected_at)
        rows.append({"line_no": number, **as_row(parts, line.expected_at)})
    await tx.run(words_sql.write_days, id=order_id, lines=Json(rows))
    said = {
        "expected_at": _iso(expected_at),
        "carrier": carrier,
        "tracking_number": tracking_number,
        "lines": [{"line_no": number, "quantity": quantity} for number, quantity in asked.items()],
    }
    await _state(tx, order_id, "shipped", source, said, actor, request_key)
    after = await get_order(tx, order_id)
    await expect(tx, after, [(line, 0) for line in after.lines if line.line_no in asked])
    return await told(tx, "purchase_order.shipment_announced", order_id, actor, source=source, shipment=said)


def _rows(before: OrderDetail, words: Sequence[LineWord]) -> list[dict[str, Any]]:
    """The columns of every line that is spoken of."""
    by_number = {line.line_no: line for line in before.lines}
    spoken: dict[int, list[LineWord]] = defaultdict(list)
    for word in words:
        _line(by_number, word.line_no)
        spoken[word.line_no].append(word)
    rows: list[dict[str, Any]] = []
    for number, of_line in spoken.items():
        line = by_number[number]
        said = confirmed(line, of_line, before.order.expected_at)
        if said.confirmed > line.ordered_quantity:
            facts = {"line_no": number, "ordered": line.ordered_quantity, "requested": said.confirmed}
            raise Conflict("confirmed_exceeds_ordered", "More than was ordered cannot be confirmed.", errors=[facts])
        rows.append(
            {
                "line_no": number,
                "confirmed": said.confirmed,
                "refused": said.refused,
                "reason": said.reason,
                "open": sum(part.quantity for part in said.parts),
                "promised_at": _iso(max((w.expected_at for w in of_line if w.expected_at), default=None)),
                **as_row(said.parts, line.expected_at),
            }
        )
    return rows


def _no_day_before(before: OrderDetail, days: Sequence[tuple[list[str | int], date | None]]) -> None:
    """A day of another decade is a slip, and would stay in the scorecard as a promise that was broken.

    A day that is over is none: orders are written down after the fact too.
    """
    sent_at = before.order.sent_at
    if sent_at is None:
        return
    sent_on = sent_at.date()
    errors = [
        {"loc": loc, "code": "before_order", "message": f"The order was sent on {sent_on}."}
        for loc, day in days
        if day is not None and day < sent_on - SLIP
    ]
    if errors:
        raise Invalid("invalid_request", "That is long before it was ordered.", errors=errors)


def _line(by_number: dict[int, OrderLine], number: int) -> OrderLine:
    if number not in by_number:
        raise Invalid("unknown_line", "The order has no such line.", {"line_no": number})
    return by_number[number]


async def is_repeat(tx: Tx, order_id: UUID, request_key: str | None) -> bool:
    """Whether a form was taken before."""
    if request_key is None:
        return False
    return await tx.value(words_sql.find_statement, id=order_id, request_key=request_key) is not None


async def _state(
    tx: Tx, order_id: UUID, kind: str, source: Source, said: dict[str, Any], actor: str, request_key: str | None
) -> UUID:
    statement_id: UUID = await tx.value(
        words_sql.insert_statement,
        id=order_id,
        kind=kind,
        source=source,
        said=Jsonb(said),
        actor=actor,
        request_key=request_key,
    )
    if source == "link":
        subject = f"purchase_order:{order_id}"
        await audit.record(tx, actor=actor, action=f"supplier.{kind}", subject=subject, statement_id=str(statement_id))
    return statement_id


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
