"""The address at which a supplier answers one order without an account: made, opened, counted, revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from holdfast.access import audit
from holdfast.access.signed_paths import is_genuine
from holdfast.db import Tx, statements
from holdfast.kernel.ids import uuid_or_none

sql = statements("holdfast.purchasing", "links.sql")

FOLDER: Final = "/supplier/orders/"
# Orders take weeks, and suppliers answer old mail.
LINK_DAYS: Final = 120
# A person reading and typing needs a few; a script that hammers is told to wait.
REQUESTS_PER_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Link:
    id: UUID
    purchase_order_id: UUID
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    is_valid: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """Which order an address opens; ``is_hasty``: too many requests in this minute."""

    link_id: UUID
    order_id: UUID
    is_hasty: bool


def path_of(link_id: UUID) -> str:
    """Where a link leads, without its signature."""
    return f"{FOLDER}{link_id}"


async def new_link(tx: Tx, order_id: UUID, *, actor: str) -> str:
    """A new address for an order; earlier ones stop working. Answers its path, without the signature."""
    await tx.run(sql.revoke_links, id=order_id, actor=actor)
    link_id: UUID = await tx.value(sql.insert_link, id=order_id, actor=actor, days=LINK_DAYS)
    return path_of(link_id)


async def revoke(tx: Tx, order_id: UUID, *, actor: str) -> int:
    """Nobody comes in by the addresses of this order any more; answers how many worked. Twice is fine."""
    revoked = await tx.run(sql.revoke_links, id=order_id, actor=actor)
    if revoked:
        await audit.record(
            tx, actor=actor, action="supplier_link.revoked", subject=f"purchase_order:{order_id}", count=revoked
        )
    return revoked


async def list_links(tx: Tx, order_id: UUID) -> list[Link]:
    """All addresses an order ever had, newest first."""
    return await tx.all(sql.list_links, Link, id=order_id)


async def open_link(tx: Tx, token: str, secret: str) -> Opened | None:
    """What an address opens; None for one that is not ours, expired or revoked, whichever it is. Counts the request."""
    name, _, signature = token.partition(".")
    link_id = uuid_or_none(name)
    # The signature comes first: guessing costs us no look into the database.
    if link_id is None or not is_genuine(path_of(link_id), signature, secret):
        return None
    found = await tx.dicts(sql.open_link, id=link_id)
    if not found:
        return None
    return Opened(link_id, found[0]["purchase_order_id"], found[0]["window_requests"] > REQUESTS_PER_MINUTE)
