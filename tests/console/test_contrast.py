"""Colours that carry words are readable in both themes: WCAG 2.2 AA (4.5 to 1; 3 to 1 for edges)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = Path(__file__).parents[2] / "src/holdfast/web/static/console.css"
TOKEN = re.compile(r"--hf-([\w-]+):\s*(?:light-dark\((#\w{6}),\s*(#\w{6})\)|(#\w{6}));")

# ink on ground, as used in console.css
WORDS = [
    *[(ink, ground) for ink in ("ink", "soft") for ground in ("bg", "card", "inset", "line-soft")],
    *[(ink, ground) for ink in ("accent", "bad", "warn", "blue") for ground in ("bg", "card", "inset")],
    ("ink", "accent-soft"),
    ("accent", "accent-soft"),
    ("bad", "bad-soft"),
    ("warn", "warn-soft"),
    ("bad", "line-soft"),
    ("on-accent", "accent-fill"),
    ("on-accent", "accent-fill-hover"),
]
EDGES = [("edge", "card"), ("edge", "bg"), ("accent-fill", "card"), ("bar", "track")]


def tokens(theme: int) -> dict[str, str]:
    found = TOKEN.findall(CSS.read_text(encoding="utf-8"))
    return {name: both or (light, dark)[theme] for name, light, dark, both in found}


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2 definition."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_words_and_edges_stand_out_from_their_ground(theme: int) -> None:
    colour = tokens(theme)
    pairs = [(4.5, ink, ground) for ink, ground in WORDS] + [(3.0, edge, ground) for edge, ground in EDGES]
    weak = {
        f"{ink} on {ground}": round(contrast(colour[ink], colour[ground]), 2)
        for least, ink, ground in pairs
        if contrast(colour[ink], colour[ground]) < least
    }
    assert weak == {}


def test_contrast_is_computed_as_wcag_says() -> None:
    assert contrast("#000000", "#ffffff") == 21
    assert round(contrast("#767676", "#ffffff"), 2) == 4.54
