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

    def consume(self, held: dict[str, Any], **more: Any) -> dict[str, Any]:
        return self.shelf.post("stock_resolve", reservation_id=held["reservation_id"], action="consume", **more)

    def judge(self, number: str, state: str) -> None:
        self.shelf.connection.execute(
            "select stock_judge_batch(id, %s, 'because', 'me') from batches where sku_id = %s and number = %s",
            [state, self.milk, number],
        )

    def set_aside(self, quantity: int, *, of: str = "sellable", to: str = "damaged", **names: Any) -> dict[str, Any]:
        legs = [
            {"bucket": "sellable", "state": None} if state == "sellable" else {"bucket": "unsellable", "state": state}
            for state in (of, to)
        ]
        return self.shelf.post(
            "stock_move",
            event_type="inventory.state_changed",
            movement_type="transfer",
            reference_type="adjustment",
            reason="test",
            items=[
                {"sku_id": self.milk, "warehouse_id": self.place, "quantity": sign * quantity, **leg, **names}
                for sign, leg in zip((-1, 1), legs, strict=True)
            ],
        )

    def withdraw(self) -> int:
        row = self.shelf.connection.execute("select stock_withdraw(1000)").fetchone()
        assert row
        return row[0]

    def stranded(self) -> dict[str, int]:
        rows = self.shelf.connection.execute(
            "select reservation_id::text, short_quantity from stock_stranded_lines(array[%s]::uuid[])", [self.milk]
        ).fetchall()
        return dict(rows)

    def everybody_says(self) -> tuple[int, int, int]:
        """How many a question, a hold that asks for too many, and the list of levels (after it) find available."""
        [told] = self.shelf.post_all("stock_availability", [{"sku_id": self.milk, "quantity": 1}])
        refused = self.shelf.reserve("MILK@GZ 1000")
        listed = self.shelf.level("MILK@GZ").split("available=")[1].split()[0]
        return told["quantity_available"], refused["errors"][0]["available"], int(listed)

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


def test_a_batch_expiring_today_is_usable_until_the_day_ends_where_it_lies(ageing: Cellar) -> None:
    """Q11: hold, pick, report and availability agree."""
    ageing.receive("TODAY", 5, days=0)
    assert ageing.everybody_says() == (5, 5, 5)
    held = ageing.shelf.reserve("MILK@GZ 1", reference_type="order", minutes=None)
    assert ageing.consume(held)["outcome"] == "consumed"
    ageing.shelf.advance(24 * 60)
    assert ageing.everybody_says() == (0, 0, 0)
    assert ageing.states() == {"expired": 4}
    assert ageing.batches() == "TODAY 0-4"


def test_the_day_ends_by_the_clock_of_the_warehouse(ageing: Cellar) -> None:
    ageing.place = ageing.shelf.warehouse("TOKYO", time_zone="Pacific/Kiritimati")
    # Two days on in UTC is at least one day on everywhere, and never three.
    ageing.receive("A", 1, days=1)
    row = ageing.shelf.connection.execute(
        "select usable_until = (m.expiry_date + 1)::timestamp at time zone 'Pacific/Kiritimati'"
        " from inventory_batches b join batches m on m.id = b.batch_id where m.sku_id = %s",
        [ageing.milk],
    ).fetchone()
    assert row == (True,)


def test_a_sku_that_must_have_days_left_is_not_sold_in_its_last_days(ageing: Cellar) -> None:
    ageing.milk = ageing.shelf.sku("CHEESE", tracking="batch", min_remaining_days=3)
    ageing.receive("A", 5, days=3)
    assert ageing.shelf.reserve("CHEESE@GZ 1")["outcome"] == "reserved"
    ageing.shelf.advance(24 * 60)
    answer = ageing.shelf.reserve("CHEESE@GZ 1")
    assert (answer["outcome"], answer["errors"][0]["available"]) == ("insufficient_stock", 0)


def test_what_is_promised_of_an_expired_batch_is_stranded_and_never_negative(ageing: Cellar) -> None:
    ageing.receive("OLD", 5, days=0)
    ageing.receive("NEW", 1, days=30)
    first = ageing.shelf.reserve("MILK@GZ 1", reference_type="order", minutes=None)
    late = ageing.shelf.reserve("MILK@GZ 3", reference_type="order", minutes=None)
    ageing.shelf.advance(24 * 60)
    assert ageing.withdraw() == 1
    # 6 were there, 4 promised: 2 of the old could leave, 3 are stranded
    assert ageing.batches() == "NEW 1, OLD 3-2"
    assert ageing.shelf.level("MILK@GZ") == "on_hand=6 available=0 reserved=4"
    assert ageing.stranded() == {late["reservation_id"]: 3}
    told = ageing.shelf.connection.execute(
        "select data ->> 'stranded_quantity' from outbox_events where event_type = 'batch.stranded'"
    ).fetchall()
    assert told == [("3",)]
    refused = ageing.consume(late)
    assert (refused["outcome"], refused["errors"][0]["available"]) == ("units_not_usable", 1)
    assert ageing.consume(first)["picked"][0]["batch"]["number"] == "NEW"
    # given back, the stranded units leave without anybody asking
    ageing.shelf.post("stock_resolve", reservation_id=late["reservation_id"], action="release")
    assert ageing.batches() == "NEW 0, OLD 0-5"
    assert ageing.shelf.level("MILK@GZ") == "on_hand=5 available=0 reserved=0"
    assert ageing.stranded() == {}


def test_a_receipt_of_expired_goods_is_there_and_cannot_be_sold(cellar: Cellar) -> None:
    cellar.receive("OLD", 4, days=-1)
    assert cellar.shelf.level("MILK@GZ") == "on_hand=4 available=0 reserved=0"
    assert cellar.states() == {"expired": 4}


def test_a_pick_may_name_its_batch(cellar: Cellar) -> None:
    cellar.receive("A", 5, days=10)
    cellar.receive("B", 5, days=20)
    held = cellar.shelf.reserve("MILK@GZ 4")
    line = {"sku_id": cellar.milk, "quantity": 3, "batch": "B"}
    answer = cellar.consume(held, items=[line])
    assert [(p["batch"]["number"], p["quantity"]) for p in answer["picked"]] == [("B", 3)]
    answer = cellar.consume(held)
    assert [(p["batch"]["number"], p["quantity"]) for p in answer["picked"]] == [("B", 3), ("A", 1)]
    assert cellar.batches() == "A 4, B 2"


def test_a_pick_spans_batches_with_one_entry_each(cellar: Cellar) -> None:
    cellar.receive("A", 2, days=10)
    cellar.receive("B", 5, days=20)
    cellar.consume(cellar.shelf.reserve("MILK@GZ 4"))
    rows = cellar.shelf.connection.execute(
        "select b.number, m.quantity, m.balance_after from inventory_movements m join batches b on b.id = m.batch_id"
        " where m.sku_id = %s and m.movement_type = 'out' order by m.seq",
        [cellar.milk],
    ).fetchall()
    assert rows == [("A", -2, 5), ("B", -2, 3)]


def test_a_hold_may_ask_how_long_its_units_must_last(cellar: Cellar) -> None:
    cellar.receive("SHORT", 5, days=5)
    cellar.receive("LONG", 3, days=50)
    long = {"sku_id": cellar.milk, "warehouse_id": cellar.place, "quantity": 2, "min_remaining_days": 20}
    held = cellar.shelf.reserve("MILK@GZ 1", items=[long])
    assert held["outcome"] == "reserved"
    refused = cellar.shelf.reserve("MILK@GZ 1", items=[long])
    assert (refused["outcome"], refused["errors"][0]["available"]) == ("insufficient_stock", 1)
    # others may have the rest, and the promise is kept
    assert cellar.shelf.reserve("MILK@GZ 6")["outcome"] == "reserved"
    assert [p["batch"]["number"] for p in cellar.consume(held)["picked"]] == ["LONG"]


def test_particular_holds_are_decided_after_the_others_of_their_group(cellar: Cellar) -> None:
    cellar.receive("A", 3, days=5)
    plain = {"sku_id": cellar.milk, "warehouse_id": cellar.place, "quantity": 1}
    cart = {"reference_type": "cart", "reference_id": "c", "minutes": 5}
    picky = {**plain, "min_remaining_days": 30}
    answers = cellar.shelf.post_all("stock_reserve", [{**cart, "items": [i]} for i in (picky, plain, plain)])
    assert [a["outcome"] for a in answers] == ["insufficient_stock", "reserved", "reserved"]


def test_a_quarantined_batch_is_not_sold_until_it_is_released(cellar: Cellar) -> None:
    cellar.receive("A", 5, days=10)
    cellar.receive("B", 2, days=20)
    cellar.judge("A", "quarantined")
    assert (cellar.batches(), cellar.states()) == ("A 0-5, B 2", {"quarantined": 5})
    assert cellar.shelf.reserve("MILK@GZ 3")["outcome"] == "insufficient_stock"
    cellar.judge("A", "usable")
    assert (cellar.batches(), cellar.states()) == ("A 5, B 2", {})
    assert cellar.shelf.level("MILK@GZ") == "on_hand=7 available=7 reserved=0"


def test_a_recall_takes_what_was_only_quarantined_and_leaves_what_is_damaged(cellar: Cellar) -> None:
    cellar.receive("A", 5, days=10)
    cellar.set_aside(2, batch={"number": "A"})
    cellar.judge("A", "quarantined")
    cellar.judge("A", "recalled")
    assert cellar.states() == {"damaged": 2, "recalled": 3}
    cellar.receive("A", 1)
    assert cellar.states() == {"damaged": 2, "recalled": 4}


def test_correcting_a_date_brings_expired_units_back(cellar: Cellar) -> None:
    cellar.receive("A", 5, days=-1)
    cellar.shelf.connection.execute(
        "select stock_change_batch(id, null, %s, null, null, 'me') from batches where sku_id = %s",
        [cellar.day(30), cellar.milk],
    )
    assert (cellar.batches(), cellar.states()) == ("A 5", {})


@pytest.mark.parametrize(
    ("movement_type", "quantity", "item", "code"),
    [
        ("adjustment", -1, {}, "batch_required"),
        ("adjustment", None, {"set_to": 3, "expected_quantity": 5}, "batch_required"),
        ("adjustment", -1, {"batch": {"number": "NONE"}}, "unknown_batch"),
        ("out", -1, {"batch": {"number": "NONE"}}, "unknown_batch"),
        ("in", 1, {"batch": {"number": "A", "expiry_date": "2001-01-01"}}, "batch_differs"),
        ("in", 1, {"serials": ["1"], "batch": {"number": "A"}}, "not_tracked"),
        ("out", -6, {"batch": {"number": "A"}}, "insufficient_stock"),
        ("out", -8, {}, "insufficient_stock"),
        ("adjustment", None, {"set_to": 3, "expected_quantity": 4, "batch": {"number": "A"}}, "version_conflict"),
    ],
)
def test_a_line_that_cannot_mean_its_units_is_refused_and_changes_nothing(
    cellar: Cellar, movement_type: str, quantity: int | None, item: dict[str, Any], code: str
) -> None:
    cellar.receive("A", 5, days=10)
    cellar.receive("B", 2, days=20)
    assert cellar.move(movement_type, quantity, **item)["outcome"] == code
    assert cellar.batches() == "A 5, B 2"


def test_an_untracked_sku_does_not_take_a_batch(shelf: Shelf) -> None:
    cellar = Cellar(shelf)
    cellar.milk = shelf.sku("BRICK")
    assert cellar.receive("A", 5)["outcome"] == "not_tracked"


def test_a_set_concerns_one_batch(cellar: Cellar) -> None:
    cellar.receive("A", 5, days=10)
    cellar.receive("B", 2, days=20)
    cellar.move("adjustment", None, set_to=3, expected_quantity=5, batch={"number": "A"})
    assert cellar.batches() == "A 3, B 2"


def test_unsellable_units_say_why_and_can_be_made_sellable(shelf: Shelf) -> None:
    cellar = Cellar(shelf)
    cellar.milk = shelf.sku("BRICK")
    cellar.move("in", 5)
    cellar.set_aside(3)
    cellar.set_aside(1, of="damaged", to="quality_hold")
    assert cellar.states() == {"damaged": 2, "quality_hold": 1}
    assert cellar.set_aside(3, of="damaged", to="sellable")["outcome"] == "insufficient_stock"
    cellar.set_aside(2, of="damaged", to="sellable")
    assert shelf.level("BRICK@GZ") == "on_hand=5 available=4 reserved=0"
