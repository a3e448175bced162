"""One truth: what is suggested, what ``plan`` computes from a file, what a backtest replays and what a page shows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from tests.house import House
from tests.replenishment.shop import NOON, offer, plan

from holdfast import replenishment
from holdfast.demand import kept_season, nightly
from holdfast.demand.season import season_index
from holdfast.replenishment import Costs, Policy, own_past, service_odds

SKUS = [f"S{n:02}" for n in range(24)]
DAYS = 500


def wanted() -> np.ndarray[Any, np.dtype[np.int64]]:
    """(SKU, day) units, yesterday last: some every day, some rarely; more in the month after a year ago."""
    rng = np.random.default_rng(7)
    mean = np.geomspace(0.15, 12.0, len(SKUS))[:, None] * np.ones(DAYS)
    mean[:, DAYS - 365 : DAYS - 335] *= 1.7
    units = rng.poisson(mean)
    units[:, 0] = 1
    units[5, 100] = 90  # somebody furnished an office: a day above six mean sale days is cut
    return units


@pytest.fixture
async def shop(house: House) -> House:
    """Days as a file brings them, one supplier, prices between 1.5 and 4 times the cost."""
    for sku in SKUS:
        await house.stock(sku, "GZ", 1)
    warehouse_id = await house.warehouse("GZ")
    async with house.database.connection() as connection, connection.cursor() as cursor:
        for n, (sku, units) in enumerate(zip(SKUS, wanted(), strict=True)):
            sku_id = await house.sku(sku)
            await cursor.execute("update skus set price = %s, currency = 'EUR' where id = %s", [price(n), sku_id])
            await cursor.executemany(
                "insert into demand_daily (sku_id, warehouse_id, day, imported_quantity, imported_orders)"
                " values (%s, %s, %s, %s, 1)",
                [
                    [sku_id, warehouse_id, day, int(q)]
                    for day, q in zip(days(), units, strict=True)
                    if q and day < NOON.date()
                ],
            )
    await offer(house, "ACME", *SKUS)
    await plan(house)
    await run_night(house)
    await plan(house)
    return house


def price(n: int) -> float:
    return round(2.0 * (1.5 + 2.5 * n / len(SKUS)), 2)


def days() -> list[date]:
    return [NOON.date() - timedelta(days=back) for back in range(DAYS, 0, -1)]


async def run_night(house: House) -> None:
    async with house.database.transaction() as tx:
        run = await nightly.start_run(tx, actor="test")
    assert (await nightly.work_on(house.database, run.id)).status == "finished"
    await service_odds.renew(house.database)


async def suggestion(house: House, sku_id: str) -> dict[str, Any]:
    (one,) = (await house.get("/replenishment/suggestions", sku_id=sku_id))["suggestions"]
    return one | await house.get(f"/replenishment/suggestions/{one['id']}/explain")


async def codes(house: House) -> list[str]:
    async with house.database.connection() as connection:
        found = await (await connection.execute("select code from skus order by code")).fetchall()
    return [row[0] for row in found]


async def test_a_suggestion_is_what_the_plan_of_the_exported_file_says(shop: House) -> None:
    units, names = wanted(), await codes(shop)
    row, column = np.nonzero(units)
    history = {
        "date": np.array(days(), "datetime64[D]")[column],
        "sku": np.array(names, object)[row],
        "quantity": units[row, column].astype(np.float64),
    }
    items = {
        "sku": np.array(names, object),
        "lead_time_days": np.full(len(names), 7.0),
        "review_days": np.full(len(names), 7.0),
        "unit_cost": np.full(len(names), 2.0),
        "price": np.array([price(n) for n in range(len(names))]),
    }
    planned = replenishment.plan(history, items, NOON.date(), Policy(costs=Costs()))
    async with shop.database.connection() as connection:
        kept = await (
            await connection.execute(
                "select s.code, i.computed_reorder_point, i.computed_order_up_to"
                " from inventory i join skus s on s.id = i.sku_id order by s.code"
            )
        ).fetchall()
        seasons = await (
            await connection.execute("select min(season_factor), max(season_factor) from demand_forecasts")
        ).fetchall()
    assert seasons[0][0] > 1.3, "the season ahead is in it"
    assert planned.knob.trials, "the odds of service were chosen on the past"
    assert kept == list(zip(names, planned.reorder_point.tolist(), planned.order_up_to.tolist(), strict=True))


async def test_forecast_page_what_if_and_suggestion_speak_of_one_distribution(shop: House) -> None:
    sku_id = await shop.sku("S20")
    (said,) = (await shop.get(f"/forecasts/{sku_id}", days=14))["forecasts"]
    assert said["method"] == "ordering-demand"
    one = await suggestion(shop, sku_id)
    facts = {line["key"]: line["facts"] for line in one["lines"]}
    assert facts["expected_demand"]["daily_mean"] == round(said["daily_mean"], 3)
    assert facts["expected_demand"]["season_factor"] == round(said["season_factor"], 3)
    assert facts["buffer"]["found_on"] == "own past"
    tried = await shop.post(f"/replenishment/suggestions/{one['id']}/what-if", {}, expect=200)
    assert tried["then"] == tried["now"]
    leaves = [leaf for branch in tried["now"]["tree"] for leaf in branch["leaves"]]
    assert (tried["now"]["quantity"], tried["now"]["adds_up"]) == (one["suggested_quantity"], True)
    assert sorted(leaves, key=str) == sorted(one["lines"], key=str)


async def test_a_policy_that_speaks_is_obeyed(shop: House) -> None:
    sku_id, warehouse_id = await shop.sku("S20"), await shop.warehouse("GZ")
    policy = {"sku_id": sku_id, "warehouse_id": warehouse_id, "target_service": 0.8}
    await shop.call("PUT", "/replenishment/policies", json=policy, expect=200)
    await plan(shop)
    one = await suggestion(shop, sku_id)
    (buffer,) = [line["facts"] for line in one["lines"] if line["key"] == "buffer"]
    assert (buffer["cycle_service_level"], "found_on" in buffer) == (0.8, False)


async def test_what_ifs_go_by_what_planners_said_as_the_plan_does(shop: House) -> None:
    sku_id, warehouse_id = await shop.sku("S20"), await shop.warehouse("GZ")
    today = NOON.date()
    body = {
        "sku_id": sku_id,
        "warehouse_id": warehouse_id,
        "first_day": today.isoformat(),
        "last_day": (today + timedelta(days=30)).isoformat(),
        "kind": "percent",
        "value": 100,
        "reason": "fair",
    }
    await shop.post("/forecasts/overrides", body, expect=201)
    await plan(shop)
    one = await suggestion(shop, sku_id)
    tried = await shop.post(f"/replenishment/suggestions/{one['id']}/what-if", {}, expect=200)
    assert tried["now"]["quantity"] == one["suggested_quantity"]


async def test_the_season_read_in_parts_is_the_season_of_the_whole(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop.database.transaction() as tx:
        past = await own_past.read_past(tx)
    assert past is not None
    whole = season_index(past.panel.history)
    assert whole is not None
    monkeypatch.setattr(kept_season, "CHUNK_SERIES", 5)
    kept = await kept_season.renew(shop.database)
    assert kept is not None
    assert kept.index is not None
    assert kept.first_day == days()[0]
    np.testing.assert_allclose(kept.index, whole, rtol=1e-12)


def test_a_season_is_laid_along_the_days_of_a_history() -> None:
    first = np.datetime64("2026-01-01")
    index = np.arange(10.0)
    same = kept_season.along(index, first, first + 9, 730)
    later = kept_season.along(index, first, first + 11, 730)
    shorter = kept_season.along(index, first, first + 11, 5)
    np.testing.assert_array_equal(same, index)
    np.testing.assert_array_equal(later, [*index, 1.0, 1.0])
    np.testing.assert_array_equal(shorter, [7.0, 8.0, 9.0, 1.0, 1.0])


async def test_a_new_shop_does_not_wait_for_its_first_night(house: House) -> None:
    """Season and odds are found as soon as the first plan was made, and then once a night."""

    async def missing() -> tuple[bool, bool]:
        async with house.database.transaction() as tx:
            return await nightly.is_due(tx), await service_odds.are_missing(tx)

    await house.stock("TEA", "GZ", 1)
    assert await missing() == (False, False)
    await plan(house)
    assert await missing() == (True, True)
    await run_night(house)
    assert await missing() == (False, False)


async def test_before_the_first_night_nothing_is_made_up(house: House) -> None:
    assert await kept_season.renew(house.database) is None
    assert await service_odds.renew(house.database) is None
    assert UUID(await house.sku("TEA"))
