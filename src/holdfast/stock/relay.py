"""How changes reach the cache that no lane answered: other transactions tell before they are answered, the feed later.

The feed is the second way: for what a process was killed before telling, and what was posted past the program.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from holdfast.cache import Cache, Local
from holdfast.db import Listener, Tx, statements

sql = statements("holdfast.stock")


@dataclass(frozen=True, slots=True)
class Name:
    name: str


class Relay:
    """Turns events into names, and has them forgotten."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    @classmethod
    def of(cls, cache: Cache) -> Listener | None:
        """Nobody needs to hear of changes when nothing is kept."""
        return None if isinstance(cache, Local) else cls(cache)

    async def names_since(self, tx: Tx, event_id: int) -> set[str]:
        found = await tx.all(sql.names_of_events, Name, after=None, until=None, after_id=event_id)
        return {row.name for row in found}

    async def forget(self, names: Iterable[str]) -> None:
        await self._cache.forget(names)

    async def note_changes(self, tx: Tx, after: int, until: int) -> None:
        """The events after one position and up to another became visible. The publisher repeats a step that fails."""
        found = await tx.all(sql.names_of_events, Name, after=after, until=until, after_id=None)
        await self._cache.forget(row.name for row in found)
