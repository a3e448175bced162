"""The reference cannot drift from the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from holdfast.app import Application
from holdfast.kernel.errors import CannotStart
from holdfast.settings import Settings
from holdfast.stock.answers import REFUSALS

DOCS = Path(__file__).parents[2] / "docs"


def test_every_setting_is_documented_with_its_default() -> None:
    page = (DOCS / "reference" / "settings.md").read_text()
    for setting in fields(Settings):
        row = next((line for line in page.splitlines() if f"`{setting.metadata['env']}`" in line), "")
        default = "—" if setting.default == "" else f"`{setting.default}`"
        assert f"| {default} |" in row, setting.name
        assert setting.metadata["doc"] in row, setting.name


def test_an_unusable_setting_stops_the_start_and_is_named() -> None:
    with pytest.raises(CannotStart, match="INVENTORY_CACHE_TTL is 'soon', which is not a int"):
        Settings.from_env({"INVENTORY_CACHE_TTL": "soon"})


def test_every_refusal_of_the_heart_is_documented() -> None:
    page = (DOCS / "reference" / "errors.md").read_text()
    assert [code for code in REFUSALS if f"`{code}`" not in page] == []


def test_every_route_is_in_the_api_reference() -> None:
    page = (DOCS / "reference" / "api.md").read_text()
    document = Application(Settings(db_url="postgresql://nowhere/nothing")).pages.openapi()
    calls = [
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, each in document["paths"].items()
        for method in each
    ]
    assert [call for call in calls if f"`{call}`" not in page] == []


def test_no_document_links_to_a_page_that_is_not_there() -> None:
    broken: list[str] = []
    for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md", DOCS.parent / "README.zh.md"]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if not target.startswith("http") and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []
