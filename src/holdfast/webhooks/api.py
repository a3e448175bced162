"""Webhooks, their deliveries and the event feed over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from holdfast.access.edge import Admin, ApiRoute, ApiTx, Reader
from holdfast.kernel.errors import Invalid
from holdfast.kernel.page import (
    BIGINT_MAX,
    LIMIT_DEFAULT,
    LIMIT_MAX,
    decode_id_cursor,
    decode_number_cursor,
    encode_cursor,
    page_of,
)
from holdfast.webhooks import service
from holdfast.webhooks.model import Webhook

router = APIRouter(prefix="/api/v1/webhooks", route_class=ApiRoute, tags=["Webhooks"])
event_router = APIRouter(prefix="/api/v1/events", route_class=ApiRoute, tags=["Events"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Url = Annotated[str, Field(min_length=1, max_length=2000)]
EventType = Annotated[str, Field(pattern=r"^(\*|[a-z_]+(\.[a-z_]+)*(\.\*)?)$", max_length=100)]
DeliveryId = Annotated[int, Field(ge=1, le=BIGINT_MAX)]


class NewWebhook(BaseModel):
    """``events`` posts every event of the named types; ``levels`` posts the newest levels of what changed."""

    model_config = ConfigDict(extra="forbid")
    url: Url
    name: Name | None = None
    event_types: Annotated[list[EventType], Field(min_length=1, max_length=50)] = ["*"]
    mode: Literal["events", "levels"] = "events"
    is_active: bool = True


class WebhookChange(BaseModel):
    """Only the fields that are sent are changed."""

    model_config = ConfigDict(extra="forbid")
    url: Url | None = None
    name: Name | None = None
    event_types: Annotated[list[EventType], Field(min_length=1, max_length=50)] | None = None
    is_active: bool | None = None


class WebhookInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    name: str
    url: str
    event_types: list[str]
    mode: Literal["events", "levels"]
    is_active: bool
    disabled_reason: str | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    pending: int
    dead: int
    last_delivered_at: datetime | None


class CreatedWebhook(WebhookInfo):
    secret: Annotated[str, Field(description="signs every message (Standard Webhooks); shown this once")]


class WebhookPage(BaseModel):
    webhooks: list[WebhookInfo]
    next_cursor: str | None


class DeliveryInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    webhook_id: UUID
    message_id: str
    event_type: str
    payload: dict[str, Any]
    status: Literal["pending", "delivered", "dead"]
    attempts: int
    next_attempt_at: datetime
    last_status: int | None
    last_error: str | None
    created_at: datetime
    delivered_at: datetime | None


class DeliveryPage(BaseModel):
    deliveries: list[DeliveryInfo]
    next_cursor: str | None


class Replay(BaseModel):
    """Which deliveries to tell again: those named, or all of a status, or all since a time. Default: dead letters."""

    model_config = ConfigDict(extra="forbid")
    ids: Annotated[list[DeliveryId], Field(min_length=1, max_length=10_000)] | None = None
    status: Literal["dead", "delivered"] | None = None
    since: AwareDatetime | None = None


class Replayed(BaseModel):
    replayed: int


@router.post("", status_code=201)
async def create_webhook(body: NewWebhook, tx: ApiTx, caller: Admin, request: Request) -> CreatedWebhook:
    webhook, secret = await service.create_webhook(
        tx,
        request.app.state.settings,
        name=body.name or body.url,
        url=body.url,
        event_types=body.event_types,
        mode=body.mode,
        is_active=body.is_active,
        actor=caller.actor,
    )
    return CreatedWebhook(**_shown(webhook).model_dump(), secret=secret)


@router.get("")
async def list_webhooks(tx: ApiTx, _: Admin, limit: Limit = LIMIT_DEFAULT, cursor: str | None = None) -> WebhookPage:
    found = await service.list_webhooks(tx, after=decode_id_cursor(cursor), limit=limit)
    page = page_of(found, limit, lambda w: encode_cursor(w.id))
    return WebhookPage(webhooks=[_shown(w) for w in page.items], next_cursor=page.next_cursor)


@router.get("/{webhook_id}")
async def get_webhook(webhook_id: UUID, tx: ApiTx, _: Admin) -> WebhookInfo:
    return _shown(await service.get_webhook(tx, webhook_id))


@router.patch("/{webhook_id}")
async def change_webhook(
    webhook_id: UUID, body: WebhookChange, tx: ApiTx, caller: Admin, request: Request
) -> WebhookInfo:
    changes = body.model_dump(exclude_unset=True)
    for name, value in changes.items():
        if value is None:
            raise Invalid.field_error([name], "not_null", "This field cannot be empty.")
    changed = await service.change_webhook(tx, request.app.state.settings, webhook_id, changes, actor=caller.actor)
    return _shown(changed)


@router.delete("/{webhook_id}", status_code=204)
async def delete_webhook(webhook_id: UUID, tx: ApiTx, caller: Admin) -> None:
    await service.delete_webhook(tx, webhook_id, actor=caller.actor)


@router.get("/{webhook_id}/deliveries")
async def list_deliveries(
    webhook_id: UUID,
    tx: ApiTx,
    _: Admin,
    status: Literal["pending", "delivered", "dead"] | None = None,
    event_type: str | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> DeliveryPage:
    found = await service.list_deliveries(
        tx, webhook_id, before=decode_number_cursor(cursor), limit=limit, status=status, event_type=event_type
    )
    page = page_of(found, limit, lambda d: encode_cursor(d.id))
    return DeliveryPage(deliveries=[DeliveryInfo.model_validate(d) for d in page.items], next_cursor=page.next_cursor)


@router.post("/{webhook_id}/deliveries/replay")
@router.post("/{webhook_id}/replay")
async def replay_deliveries(webhook_id: UUID, tx: ApiTx, caller: Admin, body: Replay | None = None) -> Replayed:
    """Tell settled deliveries again under their first ids; receivers that keep ids see them as repeats."""
    asked = body or Replay()
    status = asked.status or ("dead" if asked.ids is None and asked.since is None else None)
    count = await service.replay(tx, webhook_id, ids=asked.ids, status=status, since=asked.since, actor=caller.actor)
    return Replayed(replayed=count)


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay")
async def replay_delivery(webhook_id: UUID, delivery_id: int, tx: ApiTx, caller: Admin) -> Replayed:
    ids = [delivery_id] if 0 < delivery_id <= BIGINT_MAX else []
    count = await service.replay(tx, webhook_id, ids=ids, status=None, since=None, actor=caller.actor)
    return Replayed(replayed=count)


@router.post("/{webhook_id}/test", status_code=202)
async def test_webhook(webhook_id: UUID, tx: ApiTx, caller: Admin) -> None:
    """Send one message of the type ``webhook.test``."""
    await service.get_webhook(tx, webhook_id)
    await service.enqueue(tx, webhook_id, "webhook.test", {"asked_by": caller.actor})


class EventInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    position: int
    event_id: UUID
    event_type: str
    sku_ids: list[UUID]
    data: dict[str, Any]
    occurred_at: datetime


class EventPage(BaseModel):
    """Keep the last ``next_cursor``: with it the next call answers what came since; null means nothing came."""

    events: list[EventInfo]
    next_cursor: str | None


@event_router.get("")
async def list_events(
    tx: ApiTx,
    _: Reader,
    event_type: Annotated[EventType | None, Query(description="a name, or one ending in .*")] = None,
    sku_id: UUID | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> EventPage:
    """What happened, oldest first, 30 days back. No event appears behind a cursor that was given out."""
    found = await service.list_events(
        tx,
        after=decode_number_cursor(cursor) or 0,
        limit=limit,
        event_type=None if event_type == "*" else event_type,
        sku_id=sku_id,
    )
    return EventPage(
        events=[EventInfo.model_validate(e) for e in found],
        next_cursor=encode_cursor(found[-1].position) if found else None,
    )


def _shown(webhook: Webhook) -> WebhookInfo:
    return WebhookInfo.model_validate(webhook)
