"""A start of the program loads what it needs to start, and nothing that only some of its work needs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest
from tests.running import environment
from typer.testing import CliRunner

from holdfast.cli import app

# Each costs between a fiftieth and half a second, at every start of every process and of every command.
HEAVY = ("scipy", "typst", "duckdb", "lightgbm", "pyarrow", "ray", "redis")
LOADED = "import sys, {module}; print(*(name for name in {names} if name in sys.modules))"


@pytest.mark.parametrize(
    ("module", "heavy"),
    [("holdfast.app", HEAVY), ("holdfast.worker", (*HEAVY, "fastapi")), ("holdfast.cli", (*HEAVY, "fastapi"))],
)
def test_a_start_leaves_out_what_only_some_work_needs(module: str, heavy: tuple[str, ...]) -> None:
    said = subprocess.run(
        [sys.executable, "-c", LOADED.format(module=module, names=heavy)],
        env=environment(""),
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == []


def test_the_program_says_its_version() -> None:
    said = CliRunner().invoke(app, ["--version"])
    assert (said.exit_code, said.output) == (0, f"{version('holdfast')}\n")
