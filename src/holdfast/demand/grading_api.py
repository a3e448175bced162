"""How good forecasts are, and the runs that make and grade them, over HTTP."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from holdfast.access.edge import ApiRoute, ApiTx, Planner, Reader
from holdfast.demand import accuracy, jobs, nightly
from holdfast.demand.accuracy import Accuracy
from holdfast.demand.store import STORED_LEVELS
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


class AccuracyInfo(BaseModel):
    """Of forecasts whose time is over. ``wape``: errors / demand, of the mean over the protection time.

    ``naive_wape``: of "as much as in the same time before", which a forecast must beat. ``bias``: forecast less
    actual / actual, above 0 is too high. ``pinball``: mean loss of the five stated levels / demand. ``coverage``: how
    often demand stayed within each stated level. Null where nothing was sold.
    """

    graded: int
    since: date | None
    until: date | None
    actual_units: float
    wape: float | None
    naive_wape: float | None
    bias: float | None
    pinball: float | None
    coverage: dict[str, float | None]


class PairAccuracyInfo(AccuracyInfo):
    sku_id: UUID
    warehouse_id: UUID


class AccuracyPage(BaseModel):
    accuracy: list[PairAccuracyInfo]
    next_cursor: str | None


class AccuracySummary(AccuracyInfo):
    pairs: int


class DemandRunInfo(BaseModel):
    """``facts``: forecasts renewed, graded and newly said; the error of a run that failed."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    status: str
    pairs_total: int
    pairs_done: int
    facts: dict[str, Any]


class DemandRunPage(BaseModel):
    runs: list[DemandRunInfo]
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
    return AccuracyPage(
        accuracy=[PairAccuracyInfo.model_validate(_shown(a)) for a in page.items], next_cursor=page.next_cursor
    )


@router.get("/accuracy/summary")
async def sum_accuracy(tx: ApiTx, _: Reader, days: LookBack = 365) -> AccuracySummary:
    """The same of everything together, by units of demand."""
    found = await accuracy.sum_accuracy(tx, days=days)
    return AccuracySummary.model_validate(_shown(found))


@router.get("/forecasts/runs")
async def list_demand_runs(
    tx: ApiTx, _: Reader, limit: Limit = LIMIT_DEFAULT, cursor: str | None = None
) -> DemandRunPage:
    """Nightly demand runs, newest first."""
    found = await nightly.list_runs(tx, before=decode_id_cursor(cursor), limit=limit)
    page = page_of(found, limit, lambda r: encode_cursor(r.id))
    return DemandRunPage(runs=[DemandRunInfo.model_validate(r) for r in page.items], next_cursor=page.next_cursor)


@router.post("/forecasts/runs", status_code=202)
async def start_demand_run(tx: ApiTx, caller: Planner) -> DemandRunInfo:
    """Bring demand up to date, renew forecasts, grade earlier ones; answers the run under way if there is one."""
    return DemandRunInfo.model_validate(await jobs.begin(tx, actor=caller.actor))


@router.get("/forecasts/runs/{run_id}")
async def get_demand_run(run_id: UUID, tx: ApiTx, _: Reader) -> DemandRunInfo:
    """How far a run is."""
    return DemandRunInfo.model_validate(await nightly.get_run(tx, run_id))


@router.post("/forecasts/runs/{run_id}/stop")
async def stop_demand_run(run_id: UUID, tx: ApiTx, caller: Planner) -> DemandRunInfo:
    """Stop a run behind the step it is at; what it did stays."""
    return DemandRunInfo.model_validate(await nightly.stop_run(tx, run_id, actor=caller.actor))


def _shown(found: Accuracy) -> dict[str, object]:
    coverage = dict(zip(map(str, STORED_LEVELS), found.coverage, strict=True))
    names = (*PairAccuracyInfo.model_fields, "pairs")
    return {**{name: getattr(found, name) for name in names if name != "coverage"}, "coverage": coverage}


def _pair(keys: list[str] | None) -> tuple[UUID, UUID] | None:
    try:
        return (UUID(keys[0]), UUID(keys[1])) if keys else None
    except ValueError:
        raise foreign_cursor() from None
