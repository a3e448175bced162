"""Promotions, holidays and closed days ahead: as a planner says, or as earlier days of their kind did."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.house import House
from tests.replenishment.shop import NOON, offer, plan

from holdfast import replenishment
from holdfast.demand import DemandHistory, Occasion
from holdfast.demand.occasions import coming_factor
from holdfast.replenishment import Costs, Policy

DAYS = 200
TODAY = NOON.date()
LEAD_AND_REVIEW = 14


def whole(sold: Any) -> DemandHistory:
    units = np.asarray(sold)
    return DemandHistory(units, np.ones(units.shape, np.bool_))


def on(*days: int, ahead: int = 10) -> np.ndarray[Any, np.dtype[np.bool_]]:
    mask = np.zeros((1, DAYS + ahead), np.bool_)
    mask[0, list(days)] = True
    return mask


@pytest.mark.parametrize(
    ("usual", "then", "past", "said", "expected"),
    [
        (20, 60, (50, 90, 130), None, (180 + 50) / (60 + 50)),  # three days of thrice as much, drawn to 1 by 50 units
        (1, 3, (50,), None, (3 + 50) / (1 + 50)),  # one small day says next to nothing
        (20, 60, (), None, 1.0),  # never seen: as usual
        (20, 60, (50, 90, 130), 1.5, 1.5),  # a planner knows better
        (20, 0, (50, 90, 130), 0.0, 0.0),  # closed
    ],
)
def test_a_coming_day_counts_as_said_or_as_its_kind_did(
    usual: int, then: int, past: tuple[int, ...], said: float | None, expected: float
) -> None:
    sold = np.full((1, DAYS), usual)
    sold[0, list(past)] = then
    occasions = [Occasion("promotion", on(DAYS, DAYS + 1), said), Occasion("promotion", on(*past))]
    found = coming_factor(whole(sold), 10, occasions)[0]
    assert found == pytest.approx((2 * expected + 8) / 10, rel=1e-9)


def test_kinds_multiply_where_they_meet_and_the_first_of_a_kind_counts() -> None:
    sold = whole(np.full((1, DAYS), 5))
    day = on(DAYS)
    said = [Occasion("promotion", day, 2.0), Occasion("promotion", day, 9.0), Occasion("holiday", day, 0.5)]
    assert coming_factor(sold, 1, said)[0] == pytest.approx(1.0)


def test_a_series_has_the_same_factor_among_any_others() -> None:
    sold = np.random.default_rng(1).poisson(9.0, (5, DAYS))
    sold[:, 60:65] *= 3
    said = [Occasion("promotion", np.repeat(on(60, 61, 62, 63, 64, DAYS), 5, axis=0))]
    one = [Occasion("promotion", on(60, 61, 62, 63, 64, DAYS))]
    np.testing.assert_array_equal(coming_factor(whole(sold), 7, said)[:1], coming_factor(whole(sold[:1]), 7, one))


def wanted() -> np.ndarray[Any, np.dtype[np.int64]]:
    units = np.random.default_rng(4).poisson(8.0, DAYS)
    units[0] = 1
    units[100:105] = 24
    return units


def day(column: int) -> date:
    return TODAY + timedelta(days=column - DAYS)


@pytest.fixture
async def shop(house: House) -> House:
    """Tea sells eight a day, and three times as much in a promotion a hundred days ago."""
    await house.stock("TEA", "GZ", 1)
    level = [await house.sku("TEA"), await house.warehouse("GZ")]
    async with house.database.connection() as connection, connection.cursor() as cursor:
        await cursor.executemany(
            "insert into demand_daily (sku_id, warehouse_id, day, imported_quantity, imported_orders)"
            " values (%s, %s, %s, %s, 1)",
            [[*level, day(n), int(q)] for n, q in enumerate(wanted()) if q],
        )
    await offer(house, "ACME", "TEA")
    await said(house, day(100), day(104))
    policy = {"target_service": 0.95}
    await house.call("PUT", "/replenishment/policies", json=policy, expect=200)
    return house


async def said(house: House, first: date, last: date, **more: Any) -> None:
    entry = {"kind": "promotion", "label": f"Fair {first}", "first_day": str(first), "last_day": str(last)}
    await house.post("/demand/calendar", entry | more)


async def suggestion(house: House) -> dict[str, Any]:
    await plan(house)
    (one,) = (await house.get("/replenishment/suggestions", sku_id=await house.sku("TEA")))["suggestions"]
    return one | await house.get(f"/replenishment/suggestions/{one['id']}/explain")


async def test_a_promotion_ahead_raises_suggestion_sum_and_what_if_alike(shop: House) -> None:
    before = await suggestion(shop)
    await said(shop, TODAY + timedelta(days=2), TODAY + timedelta(days=8))
    learned = await suggestion(shop)
    await said(shop, TODAY + timedelta(days=9), TODAY + timedelta(days=9), factor=30)
    given = await suggestion(shop)
    quantities = [one["suggested_quantity"] for one in (before, learned, given)]
    assert quantities[0] < quantities[1] < quantities[2]
    for one in (before, learned, given):
        assert sum(line["sign"] * line["amount"] for line in one["lines"]) == one["suggested_quantity"]
    facts = {line["key"]: line["facts"] for line in given["lines"]}["expected_demand"]
    effect = (5 * 24 + 50) / (5 * _usual() + 50)
    assert facts["occasion_factor"] == pytest.approx((7 * effect + 30 + 6) / LEAD_AND_REVIEW, abs=0.001)
    (told,) = (await shop.get(f"/forecasts/{await shop.sku('TEA')}", days=14))["forecasts"]
    assert told["occasion_factor"] == pytest.approx(facts["occasion_factor"], abs=0.001)
    tried = await shop.post(f"/replenishment/suggestions/{given['id']}/what-if", {}, expect=200)
    assert (tried["now"]["quantity"], tried["now"]["adds_up"]) == (given["suggested_quantity"], True)


def _usual() -> float:
    units = wanted().astype(float)
    return float((units.sum() - 5 * 24) / (DAYS - 5))


async def test_plan_of_the_exported_file_and_calendar_says_the_same(shop: House, tmp_path: Path) -> None:
    await said(shop, TODAY + timedelta(days=2), TODAY + timedelta(days=8))
    one = await suggestion(shop)
    calendar = tmp_path / "calendar.csv"
    calendar.write_text(
        "kind,first_day,last_day,sku,factor\n"
        f"promotion,{day(100)},{day(104)},,\npromotion,{TODAY + timedelta(days=2)},{TODAY + timedelta(days=8)},TEA,\n"
        "promotion,never,,,\n"
    )
    column = np.flatnonzero(wanted())
    history = {
        "date": np.array([day(n) for n in column.tolist()], "datetime64[D]"),
        "sku": np.full(column.size, "TEA", object),
        "quantity": wanted()[column].astype(np.float64),
    }
    items = {"sku": ["TEA"], "lead_time_days": [7.0], "review_days": [7.0], "unit_cost": [2.0]}
    planned = [
        replenishment.plan(history, items, TODAY, Policy(costs=Costs()), calendar=given) for given in (calendar, None)
    ]
    assert any("bad_calendar (1)" in remark for remark in planned[0].remarks)
    assert planned[0].reorder_point[0] > planned[1].reorder_point[0]
    mean = {line["key"]: line["amount"] for line in one["lines"]}["expected_demand"]
    forecast = planned[0].expected_demand[0]
    assert round(forecast) == mean
