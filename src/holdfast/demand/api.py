"""Demand and forecasts over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from holdfast.access.edge import ApiRoute, ApiTx, Reader
from holdfast.demand import explaining, service
from holdfast.demand.explaining import DemandExplained
from holdfast.demand.service import Outlook
from holdfast.demand.store import STORED_LEVELS, DemandDay, StoredForecast
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, encode_cursor, foreign_cursor, page_of

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["Demand"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]


class DemandPage(BaseModel):
    demand: Sequence[DemandDay]
    next_cursor: str | None


class ForecastInfo(BaseModel):
    """Demand as a distribution. ``quantiles``: units the demand over ``protection_days`` stays within, by probability.

    ``daily_sd`` includes that the mean is not known exactly; ``trend_percent_per_week`` is 0 where noise alone could
    make it; ``bulk_units`` are one-off units that were left out. ``expected_error`` is the mean pinball loss of the
    method at past origins by the mean sum; null when it has not tried itself. ``override_daily_mean`` is the mean over
    the protection time as planners have it, which orders are made by; null when nobody overrides the model.
    ``season_factor`` is what the season ahead does to the mean, ``occasion_factor`` what promotions and holidays ahead
    do; the mean has both in it, 1 is nothing.
    """

    sku_id: UUID
    warehouse_id: UUID
    made_at: datetime
    method: str
    demand_class: str
    daily_mean: float
    override_daily_mean: float | None
    daily_sd: float
    trend_percent_per_week: float
    protection_days: float
    quantiles: dict[str, float]
    observed_days: int
    bulk_units: int
    expected_error: float | None
    season_factor: float
    occasion_factor: float


class OutlookInfo(ForecastInfo):
    """Also the demand summed from today to each coming day: expected, and at 10, 50 and 90 percent probability.

    ``overridden``: the expected sums with what planners said about these days; null when they said nothing.
    """

    expected: list[float]
    overridden: list[float] | None
    low: list[int]
    middle: list[int]
    high: list[int]


class ForecastPage(BaseModel):
    forecasts: list[ForecastInfo]
    next_cursor: str | None


class OutlookList(BaseModel):
    forecasts: list[OutlookInfo]


@router.get("/demand")
async def list_demand(
    tx: ApiTx,
    _: Reader,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    since: date | None = None,
    until: date | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> DemandPage:
    """Demand per day in its parts, newest first. Orders count on the day they were placed, returns lower that day.

    Days without a row had no sale; the day running now grows until it ends.
    """
    keys = decode_cursor(cursor, 3)
    found = await service.list_demand(
        tx,
        sku_id=sku_id,
        warehouse_id=warehouse_id,
        since=since,
        until=until,
        before=_demand_key(keys) if keys else None,
        limit=limit,
    )
    page = page_of(found, limit, lambda d: encode_cursor(d.day, d.sku_id, d.warehouse_id))
    return DemandPage(demand=page.items, next_cursor=page.next_cursor)


@router.get("/demand/{sku_id}/explain")
async def explain_demand(sku_id: UUID, tx: ApiTx, _: Reader, warehouse_id: UUID, day: date) -> DemandExplained:
    """How the demand of one SKU in one warehouse on one day was made: its parts, lines, refusals and empty times."""
    return await explaining.explain(tx, sku_id, warehouse_id, day)


@router.get("/forecasts")
async def list_forecasts(
    tx: ApiTx,
    _: Reader,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> ForecastPage:
    """The last forecast of every SKU and warehouse, as a distribution over its protection time."""
    keys = decode_cursor(cursor, 2)
    found = await service.list_forecasts(
        tx,
        sku_id=sku_id,
        warehouse_id=warehouse_id,
        after=(_uuid(keys[0]), _uuid(keys[1])) if keys else None,
        limit=limit,
    )
    page = page_of(found, limit, lambda f: encode_cursor(f.sku_id, f.warehouse_id))
    return ForecastPage(
        forecasts=[ForecastInfo.model_validate(_shown(f)) for f in page.items], next_cursor=page.next_cursor
    )


@router.get("/forecasts/{sku_id}")
async def get_forecasts(
    sku_id: UUID,
    tx: ApiTx,
    _: Reader,
    warehouse_id: UUID | None = None,
    days: Annotated[int, Query(ge=1, le=365)] = 30,
) -> OutlookList:
    """The forecasts of one SKU per warehouse, day by day for the next ``days`` days."""
    found = await service.outlooks(tx, sku_id, warehouse_id=warehouse_id, days=days)
    return OutlookList(forecasts=[OutlookInfo.model_validate(_shown_ahead(o)) for o in found])


def _shown(forecast: StoredForecast) -> dict[str, object]:
    shown = {name: getattr(forecast, name) for name in ForecastInfo.model_fields if name != "quantiles"}
    return {**shown, "quantiles": dict(zip(map(str, STORED_LEVELS), forecast.quantiles, strict=True))}


def _shown_ahead(outlook: Outlook) -> dict[str, object]:
    band = {name: getattr(outlook, name) for name in ("expected", "overridden", "low", "middle", "high")}
    return {**_shown(outlook.forecast), **band}


def _demand_key(keys: list[str]) -> tuple[str, str, str]:
    try:
        return date.fromisoformat(keys[0]).isoformat(), _uuid(keys[1]), _uuid(keys[2])
    except ValueError:
        raise foreign_cursor() from None


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise foreign_cursor() from None
