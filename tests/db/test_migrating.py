"""Starting brings the database to the state the program needs: once and whole, whoever else starts meanwhile."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from tests.conftest import alone
from tests.running import environment

from holdfast.db.dump import SCHEMA_FILE, schema_of
from holdfast.db.embedded import EmbeddedServer
from holdfast.db.migrate import functions, migrate, migrations, need_migrated
from holdfast.kernel.errors import CannotStart


@pytest.fixture
def empty(server: EmbeddedServer, run_dir: Path) -> Callable[[], str]:
    """Makes empty databases."""

    def make() -> str:
        name = f"empty_{uuid.uuid4().hex[:12]}"
        with alone(run_dir), psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute(f"create database {name}")  # type: ignore[arg-type]
        return server.url(name)

    return make


def test_a_second_start_finds_nothing_to_do(empty: Callable[[], str]) -> None:
    url = empty()
    applied = migrate(url)
    assert [name for name in applied if name[:4].isdigit()] == [file.name for file in migrations()]
    assert migrate(url) == []


def test_two_starters_at_once_apply_everything_once(empty: Callable[[], str]) -> None:
    url = empty()
    code = f"from holdfast.db.migrate import migrate; print(len(migrate({url!r})))"
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    counts = sorted(int(starter.communicate(timeout=90)[0]) for starter in starters)
    assert counts == [0, 0, len(migrations()) + 2]  # and procrastinate, and the functions
    assert [starter.returncode for starter in starters] == [0, 0, 0]


def test_a_start_that_fails_in_the_middle_leaves_nothing_behind(
    empty: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = empty()
    broken = [*migrations()[:2], type(migrations()[0])("0003_broken", "create table half (); select 1 / 0;")]
    with monkeypatch.context() as patched:
        patched.setattr("holdfast.db.migrate.migrations", lambda: broken)
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate(url)
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone() == (0,)
    assert len(migrate(url)) == len(migrations()) + 2


def test_a_database_of_a_newer_holdfast_is_refused_in_one_sentence(empty: Callable[[], str]) -> None:
    url = empty()
    migrate(url)
    with psycopg.connect(url) as connection:
        connection.execute("insert into schema_migrations (name, digest) values ('9999_tomorrow', '')")
    with pytest.raises(CannotStart, match=r"newer Holdfast \(it has 9999_tomorrow\)"):
        migrate(url)


@pytest.mark.parametrize("command", ["serve", "worker", "doctor", "selftest"])
def test_a_command_on_an_unprepared_database_says_what_to_do(empty: Callable[[], str], command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "holdfast", command],
        env={**environment(empty()), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    count = len(migrations())
    assert f"lacks {count} of our {count} migrations, from 0001" in done.stdout
    assert "Run `holdfast migrate` first." in done.stdout


def test_what_lacks_the_newest_migration_only_is_named(empty: Callable[[], str]) -> None:
    url = empty()
    migrate(url)
    need_migrated(url)
    newest = migrations()[-1].name
    with psycopg.connect(url) as connection:
        connection.execute("delete from schema_migrations where name = %s", [newest])
    with pytest.raises(CannotStart, match=f"lacks 1 of our .* from {newest} on"):
        need_migrated(url)


def test_changed_functions_are_applied_again(empty: Callable[[], str]) -> None:
    url = empty()
    migrate(url)
    with psycopg.connect(url) as connection:
        connection.execute("update schema_migrations set digest = 'of another text' where name = 'functions'")
    assert migrate(url) == ["functions"]


def test_a_user_who_may_not_prepare_the_database_is_told_what_to_grant(
    empty: Callable[[], str], server: EmbeddedServer, run_dir: Path
) -> None:
    url = empty()
    with alone(run_dir), psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute("drop role if exists guest")
        connection.execute("create role guest login")
    with pytest.raises(CannotStart, match="Grant it CREATE"):
        migrate(url.replace("holdfast_owner", "guest"))


def test_the_schema_file_is_what_the_migrations_make(fresh_url: str) -> None:
    """Fails after a migration was added without ``make schema``."""
    assert schema_of(fresh_url) == SCHEMA_FILE.read_text()


def test_migrations_are_numbered_once_and_named_in_words() -> None:
    names = [file.name for file in migrations()]
    assert all(name[:4].isdigit() and name[4] == "_" and name[5:].replace("_", "").isalnum() for name in names)
    assert len({name[:4] for name in names}) == len(names)
    assert names == sorted(names)


def test_functions_can_be_created_twice() -> None:
    for file in functions():
        assert "create function" not in file.text, file.name


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """Not below pytest's own folder: that is closed to the server's account again by every run that starts."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-commands-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_commands_leave_no_embedded_server_behind_and_say_what_is_missing(own_folder: Path) -> None:
    here, nowhere = str(own_folder / "data"), str(own_folder / "nowhere")
    bare = {name: value for name, value in environment("").items() if name != "INVENTORY_DB_URL"}

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        whole = [sys.executable, "-m", "holdfast", *command]
        return subprocess.run(whole, env=bare, capture_output=True, text=True, timeout=60, check=False)

    assert "0001_access" in run("migrate", "--data-dir", here).stdout
    assert not EmbeddedServer(own_folder / "data").is_running()
    key = run("key", "create", "till", "--scope", "read", "--data-dir", here)
    assert (key.returncode, key.stdout[:3]) == (0, "hf_"), key.stderr
    assert not EmbeddedServer(own_folder / "data").is_running()
    lost = run("user", "add", "anna@shop.example", "--data-dir", nowhere)
    assert lost.returncode == 1
    assert "no installation" in lost.stdout + lost.stderr
    assert not (own_folder / "nowhere").exists()
