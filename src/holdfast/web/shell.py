"""What surrounds every page: who looks, in which language and theme, the rail, messages of the last form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final, Literal

from holdfast.web.i18n import ENGLISH, Language

Theme = Literal["auto", "light", "dark"]
THEMES: Final[tuple[Theme, ...]] = ("auto", "light", "dark")


LANGUAGE_COOKIE: Final = "holdfast_language"
THEME_COOKIE: Final = "holdfast_theme"


@dataclass(frozen=True, slots=True)
class RailEntry:
    """One place in the rail. `label` is a message id. `thumb` puts it in the phone's bar of four.

    `group` is the message id of the heading over the first entry of a group.
    """

    key: str
    path: str
    icon: str
    label: str
    thumb: bool = False
    group: str = ""


@dataclass(frozen=True, slots=True)
class RailCount:
    """The number beside an entry; red only when something is wrong now."""

    number: int
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Flash:
    """One message of the last form, shown once."""

    text: str
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Shell:
    """Everything the layout needs besides the page's own view."""

    path: str
    language: Language = ENGLISH
    theme: Theme = "auto"
    time_zone: tzinfo = UTC
    active: str = ""
    rail: tuple[RailEntry, ...] = ()
    counts: tuple[tuple[str, RailCount], ...] = ()
    person: str | None = None
    csrf: str = ""
    flashes: tuple[Flash, ...] = ()
    is_live: bool = False

    def count(self, key: str) -> RailCount | None:
        return next((count for name, count in self.counts if name == key and count.number), None)


def theme_of(text: str | None) -> Theme:
    """The theme a cookie or a form names; as the system for anything else."""
    for theme in THEMES:
        if theme == text:
            return theme
    return "auto"
