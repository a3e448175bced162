"""The policies on offer say what they are said to say, and no plan beats perfect foresight."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.demand import DemandHistory
from holdfast.replenishment.calibration import calibrate, make_market, make_scene
from holdfast.replenishment.foresight import best_with_foresight
from holdfast.replenishment.items import Costs, Economics, Items, supply_of
from holdfast.replenishment.offers import Aim, Ours, Rule, Textbook, Today, service_levels
from holdfast.replenishment.paths import PathNewsvendor, order_from_paths
from holdfast.replenishment.simulation import Market, OrderLevels, Seen, Supply, fixed, simulate


def items(count: int, **changes: Any) -> Items:
    full = np.ones(count)
    columns: dict[str, Any] = {
        "sku": np.array([f"S{i}" for i in range(count)], object),
        "location": np.array(["all"] * count, object),
        "lead_time_days": 5.0 * full,
        "lead_time_sd_days": full,
        "review_days": full,
        "moq": np.ones(count, np.int64),
        "order_multiple": np.ones(count, np.int64),
        "unit_cost": 6.0 * full,
        "price": 10.0 * full,
        "reorder_point": np.full(count, -1),
        "order_up_to": np.full(count, -1),
        "max_stock": np.full(count, -1),
        "shelf_life_days": np.nan * full,
        "last_day": np.full(count, np.datetime64("NaT"), "datetime64[D]"),
    }
    return Items(**{**columns, **changes})


def even(days: int = 120, daily: int = 3, series: int = 1) -> DemandHistory:
    quantity = np.full((series, days), daily)
    return DemandHistory(quantity, np.ones(quantity.shape, np.bool_), starts_on=np.datetime64("2024-01-01"))


def at_start(offer: Any, history: DemandHistory, listed: Items) -> OrderLevels:
    scene = make_scene(history, listed, Costs(), start=history.days)
    nothing = np.zeros((history.series, 0), np.int64)
    here = np.zeros(history.series, np.int64)
    levels = offer.steering(scene)(Seen(-1, nothing, nothing.astype(np.bool_), here, nothing))
    assert levels is not None
    return levels


def test_the_rule_is_safety_stock_and_seven_days_whatever_the_supplier() -> None:
    levels = at_start(Rule(cover_days=10), even(), items(1, lead_time_days=np.array([40.0])))
    assert (levels.reorder_point[0], levels.order_up_to[0]) == (51, 51)


def test_a_fixed_rule_keeps_its_reorder_point_and_a_refreshed_one_follows() -> None:
    history = even()
    later = np.full((1, 91), 9)
    seen = Seen(90, later, np.ones(later.shape, np.bool_), np.zeros(1, np.int64), np.zeros((1, 0), np.int64))
    scene = make_scene(history, items(1), Costs(), start=120)
    kept, follows = Rule(10, fixed=True).steering(scene)(seen), Rule(10, fixed=False).steering(scene)(seen)
    assert kept is not None
    assert follows is not None
    assert (kept.reorder_point[0], kept.order_up_to[0]) == (51, 30 + 63)
    assert (follows.reorder_point[0], follows.order_up_to[0]) == (153, 153)


def test_today_is_what_stands_in_the_items() -> None:
    levels = at_start(Today(), even(), items(1, reorder_point=np.array([4]), order_up_to=np.array([9])))
    assert (levels.reorder_point[0], levels.order_up_to[0]) == (4, 9)


def test_a_textbook_level_on_even_demand_is_the_mean_and_the_spread_of_the_lead_time() -> None:
    levels = at_start(Textbook(0.95), even(), items(1))
    assert levels.reorder_point[0] == np.ceil(6 * 3 + 1.645 * 3)


def test_dear_items_get_less_service_for_a_fill_rate_and_the_same_for_cost_where_margin_goes_with_price() -> None:
    listed = items(3, unit_cost=np.array([1.0, 6.0, 60.0]), price=np.array([1.0, 6.0, 60.0]) / 0.6)
    money = Economics.of(listed, Costs(), even().period)
    cost, fill = service_levels(20.0, money, Aim.COST), service_levels(20.0, money, Aim.FILL_RATE)
    assert np.ptp(cost) < 1e-9
    assert fill[0] > fill[1] > fill[2]
    assert fill[1] == pytest.approx(cost[1])


def test_stock_is_capped_by_maximum_shelf_life_and_last_day() -> None:
    history = even()
    free = at_start(Ours(20.0), history, items(1)).order_up_to[0]
    assert at_start(Ours(20.0), history, items(1, max_stock=np.array([7]))).order_up_to[0] == 7
    short = at_start(Ours(20.0), history, items(1, shelf_life_days=np.array([4.0])))
    assert short.order_up_to[0] <= 12 < free
    assert short.reorder_point[0] < short.order_up_to[0]
    # The history ends on 2024-04-29; sold until May 9th: 10 days. Until May 3rd nothing could arrive in time.
    ends = np.array(["2024-05-09"], "datetime64[D]")
    assert 30 <= at_start(Ours(20.0), history, items(1, last_day=ends)).order_up_to[0] < free
    over = np.array(["2024-05-03"], "datetime64[D]")
    assert at_start(Ours(20.0), history, items(1, last_day=over)).order_up_to[0] == 0


@given(
    demand=st.lists(st.integers(0, 9), min_size=6, max_size=14),
    opening=st.integers(0, 12),
    lead=st.integers(0, 3),
    levels=st.tuples(st.integers(-1, 15), st.integers(1, 15)),
    order_cost=st.sampled_from([0.0, 2.0, 11.0]),
)
@settings(max_examples=120, deadline=None)
def test_no_policy_is_cheaper_than_perfect_foresight(
    demand: list[int], opening: int, lead: int, levels: tuple[int, int], order_cost: float
) -> None:
    one = np.ones(1, np.int64)
    market = Market(np.array([demand]), one[:, None] * lead, one * opening)
    money = Economics(np.array([0.3]), np.array([4.0]), np.array([order_cost]), np.array([6.0]))
    bound = best_with_foresight(market, money)
    point, lot = levels
    replay = simulate(market, Supply(one, one, one), fixed(OrderLevels(one * point, one * (point + lot))))
    cost = float(replay.stock[0]) * len(demand) * 0.3 + 4.0 * replay.lost[0] + order_cost * replay.orders[0]
    assert bound.cost[0] <= cost + 1e-6
    told = bound.stock[0] * len(demand) * 0.3 + 4.0 * bound.lost[0] + order_cost * bound.orders[0]
    assert told == pytest.approx(bound.cost[0]), "the parts add up to the whole"


def test_paths_subtract_what_is_left_after_lost_sales() -> None:
    # Two paths. Stock 5, 4 due in the next period; an order comes in coming period 1.
    paths = np.array([[[9, 6], [20, 2]]], np.int32)
    here, due = np.array([5]), np.array([[4]])
    half, all_of = np.array([0.5]), np.array([1.0])
    one = np.ones(1, np.int64)
    lost = {"lead": one, "review": one, "lost_sales": True}
    # First path: 9 served of 9, 6 missing. Second: 9 of 20 served, the rest never comes back, 2 missing.
    assert order_from_paths(paths, here, due, level=half, **lost).tolist() == [2]
    assert order_from_paths(paths, here, due, level=all_of, **lost).tolist() == [6]
    wait = order_from_paths(paths, here, due, lead=one, review=one, level=all_of, lost_sales=False)
    assert wait.tolist() == [13], "those who wait are served too"


def test_sample_paths_order_nothing_where_enough_is_coming() -> None:
    history = even(60, series=2)
    listed = items(2, lead_time_days=np.array([2.0, 2.0]))
    scene = make_scene(history, listed, Costs(0.0, holding_cost_per_period=0.2, lost_sale_cost=1.0), start=40)
    market = make_market(history, scene, start=40, end=60, seed=1)
    replay = simulate(market, supply_of(listed, history.period), PathNewsvendor(0.9).steering(scene))
    assert replay.fill_rate == 1.0
    assert (replay.closing < 40).all()


def test_the_knob_is_drawn_from_the_past_towards_the_usual() -> None:
    history = DemandHistory(np.random.default_rng(1).negative_binomial(1, 0.2, (60, 300)), np.ones((60, 300), np.bool_))
    dear = calibrate(history, items(60), Costs(lost_sale_cost=50.0))
    cheap = calibrate(history, items(60), Costs(lost_sale_cost=0.05))
    assert dear.odds > 24 > cheap.odds
    assert calibrate(history.until(5), items(60), Costs()).trials == ()
