"""One durable PostgreSQL 18 per benchmark run: the embedded server of Holdfast, in a temporary directory."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from holdfast.db.embedded import EmbeddedServer
from holdfast.db.migrate import migrate

SHOWN = ["server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size"]


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, how to reach its databases, and the postmaster's pid."""

    embedded: EmbeddedServer

    @property
    def pid(self) -> int:
        return self.embedded.pid()

    def url(self, database: str) -> str:
        return self.embedded.url(database)

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """A fresh copy of `template`; returns its URL."""
        self._as_superuser(
            sql.SQL("create database {} template {} owner holdfast_owner").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return self.url(name)

    def drop_database(self, name: str) -> None:
        self._as_superuser(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    def checkpoint(self) -> None:
        """So that no design pays for the pages another one has dirtied."""
        self._as_superuser(sql.SQL("checkpoint"))

    def settings(self) -> dict[str, str]:
        """What a reader must know to trust the figures."""
        with psycopg.connect(self.embedded.url("postgres", "postgres")) as connection:
            rows = connection.execute(
                "select name, current_setting(name) from pg_settings where name = any(%s)", (SHOWN,)
            ).fetchall()
        return dict(rows)

    def _as_superuser(self, statement: sql.SQL | sql.Composed) -> None:
        with psycopg.connect(self.embedded.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(statement)


@contextlib.contextmanager
def durable_server() -> Iterator[Server]:
    """Start a server in a temporary directory; stop it and remove everything afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-bench-"))
    embedded = EmbeddedServer(folder)
    embedded.start()
    try:
        yield Server(embedded)
    finally:
        embedded.stop()
        shutil.rmtree(folder)


@contextlib.contextmanager
def filled_server(statements: Sequence[LiteralString], **sizes: int) -> Iterator[str]:
    """The address of a migrated database that these statements filled; `sizes` are the parameters of each."""
    with durable_server() as server:
        url = server.url("holdfast")
        migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement, sizes)
        yield url
