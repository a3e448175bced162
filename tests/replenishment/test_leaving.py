"""Every order that leaves is measured against the limits, whoever wrote it; a rule never spends beyond them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from tests.house import House
from tests.replenishment.shop import offer, past, pending, plan, rows

from holdfast.replenishment import decisions
from holdfast.replenishment.auto_choice import Covered, within_limits
from holdfast.replenishment.grouping_store import Head
from holdfast.replenishment.order_limits import OrderLimit


async def _limit(house: House, most: str, **body: Any) -> None:
    whole = {"measure": "money", "per": "month", "currency": "EUR", "most": most, **body}
    await house.call("PUT", "/replenishment/order-limits", json=whole, expect=200)


async def _order(house: House, quantity: int, sku: str = "TEA") -> dict[str, Any]:
    """A draft of ACME by hand; everything costs 2.00."""
    body = {"supplier_id": await house.supplier("ACME"), "warehouse_id": await house.warehouse("GZ")}
    return await house.post(
        "/purchase-orders", {**body, "items": [{"sku_id": await house.sku(sku), "quantity": quantity}]}
    )


async def _send(house: House, order: dict[str, Any], *, expect: int, **body: Any) -> dict[str, Any]:
    return await house.post(f"/purchase-orders/{order['id']}/send", body, expect=expect)


async def test_an_order_by_hand_beyond_the_budget_is_told_the_figures_and_needs_a_reason(house: House) -> None:
    await offer(house, "ACME", "TEA")
    await _limit(house, "500")
    await _send(house, await _order(house, 150), expect=200)
    order = await _order(house, 101)
    refused = await _send(house, order, expect=409)
    assert refused["code"] == "outside_limits"
    (broken,) = refused["errors"]
    assert {name: broken[name] for name in ("code", "measure", "per", "most", "before", "adds")} == {
        "code": "order_limit_exceeded",
        "measure": "money",
        "per": "month",
        "most": "500.000",
        "before": "300.000",
        "adds": "202.000",
    }
    assert await house.level("TEA", "GZ") == "available=0 in_transit=150"
    await _send(house, order, expect=409, limit_reason=" ")
    await _send(house, order, expect=200, limit_reason="trade fair")
    entries = (await house.get("/audit-log", subject=f"purchase_order:{order['id']}"))["entries"]
    sent = next(e for e in entries if e["action"] == "purchase_order.sent")
    assert sent["facts"]["limit_reason"] == "trade fair"
    assert sent["facts"]["limits_broken"] == [broken]


async def test_what_left_in_the_period_counts_and_drafts_that_may_never_leave_do_not(house: House) -> None:
    await offer(house, "ACME", "TEA", "CUP")
    await _limit(house, "500")
    await _order(house, 249, "CUP")
    first = await _order(house, 249)
    await _send(house, first, expect=200)
    late = await _order(house, 200, "CUP")
    await _send(house, late, expect=409, duplicate_reason="two fairs")
    async with house.database.connection() as connection:
        await connection.execute("update purchase_orders set sent_at = sent_at - interval '40 days'")
    await _send(house, late, expect=200, duplicate_reason="two fairs")


async def test_a_limit_of_another_warehouse_supplier_or_currency_is_not_broken(house: House) -> None:
    await offer(house, "ACME", "TEA")
    await _limit(house, "1", supplier_id=await house.supplier("BOLT"))
    await _limit(house, "1", warehouse_id=await house.warehouse("SH"))
    await _limit(house, "1", currency="USD")
    await _send(house, await _order(house, 10), expect=200)
    await _limit(house, "19", per="order", warehouse_id=await house.warehouse("GZ"))
    refused = await _send(house, await _order(house, 10), expect=409)
    assert [(e["per"], e["before"], e["adds"]) for e in refused["errors"]] == [("order", "0.000", "20.000")]


async def test_two_orders_that_leave_at_once_do_not_use_the_same_room(house: House) -> None:
    await offer(house, "ACME", "TEA", "CUP")
    await _limit(house, "500")
    drafts = [await _order(house, 200), await _order(house, 200, "CUP")]
    told = await asyncio.gather(*(house.client.post(f"/api/v1/purchase-orders/{d['id']}/send") for d in drafts))
    assert sorted(answer.status_code for answer in told) == [200, 409]


async def test_a_draft_says_on_which_day_its_supplier_takes_it(house: House) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    supplier = await house.supplier("ACME", lead_time_days=7, order_weekdays=[tomorrow.isoweekday()])
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA")
    await plan(house)
    by_hand = await _order(house, 5)
    assert by_hand["order_day"] == tomorrow.isoformat()
    (one,) = await pending(house)
    approved = await house.post(f"/replenishment/suggestions/{one['id']}/approve", expect=200)
    collecting = await house.get(f"/purchase-orders/{approved['purchase_order_id']}")
    assert collecting["order_day"] == tomorrow.isoformat()
    # A day that has passed is written anew with the next line; one to come stays.
    later = tomorrow + timedelta(days=7)
    closed = [{"first_day": tomorrow.isoformat(), "last_day": tomorrow.isoformat()}]
    await house.call("PATCH", f"/suppliers/{supplier}", json={"closed_days": closed}, expect=200)
    change = {"items": [{"sku_id": await house.sku("TEA"), "quantity": 6}]}
    kept = await house.call("PATCH", f"/purchase-orders/{by_hand['id']}", json=change, expect=200)
    assert kept["order_day"] == tomorrow.isoformat()
    async with house.database.connection() as connection:
        await connection.execute("update purchase_orders set order_day = order_day - 2")
    moved = await house.call("PATCH", f"/purchase-orders/{by_hand['id']}", json=change, expect=200)
    assert moved["order_day"] == later.isoformat()


async def _low(house: House, *skus: str, supplier: str = "ACME") -> list[dict[str, Any]]:
    """SKUs that are to be ordered, each for about 600; answers their suggestions, as a rule takes them."""
    for sku in skus:
        await past(house, sku, "GZ", per_day=20, left=20)
    await offer(house, supplier, *skus)
    await plan(house)
    rule = {"currency": "EUR", "max_value": "5000.00", "daily_max_value": "90000.00", "is_active": True}
    await house.call("PUT", "/replenishment/auto-approvals", json=rule, expect=200)
    return await pending(house)


async def _auto(house: House) -> int:
    async with house.database.transaction() as tx:
        return await decisions.auto_approve(tx)


async def test_a_rule_never_spends_beyond_a_budget(house: House) -> None:
    found = await _low(house, "TEA", "CUP", "POT")
    costs = [Decimal(one["estimated_cost"]) for one in found]
    await _limit(house, str(sum(costs[:2]) + 1))
    assert await _auto(house) == 2
    assert await _auto(house) == 0, "what is on the draft has used the room"
    (limit,) = (await house.get("/replenishment/order-limits"))["order_limits"]
    assert Decimal(limit["used"]) == sum(costs[:2])
    await _limit(house, str(sum(costs)))
    assert await _auto(house) == 1, "up to the last cent"


async def test_a_rule_leaves_an_order_below_its_minimum_to_people(house: House) -> None:
    first, second = await _low(house, "TEA", "CUP")
    both = Decimal(first["estimated_cost"]) + Decimal(second["estimated_cost"])
    supplier = f"/suppliers/{await house.supplier('ACME')}"
    await house.call("PATCH", supplier, json={"minimum_order_value": str(both + 1)}, expect=200)
    assert await _auto(house) == 0
    await house.call("PATCH", supplier, json={"minimum_order_value": str(both)}, expect=200)
    assert await _auto(house) == 2
    assert await rows(house, "select count(*) from purchase_orders where status = 'draft'") == [(1,)]


async def test_a_rule_fills_a_truck_and_no_more(house: House) -> None:
    first, second = await _low(house, "TEA", "CUP")
    supplier = await house.supplier("ACME")
    for sku in ("TEA", "CUP"):
        terms = {"sku_id": await house.sku(sku), "unit_cost": "2", "pack_volume_l": "1"}
        await house.post(f"/suppliers/{supplier}/items", terms)
    room = {"truck_volume_l": str(first["suggested_quantity"] + second["suggested_quantity"] - 1)}
    await house.call("PATCH", f"/suppliers/{supplier}", json=room, expect=200)
    assert await _auto(house) == 1


RULE, ACME, BOLT, GZ = (UUID(int=n) for n in (1, 2, 3, 4))


def _covered(number: int, supplier: UUID, money: int) -> Covered:
    nothing = Decimal(0)
    return Covered(
        UUID(int=number), 1, supplier, GZ, "EUR", Decimal(money), RULE, Decimal(10**6), Decimal(money), *[nothing] * 3
    )


def _head(minimum: int, money: int = 0) -> Head:
    nothing = Decimal(0)
    return Head(1, Decimal(minimum), None, None, None, Decimal(money), nothing, nothing, nothing)


@pytest.mark.parametrize(
    ("asked", "minimums", "on_draft", "most", "taken"),
    [
        # Both suppliers fit.
        ([(ACME, 60), (BOLT, 40)], {ACME: 50, BOLT: 40}, 0, 100, [60, 40]),
        # The most pressing line is too dear and the next one fits.
        ([(ACME, 70), (BOLT, 40)], {ACME: 0, BOLT: 0}, 0, 69, [40]),
        # ACME would take the room of BOLT and still stay below its minimum: what it gives up brings BOLT over its own.
        ([(BOLT, 60), (ACME, 30), (BOLT, 40)], {ACME: 50, BOLT: 100}, 0, 100, [60, 40]),
        # What is on the draft counts towards the minimum, and against the limit.
        ([(ACME, 30)], {ACME: 50, BOLT: 0}, 20, 50, [30]),
        ([(ACME, 30)], {ACME: 50, BOLT: 0}, 20, 49, []),
    ],
)
def test_what_needs_nobody_keeps_every_limit_and_every_minimum(
    asked: list[tuple[UUID, int]], minimums: dict[UUID, int], on_draft: int, most: int, taken: list[int]
) -> None:
    ones = [_covered(n, supplier, money) for n, (supplier, money) in enumerate(asked, 10)]
    heads = {
        (ACME, GZ, "EUR"): _head(minimums[ACME], on_draft),
        (BOLT, GZ, "EUR"): _head(minimums[BOLT]),
    }
    now = datetime.now(UTC)
    limit = OrderLimit(
        UUID(int=9), "money", "month", None, None, "EUR", Decimal(most), "test", now, None, None, Decimal(on_draft)
    )
    chosen = within_limits(ones, {RULE: Decimal(10**6)}, heads, [limit])
    assert [int(one.money) for one in chosen] == taken
