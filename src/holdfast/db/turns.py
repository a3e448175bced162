"""Turns of several processes that post for the same row (docs/decisions/0150).

Without them each forms a small group and then waits with it at the row's lock. Who waits for a turn instead forms the
group when the turn has come, of everything that arrived meanwhile.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from typing import Any, LiteralString
from uuid import UUID
from weakref import WeakSet

import psycopg

PRESENCE_SECONDS = 1.0
# Longer than any group takes: whoever keeps a turn so long was stopped, say. Then nobody waits for it for a while.
WAIT_MS_MAX = 100
GIVE_UP_SECONDS = 5.0

# Advisory locks of ours: who posts for much wanted rows at all, and whose turn it is at one.
_PRESENT, _TURN = 0x484F01, 0x484F02
_COME: LiteralString = "select pg_advisory_lock_shared(%s, %s)"
_OTHERS: LiteralString = """
    select exists (
        select from pg_locks
         where locktype = 'advisory' and classid = %s and objid <> %s and objsubid = 2
           and database = (select oid from pg_database where datname = current_database()))"""
_TAKE: LiteralString = "select take_turn(%s, %s, %s)"
_END: LiteralString = "select pg_advisory_unlock(%s, %s)"
# Behind the rows of a posting function, which is carried out first: whoever is next begins while this one commits.
_ENDING: LiteralString = " union all select null, null, null, pg_advisory_unlock(%s, %s)"

Connection = psycopg.AsyncConnection[Any]


class Turns:
    """The turns of one writer. They only decide who waits where; locks and constraints decide everything else."""

    def __init__(self) -> None:
        self._number = secrets.randbits(31)
        self._come = WeakSet[Connection]()
        self._taken: dict[Connection, int] = {}
        self._ending: dict[Connection, int] = {}
        self._looked = self._gave_up = -GIVE_UP_SECONDS
        self.has_others = False

    async def take(self, connection: Connection, row: UUID) -> None:
        """Wait until no other process posts for ``row``; not when there is none, or when one keeps its turn."""
        if time.monotonic() < self._gave_up + GIVE_UP_SECONDS or not await self._meets_others(connection):
            return
        key = row.int & 0x7FFFFFFF
        if await _value(connection, _TAKE, _TURN, key, WAIT_MS_MAX):
            self._taken[connection] = key
        else:
            self._gave_up = time.monotonic()

    def ending(self, connection: Connection) -> tuple[LiteralString, list[int]]:
        """What a posting statement says last so that the turn ends with it, and the arguments of that.

        Said once: to end a turn that a failed statement had ended already would warn, and look like a commit in doubt.
        """
        key = self._taken.pop(connection, None)
        if key is None:
            return "", []
        self._ending[connection] = key
        return _ENDING, [_TURN, key]

    def ended(self, connection: Connection) -> None:
        """The statement that says so was carried out."""
        self._ending.pop(connection, None)

    async def pass_on(self, connection: Connection) -> None:
        """End the turn that this connection has, if any; one that was lost ended it itself."""
        key = self._taken.pop(connection, None) or self._ending.pop(connection, None)
        if key is None or connection.closed:
            return
        try:
            await _value(connection, _END, _TURN, key)
        except psycopg.Error:
            # Nobody shall wait for a turn that we cannot end: it ends with the connection.
            with contextlib.suppress(psycopg.Error):
                await connection.close()

    async def _meets_others(self, connection: Connection) -> bool:
        if connection not in self._come:
            await _value(connection, _COME, _PRESENT, self._number)
            self._come.add(connection)
        if time.monotonic() >= self._looked + PRESENCE_SECONDS:
            self.has_others = await _value(connection, _OTHERS, _PRESENT, self._number)
            self._looked = time.monotonic()
        return self.has_others


async def _value(connection: Connection, statement: LiteralString, *arguments: int) -> Any:
    row = await (await connection.execute(statement, arguments)).fetchone()
    assert row is not None
    return row[0]
