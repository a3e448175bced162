"""The list of requirements names tests that exist, and every id once."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = r"(?:`test_\w+`(?:, )?)*"
ROW = re.compile(
    r"^\| (?P<id>[SXNDQ][-\d]+) \| (?P<words>[^|]+) \|(?P<where>[^|]*)\|"
    rf" (?P<tests>{TESTS})(?:(?:; )?(?P<missing>not yet: [^|]+))? ?\|$"
)
HERE = [1, 3, 6, 7, 8, 10, 11, 12, 16, 18]  # of the ideas (N); the others belong to later work
DEFECTS = [
    *range(1, 45),
    52,
    53,
    *range(54, 71),
    71,
    76,
]  # those of stock, reservations, allocation, batches, cache and API


def rows() -> list[re.Match[str]]:
    lines = (ROOT / "docs" / "requirements.md").read_text().splitlines()
    found = [(line, ROW.match(line)) for line in lines if re.match(r"\| [SXNDQ][-\d]", line)]
    assert [line for line, match in found if match is None] == []
    return [match for _, match in found if match is not None]


def named_in(row: re.Match[str]) -> list[str]:
    return re.findall(r"test_\w+", row["tests"])


def test_every_requirement_has_one_row() -> None:
    counts = {"S0": 59, "S1": 85, "S2": 32, "X": 35}
    expected = [f"{kind}-{number:02d}" for kind, count in counts.items() for number in range(1, count + 1)]
    expected += [f"N-{number:02d}" for number in HERE] + [f"Q{number}" for number in range(1, 19)]
    expected += [f"D-{number:02d}" for number in DEFECTS]
    assert [row["id"] for row in rows()] == expected


def test_every_named_test_exists() -> None:
    defined = {
        name
        for path in (ROOT / "tests").glob("**/test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    named = [(row["id"], name) for row in rows() for name in named_in(row)]
    assert [(number, name) for number, name in named if name not in defined] == []


def test_what_names_a_test_says_where_it_is_done() -> None:
    assert [row["id"] for row in rows() if named_in(row) and not row["where"].strip()] == []


def test_an_acceptance_test_or_defect_is_shown_or_said_to_be_missing() -> None:
    silent = [row["id"] for row in rows() if not named_in(row) and not row["missing"]]
    assert [number for number in silent if number[0] in "NQD"] == []
