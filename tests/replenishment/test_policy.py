"""When and how much: closed forms, tables, and properties over random pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.demand import DemandForecast
from holdfast.replenishment import (
    UNSET,
    Mode,
    Plan,
    Position,
    Priority,
    Terms,
    economic_order_quantity,
    explain,
    figures_of,
    plan_orders,
    reason_of,
    total_of,
)


def demand(mean: float, sd: float = 0.0) -> DemandForecast:
    one = np.ones(1)
    return DemandForecast(
        one * mean,
        one * sd**2,
        one * 0.0,
        one * 0.0,
        np.zeros(1, np.int8),
        np.full(1, 365),
        np.zeros(1, np.int64),
    )


def terms(
    mode: Mode = Mode.AUTO,
    *,
    lead: float = 9.0,
    lead_sd: float = 0.0,
    review: float = 7.0,
    level: float = 0.95,
    order_cost: float = 0.0,
    holding: float = 0.25,
    unit_cost: float = 0.0,
    moq: int = 1,
    multiple: int = 1,
    reorder_point: int = UNSET,
    safety_stock: int = UNSET,
    max_stock: int = UNSET,
) -> Terms:
    return Terms(
        np.array([mode], np.int8),
        *(np.array([x]) for x in (lead, lead_sd, review, level, order_cost, holding, unit_cost)),
        *(np.array([x], np.int64) for x in (moq, multiple, reorder_point, safety_stock, max_stock)),
    )


def position(available: int, in_transit: int = 0, approved: int = 0, backordered: int = 0) -> Position:
    return Position(*(np.array([x], np.int64) for x in (available, in_transit, approved, backordered)))


def quantity(plan: Plan) -> int:
    return int(plan.orders.quantity[0])


def test_the_economic_order_quantity_of_the_textbook() -> None:
    """Snyder & Shen, example 3.1: K 8, demand 1300, h 0.225 give 304.05 units and 68.41 a year."""
    lot = economic_order_quantity(
        demand_per_year=np.array([1300.0]),
        order_cost=np.array([8.0]),
        holding_cost_per_unit_year=np.array([0.225]),
    )
    assert lot == pytest.approx([304.0468], abs=1e-4)
    assert 8 * 1300 / lot[0] + 0.225 * lot[0] / 2 == pytest.approx(68.4105, abs=1e-4)


def test_an_unknown_cost_gives_no_economic_lot() -> None:
    none = economic_order_quantity(
        demand_per_year=np.array([1300.0, 1300.0]),
        order_cost=np.array([0.0, 8.0]),
        holding_cost_per_unit_year=np.array([0.225, 0.0]),
    )
    assert none.tolist() == [0.0, 0.0]


def test_the_reorder_point_is_the_demand_quantile_over_lead_time_and_review() -> None:
    """Poisson 1 a day, 4 + 1 days: P(X <= 9) = 0.9682 >= 0.95 > P(X <= 8) = 0.9319."""
    plan = plan_orders(demand(1.0), terms(lead=4, review=1), position(100))
    assert plan.levels.reorder_point.tolist() == [9]
    assert plan.levels.expected_demand.tolist() == [5]
    assert plan.levels.safety_stock.tolist() == [4]


def test_the_lot_is_never_less_than_one_review_period_so_the_next_review_is_quiet() -> None:
    plan = plan_orders(demand(10.0), terms(lead=4, review=7), position(0))
    assert plan.levels.lot.tolist() == [70]
    after = position(0, in_transit=quantity(plan))
    assert not plan_orders(demand(10.0), terms(lead=4, review=7), after).orders.triggered[0]


def test_a_cheap_slow_item_is_not_bought_for_years() -> None:
    plan = plan_orders(demand(0.5), terms(order_cost=50.0, unit_cost=0.01), position(0))
    assert plan.levels.lot.tolist() == [91], "half a unit a day for 182 days; the bare formula says 2,701"


@pytest.mark.parametrize(
    ("available", "in_transit", "approved", "backordered", "ordered"),
    [
        (9, 0, 0, 0, True),  # at the reorder point: order
        (10, 0, 0, 0, False),
        (4, 6, 0, 0, False),  # what is on its way counts
        (4, 0, 6, 0, False),  # what was approved counts
        (12, 0, 0, 3, True),  # what is owed is gone
    ],
)
def test_the_position_decides(available: int, in_transit: int, approved: int, backordered: int, ordered: bool) -> None:
    here = position(available, in_transit, approved, backordered)
    plan = plan_orders(demand(1.0), terms(lead=4, review=1), here)
    assert bool(plan.orders.triggered[0]) is ordered
    assert (quantity(plan) > 0) is ordered


def test_quantities_come_in_multiples_and_at_least_the_moq() -> None:
    base = terms(lead=4, review=1)
    assert quantity(plan_orders(demand(1.0), base, position(0))) == 10
    assert quantity(plan_orders(demand(1.0), terms(lead=4, review=1, multiple=8), position(0))) == 16
    assert quantity(plan_orders(demand(1.0), terms(lead=4, review=1, moq=30), position(0))) == 30
    assert quantity(plan_orders(demand(1.0), terms(lead=4, review=1, moq=30, multiple=8), position(0))) == 32


def test_max_stock_cuts_to_whole_packs_and_an_order_that_cannot_fit_is_flagged() -> None:
    cut = plan_orders(demand(1.0), terms(lead=4, review=1, multiple=4, max_stock=9), position(0))
    assert (quantity(cut), bool(cut.orders.over_max[0])) == (8, False)
    tight = plan_orders(demand(1.0), terms(lead=4, review=1, moq=20, max_stock=9), position(0))
    assert (quantity(tight), bool(tight.orders.over_max[0])) == (20, True)
    assert reason_of(figures_of(tight, 0)) == "over_max_stock"


def test_an_item_that_never_sold_is_not_ordered_because_it_is_at_zero() -> None:
    assert quantity(plan_orders(demand(0.0), terms(), position(0))) == 0
    assert quantity(plan_orders(demand(0.0), terms(reorder_point=0), position(0))) == 0
    assert quantity(plan_orders(demand(0.0), terms(), position(0, backordered=3))) == 4, "owed 3, one on the shelf"


def test_a_manual_reorder_point_is_a_floor_in_auto_and_the_law_in_manual() -> None:
    auto = plan_orders(demand(1.0), terms(lead=4, review=1, reorder_point=40), position(35))
    assert (auto.levels.reorder_point[0], quantity(auto)) == (40, 6)
    low = plan_orders(demand(1.0), terms(lead=4, review=1, reorder_point=2), position(5))
    assert (low.levels.reorder_point[0], quantity(low)) == (9, 5)
    manual = plan_orders(demand(1.0), terms(Mode.MANUAL, lead=4, review=1, reorder_point=2), position(5))
    assert (manual.levels.reorder_point[0], quantity(manual)) == (2, 0)


def test_manual_minimum_and_maximum_need_no_history() -> None:
    plan = plan_orders(demand(0.0), terms(Mode.MANUAL, reorder_point=10, max_stock=50), position(10))
    assert quantity(plan) == 40


def test_manual_safety_stock_is_a_floor_for_the_buffer() -> None:
    plan = plan_orders(demand(1.0), terms(lead=4, review=1, safety_stock=20), position(0))
    assert plan.levels.reorder_point.tolist() == [25]


def test_do_not_replenish_means_nothing_at_all() -> None:
    plan = plan_orders(demand(50.0), terms(Mode.NONE, reorder_point=99), position(0, backordered=5))
    assert quantity(plan) == 0
    assert not plan.orders.triggered[0]


@pytest.mark.parametrize(
    ("available", "priority"),
    [
        (60, Priority.URGENT),
        (80, Priority.HIGH),
        (110, Priority.MEDIUM),
        (170, Priority.LOW),
        (0, Priority.URGENT),
    ],
)
def test_priority_is_days_of_cover_against_the_lead_time(available: int, priority: Priority) -> None:
    """10 a day, delivery 9 days, review 7: 6 days of cover, 8, 11, 17 and none."""
    plan = plan_orders(demand(10.0), terms(reorder_point=500), position(available))
    assert plan.orders.priority.tolist() == [priority]
    assert plan.orders.days_of_cover[0] == pytest.approx(available / 10)


def test_an_item_without_demand_is_never_urgent() -> None:
    plan = plan_orders(demand(0.0), terms(reorder_point=5), position(0))
    assert (plan.orders.priority[0], quantity(plan) > 0) == (Priority.LOW, True)


def test_the_box_reads_as_people_do_the_sum() -> None:
    """51 a day for 9 + 7 days, packs of 48; 312 here and 96 on their way."""
    plan = plan_orders(demand(51.0, 22.0), terms(lead_sd=2.0, level=0.97, multiple=48), position(312, in_transit=96))
    lines = explain(figures_of(plan, 0))
    keys = [(line.key, line.sign) for line in lines]
    assert keys == [
        ("expected_demand", 1),
        ("buffer", 1),
        ("order_lot", 1),
        ("available", -1),
        ("in_transit", -1),
        ("order_multiple", 1),
    ]
    amounts = {line.key: line.amount for line in lines}
    assert (amounts["expected_demand"], amounts["order_lot"]) == (816, 357)
    assert total_of(lines) == quantity(plan)
    assert quantity(plan) % 48 == 0
    assert lines[0].facts == {"daily_mean": 51.0, "daily_sd": 22.0, "lead_days": 9.0, "review_days": 7.0}
    assert lines[-1].facts == {"order_multiple": 48, "packs": quantity(plan) // 48}


def test_a_pair_that_needs_nothing_explains_itself_too() -> None:
    figures = figures_of(plan_orders(demand(1.0), terms(lead=4, review=1), position(50)), 0)
    lines = explain(figures)
    assert lines[-1].key == "no_order"
    assert lines[-1].facts == {"reorder_point": 9, "position": 50, "mode": "AUTO"}
    assert total_of(lines) == 0


units = st.integers(0, 5_000)
optional_units = st.one_of(st.just(UNSET), st.integers(0, 2_000))
random_terms = st.builds(
    terms,
    st.sampled_from(list(Mode)),
    lead=st.floats(0, 90),
    lead_sd=st.floats(0, 20),
    review=st.floats(0, 30),
    level=st.floats(0.01, 0.995),
    order_cost=st.floats(0, 200),
    unit_cost=st.floats(0, 500),
    moq=st.integers(1, 500),
    multiple=st.integers(1, 144),
    reorder_point=optional_units,
    safety_stock=optional_units,
    max_stock=optional_units,
)
random_demand = st.builds(demand, st.floats(0, 200), st.floats(0, 300))
random_position = st.builds(position, units, units, units, units)


@settings(max_examples=400)
@given(random_demand, random_terms, random_position)
def test_whatever_the_figures_the_order_is_one_a_supplier_takes_and_the_sum_is_right(
    forecast: DemandForecast, ask: Terms, here: Position
) -> None:
    plan = plan_orders(forecast, ask, here)
    order, levels = quantity(plan), plan.levels
    moq, multiple = int(ask.moq[0]), int(ask.order_multiple[0])
    before, limit = int(here.units[0]), int(ask.max_stock[0])
    assert total_of(explain(figures_of(plan, 0))) == order
    assert order >= 0
    if order == 0:
        return
    assert order % multiple == 0
    assert order >= moq
    assert before <= levels.reorder_point[0] or before < 0
    assert ask.mode[0] != Mode.NONE
    if limit != UNSET:
        assert before + order <= limit or plan.orders.over_max[0]
        assert order <= max(levels.order_up_to[0] - before, moq) + multiple
    else:
        assert before + order >= levels.order_up_to[0], "ordered up to the target"
    one_pack_less = before + max(order - multiple, 0)
    assert one_pack_less < levels.order_up_to[0] or order < moq + multiple, "no pack too many"


@settings(max_examples=100)
@given(random_demand, random_terms, random_position)
def test_ordering_settles_the_matter_until_something_is_sold(
    forecast: DemandForecast, ask: Terms, here: Position
) -> None:
    first = plan_orders(forecast, ask, here)
    after = Position(here.available, here.in_transit + first.orders.quantity, here.approved, here.backordered)
    again = quantity(plan_orders(forecast, ask, after))
    limited = int(ask.max_stock[0]) != UNSET
    assert again == 0 or limited, "a second run orders nothing"


def test_many_pairs_get_what_each_would_get_alone() -> None:
    rng = np.random.default_rng(8)
    n = 300
    many = Terms(
        mode=rng.integers(0, 3, n).astype(np.int8),
        lead_days=rng.uniform(0, 40, n),
        lead_days_sd=rng.uniform(0, 5, n),
        review_days=rng.uniform(0, 9, n),
        cycle_service_level=rng.uniform(0.5, 0.99, n),
        order_cost=rng.uniform(0, 30, n),
        holding_rate_per_year=rng.uniform(0, 1, n),
        unit_cost=rng.uniform(0, 9, n),
        moq=rng.integers(1, 60, n),
        order_multiple=rng.integers(1, 24, n),
        manual_reorder_point=rng.integers(UNSET, 90, n),
        manual_safety_stock=rng.integers(UNSET, 40, n),
        max_stock=rng.integers(UNSET, 400, n),
    )
    ones = np.ones(n)
    forecast = DemandForecast(
        rng.gamma(0.5, 4, n),
        rng.gamma(1, 9, n),
        rng.gamma(1, 0.01, n),
        ones * 0,
        np.zeros(n, np.int8),
        np.full(n, 365),
        np.zeros(n, np.int64),
    )
    here = Position(*(rng.integers(0, 60, n) for _ in range(4)))
    together = plan_orders(forecast, many, here)
    for row in range(n):
        one = slice(row, row + 1)
        alone = plan_orders(
            forecast.rows(one),
            Terms(*(getattr(many, name)[one] for name in Terms.__slots__)),
            Position(*(getattr(here, name)[one] for name in Position.__slots__)),
        )
        assert figures_of(together, row) == figures_of(alone, 0)
