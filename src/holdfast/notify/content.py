"""What a message says: one text template per kind and language, the subject in its first line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from holdfast.web.formats import Formats
from holdfast.web.i18n import ENGLISH, LANGUAGES


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    body: str


def letter(kind: str, language: str, facts: dict[str, Any]) -> Letter:
    """Word the facts (JSON values) in a language we speak; any other gets English."""
    spoken = LANGUAGES.get(language, ENGLISH).code
    text = _environment(spoken).get_template(f"{kind}.{spoken}.txt").render(facts)
    subject, _, body = text.partition("\n")
    # One line without control characters, whatever a supplier or SKU is called: it becomes a mail header.
    return Letter(" ".join(subject.split()), body.strip() + "\n")


@cache
def _environment(language: str) -> Environment:
    formats = Formats(LANGUAGES[language].locale, UTC)
    environment = Environment(
        loader=PackageLoader("holdfast.notify"),
        autoescape=False,  # noqa: S701 - plain text, never HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(_filters(formats))  # pyright: ignore[reportUnknownMemberType]
    return environment


def _filters(formats: Formats) -> dict[str, Callable[..., str]]:
    """Facts are JSON, so amounts arrive as text and days as ISO dates."""

    def number(value: float | str, digits: int = 0) -> str:
        return formats.number(Decimal(str(value)), digits)

    def money(value: float | str, currency: str) -> str:
        return formats.money(Decimal(str(value)), currency)

    def day(value: str) -> str:
        return formats.day(date.fromisoformat(value), year=True)

    return {"number": number, "money": money, "day": day}
