"""Pools of sales channels over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Planner, Reader
from holdfast.connectors import pools
from holdfast.connectors.channels import get_channel
from holdfast.connectors.pools import Pool
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, encode_cursor, page_of
from holdfast.web.fields import Quantity, Version

router = APIRouter(prefix="/api/v1/channels", route_class=ApiRoute, tags=["Channels"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Code = Annotated[str, Path(min_length=1, max_length=100)]


class PoolIn(BaseModel):
    """``quantity`` is what the channel may take in all, what it holds or sold of the pool included; null ends the pool.
    ``expected_version``: of the pool as it was read, 0 when there was none.
    """

    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    warehouse_id: UUID
    quantity: Quantity | None
    expected_version: Version | None = None


class PoolInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    channel: str
    sku_id: UUID
    sku_code: str
    warehouse_id: UUID
    warehouse_code: str
    quantity: Annotated[int, Field(description="given to the channel")]
    taken_quantity: Annotated[int, Field(description="of these held or sold")]
    remaining_quantity: Annotated[int, Field(description="kept from everybody else")]
    there_quantity: Annotated[
        int, Field(description="of the remaining there to be taken; the rest is kept of what comes")
    ]
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str
    version: int


class PoolPage(BaseModel):
    pools: list[PoolInfo]
    next_cursor: str | None


class PoolSet(BaseModel):
    """``pool`` is null once it is ended."""

    pool: PoolInfo | None


@router.put("/{code}/pools")
async def set_pool(code: Code, body: PoolIn, tx: ApiTx, caller: Planner) -> PoolSet:
    """Keep units of a SKU in a warehouse for a channel. More than is there binds what comes."""
    found = await pools.set_pool(tx, code, **body.model_dump(), actor=caller.actor)
    return PoolSet(pool=None if found is None else PoolInfo.model_validate(found))


@router.get("/{code}/pools")
async def list_pools(
    code: Code,
    tx: ApiTx,
    _: Reader,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> PoolPage:
    channel = await get_channel(tx, code)
    found = await pools.list_pools(
        tx,
        after=decode_cursor(cursor, 3),
        limit=limit,
        channel=channel.code,
        sku_id=sku_id,
        warehouse_id=warehouse_id,
    )
    page = page_of(found, limit, _cursor)
    return PoolPage(pools=[PoolInfo.model_validate(p) for p in page.items], next_cursor=page.next_cursor)


def _cursor(pool: Pool) -> str:
    return encode_cursor(pool.channel, pool.sku_code, pool.warehouse_code)
