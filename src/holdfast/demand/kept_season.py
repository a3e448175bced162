"""What all series say together, found once a night and kept: whoever forecasts one SKU cannot see the others.

Two things: the season of the shop, and the regression that says how far forecasts were off at past origins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final
from uuid import UUID

import numpy as np
import structlog
from psycopg.types.json import Jsonb

from holdfast.db import Database, Tx
from holdfast.demand import store
from holdfast.demand.cleaning import read_ordinary
from holdfast.demand.history import DemandHistory, Floats, Period
from holdfast.demand.regression import Regression
from holdfast.demand.season import LEARNED_SERIES_MAX, OrderingDemand, SeasonSums, learned_on

log = structlog.get_logger()

# Two years: the season of a year ago, and the half year before it.
HISTORY_DAYS: Final = 730
# A sum over so many series says as much about all as a sum over a million, and a night costs the same for every shop.
SERIES_MAX: Final = 20_000
CHUNK_SERIES: Final = 2_500
# An older one is of another time of the year than the history it would be laid along.
USED_DAYS_MAX: Final = 45


@dataclass(frozen=True, slots=True)
class KeptSeason:
    """``index``: wanted over usual, one entry per day from ``first_day`` on; None where too little is known.
    ``regression``: its lists; None likewise."""

    first_day: date
    index: list[float] | None
    series: int
    regression: list[list[float]] | None


@dataclass(frozen=True, slots=True)
class _Pair:
    sku_id: UUID
    warehouse_id: UUID
    protection_days: float


async def current_method(tx: Tx, history: DemandHistory) -> OrderingDemand:
    """The method everything in the database is forecast by, with the season laid along the days of ``history``."""
    kept = await tx.maybe(store.sql.current_season, KeptSeason, days=USED_DAYS_MAX)
    if kept is None:
        return OrderingDemand()
    regression = None if kept.regression is None else Regression.from_lists(kept.regression)
    if kept.index is None or history.starts_on is None:
        return OrderingDemand(regression=regression)
    last = history.starts_on.astype("datetime64[D]") + np.timedelta64(history.days - 1, "D")
    return OrderingDemand(along(np.array(kept.index), np.datetime64(kept.first_day), last, history.days), regression)


def along(index: Floats, first_day: np.datetime64, last_day: np.datetime64, days_max: int) -> Floats:
    """The index up to ``last_day``, at most ``days_max`` of it. Days since it was made are taken as usual ones: the
    season ahead is read off last year."""
    days = int((last_day - first_day).astype(np.int64)) + 1
    laid = np.ones(max(days, 0))
    laid[: index.size] = index[: laid.size]
    return laid[-days_max:]


async def renew(database: Database) -> KeptSeason | None:
    """Read the shop's past and keep what it teaches. None where nothing has been forecast yet."""
    async with database.transaction() as tx:
        pairs = await tx.all(store.sql.sample_pairs, _Pair, limit=SERIES_MAX)
    found = await _season(database, pairs)
    if found is None:
        return None
    first, sums = found
    index = sums.index(Period.DAY)
    method = await _learned(database, pairs[:LEARNED_SERIES_MAX], index)
    kept = KeptSeason(
        first_day=first,
        index=None if index is None else index.tolist(),
        series=sums.series,
        regression=None if method.regression is None else method.regression.as_lists(),
    )
    told = {"first_day": kept.first_day, "index": kept.index, "series": kept.series}
    async with database.transaction() as tx:
        await tx.run(store.sql.save_season, **told, regression=Jsonb(kept.regression) if kept.regression else None)
        await tx.run(store.sql.forget_seasons)
    rows = 0 if method.regression is None else method.regression.rows
    log.info("season renewed", series=kept.series, known=kept.index is not None, sums_learned_from=rows)
    return kept


async def _season(database: Database, pairs: Sequence[_Pair]) -> tuple[date, SeasonSums] | None:
    """The first day anything is known of, and the sums over all ``pairs``, read a few at a time."""
    total: SeasonSums | None = None
    first: date | None = None
    for start in range(0, len(pairs), CHUNK_SERIES):
        history = await _read(database, pairs[start : start + CHUNK_SERIES])
        begins: date | None = (
            None if history.starts_on is None else history.starts_on.astype("datetime64[D]").astype(date)
        )
        if first is not None and begins != first:
            log.info("season not renewed", reason="the day changed meanwhile")
            return None
        first = begins
        sums = SeasonSums.of(history)
        total = sums if total is None else total + sums
    if total is None or first is None:
        return None
    known = np.flatnonzero(total.seen)
    return first + timedelta(days=int(known[0]) if known.size else 0), total


async def _learned(database: Database, pairs: Sequence[_Pair], index: Floats | None) -> OrderingDemand:
    """The method with the regression these pairs teach, from the first day on that anything is known of."""
    history = await _read(database, pairs)
    known = np.flatnonzero(history.observed.any(axis=0))
    begin = int(known[0]) if known.size else history.days - 1
    part = replace(history, quantity=history.quantity[:, begin:], observed=history.observed[:, begin:])
    days = np.array([pair.protection_days for pair in pairs])
    return await asyncio.to_thread(learned_on, part, days, index)


async def _read(database: Database, pairs: Sequence[_Pair]) -> DemandHistory:
    sku_ids, warehouse_ids = [pair.sku_id for pair in pairs], [pair.warehouse_id for pair in pairs]
    async with database.transaction() as tx:
        return (await read_ordinary(tx, sku_ids, warehouse_ids, days=HISTORY_DAYS)).history
