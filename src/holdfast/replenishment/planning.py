"""Levels and orders from tables alone: `plan(history, items, as_of, policy)`. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from holdfast.demand import DemandHistory, DemandMethod, Panel, Period, cap_bulk_days, forecast_demand, read_history
from holdfast.demand.occasions import coming_factor, times, without_days_of
from holdfast.demand.season import ordering_demand
from holdfast.kernel.errors import Invalid
from holdfast.replenishment.calibration import Knob, calibrate, make_scene
from holdfast.replenishment.items import Costs, Items, Names, Times, supply_of
from holdfast.replenishment.offers import Aim, our_levels, service_levels
from holdfast.replenishment.path_choice import paths_chosen, paths_fit
from holdfast.replenishment.simulation import PERIODS_MAX, Floats, Ints, OrderLevels, Supply
from holdfast.replenishment.tables import (
    Remarks,
    StockState,
    asked_series,
    bulk_named,
    read_calendar,
    read_items,
    read_state,
)

FILL_RATE_MIN, FILL_RATE_MAX = 0.5, 0.999


@dataclass(frozen=True, slots=True)
class Policy:
    """What is wanted: a fill rate, or the least cost.

    `target_fill_rate` in [0.5, 0.999], share of units served at once; or `costs`. `review_periods` and
    `lead_time_periods` overrule the items. `period` overrules what the dates look like. `lost_sales` False: who
    finds no stock waits. `keep_bulk`: one-off bulk days are kept stock for, as in `backtest`, and not cut down.
    """

    target_fill_rate: float | None = None
    costs: Costs = Costs()
    review_periods: float | None = None
    lead_time_periods: float | None = None
    period: Period | None = None
    lost_sales: bool = True
    keep_bulk: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        target = self.target_fill_rate
        if target is not None and not FILL_RATE_MIN <= target <= FILL_RATE_MAX:
            raise Invalid(
                "bad_parameter", f"target_fill_rate lies in [{FILL_RATE_MIN}, {FILL_RATE_MAX}], not {target}."
            )
        for name in ("review_periods", "lead_time_periods"):
            given = getattr(self, name)
            if given is not None and not 0 <= given <= PERIODS_MAX:
                raise Invalid("bad_parameter", f"{name} lies in [0, {PERIODS_MAX}], not {given}.")


@dataclass(frozen=True, slots=True)
class Planned:
    """One row per series. Order `order_quantity` now; later, at a review with position <= `reorder_point`, up to
    `order_up_to`. -1 and 0: nothing is kept. Without a state everything is taken to be empty. `expected_demand`: over
    lead time and review, what the calendar says in it."""

    sku: Names
    location: Names
    reorder_point: Ints
    order_up_to: Ints
    order_quantity: Ints
    expected_demand: Floats
    chosen_by: str
    knob: Knob
    remarks: tuple[str, ...]


def plan(
    history: object,
    items: object,
    as_of: date | None = None,
    policy: Policy | None = None,
    *,
    state: object | None = None,
    calendar: object | None = None,
    method: DemandMethod | None = None,
) -> Planned:
    """Levels and the order to place at the end of the day before `as_of`, for every series of the items.

    `history` and `items` as for `backtest`; `state`, `calendar` (past days are unknown to the forecast, coming ones
    raise or lower it): see `tables`. The service level is the one that would have been cheapest, or would have reached
    the fill rate with the least stock, on the last part of the past. Without order cost and with lead time + review
    within PERIODS_MAX periods, sample paths are tried too and taken where they were cheaper.

    Raises Invalid(`unreadable_file`, `missing_column`, `bad_parameter`).
    """
    wanted = policy if policy is not None else Policy(target_fill_rate=0.95)
    remarks = Remarks()
    asked = asked_series(items)
    panel = read_history(history, as_of=as_of, period=wanted.period)
    panel = panel if asked is None else panel.aligned_to(*asked)
    terms = _overruled(read_items(items, panel, remarks), wanted, panel.period)
    stock = _empty(panel) if state is None else read_state(state, panel, remarks)
    protection = Times.of(terms, panel.period).protection
    said = [] if calendar is None else read_calendar(calendar, panel, protection, remarks)
    kept = _without_bulk(panel, without_days_of(panel.history, said), wanted, remarks)
    target = wanted.target_fill_rate
    knob = calibrate(kept, terms, wanted.costs, target_fill_rate=target, seed=wanted.seed, method=method)
    scene = make_scene(kept, terms, wanted.costs, start=kept.days, method=method)
    forecast = forecast_demand(kept, protection, method or ordering_demand(kept, protection), cap_bulk=False)
    if said:
        forecast = times(forecast, coming_factor(panel.history, protection, said))
    aim = Aim.COST if target is None else Aim.FILL_RATE
    service = service_levels(knob.odds, scene.economics, aim)
    levels = our_levels(forecast, scene, service)
    supply = supply_of(terms, panel.period)
    quantity, by = _gap(levels, stock, supply), "levels"
    # Sample paths know no calendar ahead.
    chosen = None
    if target is None and paths_fit(scene) and not said:
        chosen = paths_chosen(
            kept, terms, wanted.costs, knob, method=method, lost_sales=wanted.lost_sales, seed=wanted.seed
        )
    if chosen is not None:
        quantity = _packed(chosen.orders(kept, scene, stock, lost_sales=wanted.lost_sales, seed=wanted.seed), supply)
        by = f"sample paths at {chosen.level:.2f}, {chosen.demand}"
    return Planned(
        sku=panel.sku,
        location=panel.location,
        reorder_point=levels.reorder_point,
        order_up_to=levels.order_up_to,
        order_quantity=quantity,
        expected_demand=forecast.mean_over(protection),
        chosen_by=by,
        knob=knob,
        remarks=(*(str(note) for note in panel.notes), *remarks.lines()),
    )


def _without_bulk(panel: Panel, history: DemandHistory, policy: Policy, remarks: Remarks) -> DemandHistory:
    if policy.keep_bulk:
        return history
    kept, bulk = cap_bulk_days(history)
    remarks.add("bulk_left_out", bulk_named(panel, bulk))
    return kept


def _overruled(items: Items, policy: Policy, period: Period) -> Items:
    if policy.review_periods is not None:
        items = replace(items, review_days=np.full(items.count, policy.review_periods * period.days))
    if policy.lead_time_periods is not None:
        items = replace(items, lead_time_days=np.full(items.count, policy.lead_time_periods * period.days))
    return items


def _empty(panel: Panel) -> StockState:
    return StockState(np.zeros(panel.sku.size, np.int64), np.zeros((panel.sku.size, 1), np.int64))


def _gap(levels: OrderLevels, stock: StockState, supply: Supply) -> Ints:
    need = levels.order_up_to - stock.position
    return _packed(np.where(stock.position <= levels.reorder_point, np.maximum(need, 0), 0), supply)


def _packed(need: Ints, supply: Supply) -> Ints:
    quantity = np.maximum(need, supply.moq)
    multiple = np.maximum(supply.multiple, 1)
    return np.where(need > 0, -(-quantity // multiple) * multiple, 0)
