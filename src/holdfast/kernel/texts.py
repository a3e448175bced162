"""Which text can be kept: PostgreSQL takes neither U+0000 nor half of a surrogate pair."""

from __future__ import annotations


def cannot_be_kept(text: str) -> bool:
    """Whether ``text`` has U+0000 or half of a surrogate pair."""
    return "\0" in text or any("\ud800" <= char <= "\udfff" for char in text)
