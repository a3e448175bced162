"""The cache without Redis: whoever asked before a look began shares it.

Several processes write, so what one of them remembers from an earlier moment may be wrong by the next. It keeps
nothing between looks (docs/decisions/0091).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from holdfast.cache.contract import Fetch, Look, Looked

NAMES_MAX = 256


class Local:
    """Asks one question at a time; everything that is asked meanwhile goes into the next one, each name once."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Future[Look]]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def start(self, identity: str) -> None:
        return None

    async def close(self) -> None:
        if self._asking is not None:
            await self._asking

    async def look(self, name: str, fetch: Fetch) -> bytes:
        return (await self.ask(name, fetch)).body

    async def forget(self, names: Iterable[str]) -> None:
        return None

    async def show(self, name: str, body: bytes, *, seconds: int) -> None:
        return None

    async def ask(self, name: str, fetch: Fetch) -> Look:
        """What PostgreSQL says of ``name`` at a moment after this call. Raises what ``fetch`` raises."""
        future: asyncio.Future[Look] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, []).append(future)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_all(fetch), name="holdfast-look")
        return await future

    async def _ask_all(self, fetch: Fetch) -> None:
        try:
            while self._waiting:
                names = list(self._waiting)[:NAMES_MAX]
                waiting = {name: self._waiting.pop(name) for name in names}
                question = asyncio.ensure_future(fetch(names))
                await asyncio.wait([question])
                _answer(waiting, question)
        finally:
            self._asking = None


def _answer(waiting: dict[str, list[asyncio.Future[Look]]], question: asyncio.Future[Looked]) -> None:
    error = question.exception()
    for name, futures in waiting.items():
        for future in futures:
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(question.result().looks[name])
