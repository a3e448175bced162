"""Redis may be flushed, killed, hung or set back at any moment: figures stay right and nobody waits for it twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from tests.cache.shop import PACE, Member, count, opened
from tests.conftest import Shelf
from tests.redis_server import RedisServer, trouble

UNITS = 100_000


async def test_a_hung_redis_is_waited_for_once(members: list[Member], shelf: Shelf, redis: RedisServer) -> None:
    shelf.given("TEA@GZ 50")
    await members[0].until_kept("TEA")
    with redis.hung():
        started = time.monotonic()
        assert await members[0].left("TEA") == 50
        assert time.monotonic() - started < PACE.read_max + 0.5
        away = count("away")
        started = time.monotonic()
        for _ in range(10):
            await members[0].sell("TEA@GZ")
            assert await members[0].left("TEA") >= 40
        assert time.monotonic() - started < 10 * PACE.read_max, "it was waited for again"
        assert count("away") == away + 10


async def test_what_was_changed_while_redis_hung_is_never_shown_as_before(
    members: list[Member], shelf: Shelf, redis: RedisServer
) -> None:
    """Also by a process that noticed nothing: the second one neither read nor wrote meanwhile."""
    shelf.given("TEA@GZ 5")
    for member in members:
        await member.until_kept("TEA")
    with redis.hung():
        await members[0].sell("TEA@GZ")
    assert await members[1].left("TEA") == 4
    assert await members[1].until_kept("TEA") == 4


@pytest.mark.parametrize("epoch", [PACE.epoch, 60])
async def test_what_was_changed_while_redis_was_dead_is_never_shown_as_before(
    worker_url: str, shelf: Shelf, redis: RedisServer, epoch: float
) -> None:
    """It comes back with a snapshot from before the change; at once, too, when the epoch has not run out."""
    async with opened(worker_url, redis.url, shelf, pace=replace(PACE, epoch=epoch)) as members:
        await die_and_come_back(members, shelf, redis)


async def die_and_come_back(members: list[Member], shelf: Shelf, redis: RedisServer) -> None:
    shelf.given("TEA@GZ 5")
    for member in members:
        await member.until_kept("TEA")
    name = f"test:global_inventory:{shelf.sku('TEA')}"
    older = redis.client().get(name)
    redis.keep()
    redis.kill()
    await members[0].sell("TEA@GZ")
    # It cannot make good what it could not tell.
    await members[0].cache.close()
    redis.start()
    assert redis.client().get(name) in (older, None) or b'"total_available" : 4' in redis.client().get(name)
    assert await members[1].left("TEA") == 4
    assert await members[1].until_kept("TEA") == 4


async def test_a_snapshot_put_back_into_a_running_server_is_noticed(
    members: list[Member], shelf: Shelf, redis: RedisServer
) -> None:
    """As an operator might, or a replica that lagged and was promoted: every key as it was a while ago."""
    shelf.given("TEA@GZ 5")
    for member in members:
        await member.until_kept("TEA")
    client, taken_at = redis.client(), time.monotonic()
    older = {name: (client.dump(name), client.pttl(name)) for name in client.keys("test:*")}
    await members[0].sell("TEA@GZ")
    while time.monotonic() < taken_at + PACE.epoch + 0.1:
        assert await members[0].left("TEA") == 4
    since = int((time.monotonic() - taken_at) * 1000)
    with client.pipeline(transaction=True) as at_once:
        at_once.flushall()
        for name, (content, ms) in older.items():
            if ms < 0 or ms > since:
                at_once.restore(name, 0 if ms < 0 else ms - since, content)
        at_once.execute()
    # The second first: the first knows what it sold.
    assert [await member.left("TEA") for member in reversed(members)] == [4, 4]


async def test_a_server_that_is_not_there_is_no_reason_not_to_start(
    worker_url: str, redis: RedisServer, shelf: Shelf
) -> None:
    redis.kill()
    shelf.given("TEA@GZ 5")
    async with opened(worker_url, redis.url, shelf, 1) as [member]:
        assert await member.left("TEA") == 5
        await member.sell("TEA@GZ")
        assert await member.left("TEA") == 4
        redis.start()
        assert await member.until_kept("TEA") == 4


async def test_a_full_redis_is_as_good_as_none(members: list[Member], shelf: Shelf, redis: RedisServer) -> None:
    shelf.given("TEA@GZ 5")
    redis.client().config_set("maxmemory", "1")
    for left in (4, 3, 2):
        await members[0].sell("TEA@GZ")
        assert [await member.left("TEA") for member in members] == [left, left]


class Watch:
    """Knows what was answered, and judges every look by it."""

    def __init__(self) -> None:
        self.sold = 0
        self.lowest_shown = UNITS
        self.looks = 0
        self.over = False

    async def sell(self, member: Member) -> None:
        while not self.over:
            await member.sell("TEA@GZ")
            self.sold += 1

    async def look(self, member: Member) -> None:
        lowest_shown_here = UNITS
        while not self.over:
            at_most, shown = UNITS - self.sold, self.lowest_shown
            left = await member.left("TEA")
            assert left <= at_most, "a write that was answered before the question is missing"
            assert left <= lowest_shown_here, "an older version after a newer one"
            # Another process may have shown a change that is not answered yet; once it is, everybody shows it.
            assert left <= shown + 8, "far older than what another process has shown"
            lowest_shown_here = min(lowest_shown_here, left)
            self.lowest_shown = min(self.lowest_shown, left)
            self.looks += 1


@contextmanager
def undisturbed() -> Iterator[None]:
    yield


@pytest.mark.parametrize("mode", ["calm", "flushing", "killing"])
async def test_a_reader_never_sees_an_older_version_after_a_newer_one(
    worker_url: str, redis: RedisServer, shelf: Shelf, mode: str
) -> None:
    """P9, S1-01: three processes sell and look as fast as they can while Redis suffers; every answer is judged."""
    shelf.given(f"TEA@GZ {UNITS}")
    async with opened(worker_url, redis.url, shelf, 3) as members:
        watch, hits = Watch(), count("hit")
        with trouble(redis, mode, seconds=0.9) if mode != "calm" else undisturbed():
            lives = [watch.look(member) for member in members for _ in range(3)] + [watch.sell(members[0])]
            tasks = [asyncio.create_task(life) for life in lives]
            done, _ = await asyncio.wait(tasks, timeout=6, return_when=asyncio.FIRST_EXCEPTION)
            watch.over = True
            await asyncio.gather(*tasks)
        assert not done, "nobody stopped before the end"
        assert (watch.sold > 20, watch.looks > 100) == (True, True)
        assert mode == "killing" or count("hit") > hits, "the cache was never used"
        assert {await member.left("TEA") for member in members} == {UNITS - watch.sold}
