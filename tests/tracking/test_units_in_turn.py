"""Which units leave when nobody says which: first expired first, then first come, whatever else lies on the level."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import Shelf

# batch, its expiry date, its units, in the order they came
CAME: list[tuple[str | None, str | None, str]] = [
    (None, None, "N1 N2"),
    ("late", "2092-01-01", "L1 L2"),
    ("soon", "2091-01-01", "S2 S1"),
    ("past", "2021-01-01", "P1"),
    ("soon", "2091-01-01", "S0"),
]


def moved(shelf: Shelf, way: str, *lines: dict[str, Any]) -> str:
    items = [{"sku_id": shelf.sku("PHONE"), "warehouse_id": shelf.warehouse("GZ"), **line} for line in lines]
    told = {"reference_type": "receipt" if way == "in" else "sale", "reason": "test"}
    return shelf.post("stock_move", event_type="inventory.moved", movement_type=way, items=items, **told)["outcome"]


@pytest.fixture
def shelf(shelf: Shelf) -> Shelf:
    shelf.sku("PHONE", tracking="serial")
    for batch, expires, units in CAME:
        named = {} if batch is None else {"batch": {"number": batch, "expiry_date": expires}}
        line = {"quantity": len(units.split()), "serials": units.split(), **named}
        assert moved(shelf, "in", line) == "moved"
    return shelf


def gone(shelf: Shelf) -> str:
    """The units that left, in the order they came and by number."""
    rows = (
        "select serial_number from serials where sku_id = %s and state = 'shipped' order by changed_at, serial_number"
    )
    return " ".join(number for (number,) in shelf.connection.execute(rows, [shelf.sku("PHONE")]).fetchall())


@pytest.mark.parametrize(
    ("sold", "left"),
    [
        # S1 and S2 came together: the number decides. Past its use nothing is sold.
        ([1], "S1"),
        ([3], "S0 S1 S2"),
        ([2, 2], "S1 S2 L1 S0"),
        ([5, 2], "L1 L2 S0 S1 S2 N1 N2"),
    ],
)
def test_what_expires_first_goes_first_and_then_what_came_first(shelf: Shelf, sold: list[int], left: str) -> None:
    for quantity in sold:
        assert moved(shelf, "out", {"quantity": -quantity}) == "moved"
    assert gone(shelf) == left


def test_more_than_may_be_sold_takes_nothing(shelf: Shelf) -> None:
    assert moved(shelf, "out", {"quantity": -8}) == "insufficient_stock"
    assert gone(shelf) == ""


def test_a_line_that_names_units_leaves_the_others_to_the_line_that_names_none(shelf: Shelf) -> None:
    assert moved(shelf, "out", {"quantity": -3}, {"quantity": -2, "serials": ["S1", "L1"]}) == "moved"
    assert gone(shelf) == "L1 L2 S0 S1 S2"


def test_two_lines_share_what_is_there_in_order(shelf: Shelf) -> None:
    assert moved(shelf, "out", {"quantity": -2}, {"quantity": -3}) == "moved"
    assert gone(shelf) == "L1 L2 S0 S1 S2"


def test_a_hold_takes_the_units_it_names_before_any_other(shelf: Shelf) -> None:
    level = {"sku_id": shelf.sku("PHONE"), "warehouse_id": shelf.warehouse("GZ")}
    told = {"reference_type": "order", "reference_id": "1", "minutes": 9}
    items = [{**level, "quantity": 2, "serials": ["N2", "L2"]}]
    hold = shelf.post("stock_reserve", items=items, **told)
    assert hold["outcome"] == "reserved"

    def consumed(**line: Any) -> str:
        told = {"reservation_id": hold["reservation_id"], "action": "consume"}
        return shelf.post("stock_resolve", items=[{**level, **line}], **told)["outcome"]

    assert moved(shelf, "out", {"quantity": -4}) == "moved"
    assert gone(shelf) == "L1 S0 S1 S2"
    assert consumed(quantity=1, serials=["N2"]) == "consumed"
    assert consumed(quantity=1) == "consumed"
    assert gone(shelf) == "L1 S0 S1 S2 N2 L2"
