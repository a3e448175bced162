"""A running API over real HTTP, in processes of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

TOKEN = "test-admin-token"
SOURCE = Path(__file__).parents[1] / "src"


@dataclass
class Running:
    """Processes of ``holdfast serve`` on one database; ``addresses`` has one per process."""

    database_url: str
    token: str = TOKEN
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])
    addresses: list[str] = field(default_factory=list[str])

    @property
    def address(self) -> str:
        return self.addresses[0]

    def client(self, number: int = 0, **options: object) -> httpx2.Client:
        """A client of one process that sends the admin token."""
        return httpx2.Client(
            base_url=f"{self.addresses[number]}/api/v1",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
            **options,  # type: ignore[arg-type]
        )


def environment(database_url: str, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(SOURCE),
        "INVENTORY_DB_URL": database_url,
        "HOLDFAST_BOOTSTRAP_TOKEN": TOKEN,
        "HOLDFAST_SECRET": "a secret for tests",
        **more,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(address: str, seconds: float = 30) -> None:
    """Wait until an API answers that it is ready."""
    deadline = time.monotonic() + seconds
    # One client for all attempts: to make one costs as much as a tenth of a second in which the server could start.
    with httpx2.Client(base_url=address, timeout=2) as client:
        while True:
            with suppress(httpx2.HTTPError):
                if client.get("/readyz").status_code == 200:
                    return
            assert time.monotonic() < deadline, f"{address} did not become ready"
            time.sleep(0.05)


@contextmanager
def serving(database_url: str, processes: int = 1, workers: int = 1, **more: str) -> Iterator[Running]:
    """Start ``holdfast serve`` processes, each with so many workers, and stop them afterwards."""
    found = Running(database_url)
    try:
        for _ in range(processes):
            port = free_port()
            found.addresses.append(f"http://127.0.0.1:{port}")
            found.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "holdfast", "serve", "--port", str(port), "--workers", str(workers)],
                    env=environment(database_url, **more),
                )
            )
        for address in found.addresses:
            wait_for(address)
        yield found
    finally:
        for process in found.processes:
            process.terminate()
        for process in found.processes:
            process.wait(15)
