"""Several processes that sell one much wanted SKU: who waits for its turn posts all that arrived meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import psycopg
import pytest
from tests.conftest import Shelf
from tests.crash.waiting import until

from holdfast.db import turns
from holdfast.db.group import GroupWriter
from holdfast.db.posting import Answer
from holdfast.stock.asks import ReserveAsk, ReserveItem
from holdfast.stock.lanes import POST

pytestmark = [pytest.mark.xdist_group("races"), pytest.mark.timeout(60)]


@pytest.fixture
def neighbour(racing_url: str) -> Iterator[psycopg.Connection]:
    """Another process that posts for much wanted rows too."""
    with psycopg.connect(racing_url, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock_shared(%s, 1)", [turns._PRESENT])
        yield connection


@asynccontextmanager
async def busy_writer(url: str, item: ReserveItem) -> AsyncIterator[GroupWriter]:
    """A writer whose last group wanted this one SKU."""
    writer = GroupWriter(url, POST["reserve"], queue_max=500, name=f"test-{uuid4().hex[:8]}")
    await asyncio.gather(*(writer.submit(ask(item)) for _ in range(5)))
    yield writer
    await writer.close()


def ask(item: ReserveItem) -> ReserveAsk:
    return ReserveAsk(reference_type="cart", reference_id="c", minutes=5, items=[item], actor="test")


def moments(answers: list[Answer]) -> set[str]:
    assert {answer.outcome for answer in answers} == {"reserved"}
    return {json.loads(answer.facts)["created_at"] for answer in answers}


def wanted(shop: Shelf) -> ReserveItem:
    shop.given("TEA@GZ 1000")
    (item,) = shop.items("TEA@GZ 1")
    return ReserveItem(UUID(item["sku_id"]), 1, UUID(item["warehouse_id"]))


async def until_it_waits(connection: psycopg.Connection, writer: GroupWriter) -> None:
    def waits() -> bool:
        row = connection.execute(
            "select exists (select from pg_locks l join pg_stat_activity a using (pid)"
            " where l.locktype = 'advisory' and not l.granted and a.application_name = %s"
            " and a.datname = current_database())",
            [writer._name],
        ).fetchone()
        return row == (True,)

    await asyncio.to_thread(until, waits)


async def test_what_arrives_while_another_process_has_its_turn_is_one_group(
    shop: Shelf, racing_url: str, neighbour: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "WAIT_MS_MAX", 20_000)
    item = wanted(shop)
    key = item.sku_id.int & 0x7FFFFFFF
    async with busy_writer(racing_url, item) as writer:
        neighbour.execute("select pg_advisory_lock(%s, %s)", [turns._TURN, key])
        first = asyncio.create_task(writer.submit(ask(item)))
        await until_it_waits(neighbour, writer)
        others = [asyncio.create_task(writer.submit(ask(item))) for _ in range(20)]
        await asyncio.to_thread(until, lambda: len(writer._waiting) == 21)
        neighbour.execute("select pg_advisory_unlock(%s, %s)", [turns._TURN, key])
        assert len(moments(await asyncio.gather(first, *others))) == 1
        # The turn is passed on; meanwhile the writer must be able to.
        taken = await asyncio.to_thread(neighbour.execute, "select take_turn(%s, %s, 20000)", [turns._TURN, key])
        assert taken.fetchone() == (True,)


SLOW_COMMIT = """
create function wait_at_commit() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(4711);
    return null;
end $$;
create constraint trigger wait_at_commit after insert on outbox_events deferrable initially deferred
    for each row execute function wait_at_commit();
"""


@pytest.fixture
def slow_commit(neighbour: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """Nobody's hold is committed before this connection unlocks 4711."""
    neighbour.execute("select pg_advisory_lock(4711)")
    neighbour.execute(SLOW_COMMIT)
    yield neighbour
    neighbour.execute("select pg_advisory_unlock_all()")
    neighbour.execute("drop function wait_at_commit cascade")


async def test_a_turn_ends_before_the_commit_so_that_the_next_group_is_read_meanwhile(
    shop: Shelf, racing_url: str, neighbour: psycopg.Connection, request: pytest.FixtureRequest
) -> None:
    item = wanted(shop)
    key = item.sku_id.int & 0x7FFFFFFF
    async with busy_writer(racing_url, item) as writer:
        request.getfixturevalue("slow_commit")
        posting = asyncio.create_task(writer.submit(ask(item)))
        await until_it_waits(neighbour, writer)
        assert neighbour.execute("select take_turn(%s, %s, 1)", [turns._TURN, key]).fetchone() == (True,)
        assert not posting.done()
        neighbour.execute("select pg_advisory_unlock(4711)")
        moments([await posting])
        assert not writer._turns._taken


async def test_a_turn_ends_when_its_group_fails(shop: Shelf, racing_url: str, neighbour: psycopg.Connection) -> None:
    item = wanted(shop)
    key = item.sku_id.int & 0x7FFFFFFF
    async with busy_writer(racing_url, item) as writer:
        wrong = ReserveAsk(reference_type="nothing", reference_id="c", minutes=5, items=[item], actor="test")
        with pytest.raises(Exception, match="known_reservation_type"):
            await writer.submit(wrong)
        # The turn is passed on; meanwhile the writer must be able to.
        taken = await asyncio.to_thread(neighbour.execute, "select take_turn(%s, %s, 20000)", [turns._TURN, key])
        assert taken.fetchone() == (True,)
        assert not writer._turns._taken


async def test_a_statement_that_failed_is_repeated_without_ending_the_turn_twice(
    shop: Shelf, racing_url: str, neighbour: psycopg.Connection
) -> None:
    item = wanted(shop)
    key = item.sku_id.int & 0x7FFFFFFF
    async with busy_writer(racing_url, item) as writer:
        connection = await writer._posters[0].connect()
        await writer._turns.take(connection, item.sku_id)
        first, _ = writer._turns.ending(connection)
        assert "pg_advisory_unlock" in first
        assert writer._turns.ending(connection) == ("", [])
        await writer._turns.pass_on(connection)
        assert neighbour.execute("select take_turn(%s, %s, 1)", [turns._TURN, key]).fetchone() == (True,)
        neighbour.execute("select pg_advisory_unlock_all()")


async def test_who_keeps_its_turn_delays_the_others_once(
    shop: Shelf, racing_url: str, neighbour: psycopg.Connection
) -> None:
    item = wanted(shop)
    async with busy_writer(racing_url, item) as writer:
        neighbour.execute("select pg_advisory_lock(%s, %s)", [turns._TURN, item.sku_id.int & 0x7FFFFFFF])
        for _ in range(3):
            moments([await writer.submit(ask(item))])
        assert writer._turns._gave_up > 0
        assert not writer._turns._taken


async def test_alone_or_with_mixed_wishes_nobody_takes_turns(
    shop: Shelf, racing_url: str, neighbour: psycopg.Connection
) -> None:
    shop.given("CUP@GZ 1000, POT@GZ 1000")
    tea = wanted(shop)
    mixed = [ReserveItem(UUID(i["sku_id"]), 1, UUID(i["warehouse_id"])) for i in shop.items("CUP@GZ 1, POT@GZ 1")]
    async with busy_writer(racing_url, tea) as writer:
        await asyncio.gather(*(writer.submit(ask(item)) for item in [*mixed, tea] * 4))
        assert writer._much_wanted is None
        neighbour.execute("select pg_advisory_lock(%s, %s)", [turns._TURN, tea.sku_id.int & 0x7FFFFFFF])
        await writer.submit(ask(tea))
        assert writer._turns._gave_up < 0


async def test_a_broken_connection_ends_the_turn(shop: Shelf, racing_url: str, neighbour: psycopg.Connection) -> None:
    item = wanted(shop)
    key = item.sku_id.int & 0x7FFFFFFF
    async with busy_writer(racing_url, item) as writer:
        connection = await writer._posters[0].connect()
        await writer._turns.take(connection, item.sku_id)
        assert writer._turns._taken == {connection: key}
        await connection.close()
        assert neighbour.execute("select take_turn(%s, %s, 20000)", [turns._TURN, key]).fetchone() == (True,)
        neighbour.execute("select pg_advisory_unlock(%s, %s)", [turns._TURN, key])
        moments([await writer.submit(ask(item))])
