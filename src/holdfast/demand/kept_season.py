"""The season of the whole shop, found once a night and kept: whoever forecasts one SKU cannot see the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import structlog

from holdfast.db import Database, Tx
from holdfast.demand import store
from holdfast.demand.cleaning import read_ordinary
from holdfast.demand.history import DemandHistory, Floats, Period
from holdfast.demand.season import OrderingDemand, SeasonSums

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
    """``index``: wanted over usual, one entry per day from ``first_day`` on; None where too little is known."""

    first_day: date
    index: list[float] | None
    series: int


async def current_method(tx: Tx, history: DemandHistory) -> OrderingDemand:
    """The method everything in the database is forecast by, with the season laid along the days of ``history``."""
    kept = await tx.maybe(store.sql.current_season, KeptSeason, days=USED_DAYS_MAX)
    if kept is None or kept.index is None or history.starts_on is None:
        return OrderingDemand()
    last = history.starts_on.astype("datetime64[D]") + np.timedelta64(history.days - 1, "D")
    return OrderingDemand(along(np.array(kept.index), np.datetime64(kept.first_day), last, history.days))


def along(index: Floats, first_day: np.datetime64, last_day: np.datetime64, days_max: int) -> Floats:
    """The index up to ``last_day``, at most ``days_max`` of it. Days since it was made are taken as usual ones: the
    season ahead is read off last year."""
    days = int((last_day - first_day).astype(np.int64)) + 1
    laid = np.ones(max(days, 0))
    laid[: index.size] = index[: laid.size]
    return laid[-days_max:]


async def renew(database: Database) -> KeptSeason | None:
    """Read the shop's past and keep its season. None where nothing has been forecast yet."""
    total: SeasonSums | None = None
    first: date | None = None
    async with database.transaction() as tx:
        pairs = await tx.dicts(store.sql.sample_pairs, limit=SERIES_MAX)
    for start in range(0, len(pairs), CHUNK_SERIES):
        part = pairs[start : start + CHUNK_SERIES]
        async with database.transaction() as tx:
            read = await read_ordinary(
                tx, [p["sku_id"] for p in part], [p["warehouse_id"] for p in part], days=HISTORY_DAYS
            )
        starts_on = read.history.starts_on
        begins: date | None = None if starts_on is None else starts_on.astype("datetime64[D]").astype(date)
        if first is not None and begins != first:
            log.info("season not renewed", reason="the day changed meanwhile")
            return None
        first = begins
        sums = SeasonSums.of(read.history)
        total = sums if total is None else total + sums
    if total is None or first is None:
        return None
    known = np.flatnonzero(total.seen)
    index = total.index(Period.DAY)
    kept = KeptSeason(
        first_day=first + timedelta(days=int(known[0]) if known.size else 0),
        index=None if index is None else index.tolist(),
        series=total.series,
    )
    async with database.transaction() as tx:
        await tx.run(store.sql.save_season, first_day=kept.first_day, index=kept.index, series=kept.series)
        await tx.run(store.sql.forget_seasons)
    log.info("season renewed", series=kept.series, known=kept.index is not None)
    return kept
