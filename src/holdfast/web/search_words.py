"""What people type into a search box, as patterns for ILIKE."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SearchWords:
    """`like` finds the words anywhere, `prefix` only at the start; all None when nothing was typed."""

    q: str | None
    like: str | None
    prefix: str | None


def search_words(typed: str) -> SearchWords:
    """`%` and `_` mean themselves: codes contain them."""
    text = typed.strip()
    if not text:
        return SearchWords(None, None, None)
    literal = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return SearchWords(text, f"%{literal}%", f"{literal}%")
