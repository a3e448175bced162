"""Reservations with ``ship_to``: planned for the whole order, held in the same transaction (D-24)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.books import violations
from tests.house import House

GUANGZHOU = {"latitude": 23.13, "longitude": 113.26}


@pytest.fixture
async def shop(house: House) -> House:
    """GZ is near the customer and has no cups, SZ is near and has only cups, BJ is far and has everything."""
    for code, place in (("GZ", (23.13, 113.26)), ("SZ", (22.54, 114.06)), ("BJ", (39.9, 116.4))):
        await house.warehouse(code, latitude=place[0], longitude=place[1])
    for sku, warehouse in (("TEA", "GZ"), ("CUP", "SZ"), ("TEA", "BJ"), ("CUP", "BJ")):
        await house.stock(sku, warehouse, 5)
    return house


async def line(shop: House, text: str) -> dict[str, Any]:
    """``TEA 2`` or ``TEA@GZ 2``."""
    level, quantity = text.split()
    sku, _, warehouse = level.partition("@")
    found: dict[str, Any] = {"sku_id": await shop.sku(sku), "quantity": int(quantity)}
    return {**found, "warehouse_id": await shop.warehouse(warehouse)} if warehouse else found


async def reserve(shop: House, text: str, *, expect: int = 201, key: str | None = None, **more: Any) -> Any:
    body = {
        "reference_type": "order",
        "reference_id": "O-1",
        "expires_in_minutes": None,
        "ship_to": GUANGZHOU,
        "items": [await line(shop, part.strip()) for part in text.split(",")],
        **more,
    }
    headers = {"Idempotency-Key": key} if key else {}
    return await shop.post("/inventory/reservations", body, expect=expect, headers=headers)


def shown(shop: House, held: dict[str, Any]) -> str:
    """``CUP@BJ 1, TEA@BJ 2``; what waits is marked."""
    names = {i: key.split(":")[1] for key, i in shop.ids.items()}
    return ", ".join(
        sorted(
            f"{names[i['sku_id']]}@{names[i['warehouse_id']]} {i['reserved_quantity']}"
            + (f" waits {i['backordered_quantity']}" if "backordered_quantity" in i else "")
            for i in held["items"]
        )
    )


async def test_an_order_that_says_where_it_goes_is_placed_as_a_whole(shop: House) -> None:
    held = await reserve(shop, "TEA 2, CUP 1")
    assert shown(shop, held) == "CUP@BJ 1, TEA@BJ 2"  # one parcel from afar
    assert shown(shop, await reserve(shop, "TEA 2, CUP 1", strategy="nearest")) == "CUP@SZ 1, TEA@GZ 2"
    [kept] = (await shop.get("/allocations", reservation_id=held["reservation_id"]))["allocations"]
    assert kept["plan"]["strategy"] == "fewest_parcels"
    assert kept["plan"]["items"][0]["allocations"][0]["reason"]["code"] == "parcels"
    assert await violations(shop.database) == []


async def test_the_channel_chooses_the_strategy(shop: House) -> None:
    choices = {"default": "fewest_parcels", "channels": {"express": "nearest"}}
    await shop.call("PUT", "/allocations/strategies", json=choices, expect=200)
    assert shown(shop, await reserve(shop, "TEA 2, CUP 1", channel="express")) == "CUP@SZ 1, TEA@GZ 2"


async def test_a_repeat_gets_the_first_answer_although_another_plan_would_be_made_now(shop: House) -> None:
    first = await reserve(shop, "TEA 5, CUP 5", key="k")
    assert await reserve(shop, "TEA 5, CUP 5", key="k") == first
    many = await asyncio.gather(*(reserve(shop, "TEA 1", key="twice") for _ in range(8)))
    assert all(answer == many[0] for answer in many)
    assert len((await shop.get("/allocations"))["allocations"]) == 2


async def test_what_is_wanted_from_one_warehouse_comes_from_there(shop: House) -> None:
    assert shown(shop, await reserve(shop, "TEA@GZ 4, TEA 2")) == "TEA@BJ 2, TEA@GZ 4"
    assert shown(shop, await reserve(shop, "CUP@SZ 1")) == "CUP@SZ 1"


async def test_nothing_is_held_when_it_does_not_fit(shop: House) -> None:
    refused = await reserve(shop, "TEA 11, CUP 1", expect=409)
    assert (refused["code"], refused["errors"][0]["available"]) == ("insufficient_stock", 10)
    assert (await shop.get("/allocations"))["allocations"] == []


async def test_a_bundle_is_placed_by_its_components_and_kept_by_name(shop: House) -> None:
    parts = [await line(shop, "TEA 2"), await line(shop, "CUP 1")]
    gift = await shop.sku("SET")
    await shop.call("PUT", f"/skus/{gift}/components", json={"components": parts}, expect=200)
    held = await reserve(shop, "SET 2, TEA 1")
    assert shown(shop, held) == "CUP@BJ 2, TEA@BJ 5"
    [bundle] = held["bundles"]
    assert (bundle["sku_id"], bundle["quantity"], len(bundle["components"])) == (gift, 2, 2)
    sent = await shop.post(
        f"/inventory/reservations/{held['reservation_id']}/consume",
        {"items": [{"sku_id": gift, "quantity": 2}]},
        expect=200,
    )
    assert sent["bundles"][0]["open_quantity"] == 0
    assert await violations(shop.database) == []


async def test_what_is_short_waits_when_it_may(shop: House) -> None:
    refused = await reserve(shop, "TEA 12", expect=409, allow_backorder=True)
    assert refused["errors"][0]["backorder"] == "not_allowed"
    await shop.call("PUT", f"/inventory/{await shop.sku('TEA')}/backorder-policy", json={"mode": "always"}, expect=200)
    held = await reserve(shop, "TEA 12, CUP 1", allow_backorder=True)
    assert "TEA@BJ 5" in shown(shop, held)
    assert sum(i.get("backordered_quantity", 0) for i in held["items"]) == 2
    assert await violations(shop.database) == []


@pytest.mark.parametrize("wrong", [{}, {"latitude": 1}, {"latitude": 100, "longitude": 0}, {"planet": "Mars"}])
async def test_a_place_that_is_none_is_refused(shop: House, wrong: dict[str, Any]) -> None:
    refused = await reserve(shop, "TEA 1", expect=422, ship_to=wrong)
    assert refused["errors"][0]["loc"][0] == "ship_to"


async def test_a_batch_says_that_it_places_nothing(shop: House) -> None:
    body = {
        "reservations": [
            {
                "reference_type": "cart",
                "reference_id": "c",
                "ship_to": GUANGZHOU,
                "items": [await line(shop, "TEA 1")],
            }
        ]
    }
    refused = await shop.post("/inventory/reservations:batch", body, expect=422)
    assert refused["errors"][0]["loc"] == ["reservations", 0, "ship_to"]


async def test_short_dated_batches_leave_first_and_those_past_use_never(house: House) -> None:
    milk = await house.sku("MILK", tracking="batch")
    async with house.database.transaction() as tx:
        row = await (await tx.connection.execute("select business_now()::date")).fetchone()
    assert row
    for code, latitude, days in (("NEAR", 23.2, 300), ("FAR", 39.9, 10), ("OLD", 23.1, -2)):
        warehouse = await house.warehouse(code, latitude=latitude, longitude=113.3)
        batch = {"number": code, "expiry_date": (row[0] + timedelta(days)).isoformat()}
        receipt = {"warehouse_id": warehouse, "items": [{"sku_id": milk, "quantity": 4, "batch": batch}]}
        await house.post("/inventory/receipts", receipt)
    assert shown(house, await reserve(house, "MILK 2")) == "MILK@NEAR 2"
    assert shown(house, await reserve(house, "MILK 2", strategy="use_by")) == "MILK@FAR 2"
    assert (await reserve(house, "MILK 5", expect=409))["errors"][0]["available"] == 4


async def received(house: House, sku: str, warehouse: str, quantity: int, **units: Any) -> None:
    body = {"warehouse_id": await house.warehouse(warehouse)}
    items = [{"sku_id": await house.sku(sku), "quantity": quantity, **units}]
    await house.post("/inventory/receipts", {**body, "items": items})


async def test_an_order_that_must_last_is_planned_from_what_lasts(shop: House) -> None:
    await shop.sku("MILK", tracking="batch")
    for place, year, units in (("GZ", 2026, 9), ("GZ", 2040, 1), ("BJ", 2041, 5)):
        batch = {"number": f"L-{year}", "expiry_date": f"{year}-12-30"}
        await received(shop, "MILK", place, units, batch=batch)
    asked = {**(await line(shop, "MILK 3")), "min_remaining_days": 700}
    assert shown(shop, await reserve(shop, "TEA 1", items=[asked])) == "MILK@BJ 3"
    assert shown(shop, await reserve(shop, "MILK 3")) == "MILK@GZ 3", "whoever asks for no life gets what is near"
    more = {**asked, "quantity": 4}
    refused = await reserve(shop, "TEA 1", items=[more], expect=409)
    assert (refused["code"], refused["errors"][0]["available"]) == ("insufficient_stock", 3)
    assert await violations(shop.database) == []


async def test_units_that_are_named_come_from_where_they_lie(shop: House) -> None:
    await shop.sku("CAM", tracking="serial")
    await received(shop, "CAM", "BJ", 2, serials=["B-1", "B-2"])
    await received(shop, "CAM", "GZ", 1, serials=["G-1"])
    named = {**(await line(shop, "CAM 2")), "serials": ["B-2", "G-1"]}
    held = await reserve(shop, "TEA 1", items=[named, await line(shop, "TEA 1")])
    assert shown(shop, held) == "CAM@BJ 1, CAM@GZ 1, TEA@GZ 1"
    taken = await reserve(shop, "TEA 1", items=[named], expect=409)
    gone = await reserve(shop, "TEA 1", items=[{**named, "serials": ["B-1", "X-9"]}], expect=409)
    assert (taken["code"], gone["code"], gone["errors"][0]["serials"]) == (
        "serial_not_here",
        "serial_not_here",
        ["X-9"],
    )
    wrong = await reserve(shop, "TEA 1", items=[{**named, "quantity": 3}], expect=422)
    assert wrong["errors"][0]["code"] == "serials_mismatch"
    assert await violations(shop.database) == []


async def test_a_refused_plan_stays_refused_under_its_key(shop: House) -> None:
    refused = await reserve(shop, "TEA 11", expect=409, key="k")
    await shop.stock("TEA", "GZ", 20)
    assert await reserve(shop, "TEA 11", expect=409, key="k") == refused
    body = {"reference_type": "order", "reference_id": "O-1", "expires_in_minutes": None, "ship_to": GUANGZHOU}
    body["items"] = [await line(shop, "TEA 11")]
    again = await shop.client.post("/api/v1/inventory/reservations", json=body, headers={"Idempotency-Key": "k"})
    assert (again.status_code, again.headers["idempotent-replayed"]) == (409, "true")
    other = await reserve(shop, "TEA 10", expect=422, key="k")
    assert other["code"] == "idempotency_key_reused"
    assert shown(shop, await reserve(shop, "TEA 11", key="another")) == "TEA@GZ 11"


async def test_equal_requests_at_once_are_refused_alike(shop: House) -> None:
    answers = await asyncio.gather(*(reserve(shop, "TEA 11", expect=409, key="many") for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)
