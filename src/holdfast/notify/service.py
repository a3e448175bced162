"""Queue a message in the transaction of its cause; read the delivery log and the inbox."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from holdfast.db import Tx, statements
from holdfast.kernel.errors import Conflict, NotFound
from holdfast.notify.content import letter
from holdfast.notify.model import EVERYONE, Attachment, Notification
from holdfast.settings import Settings

sql = statements("holdfast.notify")


async def queue_email(
    tx: Tx,
    *,
    kind: str,
    recipient: str,
    language: str,
    facts: dict[str, Any],
    dedupe_key: str | None,
    attachments: tuple[Attachment, ...] = (),
    link: str | None = None,
) -> UUID | None:
    """Queue one e-mail; None when this cause already told this person."""
    return await _queue(tx, "email", kind, recipient, language, facts, dedupe_key, attachments, link)


async def queue_inbox(
    tx: Tx,
    *,
    kind: str,
    facts: dict[str, Any],
    dedupe_key: str | None,
    link: str | None = None,
    recipient: str = EVERYONE,
) -> UUID | None:
    """Put one entry into the console inbox; it is worded again in the language of whoever reads it."""
    return await _queue(tx, "inbox", kind, recipient, "en", facts, dedupe_key, (), link)


async def _queue(
    tx: Tx,
    channel: str,
    kind: str,
    recipient: str,
    language: str,
    facts: dict[str, Any],
    dedupe_key: str | None,
    attachments: tuple[Attachment, ...],
    link: str | None,
) -> UUID | None:
    text = letter(kind, language, facts)
    return await tx.value(
        sql.queue,
        channel=channel,
        kind=kind,
        recipient=recipient,
        language=language,
        subject=text.subject,
        body=text.body,
        link=link,
        facts=Jsonb(facts),
        attachments=Jsonb([a.as_json() for a in attachments]),
        dedupe_key=dedupe_key,
    )


async def list_notifications(
    tx: Tx, *, limit: int, before: UUID | None = None, language: str | None = None, **filters: Any
) -> list[Notification]:
    """One page and one row more, newest first. Filters: channel, status, kind, recipient, unread.

    With ``language``, inbox entries are worded in it.
    """
    columns: dict[str, Any] = dict.fromkeys(("channel", "status", "kind", "recipient", "unread")) | filters
    found = await tx.all(sql.list_notifications, Notification, before=before, limit=limit + 1, **columns)
    return [_worded(n, language) if language and n.channel == "inbox" else n for n in found]


def _worded(entry: Notification, language: str) -> Notification:
    text = letter(entry.kind, language, entry.facts)
    return replace(entry, subject=text.subject, body=text.body, language=language)


async def mark_read(tx: Tx, notification_id: UUID) -> None:
    """Raises NotFound when it is no inbox entry."""
    if await tx.value(sql.mark_read, id=notification_id) is None:
        raise NotFound("notification_not_found", "There is no such inbox entry.")


async def mark_all_read(tx: Tx, recipient: str = EVERYONE) -> int:
    return await tx.run(sql.mark_all_read, recipient=recipient)


async def retry(tx: Tx, notification_id: UUID) -> None:
    """Try a given-up message again. Raises Conflict when it is not given up."""
    if await tx.value(sql.requeue, id=notification_id) is None:
        raise Conflict("not_failed", "Only a message that was given up can be tried again.")


@dataclass(frozen=True, slots=True)
class MailState:
    """Whether e-mail leaves the house, in one sentence for people."""

    is_configured: bool
    queued: int
    failed: int

    @property
    def sentence(self) -> str | None:
        if self.is_configured or not self.queued:
            return None
        waiting = "1 e-mail waits" if self.queued == 1 else f"{self.queued} e-mails wait"
        are = "it is" if self.queued == 1 else "they are"
        return f"{waiting} because no mail server is set: set HOLDFAST_SMTP_URL and {are} sent."


async def mail_state(tx: Tx, settings: Settings) -> MailState:
    counts = (await tx.dicts(sql.count_waiting))[0]
    return MailState(bool(settings.smtp_url), counts["queued"], counts["failed"])
