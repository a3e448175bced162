"""Webhooks, their deliveries, the event feed; when a delivery is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

ATTEMPTS_MAX: Final = 10
RETRY_SECONDS_FIRST: Final = 5
RETRY_SECONDS_MAX: Final = 3600


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver. ``event_types`` are names, ``inventory.*`` or ``*``; counts are of its deliveries."""

    id: UUID
    name: str
    url: str
    event_types: list[str]
    mode: str
    is_active: bool
    disabled_reason: str | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    pending: int
    dead: int
    last_delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one receiver, and what became of it."""

    id: int
    webhook_id: UUID
    message_id: str
    event_type: str
    payload: dict[str, Any]
    status: str
    attempts: int
    next_attempt_at: datetime
    last_status: int | None
    last_error: str | None
    created_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Event:
    """One change. ``position`` orders the feed; per SKU it is the order in which things happened."""

    position: int
    event_id: UUID
    event_type: str
    sku_ids: list[UUID]
    data: dict[str, Any]
    occurred_at: datetime


def retry_seconds(attempts: int, jitter: float, retry_after: float | None = None) -> float:
    """Back-off after so many failed attempts: doubling from five seconds, spread by ``jitter`` (0 to 1).

    Ten attempts span about 40 minutes. A receiver that names its own time (Retry-After) gets it, up to an hour.
    """
    wait = min(RETRY_SECONDS_MAX, RETRY_SECONDS_FIRST * 2 ** (attempts - 1)) * (0.5 + 0.5 * jitter)
    return min(RETRY_SECONDS_MAX, max(wait, retry_after or 0))
