"""Send what is queued, oldest first. One message per transaction: a crash repeats at most the one in flight."""

from __future__ import annotations

import random
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Final
from uuid import UUID

import aiosmtplib
import structlog

from holdfast.access.signed_paths import is_signed_kind, signed_path
from holdfast.db import Database, Tx
from holdfast.notify.mail import MailServer, is_final, message, said
from holdfast.notify.model import ATTEMPTS_MAX, Attachment, retry_seconds
from holdfast.notify.service import sql
from holdfast.settings import Settings

log = structlog.get_logger()

# A run ends after so many messages and the next begins a second later, so that it never holds a worker for long.
MESSAGES_PER_RUN: Final = 100


# Not one message's fault: everybody waits for the server.
_CONNECTION_BROKE: Final = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, aiosmtplib.SMTPConnectError)


@dataclass(frozen=True, slots=True)
class Due:
    id: UUID
    recipient: str
    subject: str
    body: str
    link: str | None
    attachments: list[dict[str, Any]]
    attempts: int


async def send_due(database: Database, settings: Settings) -> int:
    """Send queued e-mail whose time has come; answers how many the mail server took.

    Without a mail server nothing is touched. When it is away, everything that was due waits for its next attempt.
    """
    if not settings.smtp_url or not await _anything_due(database):
        return 0
    sent = 0
    try:
        async with MailServer.of(settings.smtp_url).session() as session:
            for _ in range(MESSAGES_PER_RUN):
                took = await _send_one(database, settings, session)
                if took is None:
                    break
                sent += took
    except (aiosmtplib.SMTPException, OSError) as error:
        log.warning("mail server away", error=said(error))
        await _postpone(database, error)
    return sent


async def _anything_due(database: Database) -> bool:
    async with database.connection() as connection:
        return await Tx(connection).value(sql.anything_due) is not None


async def _send_one(database: Database, settings: Settings, session: aiosmtplib.SMTP) -> int | None:
    """1 when it was sent, 0 when it was refused, None when nothing is due. Raises when the connection broke."""
    async with database.transaction() as tx:
        due = await tx.maybe(sql.claim_due, Due)
        if due is None:
            return None
        try:
            await session.send_message(_mail(due, settings))
        except _CONNECTION_BROKE:
            raise
        except (aiosmtplib.SMTPException, ValueError) as error:
            await _refused(tx, due, error)
            return 0
        await tx.run(sql.mark_sent, id=due.id)
        return 1


def _mail(due: Due, settings: Settings) -> EmailMessage:
    where = _address(due.link, settings)
    return message(
        number=str(due.id),
        sender=settings.mail_from,
        recipient=due.recipient,
        subject=due.subject,
        body=due.body + (f"\n{where}\n" if where else ""),
        attachments=[Attachment.from_json(a) for a in due.attachments],
    )


def _address(link: str | None, settings: Settings) -> str:
    """Where a link leads for somebody outside; what opens by signature is signed here, where the message leaves."""
    path = signed_path(link, settings.secret) if link and is_signed_kind(link) else link
    return f"{settings.public_url}{path}" if path and settings.public_url else ""


async def _refused(tx: Tx, due: Due, error: Exception) -> None:
    give_up = is_final(error) or due.attempts + 1 >= ATTEMPTS_MAX
    log.warning("mail refused", id=str(due.id), error=said(error), give_up=give_up)
    await tx.run(
        sql.mark_tried,
        id=due.id,
        give_up=give_up,
        error=said(error),
        seconds=retry_seconds(due.attempts + 1, random.random()),  # noqa: S311 - spreads load
    )


async def _postpone(database: Database, error: Exception) -> None:
    """The server is away for everybody: one attempt for all that is due."""
    async with database.transaction() as tx:
        for due in await tx.all(sql.all_due, Due):
            await _refused(tx, due, error)
