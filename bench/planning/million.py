"""A million series forecast and planned: minutes on all cores of this machine, and the memory it takes.

    python -m bench.planning.million [--series 1000000] [--days 180] [--ray]

Demand is synthetic (Poisson days around gamma-spread levels, a third of the series with a month without stock), made
anew in each chunk, so that the time is the forecast's and the policy's. The global model is trained once, on a
sample; its time is part of the sum.
"""

from __future__ import annotations

import argparse
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from bench.planning.sets import Folder
from holdfast.demand import (
    DemandHistory,
    DemandMethod,
    forecast_demand,
    in_chunks,
    train_quantiles,
    without_unsold_start,
)
from holdfast.demand.chunks import CHUNK_SERIES, cores
from holdfast.replenishment import UNSET, Mode, Position, Terms, plan_orders

SERIES = 1_000_000
DAYS = 180
TRAINED_ON = 5_000
LEAD_DAYS = np.array([3.0, 5.0, 7.0, 9.0, 14.0, 21.0, 30.0])


def history_of(chunk: int, series: int, days: int) -> DemandHistory:
    rng = np.random.default_rng([20261121, chunk])
    level = rng.gamma(0.3, 5.0, series)
    quantity = rng.poisson(level[:, None], (series, days)).astype(np.int32)
    observed = np.ones((series, days), bool)
    start = rng.integers(0, max(days - 30, 1), series)
    for row in np.flatnonzero(rng.random(series) < 1 / 3):
        observed[row, start[row] : start[row] + 30] = False
    return DemandHistory(quantity, without_unsold_start(quantity, observed))


def terms_of(chunk: int, pairs: int) -> Terms:
    rng = np.random.default_rng([7, chunk])
    lead = rng.choice(LEAD_DAYS, pairs)
    unset = np.full(pairs, UNSET, np.int64)
    return Terms(
        mode=np.full(pairs, Mode.AUTO, np.int8),
        lead_days=lead,
        lead_days_sd=0.3 * lead,
        review_days=np.ones(pairs),
        cycle_service_level=np.full(pairs, 0.95),
        order_cost=np.full(pairs, 20.0),
        holding_rate_per_year=np.full(pairs, 0.25),
        unit_cost=rng.uniform(0.5, 40, pairs),
        moq=rng.choice(np.array([1, 6, 12, 48]), pairs),
        order_multiple=rng.choice(np.array([1, 6, 12]), pairs),
        manual_reorder_point=unset,
        manual_safety_stock=unset,
        max_stock=unset,
    )


@dataclass(frozen=True, slots=True)
class Planner:
    """One chunk from its history to its orders; the same object works here, in a process and on Ray."""

    method: DemandMethod | None
    series: int
    days: int

    def __call__(self, chunk: int) -> tuple[NDArray[np.int64], float]:
        """Order quantities, and the seconds the synthetic history took to make."""
        start = time.perf_counter()
        history, terms = history_of(chunk, self.series, self.days), terms_of(chunk, self.series)
        made = time.perf_counter() - start
        forecast = forecast_demand(history, terms.protection_days, self.method)
        units = np.random.default_rng([9, chunk]).poisson(forecast.daily_mean * 25).astype(np.int64)
        none = np.zeros_like(units)
        plan = plan_orders(forecast, terms, Position(available=units, in_transit=none, approved=none, backordered=none))
        return plan.orders.quantity, made


def planned(series: int, days: int, *, on_ray: bool = False) -> tuple[float, float, int]:
    """(minutes without making the data, peak MB over all processes at most, units ordered)."""
    start = time.perf_counter()
    lengths = (LEAD_DAYS + 1).astype(np.int64)
    method = train_quantiles(history_of(0, min(TRAINED_ON, series), days), lengths)
    print(f"trained in {time.perf_counter() - start:.0f} s", flush=True)
    chunk = min(CHUNK_SERIES, series)
    planner = Planner(method, chunk, days)
    made, units = 0.0, 0
    for quantity, seconds in in_chunks(planner, range(series // chunk), processes=0, on_ray=on_ray):
        units += int(quantity.sum())
        made += seconds
    wall = time.perf_counter() - start - made / cores()
    own, child = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = own.ru_utime + own.ru_stime + child.ru_utime + child.ru_stime
    print(f"{busy / 60:.2f} CPU minutes, making the data included")
    return wall / 60, (own.ru_maxrss + cores() * child.ru_maxrss) / 1024, units


def measure(_: Folder) -> dict[str, float]:
    # In a process of its own: what other parts of the bench needed is not counted.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        minutes, megabytes, _units = fresh.submit(planned, SERIES, DAYS).result()
    return {"million_series_minutes": minutes, "million_series_peak_mb": megabytes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--series", type=int, default=SERIES)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--ray", action="store_true")
    asked = parser.parse_args()
    minutes, megabytes, units = planned(asked.series, asked.days, on_ray=asked.ray)
    print(
        f"{asked.series:,} series x {asked.days} days: {minutes:.2f} min, {megabytes:,.0f} MB, {units:,} units ordered"
    )


if __name__ == "__main__":
    main()
