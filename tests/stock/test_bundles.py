"""Bundles (X-12): as many as the scarcest component allows, held as components in one lock set."""

from __future__ import annotations

from typing import Any

import pytest
from tests.books import violations_at
from tests.conftest import Shelf
from tests.stock.orders import allow, available, backordered, bundle, day, inbound, order, resolve


@pytest.fixture
def shop(shelf: Shelf) -> Shelf:
    """A tea set is two cans of tea and one cup."""
    shelf.given("TEA@GZ 7, CUP@GZ 5, TEA@BJ 4, CUP@BJ 1")
    assert bundle(shelf, "SET", "TEA 2, CUP 1") is None
    return shelf


def test_a_bundle_is_held_as_its_components(shop: Shelf) -> None:
    held = shop.reserve("SET@GZ 2")
    assert held["outcome"] == "reserved"
    assert {i["sku_id"]: i["reserved_quantity"] for i in held["items"]} == {shop.sku("TEA"): 4, shop.sku("CUP"): 2}
    [told] = held["bundles"]
    assert (told["sku_id"], told["quantity"]) == (shop.sku("SET"), 2)
    assert {c["sku_id"]: c["quantity"] for c in told["components"]} == {shop.sku("TEA"): 2, shop.sku("CUP"): 1}
    assert shop.level("TEA@GZ") == "on_hand=7 available=3 reserved=4"


def test_q3_a_bundle_and_its_component_in_one_basket_count_together(shop: Shelf) -> None:
    refused = shop.reserve("SET@GZ 3, TEA@GZ 2")
    [error] = refused["errors"]
    assert (refused["outcome"], error["requested"], error["available"]) == ("insufficient_stock", 8, 7)
    assert error["bundles"] == [shop.sku("SET")]
    assert shop.level("CUP@GZ") == "on_hand=5 available=5 reserved=0"
    assert shop.reserve("SET@GZ 3, TEA@GZ 1")["outcome"] == "reserved"


def test_two_bundles_that_share_a_component_are_summed(shop: Shelf) -> None:
    bundle(shop, "BOX", "TEA 3")
    assert shop.reserve("SET@GZ 2, BOX@GZ 2")["errors"][0]["requested"] == 10
    assert shop.reserve("SET@GZ 2, BOX@GZ 1")["outcome"] == "reserved"


def test_a_bundle_without_a_warehouse_is_put_together_from_several(shop: Shelf) -> None:
    held = shop.reserve("SET 5")
    assert held["outcome"] == "reserved"
    assert sum(i["reserved_quantity"] for i in held["items"] if i["sku_id"] == shop.sku("TEA")) == 10
    assert shop.reserve("SET 1")["outcome"] == "insufficient_stock"


def test_as_many_bundles_as_the_scarcest_component_allows(shop: Shelf) -> None:
    told = available(shop, "SET", 3)
    assert (told["available"], told["quantity_available"], told["fulfillable_from_one"]) == (True, 5, True)
    assert [w["quantity_available"] for w in told["warehouses"]] == [3, 1]
    assert available(shop, "SET", 4)["fulfillable_from_one"] is False
    assert available(shop, "SET", 6)["available"] is False
    shop.reserve("CUP@GZ 5, CUP@BJ 1")
    assert available(shop, "SET", 1)["quantity_available"] == 0
    inbound(shop, "CUP@GZ 4", in_days=6)
    assert available(shop, "SET", 3)["promise_date"] == day(shop, 6).isoformat()
    assert available(shop, "SET", 3, by=day(shop, 6).isoformat())["quantity_available"] == 4
    assert available(shop, "SET", 5)["promise_date"] is None


def test_a_component_that_nobody_ever_had_makes_none(shop: Shelf) -> None:
    bundle(shop, "RARE", "TEA 1, GHOST 1")
    told = available(shop, "RARE", 1)
    assert (told["quantity_available"], told["warehouses"]) == (0, [])
    assert shop.reserve("RARE 1")["outcome"] == "insufficient_stock"


def test_bundles_are_consumed_and_released_by_name(shop: Shelf) -> None:
    held = shop.reserve("SET@GZ 3")
    sent = resolve(shop, held, "consume", "SET 1")
    assert {i["sku_id"]: i["consumed_quantity"] for i in sent["items"]} == {shop.sku("TEA"): 2, shop.sku("CUP"): 1}
    assert sent["bundles"][0]["open_quantity"] == 2
    assert resolve(shop, held, "release", "SET@GZ 1")["bundles"][0]["open_quantity"] == 1
    assert resolve(shop, held, "consume", "SET 2")["outcome"] == "exceeds_reservation"
    assert resolve(shop, held, "consume", "SET 1")["status"] == "consumed"
    assert shop.level("TEA@GZ") == "on_hand=3 available=3 reserved=0"


def test_another_definition_never_touches_what_is_held(shop: Shelf) -> None:
    held = shop.reserve("SET@GZ 2")
    bundle(shop, "SET", "CUP 4")
    sent = resolve(shop, held, "consume", "SET 1")
    assert {i["sku_id"]: i["consumed_quantity"] for i in sent["items"]} == {shop.sku("TEA"): 2, shop.sku("CUP"): 1}
    bundle(shop, "SET", "")
    assert resolve(shop, held, "release", "SET 1")["outcome"] == "released"
    assert shop.level("TEA@GZ") == "on_hand=5 available=5 reserved=0"


def test_a_bundle_may_wait_for_its_components(shop: Shelf) -> None:
    allow(shop, "TEA@GZ", "always")
    held = order(shop, "SET@GZ 5")
    assert held["outcome"] == "reserved"
    assert backordered(shop, "TEA@GZ") == 3
    shop.given("TEA@GZ 3")
    assert resolve(shop, held, "consume", "SET 5")["status"] == "consumed"


def test_an_archived_bundle_is_not_promised(shop: Shelf) -> None:
    shop.connection.execute("update skus set archived_at = now() where id = %s", [shop.sku("SET")])
    refused = shop.reserve("SET@GZ 1")
    assert (refused["outcome"], refused["errors"][0]["sku_id"]) == ("sku_archived", shop.sku("SET"))
    assert available(shop, "SET", 1)["available"] is False


def test_in_one_group_only_the_request_that_names_it_is_refused(shop: Shelf) -> None:
    base = {"reference_type": "cart", "reference_id": "c", "minutes": 30}
    asks = [{**base, "items": shop.items(text)} for text in ("SET@GZ 3", "SET@GZ 1", "CUP@GZ 2", "TEA@GZ 1")]
    told = [a["outcome"] for a in shop.post_all("stock_reserve", asks)]
    assert told == ["reserved", "insufficient_stock", "reserved", "reserved"]


@pytest.mark.parametrize(
    ("code", "parts", "why"),
    [
        ("BIG", "SET 2", "nested_bundle"),
        ("CUP", "GHOST 1", "nested_bundle"),
        ("TEA", "GHOST 1", "nested_bundle"),
        ("JAR", "GHOST 1", "sku_has_stock"),
    ],
)
def test_a_definition_that_cannot_be_is_refused(shop: Shelf, code: str, parts: str, why: str) -> None:
    shop.given("JAR@GZ 1")
    assert bundle(shop, code, parts) == why


def test_a_bundle_has_no_stock_of_its_own(shop: Shelf) -> None:
    receipt = {"event_type": "inventory.received", "movement_type": "in", "reference_type": "receipt", "reason": "r"}
    assert shop.post("stock_move", **receipt, items=shop.items("SET@GZ 1"))["outcome"] == "sku_is_bundle"


async def test_the_doctor_agrees_after_all_of_it(fresh_shelf: Shelf, fresh_url: str) -> None:
    fresh_shelf.given("TEA@GZ 7, CUP@GZ 5")
    bundle(fresh_shelf, "SET", "TEA 2, CUP 1")
    held = fresh_shelf.reserve("SET@GZ 3")
    resolve(fresh_shelf, held, "consume", "SET 1")
    resolve(fresh_shelf, held, "release", "SET 1")
    assert await violations_at(fresh_url) == []


def sold(shelf: Shelf, *texts: str) -> list[dict[str, Any]]:
    """Sales of one group, such as ``SET@GZ 1, CUP@GZ 2``."""
    base = {"event_type": "inventory.sold", "movement_type": "out", "reference_type": "sale", "reason": "sold"}
    asks = [
        {**base, "items": [{**item, "quantity": -item["quantity"]} for item in shelf.items(text)]} for text in texts
    ]
    return shelf.post_all("stock_move", asks)


def test_a_bundle_is_sold_as_its_parts_in_one_entry(shop: Shelf) -> None:
    [told] = sold(shop, "SET@GZ 2, CUP@GZ 1")
    assert told["outcome"] == "moved"
    left = [(item["sku_id"], item["quantity"]) for item in told["items"]]
    assert sorted(left) == sorted([(shop.sku("TEA"), -4), (shop.sku("CUP"), -2), (shop.sku("CUP"), -1)])
    [bundle_sold] = told["bundles"]
    assert (bundle_sold["sku_id"], bundle_sold["quantity"]) == (shop.sku("SET"), 2)
    assert (shop.level("TEA@GZ"), shop.level("CUP@GZ")) == (
        "on_hand=3 available=3 reserved=0",
        "on_hand=2 available=2 reserved=0",
    )
    row = shop.connection.execute(
        "select count(distinct posted_in), count(*) from inventory_movements where sku_id = any(%s) and quantity < 0",
        [[shop.sku("TEA"), shop.sku("CUP")]],
    ).fetchone()
    assert row == (1, 3)
    levels = "select count(*) from inventory where sku_id = %s"
    assert shop.connection.execute(levels, [shop.sku("SET")]).fetchone() == (0,), "a bundle has no level of its own"


def test_a_bundle_and_its_part_in_one_sale_count_together_and_the_next_request_is_served(shop: Shelf) -> None:
    told = sold(shop, "SET@GZ 3, TEA@GZ 2", "TEA@GZ 5", "SET@GZ 1")
    assert [answer["outcome"] for answer in told] == ["insufficient_stock", "moved", "moved"]
    assert shop.level("TEA@GZ") == "on_hand=0 available=0 reserved=0"


def test_a_bundle_is_still_received_by_its_parts_only(shop: Shelf) -> None:
    answer = shop.post(
        "stock_move", event_type="inventory.received", movement_type="in", reference_type="receipt", reason="received",
        items=shop.items("SET@GZ 1"),
    )  # fmt: skip
    assert answer["outcome"] == "sku_is_bundle"


def test_a_sale_of_a_bundle_is_done_once_under_its_key(shop: Shelf) -> None:
    item = {**shop.items("SET@GZ 1")[0], "quantity": -1}
    request = {
        "event_type": "inventory.sold", "movement_type": "out", "reference_type": "sale", "reason": "sold",
        "key": "till-1", "hash": "h", "items": [item],
    }  # fmt: skip
    first, second = (shop.post("stock_move", **request) for _ in range(2))
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert first["bundles"] == second["bundles"]
    assert shop.level("TEA@GZ") == "on_hand=5 available=5 reserved=0"


def test_batches_of_a_sold_bundle_leave_first_expired_first_out(shop: Shelf) -> None:
    milk = shop.sku("MILK", tracking="batch")
    place = shop.warehouse("GZ")
    for number, date in (("L-2", "2041-01-01"), ("L-1", "2040-01-01")):
        item = {"sku_id": milk, "warehouse_id": place, "quantity": 1, "batch": {"number": number, "expiry_date": date}}
        shop.post(
            "stock_move", event_type="inventory.received", movement_type="in", reference_type="receipt",
            reason="received", items=[item],
        )  # fmt: skip
    bundle(shop, "BREAKFAST", "MILK 1, TEA 1")
    [told] = sold(shop, "BREAKFAST@GZ 1")
    batches = [item["batch"]["number"] for item in told["items"] if "batch" in item]
    assert (told["outcome"], batches) == ("moved", ["L-1"])
