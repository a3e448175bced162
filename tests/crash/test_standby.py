"""A synchronous standby: what is answered 2xx is on both machines; without it nothing is, and somebody is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.books import violations_at
from tests.conftest import Shelf
from tests.crash.buyers import Buyers, check_books, wait_for_new
from tests.crash.pair import ALONE, Pair
from tests.crash.waiting import until
from tests.running import Running, serving

from holdfast.db.migrate import migrate

pytestmark = [pytest.mark.crash, pytest.mark.xdist_group("crash-standby"), pytest.mark.timeout(180)]
DEADLINE = "1.0"


@pytest.fixture
def pair(data_dir: Path) -> Iterator[Pair]:
    found = Pair(data_dir)
    try:
        found.start()
        migrate(found.primary.url())
        found.make_synchronous()
        until(found.is_synchronous)
        yield found
    finally:
        found.stop()


def metric(running: Running, name: str) -> float:
    lines = httpx2.get(f"{running.address}/metrics").text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))


def test_a_write_the_standby_does_not_confirm_is_never_answered_2xx(pair: Pair) -> None:
    shelf = Shelf(pair.primary.url())
    shelf.given("TEA@GZ 50")
    line = {"sku_id": shelf.sku("TEA"), "quantity": 1}
    hold = {"reference_type": "cart", "reference_id": "c", "items": [line]}
    asks: list[tuple[str, Any]] = [
        ("/inventory/reservations", hold),
        ("/inventory/receipts", {"warehouse_id": shelf.warehouse("GZ"), "items": [line]}),
        ("/skus", {"code": "NEW", "name": "New"}),
    ]
    with serving(pair.url, HOLDFAST_COMMIT_SECONDS_MAX=DEADLINE) as running, running.client() as client:

        def ask(number: int) -> httpx2.Response:
            path, body = asks[number]
            return client.post(path, json=body, headers={"Idempotency-Key": f"key-{number}"})

        pair.freeze_standby()
        for number in range(len(asks)):
            until_gate_is(running, open_=number == 0)  # the first strikes the deadline, the others a closed gate
            started = time.monotonic()
            reply = ask(number)
            assert (reply.status_code, "retry-after" in reply.headers) == (503, True), reply.text
            assert reply.json()["code"] == ("commits_unconfirmed" if number else "outcome_unknown")
            assert time.monotonic() - started < 5
        # A repeat finds nothing to answer with, and reads go on.
        assert ask(0).status_code == 503
        assert client.get(f"/inventory/{shelf.sku('TEA')}/availability?quantity=1").status_code == 200
        assert client.get("/inventory").status_code == 200
        # The operator is told.
        assert httpx2.get(f"{running.address}/readyz").json()["status"] == "degraded"
        assert metric(running, "holdfast_writes_refused_unconfirmed") == 1
        assert metric(running, "holdfast_commits_unknown_total") >= 1
        assert any("commits waiting" in said for said in asyncio.run(violations_at(pair.primary.url())))

        pair.thaw_standby()
        until(lambda: httpx2.get(f"{running.address}/readyz").json() == {"status": "ready"})
        replies = [ask(number) for number in range(len(asks))]
        assert [reply.status_code for reply in replies] == [201, 201, 201]
        # What was unknown had happened: the repeat says so and nothing happened twice.
        assert "idempotent-replayed" in replies[0].headers
    assert shelf.level("TEA@GZ") == "on_hand=51 available=50 reserved=1"
    assert asyncio.run(violations_at(pair.primary.url())) == []


def until_gate_is(running: Running, *, open_: bool) -> None:
    until(lambda: metric(running, "holdfast_writes_refused_unconfirmed") == (0 if open_ else 1))


def test_a_commit_that_was_cancelled_is_not_answered_2xx_and_neither_is_its_repeat(pair: Pair) -> None:
    """A cancelled wait answers success with a warning: the rows are seen, and may be on one machine only."""
    shelf = Shelf(pair.primary.url())
    shelf.given("TEA@GZ 50")
    hold = {"reference_type": "cart", "reference_id": "c", "items": [{"sku_id": shelf.sku("TEA"), "quantity": 1}]}
    asks: list[tuple[str, Any]] = [("/inventory/reservations", hold), ("/skus", {"code": "NEW", "name": "New"})]
    waiting = "from pg_stat_activity where wait_event = 'SyncRep'"
    with serving(pair.url, HOLDFAST_COMMIT_SECONDS_MAX="2") as running:

        def ask(path: str, body: Any) -> httpx2.Response:
            with running.client() as client:
                return client.post(path, json=body, headers={"Idempotency-Key": path})

        pair.freeze_standby()
        for path, body in asks:
            until_gate_is(running, open_=True)
            with ThreadPoolExecutor() as pool:
                first = pool.submit(ask, path, body)
                until(lambda: pair.ask(pair.primary, f"select count(*) {waiting}") == 1)
                pair.ask(pair.primary, f"select pg_cancel_backend(pid) {waiting}")
            assert (first.result().status_code, first.result().json()["code"]) == (503, "outcome_unknown"), path
            # Nothing waits any more, so writes are tried again; the repeat sees the row and the stored answer.
            until_gate_is(running, open_=True)
            assert pair.ask(pair.primary, f"select count(*) {waiting}") == 0
            repeated = ask(path, body)
            assert (repeated.status_code, repeated.json()["code"]) == (503, "outcome_unknown"), path
            pair.ask(pair.primary, f"select pg_cancel_backend(pid) {waiting}")
        assert shelf.level("TEA@GZ") == "on_hand=50 available=49 reserved=1"

        # The documented step of an operator who would rather sell on one machine than not at all.
        pair.ask(pair.primary, ALONE, "select pg_reload_conf()")
        until_gate_is(running, open_=True)
        for path, body in asks:
            reply = ask(path, body)
            assert (reply.status_code, "idempotent-replayed" in reply.headers) == (201, True), path
    assert asyncio.run(violations_at(pair.primary.url())) == []


def test_nothing_acknowledged_is_lost_with_the_primary(pair: Pair) -> None:
    shelf = Shelf(pair.primary.url())
    shelf.given("TEA@GZ 5000")
    with serving(pair.url) as running:
        buyers = [Buyers(running.address, shelf.sku("TEA"), shelf.warehouse("GZ")) for _ in range(3)]
        for buyer in buyers:
            buyer.start()
        wait_for_new(buyers)
        pair.primary.kill()
        pair.promote()
        # Nobody restarts the API or tells it anything.
        wait_for_new(buyers)
        for buyer in buyers:
            buyer.stopping.set()
        for buyer in buyers:
            buyer.join(30)
    assert [text for buyer in buyers for text in buyer.broken] == []
    assert {status for buyer in buyers for status in buyer.statuses} <= {200, 201, 503}
    check_books(pair.standby.url(), buyers)
