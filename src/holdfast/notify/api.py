"""The delivery log and the inbox over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Operator, Reader
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_id_cursor, encode_cursor, page_of
from holdfast.notify import service

router = APIRouter(prefix="/api/v1/notifications", route_class=ApiRoute, tags=["Notifications"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]


class NotificationInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    channel: Literal["email", "inbox"]
    kind: str
    recipient: str
    language: str
    subject: str
    body: str
    link: str | None
    status: Literal["queued", "sent", "failed"]
    attempts: int
    next_attempt_at: datetime
    last_error: str | None
    read_at: datetime | None
    created_at: datetime
    sent_at: datetime | None


class NotificationPage(BaseModel):
    notifications: list[NotificationInfo]
    next_cursor: str | None
    notice: Annotated[str | None, Field(description="why e-mail waits, in one sentence; null when it does not")]


@router.get("")
async def list_notifications(
    tx: ApiTx,
    _: Reader,
    request: Request,
    channel: Literal["email", "inbox"] | None = None,
    status: Literal["queued", "sent", "failed"] | None = None,
    kind: str | None = None,
    recipient: str | None = None,
    unread: bool | None = None,
    language: Literal["en", "zh"] | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> NotificationPage:
    """Everything people were told, newest first, with what became of it."""
    found = await service.list_notifications(
        tx,
        before=decode_id_cursor(cursor),
        limit=limit,
        language=language,
        channel=channel,
        status=status,
        kind=kind,
        recipient=recipient,
        unread=unread,
    )
    page = page_of(found, limit, lambda n: encode_cursor(n.id))
    state = await service.mail_state(tx, request.app.state.settings)
    return NotificationPage(
        notifications=[NotificationInfo.model_validate(n) for n in page.items],
        next_cursor=page.next_cursor,
        notice=state.sentence,
    )


@router.post("/{notification_id}/read", status_code=204)
async def mark_read(notification_id: UUID, tx: ApiTx, _: Operator) -> None:
    await service.mark_read(tx, notification_id)


@router.post("/{notification_id}/retry", status_code=204)
async def retry(notification_id: UUID, tx: ApiTx, _: Operator) -> None:
    """Send a message again that was given up."""
    await service.retry(tx, notification_id)
