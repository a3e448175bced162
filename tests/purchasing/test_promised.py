"""What a supplier's words and deliveries make of the open balance of a line, day by day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from holdfast.purchasing.model import LineWord, OrderLine
from holdfast.purchasing.promised import Part, announced, arrived, as_row, confirmed, parts_of

ORDER_DAY = date(2027, 1, 20)
JAN5, JAN8, FEB1 = date(2027, 1, 5), date(2027, 1, 8), date(2027, 2, 1)


def line(ordered: int, *, received: int = 0, schedule: tuple[Part, ...] | None = None, **columns: Any) -> OrderLine:
    is_new = schedule is None
    given: dict[str, Any] = {
        "open_quantity": ordered - received if is_new else sum(p.quantity for p in schedule or ()),
        "confirmed_quantity": None if is_new else 0,
        "expected_at": None,
        "schedule": None if is_new else [p.as_json() for p in schedule or ()],
        **columns,
    }
    return OrderLine(
        line_no=1,
        sku_id=UUID(int=1),
        sku_code="TEA",
        sku_name="Tea",
        supplier_code=None,
        ordered_quantity=ordered,
        received_quantity=received,
        refused_quantity=0,
        refusal=None,
        promised_at=None,
        exceptions=[],
        unit_cost=Decimal(1),
        suggestion_id=None,
        tracking="none",
        moq=1,
        order_multiple=1,
        max_order_quantity=None,
        unit_volume_l=None,
        unit_weight_kg=None,
        **given,
    )


def said(parts: tuple[Part, ...]) -> str:
    """``60@2027-01-05 40@order?``: so many for a day, a question mark where the supplier has not said so."""
    return " ".join(f"{p.quantity}@{p.expected_at or 'order'}{'' if p.is_confirmed else '?'}" for p in parts)


@pytest.mark.parametrize(
    ("words", "open_parts", "refused"),
    [
        ([LineWord(1, 100)], "100@order", 0),
        ([LineWord(1, 100, JAN5)], "100@2027-01-05", 0),
        ([LineWord(1, 60, JAN5)], "60@2027-01-05", 40),
        ([LineWord(1, 60, JAN5, is_rest_open=True)], "60@2027-01-05 40@2027-01-20?", 0),
        ([LineWord(1, 60, JAN5), LineWord(1, 40, FEB1)], "60@2027-01-05 40@2027-02-01", 0),
        ([LineWord(1, 50, FEB1), LineWord(1, 30, JAN5)], "30@2027-01-05 50@2027-02-01", 20),
        ([LineWord(1, 0)], "", 100),
    ],
)
def test_words_about_a_fresh_line(words: list[LineWord], open_parts: str, refused: int) -> None:
    word = confirmed(line(100), words, ORDER_DAY)
    assert (said(word.parts), word.refused) == (open_parts, refused)


def test_confirming_a_part_anew_leaves_the_day_of_the_rest() -> None:
    """A system we studied overwrote the day of the open balance with that of the confirmed part."""
    first = confirmed(line(100), [LineWord(1, 60, JAN5, is_rest_open=True)], ORDER_DAY)
    moved = confirmed(line(100, schedule=first.parts), [LineWord(1, 60, JAN8, is_rest_open=True)], ORDER_DAY)
    assert said(moved.parts) == "60@2027-01-08 40@2027-01-20?"
    more = confirmed(line(100, schedule=moved.parts), [LineWord(1, 60, JAN8), LineWord(1, 40, FEB1)], ORDER_DAY)
    assert said(more.parts) == "60@2027-01-08 40@2027-02-01"


def test_what_has_arrived_is_taken_off_the_first_words() -> None:
    words = [LineWord(1, 60, JAN5), LineWord(1, 40, FEB1)]
    assert said(confirmed(line(100, received=70), words, ORDER_DAY).parts) == "30@2027-02-01"
    assert said(confirmed(line(100, received=10), words, ORDER_DAY).parts) == "50@2027-01-05 40@2027-02-01"
    assert confirmed(line(100, received=70), [LineWord(1, 60)], ORDER_DAY).refused == 30


def test_a_refused_line_can_be_promised_again() -> None:
    refused = line(100, open_quantity=0, confirmed_quantity=0, expected_at=JAN5)
    assert said(confirmed(refused, [LineWord(1, 80)], ORDER_DAY).parts) == "80@2027-01-05"


def test_a_delivery_takes_what_was_promised_soonest() -> None:
    parts = (Part(60, JAN5, is_confirmed=True), Part(40, None, is_confirmed=False))
    assert said(arrived(parts, 70, ORDER_DAY)) == "30@order?"
    assert said(arrived(parts, 100, ORDER_DAY)) == ""


def test_a_shipment_moves_so_many_to_its_day() -> None:
    parts = (Part(60, FEB1, is_confirmed=True), Part(40, None, is_confirmed=False))
    assert said(announced(parts, 50, JAN8, ORDER_DAY)) == "50@2027-01-08 50@2027-02-01"


def test_one_day_needs_no_schedule() -> None:
    assert as_row((Part(5, JAN5, is_confirmed=True),), JAN8) == {"schedule": None, "expected_at": "2027-01-05"}
    two = as_row((Part(5, JAN5, is_confirmed=True), Part(1, None, is_confirmed=False)), JAN8)
    assert [p["quantity"] for p in two["schedule"]] == [5, 1]
    assert as_row((), JAN8) == {"schedule": None, "expected_at": "2027-01-08"}, "what has come keeps its day"
    stored = line(6, schedule=(Part(5, JAN5, is_confirmed=True), Part(1, None, is_confirmed=False)))
    assert said(parts_of(stored)) == "5@2027-01-05 1@order?"
