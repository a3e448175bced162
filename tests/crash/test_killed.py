"""Promise P4: what was answered 2xx survives kill -9 of any process, nothing happens twice, and the books balance."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from tests.conftest import Shelf
from tests.crash.installation import Installation
from tests.races.conftest import diagnosis
from tests.running import TOKEN

from holdfast.db.embedded import EmbeddedServer

pytestmark = [pytest.mark.crash, pytest.mark.xdist_group("crash"), pytest.mark.timeout(240)]


class Buyers(threading.Thread):
    """Customers who repeat with the same key until they are answered, as the contract tells them to."""

    def __init__(self, address: str, sku: str, warehouse: str) -> None:
        super().__init__(daemon=True)
        self.address, self.sku, self.warehouse = address, sku, warehouse
        self.stopping = threading.Event()
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.statuses: set[int] = set()
        self.broken: list[str] = []

    def run(self) -> None:
        number = 0
        with httpx2.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20) as client:
            while not self.stopping.is_set():
                number += 1
                self.once(client, number)

    def once(self, client: httpx2.Client, number: int) -> None:
        reference = f"{self.name}-{number}"
        line = {"sku_id": self.sku, "warehouse_id": self.warehouse, "quantity": 1}
        hold = {"reference_type": "order", "reference_id": reference, "items": [line]}
        held = self.until_answered(client, "/inventory/reservations", hold, reference)
        if held is not None and number % 2:
            path = f"/inventory/reservations/{held['reservation_id']}/consume"
            self.until_answered(client, path, None, f"{reference}-consume")
        if number % 5 == 0:
            receipt = {"warehouse_id": self.warehouse, "reference": reference, "items": [{**line, "quantity": 2}]}
            del receipt["items"][0]["warehouse_id"]
            self.until_answered(client, "/inventory/receipts", receipt, f"{reference}-receipt")

    def until_answered(self, client: httpx2.Client, path: str, body: Any, key: str) -> dict[str, Any] | None:
        while True:
            try:
                reply = client.post(f"{self.address}/api/v1{path}", json=body, headers={"Idempotency-Key": key})
            except httpx2.HTTPError:
                if self.stopping.is_set():
                    return None
                continue
            self.statuses.add(reply.status_code)
            if reply.status_code < 300:
                self.acknowledged[key] = reply.json()
                return reply.json()
            if reply.status_code != 503 or "retry-after" not in reply.headers:
                self.broken.append(reply.text)
                return None
            if self.stopping.is_set():
                return None


@pytest.fixture
def installed(data_dir: Path) -> Iterator[Installation]:
    found = Installation(data_dir)
    yield found
    found.stop()


def wait_for_new(buyers: list[Buyers], count: int = 15) -> None:
    """Until every buyer was answered so many times more."""
    goals = [len(b.acknowledged) + count for b in buyers]
    waiting = threading.Event()
    while any(len(b.acknowledged) < goal and not b.broken for b, goal in zip(buyers, goals, strict=True)):
        waiting.wait(0.02)


def test_nothing_acknowledged_is_lost_whatever_is_killed(installed: Installation) -> None:
    installed.start()
    installed.wait()
    url = installed.server.url()
    shelf = Shelf(url)
    shelf.given("TEA@GZ 5000")
    buyers = [Buyers(installed.address, shelf.sku("TEA"), shelf.warehouse("GZ")) for _ in range(3)]
    for buyer in buyers:
        buyer.start()
    wait_for_new(buyers)
    installed.kill_child("serve")
    wait_for_new(buyers)
    installed.kill_child("worker")
    installed.server.kill()
    wait_for_new(buyers)
    installed.kill()
    installed.start()
    wait_for_new(buyers)
    for buyer in buyers:
        buyer.stopping.set()
    for buyer in buyers:
        buyer.join(30)
    assert [text for buyer in buyers for text in buyer.broken] == []
    check_books(url, buyers)


def check_books(url: str, buyers: list[Buyers]) -> None:
    """Every acknowledged write is there, once."""
    told = {key: facts for buyer in buyers for key, facts in buyer.acknowledged.items()}
    with psycopg.connect(url) as connection:
        rows = connection.execute("select reference_id, id::text, status from reservations").fetchall()
        received = connection.execute(
            "select reference_id, count(*) from inventory_movements where reference_type = 'receipt' group by 1"
        ).fetchall()
    holds = {reference: (hold, status) for reference, hold, status in rows}
    assert len(holds) == len(rows), "a repeated request made a second hold"
    for key, facts in told.items():
        if key.endswith("-receipt"):
            assert (key.removesuffix("-receipt"), 1) in received
        elif key.endswith("-consume"):
            assert holds[key.removesuffix("-consume")] == (facts["reservation_id"], "consumed")
        else:
            assert holds[key][0] == facts["reservation_id"]
    assert all(count == 1 for _, count in received)
    assert asyncio.run(diagnosis(url)) == []


def test_the_api_answers_503_while_the_database_is_away_and_comes_back_by_itself(data_dir: Path) -> None:
    from tests.running import serving, wait_for

    from holdfast.db.migrate import migrate

    server = EmbeddedServer(data_dir)
    url = server.start()
    try:
        migrate(url)
        shelf = Shelf(url)
        shelf.given("TEA@GZ 50")
        line = {"sku_id": shelf.sku("TEA"), "quantity": 1}
        hold = {"reference_type": "cart", "reference_id": "c", "items": [line]}
        receipt = {"warehouse_id": shelf.warehouse("GZ"), "items": [line]}
        asks: list[tuple[str, str, Any, int]] = [
            ("POST", "/inventory/reservations", hold, 201),
            ("GET", f"/inventory/{shelf.sku('TEA')}/availability?quantity=1", None, 200),
            ("POST", "/inventory/receipts", receipt, 201),
            ("GET", "/inventory", None, 200),
            ("POST", "/skus", {"code": uuid.uuid4().hex, "name": "New"}, 201),
        ]
        with serving(url) as running, running.client() as client:
            server.kill()
            for method, path, body, _ in asks[::2]:
                reply = client.request(method, path, json=body)
                assert (reply.status_code, reply.headers["content-type"]) == (503, "application/problem+json"), path
                assert "retry-after" in reply.headers
            assert httpx2.get(f"{running.address}/readyz").status_code == 503
            assert httpx2.get(f"{running.address}/healthz").status_code == 200
            server.start()
            wait_for(running.address)
            for method, path, body, status in asks:
                assert client.request(method, path, json=body).status_code == status, path
        assert asyncio.run(diagnosis(url)) == []
    finally:
        server.stop("immediate")


def test_the_jobs_of_a_killed_worker_are_taken_up_again(fresh_url: str) -> None:
    import subprocess
    import sys

    from tests.running import environment

    shelf = Shelf(fresh_url)
    shelf.given("TEA@GZ 5")
    held = shelf.reserve("TEA@GZ 2", minutes=1)
    shelf.advance(minutes=2)
    command = [sys.executable, "-m", "holdfast", "worker"]

    def state() -> str:
        row = shelf.connection.execute(
            "select status from reservations where id = %s", [held["reservation_id"]]
        ).fetchone()
        assert row is not None
        return row[0]

    with psycopg.connect(fresh_url) as blocking:
        blocking.execute("select from inventory for update")
        first = subprocess.Popen(command, env=environment(fresh_url))
        until(lambda: running_sweeps(shelf) == 1)
        first.kill()
        first.wait(10)
    assert (state(), running_sweeps(shelf)) == ("active", 1)
    # Ten seconds without a beat mean dead; we need not wait for them.
    shelf.connection.execute("update procrastinate_workers set last_heartbeat = now() - interval '1 minute'")
    second = subprocess.Popen(command, env=environment(fresh_url))
    try:
        until(lambda: state() == "expired" and running_sweeps(shelf) == 0)
    finally:
        second.terminate()
        second.wait(20)
    assert shelf.level("TEA@GZ") == "on_hand=5 available=5 reserved=0"


def running_sweeps(shelf: Shelf) -> int:
    row = shelf.connection.execute(
        "select count(*) from procrastinate_jobs where task_name like '%expire_holds' and status = 'doing'"
    ).fetchone()
    assert row is not None
    return row[0]


def until(condition: Any, seconds: float = 60) -> None:
    waiting = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        waiting.wait(0.05)
    raise AssertionError("it did not happen in time")
