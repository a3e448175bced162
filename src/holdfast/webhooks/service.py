"""Receivers of events, their delivery log, and the feed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Json

from holdfast.access import audit
from holdfast.db import Tx
from holdfast.kernel.errors import NotFound
from holdfast.settings import Settings
from holdfast.webhooks.addresses import check_url
from holdfast.webhooks.model import Delivery, Event, Webhook
from holdfast.webhooks.publisher import sql
from holdfast.webhooks.sealing import new_secret, seal


async def create_webhook(
    tx: Tx, settings: Settings, *, name: str, url: str, event_types: list[str], mode: str, is_active: bool, actor: str
) -> tuple[Webhook, str]:
    """A receiver and its signing secret, which is shown this once. Raises Invalid for the url."""
    check_url(url, allow_private=settings.allow_private_webhooks)
    secret = new_secret()
    webhook_id: UUID = await tx.value(
        sql.insert_webhook,
        name=name,
        url=url,
        event_types=event_types,
        secret_sealed=seal(secret, settings.secret),
        mode=mode,
        is_active=is_active,
        created_by=actor,
    )
    await _record(tx, actor, "webhook.created", webhook_id, url=url, event_types=event_types, mode=mode)
    return await get_webhook(tx, webhook_id), secret


async def get_webhook(tx: Tx, webhook_id: UUID) -> Webhook:
    found = await tx.maybe(sql.list_webhooks, Webhook, id=webhook_id, after=None, limit=1)
    if found is None:
        raise NotFound("webhook_not_found", "There is no such webhook.")
    return found


async def list_webhooks(tx: Tx, *, limit: int, after: UUID | None = None) -> list[Webhook]:
    """One page and one row more, in order of creation."""
    return await tx.all(sql.list_webhooks, Webhook, id=None, after=after, limit=limit + 1)


async def change_webhook(
    tx: Tx, settings: Settings, webhook_id: UUID, changes: dict[str, Any], *, actor: str
) -> Webhook:
    """Change name, url, event_types or is_active."""
    now = await get_webhook(tx, webhook_id)
    if "url" in changes:
        check_url(changes["url"], allow_private=settings.allow_private_webhooks)
    columns = {"name": now.name, "url": now.url, "event_types": now.event_types, "is_active": now.is_active, **changes}
    await tx.run(sql.change_webhook, id=webhook_id, **columns)
    await _record(tx, actor, "webhook.changed", webhook_id, **changes)
    return await get_webhook(tx, webhook_id)


async def delete_webhook(tx: Tx, webhook_id: UUID, *, actor: str) -> None:
    """With its deliveries. Doing it twice is fine."""
    if await tx.value(sql.delete_webhook, id=webhook_id) is not None:
        await _record(tx, actor, "webhook.deleted", webhook_id)


async def list_deliveries(
    tx: Tx, webhook_id: UUID, *, limit: int, before: int | None = None, **filters: Any
) -> list[Delivery]:
    """One page and one row more, newest first. Filters: status, event_type."""
    await get_webhook(tx, webhook_id)
    columns: dict[str, Any] = dict.fromkeys(("status", "event_type")) | filters
    return await tx.all(sql.list_deliveries, Delivery, webhook_id=webhook_id, before=before, limit=limit + 1, **columns)


async def replay(
    tx: Tx, webhook_id: UUID, *, ids: list[int] | None, status: str | None, since: datetime | None, actor: str
) -> int:
    """Tell settled deliveries again, under their first ids and in their first order; answers how many.

    Raises NotFound(``webhook_not_found``).
    """
    await get_webhook(tx, webhook_id)
    count = await tx.run(sql.replay, webhook_id=webhook_id, ids=ids, status=status, since=since)
    await _record(tx, actor, "webhook.replayed", webhook_id, deliveries=count)
    return count


async def enqueue(tx: Tx, webhook_id: UUID, event_type: str, data: dict[str, Any]) -> int:
    """One message for one receiver; answers the delivery's id."""
    return await tx.value(sql.enqueue, webhook_id=webhook_id, event_type=event_type, data=Json(data))


async def list_due(tx: Tx) -> list[UUID]:
    """Receivers whose oldest pending message may be tried now."""
    return [row["id"] for row in await tx.dicts(sql.list_due_webhooks)]


async def list_events(
    tx: Tx, *, after: int, limit: int, event_type: str | None = None, sku_id: UUID | None = None
) -> list[Event]:
    """The feed after a position, oldest first. ``event_type`` may end in ``.*``."""
    return await tx.all(sql.list_events, Event, after=after, limit=limit, event_type=event_type, sku_id=sku_id)


async def _record(tx: Tx, actor: str, action: str, webhook_id: UUID, **facts: Any) -> None:
    await audit.record(tx, actor=actor, action=action, subject=f"webhook:{webhook_id}", **facts)
