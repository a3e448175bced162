"""Backorders and the dated promise (X-09, X-10): promised once, oldest first, told when it changes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.books import violations_at
from tests.conftest import Shelf
from tests.stock.orders import (
    allow,
    arrive,
    available,
    backordered,
    day,
    events,
    inbound,
    order,
    postpone,
    resolve,
    shown,
)


@pytest.fixture
def shop(shelf: Shelf) -> Shelf:
    """Two cans of tea on the shelf, ten more in five days, and tea may wait for goods with a date."""
    shelf.given("TEA@GZ 2")
    inbound(shelf, "TEA@GZ 10", in_days=5)
    allow(shelf, "TEA@GZ")
    return shelf


def test_what_is_short_is_promised_against_what_is_on_its_way(shop: Shelf) -> None:
    held = order(shop, "TEA@GZ 5")
    assert held["outcome"] == "reserved"
    assert [i.get("backordered_quantity", 0) for i in held["items"]] == [0, 3]
    assert shown(shop, held) == "TEA@GZ held=2 waits=3 day=5"
    assert shop.level("TEA@GZ") == "on_hand=2 available=0 reserved=2"
    assert backordered(shop, "TEA@GZ") == 3


def test_nobody_waits_who_did_not_ask_to(shop: Shelf) -> None:
    refused = order(shop, "TEA@GZ 5", allow_backorder=False)
    assert refused["outcome"] == "insufficient_stock"
    assert "backorder" not in refused["errors"][0]
    one = [{**shop.items("TEA@GZ 5")[0], "allow_backorder": False}]
    assert order(shop, "TEA@GZ 5", items=one)["outcome"] == "insufficient_stock"
    one[0]["allow_backorder"] = True
    assert order(shop, "TEA@GZ 5", items=one, allow_backorder=False)["outcome"] == "reserved"


def test_a_line_that_may_not_wait_refuses_the_whole_order(shop: Shelf) -> None:
    shop.given("CUP@GZ 1")
    lines = [{**line, "allow_backorder": n == 0} for n, line in enumerate(shop.items("TEA@GZ 5, CUP@GZ 2"))]
    refused = order(shop, "TEA@GZ 5", items=lines, allow_backorder=False)
    assert refused["outcome"] == "insufficient_stock"
    assert shop.level("TEA@GZ") == "on_hand=2 available=2 reserved=0"
    assert backordered(shop, "TEA@GZ") == 0


@pytest.mark.parametrize(
    ("mode", "most", "units", "why"),
    [
        ("never", None, 3, "not_allowed"),
        (None, None, 3, "not_allowed"),
        ("dated", None, 13, "no_dated_inbound"),
        ("dated", 4, 7, "limit_reached"),
        ("always", 4, 7, "limit_reached"),
        ("always", None, 999, None),
        ("dated", 4, 6, None),
        ("dated", None, 12, None),
    ],
)
def test_the_rule_of_the_sku_says_how_much_may_wait(
    shop: Shelf, mode: str | None, most: int | None, units: int, why: str | None
) -> None:
    allow(shop, "TEA@GZ", mode, most)
    answer = order(shop, f"TEA@GZ {units}")
    assert answer.get("errors", [{}])[0].get("backorder") == why
    assert (answer["outcome"] == "reserved") == (why is None)


def test_the_rule_of_a_warehouse_goes_before_the_rule_of_the_sku(shop: Shelf) -> None:
    allow(shop, "TEA", "always")
    allow(shop, "TEA@GZ", "never")
    assert order(shop, "TEA@GZ 5")["errors"][0]["backorder"] == "not_allowed"
    allow(shop, "TEA@GZ", None)
    assert order(shop, "TEA@GZ 50")["outcome"] == "reserved"


def test_a_later_promise_never_takes_from_an_earlier_one(shop: Shelf) -> None:
    inbound(shop, "TEA@GZ 10", in_days=9)
    promised = [order(shop, f"TEA@GZ {units}") for units in (5, 7, 1, 9)]
    assert [shown(shop, p).split("day=")[-1] for p in promised] == ["5", "5", "9", "9"]
    assert order(shop, "TEA@GZ 1")["outcome"] == "insufficient_stock"  # all 22 are spoken for


def test_arriving_units_go_to_who_waits_oldest_promise_first_and_to_nobody_else(shop: Shelf) -> None:
    first, second = order(shop, "TEA@GZ 5"), order(shop, "TEA@GZ 4")
    shop.given("TEA@GZ 4")  # another delivery, with no document at all
    assert (shown(shop, first), shown(shop, second)) == ("TEA@GZ held=5", "TEA@GZ held=1 waits=3 day=5")
    assert shop.reserve("TEA@GZ 1")["outcome"] == "insufficient_stock"
    shop.given("TEA@GZ 9")
    assert shown(shop, second) == "TEA@GZ held=4"
    assert shop.level("TEA@GZ") == "on_hand=15 available=6 reserved=9"
    told = events(shop, "TEA", "inventory.backorder_filled")
    assert [(t["reservation_id"], t["items"][0]["quantity"], t["items"][0]["backordered_quantity"]) for t in told] == [
        (first["reservation_id"], 3, 0),
        (second["reservation_id"], 1, 3),
        (second["reservation_id"], 3, 0),
    ]


def test_units_a_hold_gives_back_go_to_who_waits_in_the_same_transaction(shop: Shelf) -> None:
    held = shop.reserve("TEA@GZ 2")
    waiting = order(shop, "TEA@GZ 3")
    resolve(shop, held, "release", "TEA@GZ 1")
    assert shown(shop, waiting) == "TEA@GZ held=1 waits=2 day=5"
    assert shop.level("TEA@GZ") == "on_hand=2 available=0 reserved=2"


def test_a_hold_that_runs_out_serves_who_waits_before_the_one_who_asks(fresh_shelf: Shelf) -> None:
    shop = fresh_shelf
    shop.given("TEA@GZ 2")
    allow(shop, "TEA@GZ", "always")
    shop.reserve("TEA@GZ 2", minutes=10)
    waiting = order(shop, "TEA@GZ 1")
    shop.advance(11)
    assert available(shop, "TEA", 2)["quantity_available"] == 1  # one is promised
    assert shop.reserve("TEA@GZ 2")["outcome"] == "insufficient_stock"
    assert shop.reserve("TEA@GZ 1")["outcome"] == "reserved"
    assert shown(shop, waiting) == "TEA@GZ held=1"


def test_what_is_there_is_shipped_and_the_rest_stays_promised(shop: Shelf) -> None:
    held = order(shop, "TEA@GZ 5")
    assert resolve(shop, held, "consume", "TEA@GZ 3")["outcome"] == "exceeds_reservation"
    sent = resolve(shop, held, "consume")
    assert (sent["outcome"], sent["status"], sent["items"][0]["consumed_quantity"]) == ("consumed", "active", 2)
    assert resolve(shop, held, "consume")["outcome"] == "consumed"  # a repeat: nothing more is there
    assert shop.level("TEA@GZ") == "on_hand=0 available=0 reserved=0"
    assert shown(shop, held) == "TEA@GZ held=0 waits=3 day=5"
    shop.given("TEA@GZ 3")
    assert resolve(shop, held, "consume")["status"] == "consumed"
    assert shop.level("TEA@GZ") == "on_hand=0 available=0 reserved=0"


def test_what_waits_entirely_cannot_be_shipped(shop: Shelf) -> None:
    shop.reserve("TEA@GZ 2")
    held = order(shop, "TEA@GZ 5")
    assert resolve(shop, held, "consume")["outcome"] == "still_backordered"
    assert resolve(shop, held, "consume", "TEA@GZ 1")["outcome"] in ("still_backordered", "exceeds_reservation")


def test_taking_back_a_part_takes_what_was_only_promised_first(shop: Shelf) -> None:
    held = order(shop, "TEA@GZ 5")
    resolve(shop, held, "release", "TEA@GZ 2")
    assert shown(shop, held) == "TEA@GZ held=2 waits=1 day=5"
    resolve(shop, held, "release", "TEA@GZ 2")
    assert shown(shop, held) == "TEA@GZ held=1"
    assert shop.level("TEA@GZ") == "on_hand=2 available=1 reserved=1"


def test_cancelling_lets_everybody_behind_move_up(shop: Shelf) -> None:
    inbound(shop, "TEA@GZ 10", in_days=9)
    first, second = order(shop, "TEA@GZ 12"), order(shop, "TEA@GZ 4")
    assert shown(shop, second) == "TEA@GZ held=0 waits=4 day=9"
    resolve(shop, first, "release")
    assert shown(shop, second) == "TEA@GZ held=2 waits=2 day=5"
    assert backordered(shop, "TEA@GZ") == 2
    assert resolve(shop, first, "release")["outcome"] == "released"


def test_a_deadline_ends_the_promise_too(fresh_shelf: Shelf) -> None:
    fresh_shelf.given("TEA@GZ 2")
    allow(fresh_shelf, "TEA@GZ", "always")
    held = order(fresh_shelf, "TEA@GZ 5", reference_type="cart", minutes=10)
    fresh_shelf.advance(11)
    fresh_shelf.given("TEA@GZ 5")  # too late for this cart
    assert fresh_shelf.level("TEA@GZ") == "on_hand=7 available=7 reserved=0"
    fresh_shelf.connection.execute("select stock_expire(10)")
    assert backordered(fresh_shelf, "TEA@GZ") == 0
    assert resolve(fresh_shelf, held, "consume")["outcome"] == "reservation_expired"


@pytest.mark.parametrize("later", [8, None])
def test_a_delivery_that_is_put_off_changes_the_promise_and_says_so(shop: Shelf, later: int | None) -> None:
    held = order(shop, "TEA@GZ 5")
    coming = inbound(shop, "TEA@GZ 1", in_days=1)
    postpone(shop, coming, "TEA@GZ", 2)
    assert shown(shop, held) == "TEA@GZ held=2 waits=3 day=5"  # it was not enough anyway
    assert events(shop, "TEA", "inventory.promise_changed") == []
    rows = shop.connection.execute(
        "select purchase_order_id::text from purchase_order_lines where sku_id = %s and open_quantity = 10",
        [shop.sku("TEA")],
    ).fetchall()
    postpone(shop, rows[0][0], "TEA@GZ", later)
    assert shown(shop, held) == f"TEA@GZ held=2 waits=3 day={later}"
    [told] = events(shop, "TEA", "inventory.promise_changed")
    assert told["items"][0]["promise_date"] == (None if later is None else day(shop, later).isoformat())
    assert told["items"][0]["promise_date_before"] == day(shop, 5).isoformat()


def test_a_floating_line_waits_where_it_is_promised_soonest(shop: Shelf) -> None:
    inbound(shop, "TEA@BJ 10", in_days=3)
    allow(shop, "TEA@BJ")
    assert shown(shop, order(shop, "TEA 5")) == "TEA@GZ held=2, TEA@BJ held=0 waits=3 day=3"


def test_one_group_promises_every_unit_once(shop: Shelf) -> None:
    base = {"reference_type": "order", "reference_id": "O", "minutes": None, "allow_backorder": True}
    answers = shop.post_all("stock_reserve", [{**base, "items": shop.items(f"TEA@GZ {q}")} for q in (5, 5, 5, 2, 1)])
    assert [a["outcome"] for a in answers] == [
        "reserved",
        "reserved",
        "insufficient_stock",
        "reserved",
        "insufficient_stock",
    ]
    assert backordered(shop, "TEA@GZ") == 10


def ask(shelf: Shelf, units: int, by: int | None = None, **more: Any) -> tuple[bool, int, int | None]:
    if by is not None:
        more["by"] = day(shelf, by).isoformat()
    told = available(shelf, "TEA", units, **more)
    date = told["promise_date"]
    days = next((n for n in range(30) if date == day(shelf, n).isoformat()), None)
    return told["available"], told["quantity_available"], days


def test_availability_by_a_date_counts_what_comes_until_then_and_is_not_promised(shop: Shelf) -> None:
    inbound(shop, "TEA@GZ 10", in_days=9)
    inbound(shop, "TEA@GZ 10", in_days=-1)  # late: nobody knows when it comes
    inbound(shop, "TEA@GZ 10", in_days=None)
    assert ask(shop, 2) == (True, 2, 0)
    assert ask(shop, 3) == (False, 2, 5)
    assert ask(shop, 12, by=4) == (False, 2, 5)
    assert ask(shop, 12, by=5) == (True, 12, 5)
    assert ask(shop, 22, by=20) == (True, 22, 9)
    assert ask(shop, 23, by=20) == (False, 22, None)
    order(shop, "TEA@GZ 12")
    assert ask(shop, 1) == (False, 0, 9)
    assert ask(shop, 1, by=5) == (False, 0, 9)
    assert ask(shop, 10, by=9) == (True, 10, 9)


def test_a_surplus_here_covers_no_promise_made_there(shop: Shelf) -> None:
    shop.given("TEA@BJ 3")
    allow(shop, "TEA@GZ", "always")
    order(shop, "TEA@GZ 20")
    assert ask(shop, 3) == (True, 3, 0)
    assert ask(shop, 3, by=6) == (True, 3, 0)
    assert ask(shop, 3, by=6, warehouse_id=shop.warehouse("GZ")) == (False, 0, None)


def test_a_repeat_is_answered_as_before(shop: Shelf) -> None:
    first = order(shop, "TEA@GZ 5", key="k", hash="b")
    assert order(shop, "TEA@GZ 5", key="k", hash="b") == {**first, "replayed": True}
    assert backordered(shop, "TEA@GZ") == 3


async def test_the_doctor_agrees_after_all_of_it(fresh_shelf: Shelf, fresh_url: str) -> None:
    shop = fresh_shelf
    shop.given("TEA@GZ 2, CUP@GZ 3")
    coming = inbound(shop, "TEA@GZ 10", in_days=5)
    allow(shop, "TEA@GZ")
    held = [order(shop, f"TEA@GZ {units}, CUP@GZ 1") for units in (4, 3)]
    resolve(shop, held[0], "consume")
    arrive(shop, coming, "TEA@GZ 3")
    resolve(shop, held[0], "release", "TEA@GZ 1")
    resolve(shop, held[1], "release")
    order(shop, "TEA@GZ 5")
    assert await violations_at(fresh_url) == []
