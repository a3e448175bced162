"""How long a commit may wait for its confirmation, and what is said when it takes longer (docs/decisions/0095).

With a synchronous standby configured and gone, COMMIT waits for ever: ``statement_timeout`` does not bound that wait,
and cancelling it answers success although the row is on one machine only. So the deadline is ours. When it passes we
cut the connection and never cancel: the server keeps waiting, nobody sees the rows, and a repeat cannot find an answer
that may be lost. Until the server no longer waits, further writes are refused before they begin.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
import structlog
from prometheus_client import Counter, Gauge
from psycopg import pq

from holdfast.db.session import APPLICATION_OPTIONS
from holdfast.kernel.errors import TryAgain

log = structlog.get_logger()

COMMIT_SECONDS_MAX = 10.0
PROBE_SECONDS = 1.0
# A warning with one of these on commit says: committed here, perhaps nowhere else.
_ONLY_LOCAL = ("01000", "57P01")

# Writes a record of no content, so that the commit of a transaction that changed nothing waits for the standby too.
WAIT_FOR_STANDBY: LiteralString = (
    "select pg_logical_emit_message(true, 'holdfast', '') where current_setting('synchronous_standby_names') <> ''"
)
_HAS_WRITTEN: LiteralString = "select pg_current_xact_id_if_assigned() is not null"
_WAITING: LiteralString = "select commits_waiting from commit_confirmation()"

UNCONFIRMED = Gauge(
    "holdfast_writes_refused_unconfirmed",
    "1 while writes are refused because a commit is not confirmed.",
    multiprocess_mode="livemax",
)
UNKNOWN = Counter("holdfast_commits_unknown_total", "Writes answered 503 outcome_unknown.")


class CommitGate:
    """The deadline of every commit of one process; closed while the server does not confirm."""

    def __init__(self, url: str, *, seconds_max: float = COMMIT_SECONDS_MAX) -> None:
        self.seconds_max = seconds_max
        self._url = url
        self._probe: asyncio.Task[None] | None = None

    @property
    def is_closed(self) -> bool:
        return self._probe is not None

    def refuse_if_closed(self) -> None:
        """Raises TryAgain(``commits_unconfirmed``) while an earlier commit waits; nothing was begun."""
        if self._probe is not None:
            raise TryAgain(
                "commits_unconfirmed",
                "An earlier write still waits for its confirmation (is the synchronous standby away?); "
                "nothing was changed.",
            )

    async def refuse_write_if_closed(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """The same for a transaction that is about to commit: one that only read may pass."""
        if self._probe is not None:
            row = await (await connection.execute(_HAS_WRITTEN)).fetchone()
            if row is not None and row[0]:
                self.refuse_if_closed()

    @contextmanager
    def watch(self, connection: psycopg.AsyncConnection[Any]) -> Generator[Watch]:
        """From ``start`` to the end of the block is a commit.

        Raises TryAgain(``outcome_unknown``) when it is not confirmed in time, the connection breaks meanwhile, or the
        server says that it is committed on one machine only.
        """
        watch = Watch(self, connection)
        try:
            yield watch
        except psycopg.Error as error:
            if watch.started and connection.closed:
                raise outcome_unknown() from error
            raise
        finally:
            watch.stop()
        if watch.only_local:
            self.close()
            raise outcome_unknown()

    def close(self) -> None:
        """Refuse writes until the server has no commit waiting."""
        if self._probe is None:
            log.error("a commit was not confirmed; writes are refused until it is", seconds_max=self.seconds_max)
            UNCONFIRMED.set(1)
            self._probe = asyncio.get_running_loop().create_task(self._until_confirmed(), name="commit-gate")

    async def end(self) -> None:
        if self._probe is not None:
            self._probe.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._probe

    async def _until_confirmed(self) -> None:
        try:
            while True:
                await asyncio.sleep(PROBE_SECONDS)
                try:
                    # Only reads, so this cancel is harmless.
                    if await asyncio.wait_for(self._waiting(), timeout=10) == 0:
                        break
                except (psycopg.Error, TimeoutError):
                    continue
            log.info("commits are confirmed again; writes are taken")
        finally:
            UNCONFIRMED.set(0)
            self._probe = None

    async def _waiting(self) -> int:
        """How many commits the server we would write to now has waiting."""
        connection = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=5, options=APPLICATION_OPTIONS, application_name="holdfast-gate"
        )
        async with connection:
            row = await (await connection.execute(_WAITING)).fetchone()
        assert row is not None
        return row[0]


class Watch:
    """One commit: its timer, and what the server said about it."""

    __slots__ = ("_connection", "_gate", "_timer", "only_local")

    def __init__(self, gate: CommitGate, connection: psycopg.AsyncConnection[Any]) -> None:
        self._gate = gate
        self._connection = connection
        self._timer: asyncio.TimerHandle | None = None
        self.only_local = False

    @property
    def started(self) -> bool:
        return self._timer is not None

    def start(self) -> None:
        self._connection.add_notice_handler(self._hear)
        self._timer = asyncio.get_running_loop().call_later(self._gate.seconds_max, self._cut)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._connection.remove_notice_handler(self._hear)

    def _hear(self, said: psycopg.errors.Diagnostic) -> None:
        if said.severity_nonlocalized == "WARNING" and said.sqlstate in _ONLY_LOCAL:
            self.only_local = True

    def _cut(self) -> None:
        self._gate.close()
        if self._connection.pgconn.status == pq.ConnStatus.OK:
            # Closing our half is not a cancel: who waits for the answer is told that the connection broke.
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)


def outcome_unknown() -> TryAgain:
    """The commit may or may not last; only a repeat with the same key can tell."""
    UNKNOWN.inc()
    return TryAgain(
        "outcome_unknown",
        "The database did not confirm this write, so it may or may not have happened. "
        "Repeat with the same Idempotency-Key.",
    )
