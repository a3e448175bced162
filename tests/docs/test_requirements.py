"""The list of requirements names tests that exist, and every id once."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (?P<id>S[012]-\d\d|X-\d\d) \| (?P<words>[^|]+) \|(?P<where>[^|]*)\|(?: `(?P<test>\w+)` |\s*)\|$")


def rows() -> list[re.Match[str]]:
    lines = (ROOT / "docs" / "requirements.md").read_text().splitlines()
    found = [(line, ROW.match(line)) for line in lines if line.startswith(("| S", "| X"))]
    assert [line for line, match in found if match is None] == []
    return [match for _, match in found if match is not None]


def test_every_requirement_has_one_row() -> None:
    counts = {"S0": 59, "S1": 85, "S2": 32, "X": 35}
    expected = [f"{kind}-{number:02d}" for kind, count in counts.items() for number in range(1, count + 1)]
    assert [row["id"] for row in rows()] == expected


def test_every_named_test_exists() -> None:
    defined = {
        name
        for path in (ROOT / "tests").glob("**/test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert [(row["id"], row["test"]) for row in rows() if row["test"] and row["test"] not in defined] == []


def test_what_names_a_test_says_where_it_is_done() -> None:
    assert [row["id"] for row in rows() if row["test"] and not row["where"].strip()] == []
