"""From sales to suggestions to orders, against PostgreSQL and through the API."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Json
from tests.house import House

from holdfast.replenishment import decisions, jobs, service

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


async def past(house: House, sku: str, warehouse: str, *, per_day: int, left: int, days: int = 100) -> None:
    """A ledger in which ``per_day`` units sold each day and ``left`` are on the shelf."""
    entries = [(days + 1, per_day * days + left, "receipt"), *((ago, -per_day, "sale") for ago in range(days, 0, -1))]
    rows = [
        {
            "sku_id": await house.sku(sku),
            "warehouse_id": await house.warehouse(warehouse),
            "movement_type": "in" if quantity > 0 else "out",
            "quantity": quantity,
            "reference_type": reference,
            "reason": "test",
            "occurred_at": (NOON - timedelta(days=ago)).isoformat(),
        }
        for ago, quantity, reference in entries
    ]
    async with house.database.connection() as connection:
        await connection.execute("select stock_import_history(%s, 'test')", [Json(rows)])


async def offer(house: House, supplier: str, *skus: str, lead: int = 7, **terms: Any) -> None:
    """The supplier sells these SKUs at 2.00 each."""
    supplier_id = await house.supplier(supplier, lead_time_days=lead)
    for sku in skus:
        item = {"sku_id": await house.sku(sku), "unit_cost": "2.00", "is_preferred": True, **terms}
        async with house.database.connection() as connection:
            await connection.execute(
                "insert into supplier_items (supplier_id, sku_id, unit_cost, moq, order_multiple, is_preferred)"
                " values (%s, %s, %s, %s, %s, true)",
                [supplier_id, item["sku_id"], item["unit_cost"], item.get("moq", 1), item.get("multiple", 1)],
            )


async def plan(house: House) -> dict[str, Any]:
    """Run the plan as the worker does; answers the run."""
    begun = await house.post("/replenishment/suggestions/run", expect=202)
    run = await service.work_on(house.database, UUID(begun["id"]))
    assert run.status == "finished"
    return await house.get(f"/replenishment/runs/{run.id}")


async def pending(house: House, **filters: str) -> list[dict[str, Any]]:
    return (await house.get("/replenishment/suggestions", status="pending", **filters))["suggestions"]


async def rows(house: House, query: str) -> list[tuple[Any, ...]]:
    async with house.database.connection() as connection:
        return await (await connection.execute(query)).fetchall()  # type: ignore[arg-type]


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
    assert (forecast["protection_days"], forecast["method"], len(forecast["high"])) == (14, "ses-negbin", 30)


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


async def test_approved_suggestions_share_a_draft_and_follow_it_to_the_receipt(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await past(house, "CUP", "GZ", per_day=5, left=10)
    await offer(house, "ACME", "TEA", "CUP")
    await plan(house)
    ids = [one["id"] for one in await pending(house)]
    strange = "00000000-0000-7000-8000-000000000000"
    answer = await house.post("/replenishment/suggestions:approve", {"ids": [*ids, strange]}, expect=200)
    assert sorted(answer["approved"]) == sorted(ids)
    assert [(r["suggestion_id"], r["code"]) for r in answer["refused"]] == [(strange, "suggestion_not_found")]
    approved = await house.get(f"/replenishment/suggestions/{ids[0]}")
    order = await house.get(f"/purchase-orders/{approved['purchase_order_id']}")
    assert (order["status"], len(order["items"])) == ("draft", 2)

    run = await plan(house)
    assert run["facts"]["opened"] == 0, "what was approved counts, though no order has left"
    await house.post(f"/purchase-orders/{order['id']}/send", expect=200)
    run = await plan(house)
    assert run["facts"]["opened"] == 0, "what is in transit counts"

    async def followed() -> str:
        async with house.database.transaction() as tx:
            await decisions.follow_orders(tx)
        return (await house.get(f"/replenishment/suggestions/{ids[0]}"))["status"]

    assert await followed() == "ordered"
    await house.post(f"/purchase-orders/{order['id']}/receive", expect=200)
    assert await followed() == "received"
    assert (await plan(house))["facts"]["opened"] == 0


async def test_approving_twice_orders_once(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA")
    await plan(house)
    (one,) = await pending(house)
    first = await house.post(f"/replenishment/suggestions/{one['id']}/approve", expect=200)
    again = await house.post(f"/replenishment/suggestions/{one['id']}/approve", expect=200)
    assert (first["status"], again["version"]) == ("approved", first["version"])
    assert len(await rows(house, "select from purchase_order_lines")) == 1


async def test_two_people_approving_at_once_order_once(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await past(house, "CUP", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA", "CUP")
    await plan(house)
    ids = [one["id"] for one in await pending(house)]
    await asyncio.gather(
        house.post("/replenishment/suggestions:approve", {"ids": ids}, expect=200),
        house.post("/replenishment/suggestions:approve", {"ids": ids[::-1]}, expect=200),
    )
    assert len(await rows(house, "select from purchase_order_lines")) == 2


async def test_another_quantity_is_ordered_and_the_sum_says_who_decided(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA")
    await plan(house)
    (one,) = await pending(house)
    approved = await house.post(f"/replenishment/suggestions/{one['id']}/approve", {"quantity": 7}, expect=200)
    assert approved["suggested_quantity"] == 7
    why = await house.get(f"/replenishment/suggestions/{one['id']}/explain")
    assert why["adds_up"]
    assert why["lines"][-1]["key"] == "decided_by_hand"
    assert (await rows(house, "select ordered_quantity from purchase_order_lines")) == [(7,)]


async def test_a_changed_or_supplierless_suggestion_is_not_approved(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await plan(house)
    (one,) = await pending(house)
    path = f"/replenishment/suggestions/{one['id']}/approve"
    assert (await house.post(path, {"expected_version": 99}, expect=409))["code"] == "version_conflict"
    assert (await house.post(path, expect=409))["code"] == "no_supplier"
    await offer(house, "ACME", "TEA")
    supplier_id = await house.supplier("ACME")
    assert (await house.post(path, {"supplier_id": supplier_id}, expect=200))["supplier_id"] == supplier_id


async def test_a_rejected_suggestion_stays_away_until_matters_get_much_worse(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=120)
    await offer(house, "ACME", "TEA")
    await plan(house)
    (one,) = await pending(house)
    assert one["priority"] != "urgent"
    no = await house.post(f"/replenishment/suggestions/{one['id']}/reject", {"reason": "sale ends"}, expect=200)
    assert no["status"] == "rejected"
    approve = await house.post(f"/replenishment/suggestions/{one['id']}/approve", expect=409)
    assert approve["code"] == "suggestion_not_pending"
    assert (await plan(house))["facts"]["opened"] == 0
    await house.sell("TEA", "GZ", 100)
    assert (await plan(house))["facts"]["opened"] == 1
    assert (await pending(house))[0]["priority"] == "urgent"


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


async def test_an_order_somebody_is_still_writing_counts(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA")
    items = [{"sku_id": await house.sku("TEA"), "quantity": 900}]
    order = {"supplier_id": await house.supplier("ACME"), "warehouse_id": await house.warehouse("GZ"), "items": items}
    await house.post("/purchase-orders", order)
    assert (await plan(house))["facts"]["opened"] == 0


async def test_what_was_decided_is_not_rewritten_by_the_next_plan(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA")
    await plan(house)
    (one,) = await pending(house)
    decided = await house.post(f"/replenishment/suggestions/{one['id']}/approve", {"quantity": 1}, expect=200)
    assert (await plan(house))["facts"] == {"opened": 0, "updated": 0, "withdrawn": 0}
    assert await house.get(f"/replenishment/suggestions/{one['id']}") == decided


async def test_a_line_taken_off_its_draft_is_suggested_again(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await past(house, "CUP", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA", "CUP")
    await plan(house)
    ids = [one["id"] for one in await pending(house)]
    await house.post("/replenishment/suggestions:approve", {"ids": ids}, expect=200)
    order_id = (await house.get(f"/replenishment/suggestions/{ids[0]}"))["purchase_order_id"]
    keep = [{"sku_id": await house.sku("CUP"), "quantity": 300}]
    await house.call("PATCH", f"/purchase-orders/{order_id}", json={"items": keep}, expect=200)
    async with house.database.transaction() as tx:
        assert await decisions.follow_orders(tx) == 1
    await plan(house)
    assert [s["sku_id"] for s in await pending(house)] == [await house.sku("TEA")]
