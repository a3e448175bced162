"""What cannot start says why in one sentence and what to do; an interrupted first start is continued by the next."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import httpx2
import psycopg
import pytest
from tests.crash.installation import Installation
from tests.crash.waiting import until
from tests.running import SOURCE, free_port
from typer.testing import CliRunner

from holdfast.cli import app
from holdfast.db.embedded import EmbeddedServer
from holdfast.db.installation import installed_database

pytestmark = [pytest.mark.crash, pytest.mark.xdist_group("crash"), pytest.mark.timeout(180)]


def refused(*arguments: str, **settings: str) -> str:
    """What ``holdfast`` says when it refuses to start, on one line."""
    environment = {"PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"], "COLUMNS": "500", **settings}
    command = [sys.executable, "-m", "holdfast", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return " ".join(done.stdout.split())


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        said = refused("up", "--port", port, "--data-dir", str(tmp_path / "data"))
    assert f"Port {port} on 127.0.0.1 is not free" in said
    assert "--port" in said
    assert not (tmp_path / "data").exists()


def test_a_data_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = refused("up", "--port", str(free_port()), "--data-dir", str(tmp_path / "file" / "data"))
    assert "cannot be written" in said
    assert "--data-dir" in said


def test_a_data_directory_of_another_postgresql_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgresql").mkdir()
    (tmp_path / "postgresql" / "PG_VERSION").write_text("15\n")
    said = refused("up", "--port", str(free_port()), "--data-dir", str(tmp_path))
    assert "was made by PostgreSQL 15" in said
    assert (tmp_path / "postgresql" / "PG_VERSION").read_text() == "15\n"


@pytest.mark.parametrize("command", ["migrate", "doctor", "serve"])
def test_an_unreachable_database_is_said_in_one_sentence(tmp_path: Path, command: str) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    assert "the database cannot be reached" in refused(command, INVENTORY_DB_URL=url)


def test_a_setting_that_is_no_number_is_named() -> None:
    said = refused("serve", INVENTORY_DB_URL="postgresql://x", DEFAULT_RESERVATION_TIMEOUT="soon")
    assert "DEFAULT_RESERVATION_TIMEOUT is 'soon', which is not a int" in said


def test_an_address_that_is_none_is_said_in_one_sentence() -> None:
    assert "INVENTORY_DB_URL is no address of PostgreSQL" in refused("doctor", INVENTORY_DB_URL="shop")


def test_a_second_start_in_a_directory_that_is_in_use_ends_nothing(data_dir: Path) -> None:
    """It would share the server of the first, and take it along when it ends."""
    server = EmbeddedServer(data_dir)
    port = str(free_port())
    with server.claimed():
        assert server.is_claimed()
        said = refused("up", "--data-dir", str(data_dir), "--port", port)
        assert f"Holdfast is running in {data_dir} already" in said
    assert not server.is_claimed()
    assert not server.cluster_dir.exists()


def test_a_command_leaves_the_server_to_who_began_to_run_meanwhile(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    try:
        with installed_database(data_dir, may_be_new=True), server.claimed():
            pass
        assert not server.is_running()
        with contextlib.ExitStack() as kept:
            with installed_database(data_dir, may_be_new=True):
                kept.enter_context(server.claimed())
            assert server.is_running()
    finally:
        server.stop("immediate")


def test_a_name_in_place_of_an_address_makes_no_account(data_dir: Path) -> None:
    said = CliRunner().invoke(app, ["user", "add", "ana", "--data-dir", str(data_dir)])
    assert said.exit_code == 2
    assert "ana@example.com" in said.output
    assert not data_dir.exists()


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_is_none_is_refused(data_dir: Path, port: str) -> None:
    assert CliRunner().invoke(app, ["up", "--port", port, "--data-dir", str(data_dir)]).exit_code == 2


def test_serving_without_a_database_says_what_to_set() -> None:
    assert "INVENTORY_DB_URL is not set" in refused("serve")


def during_initdb(installed: Installation) -> bool:
    return (installed.server.cluster_dir / "PG_VERSION").exists()


def during_migration(installed: Installation) -> bool:
    try:
        with psycopg.connect(installed.server.url()) as connection:
            row = connection.execute("select count(*) from pg_locks where locktype = 'advisory'").fetchone()
        return row is not None and row[0] > 0
    except psycopg.OperationalError:
        return False


@pytest.mark.parametrize("moment", [during_initdb, during_migration])
def test_an_interrupted_first_start_is_continued(data_dir: Path, moment: Callable[[Installation], bool]) -> None:
    installed = Installation(data_dir)
    try:
        installed.start()
        until(lambda: moment(installed))
        installed.kill()
        installed.start()
        installed.wait()
        key = {"Authorization": f"Bearer {installed.token}"}
        assert httpx2.get(f"{installed.address}/api/v1/inventory", headers=key).json()["inventories"] == []
    finally:
        installed.stop()


def test_sigterm_stops_everything_in_order_within_ten_seconds(data_dir: Path) -> None:
    installed = Installation(data_dir)
    try:
        installed.start()
        installed.wait()
        assert installed.process is not None
        stopper = threading.Timer(0, installed.process.send_signal, [signal.SIGTERM])
        stopper.start()
        assert installed.process.wait(10) == 0
        assert not installed.server.is_running()
    finally:
        installed.stop()
