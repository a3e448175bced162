"""The pool and the transaction. The edge opens a transaction; services never commit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, LiteralString, Protocol, TypeVar

import psycopg
from psycopg.rows import class_row, dict_row, scalar_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from holdfast.db.commit import WAIT_FOR_STANDBY, CommitGate
from holdfast.db.session import APPLICATION_OPTIONS, KEEPALIVE
from holdfast.db.sql import Statement
from holdfast.kernel.errors import CannotStart, Invalid, InvariantBroken, TryAgain

T = TypeVar("T")

AsyncConnection = psycopg.AsyncConnection[Any]


class Listener(Protocol):
    """Hears what transactions changed, such as the cache."""

    async def names_since(self, tx: Tx, event_id: int) -> set[str]:
        """The names of what events after ``event_id`` concern; asked in the transaction, before it commits."""
        ...

    async def forget(self, names: Iterable[str]) -> None:
        """A transaction that changed these is over."""
        ...


# What a caller may repeat unchanged: the transaction is known not to have happened.
_REPEATABLE = ("40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53", "08", "57014")


class Tx:
    """One transaction. Statements come from ``queries.sql``; rows fill dataclasses."""

    def __init__(self, connection: AsyncConnection, listener: Listener | None = None) -> None:
        self.connection = connection
        # Names of what this transaction changed; whoever opened the database hears them when it is over.
        self.changed: set[str] = set()
        self._listener = listener
        self._last_event: int | None = None

    async def all(self, statement: Statement, row: type[T], /, **params: object) -> list[T]:
        async with self.connection.cursor(row_factory=class_row(row)) as cursor:
            await self._note(statement)
            await cursor.execute(statement.text, params)
            return await cursor.fetchall()

    async def maybe(self, statement: Statement, row: type[T], /, **params: object) -> T | None:
        async with self.connection.cursor(row_factory=class_row(row)) as cursor:
            await self._note(statement)
            await cursor.execute(statement.text, params)
            return await cursor.fetchone()

    async def one(self, statement: Statement, row: type[T], /, **params: object) -> T:
        found = await self.maybe(statement, row, **params)
        assert found is not None, f"{statement.name} always answers one row"
        return found

    async def dicts(self, statement: Statement, /, **params: object) -> list[dict[str, Any]]:
        async with self.connection.cursor(row_factory=dict_row) as cursor:
            await self._note(statement)
            await cursor.execute(statement.text, params)
            return await cursor.fetchall()

    async def value(self, statement: Statement, /, **params: object) -> Any:
        """The first column of the first row, or None."""
        async with self.connection.cursor(row_factory=scalar_row) as cursor:
            await self._note(statement)
            await cursor.execute(statement.text, params)
            return await cursor.fetchone()

    async def run(self, statement: Statement, /, **params: object) -> int:
        """Execute for effect; answers how many rows were touched."""
        async with self.connection.cursor() as cursor:
            await self._note(statement)
            await cursor.execute(statement.text, params)
            return cursor.rowcount

    async def posts(self) -> None:
        """What follows changes stock, and says what by its events."""
        if self._listener is not None and self._last_event is None:
            row = await (await self.connection.execute(_LAST_EVENT)).fetchone()
            self._last_event = row[0] if row else 0

    async def note_events(self) -> None:
        """Before the commit: what the events of this transaction concern. Those of others do no harm."""
        if self._listener is not None and self._last_event is not None:
            self.changed |= await self._listener.names_since(self, self._last_event)

    async def _note(self, statement: Statement) -> None:
        if statement.posts:
            await self.posts()

    async def wait_for_standby(self) -> None:
        """What this transaction read may be on one machine only: let its commit wait as if it had written it."""
        await self.connection.execute(WAIT_FOR_STANDBY)


class Database:
    """A pool of connections in the application role."""

    def __init__(
        self,
        url: str,
        *,
        size: int = 10,
        application: str = "holdfast",
        gate: CommitGate | None = None,
        hears: Listener | None = None,
    ) -> None:
        self.url = url
        self.gate = gate or CommitGate(url)
        self._hears = hears
        self.pool = AsyncConnectionPool[AsyncConnection](
            url,
            min_size=1,
            max_size=size,
            timeout=3,
            max_idle=300,
            # The pool doubles its pause after each failure: it starts over this often, so that it is back within
            # seconds of the database and not after as long as the outage was.
            reconnect_timeout=5,
            open=False,
            name=application,
            kwargs={
                "autocommit": True,
                "prepare_threshold": 3,
                "options": APPLICATION_OPTIONS,
                "application_name": application,
                **KEEPALIVE,
            },
            check=AsyncConnectionPool.check_connection,
        )

    async def open(self, *, seconds_max: float = 20) -> None:
        """Raises CannotStart when the database cannot be reached for so long."""
        try:
            await self.pool.open(wait=True, timeout=seconds_max)
        except PoolTimeout as error:
            raise CannotStart(f"the database was not reached within {seconds_max:g} s.") from error

    async def close(self) -> None:
        await self.gate.end()
        await self.pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx]:
        """One transaction; commits when the block ends, rolls back when it raises.

        Raises TryAgain(``outcome_unknown``) when the commit is not confirmed within the deadline. What was changed is
        told after the commit and before the caller can answer; when the commit failed too, as that is not always known.
        """
        changed: set[str] = set()
        try:
            async with self.connection() as connection:
                with self.gate.watch(connection) as watch:
                    async with connection.transaction():
                        tx = Tx(connection, self._hears)
                        changed = tx.changed
                        yield tx
                        await tx.note_events()
                        await self.gate.refuse_write_if_closed(connection)
                        watch.start()
        finally:
            if changed and self._hears is not None:
                await self._hears.forget(changed)

    @asynccontextmanager
    async def connection(self, *, seconds_max: float | None = None) -> AsyncGenerator[AsyncConnection]:
        """A connection in autocommit mode, for single statements; raises TryAgain when none is had in time."""
        try:
            async with self.pool.connection(seconds_max) as connection:
                yield connection
        except PoolTimeout as error:
            raise TryAgain(
                "database_unavailable", "The database did not answer in time; nothing was changed."
            ) from error
        except psycopg.Error as error:
            raise translated(error) from error


async def in_one_transaction(url: str, act: Callable[[Tx], Awaitable[T]], *, seconds_max: float = 20) -> T:
    """Open, act, commit, close: for a command or a start that needs the database for a moment only.

    Raises CannotStart when it cannot be reached for ``seconds_max``.
    """
    database = Database(url, size=1)
    try:
        await database.open(seconds_max=seconds_max)
        async with database.transaction() as tx:
            return await act(tx)
    finally:
        await database.close()


_LAST_EVENT: LiteralString = "select coalesce(max(id), 0) from outbox_events"

# Tells one database from another, and from itself before it was restored or promoted with something missing.
_IDENTITY: LiteralString = (
    "select format('%s.%s.%s', s.system_identifier, d.oid, c.timeline_id)"
    "  from pg_control_system() s, pg_control_checkpoint() c, pg_database d where d.datname = current_database()"
)


async def identity(tx: Tx) -> str:
    row = await (await tx.connection.execute(_IDENTITY)).fetchone()
    assert row is not None
    return row[0]


def translated(error: psycopg.Error) -> Exception:
    """Our name for a driver error, by SQLSTATE and never by message text."""
    state = error.sqlstate or ""
    if isinstance(error, psycopg.OperationalError) and not state:
        return TryAgain("database_unavailable", "The database is away; nothing was changed.")
    if state.startswith(_REPEATABLE):
        return TryAgain("database_busy", "The database could not do this now; nothing was changed.")
    if isinstance(error, psycopg.DataError) and state in ("", "22P05"):
        return Invalid("invalid_text", "Text may not contain the character U+0000.")
    if state == "23514" or state.startswith("ZS"):
        return InvariantBroken(error.diag.constraint_name or error.diag.message_primary or state)
    return error
