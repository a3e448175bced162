"""What is physically there changes by receipts, sales and adjustments; the ledger says so, entry by entry."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Json
from tests.conftest import Shelf

IN = {"event_type": "inventory.received", "movement_type": "in", "reference_type": "receipt", "reason": "received"}
OUT = {"event_type": "inventory.sold", "movement_type": "out", "reference_type": "sale", "reason": "sold"}
ADJUST = {
    "event_type": "inventory.adjusted",
    "movement_type": "adjustment",
    "reference_type": "adjustment",
    "reason": "count",
}


def item(shelf: Shelf, level: str, quantity: int | None = None, **more: Any) -> dict[str, Any]:
    sku, warehouse = level.split("@")
    return {"sku_id": shelf.sku(sku), "warehouse_id": shelf.warehouse(warehouse), "quantity": quantity, **more}


def move(shelf: Shelf, kind: dict[str, str], *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return shelf.post("stock_move", **kind, items=list(items), **more)


def ledger(shelf: Shelf, level: str) -> list[tuple[Any, ...]]:
    """(type, quantity, bucket, on hand after, unsellable after), oldest first."""
    sku, warehouse = level.split("@")
    return shelf.connection.execute(
        "select movement_type, quantity, bucket, balance_after, unsellable_after from inventory_movements"
        " where sku_id = %s and warehouse_id = %s order by created_at, seq",
        [shelf.sku(sku), shelf.warehouse(warehouse)],
    ).fetchall()


def one(shelf: Shelf, column: str, level: str) -> Any:
    sku, warehouse = level.split("@")
    row = shelf.connection.execute(
        f"select {column} from inventory where sku_id = %s and warehouse_id = %s",  # type: ignore[arg-type]
        [shelf.sku(sku), shelf.warehouse(warehouse)],
    ).fetchone()
    assert row is not None
    return row[0]


def test_a_receipt_makes_the_level_and_its_first_entry(shelf: Shelf) -> None:
    assert move(shelf, IN, item(shelf, "TEA@GZ", 7))["outcome"] == "moved"
    assert shelf.level("TEA@GZ") == "on_hand=7 available=7 reserved=0"
    assert ledger(shelf, "TEA@GZ") == [("in", 7, "sellable", 7, 0)]


def test_lines_of_one_level_chain_their_balances(shelf: Shelf) -> None:
    damaged = item(shelf, "TEA@GZ", 2, bucket="unsellable")
    move(shelf, IN, item(shelf, "TEA@GZ", 7), damaged, item(shelf, "TEA@GZ", 1))
    assert ledger(shelf, "TEA@GZ") == [
        ("in", 7, "sellable", 7, 0),
        ("in", 2, "unsellable", 9, 2),
        ("in", 1, "sellable", 10, 2),
    ]
    assert shelf.level("TEA@GZ") == "on_hand=10 available=8 reserved=0"


def test_a_sale_takes_every_line_or_none(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5, CUP@GZ 1")
    told = move(shelf, OUT, item(shelf, "TEA@GZ", -2), item(shelf, "CUP@GZ", -2))
    assert (told["outcome"], [(e["requested"], e["available"]) for e in told["errors"]]) == (
        "insufficient_stock",
        [(2, 1)],
    )
    assert shelf.level("TEA@GZ") == "on_hand=5 available=5 reserved=0"
    assert move(shelf, OUT, item(shelf, "TEA@GZ", -2), item(shelf, "CUP@GZ", -1))["outcome"] == "moved"
    assert shelf.level("CUP@GZ") == "on_hand=0 available=0 reserved=0"


def test_one_level_named_twice_in_a_sale_counts_together(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    told = move(shelf, OUT, item(shelf, "TEA@GZ", -3), item(shelf, "TEA@GZ", -3))
    assert told["outcome"] == "insufficient_stock"
    assert shelf.level("TEA@GZ") == "on_hand=5 available=5 reserved=0"


def test_sales_of_one_group_are_decided_in_order(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    told = shelf.post_all("stock_move", [{**OUT, "items": [item(shelf, "TEA@GZ", -q)]} for q in (3, 4, 2, 1)])
    assert [t["outcome"] for t in told] == ["moved", "insufficient_stock", "moved", "insufficient_stock"]


def test_what_is_reserved_is_not_sold(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    shelf.reserve("TEA@GZ 4")
    assert move(shelf, OUT, item(shelf, "TEA@GZ", -2))["outcome"] == "insufficient_stock"
    assert move(shelf, ADJUST, item(shelf, "TEA@GZ", -2))["outcome"] == "insufficient_stock"


def test_a_sale_first_releases_holds_whose_time_is_over(fresh_shelf: Shelf) -> None:
    fresh_shelf.given("TEA@GZ 5")
    fresh_shelf.reserve("TEA@GZ 4", minutes=10)
    fresh_shelf.advance(minutes=11)
    assert move(fresh_shelf, OUT, item(fresh_shelf, "TEA@GZ", -5))["outcome"] == "moved"


def test_set_is_compare_and_set_of_what_is_physically_there(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    shelf.reserve("TEA@GZ 2")
    stale = move(shelf, ADJUST, item(shelf, "TEA@GZ", set_to=9, expected_quantity=4))
    assert (stale["outcome"], stale["errors"][0]["expected"], stale["errors"][0]["actual"]) == (
        "version_conflict",
        4,
        5,
    )
    assert move(shelf, ADJUST, item(shelf, "TEA@GZ", set_to=9, expected_quantity=5))["outcome"] == "moved"
    assert shelf.level("TEA@GZ") == "on_hand=9 available=7 reserved=2"
    assert ledger(shelf, "TEA@GZ")[-1] == ("adjustment", 4, "sellable", 9, 0)


def test_a_set_below_what_is_reserved_is_refused_with_the_figure(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    shelf.reserve("TEA@GZ 3")
    told = move(shelf, ADJUST, item(shelf, "TEA@GZ", set_to=2, expected_quantity=5))
    assert (told["outcome"], told["errors"][0]["reserved"]) == ("below_reserved", 3)
    assert move(shelf, ADJUST, item(shelf, "TEA@GZ", set_to=3, expected_quantity=5))["outcome"] == "moved"
    assert shelf.level("TEA@GZ") == "on_hand=3 available=0 reserved=3"


def test_a_set_to_the_same_quantity_writes_no_entry(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    assert move(shelf, ADJUST, item(shelf, "TEA@GZ", set_to=5, expected_quantity=5))["outcome"] == "moved"
    assert len(ledger(shelf, "TEA@GZ")) == 1


def test_buckets_are_kept_apart(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    bad: dict[str, Any] = {"bucket": "unsellable"}
    assert move(shelf, ADJUST, item(shelf, "TEA@GZ", 3, **bad))["outcome"] == "moved"
    assert shelf.level("TEA@GZ") == "on_hand=8 available=5 reserved=0"
    assert shelf.reserve("TEA@GZ 6")["outcome"] == "insufficient_stock"
    assert move(shelf, ADJUST, item(shelf, "TEA@GZ", -4, **bad))["outcome"] == "insufficient_stock"
    assert (
        move(shelf, ADJUST, item(shelf, "TEA@GZ", set_to=1, expected_quantity=5, **bad))["outcome"]
        == "version_conflict"
    )
    assert move(shelf, ADJUST, item(shelf, "TEA@GZ", set_to=1, expected_quantity=3, **bad))["outcome"] == "moved"
    assert ledger(shelf, "TEA@GZ")[-1] == ("adjustment", -2, "unsellable", 6, 1)


@pytest.mark.parametrize(
    ("receipts", "cost"),
    [
        ([(10, "2.00")], "2.000000"),
        ([(10, "2.00"), (30, "4.00")], "3.500000"),
        ([(10, "2.00"), (30, None)], "2.000000"),
        ([(1, "1"), (2, "2")], "1.666667"),
    ],
)
def test_cost_is_a_moving_average(shelf: Shelf, receipts: list[tuple[int, str | None]], cost: str) -> None:
    for quantity, unit_cost in receipts:
        move(shelf, IN, item(shelf, "TEA@GZ", quantity, unit_cost=unit_cost))
    assert one(shelf, "cost_price", "TEA@GZ") == Decimal(cost)


def test_goods_leave_at_the_moving_average_and_do_not_change_it(shelf: Shelf) -> None:
    move(shelf, IN, item(shelf, "TEA@GZ", 10, unit_cost="2"))
    move(shelf, IN, item(shelf, "TEA@GZ", 10, unit_cost="4"))
    move(shelf, OUT, item(shelf, "TEA@GZ", -5))
    held = shelf.reserve("TEA@GZ 5")
    shelf.post("stock_resolve", reservation_id=held["reservation_id"], action="consume")
    costs = shelf.connection.execute(
        "select distinct unit_cost from inventory_movements where sku_id = %s and quantity < 0", [shelf.sku("TEA")]
    ).fetchall()
    assert costs == [(Decimal("3.000000"),)]
    assert one(shelf, "cost_price", "TEA@GZ") == Decimal("3.000000")


@pytest.mark.parametrize(
    ("what", "outcome"),
    [("nobody@GZ", "unknown_sku"), ("TEA@nowhere", "unknown_warehouse"), ("OLD@GZ", "sku_archived")],
)
def test_unknown_and_archived_are_refused_and_nothing_else_moves(shelf: Shelf, what: str, outcome: str) -> None:
    shelf.given("TEA@GZ 5, OLD@GZ 5")
    shelf.connection.execute("update skus set archived_at = now() where id = %s", [shelf.sku("OLD")])
    nil = "00000000-0000-0000-0000-000000000000"
    line = item(shelf, what.replace("nobody", "TEA").replace("nowhere", "GZ"), 1)
    line |= {"sku_id": nil} if "nobody" in what else {"warehouse_id": nil} if "nowhere" in what else {}
    told = move(shelf, IN, item(shelf, "TEA@GZ", 1), line)
    assert (told["outcome"], [e["line"] for e in told["errors"]]) == (outcome, [2])
    assert shelf.level("TEA@GZ") == "on_hand=5 available=5 reserved=0"


def test_an_archived_sku_can_still_be_sold_out(shelf: Shelf) -> None:
    shelf.given("OLD@GZ 5")
    shelf.connection.execute("update skus set archived_at = now() where id = %s", [shelf.sku("OLD")])
    assert move(shelf, OUT, item(shelf, "OLD@GZ", -5))["outcome"] == "moved"


def test_what_arrives_of_an_order_leaves_in_transit(shelf: Shelf) -> None:
    line = item(shelf, "TEA@GZ", 10)
    shelf.connection.execute("select stock_expect(%s, 'PO-1')", [Json([line])])
    assert one(shelf, "in_transit_quantity", "TEA@GZ") == 10
    assert shelf.level("TEA@GZ") == "on_hand=0 available=0 reserved=0"
    assert move(shelf, IN, item(shelf, "TEA@GZ", 4, inbound_delta=-4))["outcome"] == "moved"
    assert one(shelf, "in_transit_quantity", "TEA@GZ") == 6
    assert move(shelf, IN, item(shelf, "TEA@GZ", 7, inbound_delta=-7))["outcome"] == "inbound_exceeded"
    assert shelf.level("TEA@GZ") == "on_hand=4 available=4 reserved=0"


@pytest.mark.parametrize(("kind", "quantity"), [(IN, -1), (OUT, 1), (ADJUST, 0)])
def test_the_sign_of_an_entry_fits_its_type(shelf: Shelf, kind: dict[str, str], quantity: int) -> None:
    shelf.given("TEA@GZ 5")
    insert = (
        "insert into inventory_movements (sku_id, warehouse_id, movement_type, quantity, balance_after,"
        " unsellable_after, reference_type, reason, actor, occurred_at, created_at)"
        " values (%s, %s, %s, %s, 5, 0, 'adjustment', 'r', 'a', now(), now())"
    )
    with pytest.raises(psycopg.errors.CheckViolation) as error:
        shelf.connection.execute(insert, [shelf.sku("TEA"), shelf.warehouse("GZ"), kind["movement_type"], quantity])
    assert error.value.diag.constraint_name == "movement_sign_fits_type"


@pytest.mark.parametrize("column", ["reason", "actor"])
def test_an_entry_without_reason_or_actor_does_not_exist(shelf: Shelf, column: str) -> None:
    request = {**IN, "items": [item(shelf, "TEA@GZ", 1)]}
    with pytest.raises(psycopg.errors.CheckViolation):
        shelf.post("stock_move", **{**request, column: ""})
    with pytest.raises(psycopg.errors.NotNullViolation):
        shelf.post("stock_move", **{**request, column: None})


def test_a_sale_of_yesterday_keeps_its_own_time_beside_ours(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    move(shelf, OUT, item(shelf, "TEA@GZ", -1), occurred_at="2026-01-02T03:04:05Z")
    row = shelf.connection.execute(
        "select occurred_at::date::text, created_at > occurred_at from inventory_movements"
        " where sku_id = %s and quantity < 0",
        [shelf.sku("TEA")],
    ).fetchone()
    assert row == ("2026-01-02", True)
