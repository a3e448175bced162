"""What policies cost on real demand: one simulator, the same lead times and luck for all, refits on the past only.

Web shop: 1,500 SKUs with at least ten days of sale in the first year, one year replayed, sales lost; lead times 3 to
30 days, minimum quantities and packs drawn once per SKU. Bulk days are capped (they are made to order). A shop sees
the orders it refuses, so demand is observed while out of stock.

Fresh food: 800 (SKU, store) series, six weeks replayed, lead times 1 to 4 days, holding 1 % of the cost per day.

Every policy has one knob (days of cover, or a service level), swept over its range: its cost is its cheapest, its
stock for a fill rate is read between two settings. So no policy is judged by a badly chosen knob.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from bench.planning.sets import WEB_SHOP, Folder
from holdfast.demand import DemandHistory, Panel, cap_bulk_days
from holdfast.replenishment.backtesting import Outcome, foresight_outcome, outcome_of
from holdfast.replenishment.calibration import calibrate, make_market, make_scene
from holdfast.replenishment.items import Costs, Items, supply_of
from holdfast.replenishment.offers import Aim, Offer, Ours, Rule, Scene, Textbook
from holdfast.replenishment.simulation import Market, simulate

SEED = 20261121
FILLS = (0.95, 0.98)

COVER_FIXED = (5.0, 9.0, 14.0, 21.0, 30.0, 45.0, 65.0, 90.0, 120.0, 160.0, 220.0, 300.0)
COVER_FRESH = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 13.0, 17.0, 22.0, 30.0)
SERVICE = (0.7, 0.8, 0.9, 0.95, 0.975, 0.985, 0.99, 0.995, 0.999)
ODDS = (1.0, 2.0, 4.0, 8.0, 14.0, 22.0, 32.0, 48.0, 75.0, 130.0, 250.0)


@dataclass(frozen=True, slots=True)
class Case:
    """One data set with its items, ready to replay."""

    name: str
    history: DemandHistory
    items: Items
    scene: Scene
    market: Market
    costs: Costs
    start: int


def web_shop(folder: Folder, series: int = 1_500, seed: int = SEED) -> Case:
    panel = folder.web_shop()
    start = 365
    rng = np.random.default_rng(seed)
    live = np.flatnonzero(np.count_nonzero(panel.history.quantity[:, :start] > 0, axis=1) >= 10)
    rows = np.sort(rng.choice(live, min(series, live.size), replace=False))
    n = rows.size
    lead = rng.choice([3.0, 7.0, 14.0, 21.0, 30.0], n)
    moq, multiple = rng.choice([1, 1, 6, 12], n), rng.choice([1, 1, 6, 12], n)
    known = mean_prices(folder)
    price = np.array([known[sku] for sku in panel.sku[rows]])
    items = items_of(panel, rows, lead=lead, price=price, moq=moq, multiple=multiple)
    history, _ = cap_bulk_days(panel.history.rows(rows))
    return make_case("web shop", history, items, Costs(2.0, 0.25), start, seed)


def mean_prices(folder: Folder) -> dict[str, float]:
    """Mean price per unit of the first year, by units: what an item is worth is known at the start."""
    first_year = "date < (select min(date) + interval 365 day from sold)"
    query = f"with sold as (from '{folder.file(WEB_SHOP)}') select sku, sum(quantity * price) / sum(quantity) from sold"
    with duckdb.connect() as connection:
        found = connection.execute(f"{query} where {first_year} group by sku").fetchall()
    return {str(sku): float(price) for sku, price in found}


def fresh_food(folder: Folder, series: int = 800, seed: int = SEED) -> Case:
    panel = folder.fresh_food()
    start = panel.history.days - 42
    rng = np.random.default_rng(seed)
    live = np.flatnonzero(np.count_nonzero(panel.history.quantity[:, :start] > 0, axis=1) >= 10)
    rows = np.sort(rng.choice(live, min(series, live.size), replace=False))
    n = rows.size
    one = np.ones(n, np.int64)
    lead, price = rng.choice([1.0, 2.0, 3.0, 4.0], n), rng.lognormal(1.0, 0.5, n)
    items = items_of(panel, rows, lead=lead, price=price, moq=one, multiple=one)
    # What a store sold is all that is known; days that ran out count as they are for every policy alike.
    part = panel.history.rows(rows)
    history = DemandHistory(part.quantity, np.ones_like(part.observed), part.period, part.starts_on)
    return make_case("fresh food", history, items, Costs(2.0, 3.65), start, seed)


def items_of(
    panel: Panel, rows: NDArray[np.int64], *, lead: NDArray[np.float64], price: NDArray[np.float64],
    moq: NDArray[np.int64], multiple: NDArray[np.int64],
) -> Items:  # fmt: skip
    """Lead times with a coefficient of variation of 0.3, looked at every day, unit cost 60 % of the price."""
    n = rows.size
    return Items(
        sku=panel.sku[rows],
        location=panel.location[rows],
        lead_time_days=lead,
        lead_time_sd_days=0.3 * lead,
        review_days=np.ones(n),
        moq=moq,
        order_multiple=multiple,
        unit_cost=0.6 * price,
        price=price,
        reorder_point=np.full(n, -1),
        order_up_to=np.full(n, -1),
        max_stock=np.full(n, -1),
        shelf_life_days=np.full(n, np.nan),
        last_day=np.full(n, np.datetime64("NaT"), "datetime64[D]"),
    )


def make_case(name: str, history: DemandHistory, items: Items, costs: Costs, start: int, seed: int) -> Case:
    scene = make_scene(history, items, costs, start=start)
    market = make_market(history, scene, start=start, end=history.days, seed=seed)
    return Case(name, history, items, scene, market, costs, start)


def swept(case: Case, make: Callable[[float], Offer], knobs: Sequence[float]) -> list[Outcome]:
    supply = supply_of(case.items, case.history.period)
    outcomes: list[Outcome] = []
    for knob in knobs:
        offer = make(knob)
        outcomes.append(outcome_of(offer.name, simulate(case.market, supply, offer.steering(case.scene)), case.scene))
    return outcomes


def stock_for(outcomes: list[Outcome], fill: float) -> float:
    """Mean stock value at this fill rate, between the two settings around it; NaN where it was not reached."""
    ordered = sorted(outcomes, key=lambda o: o.stock_value)
    reached = np.maximum.accumulate([o.fill_rate for o in ordered])
    value = [o.stock_value for o in ordered]
    return float(np.interp(fill, reached, value)) if reached[0] <= fill <= reached[-1] else float("nan")


def table(case: Case, rule_covers: Sequence[float]) -> dict[str, list[Outcome]]:
    """Every policy over its knob, printed as one line each."""
    runs = {
        "rule, fixed": swept(case, lambda k: Rule(k, fixed=True), rule_covers),
        "rule, refreshed": swept(case, lambda k: Rule(k, fixed=False), rule_covers),
        "textbook normal": swept(case, Textbook, SERVICE),
        "holdfast, by cost": swept(case, lambda k: Ours(k, Aim.COST), ODDS),
        "holdfast, by fill rate": swept(case, lambda k: Ours(k, Aim.FILL_RATE), ODDS),
    }
    knob = calibrate(case.history.until(case.start), case.items, case.costs, seed=SEED + 1)
    runs["holdfast, chosen before"] = swept(case, Ours, [knob.odds])
    runs["perfect foresight"] = [foresight_outcome(case.market, case.scene)]
    print(f"\n{case.name}: {case.market.series:,} series, {case.market.periods} days")
    heads = ("cost", "holding", "ordering", "lost", "fill", "stock 95 %", "stock 98 %", "÷ rule")
    print(f"{'':28}" + "".join(f"{head:>12}" for head in heads))
    base = min(o.cost for o in runs["rule, fixed"])
    for name, outcomes in runs.items():
        best = min(outcomes, key=lambda o: o.cost)
        money = (best.cost, best.holding_cost, best.order_cost, best.lost_margin)
        print(
            f"{name:28}" + "".join(f"{m:12,.0f}" for m in money) + f"{best.fill_rate:12.1%}"
            + "".join(f"{stock_for(outcomes, fill):12,.0f}" for fill in FILLS) + f"{best.cost / base:12.3f}",
            flush=True,
        )  # fmt: skip
    return runs


def web_shop_figures(case: Case) -> dict[str, float]:
    runs = table(case, COVER_FIXED)
    cost = {name: min(o.cost for o in outcomes) for name, outcomes in runs.items()}
    figures = {"webshop_cost_vs_rule": cost["holdfast, by cost"] / cost["rule, fixed"]}
    for fill in FILLS:
        mine = stock_for(runs["holdfast, by fill rate"], fill)
        for name in ("fixed", "refreshed"):
            figures[f"webshop_stock{fill:.0%}_vs_rule_{name}".replace("%", "")] = mine / stock_for(
                runs[f"rule, {name}"], fill
            )
    gap = cost["rule, fixed"] - cost["perfect foresight"]
    figures["webshop_gap_closed"] = (cost["rule, fixed"] - cost["holdfast, by cost"]) / gap
    figures["webshop_calibrated_cost_vs_rule"] = cost["holdfast, chosen before"] / cost["rule, fixed"]
    return figures


def fresh_figures(case: Case) -> dict[str, float]:
    runs = table(case, COVER_FRESH)
    cost = {name: min(o.cost for o in outcomes) for name, outcomes in runs.items()}
    return {
        "fresh_cost_vs_rule": cost["holdfast, by cost"] / cost["rule, fixed"],
        "fresh_calibrated_cost_vs_rule": cost["holdfast, chosen before"] / cost["rule, fixed"],
    }


def measure(folder: Folder, *, quick: bool = False) -> dict[str, float]:
    shop = web_shop(folder, 300 if quick else 1_500)
    return web_shop_figures(shop) | fresh_figures(fresh_food(folder, 200 if quick else 800))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("HOLDFAST_BENCH_DATA"), help="folder of the sets")
    parser.add_argument("--quick", action="store_true", help="a fifth of the series")
    asked = parser.parse_args()
    if asked.data is None:
        raise SystemExit("Say where the data is: --data DIR or HOLDFAST_BENCH_DATA.")
    for name, value in measure(Folder(Path(asked.data)), quick=asked.quick).items():
        print(f"{name:40} {value:8.4f}")


if __name__ == "__main__":
    main()
