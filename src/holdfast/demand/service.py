"""Demand for the rest of the program: kept up to the ledger, read as histories, stored as forecasts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from holdfast.db import Tx
from holdfast.demand import kept_season, overrides, store
from holdfast.demand.cleaning import Ordinary, read_coming_factor, read_ordinary
from holdfast.demand.methods import DemandMethod
from holdfast.demand.model import DemandForecast, forecast_demand
from holdfast.demand.occasions import times
from holdfast.demand.store import DemandDay, StoredForecast
from holdfast.kernel.errors import NotFound

BAND_LEVELS = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Outlook:
    """One stored forecast and the band of demand summed from today on, one entry per coming day.

    ``overridden``: the expected sum with what planners said about these days, where they said something.
    """

    forecast: StoredForecast
    expected: list[float]
    overridden: list[float] | None
    low: list[int]
    middle: list[int]
    high: list[int]


async def refresh(tx: Tx) -> int:
    """Sum what the ledger got since the last time; answers how many (SKU, warehouse) pairs had new entries.

    Safe to call at any time and twice; nothing that commits late is missed.
    """
    return await store.refresh(tx)


async def forecast_pairs(
    tx: Tx,
    sku_ids: Sequence[UUID],
    warehouse_ids: Sequence[UUID],
    *,
    protection_days: NDArray[np.float64],
    protection_days_sd: NDArray[np.float64],
    method: DemandMethod | None = None,
) -> DemandForecast:
    """Forecast these pairs from the days up to yesterday, and store what was found.

    ``protection_days`` and its standard deviation are per pair. Today is left out: half a day is not a day. What is
    stored is the model's; what is answered, and so ordered by, has the planners' overrides in it. Without a ``method``
    it is the one that ``plan`` and ``backtest`` use too, with the season of the shop.
    """
    read = await read_ordinary(tx, sku_ids, warehouse_ids, days=kept_season.HISTORY_DAYS)
    chosen = method or await kept_season.current_method(tx, read.history)
    # Off the event loop, which has heartbeats to send meanwhile.
    forecast = await asyncio.to_thread(_forecast, read, protection_days, chosen)
    days = kept_season.HISTORY_DAYS
    factor = await read_coming_factor(tx, sku_ids, warehouse_ids, protection_days, days=days)
    forecast = forecast if factor is None else times(forecast, factor)
    said = await overrides.read_overrides(tx, sku_ids, warehouse_ids)
    planned, means = overrides.with_overrides(forecast, protection_days, said)
    await store.save_forecasts(
        tx,
        sku_ids,
        warehouse_ids,
        forecast=forecast,
        method=chosen.name,
        protection_days=protection_days,
        protection_days_sd=protection_days_sd,
        override_daily_mean=means,
    )
    return planned


def _forecast(read: Ordinary, protection_days: NDArray[np.float64], method: DemandMethod) -> DemandForecast:
    forecast = forecast_demand(read.history, protection_days, method, cap_bulk=False, unit=1.0)
    return replace(forecast, bulk_units=read.left_out)


async def ordered_by(tx: Tx, sku_id: UUID, warehouse_id: UUID) -> DemandForecast | None:
    """The distribution the last plan of one level was made with, planners' overrides in it; None without a forecast."""
    found = await store.list_forecasts(tx, after=None, limit=1, sku_id=sku_id, warehouse_id=warehouse_id)
    if not found:
        return None
    said = await overrides.read_overrides(tx, [sku_id], [warehouse_id])
    days = np.array([found[0].protection_days])
    return overrides.with_overrides(found[0].as_forecast(), days, said)[0]


async def list_demand(
    tx: Tx,
    *,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    since: date | None = None,
    until: date | None = None,
    before: tuple[str, str, str] | None = None,
    limit: int,
) -> list[DemandDay]:
    """One page and one row more, newest day first."""
    return await store.list_demand(
        tx, before=before, limit=limit, sku_id=sku_id, warehouse_id=warehouse_id, since=since, until=until
    )


async def list_forecasts(
    tx: Tx,
    *,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    after: tuple[str, str] | None = None,
    limit: int,
) -> list[StoredForecast]:
    """One page and one row more, by SKU and warehouse."""
    return await store.list_forecasts(tx, after=after, limit=limit, sku_id=sku_id, warehouse_id=warehouse_id)


async def outlooks(tx: Tx, sku_id: UUID, *, warehouse_id: UUID | None = None, days: int) -> list[Outlook]:
    """The stored forecasts of one SKU with their bands over the next ``days`` days. Raises NotFound."""
    if not await store.knows_sku(tx, sku_id):
        raise NotFound("sku_not_found", "There is no such SKU.")
    found = await store.list_forecasts(tx, after=None, limit=500, sku_id=sku_id, warehouse_id=warehouse_id)
    said = await overrides.read_overrides(tx, [f.sku_id for f in found], [f.warehouse_id for f in found])
    return [_outlook(stored, days, said.get(place)) for place, stored in enumerate(found)]


def _outlook(stored: StoredForecast, days: int, said: list[dict[str, Any]] | None) -> Outlook:
    low, middle, high = stored.as_forecast().band(days, BAND_LEVELS)[0].tolist()
    expected = [round(stored.daily_mean * day, 2) for day in range(1, days + 1)]
    if not said:
        return Outlook(stored, expected, None, low, middle, high)
    planned = np.cumsum(overrides.daily_means(stored.daily_mean, days, said)).round(2).tolist()
    return Outlook(stored, expected, planned, low, middle, high)
