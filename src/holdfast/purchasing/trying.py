"""One test message to a supplier's own system: signed like an order, and nothing is ordered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from holdfast.db import Database, statements
from holdfast.settings import Settings
from holdfast.webhooks.client import Outcome, post
from holdfast.webhooks.sealing import CannotUnseal, unseal

sql = statements("holdfast.purchasing", "trials.sql")

KIND: Final = "purchase_order.test"


@dataclass(frozen=True, slots=True)
class Waiting:
    supplier_id: UUID
    message_id: UUID
    asked_at: datetime
    supplier_code: str
    api_url: str | None
    api_secret_sealed: bytes | None


async def try_channel(database: Database, settings: Settings, message_id: UUID) -> None:
    """Send once and write the answer down. No transaction is open meanwhile."""
    async with database.transaction() as tx:
        waiting = await tx.maybe(sql.waiting_trial, Waiting, message_id=message_id)
    if waiting is None:
        return
    outcome = await _send(waiting, settings)
    status = "taken" if outcome.is_delivered else "refused"
    async with database.transaction() as tx:
        answer = {"status": status, "last_status": outcome.status, "last_error": outcome.error}
        await tx.run(sql.write_answer, message_id=message_id, **answer)


async def _send(waiting: Waiting, settings: Settings) -> Outcome:
    if not waiting.api_url or waiting.api_secret_sealed is None:
        return Outcome(None, "The supplier has no API any more.", is_reached=False)
    try:
        secret = unseal(waiting.api_secret_sealed, settings.secret)
    except CannotUnseal as error:
        return Outcome(None, str(error), is_reached=False)
    body = json.dumps({"type": KIND, "data": {"supplier_code": waiting.supplier_code}}, ensure_ascii=False)
    return await post(
        waiting.api_url,
        body,
        secret=secret,
        message_id=str(waiting.message_id),
        now=waiting.asked_at,
        allow_private=settings.allow_private_webhooks,
    )
