"""A message to people, and when it is tried again."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

ATTEMPTS_MAX: Final = 30
RETRY_SECONDS_FIRST: Final = 15
RETRY_SECONDS_MAX: Final = 3600
# Everybody who may see the console shares one inbox.
EVERYONE: Final = "everyone"


@dataclass(frozen=True, slots=True)
class Attachment:
    filename: str
    media_type: str
    content: bytes

    def as_json(self) -> dict[str, str]:
        text = base64.b64encode(self.content).decode()
        return {"filename": self.filename, "media_type": self.media_type, "content_base64": text}

    @classmethod
    def from_json(cls, stored: dict[str, str]) -> Attachment:
        return cls(stored["filename"], stored["media_type"], base64.b64decode(stored["content_base64"]))


@dataclass(frozen=True, slots=True)
class Notification:
    """One entry of the delivery log, without its attachments."""

    id: UUID
    channel: str
    kind: str
    recipient: str
    language: str
    subject: str
    body: str
    link: str | None
    facts: dict[str, Any]
    status: str
    attempts: int
    next_attempt_at: datetime
    last_error: str | None
    read_at: datetime | None
    created_at: datetime
    sent_at: datetime | None


def retry_seconds(attempts: int, jitter: float) -> float:
    """Back-off after so many failed attempts: doubling, at most an hour, spread by ``jitter`` (0 to 1).

    Eight attempts span the first half hour, all thirty about a day: longer than a mail server is usually down.
    """
    longest = min(RETRY_SECONDS_MAX, RETRY_SECONDS_FIRST * 2 ** (attempts - 1))
    return longest * (0.75 + 0.25 * jitter)
