"""The house rules of CONTRIBUTING.md, held by a test instead of by attention."""

from __future__ import annotations

import ast
import re
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "holdfast"
CODE = sorted(SOURCE.glob("**/*.py"))
OURS = [*CODE, *sorted((ROOT / "tests").glob("**/*.py")), *sorted((ROOT / "bench").glob("**/*.py"))]
SQL = sorted(f for f in SOURCE.glob("**/*.sql") if f.name != "schema.sql")

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400
FORBIDDEN = ("util", "helper", "manager", "common", "misc", "data", "info", "process", "handle")
# InventoryInfo is the specification's own name, and its neighbours in the API follow it.
SPECIFIED = re.compile(r"Info$")

# Where a broad except is right: the runners at the edge of a request, a job and a command.
EDGE_RUNNERS = {"stock/hot.py", "app.py", "cli.py", "worker.py"}
# Who may speak to the driver, the floor (db) apart. Everybody else goes through Tx and named statements.
DRIVERS = {"cli.py", "demo/load.py"}


def here(path: Path) -> str:
    return path.relative_to(SOURCE if path.is_relative_to(SOURCE) else ROOT).as_posix()


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in nodes_of(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_a_function_fits_on_a_screen() -> None:
    long = [
        f"{here(path)}:{f.lineno} {f.name} has {f.end_lineno - f.lineno + 1} lines"
        for path in OURS
        for f in functions_of(path)
        if f.end_lineno and f.end_lineno - f.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_a_file_can_be_read_in_one_sitting() -> None:
    sizes = {here(path): len(path.read_text().splitlines()) for path in [*OURS, *SQL]}
    assert {name: size for name, size in sizes.items() if size > FILE_LINES_MAX} == {}


def test_every_signature_is_annotated() -> None:
    bare = [
        f"{here(path)}:{f.lineno} {f.name}"
        for path in OURS
        for f in functions_of(path)
        if f.returns is None
        or any(a.annotation is None and a.arg not in ("self", "cls") for a in [*f.args.args, *f.args.kwonlyargs])
    ]
    assert bare == []


def test_only_the_edge_catches_everything() -> None:
    """A broad except inside lost an event in a system we studied: the error was logged and the work went on."""
    broad = [
        f"{here(path)}:{node.lineno}"
        for path in CODE
        for node in nodes_of(path)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
    ]
    assert [place for place in broad if place.split(":")[0] not in EDGE_RUNNERS] == []


def test_names_say_what_a_thing_is() -> None:
    classes = [
        (f"{here(path)} class {node.name}", node.name)
        for path in OURS
        for node in nodes_of(path)
        if isinstance(node, ast.ClassDef) and not SPECIFIED.search(node.name)
    ]
    named = classes + [(here(path), path.stem) for path in OURS]
    words = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
    bad = [where for where, name in named if {word.lower() for word in words.findall(name)} & set(FORBIDDEN)]
    assert bad == []


def test_only_the_floor_speaks_to_the_driver() -> None:
    """Elsewhere a value may be adapted (psycopg.types) and a constraint's refusal named (psycopg.errors), no more."""
    spoken = re.compile(r"^from psycopg(?!\.types)\S* import|^import psycopg\S+|\bpsycopg\.(?!types|errors)\w+", re.M)
    floor = {here(path) for path in CODE if here(path).startswith("db/")} | DRIVERS
    assert [here(path) for path in CODE if here(path) not in floor and spoken.search(path.read_text())] == []


KEYWORDS = re.compile(
    r"\b(?:SELECT|INSERT|UPDATE|DELETE|FROM|WHERE|JOIN|LEFT|ORDER|GROUP|HAVING|LIMIT|UNION|RETURNING|CREATE|TABLE|INDEX"
    r"|VIEW|FUNCTION|TRIGGER|CONSTRAINT|PRIMARY|REFERENCES|DEFAULT|NOT|NULL|UNIQUE|CHECK|GRANT|VALUES|SET|INTO|BEGIN"
    r"|DECLARE|LANGUAGE|RETURNS|CASE|WHEN|THEN|ELSE|EXISTS)\b"
)
_NOT_CODE = re.compile(r"--[^\n]*|'(?:[^']|'')*'")


@pytest.mark.parametrize("path", SQL, ids=here)
def test_sql_is_lower_case(path: Path) -> None:
    code = _NOT_CODE.sub("", path.read_text())
    assert KEYWORDS.findall(code) == []


def test_nothing_is_left_for_later() -> None:
    marks = re.compile("TO" + "DO|FIX" + "ME|X" + "XX")
    assert [here(path) for path in [*OURS, *SQL] if marks.search(path.read_text())] == []


def test_no_test_sleeps() -> None:
    """A sleep is either too short on a busy machine or too long on every other; wait for the condition instead."""
    waiting = {"tests/running.py"}  # asks again and again until a server answers, with a pause between the questions
    sleeping = [
        here(path)
        for path in sorted((ROOT / "tests").glob("**/*.py"))
        if calls_sleep(path) and here(path) not in waiting
    ]
    assert sleeping == []


def calls_sleep(path: Path) -> bool:
    with path.open("rb") as file:
        words = [token.string for token in tokenize.tokenize(file.readline) if token.type == tokenize.NAME]
    return "sleep" in words


def test_features_keep_their_sql_in_its_three_homes() -> None:
    homes = re.compile(r"^(db/migrations/\d{4}_\w+|\w+/functions/\d\d_\w+|\w+/\w+)\.sql$")
    assert [here(path) for path in SQL if not homes.match(here(path))] == []


def test_every_planted_bug_still_has_its_place() -> None:
    bugs = tomllib.loads((ROOT / "scripts" / "planted_bugs.toml").read_text())["bug"]
    gone = [bug["name"] for bug in bugs if bug["right"] not in (ROOT / bug["file"]).read_text()]
    assert gone == []
    assert len(bugs) > 40


def test_benchmarks_ask_for_what_there_is() -> None:
    """No test runs them: a name that moved would be missed by whoever measures next."""
    asked = {
        (node.module, alias.name)
        for file in sorted((ROOT / "bench").glob("**/*.py"))
        for node in nodes_of(file)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "holdfast"
        for alias in node.names
    }
    assert len(asked) > 20
    missing = [
        f"{module}.{name}"
        for module, name in sorted(asked)
        if not hasattr(import_module(module), name) and find_spec(f"{module}.{name}") is None
    ]
    assert missing == []


def test_a_deadline_is_compared_with_one_moment() -> None:
    """Asked per row, the business clock keeps a column from its index: ``(select business_now())`` is asked once."""
    per_row = re.compile(r"[<>]=? *business_now\(\)")
    assert [here(f) for f in SQL if "db/migrations/" not in here(f) and per_row.search(f.read_text())] == []
