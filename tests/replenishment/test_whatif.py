"""A suggestion under other assumptions: what changes, what adds up, and that nothing is written."""

from __future__ import annotations

from typing import Any

import pytest
from tests.house import House
from tests.replenishment.shop import offer, past, pending, plan, rows


async def _ask(house: House, suggestion: dict[str, Any], **assumed: Any) -> dict[str, Any]:
    return await house.post(f"/replenishment/suggestions/{suggestion['id']}/what-if", assumed, expect=200)


async def test_without_a_change_the_plan_is_repeated_exactly(house: House) -> None:
    one = await _suggested(house)
    answer = await _ask(house, one)
    assert answer["now"] == answer["then"]
    assert answer["now"]["quantity"] == one["suggested_quantity"]
    assert answer["now"]["cost"] == one["estimated_cost"]
    leaves = [leaf for branch in answer["now"]["tree"] for leaf in branch["leaves"]]
    assert sum(leaf["sign"] * leaf["amount"] for leaf in leaves) == one["suggested_quantity"]
    assert [b["key"] for b in answer["now"]["tree"]] == ["reorder_point", "lot", "position", "supplier"]


@pytest.mark.parametrize(
    ("assumed", "direction"),
    [
        ({"target_service": 0.99}, 1),
        ({"target_service": 0.6}, -1),
        ({"target_fill_rate": 0.9}, -1),
        ({"lead_time_days": 21}, 1),
        ({"lead_time_days": 1}, -1),
        ({"lead_time_sd_days": 5}, 1),
        ({"review_days": 21}, 1),
        ({"moq": 2000}, 1),
        ({"order_multiple": 500}, 1),
        ({"demand_percent": 50}, 1),
        ({"demand_percent": -50}, -1),
        ({"max_stock": 100}, -1),
        ({"break_quantity": 600, "break_cost": "1.00"}, 1),
        ({"order_cost": "50.00"}, 1),
    ],
)
async def test_every_assumption_moves_the_quantity_as_it_should_and_adds_up(
    house: House, assumed: dict[str, Any], direction: int
) -> None:
    one = await _suggested(house)
    answer = await _ask(house, one, **assumed)
    before, after = answer["now"]["quantity"], answer["then"]["quantity"]
    assert (after - before) * direction > 0, (before, after)
    assert answer["then"]["adds_up"]
    assert sum(branch["amount"] for branch in answer["then"]["tree"]) == after


async def test_what_if_writes_nothing(house: House) -> None:
    one = await _suggested(house)
    tables = ("replenishment_suggestions", "inventory", "demand_forecasts", "outbox_events", "audit_log")
    before = [await rows(house, f"select * from {table} order by 1, 2") for table in tables]
    await _ask(house, one, demand_percent=300, lead_time_days=60)
    assert [await rows(house, f"select * from {table} order by 1, 2") for table in tables] == before


async def test_enough_is_said_as_such(house: House) -> None:
    one = await _suggested(house)
    answer = await _ask(house, one, demand_percent=-100)
    assert (answer["then"]["quantity"], answer["then"]["reason"], answer["then"]["adds_up"]) == (0, "enough", True)
    refused = await house.post(f"/replenishment/suggestions/{one['id']}/what-if", {"target_service": 2}, expect=422)
    assert refused["errors"][0]["loc"] == ["target_service"]


async def _suggested(house: House) -> dict[str, Any]:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA", multiple=4)
    await plan(house)
    (one,) = await pending(house)
    return one
