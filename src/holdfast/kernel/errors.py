"""What can go wrong, grouped by what the caller must do next.

    Refusal
    ├── Invalid    the request is wrong: fix it                        422
    ├── NotFound   there is no such thing, or not for you              404
    ├── Denied     you may not                                         401 / 403
    ├── Conflict   the state forbids it now                            409
    └── TryAgain   nothing was changed: repeat later, unchanged        503

A refusal carries a stable code, which API, documentation and tests quote, and its facts as data.
The HTTP status is chosen in ``web/problem.py`` only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Refusal(Exception):
    """An expected "no"."""

    code: str
    detail: str
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    errors: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class Invalid(Refusal):
    """A field is wrong; ``errors`` names each as ``{"loc": [...], "code": ..., "message": ...}``."""

    @classmethod
    def field_error(cls, loc: list[str | int], code: str, message: str) -> Invalid:
        return cls("invalid_request", message, errors=[{"loc": loc, "code": code, "message": message}])

    @classmethod
    def at(cls, loc: list[str | int], code: str, message: str) -> Invalid:
        """A field that is wrong in a way of its own: the refusal has the code of the field."""
        return cls(code, message, errors=[{"loc": loc, "code": code, "message": message}])


class NotFound(Refusal):
    """There is no such thing, or it is not the caller's to see."""


class Denied(Refusal):
    """The caller is unknown (``unauthenticated``) or lacks a scope."""


class Conflict(Refusal):
    """The present state forbids it."""


class TryAgain(Refusal):
    """Overloaded, or the database is away; nothing was changed."""


class CannotStart(Exception):
    """The installation cannot run as it is. The message is one sentence and what to do."""


class InvariantBroken(Exception):
    """A constraint, our last wall, was reached: that is our bug, never the user's."""
