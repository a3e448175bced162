"""Cursor pages: opaque cursors over a sort key, never an offset."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from holdfast.kernel.errors import Invalid
from holdfast.kernel.texts import cannot_be_kept

T = TypeVar("T")

LIMIT_DEFAULT = 50
LIMIT_MAX = 500
BIGINT_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list and the cursor of the next, if there is one."""

    items: Sequence[T]
    next_cursor: str | None


def encode_cursor(*keys: object) -> str:
    return base64.urlsafe_b64encode(json.dumps([str(k) for k in keys]).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, keys: int) -> list[str] | None:
    """The sort keys a cursor stands for, or None for the first page.

    Raises Invalid(``invalid_cursor``) when it was not made by us for this list.
    """
    if not cursor:
        return None
    try:
        found: Any = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        found = None
    if isinstance(found, list) and len(found) == keys and all(_is_key(k) for k in found):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return found  # pyright: ignore[reportUnknownVariableType]
    raise foreign_cursor()


def _is_key(found: object) -> bool:
    """Whether it can be a sort key: text that PostgreSQL keeps, which is what we make cursors of."""
    return isinstance(found, str) and not cannot_be_kept(found)


def decode_id_cursor(cursor: str | None) -> UUID | None:
    """The id behind the cursor of a list that is sorted by id."""
    keys = decode_cursor(cursor, 1)
    try:
        return UUID(keys[0]) if keys else None
    except ValueError:
        raise foreign_cursor() from None


def decode_number_cursor(cursor: str | None) -> int | None:
    """The number behind the cursor of a list that is sorted by a bigint."""
    keys = decode_cursor(cursor, 1)
    if keys is None:
        return None
    # The length first: Python refuses to read thousands of digits.
    if not keys[0].isascii() or not keys[0].isdigit() or len(keys[0]) > 19 or int(keys[0]) > BIGINT_MAX:
        raise foreign_cursor()
    return int(keys[0])


def foreign_cursor() -> Invalid:
    return Invalid.field_error(["query", "cursor"], "invalid_cursor", "This cursor does not belong to this list.")


def page_of(rows: Sequence[T], limit: int, cursor_of: Callable[[T], str]) -> Page[T]:
    """Cut the one row too many that was read to learn whether there is a next page."""
    if len(rows) <= limit:
        return Page(rows, None)
    kept = rows[:limit]
    return Page(kept, cursor_of(kept[-1]))
