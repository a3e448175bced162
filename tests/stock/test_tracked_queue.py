"""Who waits for units that are told apart: backorders and the waiting list of SKUs kept by batch or serial number."""

from __future__ import annotations

from typing import Any

import pytest
from tests.books import violations_at
from tests.conftest import Shelf
from tests.stock.orders import allow, backordered, offers, order, resolve, wait


@pytest.fixture
def dairy(fresh_shelf: Shelf) -> Shelf:
    fresh_shelf.sku("MILK", tracking="batch")
    fresh_shelf.sku("CAM", tracking="serial")
    return fresh_shelf


def received(shelf: Shelf, text: str, **units: Any) -> None:
    [line] = shelf.items(text)
    answer = shelf.post(
        "stock_move", event_type="inventory.received", movement_type="in", reference_type="receipt", reason="received",
        items=[{**line, **units}],
    )  # fmt: skip
    assert answer["outcome"] == "moved", answer


def litre(number: str, expires: str) -> dict[str, Any]:
    return {"batch": {"number": number, "expiry_date": expires}}


async def test_arriving_batches_fill_who_waits_and_are_chosen_at_the_pick(dairy: Shelf, fresh_url: str) -> None:
    allow(dairy, "MILK@GZ", "always")
    held = order(dairy, "MILK@GZ 3")
    assert backordered(dairy, "MILK@GZ") == 3
    received(dairy, "MILK@GZ 2", **litre("L-2", "2041-01-01"))
    assert backordered(dairy, "MILK@GZ") == 1
    received(dairy, "MILK@GZ 2", **litre("L-1", "2040-01-01"))
    assert dairy.level("MILK@GZ") == "on_hand=4 available=1 reserved=3"
    picked = resolve(dairy, held, "consume")["picked"]
    assert [(p["batch"]["number"], -p["quantity"] if p["quantity"] < 0 else p["quantity"]) for p in picked] == [
        ("L-1", 2),
        ("L-2", 1),
    ]
    assert await violations_at(fresh_url) == []


async def test_a_batch_past_its_use_fills_nobody(dairy: Shelf, fresh_url: str) -> None:
    allow(dairy, "MILK@GZ", "always")
    order(dairy, "MILK@GZ 2")
    wait(dairy, "MILK 1", "ann")
    received(dairy, "MILK@GZ 5", **litre("OLD", "2020-01-01"))
    assert (backordered(dairy, "MILK@GZ"), offers(dairy, "MILK")) == (2, [])
    received(dairy, "MILK@GZ 3", **litre("NEW", "2040-01-01"))
    assert (backordered(dairy, "MILK@GZ"), offers(dairy, "MILK")) == (0, ["ann"])
    assert await violations_at(fresh_url) == []


async def test_units_with_a_number_are_offered_in_order_and_picked_by_it(dairy: Shelf, fresh_url: str) -> None:
    for name in ("ann", "ben"):
        wait(dairy, "CAM 1", name)
    received(dairy, "CAM@GZ 1", serials=["SN-1"])
    assert offers(dairy, "CAM") == ["ann"]
    received(dairy, "CAM@GZ 2", serials=["SN-2", "SN-3"])
    assert offers(dairy, "CAM") == ["ann", "ben"]
    held = order(dairy, "CAM@GZ 1")
    picked = resolve(dairy, held, "consume", None)["picked"]
    assert sum(len(p["serials"]) for p in picked) == 1
    assert await violations_at(fresh_url) == []
