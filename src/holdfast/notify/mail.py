"""E-mail over SMTP."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib

from holdfast.kernel.errors import CannotStart
from holdfast.notify.model import Attachment

SECONDS_MAX: Final = 20
_PORTS: Final = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mail is handed in. ``smtps`` is TLS from the first byte; ``smtp`` upgrades when the server offers it."""

    host: str
    port: int
    user: str | None
    password: str | None
    is_tls: bool

    @classmethod
    def of(cls, url: str) -> MailServer:
        """Read ``smtp://user:password@host:port``. Raises CannotStart for anything else."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise CannotStart(
                "HOLDFAST_SMTP_URL is not smtp://user:password@host:port or smtps://…. Correct it or remove it."
            )
        return cls(
            parts.hostname,
            port or _PORTS[parts.scheme],
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            parts.scheme == "smtps",
        )

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[aiosmtplib.SMTP]:
        """A connection, signed in. Raises SMTPException or OSError when the server is away."""
        async with aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            use_tls=self.is_tls,
            timeout=SECONDS_MAX,
        ) as session:
            yield session


def message(
    *, number: str, sender: str, recipient: str, subject: str, body: str, attachments: Iterable[Attachment]
) -> EmailMessage:
    """The mail. Its id stays the same when it is sent again, so that mail programs show it once."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, recipient, subject
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = f"<{number}@{parseaddr(sender)[1].rpartition('@')[2] or 'holdfast'}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(body)
    for attachment in attachments:
        main, _, sub = attachment.media_type.partition("/")
        mail.add_attachment(attachment.content, maintype=main, subtype=sub, filename=attachment.filename)
    return mail


def is_final(error: Exception) -> bool:
    """Whether trying this message again is useless: it is no mail, or the server refused it for good (5yz)."""
    if isinstance(error, ValueError | aiosmtplib.SMTPNotSupported):
        return True
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(refused.code >= 500 for refused in error.recipients)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError | aiosmtplib.SMTPConnectResponseError):
        return False  # the account or the server is at fault, not the message
    return isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 500


def said(error: Exception) -> str:
    """The remote's own words, for the delivery log."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return "; ".join(f"{r.code} {r.message} ({r.recipient})" for r in error.recipients)[:500]
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"[:500]
    return (str(error) or type(error).__name__)[:500]
