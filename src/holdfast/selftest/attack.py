"""The attackers. Each does what a real caller does, as awkwardly as the contract allows."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from holdfast.selftest.client import Crowd, Reply
from holdfast.selftest.record import Hold, Record
from holdfast.selftest.sandbox import Sandbox

# How long after the end an attacker goes on repeating what was not answered.
PATIENCE_SECONDS = 30.0
PAUSE_SECONDS = 0.2
RESTOCK_AT_ONCE = 3
OPENING_STOCK = 10_000


class Attack:
    """One run: who attacks, until when, and the record of it."""

    def __init__(self, crowd: Crowd, sandbox: Sandbox, *, tag: str, seconds: float, requests: int | None) -> None:
        self.record = Record()
        self.stopping = asyncio.Event()
        self._crowd = crowd
        self._sandbox = sandbox
        self._tag = tag
        self._numbers = itertools.count(1)
        self._until = time.monotonic() + seconds
        self._requests = requests
        self._dice = random.Random()  # noqa: S311 - any spread will do

    def is_over(self) -> bool:
        if self._requests is not None and self.record.statuses.total() >= self._requests:
            return True
        return self.stopping.is_set() or time.monotonic() > self._until

    async def run(self, buyers: int) -> None:
        """Everybody at once until it is over or ``stopping`` is set; each then finishes what he is at."""
        await self._fill_the_shelves()
        async with asyncio.TaskGroup() as group:
            for _ in range(buyers):
                group.create_task(self._again_and_again(self._buyer))
            for _ in range(RESTOCK_AT_ONCE):
                group.create_task(self._again_and_again(self._receiver))

    async def _fill_the_shelves(self) -> None:
        """Plenty of most SKUs, so that there is something to sell."""
        items = [
            {"sku_id": sku, "quantity": OPENING_STOCK} for sku in self._sandbox.skus if sku not in self._sandbox.hot
        ]
        for warehouse in self._sandbox.warehouses:
            await self._move("receipt", "/inventory/receipts", {"warehouse_id": warehouse, "items": items})

    async def _again_and_again(self, act: Callable[[], Awaitable[None]]) -> None:
        while not self.is_over():
            await act()

    async def _buyer(self) -> None:
        """Hold a basket, then do one of the things that happen to baskets."""
        if self._dice.random() < 0.05:
            return await self._sale()
        reference = self._new_reference("hold")
        held = await self._hold(reference)
        if held is None:
            return None
        fates: list[Callable[[str, Hold], Awaitable[None]]] = [
            self._consume,
            self._cancel,
            self._extend,
            self._fight,
            self._release_a_part,
            self._forget,
        ]
        await self._dice.choices(fates, weights=[30, 25, 10, 15, 10, 10])[0](reference, held)
        return None

    async def _hold(self, reference: str) -> Hold | None:
        items = self._basket()
        body = {
            "reference_type": "cart",
            "reference_id": reference,
            "expires_in_minutes": 1,
            "items": items,
        }
        # One in ten is impatient: three equal requests at once, and one answer.
        times = 3 if self._chance(0.1) else 1
        reply = await self._once("POST", "/inventory/reservations", body, reference, times=times)
        if reply is None:
            return None
        self.record.reserve_seconds.append(reply.seconds)
        facts = msgspec.json.decode(reply.body)
        if reply.status != 201:
            self.record.refused.add(reference)
            self._judge_refusal(reply.status, facts, items)
            return None
        if _by_sku(items, "quantity") != _by_sku(facts["items"], "reserved_quantity"):
            self.record.partial.append(f"asked {items}, held {facts['items']}")
        hold = Hold(facts["reservation_id"], _summed(facts["items"], "reserved_quantity"))
        self.record.holds[reference] = hold
        return hold

    def _judge_refusal(self, status: int, facts: dict[str, Any], items: list[dict[str, Any]]) -> None:
        """Fair is a refusal that names lines of which there is less than the whole basket asks of that SKU."""
        if status != 409 or facts.get("code") != "insufficient_stock":
            self.record.broken.append(f"{status} {facts.get('code')} for a reservation")
            return
        asked = _by_sku(items, "quantity")
        if not facts["errors"] or any(line["available"] >= asked[line["sku_id"]] for line in facts["errors"]):
            self.record.unfair.append(f"asked {dict(asked)}, told {facts['errors']}")

    def _basket(self) -> list[dict[str, Any]]:
        """One to four lines in any order, so baskets cross; one SKU may be named twice; half name their warehouse."""
        hot = self._chance(0.4)
        skus = self._dice.choices(self._sandbox.hot if hot else self._sandbox.skus, k=self._dice.randint(1, 4))
        return [
            {
                "sku_id": sku,
                "quantity": self._dice.randint(1, 3),
                "warehouse_id": self._dice.choice(self._sandbox.warehouses) if self._chance(0.5) else None,
            }
            for sku in skus
        ]

    async def _consume(self, reference: str, hold: Hold) -> None:
        reply = await self._on(hold, "POST", "/consume", None, f"{reference}-consume")
        self._note_end(reply, hold, "consume", 200)

    async def _cancel(self, reference: str, hold: Hold) -> None:
        reply = await self._on(hold, "DELETE", "", None, f"{reference}-cancel")
        self._note_end(reply, hold, "cancel", 204)

    async def _extend(self, reference: str, hold: Hold) -> None:
        await self._on(hold, "PUT", "/extend", {"additional_minutes": 1}, f"{reference}-extend")
        await self._consume(reference, hold)

    async def _fight(self, reference: str, hold: Hold) -> None:
        """Consume, cancel and extend at the same moment: one of them ends the hold."""
        extend = self._on(hold, "PUT", "/extend", {"additional_minutes": 1}, f"{reference}-extend")
        await asyncio.gather(self._consume(reference, hold), self._cancel(reference, hold), extend)

    async def _release_a_part(self, reference: str, hold: Hold) -> None:
        (sku, warehouse), _ = next(iter(hold.units.items()))
        items = [{"sku_id": sku, "warehouse_id": warehouse, "quantity": 1}]
        await self._on(hold, "POST", "/release", {"items": items}, f"{reference}-part")

    async def _forget(self, reference: str, hold: Hold) -> None:
        """The shopper walks away; a sweeper or the next buyer frees the units."""

    async def _receiver(self) -> None:
        """The hot SKUs get a few units at a time, the others plenty."""
        scarce = self._chance(0.7)
        sku = self._dice.choice(self._sandbox.hot if scarce else self._sandbox.skus)
        quantity = self._dice.randint(1, 5) if scarce else 200
        warehouse = self._dice.choice(self._sandbox.warehouses)
        body = {"warehouse_id": warehouse, "items": [{"sku_id": sku, "quantity": quantity}]}
        await self._move("receipt", "/inventory/receipts", body)
        await asyncio.sleep(0.02)

    async def _sale(self) -> None:
        items = [{"sku_id": sku, "quantity": 1} for sku in self._dice.sample(self._sandbox.skus, 2)]
        body = {"warehouse_id": self._dice.choice(self._sandbox.warehouses), "items": items}
        await self._move("sale", "/inventory/sales", body)

    async def _move(self, kind: str, path: str, body: dict[str, Any]) -> None:
        reference = self._new_reference(kind)
        times = 2 if self._chance(0.1) else 1
        reply = await self._once("POST", path, {**body, "reference": reference}, reference, times=times)
        if reply is not None and reply.status == 201:
            facts = msgspec.json.decode(reply.body)
            self.record.moves[reference] = (kind, _summed(facts["items"], "quantity"))
        elif reply is not None and reply.status != 409:
            self.record.broken.append(f"{reply.status} for a {kind}: {reply.body[:200].decode()}")

    async def _on(self, hold: Hold, method: str, action: str, body: object, key: str) -> Reply | None:
        return await self._once(method, f"/inventory/reservations/{hold.id}{action}", body, key)

    def _note_end(self, reply: Reply | None, hold: Hold, way: str, done: int) -> None:
        if reply is None:
            return
        if reply.status == done:
            hold.ended.add(way)
        elif reply.status != 409:
            self.record.broken.append(f"{reply.status} for {way}: {reply.body[:200].decode()}")

    async def _once(self, method: str, path: str, body: object, key: str, *, times: int = 1) -> Reply | None:
        """The answer to one key, asked ``times`` at once; None when nobody answered in the end."""
        replies = await asyncio.gather(*(self._until_answered(method, path, body, key) for _ in range(times)))
        self.record.repeats += times - 1
        told = [reply for reply in replies if reply is not None]
        if len({(reply.status, reply.body) for reply in told}) > 1:
            self.record.repeats_that_differed.append(key)
        return told[0] if told else None

    async def _until_answered(self, method: str, path: str, body: object, key: str) -> Reply | None:
        """As the contract tells callers: no answer, or 503, means the same request again with the same key."""
        while True:
            reply = None
            with contextlib.suppress(ConnectionError):
                reply = await self._crowd.ask(method, path, body, key)
            if reply is not None:
                self.record.statuses[reply.status] += 1
                if reply.status >= 400:
                    self.record.codes[_code(reply)] += 1
                if reply.status != 503:
                    return reply
            self.record.interrupted += 1
            if time.monotonic() > self._until + PATIENCE_SECONDS:
                self.record.unanswered += 1
                return None
            await asyncio.sleep(PAUSE_SECONDS)

    def _new_reference(self, kind: str) -> str:
        return f"{self._tag}-{kind}-{next(self._numbers)}"

    def _chance(self, share: float) -> bool:
        return self._dice.random() < share


def _summed(items: list[dict[str, Any]], quantity: str) -> dict[tuple[str, str], int]:
    units: dict[tuple[str, str], int] = {}
    for item in items:
        level = (item["sku_id"], item["warehouse_id"])
        units[level] = units.get(level, 0) + item[quantity]
    return units


def _by_sku(items: list[dict[str, Any]], quantity: str) -> Counter[str]:
    units = Counter[str]()
    for item in items:
        units[item["sku_id"]] += item[quantity]
    return units


def _code(reply: Reply) -> str:
    try:
        return msgspec.json.decode(reply.body)["code"]
    except (msgspec.DecodeError, KeyError, TypeError):
        return f"{reply.status} without a code"
