"""Orders under commands that are repeated, late, unknown and out of order; after each, the books are compared.

The model knows per line what was ordered, has arrived and is still open. What an order answers in a state that forbids
a command is a refusal with its code, and changes nothing.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from tests.house import House
from tests.purchasing.test_orders import do, order

OUT = ("sent", "confirmed", "partly_received")
STEPS = 35
COMMANDS = ("send", "confirm", "confirm", "receive", "receive", "again", "ship", "cancel", "close")
# What people mostly say to an order in this state; the rest of the time anything is said to any order.
USUAL = {
    "draft": ("send",),
    **dict.fromkeys(OUT, ("confirm", "receive", "receive", "again", "ship")),
    "received": ("again", "close"),
}


@dataclass
class Modelled:
    """One order as it should be."""

    id: str
    status: str
    ordered: dict[int, int]
    received: dict[int, int] = field(default_factory=lambda: {1: 0, 2: 0})
    open: dict[int, int] = field(default_factory=lambda: {1: 0, 2: 0})
    notes: dict[str, dict[int, int]] = field(default_factory=dict[str, dict[int, int]])

    def settle(self) -> None:
        arrived = any(self.received.values())
        if arrived:
            self.status = "partly_received" if any(self.open.values()) else "received"


class Machine:
    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.random = random.Random(seed)  # noqa: S311 - a simulation
        self.orders: list[Modelled] = []
        self.seen: Counter[str] = Counter()

    async def step(self) -> None:
        if not self.orders or (len(self.orders) < 4 and self.random.random() < 0.3):
            made = await order(self.house, ("TEA", 10), ("CUP", 6))
            self.orders.append(Modelled(made["id"], "draft", {1: 10, 2: 6}))
            return
        found = self.random.choice(self.orders)
        usual = USUAL.get(found.status, COMMANDS) if self.random.random() < 0.5 else COMMANDS
        await getattr(self, self.random.choice(usual))(found)

    async def _ask(self, found: Modelled, verb: str, body: Any, *, allowed: bool, codes: tuple[str, ...] = ()) -> bool:
        answer = await self.house.client.post(f"/api/v1/purchase-orders/{found.id}/{verb}", json=body)
        self.seen[f"{verb} {answer.status_code}"] += 1
        if allowed:
            assert answer.status_code == 200, (verb, found, answer.text)
            return True
        assert answer.status_code in (409, 422), (verb, found, answer.text)
        assert answer.json()["code"].startswith("order_") or answer.json()["code"] in codes, answer.text
        return False

    async def send(self, found: Modelled) -> None:
        body = {"accept_terms_broken": True, "duplicate_reason": "the machine says so"}
        if await self._ask(found, "send", body, allowed=found.status in ("draft", "approved")):
            found.status, found.open = "sent", dict(found.ordered)

    async def confirm(self, found: Modelled) -> None:
        line = self.random.choice((1, 2, 3))
        quantity = self.random.randint(0, 12)
        rest = self.random.random() < 0.5
        item = {"line_no": line, "quantity": quantity, "is_rest_open": rest, "expected_at": "2027-02-01"}
        fits = line in found.ordered and quantity <= found.ordered[line]
        codes = ("unknown_line", "confirmed_exceeds_ordered")
        allowed = found.status in OUT and fits
        if await self._ask(found, "confirm", {"items": [item]}, allowed=allowed, codes=codes):
            promised = max(quantity, found.received[line])
            found.open[line] = (found.ordered[line] if rest else promised) - found.received[line]
            if found.status == "sent":
                found.status = "confirmed"
            found.settle()

    async def receive(self, found: Modelled) -> None:
        line, quantity, note = self.random.choice((1, 2)), self.random.randint(1, 12), uuid4().hex
        fits = found.received[line] + quantity <= found.ordered[line]
        allowed = found.status in OUT and fits
        if await self._deliver(found, note, line, quantity, allowed=allowed):
            found.notes[note] = {line: quantity}
            found.received[line] += quantity
            found.open[line] = max(0, found.open[line] - quantity)
            found.settle()

    async def again(self, found: Modelled) -> None:
        """A delivery note that was booked before, perhaps with other figures, however late."""
        if not found.notes:
            return
        note = self.random.choice(list(found.notes))
        [(line, quantity)] = found.notes[note].items()
        other = self.random.random() < 0.3
        await self._deliver(found, note, line, quantity + other, allowed=not other)

    async def _deliver(self, found: Modelled, note: str, line: int, quantity: int, *, allowed: bool) -> bool:
        sku = await self.house.sku("TEA" if line == 1 else "CUP")
        body = {"items": [{"sku_id": sku, "quantity": quantity, "line_no": line}], "reference": note}
        return await self._ask(found, "receive", body, allowed=allowed, codes=("over_receipt", "delivery_note_reused"))

    async def ship(self, found: Modelled) -> None:
        line, quantity = self.random.choice((1, 2)), self.random.randint(1, 12)
        body = {"expected_at": "2027-03-01", "items": [{"line_no": line, "quantity": quantity}]}
        allowed = found.status in OUT and quantity <= found.open[line]
        await self._ask(found, "shipments", body, allowed=allowed, codes=("announced_exceeds_open",))

    async def cancel(self, found: Modelled) -> None:
        if self.random.random() < 0.6:
            return
        allowed = found.status in ("draft", "approved", "sent", "confirmed", "cancelled")
        if await self._ask(found, "cancel", None, allowed=allowed):
            found.status, found.open = "cancelled", {1: 0, 2: 0}

    async def close(self, found: Modelled) -> None:
        if self.random.random() < 0.6:
            return
        if await self._ask(found, "close", None, allowed=found.status in (*OUT, "received", "closed")):
            found.status, found.open = "closed", {1: 0, 2: 0}

    async def compare(self) -> None:
        for found in self.orders:
            detail = await self.house.get(f"/purchase-orders/{found.id}")
            lines = {i["line_no"]: i for i in detail["items"]}
            assert detail["status"] == found.status
            assert {n: i["received_quantity"] for n, i in lines.items()} == found.received
            assert {n: i["open_quantity"] for n, i in lines.items()} == found.open
        for line, sku in ((1, "TEA"), (2, "CUP")):
            stock = sum(o.received[line] for o in self.orders)
            coming = sum(o.open[line] for o in self.orders)
            assert await self.house.level(sku, "GZ") == f"available={stock} in_transit={coming}"


@pytest.mark.parametrize("seed", range(3))
async def test_an_order_keeps_its_books_whatever_is_said_in_whatever_order(house: House, seed: int) -> None:
    machine = Machine(house, seed)
    for _ in range(STEPS):
        await machine.step()
        await machine.compare()
    assert len(machine.seen) > 5, machine.seen


async def both(house: House, made: dict[str, Any], *asked: tuple[str, Any]) -> list[int]:
    path = f"/api/v1/purchase-orders/{made['id']}"
    answers = await asyncio.gather(*(house.client.post(f"{path}/{verb}", json=body) for verb, body in asked))
    return sorted(answer.status_code for answer in answers)


async def test_two_receipts_of_one_delivery_note_at_once_are_one_delivery(house: House) -> None:
    made = await do(house, await order(house, ("TEA", 100)), "send")
    body = {"items": [{"sku_id": await house.sku("TEA"), "quantity": 60}], "reference": "DN-1"}
    assert await both(house, made, *[("receive", body)] * 5) == [200] * 5
    assert await house.level("TEA", "GZ") == "available=60 in_transit=40"
    assert len((await house.get(f"/purchase-orders/{made['id']}"))["receipts"]) == 1


async def test_confirming_while_it_is_cancelled_ends_in_one_of_the_two_orders(house: House) -> None:
    for _ in range(5):
        made = await do(house, await order(house, ("TEA", 10)), "send", {"duplicate_reason": "again"})
        confirm = {"items": [{"line_no": 1, "quantity": 4}]}
        codes = await both(house, made, ("confirm", confirm), ("cancel", None))
        assert codes in ([200, 200], [200, 409])
        ended = await house.get(f"/purchase-orders/{made['id']}")
        assert (ended["status"], ended["open_total"]) == ("cancelled", 0)
        assert await house.level("TEA", "GZ") == "available=0 in_transit=0"


async def test_receiving_while_it_is_cancelled_never_loses_goods(house: House) -> None:
    stock = 0
    for _ in range(5):
        made = await do(house, await order(house, ("TEA", 10)), "send", {"duplicate_reason": "again"})
        assert await both(house, made, ("receive", None), ("cancel", None)) == [200, 409]
        ended = await house.get(f"/purchase-orders/{made['id']}")
        stock += ended["received_total"]
        assert ended["status"] in ("received", "cancelled")
        assert await house.level("TEA", "GZ") == f"available={stock} in_transit=0"
