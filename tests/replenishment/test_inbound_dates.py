"""What is on order counts when it comes in time; what comes too late hides nothing and is not ordered twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from tests.house import House
from tests.replenishment.shop import NOON, offer, past, pending, plan
from tests.replenishment.test_policy import demand, terms

from holdfast.replenishment import Mode, Plan, Position, explain, figures_of, plan_orders, reason_of, service, total_of


def _plan(available: int, in_transit: int, later: int, *, approved: int = 0) -> Plan:
    """9 + 7 days at 10 a day; by hand: reorder point 160, order-up-to 230."""
    here = Position(*(np.array([n], np.int64) for n in (available, in_transit, approved, 0, later)))
    return plan_orders(demand(10.0), terms(Mode.MANUAL, reorder_point=160, max_stock=230), here)


@pytest.mark.parametrize(
    ("available", "in_transit", "later", "quantity", "reason"),
    [
        (60, 170, 0, 0, ""),  # all of it comes in time
        (60, 170, 170, 100, "inbound_too_late"),  # 60 of 160: the gap of 100 and no lot
        (60, 170, 100, 30, "inbound_too_late"),  # 70 come in time
        (160, 500, 500, 0, ""),  # nothing is missing before it comes
        (60, 50, 50, 120, "runs_out_before_delivery"),  # 110 in all: refill to 230, the late 50 are netted
        (10, 149, 149, 150, "inbound_too_late"),  # refill would be 71, the gap before it is 150
    ],
)
def test_only_what_comes_in_time_stops_an_order_and_nothing_is_ordered_twice(
    available: int, in_transit: int, later: int, quantity: int, reason: str
) -> None:
    plan = _plan(available, in_transit, later)
    assert int(plan.orders.quantity[0]) == quantity
    figures = figures_of(plan, 0)
    assert total_of(explain(figures)) == quantity
    if reason:
        assert reason_of(figures) == reason
    keys = {line.key for line in explain(figures)}
    assert ("comes_later" in keys) == (reason == "inbound_too_late")


def test_an_approved_order_dated_far_ahead_is_later_too() -> None:
    figures = figures_of(_plan(60, 20, 120, approved=150), 0)
    assert figures.quantity == 160 - 60 - 20 - 30
    assert total_of(explain(figures)) == figures.quantity


async def _order(house: House, quantity: int, days: int) -> dict[str, Any]:
    body = {
        "supplier_id": await house.supplier("ACME"),
        "warehouse_id": await house.warehouse("GZ"),
        "expected_at": (NOON + timedelta(days=days)).date().isoformat(),
        "items": [{"sku_id": await house.sku("TEA"), "quantity": quantity}],
    }
    order = await house.post("/purchase-orders", body)
    return await house.post(f"/purchase-orders/{order['id']}/send", expect=200)


async def test_an_order_put_off_beyond_the_lead_time_does_not_hide_a_near_shortage(house: House) -> None:
    """Q10. 14 days of protection at 10 a day: about 160 are wanted, 100 are here and 900 were to come on day 5."""
    await past(house, "TEA", "GZ", per_day=10, left=100)
    await offer(house, "ACME", "TEA")
    order = await _order(house, 900, days=5)
    await plan(house)
    assert await pending(house) == []
    when = (NOON + timedelta(days=40)).date().isoformat()
    await house.post(f"/purchase-orders/{order['id']}/confirm", {"expected_at": when}, expect=200)
    for _ in range(3):
        await plan(house)
    for one in (found := await pending(house)):
        assert (one["reason"], one["suggested_quantity"]) == ("inbound_too_late", 60), "the gap, not 900 again"
    assert len(found) == 1
    why = await house.get(f"/replenishment/suggestions/{found[0]['id']}/explain")
    assert why["adds_up"]
    (late,) = [line for line in why["lines"] if line["key"] == "comes_later"]
    assert late["facts"] == {"units": 900, "days": 14}
    soon = (NOON + timedelta(days=6)).date().isoformat()
    await house.post(f"/purchase-orders/{order['id']}/confirm", {"expected_at": soon}, expect=200)
    await plan(house)
    assert await pending(house) == []


async def test_a_delivery_put_off_is_noticed_between_runs(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=100)
    await offer(house, "ACME", "TEA")
    order = await _order(house, 900, days=5)
    await plan(house)
    when = (NOON + timedelta(days=40)).date().isoformat()
    await house.post(f"/purchase-orders/{order['id']}/confirm", {"expected_at": when}, expect=200)
    async with house.database.connection() as connection:
        await connection.execute("update demand_forecasts set made_at = made_at - interval '2 hours'")
    assert await service.plan_between_runs(house.database) == 1
    assert [s["reason"] for s in await pending(house)] == ["inbound_too_late"]


async def test_a_draft_dated_far_ahead_hides_nothing_either(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=100)
    await offer(house, "ACME", "TEA")
    body = {
        "supplier_id": await house.supplier("ACME"),
        "warehouse_id": await house.warehouse("GZ"),
        "expected_at": (NOON + timedelta(days=40)).date().isoformat(),
        "items": [{"sku_id": await house.sku("TEA"), "quantity": 900}],
    }
    await house.post("/purchase-orders", body)
    await plan(house)
    assert [s["reason"] for s in await pending(house)] == ["inbound_too_late"]
