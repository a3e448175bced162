"""What another warehouse can spare is moved before anything is bought."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.house import House
from tests.replenishment.shop import offer, past, pending, plan, rows

from holdfast.replenishment import decisions


async def _tree(house: House) -> None:
    """GZ is the main house of SH and CD; BJ stands alone."""
    gz = await house.warehouse("GZ")
    await house.warehouse("SH", parent_id=gz, type="regional")
    await house.warehouse("CD", parent_id=gz, type="regional")
    await house.warehouse("BJ")


async def _low_and_full(house: House, full: str, *, left: int = 3_000) -> dict[str, Any]:
    """SH has 30 of TEA and sells 10 a day; ``full`` has plenty. Planned twice: the first plan makes the levels."""
    await _tree(house)
    await past(house, "TEA", "SH", per_day=10, left=30)
    await past(house, "TEA", full, per_day=1, left=left)
    await offer(house, "ACME", "TEA", multiple=50)
    await plan(house)
    await plan(house)
    (one,) = await pending(house)
    return one


async def test_a_transfer_is_proposed_from_the_parent_and_its_sum_adds_up(house: House) -> None:
    one = await _low_and_full(house, "GZ")
    assert (one["kind"], one["from_warehouse_id"]) == ("transfer", await house.warehouse("GZ"))
    assert (one["supplier_id"], one["estimated_cost"]) == (None, None)
    why = await house.get(f"/replenishment/suggestions/{one['id']}/explain")
    assert why["adds_up"]
    assert "order_multiple" not in {line["key"] for line in why["lines"]}, "packs are the supplier's"
    await plan(house)
    assert await pending(house) == [one], "planned again it is the same"


async def test_siblings_help_and_strangers_do_not(house: House) -> None:
    one = await _low_and_full(house, "CD")
    assert one["kind"] == "transfer"
    await past(house, "CUP", "SH", per_day=10, left=30)
    await past(house, "CUP", "BJ", per_day=1, left=3_000)
    await offer(house, "BEST", "CUP")
    await plan(house)
    await plan(house)
    kinds = {s["sku_code"].split("-")[0]: s["kind"] for s in await pending(house)}
    assert kinds == {"TEA": "transfer", "CUP": "purchase"}


async def test_a_warehouse_spares_only_what_is_above_its_own_target(house: House) -> None:
    """GZ wants about 100 of its own: of 160 it could spare 60, which lifts nobody above 160."""
    one = await _low_and_full(house, "GZ", left=160)
    assert one["kind"] == "purchase"


async def test_one_stock_is_not_promised_to_two(house: House) -> None:
    await _tree(house)
    for place in ("SH", "CD"):
        await past(house, "TEA", place, per_day=10, left=30)
    await past(house, "TEA", "GZ", per_day=1, left=450)
    await offer(house, "ACME", "TEA")
    await plan(house)
    await plan(house)
    found = await pending(house)
    assert sorted(s["kind"] for s in found) == ["purchase", "transfer"]
    spare = 450 - (await rows(house, "select min(computed_order_up_to) from inventory"))[0][0]
    assert sum(s["suggested_quantity"] for s in found if s["kind"] == "transfer") <= spare


async def test_an_approved_transfer_is_a_draft_that_is_followed_to_its_arrival(house: House) -> None:
    one = await _low_and_full(house, "GZ")
    approved = await house.post(f"/replenishment/suggestions/{one['id']}/approve", expect=200)
    assert (approved["status"], approved["purchase_order_id"]) == ("approved", None)
    transfer = await house.get(f"/transfers/{approved['transfer_id']}")
    assert (transfer["status"], transfer["from_warehouse_id"]) == ("draft", await house.warehouse("GZ"))
    assert [i["quantity"] for i in transfer["items"]] == [one["suggested_quantity"]]
    await plan(house)
    assert await pending(house) == [], "the draft counts in the position"
    await house.post(f"/transfers/{approved['transfer_id']}/ship", expect=200)
    await plan(house)
    assert await pending(house) == [], "and so does what is on its way, once"
    assert await _follow(house, one) == "ordered"
    await house.post(f"/transfers/{approved['transfer_id']}/receive", expect=200)
    assert await _follow(house, one) == "received"


async def test_naming_a_supplier_buys_instead(house: House) -> None:
    one = await _low_and_full(house, "GZ")
    body = {"supplier_id": await house.supplier("ACME")}
    approved = await house.post(f"/replenishment/suggestions/{one['id']}/approve", body, expect=200)
    assert (approved["kind"], approved["transfer_id"]) == ("purchase", None)
    assert approved["purchase_order_id"] is not None


async def test_a_cancelled_transfer_gives_the_need_back(house: House) -> None:
    one = await _low_and_full(house, "GZ")
    approved = await house.post(f"/replenishment/suggestions/{one['id']}/approve", expect=200)
    await house.post(f"/transfers/{approved['transfer_id']}/cancel", {"reason": "no van"}, expect=200)
    assert await _follow(house, one) == "withdrawn"
    await plan(house)
    assert [s["kind"] for s in await pending(house)] == ["transfer"]


async def _follow(house: House, suggestion: dict[str, Any]) -> str:
    async with house.database.transaction() as tx:
        await decisions.follow_orders(tx)
    return (await house.get(f"/replenishment/suggestions/{suggestion['id']}"))["status"]


async def _lane(house: House, **body: Any) -> dict[str, Any]:
    ends = {f"{end}_warehouse_id": await house.warehouse(body.pop(end)) for end in ("from", "to") if end in body}
    whole = {"lead_days": 2, **ends, **body}
    return await house.call("PUT", "/replenishment/transfer-lanes", json=whole, expect=200)


async def _replanned(house: House) -> str:
    await plan(house)
    (one,) = await pending(house)
    return one["kind"]


async def test_a_lane_that_costs_more_than_buying_is_not_used(house: House) -> None:
    """A unit costs 2.00 to buy. The lane of the pair counts; removing it brings the default back."""
    assert (await _low_and_full(house, "GZ"))["kind"] == "transfer"
    lane = await _lane(house, **{"from": "GZ", "to": "SH", "unit_cost": "50"})
    assert await _replanned(house) == "purchase"
    await _lane(house, **{"from": "GZ", "to": "SH", "unit_cost": "0", "line_cost": "100000"})
    assert await _replanned(house) == "purchase"
    await house.call("DELETE", f"/replenishment/transfer-lanes/{lane['id']}", expect=204)
    assert await _replanned(house) == "transfer"
    await _lane(house, lead_days=300)
    assert await _replanned(house) == "purchase", "the default of all lanes is too slow now"


async def test_a_pair_opens_a_lane_between_strangers_and_closes_one_of_the_tree(house: House) -> None:
    assert (await _low_and_full(house, "BJ"))["kind"] == "purchase"
    await _lane(house, **{"from": "BJ", "to": "SH"})
    assert await _replanned(house) == "transfer"
    await _lane(house, **{"from": "BJ", "to": "SH", "is_open": False})
    assert await _replanned(house) == "purchase"


async def test_a_lane_has_two_ends_and_the_default_stays(house: House) -> None:
    gz, sh = await house.warehouse("GZ"), await house.warehouse("SH")
    for ends, code in (
        ({"from_warehouse_id": gz}, "both_ends_or_none"),
        ({"from_warehouse_id": gz, "to_warehouse_id": gz}, "same_warehouse"),
        ({"from_warehouse_id": gz, "to_warehouse_id": str(UUID(int=1))}, "unknown_warehouse"),
    ):
        wrong = await house.call("PUT", "/replenishment/transfer-lanes", json={"lead_days": 1, **ends}, expect=422)
        assert wrong["errors"][0]["code"] == code
    await house.call(
        "PUT",
        "/replenishment/transfer-lanes",
        json={"lead_days": 1, "from_warehouse_id": gz, "to_warehouse_id": sh},
        expect=200,
    )
    default, own = (await house.get("/replenishment/transfer-lanes"))["transfer_lanes"]
    assert (default["lead_days"], default["line_cost"], own["from_warehouse_id"]) == (2.0, "2.0000", gz)
    await house.call("DELETE", f"/replenishment/transfer-lanes/{default['id']}", expect=404)
