"""The doctor adds up batches, units and states, and names what does not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.books import violations_at
from tests.conftest import Shelf
from tests.tracking.planted import PLANTED


@pytest.fixture
def shop(fresh_shelf: Shelf) -> Shelf:
    """Five good units of batch A and a damaged one; two phones."""
    milk, phone = fresh_shelf.sku("MILK", tracking="batch"), fresh_shelf.sku("PHONE", tracking="serial")
    a = {"sku_id": milk, "batch": {"number": "A", "expiry_date": "2099-01-01"}}
    receive(fresh_shelf, {**a, "quantity": 5}, {**a, "quantity": 1, "bucket": "unsellable"})
    receive(fresh_shelf, {"sku_id": phone, "quantity": 2, "serials": ["S1", "S2"]})
    return fresh_shelf


def receive(shelf: Shelf, *items: dict[str, Any]) -> None:
    told = shelf.post(
        "stock_move",
        event_type="inventory.received",
        movement_type="in",
        reference_type="receipt",
        reason="test",
        items=[{"warehouse_id": shelf.warehouse("GZ"), **item} for item in items],
    )
    assert told["outcome"] == "moved"


async def test_good_books_have_nothing_to_say(shop: Shelf, fresh_url: str) -> None:
    assert await violations_at(fresh_url) == []


@pytest.mark.parametrize("name", PLANTED)
async def test_a_planted_violation_is_named(shop: Shelf, fresh_url: str, name: str) -> None:
    [batch] = shop.connection.execute("select id from batches").fetchone() or [None]
    names = {"batch": batch, "milk": f"MILK-{shop.tag}", "phone": f"PHONE-{shop.tag}", "gz": f"GZ-{shop.tag}"}
    statement, said = (text.format(**names) for text in PLANTED[name])
    shop.connection.execute(statement)  # type: ignore[arg-type]
    told = [line for line in await violations_at(fresh_url) if line.startswith(f"{name}:")]
    assert any(said in line for line in told), told
