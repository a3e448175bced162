"""Two processes of one installation as far as the cache is concerned: each with its own lanes and its own links."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.conftest import Shelf

from holdfast.cache.contract import FILLS, LOOKS
from holdfast.cache.in_redis import InRedis
from holdfast.cache.link import Pace
from holdfast.db import Database, identity
from holdfast.stock.asks import AvailabilityAsk, MoveAsk, MoveItem, ReserveAsk, ReserveItem, ResolveAsk
from holdfast.stock.lanes import Lanes

# As in operation, but for a shorter pause: two attempts to come back still fit into it.
PACE = Pace(retry=0.05, pause=0.6)


class Member:
    """One process: sells, holds and looks."""

    def __init__(self, url: str, redis_url: str, shelf: Shelf, pace: Pace) -> None:
        self.cache = InRedis(redis_url, prefix="test:", ttl_seconds=60, pace=pace)
        self.lanes = Lanes(url, queue_max=1000, kept=self.cache)
        self.shelf = shelf

    async def look(self, sku: str, quantity: int = 1, warehouse: str | None = None) -> dict[str, Any]:
        place = self.shelf.warehouse(warehouse) if warehouse else None
        ask = AvailabilityAsk(sku_id=self.shelf.sku(sku), quantity=quantity, warehouse_id=place)
        answer = await self.lanes.availability(ask)
        return json.loads(answer.facts)

    async def left(self, sku: str) -> int:
        return (await self.look(sku))["quantity_available"]

    async def sell(self, level: str) -> None:
        sku, place = level.split("@")
        item = MoveItem(sku_id=self.shelf.sku(sku), warehouse_id=self.shelf.warehouse(place), quantity=-1)
        ask = MoveAsk(
            actor="test",
            event_type="inventory.sold",
            movement_type="out",
            reference_type="sale",
            reason="sold",
            items=[item],
        )
        assert (await self.lanes.move(ask)).outcome == "moved"

    async def hold(self, text: str) -> dict[str, Any]:
        items = [ReserveItem(**item) for item in self.shelf.items(text)]
        ask = ReserveAsk(actor="test", reference_type="cart", reference_id="c", minutes=30, items=items)
        answer = await self.lanes.reserve(ask)
        assert answer.outcome == "reserved", answer
        return json.loads(answer.facts)

    async def release(self, reservation_id: str) -> dict[str, Any]:
        answer = await self.lanes.resolve(ResolveAsk(actor="test", reservation_id=reservation_id, action="release"))
        return json.loads(answer.facts)

    async def until_kept(self, sku: str) -> int:
        """Look until the answer comes from Redis."""
        return await self.until(lambda: self.left(sku), lambda: count("hit"))

    async def until(self, act: Callable[[], Any], counted: Callable[[], float]) -> Any:
        before, deadline = counted(), time.monotonic() + 10
        while True:
            found = await act()
            if counted() > before:
                return found
            assert time.monotonic() < deadline, "it did not happen"


def count(result: str) -> float:
    return LOOKS.labels(result)._value.get()


def fills(result: str) -> float:
    return FILLS.labels(result)._value.get()


@asynccontextmanager
async def opened(
    url: str, redis_url: str, shelf: Shelf, members: int = 2, pace: Pace = PACE
) -> AsyncIterator[list[Member]]:
    database = Database(url, size=1)
    await database.open()
    async with database.transaction() as tx:
        name = await identity(tx)
    await database.close()
    found = [Member(url, redis_url, shelf, pace) for _ in range(members)]
    for member in found:
        await member.cache.start(name)
    try:
        yield found
    finally:
        for member in found:
            await member.lanes.close()
            await member.cache.close()
