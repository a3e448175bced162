"""The shop's own past replayed under the policies on offer, as a job whose result stays."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np
import structlog
from psycopg.types.json import Jsonb

from holdfast.access import audit
from holdfast.db import Database, Tx, statements
from holdfast.demand import DemandHistory
from holdfast.demand.store import read_histories
from holdfast.kernel.errors import Invalid, NotFound
from holdfast.replenishment.backtesting import backtest
from holdfast.replenishment.items import Costs

sql = statements("holdfast.replenishment", "backtests.sql")
log = structlog.get_logger()

HISTORY_DAYS: Final = 730
SERIES_MAX: Final = 5_000


@dataclass(frozen=True, slots=True)
class StoredBacktest:
    """``asked``: scope and costs; ``phase``: waiting, reading, replaying, done; ``result`` as ``Backtest.as_json``."""

    id: UUID
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    status: str
    asked: dict[str, Any]
    phase: str
    result: dict[str, Any] | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Series:
    """One level as the statement answers it, with the terms it is planned by."""

    sku_id: UUID
    warehouse_id: UUID
    sku: str
    location: str
    today: date
    lead_time_days: float
    lead_time_sd_days: float
    moq: int
    order_multiple: int
    unit_cost: float | None
    price: float | None
    currency: str
    reorder_point: int | None
    max_stock: int | None


async def start(tx: Tx, *, actor: str, **asked: Any) -> StoredBacktest:
    """A new backtest, or the one under way. ``asked``: warehouse_id, category, days, order_cost, holding_rate."""
    backtest_id = await tx.value(sql.start_backtest, actor=actor, asked=Jsonb(asked))
    if backtest_id is None:
        return await tx.one(sql.running_backtest, StoredBacktest)
    await audit.record(tx, actor=actor, action="replenishment.backtest_started", subject=f"backtest:{backtest_id}")
    return await get(tx, backtest_id)


async def get(tx: Tx, backtest_id: UUID) -> StoredBacktest:
    found = await tx.maybe(sql.get_backtest, StoredBacktest, id=backtest_id)
    if found is None:
        raise NotFound("backtest_not_found", "There is no such backtest.")
    return found


async def running(tx: Tx) -> StoredBacktest | None:
    return await tx.maybe(sql.running_backtest, StoredBacktest)


async def list_all(tx: Tx, *, before: UUID | None = None, limit: int) -> list[StoredBacktest]:
    """One page and one row more, newest first."""
    return await tx.all(sql.list_backtests, StoredBacktest, before=before, limit=limit + 1)


async def work_on(database: Database, backtest_id: UUID) -> None:
    """Replay it. A worker that is killed leaves it running and the next one begins anew: only the end is written."""
    async with database.transaction() as tx:
        stored = await get(tx, backtest_id)
        if stored.status != "running":
            return
        await tx.run(sql.set_phase, id=backtest_id, phase="reading")
    async with database.transaction() as tx:
        asked = stored.asked
        series = await tx.all(
            sql.chosen_series,
            Series,
            warehouse_id=asked.get("warehouse_id"),
            category=asked.get("category"),
            series_max=SERIES_MAX,
        )
        keys = [s.sku_id for s in series], [s.warehouse_id for s in series]
        history = await read_histories(tx, *keys, days=HISTORY_DAYS) if series else None
        await tx.run(sql.set_phase, id=backtest_id, phase="replaying")
    result, error = await _replayed(series, history, asked)
    status = "finished" if error is None else "failed"
    async with database.transaction() as tx:
        await tx.run(sql.finish_backtest, id=backtest_id, status=status, result=Jsonb(result), error=error)
    log.info("backtest done", backtest=str(backtest_id), series=len(series), status=status)


async def _replayed(
    series: list[Series], history: DemandHistory | None, asked: dict[str, Any]
) -> tuple[dict[str, Any] | None, str | None]:
    """The result, or why there is none."""
    if history is None:
        return None, "Nothing has been planned yet, so there is no history to replay."
    try:
        told = await asyncio.to_thread(_replay, series, history, asked)
    except Invalid as refusal:
        return None, refusal.detail
    currencies = sorted({s.currency for s in series if s.currency})
    return {**told, "currency": currencies[0] if len(currencies) == 1 else ""}, None


def _replay(series: list[Series], history: DemandHistory, asked: dict[str, Any]) -> dict[str, Any]:
    """The tables the planning core reads, and what it says. CPU only; runs beside the event loop."""
    first = series[0].today - timedelta(days=history.days)
    known = history.observed.copy()
    begins = np.where(known.any(axis=1), known.argmax(axis=1), history.days - 1)
    told = history.quantity > 0
    told |= ~history.observed & (np.arange(history.days)[None, :] >= begins[:, None])
    rows = np.arange(history.series)
    told[rows, begins] = True  # the day a series begins, and yesterday, whatever sold
    told[:, -1] = True
    row, column = np.nonzero(told)
    table = {
        "date": np.datetime64(first) + column.astype("timedelta64[D]"),
        "sku": np.array([series[n].sku for n in row], object),
        "location": np.array([series[n].location for n in row], object),
        "quantity": history.quantity[row, column].astype(np.float64),
        "observed": history.observed[row, column],
    }
    end = series[0].today
    costs = Costs(
        order_cost=float(asked.get("order_cost", 2.0)), holding_rate_per_year=float(asked.get("holding_rate", 0.25))
    )
    start_on = end - timedelta(days=int(asked["days"])) if asked.get("days") else None
    return backtest(table, _items(series), start=start_on, end=end, costs=costs).as_json()


def _items(series: list[Series]) -> dict[str, Any]:
    def column(name: str, missing: float) -> Any:
        values = [getattr(s, name) for s in series]
        return np.array([missing if value is None else float(value) for value in values], np.float64)

    return {
        "sku": np.array([s.sku for s in series], object),
        "location": np.array([s.location for s in series], object),
        "lead_time_days": column("lead_time_days", 7.0),
        "lead_time_sd_days": column("lead_time_sd_days", 0.0),
        "moq": column("moq", 1.0),
        "order_multiple": column("order_multiple", 1.0),
        "unit_cost": column("unit_cost", np.nan),
        "price": column("price", np.nan),
        "max_stock": column("max_stock", -1.0),
        "reorder_point": column("reorder_point", -1.0),
    }
