"""The cache in Redis. How it stays right, and what happens when Redis does not: docs/decisions/0091.

Three rules carry it. A value is kept only under a lease that was taken before PostgreSQL was asked. Whoever changed
something removes its names, leases included, after the commit and before the answer. Values belong to an epoch, which
ends when Redis restarts, is flushed or hangs, and when a process could not remove a name.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from holdfast.cache.contract import EVERYTHING, FILLS, FORGOTTEN, LOOKS, Fetch, Look, Looked
from holdfast.cache.line import Away, Command
from holdfast.cache.link import Link, Pace
from holdfast.cache.local import NAMES_MAX, Local
from holdfast.kernel.errors import Refusal

FLOORS_MAX = 100_000
UNLINK_MAX = 2_000
_NO_CLOCK = 2**53
_VERSION = re.compile(rb'\{"epoch":"[^"]*","version":(\d+),')
_HIT, _MISS, _STALE, _AWAY = (LOOKS.labels(result) for result in ("hit", "miss", "stale", "away"))
_STORED, _REFUSED = (FILLS.labels(result) for result in ("stored", "refused"))


@dataclass(frozen=True, slots=True)
class Found:
    """A value, or else perhaps a lease: the right to fill in, given in an epoch."""

    value: bytes | None = None
    lease: str | None = None
    epoch: bytes = b""


NOTHING = Found()


class InRedis:
    """Shared by all processes of an installation."""

    def __init__(self, url: str, *, prefix: str, ttl_seconds: int, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._link = Link(url, prefix=prefix, pace=self._pace)
        self._prefix = prefix
        self._ttl_us = ttl_seconds * 1_000_000
        self._beside = Local()
        self._token = uuid.uuid4().hex[:12]
        self._questions = 0
        self._floors: dict[str, int] = {}
        self._clock: int | None = None  # business time less our monotonic clock, µs
        self._clock_read_at = 0.0
        self._fetch: Fetch | None = None
        self._looking: dict[str, list[asyncio.Future[Found]]] = {}
        self._looker: asyncio.Task[None] | None = None
        self._to_fill: list[tuple[str, Found, Look]] = []
        self._to_forget: list[tuple[set[str], asyncio.Future[None]]] = []
        self._teller: asyncio.Task[None] | None = None
        self._measuring: asyncio.Task[None] | None = None

    async def start(self, identity: str) -> None:
        await self._link.start(identity)

    async def close(self) -> None:
        for task in (self._looker, self._teller, self._measuring):
            if task is not None:
                await task
        await self._beside.close()
        await self._link.close()

    async def look(self, name: str, fetch: Fetch) -> bytes:
        self._fetch = fetch
        found = NOTHING
        if self._link.is_up:
            future: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
            self._looking.setdefault(name, []).append(future)
            if self._looker is None:
                self._looker = asyncio.create_task(self._look_up(), name="holdfast-cache-look")
            found = await future
            if found.value is not None:
                return found.value
        else:
            _AWAY.inc()
        look = await self._beside.ask(name, self._timed)
        self._remember(name, look.version)
        if found.lease is not None and look.may_be_kept:
            self._to_fill.append((name, found, look))
            self._tell()
        return look.body

    async def forget(self, names: Iterable[str]) -> None:
        wanted = set(names)
        if not wanted:
            return
        if not self._link.is_up:
            self._link.owe()
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._to_forget.append((wanted, future))
        self._tell()
        await future

    async def show(self, name: str, body: bytes, *, seconds: int) -> None:
        if self._link.is_up:
            with suppress(Away):
                await self._link.write(("SET", self._prefix + name, body, "EX", seconds))

    # Looking

    async def _look_up(self) -> None:
        """One question to Redis at a time; everything that is asked meanwhile goes into the next one."""
        try:
            while self._looking:
                names = list(self._looking)[:NAMES_MAX]
                waiting = {name: self._looking.pop(name) for name in names}
                found = await self._find(names)
                hits = sum(len(futures) for name, futures in waiting.items() if found[name].value is not None)
                _HIT.inc(hits)
                _MISS.inc(sum(map(len, waiting.values())) - hits)
                for name, futures in waiting.items():
                    first = found[name]
                    # A lease is for one of them; the others are told with it.
                    others = NOTHING if first.value is None else first
                    for number, future in enumerate(futures):
                        if not future.done():
                            future.set_result(others if number else first)
        finally:
            self._looker = None

    async def _find(self, names: list[str]) -> dict[str, Found]:
        self._questions += 1
        lease = f"L{self._token}.{self._questions}"
        now = _NO_CLOCK if self._clock is None else self._clock + time.monotonic_ns() // 1000
        keys = [self._link.epoch_key, self._link.pause_key, *(self._prefix + name for name in names)]
        try:
            (answer,) = await self._link.read(self._link.script("read", keys, lease, int(self._pace.lease * 1000), now))
        except Away:
            return dict.fromkeys(names, NOTHING)
        if not answer:
            self._link.look_now()
            return dict.fromkeys(names, NOTHING)
        epoch, *lines = answer.split(b"\n")
        if time.monotonic() - self._clock_read_at > self._pace.clock and self._measuring is None:
            self._measuring = asyncio.create_task(self._measure(), name="holdfast-cache-clock")
        return {name: self._judged(name, line, lease, epoch) for name, line in zip(names, lines, strict=True)}

    def _judged(self, name: str, line: bytes, lease: str, epoch: bytes) -> Found:
        if line == b"+":
            return Found(lease=lease, epoch=epoch)
        if line == b"-":
            return NOTHING
        match = _VERSION.match(line)
        assert match is not None, "values begin with their epoch and version"
        if int(match[1]) < self._floors.get(name, 0):
            # We have shown a newer one. Whoever should have removed this was killed, or is cut off from Redis.
            _STALE.inc()
            self._to_forget.append(({name}, asyncio.get_running_loop().create_future()))
            self._tell()
            return NOTHING
        self._remember(name, int(match[1]))
        return Found(value=line)

    def _remember(self, name: str, version: int) -> None:
        """The newest version shown by this process: it never shows an older one again."""
        if version > self._floors.get(name, 0):
            self._floors[name] = version
            if len(self._floors) > FLOORS_MAX:
                del self._floors[next(iter(self._floors))]

    async def _timed(self, names: list[str]) -> Looked:
        """Ask PostgreSQL, and learn its clock on the way: rather too late an hour than too early."""
        assert self._fetch is not None
        started = time.monotonic_ns() // 1000
        looked = await self._fetch(names)
        self._clock = looked.now - started
        self._clock_read_at = time.monotonic()
        return looked

    async def _measure(self) -> None:
        with suppress(Refusal):
            await self._timed([])
        self._measuring = None

    # Telling

    def _tell(self) -> None:
        if self._teller is None:
            self._teller = asyncio.create_task(self._tell_all(), name="holdfast-cache-tell")

    async def _tell_all(self) -> None:
        """One message to Redis at a time. A write waits for its removals once; then Redis is away and nobody waits."""
        try:
            while self._to_forget or self._to_fill:
                forgets, self._to_forget = self._to_forget, []
                fills, self._to_fill = self._to_fill, []
                removals, filling = self._removals(forgets), self._filling(fills)
                try:
                    answers: list[Any] = await self._link.write(*removals, *filling)
                    if filling:
                        _STORED.inc(answers[-1])
                        _REFUSED.inc(len(fills) - answers[-1])
                except Away:
                    pass  # the link owes them now: a new epoch
                for _, future in forgets:
                    if not future.done():
                        future.set_result(None)
        finally:
            self._teller = None

    def _removals(self, forgets: list[tuple[set[str], asyncio.Future[None]]]) -> list[Command]:
        names = set[str]().union(*(names for names, _ in forgets))
        commands: list[Command] = []
        if EVERYTHING in names:
            names.discard(EVERYTHING)
            commands.append(self._link.new_epoch(owes=True))
        keys = [self._prefix + name for name in names]
        FORGOTTEN.inc(len(keys))
        for start in range(0, len(keys), UNLINK_MAX):
            commands.append(("UNLINK", *keys[start : start + UNLINK_MAX]))
        return commands

    def _filling(self, fills: list[tuple[str, Found, Look]]) -> list[Command]:
        if not fills:
            return []
        counts: list[str] = []
        keys: list[str] = []
        arguments: list[bytes | str | int] = []
        now = (self._clock or 0) + time.monotonic_ns() // 1000
        for name, found, look in fills:
            life_us = self._ttl_us if look.valid_until is None else min(self._ttl_us, look.valid_until - now)
            values = {name: (look.version, look.body), **look.parts}
            counts.append(str(len(values)))
            keys += [self._prefix + part for part in values]
            # A life of nothing is an error to Redis; what is over by then is not read: its valid_until says so.
            arguments += [found.lease or "", max(1, life_us // 1000)]
            arguments += [_value(found.epoch, version, look.valid_until, body) for version, body in values.values()]
        return [self._link.script("fill", keys, ",".join(counts), *arguments)]


def _value(epoch: bytes, version: int, valid_until: int | None, body: bytes) -> bytes:
    """``body`` is a JSON object with at least one member."""
    until = b"null" if valid_until is None else str(valid_until).encode()
    return b'{"epoch":"%b","version":%d,"valid_until":%b,%b' % (epoch, version, until, body[1:])
