"""A request with text that cannot be kept is refused before anything is done, and its field is named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from holdfast.kernel.errors import Invalid
from holdfast.kernel.texts import cannot_be_kept

# As JSON writes them; a body without these bytes has neither, and is not read twice.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def refuse_in_body(body: bytes) -> None:
    """Raises Invalid(``invalid_text``) naming each field of a JSON body whose text cannot be kept."""
    if not _SUSPECT.search(body):
        return
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return  # not JSON: the route says so
    _refuse(list(_places(found, [])))


def refuse_in_address(path_params: dict[str, Any], query: bytes) -> None:
    """The same for what stands in the path and behind the question mark."""
    wrong = [["path", name] for name, text in path_params.items() if isinstance(text, str) and cannot_be_kept(text)]
    if b"%00" in query:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        wrong += [["query", name] for name, text in pairs if cannot_be_kept(text)]
    _refuse(wrong)


def _places(found: Any, at: list[str | int]) -> Iterator[list[str | int]]:
    if isinstance(found, str):
        if cannot_be_kept(found):
            yield at
    elif isinstance(found, list):
        for number, part in enumerate(found):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            yield from _places(part, [*at, number])
    elif isinstance(found, dict):
        for name, part in found.items():  # pyright: ignore[reportUnknownVariableType]
            if cannot_be_kept(str(name)):  # pyright: ignore[reportUnknownArgumentType]
                yield at
            else:
                yield from _places(part, [*at, name])


def _refuse(places: list[list[str]] | list[list[str | int]]) -> None:
    if places:
        says = "Text may have neither the character U+0000 nor half of a surrogate pair."
        errors = [{"loc": loc, "code": "invalid_text", "message": says} for loc in places]
        raise Invalid("invalid_text", says, errors=errors)
