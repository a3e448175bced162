"""Policies per class, and what a policy may say beside its target."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from psycopg.types.json import Jsonb
from tests.house import House
from tests.replenishment.shop import NOON, offer, past, pending, plan
from tests.replenishment.test_policy import demand, position, terms

from holdfast.db import statements
from holdfast.replenishment import UNSET, Mode, Terms, explain, figures_of, plan_orders, total_of
from holdfast.replenishment.classing import spread_letters, value_letters
from holdfast.replenishment.limits import Cap, Limits, within_limits
from holdfast.replenishment.model import Method
from holdfast.replenishment.store import Pairs, read_inputs

own_past = statements("holdfast.replenishment", "own_past.sql")


async def _set(house: House, **body: Any) -> dict[str, Any]:
    return await house.call("PUT", "/replenishment/policies", json=body, expect=200)


def test_a_is_the_first_four_fifths_of_the_value_and_z_is_anybodys_guess() -> None:
    assert "".join(value_letters(np.array([10.0, 700, 150, 90, 50, 0]))) == "CAABBC"
    assert "".join(value_letters(np.zeros(2))) == "CC"
    assert "".join(spread_letters(np.array([0.2, 0.5, 0.9, 1.0, 1.1, np.inf]))) == "XXYYZZ"


@pytest.mark.parametrize(
    ("method", "available", "quantity"),
    [
        (Method.S_S, 161, 0),
        (Method.R_S, 161, 69),
        (Method.S_NQ, 161, 0),
        (Method.S_S, 100, 130),
        (Method.R_S, 100, 130),
        (Method.S_NQ, 100, 70),  # one lot of 70 lifts 100 above 160
        (Method.S_NQ, 90, 140),  # one would reach 160 exactly: at the reorder point it orders again, so two
        (Method.S_NQ, 160, 70),
    ],
)
def test_the_method_decides_when_and_how_much(method: Method, available: int, quantity: int) -> None:
    """By hand: reorder point 160, order-up-to 230."""
    base = terms(Mode.MANUAL, reorder_point=160, max_stock=230)
    chosen = replace(base, method=np.array([method], np.int8))
    made = plan_orders(demand(10.0), chosen, position(available))
    assert int(made.orders.quantity[0]) == quantity
    assert total_of(explain(figures_of(made, 0))) == quantity


@pytest.mark.parametrize(
    ("shelf", "end", "max_stock", "ceiling", "cap"),
    [
        (UNSET, UNSET, UNSET, UNSET, Cap.MAX_STOCK),
        (UNSET, UNSET, 500, 500, Cap.MAX_STOCK),
        (20, UNSET, 500, 200, Cap.SHELF_LIFE),
        (60, UNSET, 500, 500, Cap.MAX_STOCK),
        (20, 12, UNSET, 120, Cap.END_OF_LIFE),
    ],
)
def test_the_lowest_ceiling_holds_and_says_which_it_is(
    shelf: int, end: int, max_stock: int, ceiling: int, cap: Cap
) -> None:
    limits = Limits(np.array([shelf]), np.array([end]))
    limited, caps = within_limits(terms(lead=9, max_stock=max_stock), demand(10.0), limits)
    assert (int(limited.max_stock[0]), Cap(int(caps[0]))) == (ceiling, cap)
    assert limited.mode[0] == Mode.AUTO


@pytest.mark.parametrize(("days", "mode"), [(9, Mode.NONE), (0, Mode.NONE), (10, Mode.AUTO)])
def test_nothing_is_ordered_that_would_arrive_after_the_last_day(days: int, mode: Mode) -> None:
    limited, _ = within_limits(terms(lead=9), demand(10.0), Limits(np.array([UNSET]), np.array([days])))
    assert limited.mode[0] == mode


async def test_a_policy_of_a_class_holds_for_its_levels_from_the_next_plan_on(house: House) -> None:
    await house.sku("TEA", price="50.00", currency="EUR")
    await house.sku("CUP", price="0.10", currency="EUR")
    for sku in ("TEA", "CUP"):
        await past(house, sku, "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA", "CUP")
    await plan(house)
    assert len(await pending(house)) == 2
    classes = (await house.get("/replenishment/classes"))["classes"]
    assert [(c["class_code"], c["levels"], c["empty"]) for c in classes] == [("AX", 1, 0), ("CX", 1, 0)]
    assert float(classes[0]["yearly_value"]) == pytest.approx(50 * 10 * 365, rel=0.02)
    await _set(house, mode="none", class_code="CX")
    await plan(house)
    assert [s["sku_id"] for s in await pending(house)] == [await house.sku("TEA")]
    cup, gz = await house.sku("CUP"), await house.warehouse("GZ")
    asked = {"sku_id": cup, "warehouse_id": gz}
    found = await house.get("/replenishment/policies:effective", **asked)
    assert (found["class_code"], found["policy"]["class_code"]) == ("CX", "CX")
    await _set(house, mode="auto", sku_id=cup)
    found = await house.get("/replenishment/policies:effective", **asked)
    assert found["policy"]["sku_id"] == cup, "the SKU's own policy is more specific than its class"
    await plan(house)
    assert len(await pending(house)) == 2
    refused = await house.call("PUT", "/replenishment/policies", json={"sku_id": cup, "class_code": "AX"}, expect=422)
    assert refused["errors"][0]["code"] == "ambiguous_scope"


async def test_stock_runs_down_to_its_last_day(house: House) -> None:
    """10 a day, 30 here: for ten more days only 100 are wanted, and for five nothing can arrive in time."""
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA", lead=7)
    tea = await house.sku("TEA")
    last = {days: (NOON + timedelta(days=days)).date().isoformat() for days in (10, 5)}
    await _set(house, sku_id=tea, end_of_life=last[10])
    await plan(house)
    (one,) = await pending(house)
    assert one["suggested_quantity"] == pytest.approx(70, abs=2)
    why = await house.get(f"/replenishment/suggestions/{one['id']}/explain")
    assert why["adds_up"]
    assert "end_of_life_cap" in {line["key"] for line in why["lines"]}
    await _set(house, sku_id=tea, end_of_life=last[5])
    await plan(house)
    assert await pending(house) == []


async def test_never_more_than_sells_within_the_shelf_life(house: House) -> None:
    await past(house, "MILK", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "MILK")
    await _set(house, sku_id=await house.sku("MILK"), shelf_life_days=12)
    await plan(house)
    (one,) = await pending(house)
    assert one["suggested_quantity"] == pytest.approx(90, abs=2)
    why = await house.get(f"/replenishment/suggestions/{one['id']}/explain")
    assert why["adds_up"]
    assert "shelf_life_cap" in {line["key"] for line in why["lines"]}


async def test_stock_for_a_season_is_built_in_one_lot(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA")
    await plan(house)
    (before,) = await pending(house)
    await _set(house, sku_id=await house.sku("TEA"), prebuild_days=60)
    await plan(house)
    (after,) = await pending(house)
    lot = next(
        line["amount"]
        for line in (await house.get(f"/replenishment/suggestions/{after['id']}/explain"))["lines"]
        if line["key"] == "order_lot"
    )
    assert lot == pytest.approx(600, rel=0.02)
    assert after["suggested_quantity"] > before["suggested_quantity"]


async def test_a_level_reviewed_on_other_days_keeps_what_is_open_and_gets_nothing_new(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await past(house, "CUP", "GZ", per_day=10, left=900)
    await offer(house, "ACME", "TEA", "CUP")
    await plan(house)
    assert len(await pending(house)) == 1
    # A period that ends on another day than today, counted from Monday the first of January 2024.
    since = (NOON.date() - type(NOON.date())(2024, 1, 1)).days
    off = next(days for days in (7, 8, 9) if since % days)
    on = next(days for days in range(1, 60) if since % days == 0)
    for sku in ("TEA", "CUP"):
        await _set(house, sku_id=await house.sku(sku), method="R_S", review_days=off)
    before = await pending(house)
    await house.sell("TEA", "GZ", 20)
    await plan(house)
    assert await pending(house) == before
    await _set(house, sku_id=await house.sku("TEA"), method="R_S", review_days=on)
    await plan(house)
    (after,) = await pending(house)
    assert after["version"] > before[0]["version"]


async def test_what_a_policy_does_not_say_is_as_in_the_next_wider_one(house: House) -> None:
    """SKU over class over everything, field by field; the plan and what is told of it agree."""
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA")
    tea, gz = await house.sku("TEA"), await house.warehouse("GZ")
    await plan(house)
    (code,) = [c["class_code"] for c in (await house.get("/replenishment/classes"))["classes"]]
    await _set(house, order_cost="5.00", holding_rate=0.4, target_service=0.9)
    await _set(house, class_code=code, target_fill_rate=0.97, shelf_life_days=40)
    await _set(house, warehouse_id=gz, method="R_S", review_days=3)
    said = await _set(house, sku_id=tea, review_days=12)
    assert (said["target_service"], said["mode"], said["order_cost"]) == (None, None, None)
    found = await house.get("/replenishment/policies:effective", sku_id=tea, warehouse_id=gz)
    assert found["policy"]["id"] == said["id"]
    assert found["terms"] == {
        "mode": "auto",
        "target_service": None,
        "target_fill_rate": 0.97,
        "method": "R_S",
        "review_days": 12,
        "shelf_life_days": 40,
        "end_of_life": None,
        "prebuild_days": 0,
        "order_cost": "5.00",
        "holding_rate": 0.4,
    }
    terms_read = await _planned(house, tea, gz)
    assert float(terms_read.fill_rate[0]) == 0.97
    assert float(terms_read.review_days[0]) == 12
    assert float(terms_read.order_cost[0]) == 5
    assert float(terms_read.holding_rate_per_year[0]) == 0.4
    assert terms_read.method[0] == Method.R_S


async def test_a_review_period_alone_leaves_the_target_to_what_was_cheapest(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA")
    tea, gz = await house.sku("TEA"), await house.warehouse("GZ")
    await _set(house, sku_id=tea, review_days=14)
    async with house.database.transaction() as tx:
        odds = {"odds": 3.0, "usual_worth": 2.0, "order_cost": 2.0, "holding_rate": 0.25, "series": 1}
        await tx.run(own_past.save_odds, **odds, trials=Jsonb([]))
    terms_read = await _planned(house, tea, gz)
    assert terms_read.by_odds.tolist() == [True]
    assert float(terms_read.cycle_service_level[0]) != 0.95
    await _set(house, sku_id=tea, review_days=14, target_service=0.95)
    terms_read = await _planned(house, tea, gz)
    assert terms_read.by_odds.tolist() == [False]
    assert float(terms_read.cycle_service_level[0]) == 0.95


async def _planned(house: House, sku_id: str, warehouse_id: str) -> Terms:
    """The terms of one level as the plan reads them."""
    async with house.database.transaction() as tx:
        return (await read_inputs(tx, Pairs((UUID(sku_id),), (UUID(warehouse_id),)))).terms
