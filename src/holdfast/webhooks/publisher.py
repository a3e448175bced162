"""The outbox becomes the feed: events get their place, webhooks their deliveries, listeners their word.

All in one transaction, and one publisher at a time, so an event is fanned out once however often the job runs.
``app.py`` wires who listens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from holdfast.db import Database, Tx, statements

sql = statements("holdfast.webhooks")

EVENTS_PER_STEP: Final = 5_000

# Hears that the events after one position and up to another became visible; reads them itself, as a set.
Listener = Callable[[Tx, int, int], Awaitable[None]]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Call this for every step of the publisher, inside its transaction. Naming a listener twice changes nothing."""
    if listener not in _listeners:
        _listeners.append(listener)


@dataclass(frozen=True, slots=True)
class _Placed:
    settled: int
    last_position: int


async def publish_step(tx: Tx, *, limit: int = EVENTS_PER_STEP) -> int:
    """Publish up to ``limit`` events; answers how many were settled."""
    after: int = await tx.value(sql.take_turn)
    placed = await tx.one(sql.publish, _Placed, last_position=after, limit=limit)
    if placed.last_position > after:
        await tx.run(sql.fan_out, after=after, until=placed.last_position)
        for listener in _listeners:
            await listener(tx, after, placed.last_position)
    return placed.settled


async def publish_all(database: Database, *, limit: int = EVENTS_PER_STEP) -> int:
    """Publish until nothing is left; answers how many."""
    total = 0
    while True:
        async with database.transaction() as tx:
            published = await publish_step(tx, limit=limit)
        total += published
        if published < limit:
            return total
