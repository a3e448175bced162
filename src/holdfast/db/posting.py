"""One connection to one posting function: posts groups of requests, one group at a time, within a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from typing import Any, LiteralString
from uuid import UUID

import msgspec
import psycopg

from holdfast.db.commit import WAIT_FOR_STANDBY, CommitGate
from holdfast.db.database import translated
from holdfast.db.session import APPLICATION_OPTIONS, KEEPALIVE
from holdfast.db.turns import Turns
from holdfast.kernel.errors import InvariantBroken, TryAgain

ATTEMPTS_MAX = 3
_SET_LOCK_TIMEOUT: LiteralString = "select set_config('lock_timeout', %s, false)"
_RESET_LOCK_TIMEOUT: LiteralString = "reset lock_timeout"
# Of the deadline, when somebody was found to keep a lock for long: the others of the group wait behind each such wait.
ALONE_LOCK_SHARE = 1 / 40


class Ask(msgspec.Struct, kw_only=True):
    """One request to a posting function; ``n`` numbers it within its group."""

    n: int = 0
    principal_id: str | None = None
    actor: str = ""
    key: str | None = None
    hash: str | None = None

    def exclusive(self) -> tuple[Hashable, ...]:
        """What no other request of the same group may share."""
        return () if self.key is None else ((self.principal_id, self.key),)

    def wanted_row(self) -> UUID | None:
        """Of which SKU a level is locked, when it is only one."""
        return None


class Answer(msgspec.Struct, frozen=True):
    """What the posting function said: a stable outcome and its facts as JSON text."""

    outcome: str
    facts: str
    replayed: bool = False


Entry = tuple[Ask, asyncio.Future[Answer]]
Row = tuple[Any, ...]  # request_no, outcome, facts as JSON text, replayed


class Poster:
    """Owns a connection, made when it is first needed."""

    def __init__(
        self, url: str, statement: LiteralString, *, name: str, gate: CommitGate, turns: Turns, writes: bool
    ) -> None:
        self._url = url
        self._statement: LiteralString = statement
        self._turns = turns
        self._name = name
        self._gate = gate
        self._writes = writes
        self._encode = msgspec.json.Encoder().encode
        self.connection: psycopg.AsyncConnection[Any] | None = None

    async def post(self, group: list[Entry]) -> None:
        """Post them as one transaction, or each alone if that fails. Everyone is answered, or hears why not."""
        is_posted = False
        try:
            await self._post_group(group)
            is_posted = True
        finally:
            if not is_posted:
                self._fail_all(group, InvariantBroken(f"{self._name} did not answer"))

    async def connect(self) -> psycopg.AsyncConnection[Any]:
        if self.connection is None or self.connection.closed:
            # The statement gives up before the deadline: what is cut off then is a commit and nothing else.
            ms = int(self._gate.seconds_max * 700)
            self.connection = await psycopg.AsyncConnection.connect(
                self._url,
                autocommit=True,
                prepare_threshold=0,
                options=f"{APPLICATION_OPTIONS} -c statement_timeout={ms} -c lock_timeout={ms // 2}",
                application_name=self._name,
                connect_timeout=5,
                **KEEPALIVE,
            )
        return self.connection

    async def close(self) -> None:
        if self.connection is not None:
            await self.connection.close()

    async def _post_group(self, group: list[Entry]) -> None:
        for attempt in range(ATTEMPTS_MAX):
            try:
                if self._writes:
                    self._gate.refuse_if_closed()
                rows = await self._post([ask for ask, _ in group])
            except TryAgain as refusal:
                return self._fail_all(group, refusal)
            except psycopg.Error as error:
                if len(group) > 1 and self._is_connected():
                    return await self._post_each_alone(group, somebody_keeps_locks=error.sqlstate in _TIMED_OUT)
                if attempt + 1 == ATTEMPTS_MAX or not _may_pass_next_time(error):
                    return self._fail_all(group, translated(error))
            else:
                # Said after the next group was sent: PostgreSQL need not wait until everybody has heard.
                asyncio.get_running_loop().call_soon(self._answer_all, group, rows)
                return None
        return None

    async def _post_each_alone(self, group: list[Entry], *, somebody_keeps_locks: bool) -> None:
        """One poisonous request must only hurt itself; one that waits for somebody's lock must not hold up the rest."""
        until = time.monotonic() + self._gate.seconds_max
        try:
            if somebody_keeps_locks:
                ms = str(int(self._gate.seconds_max * 1000 * ALONE_LOCK_SHARE))
                await (await self.connect()).execute(_SET_LOCK_TIMEOUT, [ms])
            for entry in group:
                if time.monotonic() < until:
                    await self._post_group([entry])
            if somebody_keeps_locks and self._is_connected():
                await (await self.connect()).execute(_RESET_LOCK_TIMEOUT)
        except psycopg.Error as error:
            return self._fail_all(group, translated(error))
        return self._fail_all(group, TryAgain("database_busy", "The database is busy; nothing was changed."))

    async def _post(self, asks: list[Ask]) -> list[Row]:
        connection = await self.connect()
        for n, ask in enumerate(asks):
            ask.n = n
        ending, its_arguments = self._turns.ending(connection)
        rows = await self._run(connection, self._statement + ending, [self._encode(asks).decode(), *its_arguments])
        if ending:
            self._turns.ended(connection)
            rows = [row for row in rows if row[0] is not None]
        if any(replayed for *_, replayed in rows):
            # The first answer may be stored on this machine only, by a commit that nobody confirmed.
            await self._run(connection, WAIT_FOR_STANDBY)
        return rows

    def _answer_all(self, group: list[Entry], rows: list[Row]) -> None:
        for n, outcome, facts, replayed in rows:
            _, future = group[int(n)]
            if not future.done():
                future.set_result(Answer(outcome, facts, replayed))
        # Only a defect of ours leaves anyone unanswered; nobody may wait for ever because of it.
        self._fail_all(group, InvariantBroken(f"{self._name} did not answer"))

    async def _run(
        self, connection: psycopg.AsyncConnection[Any], statement: LiteralString, arguments: list[Any] | None = None
    ) -> list[Row]:
        """One statement that is its own transaction, within the deadline."""
        with self._gate.watch(connection) as watch:
            watch.start()
            cursor = await connection.execute(statement, arguments)
        return await cursor.fetchall()

    def _is_connected(self) -> bool:
        return self.connection is not None and not self.connection.closed

    def _fail_all(self, entries: list[Entry], error: Exception) -> None:
        for _, future in entries:
            if not future.done():
                future.set_exception(error)


_TIMED_OUT = ("55P03", "57014")


def _may_pass_next_time(error: psycopg.Error) -> bool:
    """Deadlock, serialization, or a key that another transaction stored at the same moment."""
    return error.sqlstate in ("40001", "40P01", "23505")
