"""The link to Redis: two lines, the epoch they were opened in, and the breaker that opens when one of them fails.

An epoch ends when Redis restarts (another run id), hangs or is flushed (its key lives for half a second and must be
renewed), and when a process comes back that could not tell of a change. docs/decisions/0091 says why this is enough.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import structlog

from holdfast.cache.contract import CONNECTED, FAILURES
from holdfast.cache.line import Addresses, Away, Command, Line

log = structlog.get_logger()

_SCRIPTS = {name: (files("holdfast.cache") / f"{name}.lua").read_bytes() for name in ("open", "read", "fill")}


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, in seconds.

    ``write_max`` is not shorter than ``epoch``: a Redis that hung so long that a removal failed has lost its epoch by
    then. ``pause`` is longer than an attempt to come back takes (``retry`` and three times ``read_max``).
    """

    read_max: float = 0.1
    write_max: float = 0.5
    epoch: float = 0.5
    renewal: float = 0.15
    retry: float = 0.1
    pause: float = 1.0
    lease: float = 2.0
    clock: float = 5.0


class Link:
    """Commands for reading and for telling; Away at once while Redis is away."""

    def __init__(self, url: str, *, prefix: str, pace: Pace) -> None:
        self._addresses = Addresses(url, seconds_max=pace.read_max)
        self._prefix = prefix
        self._pace = pace
        self.epoch_key = self.pause_key = ""
        self._shas: dict[str, bytes] = {}
        self._reading: Line | None = None
        self._writing: Line | None = None
        # Who starts cannot know what its predecessor failed to tell.
        self._owes = True
        self._keeper: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    async def start(self, identity: str) -> None:
        self.epoch_key, self.pause_key = f"{self._prefix}epoch:{identity}", f"{self._prefix}pause:{identity}"
        await self._connect()
        self._keeper = asyncio.create_task(self._keep(), name="holdfast-cache")

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        await self._drop()

    @property
    def is_up(self) -> bool:
        return self._reading is not None

    def owe(self) -> None:
        """Something was changed and could not be told."""
        self._owes = True

    def look_now(self) -> None:
        """Somebody found no epoch: do not wait for the next renewal."""
        self._wake.set()

    def script(self, name: str, keys: list[str], *arguments: bytes | str | int) -> Command:
        return ("EVALSHA", self._shas[name], len(keys), *keys, *arguments)

    def new_epoch(self, *, owes: bool) -> Command:
        """Learn the epoch and keep it alive; begin a new one when there is none, or when we owe."""
        ms = (int(self._pace.epoch * 1000), int(self._pace.pause * 1000))
        return self.script("open", [self.epoch_key, self.pause_key], uuid.uuid4().hex, *ms, int(owes))

    async def read(self, *commands: Command) -> list[Any]:
        """Raises Away."""
        line = self._reading
        if line is None:
            raise Away
        try:
            return await line.run(*commands, seconds_max=self._pace.read_max)
        except Away as reason:
            await self._broke(line, reason)
            raise

    async def write(self, *commands: Command) -> list[Any]:
        """Raises Away; then there will be a new epoch before anything is read again."""
        line = self._writing
        if line is None:
            self._owes = True
            raise Away
        try:
            return await line.run(*commands, seconds_max=self._pace.write_max)
        except Away as reason:
            self._owes = True
            await self._broke(line, reason)
            raise

    async def _keep(self) -> None:
        """Renew the epoch; come back when Redis does."""
        while True:
            pause = self._pace.renewal if self.is_up else self._pace.retry
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)
            self._wake.clear()
            if not self.is_up:
                await self._connect()
            else:
                with suppress(Away):
                    await self.write(self.new_epoch(owes=False))

    async def _connect(self) -> None:
        """Both lines or none. What is changed meanwhile is told through the new line, or owed."""
        await self._drop()
        within = self._pace.read_max
        try:
            writing = await self._addresses.line(within)
            loaded = await writing.run(*(("SCRIPT", "LOAD", text) for text in _SCRIPTS.values()), seconds_max=within)
            self._shas = dict(zip(_SCRIPTS, loaded, strict=True))
            self._writing = writing
            owes, self._owes = self._owes, False
            try:
                await writing.run(self.new_epoch(owes=owes), seconds_max=within)
                reading = await self._addresses.line(within)
                await reading.run(self.new_epoch(owes=False), seconds_max=within)
            except Away:
                self._owes |= owes
                raise
        except Away:
            await self._drop()
            return
        self._reading = reading
        CONNECTED.set(1)
        log.info("redis answers")

    async def _broke(self, line: Line, reason: Away) -> None:
        """From now on everything is asked of PostgreSQL, without waiting for Redis again."""
        if line in (self._reading, self._writing):
            FAILURES.inc()
            log.warning("redis is away; reading from PostgreSQL", reason=str(reason.__cause__ or "no answer in time"))
            await self._drop()

    async def _drop(self) -> None:
        lines, self._reading, self._writing = (self._reading, self._writing), None, None
        CONNECTED.set(0)
        for line in lines:
            if line is not None:
                await line.close()
