"""What planning is worth: decisions graded by what came of them, and the past replayed under other policies."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.house import House
from tests.replenishment.shop import offer, past, pending, plan, rows

from holdfast.jobs import Work
from holdfast.replenishment import backtests, grades


async def _grade(house: House) -> int:
    async with house.database.transaction() as tx:
        return await grades.grade(tx)


async def _decided_ago(house: House, suggestion: dict[str, Any], days: int) -> None:
    """Move a decision into the past, as if it had been made then."""
    async with house.database.connection() as connection:
        await connection.execute(
            "update replenishment_suggestions set processed_at = now() - make_interval(days => %s) where id = %s",
            [days, suggestion["id"]],
        )


async def _empty(house: House, sku: str, *, ago: int, days: int) -> None:
    """The shelf was empty on these days."""
    async with house.database.connection() as connection:
        await connection.execute(
            "insert into empty_shelf_spans (sku_id, warehouse_id, empty_from, empty_until, first_day, last_day)"
            " select %s, %s, day, day + make_interval(days => %s), day::date, day::date + %s::integer - 1"
            " from (select now() - make_interval(days => %s) as day) d",
            [await house.sku(sku), await house.warehouse("GZ"), days, days, ago],
        )


async def _three(house: House) -> dict[str, dict[str, Any]]:
    for sku in ("TEA", "CUP", "POT"):
        await past(house, sku, "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA", "CUP", "POT")
    await plan(house)
    by_sku = {s["sku_code"].split("-")[0]: s for s in await pending(house)}
    await house.post(f"/replenishment/suggestions/{by_sku['TEA']['id']}/approve", expect=200)
    await house.post(f"/replenishment/suggestions/{by_sku['CUP']['id']}/approve", {"quantity": 1000}, expect=200)
    await house.post(f"/replenishment/suggestions/{by_sku['POT']['id']}/reject", {"reason": "no room"}, expect=200)
    return by_sku


async def test_every_kind_of_decision_is_graded_by_empty_days_and_excess(house: House) -> None:
    """Lead time 7: a decision of 50 days ago is judged from day 43 to day 8 before today."""
    found = await _three(house)
    for one in found.values():
        await _decided_ago(house, one, 50)
    await _empty(house, "POT", ago=40, days=5)
    await _empty(house, "POT", ago=47, days=2)  # before the order could have come: nobody's fault
    await house.stock("CUP", "GZ", 2_000)
    with psycopg.connect(house.application.settings.db_url, autocommit=True) as owner:
        owner.execute("alter table inventory_movements disable trigger user")  # the ledger lets nobody change an entry
        owner.execute(
            "update inventory_movements set created_at = date_trunc('day', now()) - interval '8 days 1 hour'"
            " where quantity = 2000"
        )
        owner.execute("alter table inventory_movements enable trigger user")
    assert await _grade(house) == 3
    month = (await rows(house, "select (now() - interval '50 days')::date::text"))[0][0]
    report = await house.get("/replenishment/grades", month=month)
    by_kind = {line["decision"]: line for line in report["lines"]}
    assert by_kind["rejected"]["stockout_days"] == 5
    assert (by_kind["followed"]["stockout_days"], by_kind["changed"]["stockout_days"]) == (0, 0)
    assert [line["final"] for line in report["lines"]] == [1, 1, 1]
    (changed,) = [g for g in report["grades"] if g["decision"] == "changed"]
    assert (changed["decided_quantity"], changed["suggested_quantity"]) == (
        1000,
        found["CUP"]["suggested_quantity"],
    )
    # 2,030 are there and about 331 are wanted at most: the rest is excess at 2.00 each.
    assert changed["excess_units"] == pytest.approx(1_699, abs=5)
    assert float(changed["excess_value"]) == 2 * changed["excess_units"]
    assert await _grade(house) == 0, "final grades stay"


async def test_a_grade_is_provisional_until_its_window_ends(house: House) -> None:
    found = await _three(house)
    await _decided_ago(house, found["POT"], 20)
    assert await _grade(house) == 1, "the others were decided today"
    assert await rows(house, "select is_final, stockout_days from decision_grades") == [(False, 0)]
    await _empty(house, "POT", ago=5, days=3)
    assert await _grade(house) == 1
    assert await rows(house, "select is_final, stockout_days from decision_grades") == [(False, 3)]


async def test_the_past_is_replayed_under_every_policy(house: House) -> None:
    for n, per_day in enumerate((3, 10, 25)):
        await past(house, f"K{n}", "GZ", per_day=per_day, left=30, days=200)
    await offer(house, "ACME", "K0", "K1", "K2")
    await plan(house)
    started = await house.post("/replenishment/backtest", {"days": 60}, expect=202)
    assert (started["status"], started["phase"]) == ("running", "waiting")
    again = await house.post("/replenishment/backtest", expect=202)
    assert again["id"] == started["id"], "one at a time"
    await _replay(house.work, started["id"])
    done = await house.get(f"/replenishment/backtests/{started['id']}")
    assert (done["status"], done["error"]) == ("finished", None)
    names = [p["policy"] for p in done["result"]["policies"]]
    assert {"rule, fixed", "rule, refreshed", "holdfast", "perfect foresight"} <= set(names)
    assert (done["result"]["series"], done["result"]["currency"]) == (3, "EUR")
    costs = {p["policy"]: p["cost"] for p in done["result"]["policies"]}
    assert costs["perfect foresight"] <= costs["holdfast"] <= costs["rule, fixed"]
    await _replay(house.work, started["id"])  # a second job for a finished one changes nothing
    assert await house.get(f"/replenishment/backtests/{started['id']}") == done


async def test_a_shop_without_a_past_is_told_so(house: House) -> None:
    started = await house.post("/replenishment/backtest", expect=202)
    await _replay(house.work, started["id"])
    done = await house.get(f"/replenishment/backtests/{started['id']}")
    assert done["status"] == "failed"
    assert done["error"] == "Nothing has been planned yet, so there is no history to replay."
    assert (await house.get("/replenishment/backtests"))["backtests"] == [done]


async def _replay(work: Work, backtest_id: str) -> None:
    await backtests.work_on(work.database, UUID(backtest_id))
