"""From sales to suggestions, against PostgreSQL and through the API."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.house import House
from tests.replenishment.shop import NOON, offer, past, pending, plan, rows

from holdfast.replenishment import jobs, service


async def test_what_runs_low_is_suggested_with_a_sum_that_adds_up(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await past(house, "CUP", "GZ", per_day=10, left=900)
    await offer(house, "ACME", "TEA", "CUP", multiple=48)
    run = await plan(house)
    assert (run["pairs_total"], run["pairs_done"], run["facts"]["opened"]) == (2, 2, 1)
    (one,) = await pending(house)
    assert one["sku_id"] == await house.sku("TEA")
    assert (one["current_quantity"], one["reason"], one["priority"]) == (30, "runs_out_before_delivery", "urgent")
    # 14 days at 10 a day stay within 160 with 95 % (Poisson); lot sqrt(2 x 2 x 3650 / (0.25 x 2)) = 171; 30 are here:
    # 160 + 171 - 30 = 301, in packs of 48.
    assert one["suggested_quantity"] == 7 * 48
    assert one["estimated_cost"] == f"{2 * one['suggested_quantity']}.00"
    why = await house.get(f"/replenishment/suggestions/{one['id']}/explain")
    assert why["adds_up"]
    assert sum(line["sign"] * line["amount"] for line in why["lines"]) == one["suggested_quantity"]
    assert [line["key"] for line in why["lines"]][:2] == ["expected_demand", "buffer"]


async def test_levels_and_forecasts_are_written_for_every_pair(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=900)
    await offer(house, "ACME", "TEA")
    await plan(house)
    (level,) = await rows(
        house, "select computed_reorder_point, computed_safety_stock, computed_order_up_to from inventory"
    )
    assert 140 <= level[0] <= 180
    assert level[1] == level[0] - 140
    assert level[2] >= level[0] + 70
    (forecast,) = (await house.get(f"/forecasts/{await house.sku('TEA')}", days=30))["forecasts"]
    assert forecast["daily_mean"] == pytest.approx(10, rel=0.02)
    assert (forecast["protection_days"], forecast["method"], len(forecast["high"])) == (14, "ordering-demand", 30)


async def test_thirty_runs_without_change_leave_one_suggestion_as_it_was(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA")
    await plan(house)
    before = await pending(house)
    for _ in range(30):
        run = await plan(house)
        assert (run["facts"]["opened"], run["facts"]["updated"], run["facts"]["withdrawn"]) == (0, 0, 0)
    assert await pending(house) == before
    assert len(await rows(house, "select from replenishment_suggestions")) == 1


async def test_a_sale_updates_the_open_suggestion_and_a_receipt_withdraws_it(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=100)
    await offer(house, "ACME", "TEA")
    await plan(house)
    (first,) = await pending(house)
    await house.sell("TEA", "GZ", 20)
    await plan(house)
    (second,) = await pending(house)
    assert second["id"] == first["id"]
    assert second["suggested_quantity"] == first["suggested_quantity"] + 20
    assert second["version"] == first["version"] + 1
    await house.stock("TEA", "GZ", 500)
    run = await plan(house)
    assert run["facts"]["withdrawn"] == 1
    assert await pending(house) == []
    assert (await house.get(f"/replenishment/suggestions/{first['id']}"))["status"] == "withdrawn"


async def test_the_most_specific_policy_wins_and_none_means_none(house: House) -> None:
    await house.sku("TEA", category="drinks")
    for sku in ("TEA", "CUP"):
        await past(house, sku, "GZ", per_day=10, left=30)
        await past(house, sku, "SH", per_day=10, left=30)
    await offer(house, "ACME", "TEA", "CUP")
    tea, gz = await house.sku("TEA"), await house.warehouse("GZ")

    async def policy(mode: str, **scope: Any) -> dict[str, Any]:
        return await house.call("PUT", "/replenishment/policies", json={"mode": mode, **scope}, expect=200)

    await policy("none")
    await plan(house)
    assert await pending(house) == []
    await policy("auto", category="drinks")
    await plan(house)
    assert {s["sku_id"] for s in await pending(house)} == {tea}
    exact = await policy("none", sku_id=tea, warehouse_id=gz)
    await plan(house)
    assert [s["warehouse_id"] for s in await pending(house)] == [await house.warehouse("SH")]
    await house.call("DELETE", f"/replenishment/policies/{exact['id']}", expect=204)
    await plan(house)
    assert len(await pending(house)) == 2
    assert len((await house.get("/replenishment/policies"))["policies"]) == 2
    refused = await house.call("PUT", "/replenishment/policies", json={"sku_id": tea, "category": "drinks"}, expect=422)
    assert refused["errors"][0]["code"] == "ambiguous_scope"


async def test_levels_set_by_hand_hold_from_the_next_plan_on(house: House) -> None:
    await house.stock("TEA", "GZ", 5)
    scope = {"sku_id": await house.sku("TEA"), "warehouse_id": await house.warehouse("GZ")}
    body = {**scope, "mode": "manual", "levels": {"reorder_point": 10, "max_stock": 50}}
    await house.call("PUT", "/replenishment/policies", json=body, expect=200)
    await plan(house)
    assert [s["suggested_quantity"] for s in await pending(house)] == [45]


async def test_archived_skus_and_closed_warehouses_are_not_planned(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await past(house, "CUP", "SH", per_day=10, left=30)
    await plan(house)
    assert len(await pending(house)) == 2
    await house.call("PATCH", f"/skus/{await house.sku('TEA')}", json={"archived": True}, expect=200)
    await house.call("PATCH", f"/warehouses/{await house.warehouse('SH')}", json={"is_active": False}, expect=200)
    assert (await plan(house))["pairs_total"] == 0
    assert await pending(house) == []


async def test_a_killed_run_goes_on_where_it_was(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(5):
        await past(house, f"K{n}", "GZ", per_day=10, left=30, days=20)
    monkeypatch.setattr(service, "CHUNK_PAIRS", 2)
    begun = await house.post("/replenishment/suggestions/run", expect=202)
    planned: list[int] = []
    real = service.plan_pairs

    async def dying(*args: Any, **named: Any) -> None:
        if len(planned) == 1:
            raise ConnectionError("killed")
        planned.append(1)
        await real(*args, **named)

    monkeypatch.setattr(service, "plan_pairs", dying)
    with pytest.raises(ConnectionError):
        await service.work_on(house.database, UUID(begun["id"]))
    half = await house.get(f"/replenishment/runs/{begun['id']}")
    assert (half["status"], half["pairs_done"]) == ("running", 2)
    again = await house.post("/replenishment/suggestions/run", expect=202)
    assert again["id"] == begun["id"], "one run at a time"
    monkeypatch.setattr(service, "plan_pairs", real)
    done = await service.work_on(house.database, UUID(begun["id"]))
    assert (done.status, done.pairs_done, done.facts["opened"]) == ("finished", 5, 5)
    assert (await service.work_on(house.database, done.id)).status == "finished", "a late second job changes nothing"


async def test_a_run_is_stopped_between_two_steps_and_goes_on_where_it_was(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        await past(house, f"K{n}", "GZ", per_day=10, left=30, days=20)
    monkeypatch.setattr(service, "CHUNK_PAIRS", 2)
    begun = await house.post("/replenishment/suggestions/run", expect=202)
    real = service.plan_pairs

    async def stopping(*args: Any, **named: Any) -> None:
        await real(*args, **named)
        await house.post(f"/replenishment/runs/{begun['id']}/stop", expect=200)

    monkeypatch.setattr(service, "plan_pairs", stopping)
    stopped = await service.work_on(house.database, UUID(begun["id"]))
    assert (stopped.status, stopped.pairs_done) == ("stopped", 2)
    monkeypatch.setattr(service, "plan_pairs", real)
    assert (await service.work_on(house.database, stopped.id)).status == "stopped", (
        "a job that comes late changes nothing"
    )
    resumed = await house.post(f"/replenishment/runs/{begun['id']}/resume", expect=200)
    assert resumed["status"] == "running"
    assert (await house.post(f"/replenishment/runs/{begun['id']}/resume", expect=409))["code"] == "run_not_stopped"
    done = await service.work_on(house.database, stopped.id)
    assert (done.status, done.pairs_done, done.facts["opened"]) == ("finished", 5, 5)


async def test_of_two_stopped_runs_resumed_at_once_one_is_refused_cleanly(house: House) -> None:
    ids: list[str] = []
    for _ in range(2):
        begun = await house.post("/replenishment/suggestions/run", expect=202)
        await house.post(f"/replenishment/runs/{begun['id']}/stop", expect=200)
        ids.append(begun["id"])

    async def resume(run_id: str) -> int:
        answer = await house.client.post(f"/api/v1/replenishment/runs/{run_id}/resume")
        return answer.status_code

    for _ in range(5):
        answers = await asyncio.gather(*(resume(run_id) for run_id in ids))
        assert sorted(answers) == [200, 409]
        for run_id in ids:
            await house.post(f"/replenishment/runs/{run_id}/stop", expect=200)


async def test_a_plan_and_a_person_decide_at_once_and_nothing_is_lost(house: House) -> None:
    """The plan takes the rows it changes in the order approvals take theirs: neither waits for the other for ever."""
    for n in range(6):
        await past(house, f"K{n}", "GZ", per_day=10, left=30, days=30)
    await offer(house, "ACME", *(f"K{n}" for n in range(6)))
    await plan(house)
    ids = [s["id"] for s in await pending(house)]

    async def approve(some: list[str]) -> list[str]:
        return (await house.post("/replenishment/suggestions:approve", {"ids": some}, expect=200))["approved"]

    _, one, two = await asyncio.gather(plan(house), approve(ids[::-1]), approve(ids))
    again = await approve([s["id"] for s in await pending(house)]) if await pending(house) else []
    assert sorted([*one, *two, *again]) == sorted(ids)
    lines = await rows(house, "select count(*), count(distinct suggestion_id) from purchase_order_lines")
    assert lines == [(6, 6)]


async def test_a_run_that_always_fails_gives_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30, days=20)

    async def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(service, "plan_pairs", broken)
    begun = await house.post("/replenishment/suggestions/run", expect=202)
    for _ in range(service.ATTEMPTS_MAX):
        with pytest.raises(ZeroDivisionError):
            await service.work_on(house.database, UUID(begun["id"]))
    run = await service.work_on(house.database, UUID(begun["id"]))
    assert run.status == "failed"
    assert "gave up" in run.facts["error"]


async def test_what_runs_low_between_runs_is_planned_alone(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=300)
    await past(house, "CUP", "GZ", per_day=10, left=300)
    await offer(house, "ACME", "TEA", "CUP")
    await plan(house)
    assert await service.plan_between_runs(house.database) == 0
    await house.sell("TEA", "GZ", 250)
    assert await service.plan_between_runs(house.database) == 0, "planned within the hour"
    async with house.database.connection() as connection:
        await connection.execute("update demand_forecasts set made_at = made_at - interval '2 hours'")
    assert await service.plan_between_runs(house.database) == 1
    (one,) = await pending(house)
    assert (one["sku_id"], one["run_id"]) == (await house.sku("TEA"), None)


async def test_new_levels_do_not_wait_for_the_next_run(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await plan(house)
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await past(house, "CUP", "GZ", per_day=10, left=900)
    monkeypatch.setattr(service, "PAIRS_BETWEEN_RUNS_MAX", 1)
    assert await service.plan_between_runs(house.database) is None, "an import is work for a run"
    monkeypatch.undo()
    assert await service.plan_between_runs(house.database) == 2
    assert [s["sku_id"] for s in await pending(house)] == [await house.sku("TEA")]
    assert await service.plan_between_runs(house.database) == 0


async def test_the_run_is_due_after_its_interval(house: House) -> None:
    async with house.database.transaction() as tx:
        assert await service.is_due(tx, interval_seconds=86_400), "there was none yet"
        await jobs.begin(tx, actor="test")
        assert not await service.is_due(tx, interval_seconds=86_400)
        assert await service.is_due(tx, interval_seconds=0)
    queued = await rows(house, "select count(*) from procrastinate_jobs where task_name like '%plan_replenishment'")
    assert queued == [(1,)]


async def test_suggestions_come_in_pages_most_urgent_first(house: House) -> None:
    for n, left in enumerate((20, 130, 60, 90)):
        await past(house, f"K{n}", "GZ", per_day=10, left=left, days=60)
    await plan(house)
    everything = await pending(house)
    ranks = ["urgent", "high", "medium", "low"]
    assert [ranks.index(s["priority"]) for s in everything] == sorted(ranks.index(s["priority"]) for s in everything)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await house.get("/replenishment/suggestions", status="pending", limit=1, **cursor)
        seen += [s["id"] for s in page["suggestions"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [s["id"] for s in everything]


async def test_demand_of_a_day_is_answered(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30, days=3)
    await plan(house)
    found = await house.get("/demand", sku_id=await house.sku("TEA"), limit=2)
    assert [d["quantity"] for d in found["demand"]] == [10, 10]
    rest = await house.get("/demand", sku_id=await house.sku("TEA"), limit=2, cursor=found["next_cursor"])
    assert [d["day"] for d in rest["demand"]] == [(NOON - timedelta(days=3)).date().isoformat()]
