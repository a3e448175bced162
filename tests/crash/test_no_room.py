"""A disk that is full and a statement that takes too long are answered 503, and nothing was changed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from tests.books import violations_at
from tests.conftest import Shelf
from tests.crash.waiting import until
from tests.running import Running, serving

from holdfast.db.embedded import EmbeddedServer
from holdfast.db.migrate import migrate

pytestmark = [pytest.mark.crash, pytest.mark.xdist_group("crash-limits"), pytest.mark.timeout(180)]


def hold_of(shelf: Shelf, text: str, reference: str) -> dict[str, Any]:
    return {"reference_type": "cart", "reference_id": reference, "items": shelf.items(text)}


def test_a_level_that_somebody_keeps_locked_is_answered_503_and_others_are_served(fresh_url: str) -> None:
    shelf = Shelf(fresh_url)
    shelf.given("TEA@GZ 5, CUP@GZ 5")
    locked = [shelf.sku("TEA")]
    with serving(fresh_url, HOLDFAST_COMMIT_SECONDS_MAX="2") as running, psycopg.connect(fresh_url) as blocking:
        blocking.execute("select from inventory where sku_id = any (%s) for update", [locked])

        def ask(n: int) -> httpx2.Response:
            with running.client() as client:
                text = "TEA@GZ 1" if n % 2 else "CUP@GZ 1"
                return client.post("/inventory/reservations", json=hold_of(shelf, text, f"cart-{n}"))

        with ThreadPoolExecutor(6) as pool:
            replies = list(pool.map(ask, range(6)))
        assert [reply.status_code for reply in replies[0::2]] == [201, 201, 201]
        assert {(r.status_code, r.json()["code"], "retry-after" in r.headers) for r in replies[1::2]} == {
            (503, "database_busy", True)
        }
        blocking.rollback()
        assert ask(1).status_code == 201
    assert shelf.level("TEA@GZ") == "on_hand=5 available=4 reserved=1"
    assert asyncio.run(violations_at(fresh_url)) == []


SLOW = """
create function dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(20); return new; end $$;
create trigger dawdling after insert on reservations for each row execute function dawdle();
"""


def test_a_statement_that_takes_too_long_is_answered_503_and_changes_nothing(fresh_url: str) -> None:
    shelf = Shelf(fresh_url)
    shelf.given("TEA@GZ 5")
    shelf.connection.execute(SLOW)
    with serving(fresh_url, HOLDFAST_COMMIT_SECONDS_MAX="2") as running, running.client() as client:
        key = {"Idempotency-Key": "key"}
        reply = client.post("/inventory/reservations", json=hold_of(shelf, "TEA@GZ 1", "c"), headers=key)
        assert (reply.status_code, reply.json()["code"]) == (503, "database_busy")
        assert shelf.level("TEA@GZ") == "on_hand=5 available=5 reserved=0"
        shelf.connection.execute("drop trigger dawdling on reservations")
        again = client.post("/inventory/reservations", json=hold_of(shelf, "TEA@GZ 1", "c"), headers=key)
        assert (again.status_code, "idempotent-replayed" in again.headers) == (201, False)
    assert asyncio.run(violations_at(fresh_url)) == []


SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system, not a file


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of its own of 256 MB. Needs the right to mount, which the root of a machine or a CI job has."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        shutil.rmtree(folder)
        folder = small_shared_memory(mounted.stderr)
    yield folder
    if mounted.returncode == 0:
        subprocess.run(["umount", "-l", str(folder)], check=True)
    shutil.rmtree(folder, ignore_errors=True)


def small_shared_memory(reason: str) -> Path:
    """Containers may not mount, and their /dev/shm has 64 MB or whatever --shm-size gave it."""
    free = shutil.disk_usage(SHARED_MEMORY).free
    if 150_000_000 < free < 1_000_000_000:
        return Path(tempfile.mkdtemp(prefix="holdfast-disk-", dir=SHARED_MEMORY))
    told = f"A full disk needs the right to mount ({reason.strip()}) or a /dev/shm of 150 MB to 1 GB, not {free} bytes."
    if os.environ.get("CI"):
        pytest.fail(told)
    pytest.skip(told)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1_000_000, 4_096):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    assert shutil.disk_usage(disk).free < 8_192
    return filler


class Writer:
    """Writes with a key each, and keeps what was answered."""

    def __init__(self, running: Running, shelf: Shelf) -> None:
        self.running, self.shelf = running, shelf
        self.told: dict[str, httpx2.Response] = {}

    def write(self, number: int, client: httpx2.Client) -> int:
        reference = f"{number}-".ljust(200, "x")
        body = hold_of(self.shelf, "TEA@GZ 1", reference)
        reply = client.post("/inventory/reservations", json=body, headers={"Idempotency-Key": reference})
        self.told[reference] = reply
        return reply.status_code

    def until(self, status: int, numbers: Iterator[int]) -> None:
        with self.running.client() as client:
            until(lambda: self.write(next(numbers), client) == status)


def test_a_full_disk_is_answered_503_and_nothing_acknowledged_is_lost(small_disk: Path) -> None:
    server = EmbeddedServer(small_disk / "data")
    url = server.start()
    numbers = iter(range(1, 100_000))
    try:
        migrate(url)
        shelf = Shelf(url)
        shelf.given("TEA@GZ 100000")
        with serving(url) as running:
            writer = Writer(running, shelf)
            writer.until(201, numbers)
            filler = fill(small_disk)
            # First a table that cannot grow: that one write is refused, the server lives.
            writer.until(503, numbers)
            refused = next(reply for reply in writer.told.values() if reply.status_code == 503)
            assert refused.json()["code"] == "database_busy"
            assert server.is_alive()
            filler.unlink()
            writer.until(201, numbers)
            # Then the log, which PostgreSQL cannot do without: it stops, and starts when there is room again.
            filler = fill(small_disk)
            with contextlib.suppress(psycopg.Error), psycopg.connect(server.url("postgres", "postgres")) as connection:
                connection.execute("select pg_switch_wal()")
            writer.until(503, numbers)
            filler.unlink()
            until(lambda: not server.is_alive() or is_back(url))
            server.start()
            writer.until(201, numbers)
            told = writer.told
        assert {reply.status_code for reply in told.values()} == {201, 503}
        with psycopg.connect(url) as connection:
            stored = dict(connection.execute("select reference_id, id::text from reservations").fetchall())
        for reference, reply in told.items():
            if reply.status_code == 201:
                assert stored[reference] == reply.json()["reservation_id"]
            elif reply.json()["code"] != "outcome_unknown":
                assert reference not in stored
        assert asyncio.run(violations_at(url)) == []
    finally:
        server.stop("immediate")


def is_back(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
