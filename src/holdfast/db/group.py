"""Group commit: everything that arrived while the last transaction was in flight is posted as the next one.

There is no timer. A request waits for at most one transaction ahead of its own; under light load it is its own group.
As a rule one connection posts one group at a time. When a full group waits meanwhile, a second connection posts it
along with the first (docs/decisions/0160). Several processes meet only at the row locks.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Hashable
from typing import LiteralString
from uuid import UUID

import psycopg

from holdfast.db.commit import CommitGate
from holdfast.db.posting import Answer, Ask, Entry, Poster
from holdfast.db.turns import Turns
from holdfast.kernel.errors import TryAgain

# Larger groups cost PostgreSQL little less per request.
GROUP_MAX = 128
POSTERS_MAX = 2
ROW_SAMPLE = 3


class GroupWriter:
    """Posts requests to one posting function, many at a time."""

    def __init__(
        self,
        url: str,
        statement: LiteralString,
        *,
        queue_max: int,
        name: str,
        gate: CommitGate | None = None,
        writes: bool = True,
        group_max: int = GROUP_MAX,
    ) -> None:
        self._queue_max = queue_max
        self._group_max = group_max
        self._name = name
        self._gate = gate or CommitGate(url)
        self._writes = writes
        self._waiting: deque[Entry] = deque()
        self._turns = Turns()
        self._posters = [
            Poster(url, statement, name=name, gate=self._gate, turns=self._turns, writes=writes)
            for _ in range(POSTERS_MAX)
        ]
        self._busy: dict[Poster, asyncio.Task[None]] = {}
        self._under_way: set[Hashable] = set()
        self._much_wanted: UUID | None = None

    async def submit(self, ask: Ask) -> Answer:
        """Post one request and wait for its durable answer.

        Raises TryAgain when the queue is full, the database is away or it does not confirm in time.
        """
        if self._writes:
            self._gate.refuse_if_closed()
        if len(self._waiting) >= self._queue_max:
            raise TryAgain("overloaded", "Too many requests are waiting; nothing was changed.")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, future))
        self._start()
        return await future

    async def close(self) -> None:
        while self._busy:
            await asyncio.wait(self._busy.values())
        for poster in self._posters:
            await poster.close()

    def _start(self) -> None:
        if self._may_post(beside=len(self._busy)):
            poster = next(p for p in self._posters if p not in self._busy)
            self._busy[poster] = asyncio.create_task(self._drain(poster), name=self._name)

    def _may_post(self, *, beside: int) -> bool:
        """Whether another group goes now, with ``beside`` under way.

        A small group costs the database nearly what a large one does, so only a full one goes beside another.
        """
        if beside == 0:
            return bool(self._waiting)
        return beside < POSTERS_MAX and len(self._waiting) >= self._group_max and not self._turns.has_others

    async def _drain(self, poster: Poster) -> None:
        try:
            while self._may_post(beside=len(self._busy) - 1) and (group := await self._next_group(poster)):
                exclusive = {own for ask, _ in group for own in ask.exclusive()}
                self._under_way |= exclusive
                try:
                    await poster.post(group)
                finally:
                    self._under_way -= exclusive
                    if poster.connection is not None:
                        await self._turns.pass_on(poster.connection)
        finally:
            del self._busy[poster]
            # Who is still at work takes what waits.
            if not self._busy:
                self._start()

    async def _next_group(self, poster: Poster) -> list[Entry]:
        """Where the last group wanted one row and the next one does too, other processes may be waiting there."""
        if self._much_wanted is not None and self._much_wanted == self._waiting[0][0].wanted_row():
            # Without a connection the group is told why; without a turn it waits at the row.
            with contextlib.suppress(psycopg.Error, TryAgain):
                await self._turns.take(await poster.connect(), self._much_wanted)
        group = self._take_group()
        if group:
            self._much_wanted = self._wanted_by_all(group)
        return group

    def _wanted_by_all(self, group: list[Entry]) -> UUID | None:
        """The row that three of the group want, and so probably most of it."""
        if len(group) < ROW_SAMPLE:
            only = group[0][0].wanted_row()
            return only if only == self._much_wanted else None
        rows = {group[i][0].wanted_row() for i in (0, len(group) // 2, -1)}
        return rows.pop() if len(rows) == 1 else None

    def _take_group(self) -> list[Entry]:
        group: list[Entry] = []
        held = set(self._under_way)
        later: list[Entry] = []
        while self._waiting and len(group) < self._group_max:
            entry = self._waiting.popleft()
            exclusive = entry[0].exclusive()
            if held.isdisjoint(exclusive):
                held.update(exclusive)
                group.append(entry)
            else:
                later.append(entry)
                held.update(exclusive)
        self._waiting.extendleft(reversed(later))
        return group
