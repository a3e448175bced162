"""Demand histories out of the database as matrices, forecasts back into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from holdfast.db import Tx, statements
from holdfast.demand.history import DEMAND_CLASSES, DemandHistory, without_unsold_start
from holdfast.demand.model import DemandForecast

sql = statements("holdfast.demand")

# Levels of the stored quantiles of demand over the protection time.
STORED_LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)

# Packed by ``read_histories``: a hundred rows per series as one value, because reading them one by one took longer
# than forecasting them.
_SOLD = np.dtype([("back", ">i2"), ("observed", ">i2"), ("quantity", ">i4"), ("lost", ">i4")])
_EMPTY = np.dtype([("first_back", ">i2"), ("last_back", ">i2")])
_SINCE_EVER = 32767


@dataclass(frozen=True, slots=True)
class DemandDay:
    """Units wanted of a SKU at a warehouse on one day. ``quantity`` = imported + sold - returned; ``ordinary_quantity``
    is that without one-off lines.

    ``observed`` is false when the shelf was empty from morning on and nothing sold. ``empty_share`` of the day nothing
    could be bought; ``lost_quantity`` estimates what would have sold then (null: unknown), ``refused_quantity`` counts
    what was asked for and refused; ``lost_total`` is the larger, as both speak of the same customers. None of the three
    is part of ``quantity``.
    """

    sku_id: UUID
    warehouse_id: UUID
    day: date
    quantity: int
    orders: int
    observed: bool
    imported_quantity: int
    sold_quantity: int
    returned_quantity: int
    bulk_quantity: int
    ordinary_quantity: int
    empty_share: float
    lost_quantity: float | None
    refused_quantity: int
    lost_total: float


@dataclass(frozen=True, slots=True)
class StoredForecast:
    """The last forecast of one pair; ``quantiles`` of the demand over ``protection_days`` at STORED_LEVELS."""

    sku_id: UUID
    warehouse_id: UUID
    made_at: datetime
    method: str
    demand_class: str
    daily_mean: float
    daily_sd: float
    trend_percent_per_week: float
    protection_days: float
    quantiles: list[float]
    day_variance: float
    level_variance: float
    observed_days: int
    bulk_units: int
    override_daily_mean: float | None = None
    level_shift: list[float] | None = None
    expected_error: float | None = None
    season_factor: float = 1.0
    occasion_factor: float = 1.0

    def as_forecast(self) -> DemandForecast:
        """The distribution again, as a forecast of one series."""

        def one(value: float) -> NDArray[np.float64]:
            return np.array([value], np.float64)

        return DemandForecast(
            daily_mean=one(self.daily_mean),
            day_variance=one(self.day_variance),
            level_variance=one(self.level_variance),
            trend_pct_per_week=one(self.trend_percent_per_week),
            demand_class=np.array([DEMAND_CLASSES.index(self.demand_class)], np.int8),  # type: ignore[arg-type]
            observed_days=np.array([self.observed_days], np.int64),
            bulk_units=np.array([self.bulk_units], np.int64),
            level_shift=None if self.level_shift is None else np.array([self.level_shift], np.float64),
            season_factor=one(self.season_factor),
            occasion_factor=one(self.occasion_factor),
        )


async def refresh(tx: Tx) -> int:
    await tx.run(sql.allow_long_statements)
    return await tx.value(sql.refresh)


async def read_histories(tx: Tx, sku_ids: Sequence[UUID], warehouse_ids: Sequence[UUID], *, days: int) -> DemandHistory:
    rows = await tx.dicts(sql.read_histories, sku_ids=list(sku_ids), warehouse_ids=list(warehouse_ids), days=days)
    assert len(rows) == len(sku_ids), "every pair has its warehouse"
    return unpacked(rows, days)


def unpacked(rows: list[dict[str, Any]], days: int) -> DemandHistory:
    """The matrix of packed rows: ``n`` (from 1), ``sold``, ``empty``, ``has_ledger``."""
    quantity = np.zeros((len(rows), days), np.int32)
    observed = np.ones((len(rows), days), np.bool_)
    has_ledger = np.zeros(len(rows), np.bool_)
    for row in rows:
        n = row["n"] - 1
        has_ledger[n] = row["has_ledger"]
        sold = np.frombuffer(row["sold"], _SOLD)
        column = days - 1 - sold["back"].astype(np.int64)
        for first_back, last_back in np.frombuffer(row["empty"], _EMPTY).tolist():
            end = days - last_back
            if first_back == _SINCE_EVER:
                # Sales from before the first entry were booked later: the item was there from the first of them on.
                end = min(end, column[sold["quantity"] != 0].min(initial=days))
            observed[n, max(days - 1 - first_back, 0) : end] = False
        quantity[n, column] = sold["quantity"]
        # A sale is evidence, even from a shelf that was empty in the morning.
        observed[n, column] = ((sold["quantity"] > 0) | observed[n, column]) & (sold["observed"] != 0)
        # On a day the shelf was empty for a part of, what would have sold then is demand as well (docs/decisions/0146).
        quantity[n, column] += _whole(np.where(observed[n, column], sold["lost"], 0))
    if not has_ledger.all():
        # Demand that was imported without stock: the first sale is the first day we know of.
        imported = ~has_ledger
        observed[imported] = without_unsold_start(quantity[imported], observed[imported])
    return DemandHistory(quantity, observed)


def _whole(hundredths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole units whose sum is right up to every entry: 0.3 of one on ten days is three, not none."""
    return np.diff((np.cumsum(hundredths) + 50) // 100, prepend=0)


async def save_forecasts(
    tx: Tx,
    sku_ids: Sequence[UUID],
    warehouse_ids: Sequence[UUID],
    *,
    forecast: DemandForecast,
    method: str,
    protection_days: NDArray[np.float64],
    protection_days_sd: NDArray[np.float64],
    override_daily_mean: Sequence[float | None],
) -> None:
    levels = np.array(STORED_LEVELS)[:, None]
    quantiles: list[list[int]] = forecast.quantile_over(levels, protection_days, protection_days_sd).T.tolist()
    classes: list[int] = forecast.demand_class.tolist()
    await tx.run(
        sql.save_forecasts,
        sku_ids=list(sku_ids),
        warehouse_ids=list(warehouse_ids),
        method=[method] * len(classes) if forecast.method_names is None else list(map(str, forecast.method_names)),
        demand_class=[str(DEMAND_CLASSES[i]) for i in classes],
        daily_mean=forecast.daily_mean.tolist(),
        daily_sd=forecast.daily_sd.tolist(),
        trend=forecast.trend_pct_per_week.tolist(),
        protection_days=protection_days.tolist(),
        quantiles=["{" + ",".join(map(str, row)) + "}" for row in quantiles],
        day_variance=forecast.day_variance.tolist(),
        level_variance=forecast.level_variance.tolist(),
        observed_days=forecast.observed_days.tolist(),
        bulk_units=forecast.bulk_units.tolist(),
        protection_days_sd=protection_days_sd.tolist(),
        override_daily_mean=list(override_daily_mean),
        level_shift=_shifts(forecast),
        expected_error=_errors(forecast),
        season_factor=_factors(forecast.season_factor, len(classes)),
        occasion_factor=_factors(forecast.occasion_factor, len(classes)),
    )


def _factors(found: NDArray[np.float64] | None, series: int) -> list[float]:
    return [1.0] * series if found is None else found.tolist()


def _shifts(forecast: DemandForecast) -> list[str | None]:
    if forecast.level_shift is None:
        return [None] * forecast.daily_mean.size
    rows: list[list[float]] = forecast.level_shift.tolist()
    return ["{" + ",".join(map(str, row)) + "}" for row in rows]


def _errors(forecast: DemandForecast) -> list[float | None]:
    if forecast.expected_error is None:
        return [None] * forecast.daily_mean.size
    errors: list[float] = forecast.expected_error.tolist()
    return [None if np.isnan(error) else error for error in errors]


async def list_demand(tx: Tx, *, before: tuple[str, str, str] | None, limit: int, **filters: Any) -> list[DemandDay]:
    return await tx.all(
        sql.list_demand,
        DemandDay,
        before_day=before[0] if before else None,
        before_sku=before[1] if before else None,
        before_warehouse=before[2] if before else None,
        limit=limit + 1,
        **filters,
    )


async def list_forecasts(tx: Tx, *, after: tuple[str, str] | None, limit: int, **filters: Any) -> list[StoredForecast]:
    return await tx.all(
        sql.list_forecasts,
        StoredForecast,
        after_sku=after[0] if after else None,
        after_warehouse=after[1] if after else None,
        limit=limit + 1,
        **filters,
    )


async def knows_sku(tx: Tx, sku_id: UUID) -> bool:
    return await tx.value(sql.get_sku, sku_id=sku_id) is not None
