"""How good forecasts are, and the runs that make and grade them, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from holdfast.access.edge import ApiRoute, ApiTx, Planner, Reader
from holdfast.demand import accuracy, jobs, nightly
from holdfast.demand.accuracy import AccuracySummary, PairAccuracy
from holdfast.demand.nightly import DemandRun
from holdfast.kernel.page import (
    LIMIT_DEFAULT,
    LIMIT_MAX,
    decode_cursor,
    decode_id_cursor,
    encode_cursor,
    foreign_cursor,
    page_of,
)

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["Demand"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
LookBack = Annotated[int, Query(ge=1, le=730)]


class AccuracyPage(BaseModel):
    accuracy: Sequence[PairAccuracy]
    next_cursor: str | None


class DemandRunPage(BaseModel):
    runs: Sequence[DemandRun]
    next_cursor: str | None


@router.get("/accuracy")
async def list_accuracy(
    tx: ApiTx,
    _: Reader,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    days: LookBack = 365,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> AccuracyPage:
    """How good the forecasts of each SKU and warehouse were over the last ``days`` days."""
    keys = decode_cursor(cursor, 2)
    found = await accuracy.list_accuracy(
        tx, days=days, sku_id=sku_id, warehouse_id=warehouse_id, after=_pair(keys), limit=limit
    )
    page = page_of(found, limit, lambda a: encode_cursor(a.sku_id, a.warehouse_id))
    return AccuracyPage(accuracy=page.items, next_cursor=page.next_cursor)


@router.get("/accuracy/summary")
async def sum_accuracy(tx: ApiTx, _: Reader, days: LookBack = 365) -> AccuracySummary:
    """The same of everything together, by units of demand."""
    return await accuracy.sum_accuracy(tx, days=days)


@router.get("/forecasts/runs")
async def list_demand_runs(
    tx: ApiTx, _: Reader, limit: Limit = LIMIT_DEFAULT, cursor: str | None = None
) -> DemandRunPage:
    """Nightly demand runs, newest first."""
    found = await nightly.list_runs(tx, before=decode_id_cursor(cursor), limit=limit)
    page = page_of(found, limit, lambda r: encode_cursor(r.id))
    return DemandRunPage(runs=page.items, next_cursor=page.next_cursor)


@router.post("/forecasts/runs", status_code=202)
async def start_demand_run(tx: ApiTx, caller: Planner) -> DemandRun:
    """Bring demand up to date, renew forecasts, grade earlier ones; answers the run under way if there is one."""
    return await jobs.begin(tx, actor=caller.actor)


@router.get("/forecasts/runs/{run_id}")
async def get_demand_run(run_id: UUID, tx: ApiTx, _: Reader) -> DemandRun:
    """How far a run is."""
    return await nightly.get_run(tx, run_id)


@router.post("/forecasts/runs/{run_id}/stop")
async def stop_demand_run(run_id: UUID, tx: ApiTx, caller: Planner) -> DemandRun:
    """Stop a run behind the step it is at; what it did stays."""
    return await nightly.stop_run(tx, run_id, actor=caller.actor)


def _pair(keys: list[str] | None) -> tuple[UUID, UUID] | None:
    try:
        return (UUID(keys[0]), UUID(keys[1])) if keys else None
    except ValueError:
        raise foreign_cursor() from None
