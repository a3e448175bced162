"""The people of the demo shop, as clients of a running API."""

from __future__ import annotations

import asyncio
import random
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from holdfast.demo.client import Client
from holdfast.demo.customers import CALM, RUSH, Customers, Popular
from holdfast.demo.trade import Buyer, Suppliers
from tests.running import Running


class Shop:
    """One SKU in one warehouse from one supplier, made over HTTP."""

    def __init__(self, running: Running) -> None:
        self.http = running.client()
        self.sku = self.made("/skus", code="TEA", name="Tea")["id"]
        self.warehouse = self.made("/warehouses", code="LONDON", name="London", type="local")["id"]
        self.supplier = self.made("/suppliers", code="S", name="Supplier", email="s@s.example", currency="GBP")["id"]

    def made(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.http.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def receive(self, quantity: int) -> None:
        items = [{"sku_id": self.sku, "quantity": quantity}]
        self.made("/inventory/receipts", warehouse_id=self.warehouse, items=items)

    def sent_order(self, quantity: int) -> dict[str, Any]:
        items = [{"sku_id": self.sku, "quantity": quantity, "unit_cost": "1.00"}]
        order = self.made("/purchase-orders", supplier_id=self.supplier, warehouse_id=self.warehouse, items=items)
        answer = self.http.post(f"/purchase-orders/{order['id']}/send")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def order(self, id: str) -> dict[str, Any]:
        return self.http.get(f"/purchase-orders/{id}").json()

    def level(self) -> dict[str, Any]:
        return self.http.get("/inventory", params={"include_reserved": True}).json()["inventories"][0]


@pytest.fixture
def shop(running: Running) -> Shop:
    return Shop(running)


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody in these tests waits: the steps are what is tested, not the pauses between them."""
    monkeypatch.setattr("holdfast.demo.trade.CONFIRMED_AFTER_SECONDS", 0.0)
    monkeypatch.setattr("holdfast.demo.trade.DAY_SECONDS", 0.0)


def letter(folder: Path, number: str) -> None:
    message = EmailMessage()
    message["Subject"] = f"Purchase order {number}"
    message.set_content("please")
    folder.mkdir(exist_ok=True)
    (folder / "00000000000000000001.eml").write_bytes(message.as_bytes())


async def test_a_supplier_acts_on_an_order_only_when_the_mail_arrived(
    running: Running, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    order = shop.sent_order(10)
    client = Client(running.address, running.token)
    suppliers = Suppliers(client, tmp_path, random.Random(1))  # noqa: S311
    await suppliers.look()
    assert shop.order(order["id"])["status"] == "sent"
    letter(tmp_path, order["number"])
    for _ in range(4):
        await suppliers.look()
    await client.close()
    done = shop.order(order["id"])
    assert (done["status"], shop.level()["available_quantity"], shop.level()["in_transit_quantity"]) == (
        "received",
        10,
        0,
    )


async def test_a_delivery_in_parts_arrives_whole_in_the_end(
    running: Running, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    monkeypatch.setattr("holdfast.demo.trade.DELIVERED_IN_PARTS", 1.0)
    order = shop.sent_order(10)
    client = Client(running.address, running.token)
    suppliers = Suppliers(client, None, random.Random(1))  # noqa: S311
    for _ in range(3):
        await suppliers.look()
    await client.close()
    done = shop.order(order["id"])
    assert done["status"] == "received"
    notes = [f"{order['number']}-confirmed", f"{order['number']}-partly_received"]
    assert [receipt["reference"] for receipt in done["receipts"]] == notes
    movements = shop.http.get("/inventory/movements").json()["movements"]
    assert [movement["quantity"] for movement in movements] == [4, 6]


async def test_customers_buy_and_what_they_pay_for_leaves_the_shelf(
    running: Running, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.receive(10_000)
    popular = Popular(UUID(shop.sku), UUID(shop.warehouse), "LONDON", units_a_day=1e6, units_a_line=2.0)
    chance = random.Random(5)  # noqa: S311
    monkeypatch.setattr(chance, "uniform", lambda low, high: 0.0)
    monkeypatch.setattr("holdfast.demo.customers.LINES_A_SECOND_MAX", 200.0)
    client = Client(running.address, running.token)
    buying = asyncio.create_task(Customers(client, [popular], chance, rush=1e6).buy_on())
    wanted = {"consumed", "cancelled", "active"}
    async with asyncio.timeout(60):
        while True:
            found = await client.read("/inventory/reservations", limit=500)
            kinds = {one["status"] for one in found["reservations"]}
            sold = await client.read("/inventory/movements", reference_type="sale")
            if wanted <= kinds and sold.get("movements"):
                break
    buying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await buying
    await client.close()
    level = shop.level()
    assert level["on_hand_quantity"] < 10_000
    assert level["available_quantity"] + level["reserved_quantity"] == level["on_hand_quantity"]


async def test_the_buyer_has_nothing_to_do_where_nothing_is_suggested(running: Running, shop: Shop) -> None:
    client = Client(running.address, running.token)
    assert await Buyer(client).buy_once() is None
    await client.close()


def test_the_rush_calms_down_and_never_stops() -> None:
    popular = Popular(UUID(int=1), UUID(int=2), "LONDON", units_a_day=7000, units_a_line=2)
    customers = Customers(None, [popular], random.Random(1))  # type: ignore[arg-type]  # noqa: S311
    at_first, later, at_last = (customers.lines_a_second(seconds) for seconds in (0, 3600, 10**6))
    assert at_first == pytest.approx(3500 * RUSH / 86_400)
    assert later == pytest.approx(at_first / 2)
    assert at_last == pytest.approx(3500 * CALM / 86_400)
