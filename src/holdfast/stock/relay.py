"""The second way a change reaches the cache: from the outbox, for what its writer could not tell."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.cache import Cache
from holdfast.db import Tx, statements

sql = statements("holdfast.stock")


@dataclass(frozen=True, slots=True)
class Name:
    name: str


class Relay:
    """Listens to the publisher, whose step is repeated when it fails: every event is heard at least once."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def note_changes(self, tx: Tx, after: int, until: int) -> None:
        """The events after one position and up to another became visible: nothing from before them is shown again."""
        found = await tx.all(sql.names_of_events, Name, after=after, until=until)
        await self._cache.forget(row.name for row in found)
