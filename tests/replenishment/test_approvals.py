"""Who may spend how much; what needs nobody; and what is never ordered twice unseen."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.house import House
from tests.replenishment.shop import NOON, offer, past, pending, plan, rows

from holdfast.replenishment import approvals, decisions


async def _low(house: House, *skus: str, per_day: int = 10) -> None:
    for sku in skus:
        await past(house, sku, "GZ", per_day=per_day, left=30)
    await offer(house, "ACME", *skus)
    await plan(house)


async def _key(house: House, *scopes: str) -> dict[str, str]:
    made = await house.post("/api-keys", {"name": f"{'-'.join(scopes)}-{house.tag}", "scopes": list(scopes)})
    return {"authorization": f"Bearer {made['token']}"}


async def _limit(house: House, role: str, value: str) -> None:
    body = {"role": role, "currency": "EUR", "max_value": value}
    await house.call("PUT", "/replenishment/approval-limits", json=body, expect=200)


async def _rule(house: House, **body: Any) -> dict[str, Any]:
    whole = {"currency": "EUR", "max_value": "1000.00", "daily_max_value": "5000.00", "is_active": True, **body}
    return await house.call("PUT", "/replenishment/auto-approvals", json=whole, expect=200)


async def test_a_role_approves_up_to_its_limit_and_not_in_parts(house: House) -> None:
    """Each suggestion is worth about 600; the order they share may be worth 1,000."""
    await _low(house, "TEA", "CUP")
    first, second = await pending(house)
    assert 500 < float(first["estimated_cost"]) < 1000
    await _limit(house, "approver", "1000.00")
    approver = await _key(house, "approve", "plan", "read")
    one, two = (f"/replenishment/suggestions/{s['id']}/approve" for s in (first, second))
    await house.post(one, expect=200, headers=approver)
    refused = await house.post(two, expect=403, headers=approver)
    assert refused["code"] == "over_approval_limit"
    assert [s["id"] for s in await pending(house)] == [second["id"]]
    many = await house.post("/replenishment/suggestions:approve", {"ids": [second["id"]]}, expect=200, headers=approver)
    assert [r["code"] for r in many["refused"]] == ["over_approval_limit"]
    await house.post(two, expect=200)
    order = (await house.get(f"/replenishment/suggestions/{first['id']}"))["purchase_order_id"]
    for verb in ("approve", "send"):
        refused = await house.post(f"/purchase-orders/{order}/{verb}", expect=403, headers=approver)
        assert refused["code"] == "over_approval_limit"
    await house.post(f"/purchase-orders/{order}/send", expect=200)


async def test_a_planner_approves_only_up_to_a_limit_that_was_given(house: House) -> None:
    await _low(house, "TEA")
    (one,) = await pending(house)
    planner = await _key(house, "plan", "read")
    path = f"/replenishment/suggestions/{one['id']}/approve"
    assert (await house.post(path, expect=403, headers=planner))["code"] == "missing_scope"
    await _limit(house, "planner", "10.00")
    assert (await house.post(path, expect=403, headers=planner))["code"] == "over_approval_limit"
    await _limit(house, "planner", "1000.00")
    assert (await house.post(path, expect=200, headers=planner))["status"] == "approved"


async def test_a_limit_in_one_currency_allows_nothing_in_another(house: House) -> None:
    await _low(house, "TEA")
    (one,) = await pending(house)
    body = {"role": "admin", "currency": "USD", "max_value": "1000000.00"}
    await house.call("PUT", "/replenishment/approval-limits", json=body, expect=200)
    path = f"/replenishment/suggestions/{one['id']}/approve"
    assert (await house.post(path, expect=403))["code"] == "over_approval_limit"
    await house.call("DELETE", "/replenishment/approval-limits/admin/USD", expect=204)
    await house.post(path, expect=200)


async def test_nothing_is_approved_by_itself_until_a_rule_is_turned_on(house: House) -> None:
    await _low(house, "TEA", "CUP")
    assert await _auto(house) == 0
    rule = await _rule(house, is_active=False)
    assert await _auto(house) == 0
    await _rule(house, max_value="100.00")
    assert await _auto(house) == 0, "each is worth about 600"
    await _rule(house, max_value="1000.00", daily_max_value="1000.00")
    assert await _auto(house) == 1, "the second would exceed the day"
    assert await _auto(house) == 0
    (approved,) = (await house.get("/replenishment/suggestions", status="approved"))["suggestions"]
    assert approved["processed_by"] == f"auto:{rule['id']}"
    entries = (await house.get("/audit-log", subject=f"suggestion:{approved['id']}"))["entries"]
    assert entries[0]["facts"]["auto_approval_id"] == rule["id"]
    (seen,) = (await house.get("/replenishment/auto-approvals"))["auto_approvals"]
    assert seen["spent_today"] == approved["estimated_cost"]


async def test_the_most_specific_rule_counts(house: House) -> None:
    await _low(house, "TEA")
    supplier = await house.supplier("ACME")
    await _rule(house)
    await _rule(house, supplier_id=supplier, max_value="1.00")
    assert await _auto(house) == 0, "this supplier is watched more closely"
    await _rule(house, supplier_id=supplier, max_value="1.00", is_active=False)
    assert await _auto(house) == 1


async def test_a_suggestion_that_bridges_a_late_order_waits_for_a_person(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=100)
    await offer(house, "ACME", "TEA")
    await _order(house, "TEA", 900, days=40)
    await plan(house)
    assert [s["reason"] for s in await pending(house)] == ["inbound_too_late"]
    await _rule(house)
    assert await _auto(house) == 0


async def test_a_crash_in_the_middle_of_approving_forgets_all_of_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _low(house, "TEA", "CUP")
    await _rule(house)

    async def killed(*_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(approvals, "remember", killed)
    with pytest.raises(ConnectionError):
        await _auto(house)
    assert len(await pending(house)) == 2
    assert await rows(house, "select from purchase_order_lines") == []
    monkeypatch.undo()
    assert await _auto(house) == 2
    assert await rows(house, "select count(*) from auto_approved") == [(2,)]


async def test_two_workers_do_not_spend_a_day_twice(house: House) -> None:
    await _low(house, "TEA", "CUP", "POT")
    await _rule(house, daily_max_value="1000.00")
    done = await asyncio.gather(_auto(house), _auto(house), _auto(house))
    assert sorted(done) == [0, 0, 1]
    lines = await rows(house, "select count(*), count(distinct suggestion_id) from purchase_order_lines")
    assert lines == [(1, 1)]


async def test_an_order_for_what_is_open_already_is_named_and_needs_a_reason(house: House) -> None:
    """N-18. 300 are under way and cover the reorder point of about 160: another 300 is a slip."""
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA")
    await plan(house)
    first = await _order(house, "TEA", 300, days=5)
    body = {"supplier_id": await house.supplier("ACME"), "warehouse_id": await house.warehouse("GZ")}
    items = [{"sku_id": await house.sku("TEA"), "quantity": 300}]
    second = await house.post("/purchase-orders", {**body, "items": items})
    (seen,) = (await house.get(f"/replenishment/open-supply/{second['id']}"))["lines"]
    assert (seen["is_duplicate"], seen["open_quantity"], seen["expected_demand"]) == (True, 300, 140)
    refused = await house.post(f"/purchase-orders/{second['id']}/send", expect=409)
    assert refused["code"] == "duplicate_supply"
    assert [d["number"] for d in refused["errors"][0]["documents"]] == [first["number"]]
    assert await house.level("TEA", "GZ") == "available=30 in_transit=300"
    await house.post(f"/purchase-orders/{second['id']}/send", {"duplicate_reason": " "}, expect=409)
    await house.post(f"/purchase-orders/{second['id']}/send", {"duplicate_reason": "trade fair"}, expect=200)
    entries = (await house.get("/audit-log", subject=f"purchase_order:{second['id']}"))["entries"]
    sent = next(e for e in entries if e["action"] == "purchase_order.sent")
    assert (sent["facts"]["duplicate_reason"], sent["facts"]["duplicate_of"]) == ("trade fair", [first["number"]])


@pytest.mark.parametrize(
    ("open_quantity", "days", "is_duplicate"),
    [
        (300, 5, True),
        (100, 5, False),  # 30 + 100 is below the reorder point: more is needed
        (300, 40, False),  # it comes too late for the next 14 days
    ],
)
async def test_only_what_covers_the_need_in_time_makes_a_duplicate(
    house: House, open_quantity: int, days: int, is_duplicate: bool
) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA")
    await plan(house)
    await _order(house, "TEA", open_quantity, days=days)
    body = {"supplier_id": await house.supplier("ACME"), "warehouse_id": await house.warehouse("GZ")}
    items = [{"sku_id": await house.sku("TEA"), "quantity": 200}]
    second = await house.post("/purchase-orders", {**body, "items": items})
    (seen,) = (await house.get(f"/replenishment/open-supply/{second['id']}"))["lines"]
    assert seen["is_duplicate"] == is_duplicate
    await house.post(f"/purchase-orders/{second['id']}/send", expect=409 if is_duplicate else 200)


async def test_two_drafts_of_the_same_name_each_other_and_so_does_a_line_given_twice(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    await offer(house, "ACME", "TEA")
    await plan(house)
    body = {"supplier_id": await house.supplier("ACME"), "warehouse_id": await house.warehouse("GZ")}
    line = {"sku_id": await house.sku("TEA"), "quantity": 300}
    one = await house.post("/purchase-orders", {**body, "items": [line]})
    two = await house.post("/purchase-orders", {**body, "items": [line]})
    for this, other in ((one, two), (two, one)):
        (seen,) = (await house.get(f"/replenishment/open-supply/{this['id']}"))["lines"]
        assert [d["number"] for d in seen["documents"]] == [other["number"]]
        assert seen["is_duplicate"]
    await house.post(f"/purchase-orders/{two['id']}/cancel", {"reason": "twice"}, expect=200)
    twice = await house.post("/purchase-orders", {**body, "items": [line, line]})
    await house.post(f"/purchase-orders/{one['id']}/cancel", {"reason": "twice"}, expect=200)
    (seen,) = (await house.get(f"/replenishment/open-supply/{twice['id']}"))["lines"]
    assert [(d["status"], d["quantity"]) for d in seen["documents"]] == [("this_order", 300)]
    assert seen["is_duplicate"]


async def _auto(house: House) -> int:
    async with house.database.transaction() as tx:
        return await decisions.auto_approve(tx)


async def _order(house: House, sku: str, quantity: int, days: int) -> dict[str, Any]:
    body = {
        "supplier_id": await house.supplier("ACME"),
        "warehouse_id": await house.warehouse("GZ"),
        "expected_at": (NOON + timedelta(days=days)).date().isoformat(),
        "items": [{"sku_id": await house.sku(sku), "quantity": quantity}],
    }
    order = await house.post("/purchase-orders", body)
    return await house.post(f"/purchase-orders/{order['id']}/send", expect=200)
