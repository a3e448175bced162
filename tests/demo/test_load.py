"""Loading the demo shop: the books balance, the story is the real one, an interrupted load continues."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from rich.console import Console

from holdfast.demo.load import load_demo
from holdfast.kernel.errors import CannotStart
from tests.books import violations_at
from tests.conftest import Shelf, new_database
from tests.running import SOURCE

STAGES = ["shop", "demand", "ledger", "past orders", "orders"]


@pytest.fixture(scope="module")
def shop(server: Any, run_dir: Path) -> Iterator[str]:
    """The address of a database with the demo shop, loaded in two runs: the first is killed within the ledger."""
    url = new_database(server, run_dir)
    program = (
        f"from rich.console import Console; from holdfast.demo.load import load_demo; load_demo({url!r}, Console())"
    )
    first = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(SOURCE)})
    with psycopg.connect(url, autocommit=True) as connection:
        deadline = time.monotonic() + 120
        begun = "select count(distinct sku_id) > 100 from inventory_movements"
        while not connection.execute(begun).fetchall()[0][0]:
            assert first.poll() is None, "the ledger is not complete when it begins"
            assert time.monotonic() < deadline
        first.send_signal(signal.SIGKILL)
        first.wait()
        (stages,) = connection.execute("select value->'stages' from settings where name = 'demo'").fetchall()[0]
        assert stages == ["shop", "demand"]
    load_demo(url, Console(quiet=True))
    return url


@pytest.fixture
def rows(shop: str) -> Iterator[Any]:
    with psycopg.connect(shop, autocommit=True) as connection:
        yield lambda query: connection.execute(query).fetchall()


pytestmark = pytest.mark.xdist_group("demo-shop")


def test_the_books_balance_after_an_interrupted_load(shop: str) -> None:
    assert asyncio.run(violations_at(shop)) == []


def test_every_stage_is_done_once(rows: Any) -> None:
    assert rows("select value->'stages' from settings where name = 'demo'") == [(STAGES,)]
    assert rows("select count(*) from skus") == [(4700,)]
    assert rows("select count(*) from warehouses") == [(3,)]
    assert (
        rows(
            "select count(*) from inventory_movements where reason = 'opening stock' group by sku_id, warehouse_id "
            "having count(*) > 1"
        )
        == []
    )


def test_demand_ends_yesterday_and_is_two_years_long(rows: Any) -> None:
    """A warehouse east of Greenwich may have ended one more day by now, with empty shelves and no demand."""
    assert rows(
        "select max(day) = business_now()::date - 1, max(day) - min(day) from demand_daily where quantity > 0"
    ) == [(True, 738)]


def test_the_ledger_and_the_demand_of_its_days_tell_the_same_story(rows: Any) -> None:
    assert rows(
        "select count(*) from (select sku_id, warehouse_id, occurred_at::date as day, -sum(quantity) as units "
        "from inventory_movements where movement_type = 'out' group by 1, 2, 3) m "
        "full join (select * from demand_daily where day > business_now()::date - 121 and quantity > 0) d "
        "using (sku_id, warehouse_id, day) where m.units is distinct from d.quantity"
    ) == [(0,)]


def test_stock_is_worth_now_what_its_entries_say_it_is_worth_as_of_now(rows: Any) -> None:
    assert rows(
        "select count(*), count(*) filter (where n.value is distinct from t.value or n.quantity <> t.quantity) "
        "from stock_average_value(null, null, null) n "
        "full join stock_average_value(business_now(), null, null) t using (sku_id, warehouse_id)"
    )[0] == (rows("select count(*) from inventory where on_hand_quantity > 0")[0][0], 0)


def test_every_warehouse_has_stock_and_something_is_out(rows: Any) -> None:
    found = dict(
        rows(
            "select code, count(*) filter (where available_quantity = 0) from inventory i "
            "join warehouses w on w.id = i.warehouse_id group by code"
        )
    )
    assert set(found) == {"MIDLANDS", "EUROPE", "LONDON"}
    assert min(found.values()) > 0


def test_orders_of_the_past_say_what_the_ledger_says(rows: Any) -> None:
    """Every delivery of the ledger belongs to an order that was sent, confirmed and received, line by line."""
    assert rows(
        "select count(*) from (select reference_id, sku_id, sum(quantity) as units, min(occurred_at) as at "
        "from inventory_movements where reason like 'received from %' group by 1, 2) m "
        "full join (select purchase_order_id::text as reference_id, sku_id, sum(quantity) as units, "
        "min(received_at) as at from purchase_arrivals group by 1, 2) a using (reference_id, sku_id) "
        "where (m.units, m.at) is distinct from (a.units, a.at)"
    ) == [(0,)]
    ((months, cut, numbered),) = rows(
        "select count(distinct date_trunc('month', sent_at)), count(*) filter (where exists ("
        "select from purchase_order_lines l where l.purchase_order_id = o.id and l.refused_quantity > 0)), "
        "bool_and(number < (select min(number) from purchase_orders where status = 'sent')) "
        "from purchase_orders o where status = 'received'"
    )
    assert months >= 4
    assert cut > 0
    assert numbered


def test_every_supplier_has_a_scorecard_and_has_taught_how_long_it_takes(rows: Any) -> None:
    found = rows(
        "select p.code, f.is_used, f.receipts, "
        "(select avg((a.received_at::date <= l.promised_at)::integer) from purchase_arrivals a "
        "join purchase_order_lines l using (purchase_order_id, line_no) where a.supplier_id = p.id)::float "
        "from suppliers p join supplier_lead_factors f on f.supplier_id = p.id"
    )
    assert len(found) == 5
    assert all(is_used and receipts > 20 and 0.3 < on_time < 0.95 for _, is_used, receipts, on_time in found), found


def test_orders_are_on_their_way_and_their_letters_are_queued(rows: Any) -> None:
    ((orders, letters),) = rows(
        "select (select count(*) from purchase_orders where status = 'sent'), "
        "(select count(*) from notifications where channel = 'email' and kind = 'purchase_order')"
    )
    assert orders == letters > 0


def test_loading_again_changes_nothing_and_is_quick(shop: str, rows: Any) -> None:
    everything = (
        "select (select count(*) from inventory_movements), (select count(*) from demand_daily), "
        "(select count(*) from outbox_events), (select count(*) from audit_log)"
    )
    before = rows(everything)
    load_demo(shop, Console(quiet=True))
    assert rows(everything) == before


def test_the_demo_does_not_mix_with_somebodys_own_shop(fresh_url: str, fresh_shelf: Shelf) -> None:
    fresh_shelf.sku("MINE")
    with pytest.raises(CannotStart, match="already holds a shop"):
        load_demo(fresh_url, Console(quiet=True))
