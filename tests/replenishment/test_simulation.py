"""The simulator: every unit is accounted for, nothing looks ahead, and the order of a day is what it says."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.replenishment.simulation import (
    Market,
    OrderLevels,
    Replay,
    Seen,
    Supply,
    draw_lead_times,
    fixed,
    scheduled,
    simulate,
)


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


def one_series(demand: list[int], *, opening: int, lead: int = 2) -> Market:
    return Market(np.array([demand]), np.array([[lead]]), ints(opening))


def any_supply(series: int = 1, **changes: Any) -> Supply:
    one = np.ones(series, np.int64)
    return replace(Supply(moq=one, multiple=one, review=one), **changes)


def test_an_order_arrives_its_lead_time_after_the_next_morning() -> None:
    # Day 0 ends with 5 <= 6: order 5 up to 10. Lead time 2: days 1 and 2 pass, it is there on day 3.
    replay = simulate(one_series([5, 2, 3, 4], opening=10), any_supply(), fixed(OrderLevels(ints(6), ints(10))))
    assert (replay.sold[0], replay.lost[0], replay.received[0]) == (14, 0, 5)
    replay = simulate(one_series([5, 2, 4, 4], opening=10), any_supply(), fixed(OrderLevels(ints(6), ints(10))))
    assert (replay.sold[0], replay.lost[0], replay.short_periods[0]) == (14, 1, 1)


def test_lead_time_nought_means_tomorrow_morning() -> None:
    replay = simulate(one_series([4, 4, 4], opening=4, lead=0), any_supply(), fixed(OrderLevels(ints(3), ints(4))))
    assert (replay.sold[0], replay.lost[0], replay.orders[0]) == (12, 0, 3)


def test_with_waiting_customers_a_delivery_serves_them_first() -> None:
    market = one_series([5, 5, 0, 0], opening=5, lead=1)
    replay = simulate(market, any_supply(), fixed(OrderLevels(ints(0), ints(3))), backorders=True)
    # Day 0: 5 sold, 3 ordered for day 2. Day 1: 5 wait, position -2, 5 more for day 3. Both serve the waiting.
    assert (replay.late[0], replay.waiting[0], replay.sold[0], replay.closing[0]) == (5, 0, 10, 3)


@pytest.mark.parametrize(("moq", "multiple", "ordered"), [(1, 1, 7), (1, 6, 12), (10, 1, 10), (10, 6, 12), (0, 1, 7)])
def test_orders_are_whole_packs_and_at_least_the_minimum(moq: int, multiple: int, ordered: int) -> None:
    supply = any_supply(moq=ints(moq), multiple=ints(multiple))
    replay = simulate(one_series([7], opening=10), supply, fixed(OrderLevels(ints(5), ints(10))))
    assert replay.ordered[0] == ordered


def test_orders_leave_only_when_a_review_is_due() -> None:
    supply = any_supply(review=ints(3))
    replay = simulate(one_series([1] * 6, opening=9), supply, fixed(OrderLevels(ints(99), ints(100))))
    assert replay.orders[0] == 2


def test_goods_past_their_shelf_life_are_thrown_away_oldest_first() -> None:
    # 10 on hand keep 2 days: 1 is sold each day, 8 are thrown away at the end of day 1.
    supply = any_supply(shelf_life=ints(2))
    replay = simulate(one_series([1, 1, 1], opening=10), supply, fixed(OrderLevels(ints(-1), ints(0))))
    assert (replay.wasted[0], replay.sold[0], replay.lost[0], replay.closing[0]) == (8, 2, 1, 0)


def test_units_on_order_before_the_start_arrive_and_count_in_the_position() -> None:
    market = replace(one_series([3, 3, 3], opening=3), inbound=ints(0, 6)[None, :])
    replay = simulate(market, any_supply(), fixed(OrderLevels(ints(2), ints(4))))
    # Day 0 ends with position 6, day 1 with 3; only at the end of day 2 is it 0.
    assert (replay.lost[0], replay.orders[0], replay.ordered[0]) == (0, 1, 4)


def test_censored_demand_shows_sales_only_and_says_so() -> None:
    heard: list[Seen] = []

    def listen(seen: Seen) -> OrderLevels:
        heard.append(seen)
        return OrderLevels(ints(-1), ints(0))

    simulate(one_series([3, 9, 1], opening=10), any_supply(), listen, censored=True)
    assert heard[-1].demand.tolist() == [[3, 7, 0]]
    assert heard[-1].observed.tolist() == [[True, False, False]]


def test_the_first_orders_take_the_same_lead_times_whatever_the_policy() -> None:
    lead = draw_lead_times(np.array([9.0, 3.0]), np.array([3.0, 0.0]), seed=4)
    assert (lead[1] == 3).all()
    assert np.array_equal(lead, draw_lead_times(np.array([9.0, 3.0]), np.array([3.0, 0.0]), seed=4))
    assert np.array_equal(lead[:1], draw_lead_times(np.array([9.0]), np.array([3.0]), seed=4))
    assert not np.array_equal(lead[:1], draw_lead_times(np.array([9.0]), np.array([3.0]), seed=5))


def test_drawn_lead_times_have_the_asked_mean_and_spread() -> None:
    lead = draw_lead_times(np.full(200, 20.0), np.full(200, 6.0), seed=1)
    assert abs(lead.mean() - 20.0) < 0.2
    assert abs(lead.std() - 6.0) < 0.2


small = st.integers(0, 12)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Market, Supply, dict[int, OrderLevels]]:
    series, periods = draw(st.integers(1, 3)), draw(st.integers(1, 12))

    def table(*shape: int, low: int = 0, high: int = 12) -> Any:
        size = int(np.prod(shape))
        values = draw(st.lists(st.integers(low, high), min_size=size, max_size=size))
        return np.array(values, np.int64).reshape(shape)

    market = Market(
        table(series, periods), table(series, 4, high=4), table(series), draw(st.sampled_from([None, table(series, 3)]))
    )
    shelf = draw(st.sampled_from([None, table(series, low=1, high=6)]))
    supply = Supply(table(series), table(series, low=1), table(series, low=1, high=3), shelf)
    levels = {
        when: OrderLevels(table(series), table(series, high=40)) for when in [-1, *draw(st.sets(st.integers(0, 11)))]
    }
    return market, supply, levels


@given(world=worlds(), backorders=st.booleans(), censored=st.booleans())
@settings(max_examples=150, deadline=None)
def test_no_unit_appears_or_disappears(world: Any, backorders: bool, censored: bool) -> None:
    market, supply, levels = world
    replay = simulate(market, supply, scheduled(levels), backorders=backorders, censored=censored)
    supplied = replay.opening + replay.inbound + replay.ordered
    assert (supplied == replay.sold + replay.wasted + replay.closing + replay.in_transit).all()
    assert (replay.opening + replay.received == replay.sold + replay.wasted + replay.closing).all()
    assert (replay.demand == replay.sold + replay.lost + replay.waiting).all()
    assert (replay.closing >= 0).all()
    assert (replay.in_transit >= 0).all()
    assert (replay.lost == 0).all() if backorders else (replay.waiting == 0).all()


@given(world=worlds(), backorders=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_same_world_gives_the_same_replay_and_series_do_not_touch_each_other(world: Any, backorders: bool) -> None:
    market, supply, levels = world
    whole = simulate(market, supply, scheduled(levels), backorders=backorders)
    assert_equal(whole, simulate(market, supply, scheduled(levels), backorders=backorders))
    first = slice(0, 1)
    alone = simulate(
        Market(
            market.demand[first],
            market.lead[first],
            market.opening[first],
            None if market.inbound is None else market.inbound[first],
        ),
        Supply(*(None if part is None else part[first] for part in (getattr(supply, f.name) for f in fields(Supply)))),
        scheduled({when: OrderLevels(x.reorder_point[first], x.order_up_to[first]) for when, x in levels.items()}),
        backorders=backorders,
    )
    assert alone.sold[0] == whole.sold[0]
    assert alone.ordered[0] == whole.ordered[0]


@given(world=worlds(), change=st.integers(0, 11))
@settings(max_examples=60, deadline=None)
def test_what_comes_later_changes_no_order_before(world: Any, change: int) -> None:
    """Orders until the end of period `change` are the same, whatever is demanded afterwards."""
    market, supply, levels = world
    until = min(change, market.periods - 1) + 1
    other = market.demand.copy()
    other[:, until:] = 99

    def orders_of(demand: Any) -> list[Any]:
        told: list[Any] = []

        def levels_from_what_was_seen(seen: Seen) -> OrderLevels:
            told.append((seen.period, seen.demand.sum(axis=1).tolist()))
            base = levels[-1]
            return OrderLevels(base.reorder_point, base.order_up_to + seen.demand.sum(axis=1))

        short = simulate(replace(market, demand=demand), supply, levels_from_what_was_seen)
        cut = simulate(replace(market, demand=demand[:, :until]), supply, levels_from_what_was_seen)
        return [told[: until + 1], cut.ordered.tolist(), short.periods]

    assert orders_of(market.demand) == orders_of(other)


def assert_equal(one: Replay, two: Replay) -> None:
    for field in fields(Replay):
        assert np.array_equal(getattr(one, field.name), getattr(two, field.name)), field.name
