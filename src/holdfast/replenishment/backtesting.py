"""A year of one's own history under every policy on offer, beside the least it could have cost. Stores nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np

from holdfast.demand import DemandMethod, Panel, cap_bulk_days, read_history
from holdfast.kernel.errors import Invalid
from holdfast.replenishment.calibration import Knob, calibrate, cost_of, make_market, make_scene
from holdfast.replenishment.foresight import best_with_foresight
from holdfast.replenishment.items import Costs, Items, supply_of
from holdfast.replenishment.offers import Offer, Ours, Rule, Scene, Textbook, Today
from holdfast.replenishment.simulation import Market, Replay, simulate
from holdfast.replenishment.tables import Remarks, asked_series, bulk_named, read_items

# A replay needs something to learn from first.
PAST_PERIODS_MIN = 8
SEED = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one policy did over the whole replay. Money in the currency of the items, counts over all series.

    `stockout_share`: series-periods in which somebody was turned away. `fill_rate`: units served at once ÷ wanted.
    """

    policy: str
    stockout_periods: int
    stockout_share: float
    fill_rate: float
    stock_value: float
    orders: int
    holding_cost: float
    order_cost: float
    lost_margin: float
    cost: float
    wasted: int

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Backtest:
    """Outcomes in the order asked for, perfect foresight last; `knob` is how the service level of ours was found."""

    start: date
    end: date
    series: int
    periods: int
    period: str
    outcomes: tuple[Outcome, ...]
    knob: Knob
    remarks: tuple[str, ...]
    replays: dict[str, Replay]

    def as_json(self) -> dict[str, object]:
        return {
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "series": self.series,
            "periods": self.periods,
            "period": self.period,
            "policies": [outcome.as_json() for outcome in self.outcomes],
            "service_odds": self.knob.odds,
            "trials": [asdict(trial) for trial in self.knob.trials],
            "remarks": list(self.remarks),
        }


def backtest(
    history: object,
    items: object,
    policies: Sequence[Offer] | None = None,
    start: date | None = None,
    end: date | None = None,
    costs: Costs | None = None,
    *,
    backorders: bool = False,
    censored: bool = False,
    keep_bulk: bool = False,
    seed: int = SEED,
    method: DemandMethod | None = None,
) -> Backtest:
    """Replay `history` between `start` and `end` under `policies` and under perfect foresight.

    `history`: `date, sku, location, quantity, price?, observed?`, daily, weekly or monthly; `items`: see
    `holdfast.replenishment.tables`; both Arrow tables, mappings of NumPy arrays, or paths of CSV or Parquet files.
    Without `policies`: today's levels where the items carry them, the specification's rule with levels fixed and
    refreshed, a textbook normal, and ours with its service level chosen on the part of the history before `start`.
    Without `start`: the last year, or the last half of a history shorter than two years. Levels are worked out again
    every week from what was known by then. With `censored` a policy sees its own sales, not the demand. One-off bulk
    days are cut down as for the forecast (made to order, not kept for) unless `keep_bulk`.

    Raises Invalid(`unreadable_file`, `missing_column`, `too_short`).
    """
    remarks = Remarks()
    asked = asked_series(items)
    panel = read_history(history, as_of=end)
    panel = panel if asked is None else panel.aligned_to(*asked)
    terms = read_items(items, panel, remarks)
    first, last = _span(panel, start)
    kept, bulk = (panel.history, np.zeros(0, np.int64)) if keep_bulk else cap_bulk_days(panel.history)
    remarks.add("bulk_left_out", bulk_named(panel, bulk))
    money = costs if costs is not None else Costs()
    scene = make_scene(kept, terms, money, start=first, method=method, censored=censored)
    market = make_market(kept, scene, start=first, end=last, seed=seed)
    knob = calibrate(kept.until(first), terms, money, seed=seed + 1, method=method)
    offers = list(policies) if policies is not None else offered(terms, knob)
    replays = {
        offer.name: simulate(
            market, supply_of(terms, panel.period), offer.steering(scene), backorders=backorders, censored=censored
        )
        for offer in offers
    }
    outcomes = [outcome_of(name, replay, scene) for name, replay in replays.items()]
    return Backtest(
        start=_day(panel, first),
        end=_day(panel, last),
        series=market.series,
        periods=market.periods,
        period=panel.period.value,
        outcomes=(*outcomes, foresight_outcome(market, scene)),
        knob=knob,
        remarks=(*(str(note) for note in panel.notes), *remarks.lines()),
        replays=replays,
    )


def offered(items: Items, knob: Knob) -> list[Offer]:
    """Today's levels only where every item has some."""
    rest: list[Offer] = [Rule(fixed=True), Rule(fixed=False), Textbook(), Ours(knob.odds)]
    return [Today(), *rest] if items.count and (items.reorder_point >= 0).all() else rest


def outcome_of(name: str, replay: Replay, scene: Scene) -> Outcome:
    holding, ordering, missed = cost_of(replay, scene.economics)
    short = int(replay.short_periods.sum())
    cells = replay.periods * replay.demand.size
    return Outcome(
        policy=name,
        stockout_periods=short,
        stockout_share=short / cells if cells else 0.0,
        fill_rate=replay.fill_rate,
        stock_value=float((replay.stock * scene.economics.unit_cost).sum()),
        orders=int(replay.orders.sum()),
        holding_cost=holding,
        order_cost=ordering,
        lost_margin=missed,
        cost=holding + ordering + missed,
        wasted=int(replay.wasted.sum()),
    )


def foresight_outcome(market: Market, scene: Scene) -> Outcome:
    """Stock-outs are not told: a bound chooses which units to miss, not on which days."""
    best = best_with_foresight(market, scene.economics)
    wanted = float(market.demand.sum())
    holding = float((best.stock * market.periods * scene.economics.holding).sum())
    ordering = float((best.orders * scene.economics.ordering).sum())
    return Outcome(
        policy="perfect foresight",
        stockout_periods=0,
        stockout_share=0.0,
        fill_rate=1.0 - float(best.lost.sum()) / wanted if wanted else 1.0,
        stock_value=float((best.stock * scene.economics.unit_cost).sum()),
        orders=int(best.orders.sum()),
        holding_cost=holding,
        order_cost=ordering,
        lost_margin=float((best.lost * scene.economics.missing).sum()),
        cost=float(best.cost.sum()),
        wasted=0,
    )


def _span(panel: Panel, start: date | None) -> tuple[int, int]:
    periods = panel.history.days
    if start is None:
        first = max(periods - panel.period.per_year, periods // 2)
    else:
        first = int(np.searchsorted(panel.starts, np.datetime64(start, "D")))
    if first < PAST_PERIODS_MIN or first >= periods:
        known = f"{periods} periods ({panel.period.value}s)" if periods else "no period"
        raise Invalid(
            "too_short",
            f"A replay needs {PAST_PERIODS_MIN} periods before its start and one after; the history has {known}.",
        )
    return first, periods


def _day(panel: Panel, column: int) -> date:
    """First day of a column; one past the last column is the day after the history."""
    if column < panel.starts.size:
        return panel.starts[column].astype("datetime64[D]").astype(date)
    step = np.timedelta64(round(panel.period.days), "D")
    return (panel.starts[-1].astype("datetime64[D]") + step).astype(date)
