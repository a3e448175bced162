"""Learned against stated: one action lets what was learned be what is stated, and nothing is counted twice."""

from __future__ import annotations

from typing import Any

import pytest
from tests.house import House
from tests.purchasing.test_lead_times import lead_times, learn_all, received_after

from holdfast.purchasing.lead_times import DELIVERIES_MIN


async def taught(house: House, days: float, *, times: int = DELIVERIES_MIN) -> str:
    """ACME promises 7 days for TEA and NEW, 10 for POT; TEA came so many times after so many days."""
    path = f"/suppliers/{await house.supplier('ACME', lead_time_days=7)}"
    for sku, own in (("TEA", None), ("NEW", None), ("POT", 10)):
        terms = {"sku_id": await house.sku(sku), "unit_cost": "1.5", "lead_time_days": own}
        await house.post(f"{path}/items", terms)
    for _ in range(times):
        await received_after(house, days)
    await learn_all(house)
    return path


async def used(house: House) -> dict[str, float]:
    return {sku: row["lead_time_days"] for sku, row in (await lead_times(house)).items()}


async def promised(house: House) -> dict[str, float]:
    return {sku: row["promised_days"] for sku, row in (await lead_times(house)).items()}


async def test_accepting_what_was_learned_states_it_and_planning_stays_as_it_was(house: House) -> None:
    path = await taught(house, 14, times=12)
    before = await used(house)
    for _ in range(2):
        await house.post(f"{path}/lead-times/accept", {}, expect=204)
        stated = await promised(house)
        # What is stated is rounded to hundredths, and the mean lies a little above the median that is learned.
        assert stated == pytest.approx(await used(house), rel=0.06)
        assert await used(house) == pytest.approx(before, rel=0.12), "the correction is not counted twice"
    assert stated["POT"] > 15, "a promise of its own is corrected too"
    supplier = await house.get(path)
    assert 12 < float(supplier["lead_time_days"]) < 15


async def test_accepting_for_one_sku_leaves_the_others(house: House) -> None:
    path = await taught(house, 14)
    await house.post(f"{path}/lead-times/accept", {"sku_id": await house.sku("TEA")}, expect=204)
    stated = await promised(house)
    assert (stated["NEW"], stated["POT"]) == (7, 10)
    assert stated["TEA"] > 10


async def test_too_few_deliveries_teach_nothing_that_could_be_accepted(house: House) -> None:
    path = await taught(house, 14, times=DELIVERIES_MIN - 1)
    for body in ({}, {"sku_id": await house.sku("TEA")}):
        assert (await house.post(f"{path}/lead-times/accept", body, expect=409))["code"] == "nothing_learned"
    assert await promised(house) == {"TEA": 7, "NEW": 7, "POT": 10}


async def test_correcting_a_promise_by_hand_does_not_count_twice_until_the_next_hour(house: House) -> None:
    """Seen at a SKU that never came: what is learned of its supplier is a factor on its promise."""
    path = await taught(house, 14, times=12)
    before = await used(house)
    await house.call("PATCH", path, json={"lead_time_days": "14"}, expect=200)
    after = await used(house)
    assert after["NEW"] == pytest.approx(before["NEW"], rel=0.12), "not 28"
    assert after["TEA"] == pytest.approx(before["TEA"], rel=0.12)


async def test_correcting_the_promise_of_one_sku_leaves_what_it_takes(house: House) -> None:
    path = await taught(house, 14, times=12)
    before = (await used(house))["TEA"]
    terms: dict[str, Any] = {"sku_id": await house.sku("TEA"), "unit_cost": "1.5", "lead_time_days": 14}
    await house.post(f"{path}/items", terms)
    assert (await used(house))["TEA"] == pytest.approx(before, rel=0.12)


async def test_goods_written_down_after_they_came_teach_nothing(house: House) -> None:
    path = await taught(house, 14)
    before = await used(house)
    for _ in range(10):
        await received_after(house, 0.01)
    await learn_all(house)
    assert await used(house) == before
    assert (await house.get(f"{path}/scorecard"))["lead_time"]["receipts"] == DELIVERIES_MIN
