"""Every statement is prepared on a freshly migrated database: a renamed column is found without running anything."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest

import holdfast
from holdfast.db import Statement, statements

SOURCE = Path(holdfast.__file__).parent
FILES = [file for file in SOURCE.glob("*/*.sql") if file.name != "schema.sql"]
HOMES = sorted((f"holdfast.{file.parent.name}", file.name) for file in FILES)
_PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")


def numbered(statement: Statement) -> str:
    """``%(name)s`` as ``$1``, the same name the same number."""
    names: dict[str, str] = {}
    return _PLACEHOLDER.sub(
        lambda m: "%" if m[0] == "%%" else names.setdefault(m[1], f"${len(names) + 1}"), statement.text
    )


@pytest.mark.parametrize(("package", "file"), HOMES)
def test_every_statement_can_be_prepared(worker_url: str, package: str, file: str) -> None:
    wrong: list[str] = []
    with psycopg.connect(worker_url, autocommit=True, options="-c role=holdfast_app") as connection:
        for statement in statements(package, file).found.values():
            if statement.text.startswith(("set ", "copy ")):
                continue  # PostgreSQL prepares neither
            try:
                connection.execute(f"prepare checked as {numbered(statement)}")  # type: ignore[arg-type]
                connection.execute("deallocate checked")
            except psycopg.Error as error:
                wrong.append(f"{statement.name}: {error.diag.message_primary}")
    assert wrong == []


@pytest.mark.parametrize(("package", "file"), HOMES)
def test_every_statement_has_a_name_and_a_reason_and_a_reader(package: str, file: str) -> None:
    found = statements(package, file).found
    text = (files(package) / file).read_text(encoding="utf-8")
    assert text.lstrip().startswith("-- "), "the first statement has a name"
    python = "".join(p.read_text() for p in SOURCE.glob("**/*.py"))
    unread = [name for name in found if not re.search(rf"\.{name}\b", python)]
    assert unread == []
