"""Pools: units of a level that only one channel may take (docs/decisions/0161)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Json

from holdfast.access import audit
from holdfast.connectors.channels import get_channel
from holdfast.db import Tx, statements
from holdfast.db.posting import Answer
from holdfast.stock.answers import refusal_of

sql = statements("holdfast.connectors", "pools.sql")


@dataclass(frozen=True, slots=True)
class Pool:
    """In base units: ``quantity`` was given to the channel, ``taken_quantity`` of it is held or sold,
    ``remaining_quantity`` is kept, of which ``there_quantity`` is there; the rest is kept of what comes.
    """

    id: UUID
    channel_id: UUID
    channel: str
    sku_id: UUID
    sku_code: str
    sku_name: str
    warehouse_id: UUID
    warehouse_code: str
    warehouse_name: str
    quantity: int
    taken_quantity: int
    remaining_quantity: int
    there_quantity: int
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str
    version: int


async def list_pools(tx: Tx, *, after: list[str] | None = None, limit: int, **filters: Any) -> list[Pool]:
    """One page and one row more, by channel, SKU and warehouse. Filters: channel (code), sku_id, warehouse_id."""
    columns: dict[str, Any] = dict.fromkeys(("channel", "sku_id", "warehouse_id")) | filters
    keys = after or [None, None, None]
    names = ("after_channel", "after_sku", "after_warehouse")
    return await tx.all(sql.list_pools, Pool, **columns, **dict(zip(names, keys, strict=True)), limit=limit + 1)


async def set_pool(
    tx: Tx,
    code: str,
    *,
    sku_id: UUID,
    warehouse_id: UUID,
    quantity: int | None,
    expected_version: int | None,
    actor: str,
) -> Pool | None:
    """Give so many units of a level to a channel in all, what it holds or sold of them included; None ends the pool.

    ``expected_version``: of the pool, 0 for none yet; None: whatever it has. Raises NotFound (``channel_not_found``,
    ``pool_not_found``), Invalid (``unknown_sku``, ``unknown_warehouse``), Conflict (``version_conflict``,
    ``below_taken``, ``sku_is_bundle``, ``sku_archived``, ``warehouse_not_of_channel``).
    """
    channel = await get_channel(tx, code)
    ask = {
        "sku_id": str(sku_id),
        "warehouse_id": str(warehouse_id),
        "channel_id": str(channel.id),
        "quantity": quantity,
        "expected_version": expected_version,
        "actor": actor,
    }
    await tx.posts()
    answer = Answer(**(await tx.dicts(sql.set_pool, request=Json(ask)))[0])
    refusal = refusal_of(answer)
    if refusal is not None:
        raise refusal
    facts: dict[str, Any] = msgspec.json.decode(answer.facts)
    told = {name: facts[name] for name in ("sku_id", "warehouse_id", "quantity", "quantity_before", "taken_quantity")}
    action = "channel.pool_ended" if quantity is None else "channel.pool_changed"
    await audit.record(tx, actor=actor, action=action, subject=f"channel:{code}", **told)
    found = await list_pools(tx, limit=1, channel=code, sku_id=sku_id, warehouse_id=warehouse_id)
    return found[0] if found else None
