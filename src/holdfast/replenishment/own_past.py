"""The shop's own past as ``plan`` and ``backtest`` read it: the terms and the days its suggestions are made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np

from holdfast.db import Tx, statements
from holdfast.demand import Panel
from holdfast.demand.cleaning import read_ordinary
from holdfast.demand.kept_season import HISTORY_DAYS
from holdfast.replenishment import store
from holdfast.replenishment.model import UNSET
from holdfast.replenishment.store import Inputs, Pairs

sql = statements("holdfast.replenishment", "own_past.sql")

SERIES_MAX: Final = 5_000


@dataclass(frozen=True, slots=True)
class OwnPast:
    """``panel`` and ``items`` as the planning core takes them, one row per level, sorted by SKU and warehouse code."""

    panel: Panel
    items: dict[str, Any]
    end: date
    currency: str


@dataclass(frozen=True, slots=True)
class _Level:
    sku_id: UUID
    warehouse_id: UUID
    sku: str
    location: str


async def read_past(
    tx: Tx, *, warehouse_id: UUID | str | None = None, category: str | None = None, series_max: int = SERIES_MAX
) -> OwnPast | None:
    """The levels that sell most in money, two years of their days and what they are planned by; None without any."""
    levels = await tx.all(
        sql.chosen_levels, _Level, warehouse_id=warehouse_id, category=category, series_max=series_max
    )
    if not levels:
        return None
    pairs = Pairs(tuple(one.sku_id for one in levels), tuple(one.warehouse_id for one in levels))
    inputs = await store.read_inputs(tx, pairs)
    read = await read_ordinary(tx, pairs.sku_ids, pairs.warehouse_ids, days=HISTORY_DAYS)
    history = read.history
    assert history.starts_on is not None, "every level has its warehouse, and that its day"
    known = np.flatnonzero(history.observed.any(axis=0))
    # What nobody knows anything about is no history: a file would begin with its first row, too.
    begin = int(known[0]) if known.size else history.days - 1
    starts_on = history.starts_on.astype("datetime64[D]") + begin
    kept = type(history)(history.quantity[:, begin:], history.observed[:, begin:], history.period, starts_on)
    names = [np.array([getattr(one, name) for one in levels], object) for name in ("sku", "location")]
    panel = Panel(names[0], names[1], kept, np.full(len(levels), np.nan), starts_on + np.arange(kept.days), ())
    end: date = (starts_on + kept.days).astype(date)
    currencies = {currency for currency in inputs.currencies if currency}
    return OwnPast(panel, _items(inputs, names, end), end, currencies.pop() if len(currencies) == 1 else "")


def _items(inputs: Inputs, names: list[Any], today: date) -> dict[str, Any]:
    """The terms of the suggestions as an item table; what is unknown is NaN, what is not given -1."""
    terms, limits = inputs.terms, inputs.limits

    def days(values: Any) -> Any:
        return np.where(values == UNSET, np.nan, values.astype(np.float64))

    ends = ["" if left == UNSET else (today + timedelta(days=left)).isoformat() for left in limits.days_to_end.tolist()]
    return {
        "sku": names[0],
        "location": names[1],
        "lead_time_days": terms.lead_days,
        "lead_time_sd_days": terms.lead_days_sd,
        "review_days": terms.review_days,
        "moq": terms.moq.astype(np.float64),
        "order_multiple": terms.order_multiple.astype(np.float64),
        "unit_cost": np.where(terms.unit_cost > 0, terms.unit_cost, np.nan),
        "price": inputs.price,
        "max_stock": terms.max_stock.astype(np.float64),
        "reorder_point": terms.manual_reorder_point.astype(np.float64),
        "shelf_life_days": days(limits.shelf_life_days),
        "last_day": np.array(ends, object),
    }
