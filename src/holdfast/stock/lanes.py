"""The writers in front of the posting functions: one lane per kind of change, each with its own connection."""

from __future__ import annotations

import asyncio
from typing import LiteralString

from holdfast.db.commit import CommitGate
from holdfast.db.group import Answer, Ask, GroupWriter

POST: dict[str, LiteralString] = {
    "reserve": "select request_no, outcome, facts::text, replayed from stock_reserve(%s)",
    "batch": "select request_no, outcome, facts::text, replayed from stock_reserve_batch(%s)",
    "resolve": "select request_no, outcome, facts::text, replayed from stock_resolve(%s)",
    "prolong": "select request_no, outcome, facts::text, replayed from stock_prolong(%s)",
    "move": "select request_no, outcome, facts::text, replayed from stock_move(%s)",
    "availability": "select request_no, outcome, facts::text, replayed from stock_availability(%s)",
}


class Lanes:
    """The group writers of one process."""

    def __init__(self, url: str, *, queue_max: int, gate: CommitGate | None = None) -> None:
        self._writers = {
            name: GroupWriter(
                url,
                statement,
                queue_max=queue_max,
                name=f"holdfast-{name}",
                gate=gate,
                writes=name != "availability",
            )
            for name, statement in POST.items()
        }

    async def reserve(self, ask: Ask) -> Answer:
        return await self._writers["reserve"].submit(ask)

    async def reserve_batch(self, ask: Ask) -> Answer:
        return await self._writers["batch"].submit(ask)

    async def resolve(self, ask: Ask) -> Answer:
        return await self._writers["resolve"].submit(ask)

    async def prolong(self, ask: Ask) -> Answer:
        return await self._writers["prolong"].submit(ask)

    async def move(self, ask: Ask) -> Answer:
        return await self._writers["move"].submit(ask)

    async def availability(self, ask: Ask) -> Answer:
        return await self._writers["availability"].submit(ask)

    async def close(self) -> None:
        await asyncio.gather(*(writer.close() for writer in self._writers.values()))
