"""A grouping, or the placing of one, that is killed in the middle leaves nothing half written and can be run again."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import Any

import psycopg
import pytest
from tests.crash.waiting import until
from tests.house import House
from tests.replenishment.shop import offer, past, pending, plan
from tests.running import SOURCE

from holdfast.replenishment import groupings

PROGRAM = """
import asyncio, sys
from uuid import UUID
from holdfast.db import Database
from holdfast.replenishment import groupings

async def main(url, grouping):
    database = Database(url, size=1, application="to-be-killed")
    await database.open()
    async with database.transaction() as tx:
        if grouping:
            await groupings.place(tx, UUID(grouping), order_nos=None, actor="test")
        else:
            await groupings.propose(tx, actor="test")

asyncio.run(main(*sys.argv[1:]))
"""
# Of this test alone: another may kill its own at the same time, in another database of the same server.
OURS = "from pg_stat_activity where application_name = 'to-be-killed' and datname = current_database()"
WAITING = f"select count(*) {OURS} and wait_event_type = 'Lock'"
GONE = f"select count(*) = 0 {OURS}"
WRITTEN = """
select (select count(*) from order_groupings), (select count(*) from order_grouping_orders),
       (select count(*) from order_grouping_lines), (select count(*) from purchase_orders),
       (select count(*) from purchase_order_lines),
       (select array_agg(status order by id) from replenishment_suggestions),
       (select array_agg(status order by id) from order_groupings)
"""


def killed_while_it_waits_for(table: str, url: str, grouping: str) -> None:
    """Hold the table that is written next to last, see the program wait for it, and kill -9 it there."""
    with psycopg.connect(url) as holding, psycopg.connect(url, autocommit=True) as looking:
        holding.execute(f"lock table {table} in share mode")  # type: ignore[arg-type]
        running = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, url, grouping], env={**os.environ, "PYTHONPATH": str(SOURCE)}
        )
        try:
            until(lambda: running.poll() is not None or looking.execute(WAITING).fetchall() == [(1,)])
            assert running.poll() is None, "it is not done before it is killed"
        finally:
            running.kill()
            running.wait()
        holding.rollback()
        until(lambda: looking.execute(GONE).fetchall() == [(True,)])


async def _written(house: House) -> Any:
    async with house.database.connection() as connection:
        return await (await connection.execute(WRITTEN)).fetchone()


@pytest.mark.parametrize("table", ["order_grouping_orders", "order_grouping_lines"])
async def test_a_grouping_that_is_killed_leaves_the_one_before(house: House, table: str) -> None:
    await _shop(house)
    before = await house.post("/replenishment/groupings")
    written = await _written(house)
    await asyncio.to_thread(killed_while_it_waits_for, table, house.application.settings.db_url, "")
    assert await _written(house) == written
    assert (await house.get("/replenishment/groupings/current"))["id"] == before["id"]
    async with house.database.transaction() as tx:
        again = await groupings.propose(tx, actor="test")
    now = await house.get(f"/replenishment/groupings/{again}")
    assert [o["value"] for o in now["orders"]] == [o["value"] for o in before["orders"]]


@pytest.mark.parametrize("table", ["purchase_orders", "purchase_order_lines", "audit_log"])
async def test_a_placing_that_is_killed_orders_nothing_and_can_be_done_again(house: House, table: str) -> None:
    await _shop(house)
    grouping = await house.post("/replenishment/groupings")
    written = await _written(house)
    await asyncio.to_thread(killed_while_it_waits_for, table, house.application.settings.db_url, grouping["id"])
    assert await _written(house) == written
    placed = await house.post(f"/replenishment/groupings/{grouping['id']}/place", expect=200)
    assert placed["status"] == "placed"
    assert await pending(house) == []


async def _shop(house: House) -> None:
    """Two suppliers with something to order."""
    for supplier, sku in (("ACME", "TEA"), ("BOLT", "NUT")):
        await past(house, sku, "GZ", per_day=10, left=30)
        await offer(house, supplier, sku)
    await plan(house)
