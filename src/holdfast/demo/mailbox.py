"""A real SMTP server for the demo shop: what is sent to anybody is kept as a file, the newest 200, and goes nowhere."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope

KEPT_MAX = 200
MESSAGE_BYTES_MAX = 20_000_000


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that was delivered to the demo's mailbox."""

    id: str
    sender: str
    recipients: str
    subject: str
    sent_at: datetime | None
    text: str
    attachments: tuple[str, ...]


class Keeper:
    """Writes each message to a file of its own; the name is the time of arrival, so names sort by age."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        """Answers 250 only when the message is on disk."""
        content = envelope.content
        assert isinstance(content, bytes), "the server is told not to decode"
        name = f"{time.time_ns():020d}"
        recipients = ", ".join(envelope.rcpt_tos)
        draft = self._folder / f".{name}"
        await asyncio.to_thread(draft.write_bytes, f"X-Demo-Recipients: {recipients}\r\n".encode() + content)
        draft.rename(self._folder / f"{name}.eml")
        for old in sorted(self._folder.glob("*.eml"))[:-KEPT_MAX]:
            old.unlink(missing_ok=True)
        return "250 kept"


async def keep_mail(folder: Path, port: int) -> None:
    """Answer SMTP on loopback until SIGTERM."""
    keeper = Keeper(folder)
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(keeper, data_size_limit=MESSAGE_BYTES_MAX, enable_SMTPUTF8=True, ident="Holdfast demo mailbox")

    server = await loop.create_server(session, "127.0.0.1", port)
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    async with server:
        await stopped.wait()


def list_letters(folder: Path) -> list[Letter]:
    """What is in the mailbox, newest first."""
    return [found for file in sorted(folder.glob("*.eml"), reverse=True) if (found := read_letter(folder, file.stem))]


def read_letter(folder: Path, id: str) -> Letter | None:
    """One message, or None when it is not (or no longer) there."""
    if not id.isascii() or not id.isdigit():
        return None
    try:
        message = BytesParser(policy=policy.default).parsebytes((folder / f"{id}.eml").read_bytes())
    except FileNotFoundError:
        return None
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain", "html"))
    date = message["Date"]
    return Letter(
        id,
        str(message["From"] or ""),
        str(message["X-Demo-Recipients"] or ""),
        str(message["Subject"] or ""),
        parsedate_to_datetime(str(date)) if date else None,
        str(body.get_content()) if body is not None else "",
        tuple(part.get_filename() or "attachment" for part in message.iter_attachments()),
    )
