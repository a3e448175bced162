"""Limits of orders, and suggestions grouped into orders under them, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Planner, Reader
from holdfast.kernel.errors import NotFound
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_number_cursor, encode_cursor, page_of
from holdfast.replenishment import approvals, groupings, order_limits
from holdfast.replenishment.groupings import GroupedLine, Grouping, LineVerdict
from holdfast.replenishment.order_limits import Measure, OrderLimit, Per

router = APIRouter(prefix="/api/v1/replenishment", route_class=ApiRoute, tags=["Replenishment"])


class OrderLimitBody(BaseModel):
    """The most that may be ordered per order or within a period, of money, litres, kilograms or pallets.

    Without supplier and warehouse for everything. ``currency`` with money only. The truck and the minimum order value
    of a supplier's own terms hold besides.
    """

    model_config = ConfigDict(extra="forbid")
    measure: Measure
    per: Per
    supplier_id: UUID | None = None
    warehouse_id: UUID | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    most: Annotated[Decimal, Field(ge=0, max_digits=16, decimal_places=3)]


@dataclass(frozen=True, slots=True)
class OrderLimitList:
    order_limits: list[OrderLimit]


@dataclass(frozen=True, slots=True)
class GroupedLinePage:
    lines: Sequence[GroupedLine]
    next_cursor: str | None


class PlaceBody(BaseModel):
    """Without ``order_nos`` every order that goes."""

    model_config = ConfigDict(extra="forbid")
    order_nos: Annotated[list[int], Field(min_length=1, max_length=5000)] | None = None


@router.get("/order-limits")
async def list_order_limits(tx: ApiTx, _: Reader) -> OrderLimitList:
    return OrderLimitList(await order_limits.list_order_limits(tx))


@router.put("/order-limits")
async def put_order_limit(body: OrderLimitBody, tx: ApiTx, caller: Planner) -> OrderLimit:
    """One limit per measure, period and scope, in place of the one before."""
    return await order_limits.put_order_limit(tx, actor=caller.actor, **body.model_dump())


@router.delete("/order-limits/{limit_id}", status_code=204)
async def delete_order_limit(limit_id: UUID, tx: ApiTx, caller: Planner) -> Response:
    await order_limits.delete_order_limit(tx, limit_id, actor=caller.actor)
    return Response(status_code=204)


@router.post("/groupings", status_code=201)
async def propose(tx: ApiTx, caller: Planner) -> Grouping:
    """Group what is pending into orders, in place of the proposal before; nothing is ordered."""
    grouping_id = await groupings.propose(tx, actor=caller.actor)
    return await groupings.get_grouping(tx, grouping_id)


@router.get("/groupings/current")
async def current(tx: ApiTx, _: Reader) -> Grouping:
    """The proposal; every plan makes a new one."""
    grouping_id = await groupings.current_id(tx)
    if grouping_id is None:
        raise NotFound("grouping_not_found", "Nothing is grouped yet.")
    return await groupings.get_grouping(tx, grouping_id)


@router.get("/groupings/{grouping_id}")
async def get_grouping(grouping_id: UUID, tx: ApiTx, _: Reader) -> Grouping:
    return await groupings.get_grouping(tx, grouping_id)


@router.get("/groupings/{grouping_id}/lines")
async def list_lines(
    grouping_id: UUID,
    tx: ApiTx,
    _: Reader,
    order_no: int | None = None,
    verdict: LineVerdict | None = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> GroupedLinePage:
    """Those that cost most to wait first."""
    await groupings.get_grouping(tx, grouping_id)
    after = decode_number_cursor(cursor) or 0
    found = await groupings.list_lines(tx, grouping_id, after=after, limit=limit, order_no=order_no, verdict=verdict)
    page = page_of(found, limit, lambda line: encode_cursor(line.line_no))
    return GroupedLinePage(page.items, page.next_cursor)


@router.post("/groupings/{grouping_id}/place")
async def place(grouping_id: UUID, tx: ApiTx, caller: Planner, body: PlaceBody | None = None) -> Grouping:
    """Put its orders on drafts, all or none. What was placed before stays; repeating it changes nothing.

    Needs the scope approve, or a limit given to planners.
    """
    await approvals.require_approver(tx, caller)
    order_nos = body.order_nos if body else None
    return await groupings.place(tx, grouping_id, order_nos=order_nos, actor=caller.actor)
