"""API keys and the audit trail over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access import audit, keys
from holdfast.access.edge import Admin, ApiRoute, ApiTx
from holdfast.kernel.page import (
    LIMIT_DEFAULT,
    LIMIT_MAX,
    decode_id_cursor,
    decode_number_cursor,
    encode_cursor,
    page_of,
)

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["Access"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]


class NewKey(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: Annotated[list[Literal["read", "operate", "plan", "approve", "admin"]], Field(min_length=1)]


class KeyInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


class CreatedKey(KeyInfo):
    token: Annotated[str, Field(description="Shown this once; only its hash is stored.")]


class KeyPage(BaseModel):
    api_keys: list[KeyInfo]
    next_cursor: str | None


@router.post("/api-keys", status_code=201)
async def create_key(body: NewKey, tx: ApiTx, caller: Admin) -> CreatedKey:
    key, token = await keys.create_key(tx, name=body.name, scopes=list(body.scopes), created_by=caller.actor)
    await audit.record(tx, actor=caller.actor, action="api_key.created", subject=f"api_key:{key.id}", scopes=key.scopes)
    return CreatedKey(**KeyInfo.model_validate(key).model_dump(), token=token)


@router.get("/api-keys")
async def list_keys(tx: ApiTx, _: Admin, limit: Limit = LIMIT_DEFAULT, cursor: str | None = None) -> KeyPage:
    found = await keys.list_keys(tx, after=decode_id_cursor(cursor), limit=limit)
    page = page_of(found, limit, lambda key: encode_cursor(key.id))
    return KeyPage(api_keys=[KeyInfo.model_validate(key) for key in page.items], next_cursor=page.next_cursor)


@router.delete("/api-keys/{key_id}")
async def revoke_key(key_id: UUID, tx: ApiTx, caller: Admin) -> KeyInfo:
    key = await keys.revoke_key(tx, key_id)
    await audit.record(tx, actor=caller.actor, action="api_key.revoked", subject=f"api_key:{key.id}")
    return KeyInfo.model_validate(key)


class AuditInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    facts: dict[str, Any]
    undone: Annotated[dict[str, Any] | None, Field(description="who took the action back, when somebody did")]


class AuditPage(BaseModel):
    entries: list[AuditInfo]
    next_cursor: str | None


@router.get("/audit-log")
async def audit_log(
    tx: ApiTx, _: Admin, subject: str | None = None, limit: Limit = LIMIT_DEFAULT, cursor: str | None = None
) -> AuditPage:
    found = await audit.list_entries(tx, before=decode_number_cursor(cursor), subject=subject, limit=limit)
    page = page_of(found, limit, lambda entry: encode_cursor(entry.id))
    return AuditPage(entries=[AuditInfo.model_validate(e) for e in page.items], next_cursor=page.next_cursor)
