"""The search against brute force: every way to split an order, and every set of warehouses."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.allocation.criteria import CRITERIA, STRATEGIES, digits_of, figures_of
from holdfast.allocation.distance import Distance
from holdfast.allocation.model import Candidate, Plan, Shelf, Strategy, Takes, Wanted, coverable, for_sale
from holdfast.allocation.planning import plan_order
from holdfast.allocation.problem import state
from holdfast.allocation.search import search

SKUS = ("TEA", "CUP", "JAR", "POT")
AREAS = (None, ("CN", "SOUTH"), ("CN", "NORTH"), ("DE", ""))

shelves = st.builds(Shelf, available=st.integers(0, 4), keep=st.integers(0, 3), soon=st.integers(0, 3))


@st.composite
def candidates(draw: st.DrawFn, least: int, most: int) -> list[Candidate]:
    return [
        Candidate(
            f"W{n:02}",
            draw(st.dictionaries(st.sampled_from(SKUS), shelves)),
            Distance(draw(st.sampled_from([0, 30_000, 70_000, 120_000])), "coordinates"),
            draw(st.sampled_from([50, 100, 101])),
            area := draw(st.sampled_from(AREAS)),
            is_home=area == AREAS[1],
            is_abroad=area == AREAS[3],
        )
        for n in range(draw(st.integers(least, most)))
    ]


def orders(lines_max: int) -> st.SearchStrategy[list[Wanted]]:
    lines = st.builds(Wanted, st.sampled_from(SKUS), st.integers(1, 5))
    return st.lists(lines, min_size=1, max_size=lines_max, unique_by=lambda w: w.sku)


def any_strategy() -> st.SearchStrategy[Strategy]:
    """Any criteria in any order, not only those on offer."""
    some = st.lists(st.sampled_from(sorted(CRITERIA)), unique=True).map(tuple)
    free = st.builds(Strategy, st.just("any"), some, st.sampled_from([1, 50, 100]), st.booleans())
    return st.sampled_from(list(STRATEGIES.values())) | free


def score(places: list[Candidate], strategy: Strategy, takes: Takes) -> tuple[int, ...]:
    figures = figures_of(places, strategy, takes)
    return tuple(figures[criterion.name] for criterion in digits_of(strategy))


def takes_of(plan: Plan) -> dict[tuple[str, str], int]:
    return {(line.sku, take.code): take.quantity for line in plan.lines for take in line.takes}


def splits(need: int, caps: list[int]) -> Iterator[tuple[int, ...]]:
    if not caps:
        if need == 0:
            yield ()
        return
    for first in range(min(need, caps[0]) + 1):
        for rest in splits(need - first, caps[1:]):
            yield (first, *rest)


def every_plan(wanted: list[Wanted], places: list[Candidate], strategy: Strategy) -> Iterator[Takes]:
    choices = [
        list(splits(coverable(w, places, strategy), [for_sale(c, w.sku, strategy) for c in places])) for w in wanted
    ]
    for chosen in product(*choices):
        yield {
            (w.sku, place.code): quantity
            for w, quantities in zip(wanted, chosen, strict=True)
            for place, quantity in zip(places, quantities, strict=True)
            if quantity
        }


@settings(max_examples=100, deadline=None)
@given(orders(2), candidates(1, 4), any_strategy())
def test_no_split_of_an_order_is_better_than_the_plan(
    wanted: list[Wanted], places: list[Candidate], strategy: Strategy
) -> None:
    plan = plan_order(wanted, places, strategy)
    best = min(score(places, strategy, takes) for takes in every_plan(wanted, places, strategy))
    assert score(places, strategy, takes_of(plan)) == best
    assert plan.is_optimal


@settings(max_examples=40, deadline=None)
@given(orders(3), candidates(5, 12), any_strategy())
def test_no_set_of_up_to_twelve_warehouses_is_better(
    wanted: list[Wanted], places: list[Candidate], strategy: Strategy
) -> None:
    problem = state(wanted, places, strategy)
    every_set = (chosen for chosen in range(1 << len(places)) if problem.covers(problem.stock_of(chosen)))
    best = min(problem.cost_of(chosen)[0] for chosen in every_set)
    assert search(problem, problem.everyone, nodes_max=None).cost == best


@settings(max_examples=50, deadline=None)
@given(orders(4), candidates(1, 16), any_strategy(), st.integers(0, 10))
def test_a_plan_is_whole_units_within_what_is_there_and_covers_what_can_be_covered(
    wanted: list[Wanted], places: list[Candidate], strategy: Strategy, nodes_max: int
) -> None:
    plan = plan_order(wanted, places, strategy, nodes_max=nodes_max)
    by_code = {c.code: c for c in places}
    for line, w in zip(plan.lines, wanted, strict=True):
        assert line.allocated == coverable(w, places, strategy)
        assert all(0 < take.quantity <= for_sale(by_code[take.code], w.sku, strategy) for take in line.takes)
        assert len({take.code for take in line.takes}) == len(line.takes)


def line_by_line(wanted: list[Wanted], places: list[Candidate], strategy: Strategy, by: str) -> Takes:
    """The usual router: each line on its own, from the nearest (or the highest priority) on."""
    takes: dict[tuple[str, str], int] = {}
    for w in wanted:
        need = coverable(w, places, strategy)
        for place in sorted(places, key=lambda c: c.distance.metres if by == "distance" else -c.priority):
            quantity = min(need, for_sale(place, w.sku, strategy))
            if quantity:
                takes[w.sku, place.code] = quantity
                need -= quantity
    return takes


@settings(max_examples=60, deadline=None)
@given(orders(4), candidates(13, 16), any_strategy(), st.integers(0, 10))
def test_beyond_the_exact_size_a_plan_is_never_worse_than_greedy(
    wanted: list[Wanted], places: list[Candidate], strategy: Strategy, nodes_max: int
) -> None:
    ours = score(places, strategy, takes_of(plan_order(wanted, places, strategy, nodes_max=nodes_max)))
    for by in ("distance", "priority"):
        assert ours <= score(places, strategy, line_by_line(wanted, places, strategy, by))


@settings(max_examples=40, deadline=None)
@given(orders(3), candidates(1, 16), any_strategy(), st.randoms())
def test_a_plan_does_not_depend_on_the_order_in_which_warehouses_are_given(
    wanted: list[Wanted], places: list[Candidate], strategy: Strategy, random: Random
) -> None:
    shuffled = list(places)
    random.shuffle(shuffled)
    assert plan_order(wanted, shuffled, strategy) == plan_order(wanted, places, strategy)


@settings(max_examples=40, deadline=None)
@given(orders(3), candidates(1, 8), any_strategy())
def test_every_reason_is_true(wanted: list[Wanted], places: list[Candidate], strategy: Strategy) -> None:
    """Without the warehouse the line is short, or the order is worse by the criterion that is named."""
    plan = plan_order(wanted, places, strategy)
    names = [criterion.name for criterion in digits_of(strategy)]
    for line in plan.lines:
        for take in line.takes:
            others = [c for c in places if c.code != take.code]
            enough = sum(for_sale(c, line.sku, strategy) for c in others) >= line.allocated
            assert (take.reason.code == "only_here") == (not enough)
            if take.reason.code in names:
                assert take.reason.here is not None
                assert take.reason.elsewhere is not None
                assert take.reason.here < take.reason.elsewhere
                assert take.reason.here == plan.figures[take.reason.code]
                assert take.code not in take.reason.instead


def test_huge_quantities_stay_exact() -> None:
    most = 1_000_000_000
    places = [Candidate("A", {"TEA": Shelf(most)}), Candidate("B", {"TEA": Shelf(most)})]
    plan = plan_order([Wanted("TEA", 2 * most)], places, STRATEGIES["priority"])
    assert takes_of(plan) == {("TEA", "A"): most, ("TEA", "B"): most}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_stock_anywhere_is_an_empty_plan(strategy: str) -> None:
    plan = plan_order([Wanted("TEA", 1)], [Candidate("A", {"CUP": Shelf(1)})], STRATEGIES[strategy])
    assert (takes_of(plan), plan.is_complete) == ({}, False)
