"""What the waiting list and holds that follow the checkout are worth (N-03): a sale of an hour, minute by minute."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.conftest import Shelf
from tests.stock.orders import events, resolve, wait

UNITS = 12
MINUTES = 60
PATIENCE = 20
GRACE = 15


@dataclass
class Shopper:
    """Wants one unit; half of them never pay. Minutes from the hold to the checkout, and from there to the money."""

    name: str
    to_checkout: int
    to_money: int
    buys: bool
    held: dict[str, Any] | None = None
    held_at: int = 0
    waits_since: int | None = None
    entry: str = ""


@dataclass
class Sale:
    """``minutes`` a cart holds; ``follows``: the grace comes on top at the checkout; ``queues``: refused ones wait."""

    shelf: Shelf
    sku: str
    minutes: int
    follows: bool
    queues: bool
    sold: int = 0
    idle: int = 0
    inside: list[Shopper] = field(default_factory=list[Shopper])
    offered: int = 0

    def run(self) -> Sale:
        rng = random.Random(7)  # noqa: S311 - a simulation
        self.shelf.given(f"{self.sku}@GZ {UNITS}")
        for minute in range(MINUTES):
            self.shelf.connection.execute("select stock_expire(100)")
            self._take_offers(minute)
            self._arrive(Shopper(f"s{minute}", rng.randint(3, 7), rng.randint(4, 12), rng.random() < 0.5), minute)
            for shopper in self.inside:
                self._step(shopper, minute)
            level = self.shelf.level(f"{self.sku}@GZ")
            assert f"on_hand={UNITS - self.sold} " in level, "never sold twice"
            self.shelf.advance(1)
        return self

    def _arrive(self, shopper: Shopper, minute: int) -> None:
        self.inside.append(shopper)
        held = self.shelf.reserve(f"{self.sku}@GZ 1", minutes=self.minutes, reference_id=shopper.name)
        if held["outcome"] == "reserved":
            shopper.held, shopper.held_at = held, minute
        elif self.queues:
            shopper.entry = wait(self.shelf, f"{self.sku} 1", shopper.name, minutes=self.minutes)
            shopper.waits_since = minute

    def _take_offers(self, minute: int) -> None:
        told = events(self.shelf, self.sku, "waiting_list.offered")
        by_name = {shopper.name: shopper for shopper in self.inside}
        for offer in told[self.offered :]:
            shopper = by_name[offer["reference_id"]]
            shopper.held, shopper.held_at, shopper.waits_since = offer, minute, None
        self.offered = len(told)

    def _step(self, shopper: Shopper, minute: int) -> None:
        if shopper.waits_since is not None and minute - shopper.waits_since >= PATIENCE:
            self.shelf.connection.execute("select stock_stop_waiting(%s)", [shopper.entry])
            shopper.waits_since = None
        if shopper.held is None:
            return
        since = minute - shopper.held_at
        if shopper.buys and self.follows and since == shopper.to_checkout:
            ask = {"reservation_id": shopper.held["reservation_id"], "action": "extend", "minutes": GRACE}
            assert self.shelf.post("stock_prolong", **ask, extension_max=GRACE)["outcome"] == "extended"
        if shopper.buys and since == shopper.to_checkout + shopper.to_money:
            assert resolve(self.shelf, shopper.held, "consume")["outcome"] == "consumed"
            self.sold += 1
            shopper.held = None
        elif not shopper.buys and since == self.minutes:
            self.idle += since
            shopper.held = None


def test_holds_that_follow_the_checkout_and_a_list_sell_more_and_idle_less(fresh_shelf: Shelf) -> None:
    plain = Sale(fresh_shelf, "TEA", minutes=30, follows=False, queues=False).run()
    listed = Sale(fresh_shelf, "CUP", minutes=30, follows=False, queues=True).run()
    adaptive = Sale(fresh_shelf, "JAR", minutes=8, follows=True, queues=True).run()
    assert max(plain.sold, listed.sold) < adaptive.sold == UNITS
    assert adaptive.idle < min(plain.idle, listed.idle) / 2


def test_a_short_hold_that_does_not_follow_the_checkout_leaves_payers_without_their_unit(fresh_shelf: Shelf) -> None:
    """Why the grace: the same eight minutes without it end while people pay."""
    with pytest.raises(AssertionError, match="consumed"):
        Sale(fresh_shelf, "TEA", minutes=8, follows=False, queues=True).run()
