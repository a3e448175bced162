"""X-11: units of a level that only one channel may take. A pool is a budget that is used up (docs/decisions/0161)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conftest import Shelf
from tests.stock.orders import allow, arrive, inbound, order, resolve, shown, wait
from tests.stock.pooled import Pooled


@pytest.fixture
def pooled(shelf: Shelf) -> Pooled:
    return Pooled(shelf)


@pytest.mark.parametrize(
    ("there", "pools", "nobody", "shop", "market"),
    [
        (10, "shop 4, market 2", 4, 8, 6),  # what is free, and one's own
        (10, "shop 4", 6, 10, 6),
        (6, "shop 4, market 2", 0, 4, 2),
        # Less there than is kept: the older pool is filled first.
        (5, "shop 4, market 2", 0, 4, 1),
        (3, "shop 4, market 2", 0, 3, 0),
        (3, "market 2, shop 4", 0, 1, 2),
        (0, "shop 4, market 2", 0, 0, 0),
    ],
)
def test_who_may_take_how_many(pooled: Pooled, there: int, pools: str, nobody: int, shop: int, market: int) -> None:
    if there:
        pooled.shelf.given(f"TEA@GZ {there}")
    pooled.pools(pools)
    for channel, may in ((None, nobody), ("shop", shop), ("market", market)):
        for level in ("TEA", "TEA@GZ"):
            told = pooled.reserve(f"{level} {may + 1}", channel)
            assert (told["outcome"], told["errors"][0]["available"]) == ("insufficient_stock", may)
        assert pooled.may(channel) == may
        if channel is not None:
            assert pooled.published(channel) == may
        if may:
            held = pooled.reserve(f"TEA {may}", channel)
            assert held["outcome"] == "reserved"
            pooled.shelf.post("stock_resolve", reservation_id=held["reservation_id"], action="release", items=None)
            assert pooled.may(channel) == may, "what was given back can be had again"


@pytest.mark.parametrize(
    ("asked", "left", "nobody"),
    [
        (3, "shop 1, market 2", 4),  # of its own pool alone: the others have what they had
        (4, "shop 0, market 2", 4),
        (6, "shop 0, market 2", 2),  # beyond it, of what is free
        (8, "shop 0, market 2", 0),
    ],
)
def test_a_channel_takes_from_its_own_pool_first(pooled: Pooled, asked: int, left: str, nobody: int) -> None:
    pooled.shelf.given("TEA@GZ 10")
    pooled.pools("shop 4, market 2")
    assert pooled.reserve(f"TEA {asked}", "shop")["outcome"] == "reserved"
    assert (pooled.left(), pooled.may(), pooled.may("market")) == (left, nobody, nobody + 2)


@pytest.mark.parametrize(
    ("steps", "left", "nobody"),
    [
        ([("release", None)], "shop 4", 6),
        # Giving a part back leaves what asking for less would have left: what is free goes back first.
        ([("release", 2)], "shop 0", 6),
        ([("release", 3)], "shop 1", 6),
        ([("consume", 3), ("release", None)], "shop 1", 6),
        ([("consume", 5), ("release", None)], "shop 0", 5),
        ([("consume", None)], "shop 0", 4),  # what is sold is used up
    ],
)
@pytest.mark.parametrize("level", ["TEA", "TEA@GZ"])
def test_what_is_given_back_goes_to_the_pool_it_came_from(
    pooled: Pooled, level: str, steps: list[tuple[str, int | None]], left: str, nobody: int
) -> None:
    pooled.shelf.given("TEA@GZ 10")
    pooled.pools("shop 4")
    held = pooled.reserve("TEA 6", "shop")["reservation_id"]
    assert (pooled.left(), pooled.may()) == ("shop 0", 4)
    for action, units in steps:
        items = None if units is None else pooled.shelf.items(f"{level} {units}")
        pooled.shelf.post("stock_resolve", reservation_id=held, action=action, items=items)
    assert (pooled.left(), pooled.may()) == (left, nobody)


def test_an_expired_hold_gives_its_units_back_to_the_pool_and_not_to_who_asks_first(fresh_shelf: Shelf) -> None:
    pooled = Pooled(fresh_shelf)
    fresh_shelf.given("TEA@GZ 5")
    pooled.pools("shop 5")
    assert pooled.reserve("TEA 5", "shop")["outcome"] == "reserved"
    fresh_shelf.advance(31)
    assert (pooled.may(), pooled.may("market"), pooled.may("shop"), pooled.published("shop")) == (0, 0, 5, 5)
    assert pooled.reserve("TEA 1")["outcome"] == "insufficient_stock"
    assert pooled.reserve("TEA 1", "market")["outcome"] == "insufficient_stock"
    assert pooled.reserve("TEA 5", "shop")["outcome"] == "reserved"
    assert pooled.left() == "shop 0"


def test_the_sweeper_gives_back_to_the_pool_too(fresh_shelf: Shelf) -> None:
    pooled = Pooled(fresh_shelf)
    fresh_shelf.given("TEA@GZ 5")
    pooled.pools("shop 3")
    assert pooled.reserve("TEA 4", "shop")["outcome"] == "reserved"
    fresh_shelf.advance(31)
    fresh_shelf.connection.execute("select stock_expire(100)")
    assert (pooled.left(), pooled.may(), fresh_shelf.level("TEA@GZ")) == (
        "shop 3",
        2,
        "on_hand=5 available=5 reserved=0",
    )


def test_a_pool_larger_than_what_is_there_binds_what_comes(pooled: Pooled) -> None:
    pooled.pools("shop 4, market 2")
    for arrived, expected in ((3, (0, 3, 0)), (2, (0, 4, 1)), (2, (1, 5, 3))):
        pooled.shelf.given(f"TEA@GZ {arrived}")
        assert (pooled.may(), pooled.may("shop"), pooled.may("market")) == expected


def test_a_pool_is_changed_by_what_was_given_in_all_and_never_below_what_is_taken(pooled: Pooled) -> None:
    pooled.shelf.given("TEA@GZ 10")
    assert pooled.set("shop", 4, expected_version=1) == "version_conflict"
    assert pooled.set("shop", 4, expected_version=0) == "pool_changed"
    assert pooled.reserve("TEA 3", "shop")["outcome"] == "reserved"
    assert pooled.set("shop", 6, expected_version=1) == "pool_changed"
    assert pooled.left() == "shop 3"
    assert pooled.set("shop", 3, expected_version=1) == "version_conflict"
    assert pooled.set("shop", 2) == "below_taken"
    assert pooled.set("shop", 3) == "pool_changed"
    assert (pooled.left(), pooled.may()) == ("shop 0", 7)


def test_what_an_ended_pool_lent_falls_to_everybody(pooled: Pooled) -> None:
    pooled.shelf.given("TEA@GZ 5")
    pooled.pools("shop 5")
    held = pooled.reserve("TEA 3", "shop")["reservation_id"]
    assert pooled.set("shop", None) == "pool_changed"
    assert (pooled.left(), pooled.may()) == ("", 2)
    pooled.pools("shop 1")
    pooled.shelf.post("stock_resolve", reservation_id=held, action="release", items=None)
    assert (pooled.left(), pooled.may()) == ("shop 1", 4)
    assert pooled.set("market", None) == "pool_not_found"


@pytest.mark.parametrize(
    ("level", "columns", "outcome"),
    [
        ("OLD@GZ", {"archived_at": "2026-01-01"}, "sku_archived"),
        ("BOX@GZ", {"is_bundle": True}, "sku_is_bundle"),
    ],
)
def test_only_units_that_can_be_sold_are_given(
    pooled: Pooled, level: str, columns: dict[str, Any], outcome: str
) -> None:
    pooled.shelf.sku(level.partition("@")[0], **columns)
    assert pooled.set("shop", 1, level) == outcome


def test_a_channel_takes_from_its_warehouses_only(pooled: Pooled) -> None:
    pooled.shelf.given("TEA@GZ 3, TEA@BJ 4")
    pooled.channel("shop", warehouse_ids=[pooled.shelf.warehouse("BJ")])
    assert pooled.set("shop", 1, "TEA@GZ") == "warehouse_not_of_channel"
    assert (pooled.may("shop"), pooled.may("shop", warehouse_id=pooled.shelf.warehouse("GZ"))) == (4, 0)
    assert pooled.reserve("TEA 5", "shop")["errors"][0]["available"] == 4
    assert pooled.reserve("TEA@GZ 1", "shop")["outcome"] == "insufficient_stock"
    held = pooled.reserve("TEA 2", "shop")
    assert [i["warehouse_id"] for i in held["items"]] == [pooled.shelf.warehouse("BJ")]


def test_an_unknown_channel_is_refused_and_stays_so_under_its_key(pooled: Pooled) -> None:
    pooled.shelf.given("TEA@GZ 3")
    ask = {"channel": f"nowhere-{pooled.shelf.tag}", "key": pooled.shelf.tag, "hash": "body"}
    first = pooled.shelf.reserve("TEA 1", **ask)
    assert (first["outcome"], first["errors"][0]["loc"]) == ("unknown_channel", ["channel"])
    assert pooled.shelf.reserve("TEA 1", **ask)["replayed"] is True
    assert pooled.shelf.level("TEA@GZ") == "on_hand=3 available=3 reserved=0"


def test_a_group_of_channels_is_decided_each_with_its_own_eyes(pooled: Pooled) -> None:
    pooled.shelf.given("TEA@GZ 10, CUP@GZ 1")
    pooled.pools("shop 4, market 2")
    asks = [("TEA 5", None), ("TEA 8", "shop"), ("TEA 3", "market"), ("CUP 1", "shop"), ("TEA 1", "market")]
    told = pooled.shelf.post_all(
        "stock_reserve",
        [
            {
                "reference_type": "cart",
                "reference_id": "c",
                "minutes": 30,
                "items": pooled.shelf.items(text),
                **({} if channel is None else {"channel": pooled.channel(channel)}),
            }
            for text, channel in asks
        ],
    )
    # Nobody gets 5 of 4, the shop 8 of its 4 and all that is free; then the market has its own 2 and no more.
    assert [t["outcome"] for t in told] == [
        "insufficient_stock",
        "reserved",
        "insufficient_stock",
        "reserved",
        "reserved",
    ]
    assert pooled.left() == "shop 0, market 1"


def test_every_hold_of_a_batch_knows_its_channel(pooled: Pooled) -> None:
    pooled.shelf.given("TEA@GZ 5")
    pooled.pools("shop 5")
    one = {"actor": "test", "reference_type": "cart", "reference_id": "c", "minutes": 30}
    shop = {"n": 0, **one, "items": pooled.shelf.items("TEA 2"), "channel": pooled.channel("shop")}
    nobody = {"n": 1, **one, "items": pooled.shelf.items("TEA 2")}
    row = pooled.shelf.connection.execute(
        "select facts from stock_reserve_batch(%s)", [json.dumps([{"n": 0, "requests": [shop, nobody]}])]
    ).fetchone()
    assert row
    held, refused = row[0]
    assert (held["status"], refused["outcome"], pooled.left()) == (201, "insufficient_stock", "shop 3")
    kept = pooled.shelf.connection.execute(
        "select c.name from reservations h join sales_channels c on c.id = h.channel_id where h.id = %s",
        [held["body"]["reservation_id"]],
    ).fetchone()
    assert kept == ("shop",)


def test_parts_of_a_bundle_come_from_the_pools_of_the_parts(pooled: Pooled) -> None:
    shelf = pooled.shelf
    box = shelf.sku("BOX", is_bundle=True)
    shelf.given("TEA@GZ 4, CUP@GZ 9")
    for part, units in (("TEA", 2), ("CUP", 1)):
        shelf.connection.execute(
            "insert into bundle_components (bundle_id, component_id, quantity) values (%s, %s, %s)",
            [box, shelf.sku(part), units],
        )
    pooled.pools("shop 4")
    assert (pooled.may(sku="BOX"), pooled.may("shop", "BOX"), pooled.published("shop", "BOX")) == (0, 2, 2)
    assert pooled.reserve("BOX 1")["outcome"] == "insufficient_stock"
    held = pooled.reserve("BOX 2", "shop")
    assert (held["outcome"], pooled.left()) == ("reserved", "shop 0")
    shelf.post("stock_resolve", reservation_id=held["reservation_id"], action="release", items=shelf.items("BOX 1"))
    assert pooled.left() == "shop 2"


def test_what_is_sold_or_shipped_leaves_other_channels_pools_where_they_are(pooled: Pooled) -> None:
    pooled.shelf.given("TEA@GZ 10")
    pooled.pools("shop 4")

    def leave(units: int, reference: str, **more: Any) -> str:
        kind = "out" if reference == "sale" else "transfer"
        item = {**pooled.shelf.items(f"TEA@GZ {units}")[0], "quantity": -units}
        return pooled.shelf.post(
            "stock_move",
            event_type="inventory.sold",
            movement_type=kind,
            reference_type=reference,
            reason="test",
            items=[item],
            **more,
        )["outcome"]

    assert leave(7, "sale") == leave(7, "transfer") == "insufficient_stock"
    assert leave(7, "sale", channel=pooled.channel("market")) == "insufficient_stock"
    assert leave(1, "sale", channel="nowhere") == "unknown_channel"
    assert leave(2, "sale", channel=pooled.channel("shop")) == "moved"
    assert (pooled.left(), pooled.may()) == ("shop 2", 6)
    assert leave(6, "transfer") == "moved"
    # What is reported happened: a correction is not stopped by what was meant for whom.
    assert leave(1, "adjustment") == "moved"
    assert (pooled.left(), pooled.may(), pooled.may("shop")) == ("shop 2", 0, 1)


def test_arriving_units_fill_pools_then_who_waits_and_who_waits_on_a_channel_has_its_pool(pooled: Pooled) -> None:
    shelf = pooled.shelf
    allow(shelf, "TEA")
    coming = inbound(shelf, "TEA@GZ 9", in_days=5)
    pooled.pools("shop 3")
    anybody = order(shelf, "TEA@GZ 4")
    shop = order(shelf, "TEA@GZ 2", channel=pooled.channel("shop"))
    # Behind what the pool keeps and what was promised before it, 9 are not enough for 1 more on top of these.
    assert order(shelf, "TEA@GZ 3", channel=pooled.channel("market"))["outcome"] == "insufficient_stock"
    arrive(shelf, coming, "TEA@GZ 2")
    assert (shown(shelf, anybody), shown(shelf, shop)) == (
        "TEA@GZ held=0 waits=4 day=5",
        "TEA@GZ held=2",
    )
    assert pooled.left() == "shop 1"
    arrive(shelf, coming, "TEA@GZ 3")
    assert (shown(shelf, anybody), pooled.may("shop"), pooled.may()) == ("TEA@GZ held=2 waits=2 day=5", 1, 0)
    assert pooled.set("shop", None) == "pool_changed"
    assert shown(shelf, anybody) == "TEA@GZ held=3 waits=1 day=5", "what is kept no longer goes to who waits"


def test_the_waiting_list_is_offered_what_no_pool_keeps(pooled: Pooled) -> None:
    shelf = pooled.shelf
    pooled.pools("shop 3")
    wait(shelf, "TEA@GZ 2", "Ann")
    shelf.given("TEA@GZ 4")
    assert (pooled.left(), pooled.may("shop"), pooled.may()) == ("shop 3", 4, 1)
    held = pooled.reserve("TEA 2", "shop")
    assert held["outcome"] == "reserved"
    pooled.set("shop", 2)
    assert (pooled.left(), pooled.may()) == ("shop 0", 0)
    resolve(shelf, held, "release")
    assert (pooled.left(), pooled.may("shop")) == ("shop 2", 2), "the pool has its units again, and Ann hers"
