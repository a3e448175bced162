"""The page about events and the codes of purchasing, alerts and webhooks cannot drift from the code."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "holdfast"
PAGES = ROOT / "docs" / "reference"
EVENT = re.compile(r"""["']((?:inventory|purchase_order|alert)\.[a-z_]+)["']""")
CODE = re.compile(r"""(?:Conflict|Invalid|NotFound)\(\s*"([a-z_]+)"|: \("(order_[a-z_]+)",""")


def source_of(*features: str) -> str:
    files = [f for feature in features for f in (SOURCE / feature).rglob("*") if f.suffix in (".py", ".sql")]
    return "\n".join(f.read_text() for f in files)


def test_every_event_is_documented() -> None:
    told = set(EVENT.findall(source_of("stock", "purchasing", "alerts", "connectors", "returns", "transfers")))
    page = (PAGES / "events.md").read_text()
    assert len(told) > 20
    assert sorted(name for name in told if f"`{name}`" not in page) == []


def test_every_refusal_of_purchasing_alerts_and_webhooks_is_documented() -> None:
    found = CODE.findall(source_of("purchasing", "alerts", "notify", "webhooks", "connectors"))
    codes = {code for pair in found for code in pair if code}
    page = (PAGES / "errors.md").read_text()
    assert len(codes) > 20
    assert sorted(code for code in codes if f"`{code}`" not in page) == []
