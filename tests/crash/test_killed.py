"""Promise P4: what was answered 2xx survives kill -9 of any process, nothing happens twice, and the books balance."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from tests.books import violations_at
from tests.conftest import Shelf
from tests.crash.buyers import Buyers, check_books, wait_for_new
from tests.crash.installation import Installation
from tests.crash.waiting import until
from tests.running import environment

from holdfast.db.embedded import EmbeddedServer, wait_until_ready

pytestmark = [pytest.mark.crash, pytest.mark.xdist_group("crash"), pytest.mark.timeout(240)]


@pytest.fixture
def installed(data_dir: Path) -> Iterator[Installation]:
    found = Installation(data_dir)
    yield found
    found.stop()


ROUNDS = int(os.environ.get("HOLDFAST_CRASH_ROUNDS", "5"))
VICTIMS = ("api", "worker", "PostgreSQL", "PostgreSQL, immediate shutdown", "supervisor")


def strike(installed: Installation, victim: str) -> None:
    match victim:
        case "api":
            installed.kill_child("serve")
        case "worker":
            installed.kill_child("worker")
        case "PostgreSQL":
            installed.server.kill()
        case "PostgreSQL, immediate shutdown":
            # By signal: pg_ctl would wait for the server that the supervisor starts at once in its place.
            os.kill(installed.server.pid(), signal.SIGQUIT)
        case _:
            installed.kill()
            installed.start()


def say(text: str) -> None:
    """Shown when the test fails, and with -s."""
    print(text, flush=True)  # noqa: T201


@pytest.mark.timeout(180 + 20 * ROUNDS)
def test_nothing_acknowledged_is_lost_whatever_is_killed(installed: Installation) -> None:
    """HOLDFAST_CRASH_ROUNDS=50 is the long form; every five rounds kill everything once, in any order."""
    seed = int(os.environ.get("HOLDFAST_CRASH_SEED", time.time_ns() % 1_000_000))
    say(f"HOLDFAST_CRASH_SEED={seed}")
    dice = random.Random(seed)  # noqa: S311
    installed.start()
    installed.wait()
    url = installed.server.url()
    shelf = Shelf(url)
    shelf.given("TEA@GZ 500000")
    buyers = [Buyers(installed.address, shelf.sku("TEA"), shelf.warehouse("GZ")) for _ in range(3)]
    for buyer in buyers:
        buyer.start()
    victims: list[str] = []
    for number in range(ROUNDS):
        victims = victims or dice.sample(VICTIMS, len(VICTIMS))
        wait_for_new(buyers, dice.randint(1, 15))
        struck = time.monotonic()
        strike(installed, victims[-1])
        wait_for_new(buyers, 1)
        say(f"round {number + 1}: {victims.pop()}, all answered again after {time.monotonic() - struck:.1f} s")
    for buyer in buyers:
        buyer.stopping.set()
    for buyer in buyers:
        buyer.join(30)
    told = sum((buyer.statuses for buyer in buyers), Counter[int]())
    cut_off, longest = sum(buyer.cut_off for buyer in buyers), max(buyer.longest_wait for buyer in buyers)
    say(f"{ROUNDS} rounds: {sum(len(b.acknowledged) for b in buyers)} writes acknowledged, answers {dict(told)},")
    say(f"{cut_off} requests cut off or refused, longest wait {longest:.1f} s")
    assert [text for buyer in buyers for text in buyer.broken] == []
    assert set(told) <= {200, 201, 503}
    installed.wait_until_it_answers()
    check_books(url, buyers)


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
        assert asyncio.run(violations_at(url)) == []
    finally:
        server.stop("immediate")


def test_the_jobs_of_a_killed_worker_are_taken_up_again(fresh_url: str) -> None:
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


def test_a_database_that_dies_whenever_it_comes_back_ends_nobody_else(installed: Installation) -> None:
    installed.start()
    installed.wait()
    supervisor, api = installed.process, installed.child("serve")
    assert supervisor is not None
    for _ in range(3):
        was = installed.server.pid()
        installed.server.kill()
        until(lambda was=was: back_as_another(installed.server, was), every=0.005)
    until(lambda: installed.server.is_running() and httpx2.get(f"{installed.address}/readyz").status_code == 200)
    assert supervisor.poll() is None
    assert installed.child("serve") == api


def back_as_another(server: EmbeddedServer, was: int) -> bool:
    try:
        wait_until_ready(server.url("postgres", "postgres"), seconds=0)
        return server.pid() != was
    except (psycopg.OperationalError, OSError, IndexError):
        return False


def test_the_first_process_of_a_container_sees_that_its_database_died(data_dir: Path) -> None:
    """There the server becomes our child, and a dead child still answers to its number until somebody asks for it."""
    script = (
        "import ctypes, pathlib, sys, time; from holdfast.db.embedded import EmbeddedServer\n"
        "ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: orphans below us become ours\n"
        "server = EmbeddedServer(pathlib.Path(sys.argv[1])); server.start(); server.kill()\n"
        "until = time.monotonic() + 10\n"
        "while server.is_alive(): assert time.monotonic() < until\n"
        "server.start(); assert server.is_alive(); server.kill()\n"
    )
    subprocess.run([sys.executable, "-c", script, str(data_dir)], env=environment(""), check=True, timeout=90)
