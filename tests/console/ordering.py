"""A supplier with a past, and an order in every kind of trouble, made over the API of a running console."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from tests.console.conftest import Console
from tests.running import TOKEN


@dataclass(frozen=True)
class Ordering:
    """``order`` is late, cut and half confirmed; ``tracked`` has lines by batch and by serial number."""

    supplier: str
    order: str
    tracked: str
    door: str


def arrange(console: Console) -> Ordering:
    """Made once per shop."""
    with httpx2.Client(base_url=f"{console.address}/api/v1", headers={"authorization": f"Bearer {TOKEN}"}) as client:
        return _arranged(console, client)


def _arranged(console: Console, client: httpx2.Client) -> Ordering:
    shop, today = console.shop, datetime.now(UTC).date()

    def call(method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        answer = client.request(method, path, json=body)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    def ordered(sku: Any, quantity: int) -> str:
        items = [{"sku_id": str(sku), "quantity": quantity}]
        body = {"supplier_id": supplier, "warehouse_id": str(shop.warehouses[0]), "items": items}
        return send(call("POST", "/purchase-orders", body, 201)["id"])

    def send(order: str) -> str:
        call("POST", f"/purchase-orders/{order}/send", {"duplicate_reason": "the past of a supplier"})
        return order

    new = {"code": "SHUNDE", "name": "顺德竹木制品厂", "email": "orders@shunde.example", "lead_time_days": 9}
    supplier = call("POST", "/suppliers", {**new, "language": "zh", "currency": "CNY"}, 201)["id"]
    shop.add_units_transfers()
    skus = [*shop.skus[5:8], *shop.tracked]
    for sku, cost in ((sku, cost) for cost in ("12.5", "13.25") for sku in skus):
        call("POST", f"/suppliers/{supplier}/items", {"sku_id": str(sku), "unit_cost": cost}, 201)
    for n, days in enumerate((11, 14, 9.5, 16, 12, 13, 10.5, 19)):
        past = ordered(skus[n % 3], 20)
        back = [timedelta(days=days), past]
        shop.connection.execute("update purchase_orders set sent_at = sent_at - %s where id = %s", back)
        call("POST", f"/purchase-orders/{past}/receive")
        back[0] = timedelta(days=300 - 30 * n)
        shop.connection.execute("update purchase_orders set sent_at = sent_at - %s where id = %s", back)
        sql = "update purchase_receipts set received_at = received_at - %s where purchase_order_id = %s"
        shop.connection.execute(sql, back)
        owed = "update purchase_order_lines set promised_at = current_date - %s where purchase_order_id = %s"
        shop.connection.execute(owed, [301 - 30 * n, past])
    shop.connection.execute(
        "insert into supplier_lead_factors values (%s, 8, 1.45, 0.32, 0.97, 2.05, true, now())", [supplier]
    )
    items = [{"sku_id": str(sku), "quantity": 40 + n} for n, sku in enumerate(skus[:3])]
    body = {"supplier_id": supplier, "warehouse_id": str(shop.warehouses[0]), "items": items, "note": "Ring at gate 3."}
    order = send(call("POST", "/purchase-orders", body, 201)["id"])
    said = [
        {"line_no": 1, "quantity": 25, "expected_at": str(today - timedelta(days=3)), "is_rest_open": True},
        {"line_no": 2, "quantity": 30, "reason": "no more bamboo"},
        {"line_no": 3, "quantity": 20, "expected_at": str(today + timedelta(days=9))},
        {"line_no": 3, "quantity": 22, "expected_at": str(today + timedelta(days=30))},
    ]
    call("POST", f"/purchase-orders/{order}/confirm", {"items": said})
    call("POST", f"/purchase-orders/{order}/messages", {"text": "We close for the festival from the 10th to the 20th."})
    door = call("POST", f"/purchase-orders/{order}/links", None, 201)["path"]
    tracked = [{"sku_id": str(sku), "quantity": 6} for sku in shop.tracked]
    body = {"supplier_id": supplier, "warehouse_id": str(shop.warehouses[0]), "items": tracked}
    tracked_order = send(call("POST", "/purchase-orders", body, 201)["id"])
    return Ordering(supplier, order, tracked_order, door)
