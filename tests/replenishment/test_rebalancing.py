"""Transfers before purchases: what can be spared, where it is cheaper, never twice."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.replenishment.rebalancing import Demands, Lanes, lanes_of_hierarchy, plan_transfers

# 0 main; 1 and 2 regional below it; 3 local below 1.
PARENT = np.array([-1, 0, 0, 1])


def demands(*rows: tuple[int, int, int], price: float = 10.0, days: float = 14.0, shortage: float = 0.0) -> Demands:
    sku, warehouse, units = (np.array(column) for column in zip(*rows, strict=True))
    full = np.ones(len(rows))
    return Demands(sku, warehouse, units, full * price, full * days, full * shortage)


def lanes(**changes: float) -> Lanes:
    return lanes_of_hierarchy(PARENT, **{"unit_cost": 1.0, "line_cost": 5.0, "days": 2.0, **changes})


def told(moves: Any) -> list[tuple[int, int, int]]:
    return list(zip(moves.need.tolist(), moves.source.tolist(), moves.units.tolist(), strict=True))


def test_lanes_join_parents_children_and_siblings() -> None:
    ways = lanes()
    assert sorted(zip(ways.source.tolist(), ways.target.tolist(), strict=True)) == [
        (0, 1), (0, 2), (1, 0), (1, 2), (1, 3), (2, 0), (2, 1), (3, 1),
    ]  # fmt: skip


def test_what_another_warehouse_can_spare_is_not_bought() -> None:
    spare = np.array([[0, 0, 30, 0]])
    assert told(plan_transfers(demands((0, 1, 20)), spare, lanes())) == [(0, 2, 20)]
    assert told(plan_transfers(demands((0, 3, 20)), spare, lanes())) == [], "no lane from 2 to 3"


def test_a_way_dearer_than_buying_is_not_gone() -> None:
    spare = np.array([[30, 0, 0, 0]])
    assert told(plan_transfers(demands((0, 1, 20), price=0.9), spare, lanes())) == []
    assert told(plan_transfers(demands((0, 1, 20), price=1.2), spare, lanes())) == [], "4.0 does not cover the line"
    assert told(plan_transfers(demands((0, 1, 20), price=1.2, shortage=3.0), spare, lanes())) == [(0, 0, 20)]


def test_two_in_need_share_what_is_there_the_dearer_first() -> None:
    spare = np.array([[25, 0, 0, 0]])
    both = Demands(np.array([0, 0]), np.array([1, 2]), np.array([20, 20]), np.array([10.0, 12.0]), *(np.zeros(2),) * 2)
    assert told(plan_transfers(both, spare, lanes(days=0.0))) == [(1, 0, 20), (0, 0, 5)]


def test_only_whole_packs_travel() -> None:
    spare = np.array([[25, 0, 0, 0]])
    assert told(plan_transfers(demands((0, 1, 20)), spare, lanes(), multiple=np.array([12]))) == [(0, 0, 12)]


@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_nothing_is_spared_twice_and_no_need_is_overfilled(data: st.DataObject) -> None:
    number = st.integers(0, 20)
    spare = np.array(data.draw(st.lists(number, min_size=8, max_size=8))).reshape(2, 4)
    pairs = data.draw(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3)), min_size=1, max_size=8, unique=True))
    wants = demands(*[(sku, at, data.draw(number)) for sku, at in pairs])
    moves = plan_transfers(wants, spare, lanes())
    taken = np.zeros((2, 4), np.int64)
    np.add.at(taken, (wants.sku[moves.need], moves.source), moves.units)
    assert (taken <= spare).all()
    filled = np.bincount(moves.need, moves.units, minlength=len(pairs))
    assert (filled <= wants.units).all()
    assert (moves.gain > 0).all()
