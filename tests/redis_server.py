"""A real Redis of our own on a private socket, which may be flushed, killed, hung and set back to an old snapshot."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError


class RedisServer:
    """Keeps nothing on disk unless ``keep`` is called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        self.running = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder), "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while not self.answers():
            assert time.monotonic() < deadline, "redis-server did not start"

    def answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except RedisError:
            return False

    def client(self) -> Any:
        return Redis(unix_socket_path=str(self.socket), socket_timeout=5)

    def flush(self) -> None:
        self.client().flushall()

    def kill(self) -> None:
        """As by kill -9; what it held is lost."""
        assert self.running is not None
        self.running.kill()
        self.running.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Takes connections and answers nothing."""
        assert self.running is not None
        self.running.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.running.send_signal(signal.SIGCONT)

    def keep(self) -> None:
        """Write the snapshot that the next start finds."""
        self.client().save()

    def stop(self) -> None:
        if self.running is not None and self.running.poll() is None:
            self.kill()


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    # A short path: a socket's may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="holdfast-redis-"))
    server = RedisServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Trouble:
    """Disturbs a server now and then, until it is over."""

    def __init__(self, server: RedisServer, seconds: float, *acts: Callable[[], None]) -> None:
        self._seconds = seconds
        self._acts = acts
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.server = server
        self.count = 0

    def __enter__(self) -> Trouble:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        for act in cycle(self._acts):
            if self._over.wait(self._seconds):
                return
            act()
            self.count += 1


def trouble(server: RedisServer, mode: str, *, seconds: float = 2.0) -> Trouble:
    """``flushing`` or ``killing`` (which also hangs it, for shorter and for longer than anybody waits)."""

    def hang(how_long: float) -> Callable[[], None]:
        def act() -> None:
            with server.hung():
                threading.Event().wait(how_long)

        return act

    if mode == "flushing":
        return Trouble(server, seconds, server.flush)
    return Trouble(server, seconds, server.restart, hang(0.05), hang(0.3), hang(0.8))
