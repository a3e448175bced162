"""What is not as it should be with orders that are out: late, short, refused, over-delivered, not delivered.

Facts decide, not steps: after every command, and every ten minutes for what only time does, the lines are looked at and
exceptions open or end. Each tells once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Json

from holdfast.access import audit
from holdfast.db import Tx, statements
from holdfast.kernel.errors import NotFound
from holdfast.notify import service as notify
from holdfast.purchasing.model import OrderException

sql = statements("holdfast.purchasing", "words.sql")
events = statements("holdfast.purchasing")

OPENED: Final = "purchase_order.exception_opened"
RESOLVED: Final = "purchase_order.exception_resolved"
LINES_IN_NOTICE: Final = 20
_FILTERS: Final = ("id", "purchase_order_id", "supplier_id", "kind", "is_live", "is_acknowledged")


async def watch(tx: Tx, order_ids: Sequence[UUID] | None = None) -> int:
    """Let exceptions open and end (None: of all orders), tell of each, and answer how many opened."""
    found = await tx.dicts(sql.watch, ids=None if order_ids is None else list(order_ids))
    opened: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in found:
        facts = {
            "exception_id": str(row["id"]),
            "purchase_order_id": str(row["purchase_order_id"]),
            "number": row["number"],
            "supplier_id": str(row["supplier_id"]),
            "warehouse_id": str(row["warehouse_id"]),
            "line_no": row["line_no"],
            "sku_id": None if row["sku_id"] is None else str(row["sku_id"]),
            "kind": row["kind"],
            "quantity": row["quantity"],
            "due": None if row["due"] is None else row["due"].isoformat(),
        }
        skus = [] if row["sku_id"] is None else [row["sku_id"]]
        event_type = OPENED if row["event_type"] == OPENED else RESOLVED
        await tx.run(events.write_event, event_type=event_type, sku_ids=skus, data=Json(facts))
        if event_type == OPENED:
            opened[row["purchase_order_id"]].append(row)
    for order_id, rows in opened.items():
        await _notice(tx, order_id, rows)
    return sum(len(rows) for rows in opened.values())


async def list_exceptions(tx: Tx, *, limit: int, before: UUID | None = None, **filters: Any) -> list[OrderException]:
    """One page and one row more, newest first.

    Filters: purchase_order_id, supplier_id, kind, is_live, is_acknowledged.
    """
    columns: dict[str, Any] = dict.fromkeys(_FILTERS) | filters
    return await tx.all(sql.list_exceptions, OrderException, before=before, limit=limit + 1, **columns)


async def acknowledge(tx: Tx, order_id: UUID, *, actor: str, exception_id: UUID | None = None) -> int:
    """Somebody deals with an order's exceptions, or with one of them; answers how many waited. Twice is fine.

    Raises NotFound(``exception_not_found``) for one that this order does not have.
    """
    return await acknowledge_these(tx, await _live(tx, order_id, exception_id), actor=actor)


async def resolve(tx: Tx, order_id: UUID, *, actor: str, exception_id: UUID | None = None) -> int:
    """Somebody has dealt with them; answers how many were alive. Twice is fine.

    One whose cause goes on stays resolved until the cause was over and came back. Raises NotFound.
    """
    return await resolve_these(tx, await _live(tx, order_id, exception_id), actor=actor)


async def acknowledge_these(tx: Tx, exception_ids: Sequence[UUID], *, actor: str) -> int:
    rows = await tx.dicts(sql.acknowledge_exceptions, ids=list(exception_ids), actor=actor)
    await _record(tx, rows, "order_exceptions.acknowledged", actor)
    return len(rows)


async def resolve_these(tx: Tx, exception_ids: Sequence[UUID], *, actor: str) -> int:
    rows = await tx.dicts(sql.resolve_exceptions, ids=list(exception_ids), actor=actor)
    if rows:
        await tx.run(sql.tell_resolved, ids=[row["id"] for row in rows], actor=actor)
    await _record(tx, rows, "order_exceptions.resolved", actor)
    return len(rows)


async def _live(tx: Tx, order_id: UUID, exception_id: UUID | None) -> list[UUID]:
    if exception_id is not None and not await list_exceptions(tx, limit=1, id=exception_id, purchase_order_id=order_id):
        raise NotFound("exception_not_found", "This order has no such exception.")
    return [row["id"] for row in await tx.dicts(sql.live_exceptions_of, id=order_id, exception_id=exception_id)]


async def _record(tx: Tx, rows: list[dict[str, Any]], action: str, actor: str) -> None:
    by_order: dict[UUID, int] = defaultdict(int)
    for row in rows:
        by_order[row["purchase_order_id"]] += 1
    for order_id, count in by_order.items():
        await audit.record(tx, actor=actor, action=action, subject=f"purchase_order:{order_id}", count=count)


async def _notice(tx: Tx, order_id: UUID, rows: list[dict[str, Any]]) -> None:
    facts = {
        "number": rows[0]["number"],
        "supplier_name": rows[0]["supplier_name"],
        "total": len(rows),
        "left": max(0, len(rows) - LINES_IN_NOTICE),
        "exceptions": [
            {
                "kind": row["kind"],
                "quantity": row["quantity"],
                "due": None if row["due"] is None else row["due"].isoformat(),
                "sku_code": row["sku_code"],
                "sku_name": row["sku_name"],
            }
            for row in rows[:LINES_IN_NOTICE]
        ],
    }
    await notify.queue_inbox(
        tx,
        kind="order_exception",
        facts=facts,
        # The first exception names the notice: none is told twice.
        dedupe_key=f"order_exception:{rows[0]['id']}",
        link=f"/purchase-orders/{order_id}",
    )
