"""The waiting list (N-03): units that come free are offered in order, and nobody in the queue is overtaken."""

from __future__ import annotations

import pytest
from tests.books import violations_at
from tests.conftest import Shelf
from tests.stock.orders import allow, events, offers, order, resolve, shown, wait


def test_freed_units_are_offered_in_order_and_held(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 3")
    held = shelf.reserve("TEA@GZ 3")
    for name, units in (("ann", 2), ("ben", 1), ("cyd", 1)):
        wait(shelf, f"TEA {units}", name)
    assert offers(shelf, "TEA") == []
    resolve(shelf, held, "release")
    assert offers(shelf, "TEA") == ["ann", "ben"]
    assert shelf.level("TEA@GZ") == "on_hand=3 available=0 reserved=3"
    assert shelf.reserve("TEA@GZ 1")["outcome"] == "insufficient_stock"
    shelf.given("TEA@GZ 1")
    assert offers(shelf, "TEA") == ["ann", "ben", "cyd"]


def test_an_offer_that_lapses_goes_to_the_next(fresh_shelf: Shelf) -> None:
    fresh_shelf.given("TEA@GZ 1")
    held = fresh_shelf.reserve("TEA@GZ 1", minutes=600)
    for name in ("ann", "ben"):
        wait(fresh_shelf, "TEA 1", name, minutes=10)
    resolve(fresh_shelf, held, "release")
    assert offers(fresh_shelf, "TEA") == ["ann"]
    fresh_shelf.advance(11)
    assert fresh_shelf.reserve("TEA@GZ 1")["outcome"] == "insufficient_stock"  # a newcomer, with a dead sweeper
    assert offers(fresh_shelf, "TEA") == ["ann", "ben"]


def test_what_one_gives_back_goes_to_the_next(shelf: Shelf) -> None:
    wait(shelf, "TEA 1", "ann")
    wait(shelf, "TEA 1", "ben")
    shelf.given("TEA@GZ 1")
    [offer] = events(shelf, "TEA", "waiting_list.offered")
    resolve(shelf, offer, "release")
    assert offers(shelf, "TEA") == ["ann", "ben"]


def test_who_wants_more_than_there_is_keeps_the_place_and_stops_nobody(shelf: Shelf) -> None:
    wait(shelf, "TEA 3", "ann")
    wait(shelf, "TEA 1", "ben")
    shelf.given("TEA@GZ 2")
    assert offers(shelf, "TEA") == ["ben"]
    wait(shelf, "TEA 3", "cyd")
    shelf.given("TEA@GZ 2")
    assert offers(shelf, "TEA") == ["ben", "ann"]


def test_a_promise_goes_before_a_wish(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 1")
    shelf.reserve("TEA@GZ 1")
    allow(shelf, "TEA@GZ", "always")
    wait(shelf, "TEA 1", "ann")
    waiting = order(shelf, "TEA@GZ 2")
    shelf.given("TEA@GZ 2")
    assert (shown(shelf, waiting), offers(shelf, "TEA")) == ("TEA@GZ held=2", [])
    shelf.given("TEA@GZ 1")
    assert offers(shelf, "TEA") == ["ann"]


def test_a_wish_for_one_warehouse_is_served_there(shelf: Shelf) -> None:
    shelf.given("TEA@BJ 1, TEA@GZ 1")
    shelf.reserve("TEA@BJ 1, TEA@GZ 1")
    wait(shelf, "TEA@BJ 1", "ann")
    wait(shelf, "TEA 1", "ben")
    shelf.given("TEA@GZ 1")
    assert offers(shelf, "TEA") == ["ben"]
    shelf.given("TEA@BJ 1")
    assert offers(shelf, "TEA") == ["ben", "ann"]


def test_what_is_there_is_offered_at_once(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 1")
    wait(shelf, "TEA 1", "ann")
    assert offers(shelf, "TEA") == ["ann"]


@pytest.mark.parametrize("place", ["archived", "closed"])
def test_nothing_is_offered_that_is_not_for_sale(shelf: Shelf, place: str) -> None:
    shelf.given("TEA@GZ 1")
    held = shelf.reserve("TEA@GZ 1")
    wait(shelf, "TEA 1", "ann")
    statement = {
        "archived": f"update skus set archived_at = now() where id = '{shelf.sku('TEA')}'",
        "closed": f"update warehouses set is_active = false where id = '{shelf.warehouse('GZ')}'",
    }[place]
    shelf.connection.execute(statement)  # type: ignore[arg-type]
    resolve(shelf, held, "release")
    assert offers(shelf, "TEA") == []


def test_who_left_the_list_is_passed_over(shelf: Shelf) -> None:
    entry = wait(shelf, "TEA 1", "ann")
    wait(shelf, "TEA 1", "ben")
    assert shelf.connection.execute("select stock_stop_waiting(%s)", [entry]).fetchone() == (True,)
    assert shelf.connection.execute("select stock_stop_waiting(%s)", [entry]).fetchone() == (False,)
    shelf.given("TEA@GZ 1")
    assert offers(shelf, "TEA") == ["ben"]


async def test_the_doctor_agrees_after_all_of_it(fresh_shelf: Shelf, fresh_url: str) -> None:
    for name in ("ann", "ben", "cyd"):
        wait(fresh_shelf, "TEA 2", name)
    fresh_shelf.given("TEA@GZ 5")
    offered = events(fresh_shelf, "TEA", "waiting_list.offered")
    resolve(fresh_shelf, offered[0], "consume")
    resolve(fresh_shelf, offered[1], "release")
    assert await violations_at(fresh_url) == []
