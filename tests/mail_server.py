"""A real SMTP server that keeps what it got and can be told to misbehave."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

Answer = str


class Mailbox:
    """What arrived. ``answers`` are given to the next messages instead of accepting them."""

    def __init__(self) -> None:
        self.arrived: list[EmailMessage] = []
        self.answers: list[Answer] = []
        self.refused_recipients: set[str] = set()
        self.port = 0
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]) -> str:
        if address in self.refused_recipients:
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        if self.answers:
            return self.answers.pop(0)
        parsed = email.message_from_bytes(cast(bytes, envelope.content), policy=email.policy.default)
        self.arrived.append(cast(EmailMessage, parsed))
        return "250 OK"

    async def start(self, **options: Any) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SMTP(self, loop=loop, **options), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Gone as after a crash: the port refuses connections. ``start`` brings it back on the same port."""
        if self._server is not None:
            self._server.close()
            self._server = None


@asynccontextmanager
async def mail_server(**options: Any) -> AsyncIterator[Mailbox]:
    found = Mailbox()
    await found.start(**options)
    try:
        yield found
    finally:
        await found.stop()


def only(user: bytes, password: bytes) -> Any:
    """An authenticator that knows one account."""

    def check(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: Any) -> AuthResult:
        return AuthResult(success=(login.login, login.password) == (user, password), handled=False)

    return check
