"""What people do with suggestions, and what becomes of them."""

from __future__ import annotations

import asyncio
from uuid import UUID

from tests.house import House
from tests.replenishment.shop import offer, past, pending, plan, rows

from holdfast.replenishment import decisions, service


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
    approved = await house.post(path, {"supplier_id": supplier_id}, expect=200)
    assert (approved["supplier_id"], approved["unit_cost"], approved["currency"]) == (supplier_id, "2.000000", "EUR")
    assert approved["estimated_cost"] == f"{2 * approved['suggested_quantity']}.00"


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


async def test_a_plan_and_people_deciding_at_the_same_time_do_not_deadlock(house: House) -> None:
    skus = [f"K{n}" for n in range(12)]
    for sku in skus:
        await past(house, sku, "GZ", per_day=10, left=30, days=20)
    await offer(house, "ACME", *skus)
    await plan(house)
    ids = [one["id"] for one in await pending(house)]
    for sku in skus:
        await house.sell(sku, "GZ", 1)
    begun = await house.post("/replenishment/suggestions/run", expect=202)
    working = asyncio.create_task(service.work_on(house.database, UUID(begun["id"])))
    answers = await asyncio.gather(
        *(house.post("/replenishment/suggestions:approve", {"ids": ids[n::3][::-1]}, expect=200) for n in range(3))
    )
    assert (await working).status == "finished"
    approved = {one for answer in answers for one in answer["approved"]}
    assert approved == set(ids)
    assert len(await rows(house, "select from purchase_order_lines")) == len(ids)
