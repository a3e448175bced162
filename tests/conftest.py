"""Real PostgreSQL for every test: one embedded server per run, one migrated template, one database per worker."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from _pytest.nodeid import coerce_node_id

from holdfast.db import Database
from holdfast.db.embedded import EmbeddedServer
from holdfast.db.migrate import migrate
from tests.house import House, open_house
from tests.redis_server import redis_server, trouble
from tests.running import Running, serving

TEMPLATE = "holdfast_template"
SERVERS = "holdfast-tests-"


def pytest_configure() -> None:
    """A shell lets what it starts in the background ignore ^C, and so would all that a test starts and stops."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of one ``xdist_group`` share a worker, and with it the servers they start.

    pytest-xdist 3.8 appends the group to an attribute that pytest 9.2 no longer reads, so we say it where it is read.
    """
    if config.getoption("loadgroup", False):
        for item in items:
            group = next(item.iter_markers("xdist_group"), None)
            if group is not None and not item.nodeid.endswith(f"@{group.args[0]}"):
                item._id = coerce_node_id(f"{item.nodeid}@{group.args[0]}")  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


REDIS_MODES = ("off", "on", "flushing", "killing")


@pytest.fixture(scope="session", autouse=True)
def redis_for_everyone() -> Iterator[None]:
    """``HOLDFAST_TEST_REDIS``: with a Redis in every test, perhaps one that is always flushed, or killed and hung."""
    mode = os.environ.get("HOLDFAST_TEST_REDIS", "off")
    assert mode in REDIS_MODES, f"HOLDFAST_TEST_REDIS is {mode!r}, which is none of {REDIS_MODES}"
    if mode == "off":
        yield
        return
    with redis_server() as server:
        os.environ["INVENTORY_REDIS_URL"] = server.url
        if mode == "on":
            yield
        else:
            with trouble(server, mode):
                yield
        del os.environ["INVENTORY_REDIS_URL"]


@contextmanager
def alone(run_dir: Path) -> Iterator[None]:
    with (run_dir / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def server(run_dir: Path) -> Iterator[EmbeddedServer]:
    """The PostgreSQL server of this run. The last worker to leave stops and removes it."""
    # Not in run_dir, which only we may enter: the server has an account of its own.
    found = EmbeddedServer(_servers_folder() / f"{SERVERS}{run_dir.parent.name}-{run_dir.name}")
    users = run_dir / "server-users"
    with alone(run_dir):
        _remove_abandoned_servers()
        found.start()
        _hurry(found)
        _own(found)
        users.write_text(str(int(users.read_text() or 0) + 1 if users.exists() else 1))
        with psycopg.connect(found.url("postgres"), autocommit=True) as connection:
            if connection.execute("select from pg_database where datname = %s", [TEMPLATE]).fetchone() is None:
                connection.execute(f"create database {TEMPLATE}")
                migrate(found.url(TEMPLATE))
    yield found
    with alone(run_dir):
        left = int(users.read_text()) - 1
        users.write_text(str(left))
        if left == 0:
            _remove(found)


def _servers_folder() -> Path:
    """In memory where there is room for it: a database is a thousand files, and disks differ in what these cost."""
    memory = Path("/dev/shm")  # noqa: S108 - every run has a folder of its own there
    is_roomy = memory.is_dir() and shutil.disk_usage(memory).free > 3 * 2**30
    return memory if is_roomy else Path(tempfile.gettempdir())


def _hurry(server: EmbeddedServer) -> None:
    """Nothing here has to outlive a power cut, and no test can cut the power: what is killed runs a server of its own.

    Statistics are gathered when a test asks for them and not whenever a minute has passed, so that plans stay the same.
    """
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
        for setting in ("fsync = off", "full_page_writes = off", "autovacuum = off", "max_wal_size = '256MB'"):
            connection.execute(f"alter system set {setting}")  # type: ignore[arg-type]
        connection.execute("select pg_reload_conf()")


@pytest.fixture(scope="session")
def durable_server(run_dir: Path) -> Iterator[EmbeddedServer]:
    """A server as people run it, whose commits wait for the disk: what happens meanwhile is what races are about."""
    found = EmbeddedServer(Path(tempfile.gettempdir()) / f"{SERVERS}durable-{run_dir.parent.name}-{run_dir.name}")
    found.start()
    _own(found)
    yield found
    _remove(found)


def _own(server: EmbeddedServer) -> None:
    """Write down the process that this run ends with: pytest itself, or the one that distributes the tests."""
    pid = os.getppid() if os.environ.get("PYTEST_XDIST_WORKER") else os.getpid()
    (server.data_dir / "owner").write_text(str(pid))


def _remove_abandoned_servers() -> None:
    """A run that was killed leaves its server behind."""
    for folder in (*_servers_folder().glob(f"{SERVERS}*"), *Path(tempfile.gettempdir()).glob(f"{SERVERS}*")):
        owner = folder / "owner"
        if owner.exists() and not Path(f"/proc/{owner.read_text()}").exists():
            _remove(EmbeddedServer(folder))


def _remove(server: EmbeddedServer) -> None:
    """The owner's number goes last: a removal that is interrupted is taken up by the next run."""
    server.stop("immediate")
    shutil.rmtree(server.cluster_dir, ignore_errors=True)
    shutil.rmtree(server.data_dir, ignore_errors=True)


def new_database(server: EmbeddedServer, run_dir: Path) -> str:
    """A fresh migrated database of its own; answers its address (owner role)."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with alone(run_dir), psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        # Files are copied as they are: without waiting for the disk that costs a third of writing them to the log.
        connection.execute(f"create database {name} template {TEMPLATE} strategy file_copy")
    return server.url(name)


@contextmanager
def passing_database(server: EmbeddedServer, run_dir: Path) -> Iterator[str]:
    """A fresh migrated database for a while. Dropped at once, most of it never reaches the disk."""
    url = new_database(server, run_dir)
    yield url
    with alone(run_dir), psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database {psycopg.conninfo.conninfo_to_dict(url)['dbname']} with (force)")  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def worker_url(server: EmbeddedServer, run_dir: Path) -> str:
    """One database for all tests of this worker: a test finds its own rows by its own codes."""
    return new_database(server, run_dir)


@pytest.fixture
def fresh_url(server: EmbeddedServer, run_dir: Path) -> Iterator[str]:
    """A database nobody else uses, for tests that look at everything or move the clock."""
    with passing_database(server, run_dir) as url:
        yield url


@pytest.fixture
async def database(worker_url: str) -> AsyncIterator[Database]:
    """The worker's database in the application role."""
    found = Database(worker_url, size=4)
    await found.open()
    yield found
    await found.close()


@pytest.fixture
async def fresh_database(fresh_url: str) -> AsyncIterator[Database]:
    found = Database(fresh_url, size=4)
    await found.open()
    yield found
    await found.close()


class Shelf:
    """A few SKUs and warehouses of one test, and the posting functions called the plain way (owner role)."""

    def __init__(self, url: str) -> None:
        self.connection: psycopg.Connection[Any] = psycopg.connect(url, autocommit=True)
        self.tag = uuid.uuid4().hex[:8]
        self.principal = str(uuid.uuid4())
        self.ids: dict[str, str] = {}

    def sku(self, code: str, **columns: Any) -> str:
        """The id of this test's SKU with this code, made on first use."""
        return self._made("skus", code, {"name": code, **columns})

    def warehouse(self, code: str, **columns: Any) -> str:
        return self._made("warehouses", code, {"name": code, "type": "main", **columns})

    def _made(self, table: str, code: str, columns: dict[str, Any]) -> str:
        key = f"{table}:{code}"
        if key not in self.ids:
            names = ", ".join(["code", *columns])
            marks = ", ".join(["%s"] * (len(columns) + 1))
            row = self.connection.execute(
                f"insert into {table} ({names}) values ({marks}) returning id",  # type: ignore[arg-type]
                [f"{code}-{self.tag}", *columns.values()],
            ).fetchone()
            assert row
            self.ids[key] = str(row[0])
        return self.ids[key]

    def given(self, text: str) -> None:
        """Stock as in ``"TEA@GZ 5, CUP@GZ 3"``."""
        items = [
            {"sku_id": self.sku(sku), "warehouse_id": self.warehouse(warehouse), "quantity": int(quantity)}
            for level, quantity in (part.split() for part in text.split(","))
            for sku, warehouse in [level.split("@")]
        ]
        answer = self.post(
            "stock_move",
            event_type="inventory.received",
            movement_type="in",
            reference_type="receipt",
            reason="opening stock",
            items=items,
        )
        assert answer["outcome"] == "moved", answer

    def post(self, function: str, **request: Any) -> dict[str, Any]:
        """One request to a posting function; answers outcome and facts in one dict."""
        return self.post_all(function, [request])[0]

    def post_all(self, function: str, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        asks = [{"n": n, "principal_id": self.principal, "actor": "test", **r} for n, r in enumerate(requests)]
        rows = self.connection.execute(f"select * from {function}(%s)", [json.dumps(asks)]).fetchall()  # type: ignore[arg-type]
        return [{"outcome": r[1], "replayed": r[3], **(r[2] or {})} for r in sorted(rows, key=lambda r: r[0])]

    def items(self, text: str) -> list[dict[str, Any]]:
        """Lines as in ``"TEA 3, CUP@GZ 1"``."""
        lines: list[dict[str, Any]] = []
        for part in text.split(","):
            level, quantity = part.split()
            sku, _, warehouse = level.partition("@")
            lines.append(
                {
                    "sku_id": self.sku(sku),
                    "warehouse_id": self.warehouse(warehouse) if warehouse else None,
                    "quantity": int(quantity),
                }
            )
        return lines

    def reserve(self, text: str, **more: Any) -> dict[str, Any]:
        request = {"reference_type": "cart", "reference_id": "cart-1", "minutes": 30, "items": self.items(text), **more}
        return self.post("stock_reserve", **request)

    def level(self, text: str) -> str:
        """``on_hand=5 available=3 reserved=2`` of ``"TEA@GZ"``."""
        sku, warehouse = text.split("@")
        row = self.connection.execute(
            "select on_hand_quantity, available_quantity, reserved_quantity from inventory"
            " where sku_id = %s and warehouse_id = %s",
            [self.sku(sku), self.warehouse(warehouse)],
        ).fetchone() or (0, 0, 0)
        return f"on_hand={row[0]} available={row[1]} reserved={row[2]}"

    def advance(self, minutes: float) -> None:
        """Move business time on (only in a database of one's own)."""
        self.connection.execute("update business_clock set shift = shift + make_interval(secs => %s)", [minutes * 60])

    def close(self) -> None:
        self.connection.close()


@pytest.fixture
def shelf(worker_url: str) -> Iterator[Shelf]:
    found = Shelf(worker_url)
    yield found
    found.close()


@pytest.fixture
def fresh_shelf(fresh_url: str) -> Iterator[Shelf]:
    """A shelf in a database of its own, whose clock may be moved."""
    found = Shelf(fresh_url)
    yield found
    found.close()


@pytest.fixture
def running(fresh_url: str) -> Iterator[Running]:
    """An API process on a database of its own, with an admin token."""
    with serving(fresh_url) as found:
        yield found


@pytest.fixture
async def house(fresh_url: str) -> AsyncIterator[House]:
    """The API on a database of its own."""
    async with open_house(fresh_url) as found:
        yield found
