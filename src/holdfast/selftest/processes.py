"""API and sweeper processes of the self-test's own, on the installation's database: these may be killed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.kernel.errors import CannotStart
from holdfast.selftest.client import Line

READY_SECONDS_MAX = 60.0
KILL_EVERY_SECONDS = (0.7, 2.0)


@dataclass(slots=True)
class _Started:
    arguments: list[str]
    running: subprocess.Popen[bytes]
    address: str | None = None


class Processes:
    """Started together, killed one by one if asked, ended together."""

    def __init__(self, url: str) -> None:
        self._environment = {**os.environ, "INVENTORY_DB_URL": url}
        self._started: list[_Started] = []
        self.addresses: list[str] = []
        self.killed = 0
        # What they say is shown only when one of them cannot start.
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed in end()

    async def start(self, *, apis: int, sweepers: int) -> None:
        """Raises CannotStart when an API process does not answer in time."""
        for _ in range(sweepers):
            self._start([sys.executable, "-m", "holdfast.selftest.sweeper"])
        for _ in range(apis):
            port = _free_port()
            address = f"http://127.0.0.1:{port}"
            self._start([sys.executable, "-m", "holdfast", "serve", "--port", str(port)], address)
            self.addresses.append(address)
        await asyncio.gather(*(self._until_it_answers(one) for one in self._started if one.address is not None))

    async def kill_at_random(self, is_over: Callable[[], bool]) -> None:
        """kill -9 of one process after the other, each started again and answering before the next dies."""
        # In turn, so that a short run kills every kind too.
        for number in itertools.cycle(random.sample(range(len(self._started)), len(self._started))):
            await asyncio.sleep(random.uniform(*KILL_EVERY_SECONDS))  # noqa: S311
            if is_over():
                return
            victim = self._started[number]
            victim.running.kill()
            victim.running.wait()
            self.killed += 1
            victim.running = self._run(victim.arguments)
            if victim.address is not None:
                await self._until_it_answers(victim)

    def end(self) -> None:
        for process in self._started:
            process.running.terminate()
        for process in self._started:
            try:
                process.running.wait(10)
            except subprocess.TimeoutExpired:
                process.running.kill()
                process.running.wait()
        self._words.close()

    async def _until_it_answers(self, started: _Started) -> None:
        assert started.address is not None
        line = Line(started.address, "")
        deadline = time.monotonic() + READY_SECONDS_MAX
        try:
            while True:
                try:
                    # Any answer will do: without a token it is 401.
                    await line.ask("GET", "/inventory", b"", None)
                    return
                except OSError:
                    if started.running.poll() is not None or time.monotonic() > deadline:
                        raise CannotStart(f"An API process does not answer: {self._last_words()}") from None
                    await asyncio.sleep(0.05)
        finally:
            line.close()

    def _last_words(self) -> str:
        self._words.seek(0)
        said = self._words.read().decode(errors="replace").strip().splitlines()
        # uvicorn's own last line says only that it is the last.
        told = [line for line in said if not line.startswith((" ", "ERROR:", "Traceback"))] or said
        return told[-1] if told else "it left no message."

    def _start(self, arguments: list[str], address: str | None = None) -> None:
        self._started.append(_Started(arguments, self._run(arguments), address))

    def _run(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        # A session of its own: ^C is for us, and we end them when the books are closed.
        return subprocess.Popen(  # noqa: S603 - ourselves
            arguments,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=self._words,
            start_new_session=True,
        )


def _free_port() -> int:
    """Below the range of outgoing connections, which would take the port while a killed process is away from it."""
    while True:
        port = random.randint(20_000, 32_000)  # noqa: S311
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
