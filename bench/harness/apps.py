"""Start a design's server process, wait until it answers, stop it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True, slots=True)
class App:
    """A server process that answers on `port`."""

    port: int
    pid: int


def uvicorn_command(target: str, port: int) -> list[str]:
    """One worker with the fast loop and parser, for every design the same."""
    options = "--loop uvloop --http httptools --no-access-log --log-level warning --host 127.0.0.1"
    return [sys.executable, "-m", "uvicorn", target, *options.split(), "--port", str(port)]


def _wait_until_open(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"server ended with {process.returncode}:\n{log.read_text()[-2000:]}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port} after {START_SECONDS:.0f} s")


@contextlib.contextmanager
def running(command: Sequence[str], *, port: int, environment: dict[str, str]) -> Iterator[App]:
    """Run `command` from the checkout until the block ends."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": paths, **environment},
                stdout=sink,
                stderr=sink,
            )
        try:
            _wait_until_open(process, port, log)
            yield App(port, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            said = log.read_text(errors="replace")
            if "Traceback" in said:
                sys.stderr.write(f"{' '.join(command)} said:\n{said[-3000:]}\n")


@contextlib.contextmanager
def uvicorn_app(target: str, environment: dict[str, str]) -> Iterator[App]:
    port = free_port()
    with running(uvicorn_command(target, port), port=port, environment=environment) as app:
        yield app
