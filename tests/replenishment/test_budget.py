"""Quantities under limits: never over them, never far from the best, and the bound is one."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from bench.planning.budget import limits_of, lines_of
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.replenishment.budget import Choices, Limits, choose_within
from holdfast.replenishment.candidates import Need, candidate_quantities, price_at, worth_of
from holdfast.replenishment.fill_rate import Waits


def best_by_milp(choices: Choices, limits: Limits) -> float:
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_matrix, vstack

    lines, candidates = choices.benefit.shape
    exists = np.isfinite(choices.benefit)
    column = np.arange(lines * candidates)
    one_each = csr_matrix((np.ones(column.size), (column // candidates, column)))
    uses = csr_matrix(choices.uses.reshape(column.size, -1).T)
    constraint = LinearConstraint(
        vstack([one_each, uses]), np.r_[np.ones(lines), np.full(limits.capacity.size, -np.inf)],
        np.r_[np.ones(lines), limits.capacity],
    )  # fmt: skip
    found = milp(
        -np.where(exists, choices.benefit, 0.0).ravel(),
        constraints=constraint,
        integrality=np.ones(column.size),
        bounds=Bounds(0, exists.ravel().astype(float)),
        options={"mip_rel_gap": 1e-5, "time_limit": 20},
    )
    return float(-found.fun)


@pytest.mark.parametrize("count", [60, 600])
def test_the_choice_is_as_good_as_an_exact_solver_finds(count: int) -> None:
    choices = lines_of(count)
    limits = limits_of(choices)
    chosen = choose_within(choices, limits)
    exact = best_by_milp(choices, limits)
    assert (chosen.used <= limits.capacity * (1 + 1e-9)).all()
    assert chosen.value >= exact * 0.995
    assert chosen.bound >= exact - 1e-6 * exact


@st.composite
def small_problems(draw: st.DrawFn) -> tuple[Choices, Limits]:
    lines, candidates, limits = draw(st.integers(1, 5)), draw(st.integers(2, 4)), draw(st.integers(1, 3))
    number = st.integers(-3, 20)
    benefit = np.array(draw(st.lists(number, min_size=lines * candidates, max_size=lines * candidates)), np.float64)
    size = lines * candidates * limits
    uses = np.array(draw(st.lists(st.integers(0, 9), min_size=size, max_size=size)), np.float64)
    benefit, uses = benefit.reshape(lines, candidates), uses.reshape(lines, candidates, limits)
    benefit[:, 0], uses[:, 0] = 0.0, 0.0
    capacity = np.array(draw(st.lists(st.sampled_from([0, 3, 9, 20, np.inf]), min_size=limits, max_size=limits)))
    group = np.array(draw(st.lists(st.integers(0, 1), min_size=lines, max_size=lines)))
    return Choices(benefit, uses, group=group, value=uses[:, :, 0]), Limits(capacity.astype(np.float64))


@given(problem=small_problems())
@settings(max_examples=150, deadline=None)
def test_limits_hold_and_the_bound_is_never_below_the_best(problem: Any) -> None:
    choices, limits = problem
    chosen = choose_within(choices, limits)
    assert (chosen.used <= limits.capacity + 1e-9).all()
    lines, candidates = choices.benefit.shape
    best = -np.inf
    for choice in product(range(candidates), repeat=lines):
        picked = choices.uses[np.arange(lines), choice].sum(axis=0)
        if (picked <= limits.capacity + 1e-9).all():
            best = max(best, float(choices.benefit[np.arange(lines), choice].sum()))
    assert chosen.value <= best + 1e-9 <= chosen.bound + 1e-6
    assert chosen.value >= 0


@given(problem=small_problems(), least=st.integers(1, 15))
@settings(max_examples=100, deadline=None)
def test_an_order_reaches_the_minimum_value_or_is_not_made(problem: Any, least: int) -> None:
    choices, limits = problem
    asked = Limits(limits.capacity, min_value=np.array([least, 0], np.float64))
    chosen = choose_within(choices, asked)
    assert choices.value is not None
    picked = choices.value[np.arange(choices.benefit.shape[0]), chosen.choice]
    first = picked[choices.group == 0].sum()
    assert first == 0 or first >= least - 1e-9
    assert (chosen.used <= limits.capacity + 1e-9).all()


def test_a_limit_of_one_supplier_binds_only_its_lines() -> None:
    benefit = np.array([[0.0, 5.0], [0.0, 5.0]])
    uses = np.ones((2, 2, 1))
    uses[:, 0] = 0
    limits = Limits(np.array([0.0]), group_of_limit=np.array([1]))
    chosen = choose_within(Choices(benefit, uses, group=np.array([0, 1])), limits)
    assert chosen.choice.tolist() == [1, 0]


def test_without_a_binding_limit_every_line_gets_its_best_and_prices_are_nought() -> None:
    choices = lines_of(50)
    chosen = choose_within(choices, Limits(np.array([np.inf, 1e12])))
    assert chosen.choice.tolist() == np.argmax(choices.benefit, axis=1).tolist()
    assert chosen.prices.tolist() == [0.0, 0.0]
    assert chosen.gap_share < 1e-12


def test_the_price_of_a_limit_is_what_a_little_more_of_it_brings() -> None:
    choices = lines_of(4_000)
    limits = limits_of(choices)
    tight = choose_within(choices, limits)
    more = choose_within(choices, Limits(limits.capacity * np.array([1.02, 1.0])))
    expected = tight.prices[0] * limits.capacity[0] * 0.02
    assert more.value - tight.value == pytest.approx(expected, rel=0.15)
    assert (tight.relaxed > 0).all()


def need(**changes: Any) -> Need:
    one = np.ones(1)
    base: dict[str, Any] = {
        "waits": Waits(one * 8, one * 16, one * 10, one * 20),
        "position": np.array([4]),
        "wanted": np.array([12]),
        "moq": np.array([5]),
        "multiple": np.array([5]),
        "room": np.array([100]),
        "margin": one * 3,
        "holding": one * 0.01,
        "ordering": one * 2,
        "protection": one * 5,
        "break_from": np.array([[0.0, 40.0]]),
        "unit_price": np.array([[2.0, 1.8]]),
    }
    return Need(**{**base, **changes})


def test_candidates_are_whole_packs_from_the_minimum_to_the_price_break() -> None:
    found = candidate_quantities(need())[0]
    assert found[found >= 0].tolist() == [0, 5, 10, 15, 20, 40]
    assert candidate_quantities(need(room=np.array([12])))[0].max() == 10


def test_all_units_get_the_price_of_the_bracket_reached() -> None:
    n = need()
    assert price_at(np.array([[0, 39, 40, 60]]), n.break_from, n.unit_price).tolist() == [[2.0, 2.0, 1.8, 1.8]]


def test_the_worth_of_an_order_counts_sales_saved_first_and_what_is_left_after() -> None:
    n = need()
    quantity = np.array([[0, 5, 10, 40, 400]])
    worth = worth_of(n, quantity)[0]
    assert worth[0] == 0
    assert worth[2] > worth[1] > 0
    assert worth[4] < worth[3], "nobody needs a year of stock"
    assert worth_of(need(ordering=np.array([50.0])), quantity)[0][1] < 0
    waiting = worth_of(need(position=np.array([-6])), quantity)[0]
    assert waiting[1] > worth[1], "customers who wait are served first"


def test_what_reaches_the_minimum_is_not_lowered_again() -> None:
    """Line 0 is worth 1 at a value of 1, which is below the minimum of 2; line 1 is worth 1 and costs nothing."""
    benefit = np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    uses = np.array([[[0.0], [1.0], [2.0]], [[0.0], [0.0], [0.0]]])
    choices = Choices(benefit, uses, group=np.zeros(2, np.int64), value=uses[:, :, 0])
    chosen = choose_within(choices, Limits(np.array([3.0]), min_value=np.array([2.0])))
    assert chosen.used.tolist() == [2.0]
