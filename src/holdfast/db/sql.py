"""Named statements: every ``queries.sql`` is a list of ``-- name``, ``-- one line of reason``, statement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import LiteralString, cast

_HEADING = re.compile(r"^-- (?P<name>[a-z][a-z0-9_]*)\n-- (?P<reason>.+)\n", re.MULTILINE)

# Posting functions change what readers may have kept; by their name, so that none can be forgotten here.
_POSTS = re.compile(r"\bstock_(?!reservation_facts\b)[a-z_]+\(")


@dataclass(frozen=True, slots=True)
class Statement:
    """``posts``: it calls a posting function, so its transaction may change stock."""

    name: str
    reason: str
    text: LiteralString
    posts: bool


class Statements:
    """The statements of one feature as attributes: ``sql.list_levels``."""

    def __init__(self, package: str, found: dict[str, Statement], file: str) -> None:
        self.package = package
        self.file = file
        self.found = found

    def __getattr__(self, name: str) -> Statement:
        try:
            return self.found[name]
        except KeyError:
            raise AttributeError(f"{self.package}/{self.file} has no statement named {name}") from None


def statements(package: str, file: str = "queries.sql") -> Statements:
    """Load ``queries.sql`` (or ``pages.sql``: what only its pages read) of a feature such as ``holdfast.stock``."""
    text = (files(package) / file).read_text(encoding="utf-8")
    headings = list(_HEADING.finditer(text))
    ends = [h.start() for h in headings[1:]] + [len(text)]
    found = {
        h["name"]: _statement(h["name"], h["reason"], text[h.end() : end])
        for h, end in zip(headings, ends, strict=True)
    }
    assert len(found) == len(headings), f"{package}/{file} names a statement twice"
    return Statements(package, found, file)


def _statement(name: str, reason: str, text: str) -> Statement:
    # The files are ours and are never composed with input, hence the cast to trusted text.
    trusted = cast(LiteralString, text.strip().rstrip(";"))
    return Statement(name, reason, trusted, posts=_POSTS.search(text) is not None)
