"""``holdfast up``: database, API and job runner as children of one foreground process."""

from __future__ import annotations

import asyncio
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import httpx2
from rich.console import Console

from holdfast.access.keys import ensure_bootstrap_key
from holdfast.access.people import start_link
from holdfast.access.reached import keep_address
from holdfast.db import in_one_transaction
from holdfast.db.embedded import EmbeddedServer, wait_until_ready
from holdfast.db.migrate import migrate
from holdfast.demo.commands import parts as demo_parts
from holdfast.kernel.errors import CannotStart, TryAgain
from holdfast.notify.mail import MailServer
from holdfast.settings import Settings

screen = Console()

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 8
LOOK_EVERY_SECONDS = 0.1
RESTARTS_PER_MINUTE_MAX = 6
DATABASE_RETRY_SECONDS = 5


def run_all(*, port: int, host: str, data_dir: Path, demo: bool, workers: int) -> None:
    """Start everything, print the address, and stay until SIGTERM or ^C.

    Raises CannotStart with one sentence and what to do.
    """
    _refuse_taken_port(host, port)
    settings = Settings.from_env(data_dir=data_dir.resolve())
    if settings.smtp_url:
        MailServer.of(settings.smtp_url)
    if settings.db_url:
        return _run(settings, None, port=port, host=host, demo=demo, workers=workers)
    server = EmbeddedServer(settings.data_dir)
    with server.claimed():
        _run(settings, server, port=port, host=host, demo=demo, workers=workers)


def _run(settings: Settings, server: EmbeddedServer | None, *, port: int, host: str, demo: bool, workers: int) -> None:
    url = settings.db_url or (server.start() if server else "")
    try:
        wait_until_ready(url)
        migrate(url)
        # Before the demo shop makes keys of its own: the installation is empty only now.
        asyncio.run(in_one_transaction(url, lambda tx: ensure_bootstrap_key(tx, settings.bootstrap_token)))
        if demo:
            _load_demo_shop(url)
        environment = {**os.environ, "INVENTORY_DB_URL": url, "HOLDFAST_DATA_DIR": str(settings.data_dir)}
        environment["HOLDFAST_SECRET"] = settings.secret or _kept_secret(settings.data_dir)
        environment["HOLDFAST_PUBLIC_URL"] = settings.public_url or f"http://{host}:{port}"
        with tempfile.TemporaryDirectory(prefix="holdfast-metrics-") as metrics:
            environment["PROMETHEUS_MULTIPROC_DIR"] = metrics
            family = Family(environment)
            family.add("api", ["serve", "--port", str(port), "--host", host, "--workers", str(workers)])
            family.add("jobs", ["worker"])
            if demo:
                for name, arguments in demo_parts(environment, f"http://{_reached_at(host)}:{port}"):
                    family.add(name, arguments)
            family.run(meanwhile=(KeptAlive(server).look, Announcement(host, port, url, settings).look))
    finally:
        if server:
            server.stop()


@dataclass
class Child:
    name: str
    arguments: list[str]
    running: subprocess.Popen[bytes] | None = None
    started_at: list[float] = field(default_factory=list[float])


class Family:
    """Children that are started together, restarted when they die, and stopped together."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._children: list[Child] = []
        self._stopping = False

    def add(self, name: str, arguments: list[str]) -> None:
        self._children.append(Child(name, arguments))

    def run(self, *, meanwhile: Iterable[Callable[[], None]]) -> None:
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)
        for child in self._children:
            self._start(child)
        try:
            while not self._stopping:
                time.sleep(LOOK_EVERY_SECONDS)
                for look in meanwhile:
                    look()
                self._restart_the_dead()
        finally:
            self._end_all()

    def _start(self, child: Child) -> None:
        recent = [at for at in child.started_at if at > time.monotonic() - 60]
        if len(recent) >= RESTARTS_PER_MINUTE_MAX:
            raise CannotStart(f"The {child.name} process keeps dying; its last words are above.")
        child.started_at = [*recent, time.monotonic()]
        child.running = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "holdfast", *child.arguments],
            env=self._environment,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - this process has one thread
        )

    def _restart_the_dead(self) -> None:
        for child in self._children:
            if child.running is not None and child.running.poll() is not None and not self._stopping:
                screen.print(
                    f"[yellow]The {child.name} process ended ({child.running.returncode}); starting it again.[/]"
                )
                self._start(child)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _end_all(self) -> None:
        self._stopping = True
        running = [child.running for child in self._children if child.running is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS_MAX
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()


class KeptAlive:
    """Our own PostgreSQL, started again when it is gone; API and jobs reconnect by themselves."""

    def __init__(self, server: EmbeddedServer | None) -> None:
        self._server = server
        self._next_try = 0.0

    def look(self) -> None:
        """A server that cannot start, because its disk is full, is tried again: the API answers 503 meanwhile."""
        if self._server is None or self._server.is_alive() or time.monotonic() < self._next_try:
            return
        screen.print("[yellow]PostgreSQL ended; starting it again.[/]")
        try:
            self._server.start()
        except CannotStart as reason:
            screen.print(f"[red]{reason}[/] Trying again.")
            self._next_try = time.monotonic() + DATABASE_RETRY_SECONDS


class Announcement:
    """What a user reads when everything answers: the address first, then how to sign in."""

    def __init__(self, host: str, port: int, url: str, settings: Settings) -> None:
        self._address = f"http://{host}:{port}"
        self._reached = f"http://{_reached_at(host)}:{port}"
        self._url = url
        self._settings = settings
        self._deadline = time.monotonic() + START_SECONDS_MAX
        self._next = self._say_ready

    def look(self) -> None:
        """The next step. What fails because the database died meanwhile is done when it is back."""
        self._next()

    def _say_ready(self) -> None:
        if time.monotonic() > self._deadline:
            raise CannotStart(f"The API did not answer within {START_SECONDS_MAX} s; its last words are above.")
        if self._answers():
            keep_address(self._settings.data_dir, self._reached)
            # Programs wait for exactly this line (contract).
            print(f"Holdfast is ready at {self._address}", flush=True)  # noqa: T201
            self._next = self._say_how_to_sign_in

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self._address}/readyz", timeout=2).status_code == 200
        except httpx2.HTTPError:
            return False

    def _say_how_to_sign_in(self) -> None:
        try:
            email, link = asyncio.run(
                in_one_transaction(self._url, lambda tx: start_link(tx, self._settings.admin_email), seconds_max=2)
            )
        except (CannotStart, TryAgain):
            return
        print(f"Sign in as {email}: {self._address}/sign-in/{link}", flush=True)  # noqa: T201
        print("The link works once, for a day; every start prints a new one. Stop with ^C.", flush=True)  # noqa: T201
        self._next = lambda: None


def _load_demo_shop(url: str) -> None:
    """SIGTERM meanwhile leaves in order: the server is stopped, and the next start continues the load."""
    from holdfast.demo.load import load_demo

    signal.signal(signal.SIGTERM, _leave)
    load_demo(url, screen)


def _reached_at(host: str) -> str:
    """Where a program on this machine finds what listens on ``host``."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _refuse_taken_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStart(
                f"Port {port} on {host} is not free ({error.strerror}). Choose another with --port or PORT=…"
            ) from error


def _kept_secret(data_dir: Path) -> str:
    """The key for stored secrets, made once and readable by its owner only."""
    file = data_dir / "secret"
    if not file.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32))
    return file.read_text().strip()


def _die_with_parent() -> None:
    """Children of a killed supervisor must not keep the port (Linux only; elsewhere they are found by the port)."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
