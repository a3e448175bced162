"""Plant known bugs, one at a time, in a scratch copy, and say which test caught each (docs/testing.md).

    .venv/bin/python scripts/planted_bugs.py [--sound] [part of a name ...]

The tests run without a bug first, since a test that fails anyway catches nothing; --sound skips that. Exit code 1 when
a bug got through. Never touches the tree it is run from.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
COPIED = ("src", "tests", "docs", "scripts", "pyproject.toml", "README.md", "CHANGELOG.md", "babel.cfg", "Makefile")
FAILED = re.compile(r"^(?:FAILED|ERROR) \S+?::(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Bug:
    name: str
    file: str
    right: str
    wrong: str
    tests: list[str]


def main(wanted: list[str]) -> int:
    table = tomllib.loads((ROOT / "scripts" / "planted_bugs.toml").read_text())
    parts = [part for part in wanted if part != "--sound"]
    bugs = [Bug(**entry) for entry in table["bug"]]
    bugs = [bug for bug in bugs if not parts or any(part in bug.name for part in parts)]
    missed = 0
    with tempfile.TemporaryDirectory(prefix="holdfast-planted-") as folder:
        scratch = Path(folder)
        # The database's account must be able to pass through to the binaries below a linked environment.
        scratch.chmod(0o755)
        for name in COPIED:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, scratch / name)
        if "--sound" not in wanted:
            failing = failing_tests(scratch, sorted({test for bug in bugs for test in bug.tests}))
            assert not failing, f"these fail without any bug: {failing}"
        for bug in bugs:
            caught = caught_by(bug, scratch)
            missed += not caught
            told = ", ".join(f"`{test}`" for test in caught) or "**nothing**"
            print(f"| {bug.name} | {told} |", flush=True)  # noqa: T201
    return 1 if missed else 0


def caught_by(bug: Bug, scratch: Path) -> list[str]:
    """The tests that failed with this bug in place."""
    file = scratch / bug.file
    text = file.read_text()
    assert text.count(bug.right) >= 1, f"{bug.name}: {bug.file} does not contain what is to be replaced"
    file.write_text(text.replace(bug.right, bug.wrong))
    try:
        return failing_tests(scratch, bug.tests)
    finally:
        file.write_text(text)


def failing_tests(scratch: Path, tests: list[str]) -> list[str]:
    done = subprocess.run(  # noqa: S603 - pytest on our own copy
        [sys.executable, "-m", "pytest", "-n", "0", "-q", "--tb=no", "-p", "no:cacheprovider", *tests],
        cwd=scratch,
        env={**os.environ, "PYTHONPATH": str(scratch / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout[-2000:] + done.stderr[-2000:]
    return sorted(set(FAILED.findall(done.stdout)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
