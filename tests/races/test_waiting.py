"""Goods arrive while many want them: who waits is served, and nobody snatches a unit in between."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.books import violations_at
from tests.conftest import Shelf
from tests.races.conftest import Crowd, Reply, counted
from tests.stock.orders import allow, backordered, facts, offers, order, wait

pytestmark = [pytest.mark.xdist_group("races"), pytest.mark.timeout(120)]


async def test_buyers_never_snatch_what_arrives_for_who_waits(crowd: Crowd, shop: Shelf, racing_url: str) -> None:
    shop.given("TEA@GZ 1")
    allow(shop, "TEA@GZ", "always")
    shop.reserve("TEA@GZ 1")
    waiting = [order(shop, "TEA@GZ 2") for _ in range(20)]
    wait(shop, "TEA 3", "ann")
    basket: dict[str, Any] = {"reference_type": "cart", "reference_id": "c", "items": shop.items("TEA@GZ 1")}
    goods = {"warehouse_id": shop.warehouse("GZ"), "items": [{"sku_id": shop.sku("TEA"), "quantity": 4}]}

    async def rush(client: httpx2.AsyncClient, n: int) -> Reply:
        if n % 8 == 0:
            return await client.post("/inventory/receipts", json=goods)
        return await client.post("/inventory/reservations", json=basket)

    replies = await crowd.together(rush, 160)
    counted(replies)
    received = 4 * sum(r.status_code == 201 for r in replies[0::8])
    bought = sum(r.status_code == 201 for n, r in enumerate(replies) if n % 8)
    assert received == 80
    assert [facts(shop, held)["items"][0]["open_quantity"] for held in waiting] == [2] * 20
    assert backordered(shop, "TEA@GZ") == 0
    # 40 units went to who was promised them, 3 to who stood on the list, and only what was left to buyers.
    assert offers(shop, "TEA") == ["ann"]
    assert bought <= 80 - 40 - 3
    assert await violations_at(racing_url) == []
