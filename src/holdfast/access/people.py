"""People: passwords, one-time links, sessions. Tokens are stored as hashes only."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from holdfast.access.model import ROLE_SCOPES, Principal, token_hash
from holdfast.db import Tx, statements
from holdfast.kernel.errors import Invalid

sql = statements("holdfast.access", "pages.sql")

SESSION_DAYS: Final = 14
LINK_HOURS: Final = 24
PASSWORD_LENGTH_MIN: Final = 10
# Ten guesses of one password or fifty from one address, then a quarter of an hour of silence.
ATTEMPTS_BY_EMAIL: Final = 10
ATTEMPTS_BY_ADDRESS: Final = 50
ATTEMPT_MINUTES: Final = 15

Role = Literal["viewer", "operator", "planner", "approver", "admin"]


@dataclass(frozen=True, slots=True)
class Person:
    """Someone signed in, and the token every form of theirs carries."""

    id: UUID
    email: str
    name: str
    role: str
    language: str
    csrf_token: str

    @property
    def principal(self) -> Principal:
        return Principal(self.id, f"user:{self.email}", ROLE_SCOPES[self.role])

    def may(self, scope: str) -> bool:
        return self.principal.may(scope)


@dataclass(frozen=True, slots=True)
class Account:
    id: UUID
    email: str
    name: str
    role: str
    language: str
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class _Attempts:
    by_email: int
    by_address: int


@cache
def _hasher() -> PasswordHasher:
    """Argon2id with the parameters the library recommends today (RFC 9106, low-memory profile)."""
    return PasswordHasher()


@cache
def _nobody() -> str:
    """Verified for unknown e-mails, so that the time of an answer does not tell who has an account."""
    return _hasher().hash(secrets.token_urlsafe())


async def hashed(password: str) -> str:
    """Raises Invalid when the password is too short to be one."""
    if len(password) < PASSWORD_LENGTH_MIN:
        raise Invalid.field_error(
            ["password"], "too_short", f"A password has at least {PASSWORD_LENGTH_MIN} characters."
        )
    return await asyncio.to_thread(_hasher().hash, password)


def _fits(stored: str | None, password: str) -> bool:
    try:
        return _hasher().verify(stored or _nobody(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


async def check_password(tx: Tx, *, email: str, password: str, address: str) -> Account | Literal["wrong", "throttled"]:
    """Who this is. The attempt is counted first, so guessing in parallel gains nothing."""
    tried = await tx.one(sql.recent_attempts, _Attempts, email=email, address=address, minutes=ATTEMPT_MINUTES)
    if tried.by_email >= ATTEMPTS_BY_EMAIL or tried.by_address >= ATTEMPTS_BY_ADDRESS:
        return "throttled"
    await tx.run(sql.record_attempt, email=email, address=address)
    account = await tx.maybe(sql.find_person, Account, email=email)
    if not await asyncio.to_thread(_fits, account.password_hash if account else None, password):
        return "wrong"
    assert account is not None
    await tx.run(sql.forget_attempts, email=email)
    return account


async def start_session(tx: Tx, user_id: UUID) -> str:
    """A new session; answers the token for the cookie, which exists nowhere else."""
    token = secrets.token_urlsafe(32)
    await tx.run(
        sql.insert_session,
        token_hash=token_hash(token),
        user_id=user_id,
        csrf_token=secrets.token_urlsafe(24),
        days=SESSION_DAYS,
    )
    return token


async def person_of(tx: Tx, session_token: str) -> Person | None:
    return await tx.maybe(sql.find_session, Person, token_hash=token_hash(session_token))


async def end_session(tx: Tx, session_token: str) -> None:
    await tx.run(sql.delete_session, token_hash=token_hash(session_token))


async def account_of_link(tx: Tx, link_token: str) -> Account | None:
    """Whom the link would sign in; looking does not use it up."""
    return await tx.maybe(sql.find_link, Account, token_hash=token_hash(link_token))


async def use_link(tx: Tx, link_token: str) -> UUID | None:
    """Use up a one-time link; None when it was used, is too old, or never was."""
    return await tx.value(sql.use_link, token_hash=token_hash(link_token))


async def new_link(tx: Tx, user_id: UUID) -> str:
    """The token of a new one-time link, valid a day: `/sign-in/<token>`."""
    token = secrets.token_urlsafe(24)
    await tx.run(sql.insert_link, token_hash=token_hash(token), user_id=user_id, hours=LINK_HOURS)
    return token


async def add_person(
    tx: Tx, *, email: str, name: str, role: Role, password: str | None = None, language: str = "en"
) -> UUID | None:
    """A new person; None when the e-mail already belongs to someone."""
    return await tx.value(
        sql.insert_person,
        email=email.strip(),
        name=name,
        role=role,
        language=language,
        password_hash=await hashed(password) if password is not None else None,
    )


async def first_link(tx: Tx, email: str) -> str | None:
    """For the start-up message: a one-time link for this person, or None when there is no such person."""
    account = await tx.maybe(sql.find_person, Account, email=email)
    return None if account is None else await new_link(tx, account.id)


async def start_link(tx: Tx, admin_email: str) -> tuple[str, str]:
    """E-mail of the first admin, who is made if nobody can sign in yet, and a one-time link for them."""
    if await tx.value(sql.count_people) == 0:
        await add_person(tx, email=admin_email, name="Admin", role="admin")
    email = await tx.value(sql.first_admin) or admin_email
    link = await first_link(tx, email)
    return email, link or ""


async def change_password(tx: Tx, *, user_id: UUID, password: str, session_token: str) -> None:
    """Every other browser of this person is signed out."""
    await tx.run(sql.set_password, user_id=user_id, password_hash=await hashed(password))
    await tx.run(sql.delete_other_sessions, user_id=user_id, token_hash=token_hash(session_token))


async def remember_language(tx: Tx, *, user_id: UUID, language: str) -> None:
    await tx.run(sql.set_language, user_id=user_id, language=language)
