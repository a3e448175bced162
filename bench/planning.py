"""How long planning takes: forecast, levels and orders of many pairs, beside one pair after the other.

    python bench/planning.py [--pairs 50000] [--days 365]

The naive side is what a service with one call per pair does: the same formulas, called with one series each,
on a sample whose time is scaled up. Demand is synthetic (Poisson days around gamma-spread levels, a third of
the series with stock-out months), so the figures say how fast it is, not how good.
"""

import argparse
import time
from dataclasses import fields

import numpy as np

from holdfast.demand import DemandForecast, DemandHistory, forecast_demand, without_unsold_start
from holdfast.replenishment import UNSET, Mode, Plan, Position, Terms, explain, figures_of, plan_orders

LEAD_DAYS = np.array([3.0, 5.0, 7.0, 9.0, 14.0, 21.0, 30.0])
NAIVE_SAMPLE = 200


def make_history(pairs: int, days: int) -> DemandHistory:
    rng = np.random.default_rng(20261121)
    level = rng.gamma(0.3, 5.0, pairs)
    quantity = rng.poisson(level[:, None], (pairs, days)).astype(np.int32)
    observed = np.ones((pairs, days), bool)
    empty = rng.random(pairs) < 1 / 3
    start = rng.integers(0, max(days - 30, 1), pairs)
    for row in np.flatnonzero(empty):
        observed[row, start[row] : start[row] + 30] = False
    return DemandHistory(quantity, without_unsold_start(quantity, observed))


def make_terms(pairs: int) -> Terms:
    rng = np.random.default_rng(7)
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


def make_position(forecast_mean: DemandForecast) -> Position:
    rng = np.random.default_rng(9)
    units = rng.poisson(forecast_mean.daily_mean * 25).astype(np.int64)
    zero = np.zeros_like(units)
    return Position(available=units, in_transit=zero, approved=zero, backordered=zero)


def rows_of(source: DemandForecast | Terms | Position, row: int) -> tuple[object, ...]:
    return tuple(getattr(source, f.name)[row : row + 1] for f in fields(source))


def plan_one_by_one(history: DemandHistory, terms: Terms, position: Position, rows: int) -> list[Plan]:
    plans: list[Plan] = []
    for row in range(rows):
        one = Terms(*rows_of(terms, row))  # type: ignore[arg-type]
        here = Position(*rows_of(position, row))  # type: ignore[arg-type]
        past = DemandHistory(history.quantity[row : row + 1], history.observed[row : row + 1])
        plans.append(plan_orders(forecast_demand(past, one.protection_days), one, here))
    return plans


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=int, default=50_000)
    parser.add_argument("--days", type=int, default=365)
    asked = parser.parse_args()
    history, terms = make_history(asked.pairs, asked.days), make_terms(asked.pairs)

    clock = time.perf_counter
    start = clock()
    forecast = forecast_demand(history, terms.protection_days)
    forecast_seconds = clock() - start
    position = make_position(forecast)
    start = clock()
    plan = plan_orders(forecast, terms, position)
    policy_seconds = clock() - start
    ordered = np.flatnonzero(plan.orders.quantity)
    start = clock()
    lines = sum(len(explain(figures_of(plan, int(row)))) for row in ordered)
    explain_seconds = clock() - start
    total = forecast_seconds + policy_seconds + explain_seconds

    sample = min(NAIVE_SAMPLE, asked.pairs)
    start = clock()
    alone = plan_one_by_one(history, terms, position, sample)
    naive = (clock() - start) * asked.pairs / sample
    assert [int(p.orders.quantity[0]) for p in alone] == plan.orders.quantity[:sample].tolist()

    print(f"{asked.pairs:,} pairs x {asked.days} days, {len(ordered):,} orders")
    print(f"forecast                {forecast_seconds:8.2f} s")
    print(f"levels and orders       {policy_seconds:8.2f} s")
    print(f"arithmetic of orders    {explain_seconds:8.2f} s   {lines:,} lines")
    print(f"all                     {total:8.2f} s   {asked.pairs / total:,.0f} pairs/s")
    print(f"one pair after another  {naive:8.2f} s   scaled from {sample}; x {naive / total:.0f}")


if __name__ == "__main__":
    main()
