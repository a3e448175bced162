"""Batches and serial numbers beside a plain book: whatever is done in whatever order, both say the same.

The book keeps units one by one and decides nothing cleverly: it is told what happened and checks that it was allowed.
After every step the doctor adds up what the tables say.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from tests.books import violations_at
from tests.conftest import Shelf
from tests.machines import Walker, walk

NUMBERS = ["A", "B", "C"]
DAYS = {"A": 1, "B": 2, "C": 9}
PLACES = ["GZ", "BJ"]
numbers, places = st.sampled_from(NUMBERS), st.sampled_from(PLACES)
few = st.integers(1, 4)


class Units(Walker):
    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf(self.url)
        self.milk, self.phone = self.shelf.sku("MILK", tracking="batch"), self.shelf.sku("PHONE", tracking="serial")
        self.on_hand: Counter[tuple[str, str]] = Counter()  # (batch, warehouse): units, sellable or not
        self.damaged: Counter[tuple[str, str]] = Counter()
        self.state = dict.fromkeys(NUMBERS, "usable")
        self.holds: dict[str, tuple[str, int]] = {}
        self.sold: Counter[str] = Counter()
        self.units: dict[str, str] = {}  # serial number: warehouse, or where it went
        self.named: dict[str, str] = {}
        self.days = 0
        row = self.shelf.connection.execute("select (business_now() at time zone 'UTC')::date").fetchone()
        assert row
        self.start = row[0]

    # -- what the book knows --------------------------------------------------------------------------------------

    def is_usable(self, number: str) -> bool:
        return self.state[number] == "usable" and self.days <= DAYS[number]

    def usable(self, place: str) -> int:
        return sum(self.on_hand[n, place] - self.damaged[n, place] for n in NUMBERS if self.is_usable(n))

    def reserved(self, place: str) -> int:
        return sum(quantity for at, quantity in self.holds.values() if at == place)

    def free(self, place: str) -> int:
        return max(0, self.usable(place) - self.reserved(place))

    def batch(self, number: str) -> dict[str, str]:
        row = self.shelf.connection.execute("select (%s::date + %s)::text", [self.start, DAYS[number]]).fetchone()
        assert row
        return {"number": number, "expiry_date": row[0]}

    def move(self, movement_type: str, reference_type: str, *items: dict[str, Any]) -> dict[str, Any]:
        kind = {"event_type": "inventory.moved", "movement_type": movement_type, "reference_type": reference_type}
        return self.shelf.post("stock_move", **kind, reason="test", reference_id="r", items=list(items))

    def line(self, sku: str, place: str, quantity: int, **more: Any) -> dict[str, Any]:
        return {"sku_id": sku, "warehouse_id": self.shelf.warehouse(place), "quantity": quantity, **more}

    def take(self, place: str, pieces: list[tuple[str, int]], asked: int) -> None:
        """What was picked must be what expires first of what is usable."""
        order = [n for n in sorted(NUMBERS, key=DAYS.__getitem__) if self.is_usable(n)]
        expected: list[tuple[str, int]] = []
        for number in order:
            here = min(asked, self.on_hand[number, place] - self.damaged[number, place])
            if here:
                expected.append((number, here))
                asked -= here
        assert pieces == expected
        for number, quantity in pieces:
            self.on_hand[number, place] -= quantity
            self.sold[number] += quantity

    # -- batches -------------------------------------------------------------------------------------------------------

    @initialize()
    def open_the_shop(self) -> None:
        for number in NUMBERS:
            self.receive(number, "GZ", 3)

    @rule(number=numbers, place=places, quantity=few)
    def receive(self, number: str, place: str, quantity: int) -> None:
        told = self.move("in", "receipt", self.line(self.milk, place, quantity, batch=self.batch(number)))
        assert told["outcome"] == "moved"
        self.on_hand[number, place] += quantity

    @rule(place=places, quantity=few)
    def sell(self, place: str, quantity: int) -> None:
        told = self.move("out", "sale", self.line(self.milk, place, -quantity))
        if quantity > self.free(place):
            assert told["outcome"] == "insufficient_stock"
        else:
            assert told["outcome"] == "moved"
            self.take(place, [(i["batch"]["number"], -i["quantity"]) for i in told["items"]], quantity)

    @rule(place=places, quantity=few)
    def hold(self, place: str, quantity: int) -> None:
        told = self.shelf.reserve(f"MILK@{place} {quantity}", reference_type="order", minutes=None)
        assert told["outcome"] == ("insufficient_stock" if quantity > self.free(place) else "reserved")
        if told["outcome"] == "reserved":
            self.holds[told["reservation_id"]] = (place, quantity)

    @rule(which=st.integers(0, 5), action=st.sampled_from(["consume", "consume", "release"]))
    def resolve(self, which: int, action: str) -> None:
        if not self.holds:
            return
        key = list(self.holds)[which % len(self.holds)]
        place, quantity = self.holds[key]
        told = self.shelf.post("stock_resolve", reservation_id=key, action=action)
        if action == "consume" and quantity > self.usable(place):
            assert told["outcome"] == "units_not_usable"
            return
        del self.holds[key]
        if action == "consume":
            self.take(place, [(p["batch"]["number"], p["quantity"]) for p in told["picked"]], quantity)

    @rule(number=numbers, quantity=few)
    def bring_back(self, number: str, quantity: int) -> None:
        quantity = min(quantity, self.sold[number])
        if quantity:
            told = self.move("in", "return", self.line(self.milk, "GZ", quantity, batch={"number": number}))
            assert told["outcome"] == "moved"
            self.sold[number] -= quantity
            self.on_hand[number, "GZ"] += quantity

    @rule(number=numbers, place=places, quantity=few)
    def carry(self, number: str, place: str, quantity: int) -> None:
        """A transfer that names its batch, both legs at once."""
        there = "BJ" if place == "GZ" else "GZ"
        there_is = min(self.free(place), self.on_hand[number, place] - self.damaged[number, place])
        legs = [
            self.line(self.milk, p, q, batch={"number": number}) for p, q in ((place, -quantity), (there, quantity))
        ]
        told = self.move("transfer", "transfer", *legs)
        if not self.is_usable(number) or quantity > there_is:
            assert told["outcome"] in ("insufficient_stock", "unknown_batch")
        else:
            assert told["outcome"] == "moved"
            self.on_hand[number, place] -= quantity
            self.on_hand[number, there] += quantity

    @rule(number=numbers, place=places)
    def break_one(self, number: str, place: str) -> None:
        aside = [
            self.line(self.milk, place, -1, batch={"number": number}),
            self.line(self.milk, place, 1, batch={"number": number}, bucket="unsellable", state="damaged"),
        ]
        told = self.move("transfer", "adjustment", *aside)
        good = self.on_hand[number, place] - self.damaged[number, place]
        if self.is_usable(number) and good and self.free(place):
            assert told["outcome"] == "moved"
            self.damaged[number, place] += 1
        else:
            assert told["outcome"] in ("insufficient_stock", "unknown_batch")

    @rule(number=numbers, state=st.sampled_from(["usable", "usable", "quarantined", "recalled"]))
    def judge(self, number: str, state: str) -> None:
        self.shelf.connection.execute(
            "select stock_judge_batch(id, %s, 'test', 'me') from batches where sku_id = %s and number = %s",
            [state, self.milk, number],
        )
        self.state[number] = state

    @rule()
    def sleep_a_day(self) -> None:
        self.shelf.advance(24 * 60)
        self.days += 1

    @rule()
    def withdraw(self) -> None:
        self.shelf.connection.execute("select stock_withdraw(100)")

    # -- units with numbers --------------------------------------------------------------------------------------------

    @rule(place=places, first=st.integers(1, 6), count=few)
    def receive_units(self, place: str, first: int, count: int) -> None:
        named = [f"S{n}" for n in range(first, first + count)]
        told = self.move("in", "receipt", self.line(self.phone, place, count, serials=named))
        here = any(self.units.get(n) in PLACES for n in named)
        assert told["outcome"] == ("serial_in_stock" if here else "moved")
        if not here:
            self.units |= dict.fromkeys(named, place)

    @rule(place=places, first=st.integers(1, 6))
    def hold_a_unit(self, place: str, first: int) -> None:
        line = self.line(self.phone, place, 1, serials=[f"S{first}"])
        told = self.shelf.reserve("PHONE@GZ 1", items=[line], reference_type="order", minutes=None)
        is_free = self.units.get(f"S{first}") == place and f"S{first}" not in self.named
        assert told["outcome"] == ("reserved" if is_free else "serial_not_here")
        if is_free:
            self.named[f"S{first}"] = told["reservation_id"]

    @rule(first=st.integers(1, 6), action=st.sampled_from(["consume", "release"]))
    def resolve_a_unit(self, first: int, action: str) -> None:
        held = self.named.pop(f"S{first}", None)
        if held is not None:
            told = self.shelf.post("stock_resolve", reservation_id=held, action=action)
            if action == "consume":
                assert told["picked"][0]["serials"] == [f"S{first}"]
                self.units[f"S{first}"] = "shipped"

    @rule(place=places)
    def sell_a_unit(self, place: str) -> None:
        told = self.move("out", "sale", self.line(self.phone, place, -1))
        free = [n for n, at in self.units.items() if at == place and n not in self.named]
        assert told["outcome"] == ("moved" if free else "insufficient_stock")
        if free:
            [number] = told["items"][0]["serials"]
            assert number in free
            self.units[number] = "shipped"

    # -- the books -----------------------------------------------------------------------------------------------------

    @invariant()
    def balances_agree(self) -> None:
        rows = self.shelf.connection.execute(
            "select b.number, split_part(w.code, '-', 1), i.sellable_quantity + i.unsellable_quantity"
            " from inventory_batches i"
            " join batches b on b.id = i.batch_id join warehouses w on w.id = i.warehouse_id where i.sku_id = %s",
            [self.milk],
        ).fetchall()
        assert Counter({(n, w): q for n, w, q in rows}) == self.on_hand

    @invariant()
    def what_can_be_had_agrees(self) -> None:
        for place in PLACES:
            ask = {"sku_id": self.milk, "quantity": 1, "warehouse_id": self.shelf.warehouse(place)}
            [told] = self.shelf.post_all("stock_availability", [ask])
            assert told["quantity_available"] == self.free(place)

    @invariant()
    def units_agree(self) -> None:
        rows = self.shelf.connection.execute(
            "select serial_number, coalesce(split_part(w.code, '-', 1), s.state) from serials s"
            " left join warehouses w on w.id = s.warehouse_id where s.sku_id = %s",
            [self.phone],
        ).fetchall()
        assert dict(rows) == self.units

    def teardown(self) -> None:
        self.shelf.connection.execute("select stock_withdraw(1000)")
        self.shelf.close()
        found = asyncio.run(violations_at(self.url))
        assert [line for line in found if not line.startswith("clock_is_not_shifted")] == []


def test_units_and_the_book_never_disagree(fresh_url: str) -> None:
    walk(Units, fresh_url, walks=25, steps=30)
