"""The posting functions under bare concurrent connections, no group commit in front: the locks keep the promises."""

from __future__ import annotations

import json
import random
import threading
from typing import Any

import psycopg
import pytest
from tests.books import violations_at
from tests.conftest import Shelf

pytestmark = [pytest.mark.xdist_group("races"), pytest.mark.timeout(120)]


def all_at_once(url: str, workers: int, work: Any) -> list[Any]:
    """``work(connection, number)`` in so many threads, started together; raises what any of them raised."""
    connections = [psycopg.connect(url, autocommit=True, prepare_threshold=None) for _ in range(workers)]
    start, told, failed = threading.Barrier(workers), [], []

    def run(number: int) -> None:
        start.wait()
        try:
            told.append(work(connections[number], number))
        except psycopg.Error as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for connection in connections:
        connection.close()
    assert not failed, failed[:2]
    return told


def post(connection: psycopg.Connection, function: str, **request: Any) -> str:
    asked = json.dumps([{"n": 0, "principal_id": None, "actor": "test", **request}])
    row = connection.execute(f"select outcome from {function}(%s)", [asked]).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row[0]


async def test_crossing_baskets_of_eight_connections_never_deadlock(shop: Shelf, racing_url: str) -> None:
    codes = [f"S{n}" for n in range(6)]
    shop.given(", ".join(f"{code}@GZ 150" for code in codes))

    def buy(connection: psycopg.Connection, number: int) -> int:
        chance = random.Random(number)  # noqa: S311 - any spread will do
        granted = 0
        for _ in range(60):
            items = shop.items(", ".join(f"{code}@GZ 1" for code in chance.sample(codes, 4)))
            kind = {"reference_type": "cart", "reference_id": "c", "minutes": 5, "items": items}
            granted += post(connection, "stock_reserve", **kind) == "reserved"
        return granted

    granted = sum(all_at_once(racing_url, 8, buy))
    held = sum(int(shop.level(f"{code}@GZ").split("reserved=")[1]) for code in codes)
    assert held == 4 * granted
    assert await violations_at(racing_url) == []


async def test_two_people_resolving_and_one_sweeping_never_deadlock(shop: Shelf, racing_url: str) -> None:
    codes = [f"S{n}" for n in range(5)]
    shop.given(", ".join(f"{code}@GZ 400" for code in codes))
    chance = random.Random(7)  # noqa: S311
    holds = [
        shop.reserve(", ".join(f"{code}@GZ 1" for code in chance.sample(codes, 3)))["reservation_id"] for _ in range(80)
    ]

    def resolve(connection: psycopg.Connection, number: int) -> list[str]:
        mine = random.Random(number).sample(holds, len(holds))  # noqa: S311
        actions = ("consume", "release")
        if number == 0:
            connection.execute("select count(stock_expire(5)) from generate_series(1, 80)")
            return []
        return [
            post(connection, "stock_resolve", reservation_id=hold, action=actions[n % 2]) for n, hold in enumerate(mine)
        ]

    all_at_once(racing_url, 6, resolve)
    for code in codes:
        assert shop.level(f"{code}@GZ").endswith("reserved=0")
    assert await violations_at(racing_url) == []


async def test_the_last_unit_goes_to_one_of_twelve_connections(shop: Shelf, racing_url: str) -> None:
    for code in (f"LAST{n}" for n in range(10)):
        shop.given(f"{code}@GZ 1")
        items = shop.items(f"{code}@GZ 1")
        kind = {"reference_type": "cart", "reference_id": "c", "minutes": 5, "items": items}
        told = all_at_once(racing_url, 12, lambda connection, _, kind=kind: post(connection, "stock_reserve", **kind))
        assert sorted(told) == ["insufficient_stock"] * 11 + ["reserved"]
    assert await violations_at(racing_url) == []


async def test_a_sweep_that_waited_for_an_extension_leaves_the_hold_alone(fresh_url: str) -> None:
    shelf = Shelf(fresh_url)
    shelf.given("TEA@GZ 5")
    hold = shelf.reserve("TEA@GZ 1", minutes=10)["reservation_id"]
    swept: list[Any] = []

    def sweep() -> None:
        with psycopg.connect(fresh_url, autocommit=True, application_name="sweeper") as connection:
            swept.append(connection.execute("select stock_expire(10)").fetchone())

    with psycopg.connect(fresh_url) as extending:
        ask = {"reservation_id": hold, "action": "extend", "minutes": 30, "extension_max": 60}
        assert post(extending, "stock_prolong", **ask) == "extended"
        shelf.advance(minutes=11)  # past the first deadline before the extension is committed
        sweeper = threading.Thread(target=sweep)
        sweeper.start()
        waiting = (
            "select from pg_stat_activity where application_name = 'sweeper' and wait_event_type = 'Lock'"
            " and datname = current_database()"
        )
        while not shelf.connection.execute(waiting).fetchall():
            assert sweeper.is_alive()
    sweeper.join()
    assert swept == [(0,)]
    assert shelf.level("TEA@GZ") == "on_hand=5 available=4 reserved=1"
    shelf.close()
