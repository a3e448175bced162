"""HTTP with many kept-alive connections and little cost: the attack shares the machine with what it attacks."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

ANSWER_SECONDS_MAX = 30.0
_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    replayed: bool
    # From the first byte sent to the last received.
    seconds: float


class Line:
    """One connection to one API process; opened on first use and again after it broke."""

    def __init__(self, address: str, token: str) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._fields = f"Host: {parts.netloc}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        self._stream: _Stream | None = None

    async def ask(self, method: str, path: str, body: bytes, key: str | None) -> Reply:
        """One request. Raises OSError when there was no answer: it may or may not have been carried out."""
        head = f"{method} /api/v1{path} HTTP/1.1\r\n{self._fields}Content-Length: {len(body)}\r\n"
        if key is not None:
            head += f"Idempotency-Key: {key}\r\n"
        try:
            if self._stream is None:
                self._stream = await asyncio.open_connection(self._host, self._port)
            reader, writer = self._stream
            started = time.perf_counter()
            writer.write(head.encode() + b"\r\n" + body)
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                return await self._reply(reader, started)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError) as error:
            self.close()
            raise ConnectionError(str(error)) from error

    def close(self) -> None:
        if self._stream is not None:
            self._stream[1].close()
            self._stream = None

    async def _reply(self, reader: asyncio.StreamReader, started: float) -> Reply:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        length = head.find(b"content-length:")
        body = b""
        if length >= 0:
            body = await reader.readexactly(int(head[length + 15 : head.index(b"\r\n", length)]))
        if b"connection: close" in head:
            self.close()
        return Reply(status, body, b"idempotent-replayed" in head, time.perf_counter() - started)


class Crowd:
    """Any number of callers over a bounded number of connections, spread over all API processes."""

    def __init__(self, addresses: list[str], token: str, connections: int) -> None:
        self._idle: list[Line] = [Line(addresses[n % len(addresses)], token) for n in range(connections)]
        self._free = asyncio.Semaphore(connections)

    async def ask(self, method: str, path: str, body: object = None, key: str | None = None) -> Reply:
        """Raises ConnectionError when no answer came."""
        content = b"" if body is None else msgspec.json.encode(body)
        async with self._free:
            line = self._idle.pop(random.randrange(len(self._idle)))  # noqa: S311 - spreads, keeps no secret
            try:
                return await line.ask(method, path, content, key)
            finally:
                self._idle.append(line)

    def close(self) -> None:
        for line in self._idle:
            line.close()
