"""The shop's own past replayed under the policies on offer, as a job whose result stays."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from psycopg.types.json import Jsonb

from holdfast.access import audit
from holdfast.db import Database, Tx, statements
from holdfast.kernel.errors import Invalid, NotFound
from holdfast.replenishment.backtesting import backtest
from holdfast.replenishment.items import Costs
from holdfast.replenishment.own_past import OwnPast, read_past

sql = statements("holdfast.replenishment", "backtests.sql")
log = structlog.get_logger()


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
    asked = stored.asked
    async with database.transaction() as tx:
        past = await read_past(tx, warehouse_id=asked.get("warehouse_id"), category=asked.get("category"))
        await tx.run(sql.set_phase, id=backtest_id, phase="replaying")
    result, error = await _replayed(past, asked)
    status = "finished" if error is None else "failed"
    async with database.transaction() as tx:
        await tx.run(sql.finish_backtest, id=backtest_id, status=status, result=Jsonb(result), error=error)
    log.info("backtest done", backtest=str(backtest_id), status=status)


async def _replayed(past: OwnPast | None, asked: dict[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
    """The result, or why there is none."""
    if past is None:
        return None, "Nothing has been planned yet, so there is no history to replay."
    try:
        told = await asyncio.to_thread(_replay, past, asked)
    except Invalid as refusal:
        return None, refusal.detail
    return {**told, "currency": past.currency}, None


def _replay(past: OwnPast, asked: dict[str, Any]) -> dict[str, Any]:
    """CPU only; runs beside the event loop."""
    costs = Costs(
        order_cost=float(asked.get("order_cost", 2.0)), holding_rate_per_year=float(asked.get("holding_rate", 0.25))
    )
    start_on = past.end - timedelta(days=int(asked["days"])) if asked.get("days") else None
    return backtest(past.panel, past.items, start=start_on, end=past.end, costs=costs).as_json()
