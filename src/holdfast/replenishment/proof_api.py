"""What planning is worth, over HTTP: grades of decisions, and backtests on the shop's own past."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Planner, Reader
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_id_cursor, encode_cursor, page_of
from holdfast.replenishment import backtests, grades, jobs

router = APIRouter(prefix="/api/v1/replenishment", route_class=ApiRoute, tags=["Replenishment"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]


class MonthLineInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    decision: str
    decided_by: str
    currency: str
    decisions: int
    final: int
    with_stockout: int
    stockout_days: int
    excess_value: Decimal


class GradeInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    suggestion_id: UUID
    decision: str
    decided_by: str
    decided_at: datetime
    sku_id: UUID
    sku_code: str
    warehouse_id: UUID
    suggested_quantity: int
    decided_quantity: int
    stockout_days: int
    excess_units: int
    excess_value: Decimal | None
    currency: str | None
    window_begins: date
    window_ends: date
    is_final: bool


class MonthReport(BaseModel):
    """``lines``: by kind of decision and by who decided. ``grades``: the decisions that cost most."""

    month: date
    lines: list[MonthLineInfo]
    grades: list[GradeInfo]


class BacktestBody(BaseModel):
    """``days`` is how much of the past is replayed; without it a year, or half of a shorter past."""

    model_config = ConfigDict(extra="forbid")
    warehouse_id: UUID | None = None
    category: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    days: Annotated[int, Field(ge=28, le=700)] | None = None
    order_cost: Annotated[float, Field(ge=0, le=1_000_000)] = 2.0
    holding_rate: Annotated[float, Field(ge=0, le=10)] = 0.25


class BacktestInfo(BaseModel):
    """``result``: per policy stock-outs, fill rate, average stock value, orders and cost; null until it is finished."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    status: Literal["running", "finished", "failed"]
    phase: str
    asked: dict[str, Any]
    result: dict[str, Any] | None
    error: str | None


class BacktestPage(BaseModel):
    backtests: list[BacktestInfo]
    next_cursor: str | None


@router.get("/grades")
async def month_report(
    tx: ApiTx,
    _: Reader,
    month: date | None = None,
    decision: Literal["followed", "changed", "rejected"] | None = None,
    limit: Limit = LIMIT_DEFAULT,
) -> MonthReport:
    """What became of the decisions of the month ``month`` lies in, this one without it."""
    first = await grades.month_of(tx, month)
    lines = await grades.month_report(tx, first)
    worst = await grades.list_grades(tx, first, decision=decision, limit=limit)
    return MonthReport(
        month=first,
        lines=[MonthLineInfo.model_validate(line) for line in lines],
        grades=[GradeInfo.model_validate(one) for one in worst],
    )


@router.post("/backtest", status_code=202)
async def start_backtest(tx: ApiTx, caller: Planner, body: BacktestBody | None = None) -> BacktestInfo:
    """Replay the past of the levels that sell most under every policy on offer. Answers the one under way, if any."""
    asked = (body or BacktestBody()).model_dump(mode="json")
    return BacktestInfo.model_validate(await jobs.begin_backtest(tx, actor=caller.actor, **asked))


@router.get("/backtests")
async def list_backtests(tx: ApiTx, _: Reader, limit: Limit = LIMIT_DEFAULT, cursor: str | None = None) -> BacktestPage:
    found = await backtests.list_all(tx, before=decode_id_cursor(cursor), limit=limit)
    page = page_of(found, limit, lambda b: encode_cursor(b.id))
    return BacktestPage(backtests=[BacktestInfo.model_validate(b) for b in page.items], next_cursor=page.next_cursor)


@router.get("/backtests/{backtest_id}")
async def get_backtest(backtest_id: UUID, tx: ApiTx, _: Reader) -> BacktestInfo:
    return BacktestInfo.model_validate(await backtests.get(tx, backtest_id))
