"""The lines behind demand over HTTP, and a planner's word on large ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Planner, Reader
from holdfast.demand import planners
from holdfast.demand.planners import DemandLine
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, encode_cursor, foreign_cursor, page_of

router = APIRouter(prefix="/api/v1/demand", route_class=ApiRoute, tags=["Demand"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]


class DemandLinePage(BaseModel):
    lines: Sequence[DemandLine]
    next_cursor: str | None


class VerdictBody(BaseModel):
    """``is_one_off`` null gives the decision back to the rule."""

    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    warehouse_id: UUID
    is_one_off: bool | None
    reason: Annotated[str, Field(max_length=500)] = ""


@router.get("/lines")
async def list_lines(
    tx: ApiTx,
    _: Reader,
    sku_id: UUID,
    warehouse_id: UUID | None = None,
    since: date | None = None,
    until: date | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> DemandLinePage:
    """The order lines, sales, undone entries and returns that make the demand of a SKU, newest day first."""
    keys = _keys(cursor, day=0, ids=(1, 3))
    found = await planners.list_lines(
        tx, sku_id=sku_id, limit=limit, before=keys, warehouse_id=warehouse_id, since=since, until=until
    )
    page = page_of(found, limit, lambda x: encode_cursor(x.day, x.warehouse_id, x.kind, x.source_id))
    return DemandLinePage(lines=page.items, next_cursor=page.next_cursor)


@router.get("/large-lines")
async def list_large_lines(
    tx: ApiTx,
    _: Reader,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    unjudged: bool = False,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> DemandLinePage:
    """Lines far above what is usual for their SKU, for a planner to judge: one-offs, or normal from now on."""
    keys = _keys(cursor, day=2, ids=(0, 1, 3))
    found = await planners.list_large(
        tx, limit=limit, before=keys, sku_id=sku_id, warehouse_id=warehouse_id, unjudged=unjudged
    )
    page = page_of(found, limit, lambda x: encode_cursor(x.sku_id, x.warehouse_id, x.day, x.source_id))
    return DemandLinePage(lines=page.items, next_cursor=page.next_cursor)


@router.put("/lines/{source_id}/verdict")
async def judge_line(source_id: UUID, body: VerdictBody, tx: ApiTx, caller: Planner) -> DemandLine:
    """Say that a large line was a one-off, or that it is normal; the word of a planner wins over the rule at once."""
    line = await planners.judge_line(
        tx,
        sku_id=body.sku_id,
        warehouse_id=body.warehouse_id,
        source_id=source_id,
        is_one_off=body.is_one_off,
        reason=body.reason,
        actor=caller.actor,
    )
    return line


def _keys(cursor: str | None, *, day: int, ids: tuple[int, ...]) -> list[str] | None:
    keys = decode_cursor(cursor, 4)
    if keys is not None:
        try:
            date.fromisoformat(keys[day])
            for place in ids:
                UUID(keys[place])
        except ValueError:
            raise foreign_cursor() from None
    return keys
