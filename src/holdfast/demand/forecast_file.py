"""The work behind ``holdfast forecast``: one method for a whole panel, applied chunk by chunk, written as one file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from holdfast.demand.history import DemandHistory, Floats, finest_unit
from holdfast.demand.methods import DemandMethod
from holdfast.demand.model import forecast_demand
from holdfast.demand.selection import METHODS
from holdfast.demand.spread import LEVELS
from holdfast.demand.tables import Names, Panel
from holdfast.demand.training import best_method
from holdfast.kernel.errors import CannotStart

COLUMNS = "sku varchar, location varchar, mean double, q50 double, q80 double, q90 double, q95 double, q99 double"


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Of one chunk: the mean of the sum, (series, LEVELS) quantiles, the method per series."""

    mean: Floats
    quantiles: Floats
    methods: Names


@dataclass(frozen=True, slots=True)
class Forecaster:
    """Everything a chunk needs beside its history; can be sent to another process or machine."""

    method: DemandMethod
    horizon: int
    unit: float

    def __call__(self, history: DemandHistory) -> Forecasts:
        # What one large customer ordered is part of the sum that is asked for: nothing is capped.
        forecast = forecast_demand(history, self.horizon, self.method, cap_bulk=False, unit=self.unit)
        quantiles = forecast.quantile_over(np.asarray(LEVELS)[:, None], self.horizon).T.astype(np.float64)
        named = forecast.method_names
        methods = np.full(history.series, self.method.name, object) if named is None else named
        return Forecasts(forecast.mean_over(self.horizon), quantiles, methods)


def forecaster(panel: Panel, horizon: int, method: str) -> Forecaster:
    """The method called `method`, or for `best` the one that can be learned from this panel."""
    if method != "best" and method not in METHODS:
        raise CannotStart(f"There is no method {method}; there are best, {', '.join(METHODS)}.")
    unit = finest_unit(panel.history)
    if method != "best":
        return Forecaster(METHODS[method], horizon, unit)
    return Forecaster(best_method(panel.history, [horizon], cap_bulk=False, unit=unit), horizon, unit)


def write_forecasts(out: Path, sku: Names, location: Names, parts: Iterator[Forecasts]) -> None:
    """All parts as one file, which appears when it is whole and not before."""
    connection = duckdb.connect(config={"threads": 1})
    beside = out.with_name(f".{out.name}.part")
    try:
        connection.execute(f"create table forecasts ({COLUMNS}, method varchar)")
        start = 0
        for part in parts:
            rows = slice(start, start + part.mean.size)
            start = rows.stop
            columns = {"sku": sku[rows], "location": location[rows], "mean": part.mean}
            columns |= {f"q{round(100 * level)}": part.quantiles[:, k] for k, level in enumerate(LEVELS)}
            connection.register("part", {**columns, "method": part.methods})
            connection.execute("insert into forecasts select * from part")
            connection.unregister("part")
        kind = "format parquet" if out.suffix.lower() == ".parquet" else "format csv, header"
        quoted = str(beside).replace("'", "''")
        connection.execute(f"copy forecasts to '{quoted}' ({kind})")
        beside.replace(out)
    except (duckdb.Error, OSError) as error:
        raise CannotStart(f"{out} cannot be written: {str(error).splitlines()[0]}") from error
    finally:
        connection.close()
        beside.unlink(missing_ok=True)
