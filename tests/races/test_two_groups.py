"""A full group does not wait for the one under way: a second connection posts it meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import psycopg
import pytest
from tests.conftest import Shelf
from tests.crash.waiting import until

from holdfast.db.group import GROUP_MAX, GroupWriter
from holdfast.db.posting import Answer
from holdfast.stock.asks import ReserveAsk, ReserveItem
from holdfast.stock.lanes import POST

pytestmark = [pytest.mark.xdist_group("races"), pytest.mark.timeout(60)]


@pytest.fixture
def writer(racing_url: str) -> GroupWriter:
    return GroupWriter(racing_url, POST["reserve"], queue_max=1000, name=f"test-{uuid4().hex[:8]}")


def stocked(shop: Shelf, name: str) -> ReserveItem:
    shop.given(f"{name}@GZ 1000")
    (item,) = shop.items(f"{name}@GZ 1")
    return ReserveItem(UUID(item["sku_id"]), 1, UUID(item["warehouse_id"]))


def hold(writer: GroupWriter, item: ReserveItem, key: str | None = None) -> asyncio.Task[Answer]:
    owner = str(UUID(int=7)) if key else None
    ask = ReserveAsk(
        reference_type="cart",
        reference_id="c",
        minutes=5,
        items=[item],
        actor="test",
        principal_id=owner,
        key=key,
        hash=key,
    )
    return asyncio.create_task(writer.submit(ask))


@contextmanager
def locked(url: str, item: ReserveItem) -> Iterator[psycopg.Connection]:
    """Somebody keeps the level of this item."""
    with psycopg.connect(url) as connection:
        connection.execute("select from inventory where sku_id = %s for update", [item.sku_id])
        yield connection


async def stuck(url: str, writer: GroupWriter) -> None:
    """Until the writer waits at a lock."""
    with psycopg.connect(url, autocommit=True) as looking:

        def waits() -> bool:
            row = looking.execute(
                "select exists (select from pg_stat_activity where application_name = %s and wait_event_type = 'Lock'"
                " and datname = current_database())",
                [writer._name],
            ).fetchone()
            return row == (True,)

        await asyncio.to_thread(until, waits)


async def test_a_full_group_goes_past_one_that_waits(shop: Shelf, racing_url: str, writer: GroupWriter) -> None:
    tea, cup = stocked(shop, "TEA"), stocked(shop, "CUP")
    with locked(racing_url, tea) as somebody:
        first = hold(writer, tea)
        await stuck(racing_url, writer)
        others = [hold(writer, cup) for _ in range(GROUP_MAX)]
        assert {answer.outcome for answer in await asyncio.gather(*others)} == {"reserved"}
        assert not first.done()
        somebody.rollback()
        assert (await first).outcome == "reserved"
    await writer.close()


async def test_less_than_a_full_group_waits_for_the_one_under_way(
    shop: Shelf, racing_url: str, writer: GroupWriter
) -> None:
    tea, cup = stocked(shop, "TEA"), stocked(shop, "CUP")
    with locked(racing_url, tea) as somebody:
        first = hold(writer, tea)
        await stuck(racing_url, writer)
        others = [hold(writer, cup) for _ in range(GROUP_MAX - 1)]
        await asyncio.to_thread(until, lambda: len(writer._waiting) == GROUP_MAX - 1)
        assert len(writer._busy) == 1
        somebody.rollback()
        answers = await asyncio.gather(first, *others)
        assert {answer.outcome for answer in answers} == {"reserved"}
        assert len({json.loads(answer.facts)["created_at"] for answer in answers}) == 2
    await writer.close()


async def test_a_repeat_of_what_is_under_way_waits_for_its_answer(
    shop: Shelf, racing_url: str, writer: GroupWriter
) -> None:
    tea, cup = stocked(shop, "TEA"), stocked(shop, "CUP")
    with locked(racing_url, tea) as somebody:
        first = hold(writer, tea, key="k")
        await stuck(racing_url, writer)
        again = [hold(writer, tea, key="k") for _ in range(GROUP_MAX + 5)]
        others = [hold(writer, cup) for _ in range(GROUP_MAX)]
        assert {answer.outcome for answer in await asyncio.gather(*others)} == {"reserved"}
        assert not any(repeat.done() for repeat in again)
        somebody.rollback()
        held = await first
        repeats = await asyncio.gather(*again)
        assert {(answer.facts, answer.replayed) for answer in repeats} == {(held.facts, True)}
        assert not held.replayed
    await writer.close()


async def test_two_groups_of_one_wanted_sku_grant_what_is_there_and_no_more(
    shop: Shelf, racing_url: str, writer: GroupWriter
) -> None:
    tea = stocked(shop, "TEA")
    answers = await asyncio.gather(*(hold(writer, tea) for _ in range(500)))
    more = await asyncio.gather(*(hold(writer, tea) for _ in range(700)))
    outcomes = [answer.outcome for answer in [*answers, *more]]
    assert outcomes.count("reserved") == 1000
    assert outcomes.count("insufficient_stock") == 200
    await writer.close()
