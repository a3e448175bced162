"""Every code a feature refuses with is in the reference."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FEATURES = ("allocation", "importing", "transfers", "returns", "demand")
_CODE = re.compile(r"(?:Conflict|Invalid|NotFound)\(\s*\"(\w+)\"|: \(\"(\w+)\", \"[A-Z]")


@pytest.mark.parametrize("feature", FEATURES)
def test_every_refusal_of_a_feature_is_documented(feature: str) -> None:
    page = (ROOT / "docs/reference/errors.md").read_text()
    source = "".join(file.read_text() for file in (ROOT / "src/holdfast" / feature).glob("*.py"))
    codes = {first or second for first, second in _CODE.findall(source)}
    assert len(codes) > 3, "the pattern finds the codes"
    assert sorted(code for code in codes if f"`{code}`" not in page) == []
