"""Tables of items and of stock, from files or memory. One odd row never stops the others: it is noted. Pure.

Items: `sku, location, lead_time_days, lead_time_sd_days, moq, order_multiple, unit_cost, price, review_days`, of
which only `sku` is needed; an item without location holds for every location that sells the SKU. Further columns:
`reorder_point`, `order_up_to` (today's levels), `max_stock`, `shelf_life_days`, `last_day`.

State: `sku, location, on_hand` and the units on order by the period in which they arrive, either as columns
`inbound_1`, `inbound_2`, ... (1 = the period that starts at `as_of`) or as rows with `period` and `inbound`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from holdfast.demand import Occasion, Panel, Period
from holdfast.demand.table_source import read_columns
from holdfast.kernel.errors import Invalid
from holdfast.replenishment.items import Items
from holdfast.replenishment.simulation import Floats, Ints

EXAMPLES_MAX = 5
ANYWHERE = "all"

# Where nobody says otherwise: looked at every period, lead time one period.
REVIEW_DAYS = 1.0
# Cost where only the price is known.
COST_SHARE = 0.6
UNITS_MAX = 10**12
# Beyond ten years a time is a slip of the keyboard, and a replay would keep room for every day of it.
DAYS_MAX = 3_650.0
CALENDAR_FACTOR_MAX = 100.0

_INBOUND = re.compile(r"^(?:inbound|in_transit|in transit)[_ ]?(?:w|week|period|p)?[_ +]*(\d+)$")


@dataclass(slots=True)
class Remarks:
    """What was odd, by kind: how many, and at most five examples."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    examples: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def add(self, kind: str, names: list[str]) -> None:
        if names:
            self.counts[kind] = self.counts.get(kind, 0) + len(names)
            shown = self.examples.setdefault(kind, [])
            shown.extend(names[: EXAMPLES_MAX - len(shown)])

    def lines(self) -> list[str]:
        return [f"{kind} ({count:,}): {'; '.join(self.examples[kind])}" for kind, count in self.counts.items()]


@dataclass(frozen=True, slots=True)
class StockState:
    """Units on hand, and on order by coming period (first column: the next one). One row per series."""

    on_hand: Ints
    inbound: Ints

    @property
    def position(self) -> Ints:
        return self.on_hand + self.inbound.sum(axis=1)


def read_items(source: object, panel: Panel, remarks: Remarks, *, lead_time_days: float | None = None) -> Items:
    """The items of the panel's series, in its order, then nothing else.

    Odd cells and what is done: no lead time, a negative one or one beyond DAYS_MAX - `lead_time_days` where given,
    else the median of the others, else one period (`no_lead_time`); such a spread of it - 0 (`bad_spread`); such a
    review, or one below a day - one period (`bad_review`); MOQ or multiple below 1 - 1 (`bad_moq`, only when negative);
    a negative cost or price - unknown (`bad_price`); a cell that is no number - as if empty (`bad_number`); the same
    item again - the first counts (`repeated_item`); a series without item - the defaults (`no_item`); an item
    without any sale - no levels (`no_history`). Raises Invalid(`unreadable_file`, `missing_column`).
    """
    columns = read_columns(source, needed=("sku",))
    rows = _rows_by_series(columns, panel, remarks)
    take = _Cells(columns, rows, remarks)
    lead = take.numbers("lead_time_days")
    missing = ~((lead >= 0) & (lead <= DAYS_MAX))
    remarks.add("no_lead_time", _named(panel, missing))
    known = lead[~missing]
    usual = float(np.median(known)) if known.size else panel.period.days
    lead = np.where(missing, usual if lead_time_days is None else lead_time_days, lead)
    spread = take.numbers("lead_time_sd_days")
    remarks.add("bad_spread", _named(panel, (spread < 0) | (spread > DAYS_MAX)))
    cost, price = take.numbers("unit_cost"), take.numbers("price")
    for name, values in (("unit_cost", cost), ("price", price)):
        remarks.add("bad_price", [f"{name} of {n}" for n in _named(panel, values < 0)])
    cost, price = np.where(cost >= 0, cost, np.nan), np.where(price >= 0, price, np.nan)
    price = np.where(np.isnan(price), panel.price, price)
    moq = take.numbers("moq")
    multiple = take.numbers("order_multiple")
    remarks.add("bad_moq", _named(panel, (moq < 0) | (multiple < 0)))
    review = take.numbers("review_days")
    remarks.add("bad_review", _named(panel, (review <= 0) | (review > DAYS_MAX)))
    return Items(
        sku=panel.sku,
        location=panel.location,
        lead_time_days=lead,
        lead_time_sd_days=np.where((spread >= 0) & (spread <= DAYS_MAX), spread, 0.0),
        review_days=np.where((review >= 1) & (review <= DAYS_MAX), review, max(REVIEW_DAYS, panel.period.days)),
        moq=_whole(moq, least=1),
        order_multiple=_whole(multiple, least=1),
        unit_cost=np.where(np.isnan(cost), price * COST_SHARE, cost),
        price=price,
        reorder_point=_whole(take.numbers("reorder_point"), least=-1),
        order_up_to=_whole(take.numbers("order_up_to"), least=-1),
        max_stock=_whole(take.numbers("max_stock"), least=-1),
        shelf_life_days=_positive(take.numbers("shelf_life_days")),
        last_day=take.days("last_day"),
    )


def asked_series(source: object) -> tuple[list[str], list[str]] | None:
    """The (sku, location) pairs an item table names; None when it names no locations."""
    columns = read_columns(source, needed=("sku",))
    if "location" not in columns:
        return None
    pairs = {
        (sku, at): None for sku, at in zip(columns["sku"], columns["location"], strict=True) if sku and at is not None
    }
    return [sku for sku, _ in pairs], [at for _, at in pairs]


def read_calendar(source: object, panel: Panel, protection: Floats, remarks: Remarks) -> list[Occasion]:
    """What a calendar says of the days of the panel and of the longest protection time after them, the last row first.

    Columns `kind` and `first_day`; `last_day` (empty: one day), `sku`, `location` (empty: every one), `factor` (times
    the usual; empty: what earlier days of the kind did). A row with an unreadable day or a factor out of [0, 100] is
    left out (`bad_calendar`). Raises Invalid(`missing_column`, `bad_parameter`) where periods are no days.
    """
    if panel.period is not Period.DAY:
        raise Invalid("bad_parameter", f"A calendar speaks of days; this history has {panel.period.value}s.")
    columns = read_columns(source, needed=("kind", "first_day"))
    rows, ahead = len(columns["kind"]), int(np.ceil(protection.max(initial=1.0)))
    none: list[str | None] = [None] * rows
    days = np.concatenate([panel.starts.astype("datetime64[D]"), panel.starts[-1:] + np.arange(1, ahead + 1)])
    occasions: list[Occasion] = []
    for row in reversed(range(rows)):
        told = {name: columns.get(name, none)[row] for name in ("kind", "first_day", "last_day", "sku", "location")}
        first, last = _day(told["first_day"]), _day(told["last_day"] or told["first_day"])
        said = columns.get("factor", none)[row]
        factor = None if not said else _number(said)
        if np.isnat(first) or np.isnat(last) or not (factor is None or 0 <= factor <= CALENDAR_FACTOR_MAX):
            remarks.add("bad_calendar", [at_row(row, "factor" if not np.isnat(first) else "first_day", said)])
            continue
        here = (panel.sku == told["sku"]) | (not told["sku"])
        here = here & ((panel.location == told["location"]) | (not told["location"]))
        occasions.append(Occasion(str(told["kind"]), here[:, None] & (days >= first) & (days <= last), factor))
    return occasions


def read_state(source: object, panel: Panel, remarks: Remarks) -> StockState:
    """On hand and inbound of the panel's series. Not named = nothing there (`no_state`); negative = 0 (`bad_stock`)."""
    columns = read_columns(source, needed=("sku",))
    index = {key: row for row, key in enumerate(zip(panel.sku, panel.location, strict=True))}
    sku = columns["sku"]
    at = columns.get("location") or [ANYWHERE] * len(sku)
    rows = np.array([index.get((s or "", a or ANYWHERE), -1) for s, a in zip(sku, at, strict=True)], np.int64)
    unknown = np.flatnonzero(rows < 0)
    remarks.add("unknown_series", [f"row {i + 2}: {sku[i]} at {at[i] or ANYWHERE}" for i in unknown])
    here = np.flatnonzero(rows >= 0)
    on_hand = np.zeros(panel.sku.size, np.int64)
    hand_name = next((name for name in ("on_hand", "end inventory", "available", "stock") if name in columns), None)
    bad: list[str] = []
    if hand_name is not None:
        units = _units(hand_name, columns[hand_name], bad)
        np.maximum.at(on_hand, rows[here], units[here])  # long form repeats it on every row
    inbound = _inbound(columns, rows, here, panel.sku.size, bad)
    remarks.add("bad_stock", bad)
    stated = np.zeros(panel.sku.size, np.bool_)
    stated[rows[here]] = True
    remarks.add("no_state", _named(panel, ~stated))
    return StockState(on_hand, inbound)


def _inbound(columns: dict[str, list[str | None]], rows: Ints, here: Ints, series: int, bad: list[str]) -> Ints:
    wide = {int(found[1]): name for name in columns if (found := _INBOUND.match(name)) and int(found[1]) >= 1}
    if "inbound" in columns:
        units = _units("inbound", columns["inbound"], bad)
        when = _units("period", columns["period"], bad) if "period" in columns else np.ones(units.size, np.int64)
        when = np.clip(when, 1, 400)
        inbound = np.zeros((series, int(when.max(initial=1))), np.int64)
        np.add.at(inbound, (rows[here], when[here] - 1), units[here])
        return inbound
    inbound = np.zeros((series, max([1, *(n for n in wide if n <= 400)])), np.int64)
    for number, name in wide.items():
        if number <= 400:
            np.add.at(inbound[:, number - 1], rows[here], _units(name, columns[name], bad)[here])
    return inbound


@dataclass(frozen=True, slots=True)
class _Cells:
    """Columns of the item table, brought into the order of the series; what is not there is NaN."""

    columns: dict[str, list[str | None]]
    rows: Ints
    remarks: Remarks

    def numbers(self, name: str) -> Floats:
        if name not in self.columns:
            return np.full(self.rows.size, np.nan)
        values = np.array([_number(cell) for cell in self.columns[name]] or [np.nan], np.float64)
        self._note_bad(name, np.isnan(values))
        return np.where(self.rows >= 0, values[self.rows], np.nan)

    def days(self, name: str) -> NDArray[np.datetime64]:
        out = np.full(self.rows.size, np.datetime64("NaT"), "datetime64[D]")
        if name not in self.columns:
            return out
        values = [_day(cell) for cell in self.columns[name]]
        self._note_bad(name, np.isnat(np.array(values, "datetime64[D]")))
        for i, row in enumerate(self.rows):
            if row >= 0:
                out[i] = values[row]
        return out

    def _note_bad(self, name: str, unread: NDArray[np.bool_]) -> None:
        cells = self.columns[name]
        bad = [at_row(row, name, cell) for row, cell in enumerate(cells) if unread[row] and _says_something(cell)]
        self.remarks.add("bad_number", bad)


def at_row(row: int, column: str, cell: str | None) -> str:
    """Where in a file something stands: the first row under the header is row 2, as in a spreadsheet."""
    return f"row {row + 2}, {column}: " + ("empty" if cell is None else f'"{cell[:40]}"')


def _rows_by_series(columns: dict[str, list[str | None]], panel: Panel, remarks: Remarks) -> Ints:
    """Row of the item table per series; -1 where none is meant."""
    sku = columns["sku"]
    at = columns.get("location") or [None] * len(sku)
    exact: dict[tuple[str, str], int] = {}
    anywhere: dict[str, int] = {}
    repeated: list[str] = []
    for row, (s, a) in enumerate(zip(sku, at, strict=True)):
        if s is None:
            continue
        known = (s, a) in exact if a is not None else s in anywhere
        if known:
            repeated.append(f"row {row + 2}: {s} at {a or ANYWHERE}")
        elif a is None:
            anywhere[s] = row
        else:
            exact[s, a] = row
    remarks.add("repeated_item", repeated)
    found = [exact.get((s, a), anywhere.get(s, -1)) for s, a in zip(panel.sku, panel.location, strict=True)]
    rows = np.array(found, np.int64).reshape(-1)
    remarks.add("no_item", _named(panel, rows < 0))
    used = set(rows.tolist())
    remarks.add("no_history", [at_row(row, "sku", s) for s, row in anywhere.items() if row not in used])
    return rows


def bulk_named(panel: Panel, units: Ints) -> list[str]:
    """What one-off bulk days were cut down by, for a remark."""
    return [f"{units[row]:,} units of {panel.sku[row]} at {panel.location[row]}" for row in np.flatnonzero(units)]


def _named(panel: Panel, which: NDArray[np.bool_]) -> list[str]:
    return [f"{panel.sku[row]} at {panel.location[row]}" for row in np.flatnonzero(which)]


def _number(cell: str | None) -> float:
    try:
        value = float(cell) if cell is not None else np.nan
    except ValueError:
        return np.nan
    return value if np.isfinite(value) else np.nan


def _says_something(cell: str | None) -> bool:
    return cell is not None and cell.lower() not in ("nan", "nat", "null", "na", "none")


def _day(cell: str | None) -> np.datetime64:
    try:
        return np.datetime64(cell[:10] if cell is not None else "NaT", "D")
    except ValueError:
        return np.datetime64("NaT", "D")


def _units(name: str, cells: list[str | None], bad: list[str]) -> Ints:
    values = np.array([_number(cell) for cell in cells], np.float64)
    odd = (values < 0) | (np.isnan(values) & np.array([_says_something(cell) for cell in cells], np.bool_))
    bad.extend(at_row(int(row), name, cells[row]) for row in np.flatnonzero(odd))
    return np.rint(np.clip(np.nan_to_num(values, nan=0.0), 0, UNITS_MAX)).astype(np.int64)


def _whole(values: Floats, *, least: int) -> Ints:
    return np.maximum(np.ceil(np.clip(np.nan_to_num(values, nan=least), least, UNITS_MAX)), least).astype(np.int64)


def _positive(values: Floats) -> Floats:
    return np.where(values > 0, values, np.nan)
