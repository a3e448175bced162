"""Histories as the forecast reads them: without unusual days, and with a borrowed past where one is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from holdfast.db import Tx, statements
from holdfast.demand import store
from holdfast.demand.history import DemandHistory, Floats, Ints, Mask, cap_bulk_days
from holdfast.demand.occasions import Occasion, coming_factor

sql = statements("holdfast.demand", "planners.sql")

# A successor of a successor of a successor: whoever needs more has renamed an item, not replaced it.
LINKS_MAX = 3


@dataclass(frozen=True, slots=True)
class Ordinary:
    """``history`` as everything in the database is forecast from; ``left_out`` units of one-offs per series."""

    history: DemandHistory
    left_out: Ints


async def read_ordinary(tx: Tx, sku_ids: Sequence[UUID], warehouse_ids: Sequence[UUID], *, days: int) -> Ordinary:
    """The days before today of these pairs, without unusual days, with a borrowed past, and without one-offs: also
    days are cut down that no single line explains (imported ones have none), unless a planner calls them normal."""
    ids = {"sku_ids": list(sku_ids), "warehouse_ids": list(warehouse_ids)}
    history = await read_cleaned(tx, sku_ids, warehouse_ids, days=days)
    normal = [row["n"] - 1 for row in await tx.dicts(store.sql.list_judged_normal, **ids)]
    one_offs = np.zeros(len(sku_ids), np.int64)
    for row in await tx.dicts(store.sql.sum_bulk, **ids, days=days):
        one_offs[row["n"] - 1] = row["units"]
    # Off the event loop, which has heartbeats to send meanwhile.
    return await asyncio.to_thread(_capped, history, normal, one_offs)


def _capped(history: DemandHistory, normal: Sequence[int], one_offs: Ints) -> Ordinary:
    capped, cut = cap_bulk_days(history)
    if normal and capped is not history:
        quantity = capped.quantity.copy()
        quantity[normal], cut[normal] = history.quantity[normal], 0
        capped = replace(capped, quantity=quantity)
    return Ordinary(capped, cut + one_offs)


async def read_cleaned(
    tx: Tx, sku_ids: Sequence[UUID], warehouse_ids: Sequence[UUID], *, days: int, links_max: int = LINKS_MAX
) -> DemandHistory:
    """The days before today of these pairs. Calendar days count as not observed; before its first observed day a
    SKU has the days of the one it is like, or takes over from, in the same warehouse.
    """
    history = await store.read_histories(tx, sku_ids, warehouse_ids, days=days)
    yesterdays = await _yesterdays(tx, warehouse_ids)
    if yesterdays:
        # Where warehouses lie a day apart, the season of some is a day off.
        history = replace(history, starts_on=np.datetime64(min(yesterdays.values()) - timedelta(days=days - 1)))
    mask = await ordinary_days(tx, sku_ids, warehouse_ids, days=days)
    if mask is not None:
        history = replace(history, observed=history.observed & mask)
    if links_max == 0:
        return history
    links = await tx.dicts(sql.read_likeness, sku_ids=list(sku_ids), warehouse_ids=list(warehouse_ids))
    if not links:
        return history
    other = await read_cleaned(
        tx,
        [link["like_sku_id"] for link in links],
        [link["warehouse_id"] for link in links],
        days=days,
        links_max=links_max - 1,
    )
    rows = np.array([link["n"] - 1 for link in links], np.int64)
    factors = np.array([link["factor"] for link in links], np.float64)
    return with_borrowed_past(history, rows, other, factors)


def with_borrowed_past(
    history: DemandHistory, rows: NDArray[np.int64], other: DemandHistory, factors: NDArray[np.float64]
) -> DemandHistory:
    """Fill the days before the first observed one of ``rows`` with ``other`` (one series each) times ``factors``.

    Whole units are borrowed so that their sum is right: 0.3 of one a day is one every third day, not none.
    """
    quantity, observed = history.quantity.copy(), history.observed.copy()
    for place, row in enumerate(rows.tolist()):
        seen = np.flatnonzero(observed[row])
        end = int(seen[0]) if seen.size else history.days
        wanted = np.where(other.observed[place, :end], other.quantity[place, :end], 0) * factors[place]
        quantity[row, :end] = np.diff(np.floor(np.cumsum(wanted) + 0.5), prepend=0)
        observed[row, :end] = other.observed[place, :end]
    return replace(history, quantity=quantity, observed=observed)


async def ordinary_days(tx: Tx, sku_ids: Sequence[UUID], warehouse_ids: Sequence[UUID], *, days: int) -> Mask | None:
    """False where a planner's calendar says that a day is not ordinary; None when it says nothing about these days.

    Columns are the ``days`` up to yesterday of each warehouse.
    """
    occasions = await read_occasions(tx, sku_ids, warehouse_ids, days=days, ahead=0)
    return ~np.logical_or.reduce([one.on for one in occasions]) if occasions else None


async def read_occasions(
    tx: Tx, sku_ids: Sequence[UUID], warehouse_ids: Sequence[UUID], *, days: int, ahead: int
) -> list[Occasion]:
    """What the calendar says about these pairs, one entry after the other, the newest first.

    Columns are the ``days`` up to yesterday of each warehouse, then ``ahead`` days from today on.
    """
    yesterdays = await _yesterdays(tx, warehouse_ids)
    if not yesterdays:
        return []
    since = min(yesterdays.values()) - timedelta(days=days - 1)
    entries = await tx.dicts(sql.read_calendar, since=since, until=max(yesterdays.values()) + timedelta(days=ahead))
    if not entries:
        return []
    scopes = {"sku_id": np.array(sku_ids), "warehouse_id": np.array(warehouse_ids)}
    if any(entry["category"] is not None for entry in entries):
        found = await tx.dicts(sql.list_categories, sku_ids=list(sku_ids))
        scopes["category"] = np.array([row["category"] for row in found], object)
    occasions: list[Occasion] = []
    for entry in entries:
        on = np.zeros((len(sku_ids), days + ahead), np.bool_)
        for warehouse_id, yesterday in yesterdays.items():
            here = scopes["warehouse_id"] == warehouse_id
            first = max(days - 1 - (yesterday - entry["first_day"]).days, 0)
            last = min(days - 1 - (yesterday - entry["last_day"]).days, days + ahead - 1)
            if first <= last:
                on[np.flatnonzero(here & _in_scope(entry, scopes, here)), first : last + 1] = True
        occasions.append(Occasion(entry["kind"], on, entry["factor"]))
    return occasions


async def read_coming_factor(
    tx: Tx, sku_ids: Sequence[UUID], warehouse_ids: Sequence[UUID], protection_days: Floats, *, days: int
) -> Floats | None:
    """What coming days of the calendar do to the mean of each pair over its protection time; None: nothing."""
    if not await tx.value(sql.has_calendar_ahead):
        return None
    ahead = int(np.ceil(protection_days.max(initial=1.0)))
    occasions = await read_occasions(tx, sku_ids, warehouse_ids, days=days, ahead=ahead)
    touched = np.flatnonzero(
        np.logical_or.reduce([one.on[:, days:].any(axis=1) for one in occasions])
        if occasions
        else np.zeros(0, np.bool_)
    )
    if not touched.size:
        return None
    # With the units of unusual days, which the forecast itself does not see.
    rows = touched.tolist()
    history = await store.read_histories(tx, [sku_ids[r] for r in rows], [warehouse_ids[r] for r in rows], days=days)
    factor = np.ones(len(sku_ids))
    part = [replace(one, on=one.on[touched]) for one in occasions]
    factor[touched] = await asyncio.to_thread(coming_factor, history, protection_days[touched], part)
    return factor


async def _yesterdays(tx: Tx, warehouse_ids: Sequence[UUID]) -> dict[UUID, date]:
    rows = await tx.dicts(store.sql.local_yesterdays, warehouse_ids=list(set(warehouse_ids)))
    return {row["id"]: row["yesterday"] for row in rows}


def _in_scope(entry: dict[str, Any], scopes: dict[str, NDArray[Any]], here: Mask) -> Mask:
    found = here
    for name, values in scopes.items():
        if entry[name] is not None:
            found = found & (values == entry[name])
    return found
