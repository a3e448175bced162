"""Bundles, backorders and the waiting list over the API, with purchase orders and transfers that move the promise."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import psycopg
from tests.books import violations
from tests.house import House

from holdfast.stock.promises import date_overdue


async def today(house: House) -> date:
    async with house.database.transaction() as tx:
        row = await (await tx.connection.execute("select business_now()::date")).fetchone()
    assert row
    return row[0]


async def line(house: House, sku: str, quantity: int, warehouse: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"sku_id": await house.sku(sku), "quantity": quantity}
    return found if warehouse is None else {**found, "warehouse_id": await house.warehouse(warehouse)}


async def order(house: House, *lines: dict[str, Any], expect: int = 201, **more: Any) -> Any:
    kind = {"reference_type": "order", "reference_id": "O-1", "expires_in_minutes": None, "allow_backorder": True}
    return await house.post("/inventory/reservations", {**kind, "items": list(lines), **more}, expect=expect)


async def bought(house: House, sku: str, quantity: int, days: int) -> str:
    """A sent purchase order that is expected in so many days."""
    body = {
        "supplier_id": await house.supplier("ACME"),
        "warehouse_id": await house.warehouse("GZ"),
        "expected_at": (await today(house) + timedelta(days)).isoformat(),
        "items": [{"sku_id": await house.sku(sku), "quantity": quantity, "unit_cost": "1"}],
    }
    found = (await house.post("/purchase-orders", body))["id"]
    await house.post(f"/purchase-orders/{found}/send", {}, expect=200)
    return found


async def told(house: House, kind: str) -> int:
    """How many events of a kind were written."""
    async with house.database.transaction() as tx:
        row = await (
            await tx.connection.execute("select count(*) from outbox_events where event_type = %s", [kind])
        ).fetchone()
    assert row
    return row[0]


async def test_an_order_waits_for_a_purchase_order_and_follows_its_dates(house: House) -> None:
    tea = await house.sku("TEA")
    await house.stock("TEA", "GZ", 2)
    coming = await bought(house, "TEA", 10, days=5)
    await house.call("PUT", f"/inventory/{tea}/backorder-policy", json={"mode": "dated"}, expect=200)
    held = await order(house, await line(house, "TEA", 5, "GZ"))
    start = await today(house)
    assert [i.get("backordered_quantity") for i in held["items"]] == [None, 3]
    assert held["items"][1]["promise_date"] == (start + timedelta(5)).isoformat()
    by = (start + timedelta(5)).isoformat()
    found = await house.get(f"/inventory/{tea}/availability", quantity=7, by=by)
    assert (found["available"], found["quantity_available"]) == (True, 7)
    [level] = (await house.get("/inventory", sku_id=tea))["inventories"]
    assert (level["available_quantity"], level["backordered_quantity"]) == (0, 3)

    later = {"expected_at": (start + timedelta(9)).isoformat()}
    await house.post(f"/purchase-orders/{coming}/confirm", later, expect=200)
    reservation = f"/inventory/reservations/{held['reservation_id']}"
    assert (await house.get(reservation))["items"][0]["promise_date"] == (start + timedelta(9)).isoformat()

    part = {"items": [{"sku_id": tea, "quantity": 1}]}
    await house.post(f"/purchase-orders/{coming}/receive", part, expect=200)
    [item] = (await house.get(reservation))["items"]
    assert (item["open_quantity"], item["backordered_quantity"]) == (3, 2)
    await house.post(f"/purchase-orders/{coming}/close", {"reason": "no more"}, expect=200)
    [item] = (await house.get(reservation))["items"]
    assert (item["backordered_quantity"], item["promise_date"]) == (2, None)
    assert (await told(house, "inventory.promise_changed")) == 2
    assert (await told(house, "inventory.backorder_filled")) == 1
    assert await violations(house.database) == []


async def test_a_transfer_on_its_way_is_inbound_too(house: House) -> None:
    tea = await house.sku("TEA")
    await house.stock("TEA", "BJ", 5)
    gz = await house.warehouse("GZ")
    await house.call(
        "PUT", f"/inventory/{tea}/backorder-policy", json={"mode": "always", "warehouse_id": gz}, expect=200
    )
    held = await order(house, await line(house, "TEA", 3, "GZ"))
    assert held["items"][0]["promise_date"] is None
    start = await today(house)
    body = {
        "from_warehouse_id": await house.warehouse("BJ"),
        "to_warehouse_id": gz,
        "expected_at": (start + timedelta(2)).isoformat(),
        "items": [{"sku_id": tea, "quantity": 5}],
    }
    transfer = (await house.post("/transfers", body))["id"]
    await house.post(f"/transfers/{transfer}/ship", {}, expect=200)
    reservation = f"/inventory/reservations/{held['reservation_id']}"
    assert (await house.get(reservation))["items"][0]["promise_date"] == (start + timedelta(2)).isoformat()
    await house.post(f"/transfers/{transfer}/receive", {}, expect=200)
    assert (await house.get(reservation))["items"][0]["open_quantity"] == 3
    assert await violations(house.database) == []


async def test_backorder_rules_are_read_set_and_taken_back(house: House) -> None:
    tea, gz = await house.sku("TEA"), await house.warehouse("GZ")
    path = f"/inventory/{tea}/backorder-policy"
    refused = await order(house, await line(house, "TEA", 1, "GZ"), expect=409)
    assert refused["errors"][0]["backorder"] == "not_allowed"
    await house.call("PUT", path, json={"mode": "always", "quantity_max": 4}, expect=200)
    both = await house.call("PUT", path, json={"mode": "never", "warehouse_id": gz}, expect=200)
    assert [(p["mode"], p["quantity_max"]) for p in both["policies"]] == [("always", 4), ("never", None)]
    await house.call("PUT", path, json={"mode": None, "warehouse_id": gz}, expect=200)
    assert len((await house.get(path))["policies"]) == 1
    await order(house, await line(house, "TEA", 4, "GZ"))
    over = await order(house, await line(house, "TEA", 1, "GZ"), expect=409)
    assert over["errors"][0]["backorder"] == "limit_reached"
    await house.call("GET", f"/inventory/{gz}/backorder-policy", expect=404)
    await house.call("PUT", path, json={"mode": "often"}, expect=422)


async def test_a_bundle_is_defined_sold_and_shipped_by_name(house: House) -> None:
    await house.stock("TEA", "GZ", 4)
    await house.stock("CUP", "GZ", 4)
    gift = await house.sku("SET")
    path = f"/skus/{gift}/components"
    defined = await house.call(
        "PUT", path, json={"components": [await line(house, "TEA", 2), await line(house, "CUP", 1)]}, expect=200
    )
    assert {c["quantity"] for c in defined["components"]} == {1, 2}
    assert (await house.get(f"/skus/{gift}"))["is_bundle"] is True
    found = await house.get(f"/inventory/{gift}/availability", quantity=2)
    assert (found["quantity_available"], found["fulfillable_from_one"]) == (2, True)
    held = await order(house, {"sku_id": gift, "quantity": 2})
    assert held["bundles"][0]["quantity"] == 2
    sent = await house.post(
        f"/inventory/reservations/{held['reservation_id']}/consume",
        {"items": [{"sku_id": gift, "quantity": 2}]},
        expect=200,
    )
    assert sent["status"] == "consumed"
    refused = await house.call("PUT", path, json={"components": [await line(house, "SET", 1)]}, expect=422)
    assert refused["code"] == "nested_bundle"
    receipt = {"warehouse_id": await house.warehouse("GZ"), "items": [await line(house, "SET", 1)]}
    assert (await house.post("/inventory/receipts", receipt, expect=409))["code"] == "sku_is_bundle"
    await house.call("PUT", path, json={"components": []}, expect=200)
    await house.post("/inventory/receipts", receipt)
    assert await violations(house.database) == []


async def test_the_waiting_list_offers_takes_and_passes_on(house: House) -> None:
    tea = await house.sku("TEA")
    entries = [
        await house.post("/waiting-list", {"sku_id": tea, "quantity": 1, "reference_id": name})
        for name in ("ann", "ben", "cyd")
    ]
    assert [(e["status"], e["ahead"]) for e in entries] == [("waiting", 0), ("waiting", 1), ("waiting", 2)]
    await house.stock("TEA", "GZ", 2)
    shown = (await house.get("/waiting-list", sku_id=tea))["entries"]
    assert [(e["reference_id"], e["status"]) for e in shown] == [
        ("ann", "offered"),
        ("ben", "offered"),
        ("cyd", "waiting"),
    ]
    accept = {"reference_type": "order", "reference_id": "O-7"}
    taken = await house.post(f"/waiting-list/{entries[0]['id']}/accept", accept, expect=200)
    assert (taken["reference_type"], taken["reference_id"], taken["expires_at"]) == ("order", "O-7", None)
    assert (await house.post(f"/waiting-list/{entries[0]['id']}/accept", accept, expect=409))["code"] == "not_offered"
    await house.call("DELETE", f"/waiting-list/{entries[1]['id']}", expect=204)
    await house.call("DELETE", f"/waiting-list/{entries[1]['id']}", expect=204)
    assert (await house.call("DELETE", f"/waiting-list/{entries[0]['id']}", expect=409))["code"] == "offer_accepted"
    shown = (await house.get("/waiting-list", sku_id=tea))["entries"]
    assert [e["status"] for e in shown] == ["accepted", "declined", "offered"]
    assert [e["reference_id"] for e in (await house.get("/waiting-list", status="offered"))["entries"]] == ["cyd"]
    page = await house.get("/waiting-list", limit=2)
    rest = await house.get("/waiting-list", limit=2, cursor=page["next_cursor"])
    assert [e["id"] for e in page["entries"] + rest["entries"]] == [e["id"] for e in entries]
    await house.call("GET", f"/waiting-list/{tea}", expect=404)
    assert await violations(house.database) == []


async def test_a_day_that_is_none_is_refused(house: House) -> None:
    path = f"/inventory/{await house.sku('TEA')}/availability"
    refused = await house.call("GET", path, params={"quantity": 1, "by": "soon"}, expect=422)
    assert refused["errors"][0]["loc"] == ["query", "by"]


async def test_promises_on_late_deliveries_are_dated_anew_every_night(house: House) -> None:
    tea = await house.sku("TEA")
    await bought(house, "TEA", 10, days=3)
    await house.call("PUT", f"/inventory/{tea}/backorder-policy", json={"mode": "dated"}, expect=200)
    held = await order(house, await line(house, "TEA", 5, "GZ"))
    async with house.database.transaction() as tx:
        assert await date_overdue(tx) == 0
    with_shift = "update business_clock set shift = interval '4 days'"
    with psycopg.connect(house.database.url, autocommit=True) as owner:
        owner.execute(with_shift)
    async with house.database.transaction() as tx:
        assert await date_overdue(tx) == 1
    assert (await house.get(f"/inventory/reservations/{held['reservation_id']}"))["items"][0]["promise_date"] is None
    assert (await told(house, "inventory.promise_changed")) == 1
