"""Customers who keep buying what the real ones bought, faster: carts paid, given back or forgotten, and a till."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID, uuid4

from holdfast.demo.client import Client
from holdfast.demo.shop import LOCAL

# Real customers order a line every twenty-odd seconds. So many times faster the console visibly moves; from hour to
# hour the rush halves, so that a demo left alone for days keeps its shelves.
RUSH = 30.0
RUSH_HALVES_AFTER_SECONDS = 3600.0
CALM = 2.0
LINES_A_SECOND_MAX = 4.0

UNITS_A_LINE_MAX = 48
LINES_A_CART = (1, 1, 1, 2, 2, 3, 4)
AT_THE_TILL = 0.5
GIVEN_BACK, FORGOTTEN = 0.14, 0.18
CARTS_AT_A_TIME_MAX = 150
FORGOTTEN_AFTER_MINUTES, KEPT_MINUTES = 2, 15


@dataclass(frozen=True, slots=True)
class Popular:
    """What sells where: units a day and units on one order line."""

    sku_id: UUID
    warehouse_id: UUID
    warehouse: str
    units_a_day: float
    units_a_line: float


class Customers:
    """Everybody who buys."""

    def __init__(self, client: Client, popular: list[Popular], chance: random.Random, *, rush: float = RUSH) -> None:
        self._client = client
        self._chance = chance
        self._rush = rush
        self._shelves: defaultdict[UUID, list[Popular]] = defaultdict(list)
        for one in popular:
            self._shelves[one.warehouse_id].append(one)
        self._lines_a_day = sum(one.units_a_day / max(one.units_a_line, 1) for one in popular)
        self._carts = asyncio.Semaphore(CARTS_AT_A_TIME_MAX)

    async def buy_on(self) -> None:
        """Buy until cancelled; orders that an earlier run left unpacked go out first."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            for reservation in await self._left_over():
                group.create_task(self._pack(reservation))
            while True:
                rate = self.lines_a_second(loop.time() - began)
                await asyncio.sleep(self._chance.expovariate(rate / (sum(LINES_A_CART) / len(LINES_A_CART))))
                await self._carts.acquire()
                group.create_task(self._visit()).add_done_callback(lambda _: self._carts.release())

    def lines_a_second(self, seconds: float) -> float:
        """How fast everybody together buys, so long after the start."""
        pace = max(CALM, self._rush * 0.5 ** (seconds / RUSH_HALVES_AFTER_SECONDS))
        return min(max(self._lines_a_day, 1) * pace / 86_400, LINES_A_SECOND_MAX)

    async def _visit(self) -> None:
        shelves = list(self._shelves.values())
        here = self._chance.choices(shelves, [sum(one.units_a_day for one in shelf) for shelf in shelves])[0]
        items = self._picked(here)
        if here[0].warehouse == LOCAL and self._chance.random() < AT_THE_TILL:
            await self._client.write(
                "POST",
                "/inventory/sales",
                {"warehouse_id": str(here[0].warehouse_id), "reference": f"till-{uuid4().hex[:8]}", "items": items},
            )
        else:
            await self._shop_online(here[0].warehouse_id, items)

    async def _shop_online(self, warehouse: UUID, items: list[dict[str, object]]) -> None:
        fate = self._chance.random()
        is_forgotten = fate < FORGOTTEN
        status, cart = await self._client.write(
            "POST",
            "/inventory/reservations",
            {
                "items": [{**item, "warehouse_id": str(warehouse)} for item in items],
                "reference_type": "cart",
                "reference_id": f"cart-{uuid4().hex[:8]}",
                "expires_in_minutes": FORGOTTEN_AFTER_MINUTES if is_forgotten else KEPT_MINUTES,
            },
        )
        if status != 201 or is_forgotten:
            return
        await asyncio.sleep(self._chance.uniform(5, 45))
        reservation = str(cart["reservation_id"])
        if fate < FORGOTTEN + GIVEN_BACK:
            await self._client.write("DELETE", f"/inventory/reservations/{reservation}")
            return
        order = {"reference_type": "order", "reference_id": f"web-{uuid4().hex[:8]}"}
        status, _ = await self._client.write("POST", f"/inventory/reservations/{reservation}/convert", order)
        if status == 200:
            await self._pack(reservation)

    async def _pack(self, reservation: str) -> None:
        await asyncio.sleep(self._chance.uniform(10, 60))
        await self._client.write("POST", f"/inventory/reservations/{reservation}/consume")

    def _picked(self, shelf: list[Popular]) -> list[dict[str, object]]:
        """Different SKUs by how well they sell; few or many of each as real order lines take."""
        lines = self._chance.choice(LINES_A_CART)
        chosen = {
            one.sku_id: one
            for one in self._chance.choices(
                shelf, [one.units_a_day / max(one.units_a_line, 1) for one in shelf], k=lines
            )
        }
        return [{"sku_id": str(one.sku_id), "quantity": self._quantity(one.units_a_line)} for one in chosen.values()]

    def _quantity(self, mean: float) -> int:
        return min(1 + int(self._chance.expovariate(1 / max(mean - 0.5, 0.2))), UNITS_A_LINE_MAX)

    async def _left_over(self) -> list[str]:
        found = await self._client.read("/inventory/reservations", status="active", reference_type="order", limit=500)
        return [
            str(one["reservation_id"])
            for one in found.get("reservations", [])
            if str(one["reference_id"]).startswith("web-")
        ]
