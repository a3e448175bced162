"""One connection to Redis that gives up after a deadline and is never used again after a failure."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from holdfast.kernel.errors import CannotStart

Command = tuple[bytes | str | int, ...]


class Away(Exception):
    """Redis failed, or did not answer in time."""


class Addresses:
    """Makes lines to one Redis."""

    def __init__(self, url: str, *, seconds_max: float) -> None:
        try:
            # Deadlines are ours (see Line): the client's own would also fire when we were slow and not Redis.
            self._pool = ConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType]
                url,
                protocol=2,
                driver_info=None,
                socket_connect_timeout=seconds_max,
                socket_timeout=None,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError as error:
            raise CannotStart(f"INVENTORY_REDIS_URL cannot be understood: {error}. Correct it or remove it.") from None

    async def line(self, seconds_max: float) -> Line:
        """A new connection. Raises Away."""
        made = Line(self._pool.make_connection())
        await made.open(seconds_max)
        return made


class Line:
    """Commands in the order given, one batch at a time."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()

    async def open(self, seconds_max: float) -> None:
        await self._within(seconds_max, self._connection.connect())

    async def run(self, *commands: Command, seconds_max: float) -> list[Any]:
        """The answers, in order. Raises Away; the line is then of no further use."""
        async with self._turn:
            if not self._connection.is_connected:
                # The client would connect again silently, perhaps to a Redis that came back without what we told it.
                raise Away
            return await self._within(seconds_max, self._spoken(commands))

    async def close(self) -> None:
        await self._connection.disconnect(nowait=True)

    async def _spoken(self, commands: tuple[Command, ...]) -> list[Any]:
        await self._connection.send_packed_command(self._connection.pack_commands(commands), check_health=False)
        return [await self._connection.read_response() for _ in commands]

    async def _within(self, seconds_max: float, act: Any) -> Any:
        """Waits twice half as long: when this process stood still itself, the answer is taken before we give up."""
        doing = asyncio.ensure_future(act)
        try:
            for _ in range(2):
                await asyncio.wait([doing], timeout=seconds_max / 2)
            if not doing.done():
                raise Away
            error = doing.exception()
            if isinstance(error, RedisError | OSError):
                raise Away from error
            return doing.result()
        finally:
            if not doing.done():
                doing.cancel()
