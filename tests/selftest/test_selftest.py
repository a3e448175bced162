"""The built-in attack passes on a sound installation, leaves nothing behind, and says so when a promise is broken."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from typing import Any

import psycopg
import pytest
from tests.conftest import Shelf
from tests.running import environment, serving

pytestmark = [pytest.mark.xdist_group("races"), pytest.mark.timeout(150)]


def selftest(url: str, *options: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "holdfast", "selftest", "--json", "--buyers", "80", *options]
    done = subprocess.run(command, env=environment(url), capture_output=True, text=True, timeout=140, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def rows(url: str, query: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


LEFT_OPEN = """
select 'sku', code from skus where code like 'SELFTEST-%' and archived_at is null
union all select 'warehouse', code from warehouses where code like 'SELFTEST-%' and is_active
union all select 'key', name from api_keys where name = 'selftest' and revoked_at is null
union all select 'level', concat(available_quantity, '/', reserved_quantity) from inventory where on_hand_quantity > 0
union all select 'hold', id::text from reservations where status = 'active'
"""


def test_it_passes_with_processes_dying_and_leaves_nothing_behind(fresh_url: str) -> None:
    code, told = selftest(fresh_url, "--seconds", "5", "--crash")
    assert (code, told["passed"]) == (0, True), told
    figures = told["figures"]
    assert figures["held"] > 20
    assert figures["refused_fairly"] > 0
    assert figures["killed"] > 0
    assert rows(fresh_url, LEFT_OPEN) == []


def test_it_ends_after_so_many_requests(fresh_url: str) -> None:
    code, told = selftest(fresh_url, "--seconds", "120", "--requests", "300")
    assert (code, told["passed"]) == (0, True), told
    # Everybody finishes what he is at: a basket and its fate are a few requests.
    assert 300 <= told["figures"]["requests"] < 300 + 80 * 10


def test_nobody_takes_notice(fresh_url: str) -> None:
    shelf = Shelf(fresh_url)
    shelf.given("TEA@GZ 5")
    worker = subprocess.Popen([sys.executable, "-m", "holdfast", "worker"], env=environment(fresh_url))
    try:
        with serving(fresh_url, HOLDFAST_ALLOW_PRIVATE_WEBHOOKS="yes") as running, running.client() as client:
            for mode in ("events", "levels"):
                hook = {"name": mode, "url": "http://127.0.0.1:9/", "event_types": ["*"], "mode": mode}
                assert client.post("/webhooks", json=hook).status_code == 201
            rule = {"name": "low", "metric": "available_quantity", "threshold": 1_000_000}
            assert client.post("/alert-rules", json=rule).status_code == 201
            code, _ = selftest(fresh_url, "--seconds", "2", "--address", running.address)
            assert code == 0
            unpublished = "select count(*) from outbox_events where published_at is null"
            waiting = threading.Event()
            while rows(fresh_url, unpublished) != [(0,)]:
                waiting.wait(0.1)
            assert client.post("/replenishment/suggestions/run").status_code == 202
            seen = json.dumps(
                [client.get(path).json() for path in ("/skus", "/inventory", "/alerts", "/events", "/warehouses")]
            )
    finally:
        worker.terminate()
        worker.wait(20)
    assert "SELFTEST" not in seen
    ids = [str(row[0]) for row in rows(fresh_url, "select sku_id from sandbox_skus")]
    assert len(ids) == 12
    assert not any(sku in seen for sku in ids)
    told = rows(fresh_url, "select payload::text from webhook_deliveries")
    assert not any(sku in payload for sku in ids for (payload,) in told)
    for table in ("alerts", "alert_checks", "level_pushes", "replenishment_suggestions", "demand_daily"):
        query = f"select count(*) from {table} join sandbox_skus using (sku_id)"
        assert rows(fresh_url, query) == [(0,)], table


PLANTED = {
    "one SKU on two lines is not summed": (
        "stock_asked",
        "sum(i.quantity)",
        "max(i.quantity)",
        {"whole"},
    ),
    "answers are not kept": ("stock_hold", "where key is not null", "where false", {"double"}),
    "what is consumed is not in the ledger": (
        "stock_write_consumption",
        "where t.outcome = 'consumed'",
        "where false",
        {"books", "lost"},
    ),
    "what is consumed is not told": (
        "stock_tell_resolution",
        "on h.id = c.reservation_id",
        "on h.id = c.reservation_id and c.outcome <> 'consumed'",
        {"untold"},
    ),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_it_says_which_promise_a_planted_bug_breaks(fresh_url: str, bug: str) -> None:
    function, right, wrong, invariants = PLANTED[bug]
    [(text,)] = rows(fresh_url, f"select pg_get_functiondef('{function}'::regproc)")
    assert right in text
    with psycopg.connect(fresh_url) as connection:
        connection.execute(text.replace(right, wrong))
    code, told = selftest(fresh_url, "--seconds", "2")
    assert (code, told["passed"]) == (1, False)
    assert invariants & {name for name, found in told["invariants"].items() if found["broken"]}, told


def attacking(url: str, *options: str) -> subprocess.Popen[bytes]:
    """A run that has begun to hold."""
    command = [sys.executable, "-m", "holdfast", "selftest", "--json", "--buyers", "50", "--seconds", "100", *options]
    running = subprocess.Popen(command, env=environment(url), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    waiting = threading.Event()
    while rows(url, "select count(*) < 20 from reservations") == [(True,)]:
        assert running.poll() is None
        waiting.wait(0.1)
    return running


def test_an_interrupted_run_cleans_up_too(fresh_url: str) -> None:
    running = attacking(fresh_url)
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=60)
    assert json.loads(said)["passed"] is True
    assert rows(fresh_url, LEFT_OPEN) == []


def test_a_killed_process_that_does_not_come_back_ends_the_run(fresh_url: str) -> None:
    running = attacking(fresh_url, "--crash")
    with psycopg.connect(fresh_url) as connection:
        # From now on no process can start.
        connection.execute("delete from schema_migrations where name like '0001%'")
    said, _ = running.communicate(timeout=90)
    assert running.returncode == 1
    assert b"does not answer" in said
    assert rows(fresh_url, LEFT_OPEN) == []
