"""The HTTP server: uvicorn, told how we want it, with each answer sent as one piece."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


def serve(factory: str, *, host: str, port: int, workers: int = 1) -> None:
    """Answer HTTP until told to stop. ``factory`` names what makes the application in each process."""
    # Nothing that is loaded for the start is garbage: looking for some takes a seventh of it. The application collects
    # again once it has started.
    gc.disable()
    if workers > 1 and sys.platform == "linux":
        # Several processes on few cores, each interrupted by whoever it just answered, lose a tenth (decision 0162).
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    uvicorn.run(
        factory,
        factory=True,
        host=host,
        port=port,
        workers=workers,
        loop="uvloop",
        http=OnePiece,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=8,
        backlog=2048,
    )


class OnePiece(HttpToolsProtocol):
    """Sends head and body of an answer in one system call and one packet (docs/decisions/0162)."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(_Gathering(transport, self.loop))  # pyright: ignore[reportArgumentType] - acts as one


class _Gathering:
    """A transport that sends together what is written within one turn of the loop."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._call_soon = loop.call_soon
        self._written: list[bytes] = []
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        if not self._written:
            self._call_soon(self._send)
        self._written.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._send()
        self._transport.set_protocol(protocol)

    def _send(self) -> None:
        written, self._written = self._written, []
        # Whoever asked may have left meanwhile.
        if written and not self._transport.is_closing():
            self._transport.writelines(written)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
