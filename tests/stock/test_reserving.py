"""Promises P1, P3, P5 and P7 of the heart, as sentences."""

from __future__ import annotations

from tests.conftest import Shelf


def test_a_hold_moves_units_from_available_to_reserved(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    assert shelf.reserve("TEA@GZ 2")["outcome"] == "reserved"
    assert shelf.level("TEA@GZ") == "on_hand=5 available=3 reserved=2"


def test_one_sku_named_twice_counts_together(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    answer = shelf.reserve("TEA@GZ 3, TEA@GZ 3")
    assert (answer["outcome"], answer["errors"][0]["requested"], answer["errors"][0]["available"]) == (
        "insufficient_stock",
        6,
        5,
    )
    assert shelf.level("TEA@GZ") == "on_hand=5 available=5 reserved=0"


def test_every_line_is_held_or_none(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5, CUP@GZ 1")
    assert shelf.reserve("TEA@GZ 2, CUP@GZ 2")["outcome"] == "insufficient_stock"
    assert shelf.level("TEA@GZ") == "on_hand=5 available=5 reserved=0"


def test_a_refused_basket_never_costs_the_next_one_its_stock(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    base = {"reference_type": "cart", "reference_id": "c", "minutes": 30}
    answers = shelf.post_all("stock_reserve", [{**base, "items": shelf.items(f"TEA@GZ {q}")} for q in (3, 4, 2, 1)])
    assert [a["outcome"] for a in answers] == ["reserved", "insufficient_stock", "reserved", "insufficient_stock"]
    assert shelf.level("TEA@GZ") == "on_hand=5 available=0 reserved=5"


def test_an_expired_hold_never_blocks_a_sale_even_without_a_sweeper(fresh_shelf: Shelf) -> None:
    fresh_shelf.given("TEA@GZ 1, CUP@GZ 1")
    held = fresh_shelf.reserve("TEA@GZ 1, CUP@GZ 1", minutes=10)
    assert fresh_shelf.reserve("TEA@GZ 1")["outcome"] == "insufficient_stock"
    fresh_shelf.advance(minutes=11)
    assert fresh_shelf.reserve("TEA@GZ 1")["outcome"] == "reserved"
    assert fresh_shelf.level("CUP@GZ") == "on_hand=1 available=1 reserved=0"
    late = fresh_shelf.post("stock_resolve", reservation_id=held["reservation_id"], action="consume")
    assert late["outcome"] == "reservation_expired"


def test_a_repeat_with_the_same_key_gets_the_first_answer(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    first = shelf.reserve("TEA@GZ 2", key="k", hash="body")
    again = shelf.reserve("TEA@GZ 2", key="k", hash="body")
    assert again == {**first, "replayed": True}
    assert shelf.level("TEA@GZ") == "on_hand=5 available=3 reserved=2"
    assert shelf.reserve("TEA@GZ 2", key="k", hash="other body")["outcome"] == "idempotency_key_reused"
