"""What is answered from the cache is what PostgreSQL would answer: promise P9."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.cache.shop import Member, count, fills, opened
from tests.conftest import Shelf
from tests.house import open_house
from tests.redis_server import RedisServer
from tests.stock.pooled import Pooled

from holdfast import cache
from holdfast.cache import Looked
from holdfast.db import Database
from holdfast.stock import service as stock
from holdfast.stock.asks import MoveAsk, MoveItem
from holdfast.stock.relay import Relay
from holdfast.webhooks.publisher import publish_step


async def test_a_look_is_kept_and_given_again(members: list[Member], shelf: Shelf) -> None:
    """S1-35: totals with their split; S1-33: levels, under their own names."""
    shelf.given("TEA@GZ 5, TEA@SH 3")
    assert await members[0].until_kept("TEA") == 8
    assert await members[1].until_kept("TEA") == 8


async def test_what_is_kept_has_the_documented_layout(members: list[Member], shelf: Shelf, redis: RedisServer) -> None:
    shelf.given("TEA@GZ 5, TEA@SH 3")
    shelf.reserve("TEA@GZ 2")
    await members[0].until_kept("TEA")
    sku, gz = shelf.sku("TEA"), shelf.warehouse("GZ")
    totals = json.loads(redis.client().get(f"test:global_inventory:{sku}"))
    level = json.loads(redis.client().get(f"test:inventory:{gz}:{sku}"))
    assert (totals["total_available"], totals["total_reserved"], totals["version"]) == (6, 2, 3)
    assert totals["warehouses"][gz].items() >= {"available": 3, "reserved": 2, "in_transit": 0}.items()
    assert level.items() >= {"available": 3, "reserved": 2, "in_transit": 0, "version": 2}.items()
    assert level["last_updated"] == totals["warehouses"][gz]["last_updated"]
    assert 0 < redis.client().ttl(f"test:inventory:{gz}:{sku}") <= 60


QUESTIONS = [(quantity, place) for quantity in (1, 3, 5, 8, 9) for place in (None, "GZ", "SH", "FAR", "SHUT", "EMPTY")]
STATES = {
    "stocked": lambda shelf: None,
    "held": lambda shelf: shelf.reserve("TEA@GZ 3"),
    "past its deadline": lambda shelf: expired_hold(shelf, "TEA@GZ 4"),
    "archived": lambda shelf: shelf.connection.execute(
        "update skus set archived_at = now() where id = %s", [shelf.sku("TEA")]
    ),
    "priority": lambda shelf: shelf.connection.execute(
        "update warehouses set priority = 500 where id = %s", [shelf.warehouse("SH")]
    ),
    "kept for a channel": lambda shelf: Pooled(shelf).pools("web 3"),
    "kept, and due to fall back": lambda shelf: due_of_a_pool(shelf, "web 1"),
    "sold out": lambda shelf: [shelf.reserve(line) for line in ("TEA@GZ 5", "TEA@SH 3", "TEA@FAR 1")],
}


@pytest.mark.parametrize("state", STATES)
async def test_totals_answer_as_postgresql_does(
    fresh_url: str, redis: RedisServer, fresh_shelf: Shelf, state: str
) -> None:
    async with opened(fresh_url, redis.url, fresh_shelf, 1) as [member]:
        await ask_everything(member, fresh_shelf, state)


async def ask_everything(member: Member, shelf: Shelf, state: str) -> None:
    shelf.warehouse("SHUT")
    shelf.given("TEA@GZ 5, TEA@SH 3, TEA@FAR 1, TEA@SHUT 7")
    shelf.connection.execute("update warehouses set is_active = false where id = %s", [shelf.warehouse("SHUT")])
    STATES[state](shelf)
    for quantity, place in QUESTIONS:
        asked = {"sku_id": shelf.sku("TEA"), "quantity": quantity}
        asked |= {"warehouse_id": shelf.warehouse(place)} if place else {}
        expected = shelf.post("stock_availability", **asked)
        found = await member.look("TEA", quantity, place)
        assert found == {name: expected[name] for name in found}, (quantity, place)


def due_of_a_pool(shelf: Shelf, pools: str) -> None:
    pooled = Pooled(shelf)
    pooled.pools(pools)
    expired_hold(shelf, "TEA@GZ 3", channel=pooled.channel("web"))


def expired_hold(shelf: Shelf, text: str, seconds: float = -1, **more: Any) -> str:
    """A hold whose deadline is so far from now, and which nobody sweeps."""
    held = shelf.reserve(text, **more)["reservation_id"]
    shelf.connection.execute(
        "with header as (update reservations set expires_at = business_now() + make_interval(secs => %s) where id = %s"
        " returning id, expires_at) update inventory_reservations l set expires_at = h.expires_at"
        " from header h where l.reservation_id = h.id",
        [seconds, held],
    )
    return held


async def test_a_deadline_ends_what_is_kept(fresh_url: str, redis: RedisServer, fresh_shelf: Shelf) -> None:
    """Nobody writes when a hold expires, and its units are available from that instant (P7)."""
    async with opened(fresh_url, redis.url, fresh_shelf, 1) as [member]:
        await watch_a_deadline_pass(member, fresh_shelf, redis)


async def watch_a_deadline_pass(member: Member, shelf: Shelf, redis: RedisServer) -> None:
    shelf.given("TEA@GZ 5")
    expired_hold(shelf, "TEA@GZ 2", seconds=2)
    assert await member.until_kept("TEA") == 3
    # Redis ends it by its own clock; were that late, the value itself says until when it holds.
    redis.client().persist(f"test:global_inventory:{shelf.sku('TEA')}")
    found = 3
    while shelf.connection.execute(
        "select 1 from reservations h join inventory_reservations l on l.reservation_id = h.id"
        " where l.sku_id = %s and h.expires_at > business_now()",
        [shelf.sku("TEA")],
    ).fetchone():
        found = await member.left("TEA")
    assert (found in (3, 5), await member.left("TEA")) == (True, 5)


async def test_a_write_is_seen_by_the_next_read_of_every_process(members: list[Member], shelf: Shelf) -> None:
    """S1-01, with both keeping what they read."""
    shelf.given("TEA@GZ 30")
    await members[0].until_kept("TEA")
    for left in range(29, 9, -1):
        await members[left % 2].sell("TEA@GZ")
        assert [await member.left("TEA") for member in members] == [left, left]
    held = await members[0].hold("TEA 4")
    assert await members[1].left("TEA") == 6
    assert json.loads(await members[1].lanes.reservation(held["reservation_id"]))["status"] == "active"


async def fetched_late(member: Member, name: str, gate: asyncio.Event) -> bytes:
    """A look whose answer of PostgreSQL arrives only when the gate opens."""

    async def fetch(names: list[str]) -> Looked:
        looked = await member.lanes.fetch(names)
        await gate.wait()
        return looked

    return await member.cache.look(name, fetch)


@pytest.mark.parametrize("event", ["changed", "flushed", "nothing"])
async def test_an_answer_that_comes_late_is_not_kept(
    members: list[Member], shelf: Shelf, redis: RedisServer, event: str
) -> None:
    """A value read before a change must not be stored after it: the lease is gone, and with a flush too."""
    shelf.given("TEA@GZ 5, CUP@GZ 1")
    one, other = members
    await one.until_kept("CUP")
    before, gate = (fills("stored"), fills("refused")), asyncio.Event()
    slow = asyncio.create_task(fetched_late(one, cache.totals(shelf.sku("TEA")), gate))
    while not (redis.client().get(f"test:global_inventory:{shelf.sku('TEA')}") or b"").startswith(b"L"):
        await asyncio.wait([slow], timeout=0.01)
    if event == "changed":
        await other.sell("TEA@GZ")
    elif event == "flushed":
        redis.flush()
    gate.set()
    await slow
    await one.until(lambda: one.left("CUP"), lambda: fills("stored") + fills("refused") - sum(before))
    kept = event == "nothing"
    assert (fills("stored") - before[0] >= kept, fills("refused") - before[1]) == (True, 0 if kept else 1)
    assert await one.left("TEA") == (4 if event == "changed" else 5)


async def test_what_was_told_by_nobody_is_told_by_the_relay(
    members: list[Member], shelf: Shelf, database: Database
) -> None:
    """A process killed between commit and telling looks like this: the change is in PostgreSQL and its event too."""
    shelf.given("TEA@GZ 5")
    held = shelf.reserve("TEA@GZ 1")
    assert [await member.until_kept("TEA") for member in members] == [4, 4]
    shelf.post("stock_resolve", reservation_id=held["reservation_id"], action="consume")
    shelf.given("TEA@GZ 3")
    assert [await member.left("TEA") for member in members] == [4, 4], "nobody told them"
    async with database.transaction() as tx:
        while await publish_step(tx):
            pass
        await Relay(members[0].cache).note_changes(tx, 0, 2**40)
    assert [await member.left("TEA") for member in members] == [7, 7]


async def test_an_older_version_is_refused_by_who_showed_a_newer_one(
    members: list[Member], shelf: Shelf, redis: RedisServer
) -> None:
    shelf.given("TEA@GZ 5")
    await members[0].until_kept("TEA")
    name = f"test:global_inventory:{shelf.sku('TEA')}"
    older = redis.client().get(name)
    await members[1].sell("TEA@GZ")
    assert await members[0].until_kept("TEA") == 4
    before = count("stale")
    redis.client().set(name, older)
    assert await members[0].left("TEA") == 4
    assert count("stale") == before + 1
    assert await members[1].until_kept("TEA") == 4, "and it was removed for everybody"


async def test_a_closed_warehouse_and_an_archived_sku_are_seen_at_once(fresh_url: str, redis: RedisServer) -> None:
    async with (
        open_house(fresh_url, redis_url=redis.url) as house,
        open_house(fresh_url, redis_url=redis.url) as second,
    ):
        second.ids, second.tag = house.ids, house.tag
        await house.stock("TEA", "GZ", 5)
        await house.stock("TEA", "SH", 3)
        tea = await house.sku("TEA")

        async def look(where: Any) -> list[Any]:
            found = await where.get(f"/inventory/{tea}/availability", quantity=1)
            return [found["available"], found["quantity_available"]]

        before = count("hit")
        while count("hit") == before:
            assert await look(second) == [True, 8]
        await house.call("PATCH", f"/warehouses/{await house.warehouse('GZ')}", json={"is_active": False}, expect=200)
        assert await look(second) == [True, 3]
        await house.call("PATCH", f"/skus/{tea}", json={"archived": True}, expect=200)
        assert (await look(second))[0] is False


async def test_two_databases_share_one_redis_without_meeting(
    worker_url: str, fresh_url: str, redis: RedisServer, shelf: Shelf
) -> None:
    """A copy of a database has the same ids."""
    shelf.given("TEA@GZ 5")
    async with opened(worker_url, redis.url, shelf, 1) as [original], opened(fresh_url, redis.url, shelf, 1) as [copy]:
        assert await original.until_kept("TEA") == 5
        answer = await copy.lanes.fetch([cache.totals(shelf.sku("TEA"))])
        assert answer.looks[cache.totals(shelf.sku("TEA"))].body == b""
        assert await copy.cache.look(cache.totals(shelf.sku("TEA")), copy.lanes.fetch) == b""


async def test_every_way_to_post_is_seen_at_once(fresh_url: str, redis: RedisServer) -> None:
    """Not only the lanes: whatever a transaction posts is told by its events, a purchase or an undo alike."""
    both = {"redis_url": redis.url}
    async with open_house(fresh_url, **both) as house, open_house(fresh_url, **both) as second:
        await house.stock("TEA", "GZ", 5)
        tea, gz = await house.sku("TEA"), await house.warehouse("GZ")

        async def left() -> int:
            return (await second.get(f"/inventory/{tea}/availability", quantity=1))["quantity_available"]

        async def keep() -> None:
            before = count("hit")
            while count("hit") == before:
                await left()

        await keep()
        change = {"warehouse_id": gz, "adjustment_type": "increase", "quantity": 2, "reason": "found"}
        await house.call("PUT", f"/inventory/{tea}/adjust", json=change, expect=200)
        assert await left() == 7
        await keep()
        async with house.database.transaction() as tx:
            await stock.move(tx, sale(tea, gz))
        assert await left() == 6
        await keep()
        with pytest.raises(ZeroDivisionError):
            await fail_after_posting(house.database, sale(tea, gz))
        assert await left() == 6


async def fail_after_posting(database: Database, ask: MoveAsk) -> None:
    async with database.transaction() as tx:
        await stock.move(tx, ask)
        raise ZeroDivisionError


def sale(sku_id: str, warehouse_id: str) -> MoveAsk:
    return MoveAsk(
        actor="test",
        event_type="inventory.sold",
        movement_type="out",
        reference_type="sale",
        reason="sold",
        items=[MoveItem(sku_id=sku_id, warehouse_id=warehouse_id, quantity=-1)],
    )
