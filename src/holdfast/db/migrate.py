"""Bring a database to the state this program needs: numbered migrations, then the functions, in one transaction.

Everything happens under one advisory lock, so any number of processes may start at once; an interrupted start leaves
nothing behind. A database newer than this program is refused.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, LiteralString, cast

import psycopg
from procrastinate.schema import SchemaManager

from holdfast.kernel.errors import CannotStart

_LOCK = 4_825_011_908  # any constant: "holdfast" to the database


@dataclass(frozen=True, slots=True)
class SourceFile:
    name: str
    text: LiteralString

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations() -> list[SourceFile]:
    """The numbered files in order."""
    return _sql_files(files("holdfast.db") / "migrations")


def functions() -> list[SourceFile]:
    """Every feature's functions, re-applied whole whenever one of them changed."""
    found: list[SourceFile] = []
    for feature in sorted(files("holdfast").iterdir(), key=lambda f: f.name):
        folder = feature / "functions"
        if feature.is_dir() and folder.is_dir():
            found += [SourceFile(f"{feature.name}/{f.name}", f.text) for f in _sql_files(folder)]
    return found


def migrate(url: str) -> list[str]:
    """Apply what is missing; answers the names of what was applied.

    Raises CannotStart when the database is newer than this program or its user may not create what we need.
    """
    applied: list[str] = []
    with (
        psycopg.connect(url, options="-c timezone=UTC -c client_min_messages=warning") as connection,
        connection.transaction(),
    ):
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        try:
            _ensure_role(connection)
            connection.execute(
                "create table if not exists schema_migrations (name text primary key, digest text not null, "
                "applied_at timestamptz not null default now())"
            )
            connection.execute("grant select on schema_migrations to holdfast_app")
            known = dict(connection.execute("select name, digest from schema_migrations").fetchall())
            _refuse_newer(known)
            if "procrastinate" not in known:
                _apply(connection, SourceFile("procrastinate", SchemaManager.get_schema()))
                connection.execute(_PROCRASTINATE_GRANTS)
                applied.append("procrastinate")
            for file in migrations():
                if file.name not in known:
                    _apply(connection, file)
                    applied.append(file.name)
            applied += _apply_functions(connection, known)
        except psycopg.errors.InsufficientPrivilege as error:
            raise CannotStart(
                f"The database user may not prepare the database ({error.diag.message_primary}). Grant it CREATE on "
                "the database and schema public, and either CREATEROLE or membership in a role named holdfast_app."
            ) from error
    return applied


def need_migrated(url: str) -> None:
    """Raises CannotStart when the database lacks a migration of this program; later ones do not disturb it."""
    with psycopg.connect(url) as connection:
        is_empty = connection.execute("select to_regclass('schema_migrations') is null").fetchone() == (True,)
        known = (
            set[str]() if is_empty else {name for (name,) in connection.execute("select name from schema_migrations")}
        )
    missing = [file.name for file in migrations() if file.name not in known]
    if missing:
        raise CannotStart(
            f"The database lacks {len(missing)} of our {len(migrations())} migrations, from {missing[0]} on. "
            "Run `holdfast migrate` first."
        )


_PROCRASTINATE_GRANTS: LiteralString = """
do $$
declare
    v_table text;
begin
    for v_table in select tablename from pg_tables
                    where schemaname = current_schema() and tablename like 'procrastinate%' loop
        execute format('grant select, insert, update, delete on %I to holdfast_app', v_table);
    end loop;
end $$;
grant usage on all sequences in schema public to holdfast_app;
"""


def _ensure_role(connection: psycopg.Connection[Any]) -> None:
    if connection.execute("select from pg_roles where rolname = 'holdfast_app'").fetchone() is None:
        connection.execute("create role holdfast_app nologin")
    may_assume = connection.execute("select pg_has_role(current_user, 'holdfast_app', 'SET')").fetchone()
    if may_assume and not may_assume[0]:
        connection.execute("grant holdfast_app to current_user with set true")
    connection.execute("grant usage on schema public to holdfast_app")


def _refuse_newer(known: dict[str, str]) -> None:
    ours = {file.name for file in migrations()}
    newer = sorted(name for name in known if name[:4].isdigit() and name not in ours)
    if newer:
        raise CannotStart(
            f"This database was prepared by a newer Holdfast (it has {newer[-1]}). "
            "Start that version, or restore a backup."
        )


def _apply(connection: psycopg.Connection[Any], file: SourceFile) -> None:
    connection.execute(file.text, prepare=False)
    connection.execute("insert into schema_migrations (name, digest) values (%s, %s)", [file.name, file.digest])


def _apply_functions(connection: psycopg.Connection[Any], known: dict[str, str]) -> list[str]:
    digest = hashlib.sha256("".join(f.digest for f in functions()).encode()).hexdigest()
    if known.get("functions") == digest:
        return []
    # Bodies call each other across files, so they are checked by the tests and not while half of them are missing.
    connection.execute("set local check_function_bodies = off")
    for file in functions():
        connection.execute(file.text, prepare=False)
    connection.execute(
        "insert into schema_migrations (name, digest) values ('functions', %s) "
        "on conflict (name) do update set digest = excluded.digest, applied_at = now()",
        [digest],
    )
    return ["functions"]


def _sql_files(folder: Traversable) -> list[SourceFile]:
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    # The files are part of the program, hence the cast to trusted text.
    return [SourceFile(f.name.removesuffix(".sql"), cast(LiteralString, f.read_text(encoding="utf-8"))) for f in found]
