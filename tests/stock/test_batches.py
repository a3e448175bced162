"""Batches: which units came, lie there and leave, and how those past their use leave what can be sold."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import Shelf

TODAY = "(business_now() at time zone 'UTC')::date"


class Cellar:
    """A shelf of batch-tracked SKUs."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.milk = shelf.sku("MILK", tracking="batch")
        self.place = shelf.warehouse("GZ")

    def day(self, days: int) -> str:
        row = self.shelf.connection.execute(f"select ({TODAY} + %s)::text", [days]).fetchone()  # type: ignore[arg-type]
        assert row
        return row[0]

    def receive(self, number: str, quantity: int, *, days: int | None = None, **more: Any) -> dict[str, Any]:
        batch = {"number": number} | ({} if days is None else {"expiry_date": self.day(days)})
        return self.move("in", quantity, batch=batch, **more)

    def move(
        self, movement_type: str, quantity: int | None, *, reference_type: str = "", **item: Any
    ) -> dict[str, Any]:
        kind = reference_type or {"in": "receipt", "out": "sale", "adjustment": "adjustment"}[movement_type]
        return self.shelf.post(
            "stock_move",
            event_type="inventory.moved",
            movement_type=movement_type,
            reference_type=kind,
            reason="test",
            items=[{"sku_id": self.milk, "warehouse_id": self.place, "quantity": quantity, **item}],
        )

    def batches(self) -> str:
        """``A 5, B 3-2``: sellable, and unsellable behind the minus."""
        rows = self.shelf.connection.execute(
            "select b.number, i.sellable_quantity, i.unsellable_quantity from inventory_batches i"
            " join batches b on b.id = i.batch_id where i.sku_id = %s order by 1",
            [self.milk],
        ).fetchall()
        return ", ".join(f"{n} {s}" + (f"-{u}" if u else "") for n, s, u in rows)

    def states(self) -> dict[str, int]:
        rows = self.shelf.connection.execute(
            "select state, sum(quantity)::integer from inventory_states where sku_id = %s and quantity > 0 group by 1",
            [self.milk],
        ).fetchall()
        return dict(rows)


@pytest.fixture
def cellar(shelf: Shelf) -> Cellar:
    return Cellar(shelf)


@pytest.fixture
def ageing(fresh_shelf: Shelf) -> Cellar:
    """A cellar whose clock may be moved."""
    return Cellar(fresh_shelf)


def test_a_receipt_makes_the_batch_and_its_balance(cellar: Cellar) -> None:
    answer = cellar.receive("A", 5, days=30)
    assert answer["items"][0]["batch"]["number"] == "A"
    assert cellar.batches() == "A 5"
    assert cellar.shelf.level("MILK@GZ") == "on_hand=5 available=5 reserved=0"


def test_units_of_a_tracked_sku_do_not_come_in_without_their_batch(cellar: Cellar) -> None:
    answer = cellar.move("in", 5)
    assert (answer["outcome"], answer["errors"][0]["line"]) == ("batch_required", 1)
    assert cellar.batches() == ""


def test_a_sale_takes_what_expires_first(cellar: Cellar) -> None:
    cellar.receive("LATE", 5, days=30)
    cellar.receive("SOON", 3, days=10)
    cellar.receive("NEVER", 5)
    answer = cellar.move("out", -6)
    assert [(i["batch"]["number"], i["quantity"]) for i in answer["items"]] == [("SOON", -3), ("LATE", -3)]
    assert cellar.batches() == "LATE 2, NEVER 5, SOON 0"
