"""The arithmetic of the SKU page: past read backwards, future walked forwards, the sentence about it."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from uuid import UUID, uuid4

import pytest

from holdfast.console.sku_view import (
    AHEAD_DAYS,
    DayMove,
    Forecast,
    Inbound,
    Place,
    State,
    figures_of,
    outlook_of,
    past_levels,
    short_place,
    state_of,
)
from holdfast.replenishment.wording import arithmetic_lines
from holdfast.web.formats import Formats
from holdfast.web.i18n import ENGLISH, words_in

TODAY = date(2026, 11, 21)
HERE, THERE = UUID(int=1), UUID(int=2)


def place(available: int, *, at: UUID = HERE, reserved: int = 0, in_transit: int = 0, **points: int | None) -> Place:
    return Place(
        warehouse_id=at,
        warehouse_code=str(at.int),
        warehouse_name=f"place {at.int}",
        available=available,
        reserved=reserved,
        unavailable=0,
        in_transit=in_transit,
        reorder_point=points.get("reorder_point"),
        max_stock=points.get("max_stock"),
        is_computed=True,
    )


def sells(mean: float, *, at: UUID = HERE, spread: float = 0.0) -> Forecast:
    days = range(1, 91)
    low, high = ([(mean + sign * spread) * n for n in days] for sign in (-1, 1))
    return Forecast(at, mean, spread, low, high)


def arriving(quantity: int, days: int) -> Inbound:
    return Inbound(uuid4(), "PO-1", quantity, TODAY + timedelta(days=days), "Lumen Ltd")


def test_the_past_is_what_is_here_now_less_what_came_since() -> None:
    moves = [DayMove(TODAY, -3), DayMove(TODAY - timedelta(days=1), 10), DayMove(TODAY - timedelta(days=1), -2)]
    assert [level for _, level in past_levels(TODAY, 12, moves)][-3:] == [7, 15, 12]


@pytest.mark.parametrize(
    ("available", "inbound", "first_days", "runs_out_after"),
    [
        (10, [], [10, 7, 4, 1, 0, 0], 4),
        (10, [arriving(6, 2)], [10, 7, 10, 7, 4, 1], 6),
        (10, [arriving(6, 5)], [10, 7, 4, 1, 0, 6], 4),  # what was not sold while empty is lost, not owed
        (0, [], [0, 0, 0, 0, 0, 0], 0),
    ],
)
def test_the_future_loses_demand_gains_arrivals_and_never_goes_below_zero(
    available: int, inbound: list[Inbound], first_days: list[float], runs_out_after: int
) -> None:
    outlook = outlook_of(TODAY, available=available, forecasts=[sells(3)], inbound=inbound)
    assert list(outlook.expected[:6]) == first_days
    assert outlook.runs_out_after == runs_out_after
    assert len(outlook.expected) == AHEAD_DAYS + 1


def test_the_band_of_two_warehouses_is_narrower_than_their_bands_laid_end_to_end() -> None:
    both = [sells(3, spread=3), sells(4, at=THERE, spread=4)]
    outlook = outlook_of(TODAY, available=100, forecasts=both, inbound=[])
    assert (outlook.low[1], outlook.expected[1], outlook.high[1]) == (88, 93, 98)  # 3, 4, 5


def test_without_a_forecast_nothing_is_said_about_the_future() -> None:
    assert outlook_of(TODAY, available=5, forecasts=[], inbound=[]).expected == (5,)


@pytest.mark.parametrize(
    ("places", "mean", "state"),
    [
        ([place(0)], 1.0, State.OUT),
        ([place(8)], 1.0, State.RUNS_OUT_FIRST),
        ([place(40, reorder_point=50)], 1.0, State.LOW),
        ([place(40, reorder_point=50, in_transit=20)], 1.0, State.FINE),
        ([place(40, max_stock=30)], 1.0, State.OVER),
        ([place(40)], 0.0, State.FINE),
    ],
)
def test_the_sentence_names_the_worst_that_is_true(places: list[Place], mean: float, state: State) -> None:
    assert state_of(places, figures_of(places, [sells(mean)], 9.0)) == state


def test_a_sku_that_lasts_in_sum_is_still_short_where_it_is_gone_first() -> None:
    places = [place(2), place(500, at=THERE)]
    short = short_place(places, [sells(1.0), sells(1.0, at=THERE)], 9.0)
    assert short is not None
    assert (short.warehouse_name, short.days, short.is_empty) == ("place 1", 2, False)
    assert short_place(places, [sells(0.0), sells(1.0, at=THERE)], 9.0) is None


def test_the_lines_under_a_suggestion_add_up_to_it_for_everyone_to_see() -> None:
    stored = [
        {"key": "expected_demand", "sign": 1, "amount": 816, "facts": {"lead_days": 9.0, "review_days": 7}},
        {"key": "buffer", "sign": 1, "amount": 214, "facts": {"cycle_service_level": 0.97}},
        {"key": "available", "sign": -1, "amount": 312, "facts": {}},
        {"key": "order_multiple", "sign": 1, "amount": 2, "facts": {"order_multiple": 48, "packs": 15}},
        {"key": "a_line_of_tomorrow", "sign": -1, "amount": 0, "facts": {}},
    ]
    lines = arithmetic_lines(stored, 720, words_in("en"), Formats(ENGLISH.locale, UTC))
    assert [(line.label, line.figure) for line in lines] == [
        ("Expected demand, 9 days delivery + 7 days review", "816"),
        ("Buffer for 97% service", "+ 214"),
        ("Available", "− 312"),
        ("Rounded up to packs of 48", "+ 2"),
        ("a line of tomorrow", "+ 0"),
        ("Order: 15 packs of 48", "720"),
    ]
