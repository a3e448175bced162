"""Release, consume, extend, convert, cancel, expire: a hold is resolved once, by units."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import Shelf


def resolve(shelf: Shelf, held: dict[str, Any], action: str, text: str | None = None, **more: Any) -> dict[str, Any]:
    """Consume or release a hold, whole or the part in ``text``."""
    items = shelf.items(text) if text else None
    return shelf.post("stock_resolve", reservation_id=held["reservation_id"], action=action, items=items, **more)


def prolong(shelf: Shelf, held: dict[str, Any], action: str, minutes: int | None, **more: Any) -> dict[str, Any]:
    request = {"reservation_id": held["reservation_id"], "action": action, "minutes": minutes, "extension_max": 60}
    return shelf.post("stock_prolong", **request, **more)


def outcomes(shelf: Shelf, held: dict[str, Any]) -> str:
    """``cancelled=1 consumed=2`` of a hold's lines, by units."""
    rows = shelf.connection.execute(
        "select status, sum(quantity) from inventory_reservations where reservation_id = %s group by 1 order by 1",
        [held["reservation_id"]],
    ).fetchall()
    return " ".join(f"{status}={quantity}" for status, quantity in rows)


def events(shelf: Shelf, held: dict[str, Any]) -> list[str]:
    rows = shelf.connection.execute(
        "select event_type from outbox_events where data ->> 'reservation_id' = %s order by id",
        [held["reservation_id"]],
    )
    return [row[0].removeprefix("inventory.") for row in rows.fetchall()]


def movements(shelf: Shelf, level: str) -> list[tuple[str, int, int]]:
    """(type, quantity, balance after) of a level, oldest first."""
    sku, warehouse = level.split("@")
    return shelf.connection.execute(
        "select movement_type, quantity, balance_after from inventory_movements"
        " where sku_id = %s and warehouse_id = %s order by created_at, seq",
        [shelf.sku(sku), shelf.warehouse(warehouse)],
    ).fetchall()


def test_consuming_takes_the_units_out_once(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    held = shelf.reserve("TEA@GZ 2")
    assert resolve(shelf, held, "consume")["status"] == "consumed"
    assert shelf.level("TEA@GZ") == "on_hand=3 available=3 reserved=0"
    again = resolve(shelf, held, "consume")
    assert (again["outcome"], again["status"]) == ("consumed", "consumed")
    assert shelf.level("TEA@GZ") == "on_hand=3 available=3 reserved=0"
    assert movements(shelf, "TEA@GZ") == [("in", 5, 5), ("out", -2, 3)]
    assert events(shelf, held) == ["reserved", "reservation_consumed"]


def test_releasing_gives_the_units_back_once(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    held = shelf.reserve("TEA@GZ 2")
    assert resolve(shelf, held, "release")["status"] == "cancelled"
    assert resolve(shelf, held, "release")["outcome"] == "released"
    assert shelf.level("TEA@GZ") == "on_hand=5 available=5 reserved=0"
    assert movements(shelf, "TEA@GZ") == [("in", 5, 5)]
    assert events(shelf, held) == ["reserved", "reservation_released"]


@pytest.mark.parametrize(
    ("first", "then", "refusal"),
    [
        ("consume", "release", "already_consumed"),
        ("release", "consume", "already_cancelled"),
    ],
)
def test_a_resolved_hold_is_not_resolved_the_other_way(shelf: Shelf, first: str, then: str, refusal: str) -> None:
    shelf.given("TEA@GZ 5")
    held = shelf.reserve("TEA@GZ 2")
    resolve(shelf, held, first)
    before = shelf.level("TEA@GZ")
    assert resolve(shelf, held, then)["outcome"] == refusal
    assert shelf.level("TEA@GZ") == before


def test_a_part_is_consumed_and_the_rest_stays_held(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 9, CUP@GZ 9")
    held = shelf.reserve("TEA@GZ 5, CUP@GZ 2")
    assert resolve(shelf, held, "consume", "TEA@GZ 3")["status"] == "active"
    assert outcomes(shelf, held) == "active=4 consumed=3"
    assert shelf.level("TEA@GZ") == "on_hand=6 available=4 reserved=2"
    assert shelf.level("CUP@GZ") == "on_hand=9 available=7 reserved=2"
    assert resolve(shelf, held, "release", "CUP 1")["status"] == "active"
    assert resolve(shelf, held, "consume")["status"] == "consumed"
    assert outcomes(shelf, held) == "cancelled=1 consumed=6"
    assert shelf.level("TEA@GZ") == "on_hand=4 available=4 reserved=0"
    assert shelf.level("CUP@GZ") == "on_hand=8 available=8 reserved=0"
    assert movements(shelf, "TEA@GZ") == [("in", 9, 9), ("out", -3, 6), ("out", -2, 4)]
    assert movements(shelf, "CUP@GZ") == [("in", 9, 9), ("out", -1, 8)]


def test_more_than_the_hold_still_has_is_refused_whole(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 9, CUP@GZ 9")
    held = shelf.reserve("TEA@GZ 5, CUP@GZ 2")
    resolve(shelf, held, "consume", "TEA@GZ 4")
    answer = resolve(shelf, held, "consume", "CUP@GZ 1, TEA@GZ 2")
    assert answer["outcome"] == "exceeds_reservation"
    assert [(e["requested"], e["open"]) for e in answer["errors"]] == [(2, 1)]
    assert shelf.level("CUP@GZ") == "on_hand=9 available=7 reserved=2"
    assert resolve(shelf, held, "release", "JAR 1")["outcome"] == "exceeds_reservation"


def test_one_sku_named_with_and_without_its_warehouse_counts_together(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 9, TEA@BJ 9")
    other = shelf.reserve("TEA@GZ 3")
    held = shelf.reserve("TEA@GZ 4, TEA@BJ 1")
    assert resolve(shelf, held, "consume", "TEA@GZ 4, TEA 2")["outcome"] == "exceeds_reservation"
    assert resolve(shelf, held, "consume", "TEA 2, TEA@GZ 2")["outcome"] == "consumed"
    assert (outcomes(shelf, held), outcomes(shelf, other)) == ("active=1 consumed=4", "active=3")
    assert shelf.level("TEA@GZ") == "on_hand=5 available=2 reserved=3"
    assert shelf.level("TEA@BJ") == "on_hand=9 available=8 reserved=1"


def test_two_lines_on_one_level_are_taken_oldest_first(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 9")
    held = shelf.reserve("TEA@GZ 2, TEA 3")
    assert resolve(shelf, held, "consume", "TEA@GZ 4")["outcome"] == "consumed"
    assert outcomes(shelf, held) == "active=1 consumed=4"
    assert shelf.level("TEA@GZ") == "on_hand=5 available=4 reserved=1"


@pytest.mark.parametrize("action", ["consume", "release"])
def test_an_unknown_hold_is_not_found(shelf: Shelf, action: str) -> None:
    nobody = {"reservation_id": "00000000-0000-0000-0000-000000000000"}
    assert resolve(shelf, nobody, action)["outcome"] == "reservation_not_found"
    assert prolong(shelf, nobody, "extend", 5)["outcome"] == "reservation_not_found"


def test_a_late_consume_before_the_sweep_is_allowed(fresh_shelf: Shelf) -> None:
    shelf = fresh_shelf  # D-27: the units are still set aside
    shelf.given("TEA@GZ 5")
    held = shelf.reserve("TEA@GZ 2", minutes=10)
    shelf.advance(minutes=11)
    assert resolve(shelf, held, "consume")["outcome"] == "consumed"
    assert shelf.level("TEA@GZ") == "on_hand=3 available=3 reserved=0"


def test_a_consume_after_the_sweep_is_refused_and_a_release_is_done_already(fresh_shelf: Shelf) -> None:
    shelf = fresh_shelf
    shelf.given("TEA@GZ 5")
    held = shelf.reserve("TEA@GZ 2", minutes=10)
    shelf.advance(minutes=11)
    assert shelf.connection.execute("select stock_expire(10)").fetchone() == (1,)
    assert shelf.connection.execute("select stock_expire(10)").fetchone() == (0,)
    assert resolve(shelf, held, "consume")["outcome"] == "reservation_expired"
    assert resolve(shelf, held, "release")["outcome"] == "released"
    assert prolong(shelf, held, "extend", 5)["outcome"] == "reservation_expired"
    assert (shelf.level("TEA@GZ"), outcomes(shelf, held)) == ("on_hand=5 available=5 reserved=0", "expired=2")
    assert events(shelf, held) == ["reserved", "reservation_expired"]


def test_a_hold_that_is_not_due_is_not_swept(fresh_shelf: Shelf) -> None:
    fresh_shelf.given("TEA@GZ 5")
    fresh_shelf.reserve("TEA@GZ 1", minutes=10)
    fresh_shelf.reserve("TEA@GZ 1", minutes=None, reference_type="order")
    fresh_shelf.advance(minutes=9.9)
    assert fresh_shelf.connection.execute("select stock_expire(10)").fetchone() == (0,)
    fresh_shelf.advance(minutes=525_600)
    assert fresh_shelf.connection.execute("select stock_expire(10)").fetchone() == (1,)
    assert fresh_shelf.level("TEA@GZ") == "on_hand=5 available=4 reserved=1"


def test_extensions_are_capped_in_total_and_not_per_call(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    held = shelf.reserve("TEA@GZ 1", minutes=30)
    told = [prolong(shelf, held, "extend", minutes)["outcome"] for minutes in (30, 20, 20, 10, 1)]
    assert told == ["extended", "extended", "extension_limit_reached", "extended", "extension_limit_reached"]
    row = shelf.connection.execute(
        "select expires_at - created_at from reservations where id = %s", [held["reservation_id"]]
    ).fetchone()
    assert row is not None
    assert row[0].total_seconds() == 90 * 60
    assert prolong(shelf, held, "extend", 5)["minutes_left"] == 0


def test_a_hold_past_its_deadline_cannot_be_extended_even_when_nobody_swept(fresh_shelf: Shelf) -> None:
    fresh_shelf.given("TEA@GZ 5")
    held = fresh_shelf.reserve("TEA@GZ 1", minutes=10)
    fresh_shelf.advance(minutes=10)
    assert prolong(fresh_shelf, held, "extend", 5)["outcome"] == "reservation_expired"


def test_an_extended_hold_lives_on(fresh_shelf: Shelf) -> None:
    fresh_shelf.given("TEA@GZ 5")
    held = fresh_shelf.reserve("TEA@GZ 1", minutes=10)
    prolong(fresh_shelf, held, "extend", 5)
    fresh_shelf.advance(minutes=11)
    assert fresh_shelf.connection.execute("select stock_expire(10)").fetchone() == (0,)
    assert fresh_shelf.reserve("TEA@GZ 5")["outcome"] == "insufficient_stock"
    fresh_shelf.advance(minutes=5)
    assert fresh_shelf.connection.execute("select stock_expire(10)").fetchone() == (1,)


def test_a_hold_without_a_deadline_has_nothing_to_extend(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    held = shelf.reserve("TEA@GZ 1", minutes=None, reference_type="order")
    assert prolong(shelf, held, "extend", 5)["outcome"] == "does_not_expire"


def test_a_cart_is_handed_over_to_an_order_in_place(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    held = shelf.reserve("TEA@GZ 2", minutes=10)
    order = {"reference_type": "order", "reference_id": "order-7"}
    told = prolong(shelf, held, "convert", None, **order)
    assert (told["outcome"], told["reference_type"], told["reference_id"], told["expires_at"]) == (
        "converted",
        "order",
        "order-7",
        None,
    )
    assert told["reservation_id"] == held["reservation_id"]
    assert shelf.level("TEA@GZ") == "on_hand=5 available=3 reserved=2"
    resolve(shelf, held, "consume")
    assert events(shelf, held) == ["reserved", "reservation_converted", "reservation_consumed"]
    assert prolong(shelf, held, "convert", None, **order)["outcome"] == "already_consumed"


def test_a_batch_decides_each_hold_on_its_own(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 9")
    held = [shelf.reserve("TEA@GZ 2") for _ in range(4)]
    resolve(shelf, held[3], "release")
    asks = zip(held, ("consume", "release", "consume", "consume"), strict=True)
    told = shelf.post_all("stock_resolve", [{"reservation_id": h["reservation_id"], "action": a} for h, a in asks])
    assert [t["outcome"] for t in told] == ["consumed", "released", "consumed", "already_cancelled"]
    assert shelf.level("TEA@GZ") == "on_hand=5 available=5 reserved=0"
    assert movements(shelf, "TEA@GZ") == [("in", 9, 9), ("out", -2, 7), ("out", -2, 5)]
