"""Each criterion has a test that flips the result: the same order, one fact changed, another plan."""

from __future__ import annotations

import pytest
from tests.allocation.orders import order, planned, shown, warehouses

from holdfast.allocation.criteria import STRATEGIES
from holdfast.allocation.model import Strategy
from holdfast.allocation.planning import plan_order
from holdfast.allocation.problem import state


def test_one_parcel_goes_before_two_even_from_further_away() -> None:
    near_and_far = """
        GZ  10km TEA=5
        SZ  20km CUP=5
        BJ 900km TEA=5 CUP=5
    """
    assert planned("TEA 1, CUP 1", near_and_far) == "TEA BJ 1, CUP BJ 1"
    without_cups_in_bj = near_and_far.replace("TEA=5 CUP=5", "TEA=5")
    assert planned("TEA 1, CUP 1", without_cups_in_bj) == "TEA GZ 1, CUP SZ 1"


def test_the_nearest_wins_among_equally_few_parcels() -> None:
    assert planned("TEA 1", "GZ 10km TEA=5\nBJ 900km TEA=5") == "TEA GZ 1"
    assert planned("TEA 1", "GZ 900km TEA=5\nBJ 10km TEA=5") == "TEA BJ 1"


def test_distance_first_sends_two_near_parcels_instead_of_one_far_one() -> None:
    near_and_far = """
        GZ  10km TEA=5
        SZ  20km CUP=5
        BJ 900km TEA=5 CUP=5
    """
    assert planned("TEA 1, CUP 1", near_and_far, "nearest") == "TEA GZ 1, CUP SZ 1"
    assert planned("TEA 1, CUP 1", near_and_far, "fewest_parcels") == "TEA BJ 1, CUP BJ 1"


def test_priority_decides_within_one_band_of_distance_and_the_higher_wins() -> None:
    one_band = "GZ 10km priority=100 TEA=5\nSZ 40km priority=200 TEA=5"
    assert planned("TEA 1", one_band) == "TEA SZ 1"
    assert planned("TEA 1", one_band.replace("200", "99")) == "TEA GZ 1"
    assert planned("TEA 1", one_band.replace("40km", "60km")) == "TEA GZ 1"  # the next band of 50 km


def test_priority_first_takes_all_that_the_highest_has() -> None:
    places = "GZ 10km priority=100 TEA=9\nBJ 900km priority=200 TEA=2"
    assert planned("TEA 3", places, "priority") == "TEA BJ 2, TEA GZ 1"
    assert planned("TEA 3", places, "fewest_parcels") == "TEA GZ 3"


def test_safety_stock_is_left_alone_when_another_can_serve() -> None:
    assert planned("TEA 3", "GZ 10km TEA=5\nSZ 20km TEA=5") == "TEA GZ 3"
    assert planned("TEA 3", "GZ 10km TEA=5/4\nSZ 20km TEA=5") == "TEA SZ 3"


def test_sufficiency_first_splits_a_line_rather_than_break_into_safety_stock() -> None:
    places = "GZ 10km TEA=5/4\nBJ 900km TEA=9/7"
    assert planned("TEA 3", places, "keep_cover") == "TEA GZ 1, TEA BJ 2"
    assert planned("TEA 3", places, "fewest_parcels") == "TEA GZ 3"


def test_a_protected_safety_stock_is_not_for_sale() -> None:
    strict = Strategy("strict", ("parcels",), protects_safety_stock=True)
    assert planned("TEA 2", "GZ TEA=5/4\nSZ TEA=5/2", strict) == "TEA SZ 2"
    plan = plan_order(order("TEA 5"), warehouses("GZ TEA=5/4\nSZ TEA=5/2"), strict)
    assert (plan.is_complete, plan.lines[0].allocated) == (False, 4)


def test_what_expires_soon_leaves_first() -> None:
    places = "GZ 10km TEA=5/0/1\nBJ 900km TEA=9/0/3"
    assert planned("TEA 3", places, "use_by") == "TEA BJ 3"
    assert planned("TEA 4", places, "use_by") == "TEA GZ 1, TEA BJ 3"
    assert planned("TEA 3", places.replace("5/0/1", "5/0/3"), "use_by") == "TEA GZ 3"
    assert planned("TEA 3", places, "fewest_parcels") == "TEA GZ 3"


def test_a_far_area_keeps_its_last_unit_when_another_can_serve() -> None:
    places = "GZ 10km area=south TEA=1\nBJ 20km area=north TEA=5"
    assert planned("TEA 1", places) == "TEA BJ 1"
    assert planned("TEA 1", places.replace("area=south", "area=south home")) == "TEA GZ 1"
    assert planned("TEA 1", places.replace("TEA=1", "TEA=2")) == "TEA GZ 1"


def test_warehouses_of_one_area_cover_for_each_other() -> None:
    cover_only = Strategy("cover_only", ("cover",))
    places = """
        GZ 10km area=south TEA=3/3
        SZ 20km area=south TEA=9/0
        BJ 30km area=north TEA=2/1
    """
    assert planned("TEA 3", places, cover_only) == "TEA GZ 3"
    assert planned("TEA 3", places.replace("TEA=9/0", "TEA=1/0"), cover_only) == "TEA GZ 2, TEA BJ 1"


def test_a_parcel_crosses_no_border_when_one_at_home_will_do() -> None:
    places = "AC 10km abroad TEA=5\nBJ 900km TEA=5"
    assert planned("TEA 1", places, "domestic") == "TEA BJ 1"
    assert planned("TEA 1", places, "fewest_parcels") == "TEA AC 1"


def test_the_order_of_criteria_is_the_strategy() -> None:
    places = "GZ 10km priority=100 TEA=5\nBJ 900km priority=200 TEA=5"
    assert planned("TEA 1", places, Strategy("a", ("distance", "priority"))) == "TEA GZ 1"
    assert planned("TEA 1", places, Strategy("b", ("priority", "distance"))) == "TEA BJ 1"


def test_a_wider_band_lets_the_next_criterion_decide() -> None:
    places = "GZ 10km priority=100 TEA=5\nBJ 900km priority=200 TEA=5"
    assert planned("TEA 1", places, Strategy("wide", ("distance", "priority"), band_km=1000)) == "TEA BJ 1"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_equal_warehouses_are_chosen_by_code_whatever_the_order_they_come_in(strategy: str) -> None:
    places = warehouses("GZ TEA=5\nBJ TEA=5\nSH TEA=5")
    for given in (places, places[::-1]):
        assert shown(plan_order(order("TEA 1"), given, STRATEGIES[strategy])) == "TEA BJ 1"


def test_what_cannot_be_covered_is_covered_as_far_as_it_can() -> None:
    plan = plan_order(order("TEA 9, JAR 1"), warehouses("GZ TEA=5\nBJ TEA=2"), STRATEGIES["nearest"])
    assert [(line.allocated, line.requested) for line in plan.lines] == [(7, 9), (0, 1)]
    assert not plan.is_complete


@pytest.mark.parametrize(
    ("places", "strategy", "code", "figures"),
    [
        ("GZ TEA=5\nBJ CUP=5", "fewest_parcels", "only_here", (None, None)),
        ("GZ 10km TEA=5 CUP=5\nBJ 10km TEA=5", "fewest_parcels", "parcels", (1, 2)),
        ("GZ 10km TEA=5 CUP=5\nBJ 120km TEA=5", "nearest", "distance", (0, 2)),
        ("GZ 10km TEA=5\nSZ CUP=5\nBJ 120km TEA=5", "fewest_parcels", "distance", (0, 2)),
        ("GZ priority=150 TEA=5 CUP=5\nBJ priority=100 TEA=5", "priority", "priority", (0, 50)),
        ("BJ abroad TEA=5\nGZ TEA=5 CUP=5", "domestic", "border", (0, 1)),
    ],
)
def test_a_reason_names_the_first_criterion_that_would_be_worse(
    places: str, strategy: str, code: str, figures: tuple[int | None, int | None]
) -> None:
    plan = plan_order(order("TEA 1, CUP 1"), warehouses(places), STRATEGIES[strategy])
    reason = plan.lines[0].takes[0].reason
    assert (plan.lines[0].takes[0].code, reason.code, (reason.here, reason.elsewhere)) == ("GZ", code, figures)
    assert reason.instead == (() if code == "only_here" else ("BJ",))


def test_a_reason_says_when_another_way_is_as_good() -> None:
    plan = plan_order(order("TEA 1"), warehouses("GZ TEA=5\nBJ TEA=5"), STRATEGIES["nearest"])
    assert plan.lines[0].takes[0].reason.code == "equal"


@pytest.mark.parametrize(
    ("later", "worse"),
    [("priority", "priority=1"), ("sufficiency", "TEA=9000/9000"), ("cover", "area=south TEA=9000/9000")],
)
def test_however_much_a_later_criterion_counts_it_never_outweighs_an_earlier(later: str, worse: str) -> None:
    """One parcel of 9,000 units, each as bad as can be by the later criterion, before two parcels without a fault."""
    places = f"GZ TEA=9000 {worse}\nBJ priority=999999 TEA=8000\nSH priority=999999 TEA=8000"
    assert planned("TEA 9000", places, Strategy("a", ("parcels", later))) == "TEA GZ 9000"
    assert planned("TEA 9000", places, Strategy("b", (later, "parcels"))) == "TEA BJ 8000, TEA SH 1000"


def test_plenty_of_one_line_never_hides_the_lack_of_another() -> None:
    twelve = warehouses("\n".join(f"W{n:02} TEA=1 CUP=1" for n in range(12)))
    problem = state(order("TEA 1, CUP 12"), twelve, STRATEGIES["fewest_parcels"])
    everyone = problem.everyone
    assert problem.covers(problem.stock_of(everyone))
    assert not any(problem.covers(problem.stock_of(everyone & ~(1 << n))) for n in range(12))
