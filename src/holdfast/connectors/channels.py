"""Where we sell: what a channel is shown of our stock, and telling when something comes into stock or goes out of it.

Published = max(0, available − buffer). A buffer belongs to a SKU, else to its category, else to the channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from holdfast.access import audit
from holdfast.catalog import service as catalog
from holdfast.db import Database, Tx, statements
from holdfast.kernel.errors import Conflict, Invalid, NotFound
from holdfast.webhooks import service as webhooks

sql = statements("holdfast.connectors", "channels.sql")

# A round over everything takes the publisher's turn for so many SKUs at a time.
SKUS_PER_STEP: Final = 2_000


@dataclass(frozen=True, slots=True)
class Channel:
    """``warehouse_ids`` None: every active warehouse. ``webhook_id``: a level channel told what is published."""

    id: UUID
    code: str
    name: str
    buffer: int
    min_remaining_days: int | None
    warehouse_ids: list[UUID] | None
    warehouse_codes: list[str]
    webhook_id: UUID | None
    is_active: bool
    is_changed: bool
    created_at: datetime
    created_by: str
    version: int


@dataclass(frozen=True, slots=True)
class Buffer:
    """Of one SKU, or of a category."""

    sku_id: UUID | None
    sku_code: str | None
    category: str | None
    buffer: int


@dataclass(frozen=True, slots=True)
class Published:
    sku_id: UUID
    sku_code: str
    available_quantity: int
    buffer: int
    published_quantity: int


async def create_channel(tx: Tx, *, code: str, actor: str, **fields: Any) -> Channel:
    """Raises Conflict(``channel_code_taken``), Invalid (an unknown warehouse), NotFound (webhook)."""
    await _check(tx, fields)
    if await tx.value(sql.insert_channel, code=code, actor=actor, **fields) is None:
        raise Conflict("channel_code_taken", "There is a channel with this code already.")
    await audit.record(tx, actor=actor, action="channel.created", subject=f"channel:{code}", **_plain(fields))
    return await get_channel(tx, code)


async def change_channel(
    tx: Tx, code: str, changes: dict[str, Any], *, expected_version: int | None, actor: str
) -> Channel:
    """Raises NotFound, Conflict(``version_conflict``, ``pools_elsewhere``), Invalid."""
    before = await get_channel(tx, code)
    if expected_version is not None and before.version != expected_version:
        raise Conflict("version_conflict", "The channel was changed meanwhile; read it again.")
    names = ("name", "buffer", "min_remaining_days", "warehouse_ids", "webhook_id", "is_active")
    fields = {name: changes.get(name, getattr(before, name)) for name in names}
    await _check(tx, fields)
    if fields["warehouse_ids"] is not None:
        outside = await tx.dicts(sql.pools_outside, id=before.id, warehouse_ids=fields["warehouse_ids"])
        if outside:
            says = "The channel has pools in other warehouses, from which nobody could take; end these first."
            raise Conflict("pools_elsewhere", says, errors=outside)
    await tx.run(sql.change_channel, id=before.id, **fields)
    await audit.record(tx, actor=actor, action="channel.changed", subject=f"channel:{code}", **_plain(changes))
    return await get_channel(tx, code)


async def set_buffer(
    tx: Tx, code: str, *, sku_id: UUID | None, category: str | None, buffer: int | None, actor: str
) -> list[Buffer]:
    """The buffer of a SKU or of a category; None takes it away. Raises NotFound."""
    channel = await get_channel(tx, code)
    if sku_id is not None:
        await catalog.get_sku(tx, sku_id)
    if buffer is None:
        await tx.run(sql.delete_buffer, channel_id=channel.id, sku_id=sku_id, category=category)
    elif sku_id is not None:
        await tx.run(sql.set_sku_buffer, channel_id=channel.id, sku_id=sku_id, buffer=buffer)
    else:
        await tx.run(sql.set_category_buffer, channel_id=channel.id, category=category, buffer=buffer)
    await tx.run(sql.touch_channel, id=channel.id)
    facts = {"sku_id": None if sku_id is None else str(sku_id), "category": category, "buffer": buffer}
    await audit.record(tx, actor=actor, action="channel.buffer_changed", subject=f"channel:{code}", **facts)
    return await list_buffers(tx, channel.id)


async def get_channel(tx: Tx, code: str) -> Channel:
    """Raises NotFound(``channel_not_found``)."""
    found = await tx.maybe(sql.list_channels, Channel, code=code, after=None, limit=1)
    if found is None:
        raise NotFound("channel_not_found", "There is no such channel.")
    return found


async def list_channels(tx: Tx, *, after: str | None, limit: int) -> list[Channel]:
    """One page and one row more, by code."""
    return await tx.all(sql.list_channels, Channel, code=None, after=after, limit=limit + 1)


async def list_buffers(tx: Tx, channel_id: UUID) -> list[Buffer]:
    return await tx.all(sql.list_buffers, Buffer, channel_id=channel_id)


async def list_published(
    tx: Tx, channel: Channel, *, sku_id: UUID | None, after: str | None, limit: int
) -> list[Published]:
    """What the channel shows: one page and one row more, by SKU code."""
    return await tx.all(
        sql.list_published, Published, channel_id=channel.id, sku_id=sku_id, after=after, limit=limit + 1
    )


async def note_changes(tx: Tx, after: int, until: int) -> None:
    """Hears the publisher, in its transaction and turn: tell what came into stock or went out of it."""
    await tx.run(sql.tell_changed, after=after, until=until)


async def look_at_changed(database: Database) -> int:
    """Compare everything on channels whose rules changed; answers how many of them."""
    async with database.transaction() as tx:
        ids = [row["id"] for row in await tx.dicts(sql.changed_channels)]
        if ids:
            await tx.run(sql.mark_looked_at, ids=ids)
            await tx.run(sql.push_again, ids=ids)
    if ids:
        await look_at_all(database, ids)
    return len(ids)


async def look_at_all(database: Database, channel_ids: list[UUID] | None = None) -> int:
    """Compare every SKU, in steps, for what no event tells, such as a warehouse that closed; answers how many told."""
    after: UUID | None = None
    told = 0
    while True:
        async with database.transaction() as tx:
            skus: list[UUID] = [row["id"] for row in await tx.dicts(sql.next_skus, after=after, limit=SKUS_PER_STEP)]
            if not skus:
                return told
            await tx.run(sql.take_turn)
            told += await tx.value(sql.tell_states, sku_ids=skus, channel_ids=channel_ids)
            after = skus[-1]


async def _check(tx: Tx, fields: dict[str, Any]) -> None:
    asked: list[UUID] = fields["warehouse_ids"] or []
    known = {row["id"] for row in await tx.dicts(sql.known_warehouses, ids=asked)}
    for n, warehouse_id in enumerate(asked):
        if warehouse_id not in known:
            raise Invalid.field_error(["warehouse_ids", n], "unknown_warehouse", "There is no such warehouse.")
    if fields["webhook_id"] is not None:
        webhook = await webhooks.get_webhook(tx, fields["webhook_id"])
        if webhook.mode != "levels":
            raise Conflict("not_a_level_channel", "This webhook is told events, not levels.")


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [str(x) for x in value] if isinstance(value, list) else str(value) if isinstance(value, UUID) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        for name, value in fields.items()
    }
