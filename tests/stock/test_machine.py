"""The heart against a plain reference: random groups of commands, repeated, late, unknown and out of order.

After every step the rows and the book say the same. Deadlines end in 5 minutes and the clock moves in tens, so the
seconds a run takes never decide. ``HOLDFAST_TEST_EXAMPLES`` lets it search longer.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from tests.books import violations_at
from tests.conftest import Shelf
from tests.machines import Walker, walk
from tests.stock.book import EXTENSION_MAX, Book, Line

NIL = "00000000-0000-0000-0000-000000000000"
SKUS, WAREHOUSES = ["TEA", "CUP", "JAR"], ["GZ", "BJ"]
skus = st.sampled_from([*SKUS, *SKUS, *SKUS, "NOBODY"])
warehouses = st.sampled_from([*WAREHOUSES, *WAREHOUSES, *WAREHOUSES, "NOWHERE"])
buckets = st.sampled_from(["sellable", "sellable", "sellable", "unsellable"])
units = st.integers(1, 6)
keys = st.sampled_from([None, None, "key"])
deadlines = st.sampled_from([5, 5, 5, 15, 35])


def items(where: st.SearchStrategy[Any], quantity: st.SearchStrategy[int] = units) -> Any:
    item = st.fixed_dictionaries({"sku": skus, "warehouse": where, "quantity": quantity, "bucket": buckets})
    return st.lists(item, min_size=1, max_size=3)


somewhere = items(st.one_of(warehouses, st.none(), st.none()))
holds = st.integers(0, 30)
seldom = st.sampled_from([False, False, False, False, True])


class Heart(Walker):
    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf(self.url)
        for warehouse, priority in zip(WAREHOUSES, (200, 100), strict=True):
            self.shelf.warehouse(warehouse, priority=priority)
        for sku in SKUS:
            self.shelf.sku(sku)
        self.book = Book(SKUS, WAREHOUSES)
        self.ids: list[str] = []
        self.said: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
        self.first_event = self.scalar("select coalesce(max(id), 0) from outbox_events")

    def scalar(self, statement: str) -> Any:
        row = self.shelf.connection.execute(statement).fetchone()  # type: ignore[arg-type]
        assert row is not None
        return row[0]

    # -- saying it to the heart -----------------------------------------------------------------------------------

    def wire(self, item: dict[str, Any]) -> dict[str, Any]:
        """An item with the ids of this run."""
        unknown = {"NOBODY": NIL, "NOWHERE": NIL, None: None}
        sku, warehouse = item["sku"], item["warehouse"]
        return {
            **{k: v for k, v in item.items() if k not in ("sku", "warehouse")},
            "sku_id": unknown[sku] if sku in unknown else self.shelf.sku(sku),
            "warehouse_id": unknown[warehouse] if warehouse in unknown else self.shelf.warehouse(warehouse),
        }

    def post(self, function: str, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Post a group; an earlier keyed request of the same function rides along and must be answered as it was."""
        for n, request in enumerate(requests):
            if request.get("key"):
                request |= {"key": f"key-{len(self.said)}-{n}", "hash": "body"}
        earlier = [(request, answer) for name, request, answer in self.said if name == function][-1:]
        reused = [({**request, "hash": "other"}, None) for request, _ in earlier if len(self.said) % 3 == 0]
        repeats = reused or earlier
        told = self.shelf.post_all(function, [*requests, *(request for request, _ in repeats)])
        for (_, answer), again in zip(repeats, told[len(requests) :], strict=True):
            if answer is None:
                assert again["outcome"] == "idempotency_key_reused"
            else:
                assert again == {**answer, "replayed": True}
        for request, answer in zip(requests, told, strict=False):
            assert answer["replayed"] is False
            if request.get("key"):
                self.said.append((function, request, answer))
        return told[: len(requests)]

    def hold_id(self, number: int) -> str:
        return self.ids[number % len(self.ids)] if self.ids and number < 28 else NIL

    # -- commands -------------------------------------------------------------------------------------------------

    @rule(batch=st.lists(items(warehouses, st.integers(1, 12)), min_size=1, max_size=3), key=keys)
    def receive(self, batch: list[list[dict[str, Any]]], key: str | None) -> None:
        self.move("received", "in", batch, key)

    @rule(batch=st.lists(items(warehouses, st.integers(-6, -1)), min_size=1, max_size=3), key=keys)
    def sell(self, batch: list[list[dict[str, Any]]], key: str | None) -> None:
        self.move("sold", "out", batch, key)

    @rule(item=items(warehouses, st.integers(0, 12)), error=st.sampled_from([0, 0, 0, 1]), key=keys)
    def adjust(self, item: list[dict[str, Any]], error: int, key: str | None) -> None:
        counted = self.book.unsellable if item[0]["bucket"] == "unsellable" else self.book.sellable
        self.book.expire_touching([item[0]["sku"]])
        there = counted[item[0]["sku"], item[0]["warehouse"]]
        one = {**item[0], "set_to": item[0]["quantity"], "expected_quantity": there + error, "quantity": None}
        self.move("adjusted", "adjustment", [[one]], key)

    def move(self, event: str, movement_type: str, batch: list[list[dict[str, Any]]], key: str | None) -> None:
        kind = {"event_type": f"inventory.{event}", "movement_type": movement_type, "reference_type": "manual"}
        asks = [{**kind, "reason": "test", "key": key, "items": [self.wire(i) for i in group]} for group in batch]
        told = self.post("stock_move", asks)
        self.book.expire_touching(i["sku"] for group in batch for i in group)
        self.book.known |= {
            (i["sku"], i["warehouse"])
            for group in batch
            for i in group
            if i["sku"] in SKUS and i["warehouse"] in WAREHOUSES
        }
        assert [t["outcome"] for t in told] == [self.book.move(event, group) for group in batch]

    @rule(batch=st.lists(somewhere, min_size=1, max_size=5), minutes=deadlines, key=keys)
    def reserve(self, batch: list[list[dict[str, Any]]], minutes: int | None, key: str | None) -> None:
        kind = {"reference_type": "cart", "reference_id": "c", "minutes": minutes, "key": key}
        told = self.post("stock_reserve", [{**kind, "items": [self.wire(i) for i in group]} for group in batch])
        self.book.expire_touching(i["sku"] for group in batch for i in group)
        fixed_only = all(i["warehouse"] is not None for group in batch for i in group)
        for group, answer in zip(batch, told, strict=True):
            if fixed_only:
                expected = self.book.why_not(group, self.book.left()) or "reserved"
                assert answer["outcome"] == expected
            if answer["outcome"] == "reserved":
                self.accept(group, answer, minutes)
        for group, answer in zip(batch, told, strict=True):
            if answer["outcome"] != "reserved":
                # A refused request does not fit into what the whole group left: no basket cost another its stock.
                assert self.book.why_not(group, self.book.left()) is not None

    def accept(self, group: list[dict[str, Any]], answer: dict[str, Any], minutes: int | None) -> None:
        """Write a granted hold into the book: where it was placed is legal and adds up to what was asked."""
        names = {i: key.split(":")[1] for key, i in self.shelf.ids.items()}
        lines = [Line(names[i["sku_id"]], names[i["warehouse_id"]], i["reserved_quantity"]) for i in answer["items"]]
        left = self.book.left()
        placed = [{"sku": line.sku, "warehouse": line.warehouse, "quantity": line.quantity} for line in lines]
        assert self.book.why_not(placed, left) is None
        assert total(placed) == total(group)
        named, held = total(group, by_place=True), total(placed, by_place=True)
        assert all(held[place] >= quantity for place, quantity in named.items() if place[1] is not None)
        self.book.hold(answer["reservation_id"], lines, minutes, ("cart", "c"))
        self.ids.append(answer["reservation_id"])

    @rule(
        numbers=st.lists(holds, min_size=1, max_size=4, unique=True),
        action=st.sampled_from(["consume", "release"]),
        part=st.one_of(st.none(), somewhere),
        key=keys,
    )
    def resolve(self, numbers: list[int], action: str, part: list[dict[str, Any]] | None, key: str | None) -> None:
        targets = list(dict.fromkeys(self.hold_id(n) for n in numbers))
        wired = None if part is None else [self.wire(i) for i in part]
        asks = [{"reservation_id": target, "action": action, "items": wired, "key": key} for target in targets]
        told = self.post("stock_resolve", asks)
        assert [t["outcome"] for t in told] == [self.book.resolve(target, action, part) for target in targets]
        self.compare_facts(targets, told)

    @rule(warehouse=st.sampled_from(WAREHOUSES), quantity=st.integers(1, 2), by_hand=st.booleans())
    def ship_a_basket(self, warehouse: str, quantity: int, by_hand: bool) -> None:
        """Several lines held and consumed at once: drawn at random, such a consume is rare, and a ledger that misses
        all lines but the first went unseen in a short run."""
        left = self.book.left()
        basket = [
            {"sku": sku, "warehouse": warehouse, "quantity": quantity, "bucket": "sellable"}
            for sku in SKUS
            if left.get((sku, warehouse), 0) >= quantity
        ]
        held = len(self.ids)
        if len(basket) > 1:
            self.reserve([basket], 35, None)
        if len(self.ids) > held:
            target, part = self.ids[-1], basket if by_hand else None
            wired = None if part is None else [self.wire(i) for i in part]
            told = self.post(
                "stock_resolve", [{"reservation_id": target, "action": "consume", "items": wired, "key": None}]
            )
            assert [t["outcome"] for t in told] == [self.book.resolve(target, "consume", part)]

    @rule(numbers=st.lists(holds, min_size=1, max_size=4, unique=True), by=st.sampled_from([10, 20, 30, 60]), key=keys)
    def extend(self, numbers: list[int], by: int, key: str | None) -> None:
        self.prolong(numbers, "extend", by, key)

    @rule(number=holds, minutes=st.one_of(st.none(), deadlines), key=keys)
    def convert(self, number: int, minutes: int | None, key: str | None) -> None:
        self.prolong([number], "convert", minutes, key)

    def prolong(self, numbers: list[int], action: str, minutes: int | None, key: str | None) -> None:
        targets = list(dict.fromkeys(self.hold_id(n) for n in numbers))
        kind = {"action": action, "minutes": minutes, "extension_max": EXTENSION_MAX, "key": key}
        order = {"reference_type": "order", "reference_id": "o"}
        told = self.post("stock_prolong", [{**kind, **order, "reservation_id": target} for target in targets])
        expected = [self.book.prolong(target, action, minutes, ("order", "o")) for target in targets]
        assert [t["outcome"] for t in told] == expected
        self.compare_facts(targets, told)

    def compare_facts(self, targets: list[str], told: list[dict[str, Any]]) -> None:
        for target, answer in zip(targets, told, strict=True):
            if "items" in answer:
                hold = self.book.holds[target]
                opened = sum(line.quantity for line in hold.open_lines())
                assert (answer["status"], sum(i["open_quantity"] for i in answer["items"])) == (hold.status, opened)

    @rule(limit=st.integers(1, 3))
    def sweep(self, limit: int) -> None:
        due = sorted((h for h in self.book.holds.values() if self.book.overdue(h)), key=lambda h: h.deadline or 0)
        if len({h.deadline for h in due[:limit]} & {h.deadline for h in due[limit:]}):
            limit = 1000  # of several with one deadline, any may be first
        assert self.scalar(f"select stock_expire({limit})") == self.book.expire(due[:limit])

    @rule(minutes=st.sampled_from([10, 20, 40]))
    def tick(self, minutes: int) -> None:
        self.shelf.advance(minutes)
        self.book.now += minutes

    @rule()
    def let_holds_run_out(self) -> None:
        self.tick(10)

    @initialize()
    def open_the_shop(self) -> None:
        stock = [{"sku": s, "warehouse": w, "quantity": 9, "bucket": "sellable"} for s in SKUS for w in WAREHOUSES]
        self.move("received", "in", [stock], None)

    @rule(warehouse=st.sampled_from(WAREHOUSES), closed=seldom)
    def close_or_open(self, warehouse: str, closed: bool) -> None:
        (self.book.closed.add if closed else self.book.closed.discard)(warehouse)
        self.shelf.connection.execute(
            "update warehouses set is_active = %s where id = %s", [not closed, self.shelf.warehouse(warehouse)]
        )

    @rule(sku=st.sampled_from(SKUS), archived=seldom)
    def archive_or_bring_back(self, sku: str, archived: bool) -> None:
        (self.book.archived.add if archived else self.book.archived.discard)(sku)
        self.shelf.connection.execute(
            "update skus set archived_at = case when %s then now() end where id = %s", [archived, self.shelf.sku(sku)]
        )

    @rule(sku=st.sampled_from(SKUS), quantity=units)
    def ask(self, sku: str, quantity: int) -> None:
        [told] = self.shelf.post_all("stock_availability", [{"sku_id": self.shelf.sku(sku), "quantity": quantity}])
        there = sum(self.book.promisable(sku, warehouse) for warehouse in WAREHOUSES)
        assert told["quantity_available"] == there
        assert told["available"] == (there >= quantity and sku not in self.book.archived)

    # -- the books ------------------------------------------------------------------------------------------------

    @invariant()
    def levels_agree(self) -> None:
        names = {i: key.split(":")[1] for key, i in self.shelf.ids.items()}
        rows = self.shelf.connection.execute(
            "select sku_id::text, warehouse_id::text, available_quantity, reserved_quantity, unavailable_quantity,"
            " (select coalesce(sum(quantity), 0) from inventory_movements m"
            "   where (m.sku_id, m.warehouse_id) = (i.sku_id, i.warehouse_id))"
            " from inventory i where sku_id = any (%s)",
            [[self.shelf.sku(sku) for sku in SKUS]],
        ).fetchall()
        found = {(names[r[0]], names[r[1]]): r[2:] for r in rows}
        book = self.book
        assert found == {
            place: (
                book.available(place),
                book.reserved(place),
                book.unsellable[place],
                book.sellable[place] + book.unsellable[place],
            )
            for place in book.known
        }

    @invariant()
    def holds_agree(self) -> None:
        rows = self.shelf.connection.execute(
            "select h.id::text, h.status, l.status, sum(l.quantity)"
            " from reservations h join inventory_reservations l on l.reservation_id = h.id"
            " where h.id = any (%s) group by h.id, l.status",
            [self.ids],
        ).fetchall()
        found: dict[str, Any] = {}
        for hold_id, status, outcome, quantity in rows:
            found.setdefault(hold_id, (status, Counter()))[1][outcome] = quantity
        expected: dict[str, Any] = {}
        for hold_id, hold in self.book.holds.items():
            expected[hold_id] = (hold.status, Counter())
            for line in hold.lines:
                expected[hold_id][1][line.outcome] += line.quantity
        assert found == expected

    @invariant()
    def lines_share_the_deadline_of_their_hold(self) -> None:
        assert not self.scalar(
            "select count(*) from inventory_reservations l join reservations h on h.id = l.reservation_id"
            " where l.status = 'active' and l.expires_at is distinct from h.expires_at"
        )

    @invariant()
    def every_change_was_told(self) -> None:
        rows = self.shelf.connection.execute(
            "select event_type, count(*) from outbox_events where id > %s group by 1", [self.first_event]
        ).fetchall()
        assert {kind.removeprefix("inventory."): n for kind, n in rows} == dict(self.book.events)

    def teardown(self) -> None:
        try:
            self.tick(100)  # past every deadline, so that nothing is due in the next run
            while self.scalar("select stock_expire(1000)"):
                pass
            self.book.expire(list(self.book.holds.values()))
            self.levels_agree()
        finally:
            self.shelf.close()
        found = asyncio.run(violations_at(self.url))
        assert [line for line in found if not line.startswith("clock_is_not_shifted")] == []


def total(lines: list[dict[str, Any]], *, by_place: bool = False) -> Counter[Any]:
    counted: Counter[Any] = Counter()
    for line in lines:
        counted[(line["sku"], line["warehouse"]) if by_place else line["sku"]] += line["quantity"]
    return counted


@pytest.mark.timeout(600)
def test_the_heart_and_the_book_never_disagree(fresh_url: str) -> None:
    walk(Heart, fresh_url, walks=80, steps=40)
