"""Purchase orders on their way, and who waits for them, in short text."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

from tests.conftest import Shelf


def day(shelf: Shelf, days: int) -> date:
    row = shelf.connection.execute("select business_now()::date").fetchone()
    assert row
    return row[0] + timedelta(days=days)


def inbound(shelf: Shelf, text: str, in_days: int | None) -> str:
    """A sent purchase order such as ``TEA@GZ 7``, as the purchasing feature leaves it; answers its id."""
    [line] = shelf.items(text)
    row = shelf.connection.execute(
        "with s as (insert into suppliers (code, name) values (uuidv7(), 'Supplier') returning id),"
        "     p as (insert into purchase_orders (supplier_id, warehouse_id, status, currency, created_by, expected_at)"
        "           select id, %(warehouse_id)s, 'sent', 'EUR', 'test', %(expected)s from s returning id)"
        "insert into purchase_order_lines (purchase_order_id, line_no, sku_id, ordered_quantity, open_quantity,"
        " unit_cost) select id, 1, %(sku_id)s, %(quantity)s, %(quantity)s, 1 from p returning purchase_order_id",
        {**line, "expected": None if in_days is None else day(shelf, in_days)},
    ).fetchone()
    assert row
    shelf.connection.execute("select stock_expect(%s, 'PO')", [json.dumps([line])])
    return str(row[0])


def arrive(shelf: Shelf, order: str, text: str) -> None:
    """So much of the order's line reaches the shelf."""
    [line] = shelf.items(text)
    shelf.connection.execute(
        "update purchase_order_lines set open_quantity = open_quantity - %s where purchase_order_id = %s",
        [line["quantity"], order],
    )
    answer = shelf.post(
        "stock_move",
        event_type="inventory.received",
        movement_type="in",
        reference_type="purchase",
        reason="received",
        items=[{**line, "inbound_delta": -line["quantity"]}],
    )
    assert answer["outcome"] == "moved", answer


def postpone(shelf: Shelf, order: str, level: str, in_days: int | None) -> None:
    shelf.connection.execute(
        "update purchase_orders set expected_at = %s where id = %s",
        [None if in_days is None else day(shelf, in_days), order],
    )
    shelf.connection.execute("select stock_inbound_changed(%s)", [json.dumps(shelf.items(f"{level} 1"))])


def allow(shelf: Shelf, level: str, mode: str | None = "dated", most: int | None = None) -> None:
    """``TEA@GZ``, or ``TEA`` for wherever nothing else is said."""
    sku, _, warehouse = level.partition("@")
    row = shelf.connection.execute(
        "select stock_set_backorder_policy(%s, %s, %s, %s, 'test')",
        [shelf.sku(sku), shelf.warehouse(warehouse) if warehouse else None, mode, most],
    ).fetchone()
    assert row == (None,)


def order(shelf: Shelf, text: str, **more: Any) -> dict[str, Any]:
    """An order that may wait."""
    kind = {"reference_type": "order", "reference_id": f"O-{shelf.tag}", "minutes": None, "allow_backorder": True}
    return shelf.reserve(text, **{**kind, **more})


def resolve(shelf: Shelf, held: dict[str, Any], action: str, text: str | None = None, **more: Any) -> dict[str, Any]:
    items = None if text is None else shelf.items(text)
    return shelf.post("stock_resolve", reservation_id=held["reservation_id"], action=action, items=items, **more)


def facts(shelf: Shelf, held: dict[str, Any]) -> dict[str, Any]:
    row = shelf.connection.execute("select stock_reservation_facts(%s)", [held["reservation_id"]]).fetchone()
    assert row
    return row[0]


def shown(shelf: Shelf, held: dict[str, Any]) -> str:
    """``TEA@GZ held=2 waits=3 day=5, CUP@GZ held=1``: what is held, and what waits until which day from today."""
    names = {i: key.split(":")[1] for key, i in shelf.ids.items()}
    parts: list[str] = []
    for item in facts(shelf, held)["items"]:
        part = f"{names[item['sku_id']]}@{names[item['warehouse_id']]} held={item['open_quantity']}"
        if item.get("backordered_quantity"):
            told = item["promise_date"]
            when = None if told is None else (date.fromisoformat(told) - day(shelf, 0)).days
            part += f" waits={item['backordered_quantity']} day={when}"
        parts.append(part)
    return ", ".join(parts)


def backordered(shelf: Shelf, level: str) -> int:
    sku, warehouse = level.split("@")
    row = shelf.connection.execute(
        "select backordered_quantity from inventory where sku_id = %s and warehouse_id = %s",
        [shelf.sku(sku), shelf.warehouse(warehouse)],
    ).fetchone()
    assert row
    return row[0]


def events(shelf: Shelf, sku: str, kind: str) -> list[dict[str, Any]]:
    rows = shelf.connection.execute(
        "select data from outbox_events where event_type = %s and %s = any (sku_ids) order by id",
        [kind, shelf.sku(sku)],
    ).fetchall()
    return [row[0] for row in rows]


def available(shelf: Shelf, sku: str, quantity: int, **more: Any) -> dict[str, Any]:
    ask = {"sku_id": shelf.sku(sku), "quantity": quantity, **more}
    return shelf.post("stock_availability", **ask)


def bundle(shelf: Shelf, code: str, text: str) -> str | None:
    """``SET`` of ``TEA 2, CUP 1``; answers the refusal, if any."""
    parts = [{"sku_id": i["sku_id"], "quantity": i["quantity"]} for i in shelf.items(text)] if text else []
    row = shelf.connection.execute("select catalog_set_bundle(%s, %s)", [shelf.sku(code), json.dumps(parts)]).fetchone()
    assert row
    return row[0]


def wait(shelf: Shelf, text: str, reference: str, minutes: int = 30) -> str:
    """Somebody waits for ``TEA@GZ 2`` or ``TEA 2``; answers the entry's id."""
    [line] = shelf.items(text)
    answer = shelf.connection.execute(
        "select outcome, facts from stock_wait(%s)",
        [json.dumps({**line, "reference_id": reference, "offer_minutes": minutes, "actor": "test"})],
    ).fetchone()
    assert answer
    assert answer[0] == "waiting", answer
    return answer[1]["entry_id"]


def offers(shelf: Shelf, sku: str) -> list[str]:
    """Who was offered units, in the order in which it happened."""
    return [told["reference_id"] for told in events(shelf, sku, "waiting_list.offered")]
