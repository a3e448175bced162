"""Deliver what waits for one receiver, in order, until it fails or nothing is left."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from holdfast.db import Database
from holdfast.settings import Settings
from holdfast.webhooks.client import Outcome, post
from holdfast.webhooks.model import ATTEMPTS_MAX, retry_seconds
from holdfast.webhooks.publisher import sql
from holdfast.webhooks.sealing import CannotUnseal, unseal

log = structlog.get_logger()

# A run ends after so many and the next begins within a second, so that one receiver never keeps a worker.
DELIVERIES_PER_RUN: Final = 500
GONE: Final = 410


@dataclass(frozen=True, slots=True)
class Next:
    id: int
    message_id: str
    body: str
    attempts: int
    url: str
    secret_sealed: bytes
    tried_at: datetime


async def deliver_due(database: Database, settings: Settings, webhook_id: UUID) -> int:
    """Deliver in order while the receiver takes it; answers how many it took.

    No transaction is open while we wait for the remote. A crash in between repeats one message under the same id.
    """
    taken = 0
    for _ in range(DELIVERIES_PER_RUN):
        async with database.transaction() as tx:
            head = await tx.maybe(sql.next_delivery, Next, webhook_id=webhook_id)
        if head is None:
            break
        outcome = await _send(head, settings)
        if not outcome.is_delivered:
            await _failed(database, webhook_id, head, outcome)
            break
        async with database.transaction() as tx:
            await tx.run(sql.mark_delivered, id=head.id, last_status=outcome.status)
        taken += 1
    return taken


async def _send(head: Next, settings: Settings) -> Outcome:
    try:
        secret = unseal(head.secret_sealed, settings.secret)
    except CannotUnseal as error:
        return Outcome(None, str(error))
    return await post(
        head.url,
        head.body,
        secret=secret,
        message_id=head.message_id,
        now=head.tried_at,
        allow_private=settings.allow_private_webhooks,
    )


async def _failed(database: Database, webhook_id: UUID, head: Next, outcome: Outcome) -> None:
    attempts = head.attempts + 1
    give_up = attempts >= ATTEMPTS_MAX
    log.warning("webhook failed", webhook=str(webhook_id), delivery=head.id, error=outcome.error, dead=give_up)
    async with database.transaction() as tx:
        await tx.run(
            sql.mark_failed,
            id=head.id,
            give_up=give_up,
            last_status=outcome.status,
            last_error=outcome.error,
            seconds=retry_seconds(attempts, random.random(), outcome.retry_after),  # noqa: S311 - spreads load
        )
        if outcome.status == GONE:
            reason = "The receiver answered 410 Gone, so nothing more is sent until it is made active again."
            await tx.run(sql.disable, id=webhook_id, reason=reason)
