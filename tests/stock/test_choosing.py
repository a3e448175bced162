"""Which warehouse serves a line that names none, and what is refused because it is unknown or closed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conftest import Shelf

NIL = "00000000-0000-0000-0000-000000000000"


def chosen(shelf: Shelf, text: str) -> str:
    """``GZ 2, BJ 1``: where a hold for ``text`` was placed."""
    answer = shelf.reserve(text)
    if answer["outcome"] != "reserved":
        return answer["outcome"]
    names = {shelf.ids[key]: key.removeprefix("warehouses:") for key in shelf.ids if key.startswith("warehouses:")}
    return ", ".join(f"{names[i['warehouse_id']]} {i['reserved_quantity']}" for i in answer["items"])


@pytest.fixture
def three(shelf: Shelf) -> Shelf:
    """GZ has priority 200, BJ and SH 100."""
    shelf.warehouse("GZ", priority=200)
    shelf.warehouse("BJ", priority=100)
    shelf.warehouse("SH", priority=100)
    return shelf


@pytest.mark.parametrize(
    ("stock", "asked", "where"),
    [
        ("TEA@GZ 2, TEA@BJ 9", "TEA 2", "GZ 2"),  # the higher priority wins
        ("TEA@GZ 2, TEA@BJ 9", "TEA 3", "BJ 3"),  # unless one place can serve all of it
        ("TEA@BJ 5, TEA@SH 6", "TEA 3", "SH 3"),  # equal priority: where more is left
        ("TEA@GZ 2, TEA@BJ 3", "TEA 5", "GZ 2, BJ 3"),  # no place can: spread by priority
        ("TEA@GZ 2, TEA@BJ 3", "TEA 6", "insufficient_stock"),
        ("TEA@GZ 2, TEA@BJ 3", "TEA@GZ 3", "insufficient_stock"),  # a named warehouse is meant
        ("TEA@GZ 2, TEA@BJ 3", "TEA@GZ 2, TEA 3", "GZ 2, BJ 3"),
        ("TEA@GZ 2, TEA@BJ 3", "TEA@GZ 2, TEA 4", "insufficient_stock"),
    ],
)
def test_the_warehouse_is_chosen_by_priority_then_stock(three: Shelf, stock: str, asked: str, where: str) -> None:
    three.given(stock)
    assert chosen(three, asked) == where


def test_a_contested_request_does_not_take_what_the_group_was_granted(three: Shelf) -> None:
    three.given("TEA@GZ 5, TEA@BJ 5, CUP@GZ 1")
    kind = {"reference_type": "cart", "reference_id": "c", "minutes": 30}
    group = ("TEA@GZ 5", "TEA 3, CUP@GZ 1", "CUP@GZ 1")
    told = three.post_all("stock_reserve", [{**kind, "items": three.items(text)} for text in group])
    assert [t["outcome"] for t in told] == ["reserved", "reserved", "insufficient_stock"]
    assert three.level("TEA@GZ") == "on_hand=5 available=0 reserved=5"
    assert three.level("TEA@BJ") == "on_hand=5 available=2 reserved=3"


def test_a_closed_warehouse_serves_nobody(three: Shelf) -> None:
    three.given("TEA@GZ 5, TEA@BJ 5")
    three.connection.execute("update warehouses set is_active = false where id = %s", [three.warehouse("GZ")])
    assert chosen(three, "TEA 3") == "BJ 3"
    assert chosen(three, "TEA@GZ 1") == "warehouse_inactive"
    assert chosen(three, "TEA 3") == "insufficient_stock"


def reserve(shelf: Shelf, *items: dict[str, Any]) -> dict[str, Any]:
    return shelf.post("stock_reserve", reference_type="cart", reference_id="c", minutes=5, items=list(items))


def test_unknown_skus_and_warehouses_are_named_by_line(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    good = shelf.items("TEA@GZ 1")[0]
    told = reserve(shelf, good, {**good, "sku_id": NIL})
    assert (told["outcome"], [e["line"] for e in told["errors"]]) == ("unknown_sku", [2])
    told = reserve(shelf, {**good, "warehouse_id": NIL}, good)
    assert (told["outcome"], [e["line"] for e in told["errors"]]) == ("unknown_warehouse", [1])
    assert shelf.level("TEA@GZ") == "on_hand=5 available=5 reserved=0"


def test_an_archived_sku_is_not_promised(shelf: Shelf) -> None:
    shelf.given("OLD@GZ 5")
    shelf.connection.execute("update skus set archived_at = now() where id = %s", [shelf.sku("OLD")])
    assert chosen(shelf, "OLD 1") == "sku_archived"
    assert chosen(shelf, "OLD@GZ 1") == "sku_archived"


def test_a_shortage_names_every_short_line(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5, CUP@GZ 1, JAR@GZ 9")
    told = shelf.reserve("TEA@GZ 6, JAR@GZ 1, CUP 2")
    assert [(e["line"], e["requested"], e["available"]) for e in told["errors"]] == [(1, 6, 5), (3, 2, 1)]


def ask(shelf: Shelf, text: str, **more: Any) -> dict[str, Any]:
    """The answer to an availability question about ``TEA 3`` or ``TEA@GZ 3``."""
    asked = {"n": 0, **shelf.items(text)[0], **more}
    row = shelf.connection.execute("select * from stock_availability(%s)", [json.dumps([asked])]).fetchone()
    assert row is not None
    return {"outcome": row[1], **row[2]}


def test_availability_says_how_many_and_where(three: Shelf) -> None:
    three.given("TEA@GZ 2, TEA@BJ 5")
    told = ask(three, "TEA 6")
    assert (told["available"], told["quantity_available"], told["fulfillable_from_one"]) == (True, 7, False)
    assert [w["quantity_available"] for w in told["warehouses"]] == [2, 5]
    assert ask(three, "TEA 5")["fulfillable_from_one"] is True
    assert ask(three, "TEA@GZ 3")["available"] is False
    assert ask(three, "JAR 1") | {"warehouses": []} == ask(three, "JAR 1")
    assert three.post("stock_availability", sku_id=NIL, quantity=1)["outcome"] == "sku_not_found"


def test_a_shopper_is_not_blocked_by_an_own_hold(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    shelf.reserve("TEA@GZ 4", reference_id="mine")
    assert ask(shelf, "TEA 5")["quantity_available"] == 1
    assert ask(shelf, "TEA 5", exclude_reference_id="mine")["quantity_available"] == 5
    assert ask(shelf, "TEA 5", exclude_reference_id="other")["quantity_available"] == 1


def test_a_hold_whose_time_is_over_counts_as_available(fresh_shelf: Shelf) -> None:
    fresh_shelf.given("TEA@GZ 5")
    fresh_shelf.reserve("TEA@GZ 4", minutes=10)
    fresh_shelf.advance(minutes=10)
    assert ask(fresh_shelf, "TEA 5")["available"] is True


def test_a_group_fills_the_warehouse_of_highest_priority_before_the_next(shelf: Shelf) -> None:
    shelf.warehouse("NEAR", priority=200)
    shelf.warehouse("FAR", priority=100)
    shelf.given("TEA@NEAR 3, TEA@FAR 50")
    request = {"reference_type": "cart", "reference_id": "c", "minutes": 30, "items": shelf.items("TEA 1")}
    answers = shelf.post_all("stock_reserve", [request] * 5)
    assert [a["outcome"] for a in answers] == ["reserved"] * 5
    assert shelf.level("TEA@NEAR") == "on_hand=3 available=0 reserved=3"
    assert shelf.level("TEA@FAR") == "on_hand=50 available=48 reserved=2"
