"""Batches and serial numbers through the API: in, held, picked, sold, judged, and traced both ways."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.books import violations
from tests.house import House


@pytest.fixture
async def house(house: House) -> AsyncIterator[House]:
    """However a test ends, the books balance."""
    yield house
    assert await violations(house.database) == []


async def receive(house: House, sku: str, quantity: int, *, expect: int = 201, **names: Any) -> Any:
    item = {"sku_id": house.ids[f"skus:{sku}"], "quantity": quantity, **names}
    body = {"warehouse_id": await house.warehouse("GZ"), "items": [item]}
    return await house.post("/inventory/receipts", body, expect=expect)


async def hold(house: House, sku: str, quantity: int, order: str, *, expect: int = 201, **names: Any) -> Any:
    item = {"sku_id": house.ids[f"skus:{sku}"], "quantity": quantity, "warehouse_id": await house.warehouse("GZ")}
    body = {"items": [{**item, **names}], "reference_type": "order", "reference_id": order, "expires_in_minutes": None}
    return await house.post("/inventory/reservations", body, expect=expect)


async def consume(house: House, held: Any, body: Any = None, *, expect: int = 200) -> Any:
    return await house.post(f"/inventory/reservations/{held['reservation_id']}/consume", body, expect=expect)


async def the_batch(house: House, number: str) -> Any:
    [found] = (await house.get("/batches", number=number))["batches"]
    return found


async def test_a_recall_names_who_has_units_where_they_came_from_and_who_gets_none(house: House) -> None:
    await house.sku("MILK", tracking="batch")
    supplier, place = await house.supplier("FARM"), await house.warehouse("GZ")
    milk = house.ids["skus:MILK"]
    items = [{"sku_id": milk, "quantity": 10, "unit_cost": "1"}]
    order = await house.post("/purchase-orders", {"supplier_id": supplier, "warehouse_id": place, "items": items})
    await house.post(f"/purchase-orders/{order['id']}/send", expect=200)
    arrived = [
        {"sku_id": milk, "quantity": 6, "batch": {"number": "A", "expiry_date": "2099-01-01"}},
        {"sku_id": milk, "quantity": 4, "batch": {"number": "B", "expiry_date": "2099-02-01"}},
    ]
    got = await house.post(f"/purchase-orders/{order['id']}/receive", {"items": arrived}, expect=200)
    assert got["receipts"][0]["lines"][0]["batches"] == [{"number": "A", "quantity": 6}, {"number": "B", "quantity": 4}]

    shipped = await consume(house, await hold(house, "MILK", 4, "O-1"))
    assert [(p["batch"]["number"], p["quantity"]) for p in shipped["picked"]] == [("A", 4)]
    waiting = await hold(house, "MILK", 5, "O-2")
    batch = await the_batch(house, "A")
    judged = await house.post(f"/batches/{batch['id']}/recall", {"reason": "glass"}, expect=200)

    trace = judged["trace"]
    assert [(c["reference_id"], c["quantity"]) for c in trace["customers"]] == [("O-1", 4)]
    assert [(s["purchase_order_number"], s["supplier_id"]) for s in trace["sources"]] == [(order["number"], supplier)]
    assert [(h["reservation_id"], h["short_quantity"]) for h in trace["holds"]] == [(waiting["reservation_id"], 1)]
    assert (judged["supplier_id"], judged["state"], judged["stranded_quantity"]) == (supplier, "recalled", 1)
    refused = await consume(house, waiting, expect=409)
    assert refused["code"] == "units_not_usable"
    await house.post(f"/batches/{batch['id']}/quarantine", {"reason": "x"}, expect=409)
    await house.post(f"/batches/{batch['id']}/release", {"reason": "false alarm"}, expect=200)
    await consume(house, waiting)


async def test_batches_are_listed_by_expiry_and_corrected_by_version(house: House) -> None:
    await house.sku("MILK", tracking="batch")
    for number, day in (("B", "2099-02-01"), ("A", "2099-01-01"), ("C", None)):
        await receive(house, "MILK", 2, batch={"number": number, "expiry_date": day})
    page = await house.get("/batches", limit=2)
    assert [b["number"] for b in page["batches"]] == ["A", "B"]
    rest = await house.get("/batches", limit=2, cursor=page["next_cursor"])
    assert [b["number"] for b in rest["batches"]] == ["C"]
    assert [b["number"] for b in (await house.get("/batches", expiring_before="2099-01-15"))["batches"]] == ["A"]
    a = page["batches"][0]
    assert a["warehouses"][0]["sellable_quantity"] == 2
    path = f"/batches/{a['id']}"
    changed = await house.call("PATCH", path, json={"expiry_date": "2001-01-01"}, expect=200)
    assert changed["warehouses"][0]["states"] == {"expired": 2}
    assert await house.level("MILK", "GZ") == "available=4 in_transit=0"
    stale = {"expiry_date": "2099-01-01", "expected_version": a["version"]}
    await house.call("PATCH", path, json=stale, expect=409)
    backwards = {"production_date": "2002-01-01"}
    await house.call("PATCH", path, json=backwards, expect=422)


async def test_a_unit_is_followed_from_receipt_to_customer(house: House) -> None:
    await house.sku("PHONE", tracking="serial")
    await receive(house, "PHONE", 3, serials=["S1", "S2", "S3"])
    held = await hold(house, "PHONE", 1, "O-1", serials=["S2"])
    refused = await hold(house, "PHONE", 1, "O-2", serials=["S2"], expect=409)
    assert (refused["code"], refused["errors"][0]["serials"]) == ("serial_not_here", ["S2"])
    line = {"sku_id": house.ids["skus:PHONE"], "quantity": 1, "serials": ["S1"]}
    body = {"reference_type": "order", "reference_id": "O-4", "items": [line]}
    nowhere = await house.post("/inventory/reservations", body, expect=422)
    assert nowhere["errors"][0]["loc"] == ["items", 0, "warehouse_id"]
    other = await consume(house, await hold(house, "PHONE", 1, "O-3"))
    assert other["picked"][0]["serials"] == ["S1"]
    assert (await consume(house, held))["picked"][0]["serials"] == ["S2"]
    unit = await house.get(f"/skus/{house.ids['skus:PHONE']}/serials/S2")
    assert [(s["reference_type"], s["reference_id"], s["is_in"]) for s in unit["history"]] == [
        ("order", "O-1", False),
        ("receipt", None, True),
    ]
    assert (unit["state"], unit["warehouse_id"]) == ("shipped", None)
    assert [u["serial_number"] for u in (await house.get("/serials", state="sellable"))["serials"]] == ["S3"]


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ({}, "serials_required"),
        ({"serials": ["A"]}, "serials_mismatch"),
        ({"serials": ["A", "A"]}, "serial_repeated"),
        ({"serials": ["S1", "A"]}, "serial_in_stock"),
    ],
)
async def test_a_receipt_of_units_that_cannot_be_names_its_line(house: House, names: Any, code: str) -> None:
    await house.sku("PHONE", tracking="serial")
    await receive(house, "PHONE", 1, serials=["S1"])
    refused = await receive(house, "PHONE", 2, expect=409 if code == "serial_in_stock" else 422, **names)
    assert refused["code"] == code
    if refused["status"] == 422:
        assert refused["errors"][0]["loc"] == ["items", 0, "serials"]


async def test_releasing_a_hold_frees_the_units_it_named(house: House) -> None:
    await house.sku("PHONE", tracking="serial")
    await receive(house, "PHONE", 2, serials=["S1", "S2"])
    held = await hold(house, "PHONE", 2, "O-1", serials=["S1", "S2"])
    items = [{"sku_id": house.ids["skus:PHONE"], "quantity": 1}]
    await house.post(f"/inventory/reservations/{held['reservation_id']}/release", {"items": items}, expect=200)
    assert [
        u["serial_number"] for u in (await house.get("/serials", reservation_id=held["reservation_id"]))["serials"]
    ] == ["S1"]
    await hold(house, "PHONE", 1, "O-2", serials=["S2"])


async def test_units_are_set_aside_and_made_sellable_again(house: House) -> None:
    await house.sku("PHONE", tracking="serial")
    await receive(house, "PHONE", 2, serials=["S1", "S2"])
    path, place = f"/inventory/{house.ids['skus:PHONE']}/state", await house.warehouse("GZ")
    move = {"warehouse_id": place, "quantity": 1, "serials": ["S1"], "reason": "scratched"}
    await house.post(path, {**move, "from_state": "sellable", "to_state": "damaged"}, expect=200)
    assert await house.level("PHONE", "GZ") == "available=1 in_transit=0"
    refused = await house.post(path, {**move, "from_state": "sellable", "to_state": "damaged"}, expect=409)
    assert refused["code"] == "serial_not_here"
    await house.post(path, {**move, "from_state": "damaged", "to_state": "sellable"}, expect=200)
    assert await house.level("PHONE", "GZ") == "available=2 in_transit=0"


async def test_the_days_a_sku_must_have_left_can_be_changed_while_it_lies_there(house: House) -> None:
    sku = await house.sku("MILK", tracking="batch")
    async with house.database.transaction() as tx:
        row = await (await tx.connection.execute("select business_now()::date::text")).fetchone()
    assert row
    await receive(house, "MILK", 2, batch={"number": "A", "expiry_date": row[0]})
    await house.call("PATCH", f"/skus/{sku}", json={"min_remaining_days": 2}, expect=200)
    assert await house.level("MILK", "GZ") == "available=0 in_transit=0"
    await house.call("PATCH", f"/skus/{sku}", json={"min_remaining_days": 0}, expect=200)
    assert await house.level("MILK", "GZ") == "available=2 in_transit=0"


async def test_a_thousand_units_are_received_and_picked_as_one_entry(house: House) -> None:
    """X-15; how long ten thousand take is measured by bench/serials.py."""
    sku = await house.sku("PHONE", tracking="serial")
    await receive(house, "PHONE", 1000, serials=[f"S{n:04}" for n in range(1000)])
    picked = (await consume(house, await hold(house, "PHONE", 1000, "O-1")))["picked"]
    assert [len(p["serials"]) for p in picked] == [1000]
    entries = (await house.get("/inventory/movements", sku_id=sku))["movements"]
    assert [m["quantity"] for m in entries] == [-1000, 1000]
