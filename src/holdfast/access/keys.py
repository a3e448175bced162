"""Authentication by bearer token."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from holdfast.access.model import Principal, new_token, token_hash
from holdfast.db import Database, Tx, statements
from holdfast.kernel.errors import Denied, NotFound

sql = statements("holdfast.access")

# A key found valid is believed this long, so a revocation takes effect everywhere within it.
KEY_TRUST_SECONDS = 2.0
_CACHE_MAX = 10_000


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: UUID
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Found:
    id: UUID
    name: str
    scopes: list[str]


class Authenticator:
    """Turns an ``Authorization`` header into a principal; keeps what it found for a moment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, Principal]] = {}
        self._looking: dict[str, asyncio.Task[Principal]] = {}

    async def principal(self, header: str | None) -> Principal:
        """Raises Denied(``unauthenticated``) for a missing, malformed, unknown or revoked token."""
        header = header or ""
        known = self._known.get(header)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        # One look-up per key: under load some hundred requests find it too old at the same moment, and each would
        # take a connection of the pool.
        looking = self._looking.get(header)
        if looking is None:
            looking = self._looking[header] = asyncio.create_task(self._look_up(header))
            looking.add_done_callback(lambda _: self._looking.pop(header, None))
        return await asyncio.shield(looking)

    async def _look_up(self, header: str) -> Principal:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Denied("unauthenticated", "Send a token: Authorization: Bearer <token>.")
        async with self._database.transaction() as tx:
            found = await tx.maybe(sql.find_api_key, _Found, token_hash=token_hash(token.strip()))
        if found is None:
            raise Denied("unauthenticated", "The token is unknown or revoked.")
        principal = Principal(found.id, f"key:{found.name}", frozenset(found.scopes))
        if len(self._known) > _CACHE_MAX:
            self._known.clear()
        self._known[header] = (time.monotonic() + KEY_TRUST_SECONDS, principal)
        return principal


async def create_key(tx: Tx, *, name: str, scopes: list[str], created_by: str) -> tuple[ApiKey, str]:
    """A new key and its token, which is shown this once."""
    token = new_token()
    key = await tx.one(
        sql.insert_api_key,
        ApiKey,
        name=name,
        token_hash=token_hash(token),
        prefix=token[:10],
        scopes=scopes,
        created_by=created_by,
    )
    return key, token


async def list_keys(tx: Tx, *, after: UUID | None, limit: int) -> list[ApiKey]:
    return await tx.all(sql.list_api_keys, ApiKey, after=after, limit=limit + 1)


async def revoke_key(tx: Tx, key_id: UUID) -> ApiKey:
    found = await tx.maybe(sql.revoke_api_key, ApiKey, id=key_id)
    if found is None:
        raise NotFound("api_key_not_found", "There is no such API key.")
    return found


async def ensure_bootstrap_key(tx: Tx, token: str) -> None:
    """Make the bootstrap token an admin key if there is no key yet."""
    if token:
        await tx.run(sql.insert_bootstrap_key, token_hash=token_hash(token), prefix=token[:4])
