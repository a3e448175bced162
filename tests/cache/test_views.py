"""Holds and what is low, as other programs find them; and the figures about the cache itself."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

from tests.cache.shop import Member, count
from tests.conftest import Shelf
from tests.house import open_house
from tests.redis_server import RedisServer

from holdfast.alerts.evaluation import evaluate_all
from holdfast.alerts.jobs import show_low_stock
from holdfast.jobs import JobContext, Work


async def test_a_hold_is_kept_until_it_changes(members: list[Member], shelf: Shelf, redis: RedisServer) -> None:
    """S1-34: by its own id, so that one reference may hold a SKU in two warehouses (D-71)."""
    shelf.given("TEA@GZ 5, TEA@SH 5")
    held = (await members[0].hold("TEA@GZ 2, TEA@SH 1"))["reservation_id"]

    async def read() -> dict[str, Any]:
        return json.loads(await members[1].lanes.reservation(held))

    await members[1].until_kept("TEA")
    before = await members[1].until(read, lambda: count("hit"))
    kept = json.loads(redis.client().get(f"test:reservation:{held}"))
    assert {name: kept[name] for name in before} == before
    assert [(item["open_quantity"], kept["status"]) for item in kept["items"]] == [(2, "active"), (1, "active")]
    released = await members[0].release(held)
    assert (released["status"], (await read())["status"]) == ("cancelled", "cancelled")


async def test_what_is_low_lies_there_whole_and_once(fresh_url: str, redis: RedisServer) -> None:
    """S1-36, D-49: written as a whole from the table; a restart or a second run neither loses nor doubles anything."""
    async with open_house(fresh_url, redis_url=redis.url) as house:
        await house.stock("TEA", "GZ", 3)
        await house.post("/alert-rules", {"name": "few", "threshold": 5, "severity": "critical"})
        work = Work(house.database, house.application.settings, house.application.cache)
        async with house.database.transaction() as tx:
            await evaluate_all(tx, work.settings)
        context = cast(JobContext, SimpleNamespace(additional_context={"work": work}))
        for _ in range(2):
            await show_low_stock(context, 0)
        [low] = json.loads(redis.client().get("holdfast:low_stock_alerts"))
        assert low == {
            "sku_id": await house.sku("TEA"),
            "warehouse_id": await house.warehouse("GZ"),
            "current": 3,
            "reorder_point": None,
            "priority": "high",
        }


async def test_the_hit_rate_can_be_read_from_the_metrics(fresh_url: str, redis: RedisServer) -> None:
    """S1-69."""
    async with open_house(fresh_url, redis_url=redis.url) as house:
        await house.stock("TEA", "GZ", 3)
        tea, before = await house.sku("TEA"), count("hit")
        while count("hit") == before:
            await house.get(f"/inventory/{tea}/availability", quantity=1)
        text = (await house.client.get("/metrics")).text
        assert f'holdfast_cache_looks_total{{result="hit"}} {count("hit")}' in text
        assert "holdfast_cache_connected" in text
