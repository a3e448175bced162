"""A whole installation as people start it: ``holdfast up`` on a data directory of its own."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.running import TOKEN, environment, free_port, wait_for

from holdfast.db.embedded import EmbeddedServer


class Installation:
    def __init__(self, data_dir: Path, **more: str) -> None:
        self.data_dir = data_dir
        self.server = EmbeddedServer(data_dir)
        self.port = free_port()
        self.token = TOKEN
        self._more = more
        self._lines: queue.Queue[str] = queue.Queue()
        self.process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and return at once; ``wait`` for the line that says it is ready."""
        settings = {k: v for k, v in environment("", **self._more).items() if k != "INVENTORY_DB_URL"}
        command = ["up", "--port", str(self.port), "--data-dir", str(self.data_dir)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "holdfast", *command],
            env=settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._listen, args=[self.process], daemon=True).start()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines.put(line)

    def wait(self, seconds: float = 90) -> None:
        """Until it says ``Holdfast is ready at``."""
        while not self._lines.get(timeout=seconds).startswith(f"Holdfast is ready at {self.address}"):
            pass

    def wait_until_it_answers(self) -> None:
        wait_for(self.address, 60)

    def child(self, command: str) -> int:
        """The process id of ``serve`` or ``worker``."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in children:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if command.encode() in words:
                return int(pid)
        raise LookupError(command)

    def kill_child(self, command: str) -> None:
        os.kill(self.child(command), signal.SIGKILL)

    def kill(self) -> None:
        """kill -9 of the foreground process."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        # Shown when a test fails: why an installation did not come back is said here or nowhere.
        print("".join(list(self._lines.queue)[-60:]), _last_lines(self.server.log_file), sep="\n")  # noqa: T201
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        self.server.stop("immediate")


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-40:]) if log.exists() else ""
