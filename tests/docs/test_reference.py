"""The reference cannot drift from the code."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

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
