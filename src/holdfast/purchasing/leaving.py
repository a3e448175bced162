"""What other features say before an order is approved or sent. Purchasing asks; it does not know who answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from holdfast.db import Tx
from holdfast.purchasing.model import OrderDetail


@dataclass(frozen=True, slots=True)
class Leaving:
    """An order about to be approved or sent by ``actor``, and the reasons they gave.

    ``duplicate_reason`` is for ordering what is open already, ``limit_reason`` for an order outside its limits.
    """

    detail: OrderDetail
    actor: str
    is_sent: bool
    duplicate_reason: str | None = None
    limit_reason: str | None = None


# Raises a Refusal, or answers facts for the audit trail.
Asked = Callable[[Tx, Leaving], Awaitable[dict[str, Any]]]
_ASKED: list[Asked] = []


def ask_before_leaving(asked: Asked) -> None:
    """From now on ``asked`` is heard before every order; the same one twice counts once."""
    if asked not in _ASKED:
        _ASKED.append(asked)


async def may_leave(tx: Tx, leaving: Leaving) -> dict[str, Any]:
    """Everybody is asked in turn; the first refusal ends it."""
    facts: dict[str, Any] = {}
    for asked in _ASKED:
        facts |= await asked(tx, leaving)
    return facts
