"""The choice behind a grouping: whatever is asked, no limit and no minimum is broken, and the bound is one."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.replenishment.fill_rate import Waits
from holdfast.replenishment.grouping import Asked, Room, group_lines, saved_sales


@st.composite
def problems(draw: st.DrawFn) -> tuple[Asked, list[Room], np.ndarray[Any, Any]]:
    count, orders = draw(st.integers(1, 8)), draw(st.integers(1, 3))

    def whole(low: int, high: int) -> np.ndarray[Any, Any]:
        return np.array(draw(st.lists(st.integers(low, high), min_size=count, max_size=count)), np.int64)

    mean = whole(1, 40).astype(np.float64)
    price = whole(1, 9).astype(np.float64)
    multiple, moq = whole(1, 6), whole(1, 12)
    wanted = -(-np.maximum(whole(1, 60), moq) // multiple) * multiple
    asked = Asked(
        waits=Waits(mean / 2, mean, mean, mean * 2),
        position=whole(-5, 40),
        wanted=wanted,
        moq=moq,
        multiple=multiple,
        margin=price * 0.4,
        early=np.zeros(count),
        break_from=np.stack([np.zeros(count), wanted * 0.6], axis=1),
        unit_price=np.stack([price, price * 0.9], axis=1),
        per_unit=np.stack([whole(0, 4), whole(0, 2), whole(0, 1)], axis=1).astype(np.float64),
        order=whole(0, orders - 1),
        is_filler=np.arange(count) >= count - draw(st.integers(0, 2)),
    )
    rooms = [
        Room(draw(st.integers(0, 3)), np.array(draw(st.lists(st.booleans(), min_size=orders, max_size=orders))), left)
        for left in draw(st.lists(st.sampled_from([0.0, 7.0, 30.0, 90.0, 400.0]), max_size=4))
    ]
    minimum = np.array(draw(st.lists(st.sampled_from([0.0, 0.0, 20.0, 150.0]), min_size=orders, max_size=orders)))
    return asked, rooms, minimum


@given(problem=problems())
@settings(max_examples=150, deadline=None)
def test_no_order_breaks_a_limit_or_a_minimum_and_none_is_more_than_wanted(problem: Any) -> None:
    asked, rooms, minimum = problem
    found = group_lines(asked, rooms, minimum)
    assert (found.quantity <= asked.wanted).all()
    ordered = found.quantity > 0
    assert (found.quantity[ordered] >= np.minimum(asked.moq, asked.wanted)[ordered]).all()
    assert (found.quantity[ordered] % asked.multiple[ordered] == 0).all()
    per = np.concatenate([found.cost[:, None], found.quantity[:, None] * asked.per_unit], axis=1)
    for room in rooms:
        assert per[room.orders[asked.order], room.measure].sum() <= room.left + 1e-6
    value = np.bincount(asked.order, found.cost, minlength=minimum.size)
    assert ((value == 0) | (value >= minimum - 1e-6)).all()
    assert found.value <= found.bound + 1e-6
    due = np.bincount(asked.order, np.where(asked.is_filler, 0, asked.wanted * asked.unit_price[:, 0]), minlength=3)
    for line in np.flatnonzero(asked.is_filler & ordered):
        assert due[asked.order[line]] * 1.0 < minimum[asked.order[line]] / 0.9 + 1e-6, "filled up without need"


def test_what_sells_out_before_an_order_can_arrive_is_lost_whatever_is_ordered() -> None:
    """10 a day, 7 days until delivery and 7 until the next: only the second week's 70 can be saved, after who waits."""
    one = np.ones(2)
    asked = Asked(
        waits=Waits(70 * one, 70 * one, 140 * one, 140 * one),
        position=np.array([0, -5]),
        wanted=np.array([140, 140]),
        moq=np.array([1, 1]),
        multiple=np.array([1, 1]),
        margin=2 * one,
        early=0 * one,
        break_from=np.zeros((2, 1)),
        unit_price=np.ones((2, 1)),
        per_unit=np.zeros((2, 3)),
        order=np.array([0, 0]),
        is_filler=np.zeros(2, np.bool_),
    )
    few, half, whole = saved_sales(asked, np.array([[5, 70, 140], [5, 75, 145]])).T
    assert few[1] == 10.0
    assert 2 * 63 < half[0] < whole[0] < 2 * 71
    assert abs(whole[1] - whole[0] - 10.0) < 0.01
