"""Pools against a plain reference: random holds, sales, deadlines and changes of pools on one level.

``HOLDFAST_TEST_EXAMPLES`` lets it search longer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from tests.books import violations_at
from tests.conftest import Shelf
from tests.machines import Walker, walk
from tests.stock.pooled import Pooled

CHANNELS = ("shop", "market")
anybody = st.sampled_from([None, *CHANNELS, *CHANNELS])
units = st.integers(1, 6)


@dataclass
class Pool:
    channel: str
    quantity: int
    taken: int = 0

    @property
    def left(self) -> int:
        return self.quantity - self.taken


@dataclass
class Hold:
    pool: Pool | None
    of_pool: int
    of_all: int
    deadline: int


@dataclass
class Reference:
    """One level: what is there and not held, its pools in the order they are filled, and who holds what."""

    available: int = 0
    now: int = 0
    pools: list[Pool] = field(default_factory=list[Pool])
    holds: dict[str, Hold] = field(default_factory=dict[str, Hold])

    def pool(self, channel: str | None) -> Pool | None:
        return next((p for p in self.pools if p.channel == channel), None)

    def free(self) -> int:
        return max(0, self.available - sum(p.left for p in self.pools))

    def cover(self, channel: str | None) -> int:
        there = self.available
        for pool in self.pools:
            if pool.channel == channel:
                return max(0, min(pool.left, there))
            there -= pool.left
        return 0

    def take(self, channel: str | None, quantity: int) -> tuple[Pool | None, int] | None:
        """From which pool how much of it is taken; None when there is not so much."""
        if quantity > self.free() + self.cover(channel):
            return None
        of_pool = min(quantity, self.cover(channel))
        self.available -= quantity
        pool = self.pool(channel)
        if pool:
            pool.taken += of_pool
        return pool, of_pool

    def give_back(self, hold: Hold, quantity: int) -> None:
        """What came from elsewhere first."""
        of_all = min(quantity, hold.of_all)
        hold.of_all -= of_all
        hold.of_pool -= quantity - of_all
        if hold.pool:
            hold.pool.taken -= quantity - of_all
        self.available += quantity

    def expire(self) -> None:
        for name in [n for n, hold in self.holds.items() if hold.deadline <= self.now]:
            hold = self.holds.pop(name)
            self.give_back(hold, hold.of_all + hold.of_pool)


class Pools(Walker):
    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf(self.url)
        self.pooled = Pooled(self.shelf)
        self.book = Reference()
        self.given(9)

    def given(self, quantity: int) -> None:
        self.book.expire()
        self.shelf.given(f"TEA@GZ {quantity}")
        self.book.available += quantity

    @rule(quantity=units)
    def receive(self, quantity: int) -> None:
        self.given(quantity)

    @rule(quantity=units)
    def lose(self, quantity: int) -> None:
        """A breakage is a fact: no pool stops it."""
        self.book.expire()
        happened = quantity <= self.book.available
        assert self.leave(quantity, "adjustment", None) == ("moved" if happened else "insufficient_stock")
        self.book.available -= quantity if happened else 0

    @rule(quantity=units, channel=anybody)
    def sell(self, quantity: int, channel: str | None) -> None:
        self.book.expire()
        sold = self.book.take(channel, quantity)
        assert self.leave(quantity, "sale", channel) == ("insufficient_stock" if sold is None else "moved")

    def leave(self, quantity: int, reference: str, channel: str | None) -> str:
        item = {**self.shelf.items(f"TEA@GZ {quantity}")[0], "quantity": -quantity}
        kind = {"movement_type": "out" if reference == "sale" else "adjustment", "reference_type": reference}
        named = {} if channel is None else {"channel": self.pooled.channel(channel)}
        return self.shelf.post("stock_move", event_type="test", reason="test", items=[item], **kind, **named)["outcome"]

    @rule(quantity=units, channel=anybody, place=st.sampled_from(["TEA", "TEA@GZ"]))
    def reserve(self, quantity: int, channel: str | None, place: str) -> None:
        self.book.expire()
        taken = self.book.take(channel, quantity)
        told = self.pooled.reserve(f"{place} {quantity}", channel)
        assert told["outcome"] == ("insufficient_stock" if taken is None else "reserved")
        if taken:
            pool, of_pool = taken
            hold = Hold(pool, of_pool, quantity - of_pool, self.book.now + 30)
            self.book.holds[told["reservation_id"]] = hold

    @rule(number=st.integers(0, 20), part=st.one_of(st.none(), units), action=st.sampled_from(["release", "consume"]))
    def resolve(self, number: int, part: int | None, action: str) -> None:
        live = [name for name, hold in self.book.holds.items() if hold.deadline > self.book.now]
        if not live:
            return
        name = live[number % len(live)]
        hold = self.book.holds[name]
        quantity = min(part or 99, hold.of_all + hold.of_pool)
        items = None if part is None else self.shelf.items(f"TEA {quantity}")
        told = self.shelf.post("stock_resolve", reservation_id=name, action=action, items=items)
        assert told["outcome"] == ("released" if action == "release" else "consumed")
        if action == "release":
            self.book.give_back(hold, quantity)
        else:
            of_pool = min(quantity, hold.of_pool)
            hold.of_pool -= of_pool
            hold.of_all -= quantity - of_pool
        if hold.of_all + hold.of_pool == 0:
            del self.book.holds[name]

    @rule(channel=st.sampled_from(CHANNELS), quantity=st.integers(1, 12))
    def give(self, channel: str, quantity: int) -> None:
        pool = self.book.pool(channel)
        refused = pool is not None and quantity < pool.taken
        assert self.pooled.set(channel, quantity) == ("below_taken" if refused else "pool_changed")
        if pool is None:
            self.book.pools.append(Pool(channel, quantity))
        elif not refused:
            pool.quantity = quantity

    @rule(channel=st.sampled_from(CHANNELS))
    def end(self, channel: str) -> None:
        pool = self.book.pool(channel)
        assert self.pooled.set(channel, None) == ("pool_not_found" if pool is None else "pool_changed")
        if pool:
            self.book.pools.remove(pool)

    @rule()
    def time_passes(self) -> None:
        self.shelf.advance(20)
        self.book.now += 20

    @rule()
    def sweep(self) -> None:
        self.shelf.connection.execute("select stock_expire(100)")
        self.book.expire()

    @invariant()
    def pools_agree(self) -> None:
        assert self.pooled.left() == ", ".join(f"{p.channel} {p.left}" for p in self.book.pools)

    @rule()
    def a_question_knows_what_a_hold_would_find(self) -> None:
        """Due holds included, which only whoever reserves expires."""
        told = {channel: self.pooled.may(channel) for channel in (None, *CHANNELS)}
        self.book.expire()
        assert told == {channel: self.book.free() + self.book.cover(channel) for channel in told}
        for channel in CHANNELS:
            assert self.pooled.published(channel) == told[channel]
        self.shelf.connection.execute("select stock_expire(100)")

    def teardown(self) -> None:
        # What is due is nobody's leak while the sweeper has its turn to come.
        self.shelf.connection.execute("select stock_expire(100)")
        self.shelf.close()


@pytest.mark.timeout(120)
def test_pools_agree_with_a_plain_reference(fresh_url: str) -> None:
    walk(Pools, fresh_url, walks=15, steps=40)
    found = asyncio.run(violations_at(fresh_url))
    assert [line for line in found if not line.startswith("clock_is_not_shifted")] == []
