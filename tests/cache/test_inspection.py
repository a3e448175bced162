"""The doctor compares what Redis shows with PostgreSQL."""

from __future__ import annotations

import io
import json

from rich.console import Console
from tests.cache.shop import Member
from tests.conftest import Shelf
from tests.redis_server import RedisServer

from holdfast.monitoring.kept import drift, visit_cache
from holdfast.settings import Settings


def settings_of(redis: RedisServer) -> Settings:
    return Settings(redis_url=redis.url, redis_prefix="test:")


async def test_what_redis_keeps_is_compared_with_postgresql(
    members: list[Member], shelf: Shelf, redis: RedisServer, worker_url: str
) -> None:
    """S1-74: cache against balance."""
    shelf.given("TEA@GZ 5, CUP@GZ 2")
    held = await members[0].hold("TEA 1")
    for sku in ("TEA", "CUP"):
        await members[0].until_kept(sku)
    await members[0].lanes.reservation(held["reservation_id"])
    compared, wrong = await drift(worker_url, settings_of(redis), grace_seconds=0)
    assert (compared >= 4, wrong) == (True, [])

    name = f"test:inventory:{shelf.warehouse('GZ')}:{shelf.sku('TEA')}"
    value = json.loads(redis.client().get(name))
    redis.client().set(name, json.dumps({**value, "available": 9}, separators=(",", ":")))
    _, [violation] = await drift(worker_url, settings_of(redis), grace_seconds=0)
    assert violation.subject == name.removeprefix("test:")
    assert (json.loads(violation.expected)["available"], json.loads(violation.found)["available"]) == (4, 9)


async def test_a_redis_that_is_away_shows_nothing_wrong(worker_url: str, redis: RedisServer) -> None:
    redis.kill()
    screen = Console(file=io.StringIO(), width=200)
    assert await visit_cache(worker_url, settings_of(redis), screen)
    assert "Redis does not answer" in screen.file.getvalue()  # type: ignore[attr-defined]
