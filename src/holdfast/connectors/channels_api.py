"""Sales channels over HTTP: their buffers, and what each of them is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from holdfast.access.edge import ApiRoute, ApiTx, Planner, Reader
from holdfast.connectors import channels
from holdfast.connectors.channels import Channel
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, encode_cursor, page_of
from holdfast.web.fields import Count, Version

router = APIRouter(prefix="/api/v1/channels", route_class=ApiRoute, tags=["Channels"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Code = Annotated[str, Path(min_length=1, max_length=100)]
Days = Annotated[int, Field(ge=0, le=36_500, description="units must last so long to be shown on the channel")]
Places = Annotated[list[UUID], Field(min_length=1, max_length=1_000)]


class NewChannel(BaseModel):
    """``webhook_id``: a webhook of the mode ``levels`` that is told ``published_quantity`` beside each level."""

    model_config = ConfigDict(extra="forbid")
    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
    name: Name
    buffer: Count = 0
    min_remaining_days: Days | None = None
    warehouse_ids: Annotated[Places | None, Field(description="null: every active warehouse")] = None
    webhook_id: UUID | None = None
    is_active: bool = True


class ChannelChange(BaseModel):
    """Only the fields that are sent are changed."""

    model_config = ConfigDict(extra="forbid")
    name: Name | None = None
    buffer: Count | None = None
    min_remaining_days: Days | None = None
    warehouse_ids: Places | None = None
    webhook_id: UUID | None = None
    is_active: bool | None = None
    expected_version: Version | None = None

    @model_validator(mode="after")
    def _not_null(self) -> ChannelChange:
        for name in ("name", "buffer", "is_active"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null")
        return self


class ChannelInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    code: str
    name: str
    buffer: int
    min_remaining_days: int | None
    warehouse_ids: list[UUID] | None
    webhook_id: UUID | None
    is_active: bool
    created_at: datetime
    created_by: str
    version: int


class ChannelPage(BaseModel):
    channels: list[ChannelInfo]
    next_cursor: str | None


class BufferIn(BaseModel):
    """Of one SKU or of one category; null takes it away, and the next wider one holds."""

    model_config = ConfigDict(extra="forbid")
    sku_id: UUID | None = None
    category: Name | None = None
    buffer: Count | None

    @model_validator(mode="after")
    def _one_subject(self) -> BufferIn:
        if (self.sku_id is None) == (self.category is None):
            raise ValueError("name a SKU or a category")
        return self


class BufferInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    sku_id: UUID | None
    sku_code: str | None
    category: str | None
    buffer: int


class BufferList(BaseModel):
    buffers: list[BufferInfo]


class PublishedInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    sku_id: UUID
    sku_code: str
    available_quantity: Annotated[int, Field(description="in the channel's warehouses, lasting long enough for it")]
    buffer: int
    published_quantity: Annotated[int, Field(description="max(0, available − buffer); 0 on an inactive channel")]


class PublishedPage(BaseModel):
    published: list[PublishedInfo]
    next_cursor: str | None


@router.post("", status_code=201)
async def create_channel(body: NewChannel, tx: ApiTx, caller: Planner) -> ChannelInfo:
    fields = body.model_dump()
    return _info(await channels.create_channel(tx, code=fields.pop("code"), actor=caller.actor, **fields))


@router.get("")
async def list_channels(tx: ApiTx, _: Reader, limit: Limit = LIMIT_DEFAULT, cursor: str | None = None) -> ChannelPage:
    page = page_of(await channels.list_channels(tx, after=_after(cursor), limit=limit), limit, _code_cursor)
    return ChannelPage(channels=[_info(c) for c in page.items], next_cursor=page.next_cursor)


@router.get("/{code}")
async def get_channel(code: Code, tx: ApiTx, _: Reader) -> ChannelInfo:
    return _info(await channels.get_channel(tx, code))


@router.patch("/{code}")
async def change_channel(code: Code, body: ChannelChange, tx: ApiTx, caller: Planner) -> ChannelInfo:
    changes = body.model_dump(exclude_unset=True)
    expected = changes.pop("expected_version", None)
    return _info(await channels.change_channel(tx, code, changes, expected_version=expected, actor=caller.actor))


@router.put("/{code}/buffers")
async def set_buffer(code: Code, body: BufferIn, tx: ApiTx, caller: Planner) -> BufferList:
    found = await channels.set_buffer(
        tx, code, sku_id=body.sku_id, category=body.category, buffer=body.buffer, actor=caller.actor
    )
    return BufferList(buffers=[BufferInfo.model_validate(b) for b in found])


@router.get("/{code}/buffers")
async def list_buffers(code: Code, tx: ApiTx, _: Reader) -> BufferList:
    found = await channels.list_buffers(tx, (await channels.get_channel(tx, code)).id)
    return BufferList(buffers=[BufferInfo.model_validate(b) for b in found])


@router.get("/{code}/stock", response_model=PublishedPage)
async def list_published(
    code: Code,
    tx: ApiTx,
    _: Reader,
    sku_id: UUID | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> PublishedPage:
    """What the channel is shown of every SKU."""
    channel = await channels.get_channel(tx, code)
    found = await channels.list_published(tx, channel, sku_id=sku_id, after=_after(cursor), limit=limit)
    page = page_of(found, limit, lambda p: encode_cursor(p.sku_code))
    return PublishedPage(published=[PublishedInfo.model_validate(p) for p in page.items], next_cursor=page.next_cursor)


def _info(channel: Channel) -> ChannelInfo:
    return ChannelInfo.model_validate(channel)


def _after(cursor: str | None) -> str | None:
    keys = decode_cursor(cursor, 1)
    return keys[0] if keys else None


def _code_cursor(channel: Channel) -> str:
    return encode_cursor(channel.code)
