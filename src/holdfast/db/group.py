"""Group commit: everything that arrived while the last transaction was in flight is posted as the next one.

There is no timer. A request waits for at most one transaction ahead of its own; under light load it is its own group.
One writer owns one connection and posts one group at a time; several processes meet only at the row locks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Any, LiteralString

import msgspec
import psycopg

from holdfast.db.database import APPLICATION_OPTIONS, translated
from holdfast.kernel.errors import InvariantBroken, TryAgain

GROUP_MAX = 256
ATTEMPTS_MAX = 3


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


class Answer(msgspec.Struct, frozen=True):
    """What the posting function said: a stable outcome and its facts as JSON text."""

    outcome: str
    facts: str
    replayed: bool = False


class GroupWriter:
    """Posts requests to one posting function, many at a time."""

    def __init__(self, url: str, statement: LiteralString, *, queue_max: int, name: str) -> None:
        self._url = url
        self._statement: LiteralString = statement
        self._queue_max = queue_max
        self._name = name
        self._waiting: deque[tuple[Ask, asyncio.Future[Answer]]] = deque()
        self._drainer: asyncio.Task[None] | None = None
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._encode = msgspec.json.Encoder().encode

    async def submit(self, ask: Ask) -> Answer:
        """Post one request and wait for its durable answer.

        Raises TryAgain when the queue is full or the database is away.
        """
        if len(self._waiting) >= self._queue_max:
            raise TryAgain("overloaded", "Too many requests are waiting; nothing was changed.")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, future))
        if self._drainer is None:
            self._drainer = asyncio.create_task(self._drain(), name=self._name)
        return await future

    async def close(self) -> None:
        if self._drainer is not None:
            await self._drainer
        if self._connection is not None:
            await self._connection.close()

    async def _drain(self) -> None:
        try:
            while self._waiting:
                group = self._take_group()
                try:
                    await self._post_group(group)
                finally:
                    # Only a defect of ours leaves anyone unanswered; nobody may wait for ever because of it.
                    self._fail_all(group, InvariantBroken(f"{self._name} did not answer"))
        finally:
            self._drainer = None
            if self._waiting:
                self._drainer = asyncio.create_task(self._drain(), name=self._name)

    def _take_group(self) -> list[tuple[Ask, asyncio.Future[Answer]]]:
        group: list[tuple[Ask, asyncio.Future[Answer]]] = []
        held: set[Hashable] = set()
        later: list[tuple[Ask, asyncio.Future[Answer]]] = []
        while self._waiting and len(group) < GROUP_MAX:
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

    async def _post_group(self, group: list[tuple[Ask, asyncio.Future[Answer]]]) -> None:
        for attempt in range(ATTEMPTS_MAX):
            try:
                answers = await self._post([ask for ask, _ in group])
            except psycopg.Error as error:
                if self._connection is None or self._connection.closed:
                    # The commit may or may not have happened: only the caller can repeat, with the same key.
                    return self._fail_all(
                        group,
                        TryAgain(
                            "database_unavailable",
                            "The database is away. Repeat with the same Idempotency-Key.",
                        ),
                    )
                if len(group) > 1:
                    # One poisonous request must only hurt itself.
                    for entry in group:
                        await self._post_group([entry])
                    return None
                if attempt + 1 == ATTEMPTS_MAX or not _may_pass_next_time(error):
                    return self._fail_all(group, translated(error))
            else:
                for (_, future), answer in zip(group, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
                return None
        return None

    async def _post(self, asks: list[Ask]) -> list[Answer]:
        connection = await self._ensure_connection()
        for n, ask in enumerate(asks):
            ask.n = n
        cursor = await connection.execute(self._statement, [self._encode(asks).decode()])
        rows = await cursor.fetchall()
        answers: list[Answer | None] = [None] * len(asks)
        for n, outcome, facts, replayed in rows:
            answers[n] = Answer(outcome, facts, replayed)
        complete = [answer for answer in answers if answer is not None]
        assert len(complete) == len(asks), f"{self._name} answers every request once"
        return complete

    async def _ensure_connection(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._url,
                autocommit=True,
                prepare_threshold=0,
                options=APPLICATION_OPTIONS,
                application_name=self._name,
                connect_timeout=5,
            )
        return self._connection

    def _fail_all(self, entries: Any, error: Exception) -> None:
        for _, future in entries:
            if not future.done():
                future.set_exception(error)


def _may_pass_next_time(error: psycopg.Error) -> bool:
    """Deadlock, serialization, or a key that another transaction stored at the same moment."""
    return error.sqlstate in ("40001", "40P01", "23505")
