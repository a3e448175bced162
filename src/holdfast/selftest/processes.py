"""API and sweeper processes of the self-test's own, on the installation's database: these may be killed."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import socket
import subprocess
import sys
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

    async def start(self, *, apis: int, sweepers: int) -> None:
        """Raises CannotStart when an API process does not answer in time."""
        for _ in range(sweepers):
            self._start([sys.executable, "-m", "holdfast.selftest.sweeper"])
        for _ in range(apis):
            port = _free_port()
            address = f"http://127.0.0.1:{port}"
            self._start([sys.executable, "-m", "holdfast", "serve", "--port", str(port)], address)
            self.addresses.append(address)
        await asyncio.gather(*(_until_it_answers(address) for address in self.addresses))

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
                await _until_it_answers(victim.address)

    def end(self) -> None:
        for process in self._started:
            process.running.terminate()
        for process in self._started:
            try:
                process.running.wait(10)
            except subprocess.TimeoutExpired:
                process.running.kill()
                process.running.wait()

    def _start(self, arguments: list[str], address: str | None = None) -> None:
        self._started.append(_Started(arguments, self._run(arguments), address))

    def _run(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        # A session of its own: ^C is for us, and we end them when the books are closed.
        return subprocess.Popen(  # noqa: S603 - ourselves
            arguments,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


async def _until_it_answers(address: str) -> None:
    line = Line(address, "")
    try:
        async with asyncio.timeout(READY_SECONDS_MAX):
            while True:
                try:
                    # Any answer will do: without a token it is 401.
                    await line.ask("GET", "/inventory", b"", None)
                    return
                except OSError:
                    await asyncio.sleep(0.05)
    except TimeoutError:
        raise CannotStart(f"An API process did not answer at {address} within {READY_SECONDS_MAX:.0f} s.") from None
    finally:
        line.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
