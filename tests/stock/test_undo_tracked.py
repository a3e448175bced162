"""Undo where units are told apart: the same batch, state and serials go back, or it is refused with their names."""

from __future__ import annotations

from typing import Any

import pytest
from tests.books import violations_at
from tests.conftest import Shelf

MOVES: dict[str, dict[str, Any]] = {
    "in": {"event_type": "inventory.received", "movement_type": "in", "reference_type": "receipt"},
    "out": {"event_type": "inventory.sold", "movement_type": "out", "reference_type": "sale"},
    "adjust": {"event_type": "inventory.adjusted", "movement_type": "adjustment", "reference_type": "adjustment"},
    "state": {"event_type": "inventory.moved", "movement_type": "transfer", "reference_type": "adjustment"},
}


def post(shelf: Shelf, kind: str, *items: dict[str, Any]) -> str:
    """Post the items; answers the id of the last entry."""
    level = {"warehouse_id": shelf.warehouse("GZ")}
    answer = shelf.post("stock_move", reason="test", **MOVES[kind], items=[level | item for item in items])
    assert answer["outcome"] == "moved", answer
    row = shelf.connection.execute("select id from inventory_movements order by seq desc limit 1").fetchone()
    assert row
    return str(row[0])


def undo(shelf: Shelf, entry: str) -> str:
    """The outcome of undoing the posting of an entry."""
    row = shelf.connection.execute(
        "select (u).outcome || ' ' || coalesce((u).facts -> 'errors' -> 0 ->> 'serials', '')"
        " from (select stock_undo_entries(uuidv7(), posted_in, request_no, uuid_extract_timestamp(id), '[]', 't', 'x')"
        " as u"
        " from inventory_movements where id = %s) x",
        [entry],
    ).fetchone()
    assert row
    return row[0].strip()


def state(shelf: Shelf) -> dict[str, list[Any]]:
    """Levels, batches, states and units that are in stock."""
    statements = {
        "levels": "select sku_id, available_quantity, unavailable_quantity, cost_price from inventory"
        " where on_hand_quantity > 0",
        "batches": "select batch_id, sellable_quantity, unsellable_quantity from inventory_batches"
        " where sellable_quantity + unsellable_quantity > 0",
        "states": "select batch_id, state, quantity from inventory_states where quantity > 0",
        "units": "select serial_number, state, batch_id, received_at from serials where warehouse_id is not null",
    }
    return {
        name: sorted(shelf.connection.execute(text).fetchall(), key=str)  # type: ignore[arg-type]
        for name, text in statements.items()
    }


@pytest.fixture
def shop(fresh_shelf: Shelf) -> Shelf:
    """MILK by batch: A 5, B 3. RADIO by serial: R1, R2, R3."""
    milk, radio = fresh_shelf.sku("MILK", tracking="batch"), fresh_shelf.sku("RADIO", tracking="serial")
    for number, quantity in (("A", 5), ("B", 3)):
        batch = {"number": number, "expiry_date": "2099-01-01"}
        post(fresh_shelf, "in", {"sku_id": milk, "quantity": quantity, "batch": batch, "unit_cost": "1.5"})
    post(fresh_shelf, "in", {"sku_id": radio, "quantity": 3, "serials": ["R1", "R2", "R3"]})
    return fresh_shelf


def deeds(shelf: Shelf) -> dict[str, tuple[str, list[dict[str, Any]]]]:
    milk, radio = {"sku_id": shelf.sku("MILK")}, {"sku_id": shelf.sku("RADIO")}
    return {
        "batch received": ("in", [milk | {"quantity": 4, "batch": {"number": "B"}, "unit_cost": "2"}]),
        "batches sold, first expired first": ("out", [milk | {"quantity": -6}]),
        "batch damaged": (
            "state",
            [
                milk | {"quantity": -2, "batch": {"number": "A"}},
                milk | {"quantity": 2, "batch": {"number": "A"}, "bucket": "unsellable", "state": "damaged"},
            ],
        ),
        "units received": ("in", [radio | {"quantity": 2, "serials": ["R8", "R9"]}]),
        "units sold": ("out", [radio | {"quantity": -2, "serials": ["R1", "R3"]}]),
        "unit lost": ("adjust", [radio | {"quantity": -1, "serials": ["R2"]}]),
        "unit damaged": (
            "state",
            [
                radio | {"quantity": -1, "serials": ["R2"]},
                radio | {"quantity": 1, "serials": ["R2"], "bucket": "unsellable", "state": "quality_hold"},
            ],
        ),
    }


@pytest.mark.parametrize(
    "deed",
    [
        "batch received",
        "batches sold, first expired first",
        "batch damaged",
        "units received",
        "units sold",
        "unit lost",
        "unit damaged",
    ],
)
async def test_the_very_units_go_back(shop: Shelf, fresh_url: str, deed: str) -> None:
    before = state(shop)
    kind, items = deeds(shop)[deed]
    entry = post(shop, kind, *items)
    assert state(shop) != before
    assert undo(shop, entry) == "undone"
    assert state(shop) == before
    assert [line for line in await violations_at(fresh_url) if "were_told" not in line] == []


def test_units_that_are_gone_are_named(shop: Shelf) -> None:
    radio = shop.sku("RADIO")
    entry = post(shop, "in", {"sku_id": radio, "quantity": 2, "serials": ["R8", "R9"]})
    sale = post(shop, "out", {"sku_id": radio, "quantity": -1, "serials": ["R9"]})
    assert undo(shop, entry) == 'serial_not_here ["R9"]'
    post(shop, "in", {"sku_id": radio, "quantity": 1, "serials": ["R9"]})
    assert undo(shop, sale) == 'serial_in_stock ["R9"]'


def test_units_of_another_batch_do_not_stand_in(shop: Shelf) -> None:
    milk = shop.sku("MILK")
    entry = post(shop, "in", {"sku_id": milk, "quantity": 4, "batch": {"number": "C"}})
    post(shop, "adjust", {"sku_id": milk, "quantity": -3, "batch": {"number": "C"}})
    assert undo(shop, entry) == "insufficient_stock"
