"""The ledger's months are made ahead of time, and a late one never stops a start."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
from tests.conftest import Shelf

from holdfast.db.session import APPLICATION_OPTIONS


def test_a_month_that_began_in_the_default_partition_stops_nothing(fresh_shelf: Shelf) -> None:
    fresh_shelf.advance(minutes=60 * 24 * 400)
    fresh_shelf.given("TEA@GZ 5")
    fresh_shelf.connection.execute("select stock_ensure_months(business_now()::date, business_now()::date)")
    fresh_shelf.given("TEA@GZ 2")
    assert fresh_shelf.level("TEA@GZ") == "on_hand=7 available=7 reserved=0"
    row = fresh_shelf.connection.execute("select count(*) from inventory_movements_default").fetchone()
    assert row == (2,)


def test_processes_that_start_together_on_a_new_ledger_all_start(fresh_url: str) -> None:
    """Each makes the months to come at its start; they used to deadlock, and one of the self-test's could not start."""
    together = threading.Barrier(6)

    def start(_: int) -> str:
        with psycopg.connect(fresh_url, options=APPLICATION_OPTIONS) as connection:
            together.wait(20)
            connection.execute(
                "select stock_ensure_months(business_now()::date, (business_now() + interval '3 months')::date)"
            )
        return "started"

    with ThreadPoolExecutor(6) as processes:
        assert list(processes.map(start, range(6))) == ["started"] * 6
