"""The services the specification names exist, under one roof each, and know nothing of who calls them (S1-19)."""

from __future__ import annotations

import ast
import importlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "holdfast"

# What the specification calls it, where ours is, and what one must be able to ask of it.
SERVICES = (
    ("inventory", "holdfast.stock.service", ("move", "list_levels", "list_movements")),
    ("reservation", "holdfast.stock.service", ("reserve", "resolve", "prolong", "expire_due")),
    ("allocation", "holdfast.allocation.service", ("plan", "plan_and_hold")),
    ("replenishment", "holdfast.replenishment.service", ()),
    ("warehouse", "holdfast.warehouses.service", ("create_warehouse", "change_warehouse")),
    ("sync", "holdfast.connectors.levels", ("note_changes", "batch_levels")),
)
EDGES = ("api", "pages", "jobs", "app", "cli", "worker")


def floors() -> list[set[str]]:
    """The floors of the house from the top, as import-linter keeps them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return [
        {name.strip(" ()").removeprefix("holdfast.") for name in layer.split("|")} for layer in contracts[0]["layers"]
    ]


def imported_by(module: str) -> set[str]:
    """Modules of ours that a module imports, when it is loaded or later."""
    path = SOURCE.joinpath(*module.split(".")[1:]).with_suffix(".py")
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("holdfast"):
            found |= {f"{node.module}.{name.name}" for name in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.startswith("holdfast")}
    return found


@pytest.mark.parametrize(("name", "module", "verbs"), SERVICES, ids=[name for name, _, _ in SERVICES])
def test_each_named_service_exists_and_imports_down_only(name: str, module: str, verbs: tuple[str, ...]) -> None:
    service = importlib.import_module(module)
    assert [verb for verb in verbs if not callable(getattr(service, verb, None))] == []
    order = floors()
    own = module.split(".")[1]
    mine = next(n for n, floor in enumerate(order) if own in floor)
    above = set().union(*order[:mine])
    imports = imported_by(module)
    assert sorted(other for other in imports if other.split(".")[1:2] and other.split(".")[1] in above) == []
    assert sorted(other for other in imports if other.split(".")[2:3] and other.split(".")[2] in EDGES) == []


def test_the_look_for_imports_sees_one_that_goes_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stock").mkdir()
    (tmp_path / "stock" / "service.py").write_text("def late():\n    from holdfast.console import frame\n")
    monkeypatch.setattr(f"{__name__}.SOURCE", tmp_path)
    assert imported_by("holdfast.stock.service") == {"holdfast.console", "holdfast.console.frame"}
