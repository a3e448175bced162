"""Bundles (X-12): as many as the scarcest component allows, held as components in one lock set."""

from __future__ import annotations

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
