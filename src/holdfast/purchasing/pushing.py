"""Sending an order to a supplier's own API, and what is known of it afterwards.

The state is in the table before the request leaves. What was certainly not taken is sent again. What may have been
taken is sent again only when the supplier keeps our message id (``webhook-id``, the idempotency key), and otherwise
waits for a person: an order that is delivered twice costs more than one that is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import structlog

from holdfast.db import Database, Tx, statements
from holdfast.purchasing.exceptions import watch
from holdfast.settings import Settings
from holdfast.webhooks.client import Outcome, post
from holdfast.webhooks.sealing import CannotUnseal, unseal

sql = statements("holdfast.purchasing", "pushes.sql")
log = structlog.get_logger()

# With waits of 3, 9, 27 … seconds between them, about three hours.
ATTEMPTS_MAX: Final = 9
NOT_NOW: Final = (429, 503)
SERVER_FAILED: Final = 500

Fate = Literal["accepted", "refused", "unknown", "queued"]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A push that is ours to send; ``was_sending``: an earlier try ended without our knowing how."""

    id: UUID
    purchase_order_id: UUID
    body: str
    attempts: int
    was_sending: bool
    api_url: str | None
    api_secret_sealed: bytes | None
    api_is_idempotent: bool
    tried_at: datetime


def fate_of(outcome: Outcome, *, is_idempotent: bool, attempts: int) -> Fate:
    """What becomes of a push: taken, refused for good, to be sent again, or unknown until a person decides."""
    if outcome.is_delivered:
        return "accepted"
    said_no = outcome.status is not None and outcome.status < SERVER_FAILED and outcome.status not in NOT_NOW
    if said_no:
        return "refused"
    certainly_not_taken = not outcome.is_reached or outcome.status in NOT_NOW
    if not certainly_not_taken and not is_idempotent:
        return "unknown"
    if attempts >= ATTEMPTS_MAX:
        return "refused" if certainly_not_taken else "unknown"
    return "queued"


async def push(database: Database, settings: Settings, push_id: UUID) -> Fate | None:
    """Send once; answers what became of it, None when there is nothing to send. No transaction is open meanwhile."""
    async with database.transaction() as tx:
        claimed = await tx.maybe(sql.claim, Claimed, id=push_id)
        if claimed is None:
            return None
        if claimed.was_sending and not claimed.api_is_idempotent:
            # A worker died between the request and its answer.
            outcome = Outcome(None, "the worker ended before the answer came")
            return await _write(tx, claimed, "unknown", outcome)
    outcome = await _send(claimed, settings)
    fate = fate_of(outcome, is_idempotent=claimed.api_is_idempotent, attempts=claimed.attempts)
    log.info("order pushed", push=str(push_id), status=outcome.status, error=outcome.error, fate=fate)
    async with database.transaction() as tx:
        return await _write(tx, claimed, fate, outcome)


async def _send(claimed: Claimed, settings: Settings) -> Outcome:
    if not claimed.api_url or claimed.api_secret_sealed is None:
        return Outcome(None, "The supplier has no API any more.", is_reached=False)
    try:
        secret = unseal(claimed.api_secret_sealed, settings.secret)
    except CannotUnseal as error:
        return Outcome(None, str(error), is_reached=False)
    return await post(
        claimed.api_url,
        claimed.body,
        secret=secret,
        message_id=str(claimed.id),
        now=claimed.tried_at,
        allow_private=settings.allow_private_webhooks,
    )


async def _write(tx: Tx, claimed: Claimed, fate: Fate, outcome: Outcome) -> Fate:
    await tx.run(sql.write_fate, id=claimed.id, status=fate, last_status=outcome.status, last_error=outcome.error)
    await watch(tx, [claimed.purchase_order_id])
    return fate
