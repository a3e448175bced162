"""What a hold kept comes back when its time is over: by the job runner, and once however many sweep."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
from tests.conftest import Shelf
from tests.crash.waiting import until
from tests.running import environment

# The period of the sweep, and what a job runner needs to begin and a busy machine to take its turn.
SECONDS_MAX = 30


def test_units_come_back_within_a_sweep_without_anybody_asking(fresh_url: str, fresh_shelf: Shelf) -> None:
    shelf = fresh_shelf
    shelf.given("TEA@GZ 5")
    due, later = shelf.reserve("TEA@GZ 2", minutes=10), shelf.reserve("TEA@GZ 1", minutes=60)
    shelf.advance(minutes=11)
    runner = subprocess.Popen([sys.executable, "-m", "holdfast", "worker"], env=environment(fresh_url))
    try:
        until(lambda: shelf.level("TEA@GZ") == "on_hand=5 available=4 reserved=1", SECONDS_MAX)
    finally:
        runner.terminate()
        runner.wait(15)
    told = "select status from reservations where id = %s"
    statuses = [shelf.connection.execute(told, [held["reservation_id"]]).fetchone() for held in (due, later)]
    assert statuses == [("expired",), ("active",)]


def test_sweepers_at_once_release_every_hold_once(fresh_url: str, fresh_shelf: Shelf) -> None:
    shelf = fresh_shelf
    shelf.given("TEA@GZ 60, CUP@GZ 60")
    for _ in range(30):
        shelf.reserve("TEA@GZ 1, CUP@GZ 2", minutes=10)
    shelf.advance(minutes=11)
    together = Barrier(3)

    def sweep() -> int:
        with psycopg.connect(fresh_url, autocommit=True) as connection:
            together.wait()
            swept = 0
            while (row := connection.execute("select stock_expire(4)").fetchone()) and row[0]:
                swept += row[0]
            return swept

    with ThreadPoolExecutor(3) as pool:
        swept = [each.result() for each in [pool.submit(sweep) for _ in range(3)]]
    assert sum(swept) == 30
    assert shelf.level("TEA@GZ") == shelf.level("CUP@GZ") == "on_hand=60 available=60 reserved=0"
    told = "select count(*), count(distinct data ->> 'reservation_id') from outbox_events where event_type = %s"
    assert shelf.connection.execute(told, ["inventory.reservation_expired"]).fetchone() == (30, 30)
