"""Trying a supplier's order channel before the first order goes out over it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from holdfast.access import audit
from holdfast.db import Tx
from holdfast.jobs import defer
from holdfast.kernel.errors import Conflict
from holdfast.notify import service as notify
from holdfast.purchasing.jobs import try_order_channel
from holdfast.purchasing.suppliers import get_supplier
from holdfast.purchasing.trying import sql


@dataclass(frozen=True, slots=True)
class Trial:
    """The last test of a channel: ``waiting``, ``taken`` or ``refused``, and what the other side said."""

    channel: str
    recipient: str
    asked_by: str
    asked_at: datetime
    status: str
    last_status: int | None
    last_error: str | None
    answered_at: datetime | None


async def ask(tx: Tx, supplier_id: UUID, *, actor: str) -> Trial:
    """Send a test over the channel that orders take; nothing is ordered.

    Raises NotFound(``supplier_not_found``), Conflict(``nothing_to_try``) without an address, or when people pass
    addresses on.
    """
    supplier = await get_supplier(tx, supplier_id)
    recipient = {"email": supplier.email, "api": supplier.api_url}.get(supplier.order_channel)
    if not recipient:
        raise Conflict("nothing_to_try", "There is no address to which a test could go.")
    message_id: UUID = await tx.value(
        sql.write_trial,
        supplier_id=supplier_id,
        channel=supplier.order_channel,
        recipient=recipient,
        actor=actor,
    )
    if supplier.order_channel == "api":
        await defer(tx, try_order_channel, message_id=str(message_id))
    else:
        await notify.queue_email(
            tx,
            kind="supplier_test",
            recipient=recipient,
            language=supplier.language,
            facts={"supplier_name": supplier.name},
            dedupe_key=f"{_key(supplier_id)}{message_id}",
        )
    channel = supplier.order_channel
    await audit.record(
        tx, actor=actor, action="supplier.channel_tried", subject=f"supplier:{supplier_id}", channel=channel
    )
    found = await last(tx, supplier_id)
    assert found is not None, "it was written a moment ago"
    return found


async def last(tx: Tx, supplier_id: UUID) -> Trial | None:
    return await tx.maybe(sql.last_trial, Trial, supplier_id=supplier_id, key=_key(supplier_id))


def _key(supplier_id: UUID) -> str:
    return f"supplier:{supplier_id}:test:"
