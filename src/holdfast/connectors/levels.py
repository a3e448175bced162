"""Push absolute levels to a webhook of the mode ``levels``: coalesced, newest figures, each with its version.

A receiver keeps the highest version per SKU and warehouse and discards what is older. A level stays noted until the
receiver took it, so neither a crash nor a dead letter loses one.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from holdfast.db import Tx, statements
from holdfast.kernel.errors import Conflict
from holdfast.webhooks import service as webhooks

sql = statements("holdfast.connectors")

LEVELS_PER_MESSAGE: Final = 500
EVENT_TYPE: Final = "inventory.levels"


async def note_changes(tx: Tx, after: int, until: int) -> None:
    """Hears the publisher: remember which levels each receiver lacks."""
    await tx.run(sql.note_changes, after=after, until=until)


async def note_all(tx: Tx, webhook_id: UUID) -> int:
    """Tell a receiver every level again; answers how many were not noted already.

    Raises NotFound, Conflict(``not_a_level_channel``).
    """
    webhook = await webhooks.get_webhook(tx, webhook_id)
    if webhook.mode != "levels":
        raise Conflict("not_a_level_channel", "This webhook is told events, not levels.")
    return await tx.run(sql.note_all, webhook_id=webhook_id)


async def batch_levels(tx: Tx) -> int:
    """Settle what was delivered, then put what waits into one message per receiver; answers how many messages."""
    for settle in (sql.note_told, sql.forget_told, sql.release_settled):
        await tx.run(settle)
    receivers = [row["id"] for row in await tx.dicts(sql.list_ready)]
    for webhook_id in receivers:
        await _enqueue(tx, webhook_id)
    return len(receivers)


async def _enqueue(tx: Tx, webhook_id: UUID) -> None:
    levels = await tx.dicts(sql.take_levels, webhook_id=webhook_id, limit=LEVELS_PER_MESSAGE)
    delivery_id = await webhooks.enqueue(tx, webhook_id, EVENT_TYPE, {"levels": [_plain(level) for level in levels]})
    await tx.run(
        sql.mark_under_way,
        webhook_id=webhook_id,
        delivery_id=delivery_id,
        skus=[level["sku_id"] for level in levels],
        warehouses=[level["warehouse_id"] for level in levels],
        versions=[level["version"] for level in levels],
    )


def _plain(level: dict[str, Any]) -> dict[str, Any]:
    """A receiver that is no channel is told no published quantity."""
    level = {name: value for name, value in level.items() if level["channel"] or name != "published_quantity"}
    if level["channel"] is None:
        del level["channel"]
    return {
        **level,
        "sku_id": str(level["sku_id"]),
        "warehouse_id": str(level["warehouse_id"]),
        "last_updated": level["last_updated"].isoformat(),
    }
