"""Bundles, backorders, dated promises and the waiting list against a plain reference, commands in any order.

One warehouse, two SKUs and a bundle of both. The reference knows a queue and a loop, no sets. After every step holds,
promises, their days, offers and levels are the same in the rows. ``HOLDFAST_TEST_EXAMPLES`` lets it search longer.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from tests.books import violations_at
from tests.conftest import Shelf
from tests.machines import Walker, walk
from tests.stock.orders import allow, arrive, bundle, day, events, facts, inbound, order, postpone, resolve, wait

SKUS = ("TEA", "CUP")
PARTS = {"TEA": {"TEA": 1}, "CUP": {"CUP": 1}, "SET": {"TEA": 2, "CUP": 1}}
skus = st.sampled_from(SKUS)
wanted = st.dictionaries(st.sampled_from(tuple(PARTS)), st.integers(1, 4), min_size=1, max_size=3)
units = st.integers(1, 6)
numbers = st.integers(0, 30)


@dataclass
class Promise:
    """One reservation: units held, waiting and consumed by SKU."""

    id: str
    held: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    consumed: Counter[str] = field(default_factory=Counter)


@dataclass
class Wish:
    id: str
    sku: str
    quantity: int
    name: str
    state: str = "waiting"


class Shop(Walker):
    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf(self.url)
        self.on_hand: Counter[str] = Counter()
        self.promises: list[Promise] = []
        self.wishes: list[Wish] = []
        self.coming: dict[str, list[Any]] = {}  # document: [sku, open quantity, day]
        self.offered: list[str] = []

    # -- the reference ------------------------------------------------------------------------------------------------

    def free(self, sku: str) -> int:
        return self.on_hand[sku] - sum(p.held[sku] for p in self.promises)

    def serve(self, sku: str) -> None:
        for promise in self.promises:  # in the order in which they were made
            units = min(self.free(sku), promise.waiting[sku])
            promise.held[sku] += units
            promise.waiting[sku] -= units
        for wish in self.wishes:
            if (wish.sku, wish.state) == (sku, "waiting") and wish.quantity <= self.free(sku):
                wish.state = "offered"
                self.offered.append(wish.name)
                told = events(self.shelf, sku, "waiting_list.offered")[len(self.told_of(sku)) - 1]
                self.promises.append(Promise(told["reservation_id"], held=Counter({sku: wish.quantity})))

    def told_of(self, sku: str) -> list[str]:
        names = {w.name: w.sku for w in self.wishes}
        return [name for name in self.offered if names[name] == sku]

    def due(self, sku: str, promise: Promise) -> int | None:
        """The day on which dated inbound has covered everybody before this promise, and it."""
        ahead = 0
        for other in self.promises:
            ahead += other.waiting[sku]
            if other is promise:
                break
        so_far = 0
        for _, quantity, when in sorted(
            (c for c in self.coming.values() if c[0] == sku and c[2] is not None), key=lambda c: c[2]
        ):
            so_far += quantity
            if so_far >= ahead:
                return when
        return None

    # -- commands -----------------------------------------------------------------------------------------------------

    @initialize()
    def open_the_shop(self) -> None:
        self.receive("TEA", 5)
        self.receive("CUP", 3)
        assert bundle(self.shelf, "SET", "TEA 2, CUP 1") is None
        for sku in SKUS:
            allow(self.shelf, f"{sku}@GZ", "always")

    @rule(sku=skus, quantity=units)
    def receive(self, sku: str, quantity: int) -> None:
        self.shelf.given(f"{sku}@GZ {quantity}")
        self.on_hand[sku] += quantity
        self.serve(sku)

    @rule(wants=wanted, may_wait=st.sampled_from([True, True, False]), named=st.booleans())
    def buy(self, wants: dict[str, int], may_wait: bool, named: bool) -> None:
        text = ", ".join(f"{sku}@GZ {q}" if named else f"{sku} {q}" for sku, q in wants.items())
        answer = order(self.shelf, text, allow_backorder=may_wait)
        needs: Counter[str] = Counter()
        for sku, quantity in wants.items():
            needs.update({part: per * quantity for part, per in PARTS[sku].items()})
        fits = all(needs[sku] <= self.free(sku) for sku in needs)
        assert (answer["outcome"] == "reserved") == (fits or may_wait)
        if answer["outcome"] == "reserved":
            held = Counter({sku: min(q, self.free(sku)) for sku, q in needs.items()})
            self.promises.append(Promise(answer["reservation_id"], held, needs - held))
            assert {b["sku_id"] for b in answer.get("bundles", [])} == {self.shelf.sku(s) for s in wants if s == "SET"}

    @rule(number=numbers)
    def ship(self, number: int) -> None:
        if self.promises:
            promise = self.promises[number % len(self.promises)]
            told = resolve(self.shelf, {"reservation_id": promise.id}, "consume")["outcome"]
            if promise.held.total():
                assert told == "consumed"
            elif promise.waiting.total():
                assert told == ("consumed" if promise.consumed.total() else "still_backordered")
            for sku, quantity in promise.held.items():
                self.on_hand[sku] -= quantity
            promise.consumed += promise.held
            promise.held = Counter()

    @rule(number=numbers, sku=skus, quantity=st.one_of(st.none(), units))
    def give_back(self, number: int, sku: str, quantity: int | None) -> None:
        if not self.promises:
            return
        promise = self.promises[number % len(self.promises)]
        if promise.held.total() + promise.waiting.total() == 0:
            return
        text = None if quantity is None else f"{sku} {quantity}"
        told = resolve(self.shelf, {"reservation_id": promise.id}, "release", text)["outcome"]
        if quantity is None:
            freed = [s for s in SKUS if promise.held[s] + promise.waiting[s]]
            promise.held, promise.waiting = Counter(), Counter()
        elif quantity > promise.held[sku] + promise.waiting[sku]:
            assert told == "exceeds_reservation"
            return
        else:
            promised = min(quantity, promise.waiting[sku])  # what is only promised goes first
            promise.waiting[sku] -= promised
            promise.held[sku] -= quantity - promised
            freed = [sku]
        assert told == "released"
        for each in freed:
            self.serve(each)

    @rule(sku=skus, quantity=st.integers(1, 4))
    def join(self, sku: str, quantity: int) -> None:
        name = f"wish-{len(self.wishes)}"
        self.wishes.append(Wish(wait(self.shelf, f"{sku} {quantity}", name), sku, quantity, name))
        self.serve(sku)

    @rule(number=numbers)
    def leave(self, number: int) -> None:
        if self.wishes:
            wish = self.wishes[number % len(self.wishes)]
            row = self.shelf.connection.execute("select stock_stop_waiting(%s)", [wish.id]).fetchone()
            assert row == (wish.state == "waiting",)
            wish.state = "cancelled" if wish.state == "waiting" else wish.state

    @rule(sku=skus, quantity=units, when=st.sampled_from([1, 3, 7, None]))
    def purchase(self, sku: str, quantity: int, when: int | None) -> None:
        document = inbound(self.shelf, f"{sku}@GZ {quantity}", when)
        self.coming[document] = [sku, quantity, when]
        postpone(self.shelf, document, f"{sku}@GZ", when)

    @rule(number=numbers, when=st.sampled_from([1, 3, 7, None]))
    def put_off(self, number: int, when: int | None) -> None:
        if self.coming:
            document = list(self.coming)[number % len(self.coming)]
            postpone(self.shelf, document, f"{self.coming[document][0]}@GZ", when)
            self.coming[document][2] = when

    @rule(number=numbers, quantity=units)
    def delivery(self, number: int, quantity: int) -> None:
        if self.coming:
            document = list(self.coming)[number % len(self.coming)]
            sku, still_open, _ = self.coming[document]
            units = min(quantity, still_open)
            if units:
                arrive(self.shelf, document, f"{sku}@GZ {units}")
                self.coming[document][1] -= units
                self.on_hand[sku] += units
                self.serve(sku)

    # -- the books ----------------------------------------------------------------------------------------------------

    @invariant()
    def levels_agree(self) -> None:
        for sku in SKUS:
            row = self.shelf.connection.execute(
                "select on_hand_quantity, available_quantity, reserved_quantity, backordered_quantity from inventory"
                " where sku_id = %s",
                [self.shelf.sku(sku)],
            ).fetchone()
            held = sum(p.held[sku] for p in self.promises)
            waiting = sum(p.waiting[sku] for p in self.promises)
            assert row is None or row == (self.on_hand[sku], self.free(sku), held, waiting)
            assert not (waiting and self.free(sku))

    @invariant()
    def promises_agree(self) -> None:
        today = day(self.shelf, 0)
        for promise in self.promises:
            told = {i["sku_id"]: i for i in facts(self.shelf, {"reservation_id": promise.id})["items"]}
            for sku in SKUS:
                item = told.get(self.shelf.sku(sku), {})
                found = (
                    item.get("open_quantity", 0),
                    item.get("backordered_quantity", 0),
                    item.get("consumed_quantity", 0),
                )
                assert found == (promise.held[sku], promise.waiting[sku], promise.consumed[sku])
                if promise.waiting[sku]:
                    when = self.due(sku, promise)
                    expected = None if when is None else day(self.shelf, when).isoformat()
                    assert item["promise_date"] == expected, today

    @invariant()
    def offers_agree(self) -> None:
        for sku in SKUS:
            assert [e["reference_id"] for e in events(self.shelf, sku, "waiting_list.offered")] == self.told_of(sku)

    def teardown(self) -> None:
        self.shelf.close()
        assert asyncio.run(violations_at(self.url)) == []


@pytest.mark.timeout(600)
def test_promises_and_the_queue_never_disagree_with_the_book(fresh_url: str) -> None:
    walk(Shop, fresh_url, walks=25, steps=25)
