"""Packs become base units at the edge; a cost in another currency is kept beside the entry that has it converted."""

from __future__ import annotations

from typing import Any

import pytest
from tests.house import House


async def pack(house: House, sku: str, *packs: tuple[str, int, str | None]) -> None:
    said = [{"name": name, "units": units, "barcode": barcode} for name, units, barcode in packs]
    await house.call("PUT", f"/skus/{await house.sku(sku)}/packs", json={"packs": said}, expect=200)


async def receipt(house: House, *, expect: int = 201, **item: Any) -> Any:
    body = {"warehouse_id": await house.warehouse("GZ"), "items": [{"sku_id": await house.sku("TEA"), **item}]}
    return await house.post("/inventory/receipts", body, expect=expect)


async def test_packs_are_received_sold_and_adjusted_as_base_units(house: House) -> None:
    await pack(house, "TEA", ("case", 12, None), ("pallet", 960, None))
    await receipt(house, quantity=2, pack="pallet", unit_cost="0.50")
    assert await house.level("TEA", "GZ") == "available=1920 in_transit=0"
    items = [{"sku_id": await house.sku("TEA"), "quantity": 3, "pack": "case"}]
    await house.post("/inventory/sales", {"warehouse_id": await house.warehouse("GZ"), "items": items})
    assert await house.level("TEA", "GZ") == "available=1884 in_transit=0"
    change = {"warehouse_id": await house.warehouse("GZ"), "reason": "found", "adjustment_type": "increase"}
    path = f"/inventory/{await house.sku('TEA')}/adjust"
    await house.call("PUT", path, json=change | {"quantity": 1, "pack": "case"}, expect=200)
    counted = {"adjustment_type": "set", "quantity": 158, "pack": "case", "expected_quantity": 1896}
    await house.call("PUT", path, json=change | counted, expect=200)
    assert await house.level("TEA", "GZ") == "available=1896 in_transit=0"


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"quantity": 1, "pack": "crate"}, "unknown_pack"),
        ({"quantity": 1_000_000_000, "pack": "case"}, "out_of_range"),
    ],
)
async def test_a_pack_that_means_nothing_is_refused_at_its_field(house: House, item: dict[str, Any], code: str) -> None:
    await pack(house, "TEA", ("case", 12, None))
    refused = await receipt(house, expect=422, **item)
    assert (refused["errors"][0]["code"], refused["errors"][0]["loc"][:2]) == (code, ["items", 0])


async def test_a_repeat_is_the_first_receipt_though_the_case_holds_more_now(house: House) -> None:
    await pack(house, "TEA", ("case", 12, None))
    body = {"warehouse_id": await house.warehouse("GZ")}
    body["items"] = [{"sku_id": await house.sku("TEA"), "quantity": 1, "pack": "case"}]  # type: ignore[assignment]
    for units in (12, 24):
        await pack(house, "TEA", ("case", units, None))
        await house.post("/inventory/receipts", body, headers={"Idempotency-Key": "delivery-1"})
    assert await house.level("TEA", "GZ") == "available=12 in_transit=0"


async def test_two_packs_do_not_share_a_barcode_or_a_name(house: House) -> None:
    await pack(house, "TEA", ("case", 12, "111"))
    path = f"/skus/{await house.sku('CUP', barcode='222')}/packs"
    for barcode in ("111", "222"):
        said = {"packs": [{"name": "case", "units": 6, "barcode": barcode}]}
        refused = await house.call("PUT", path, json=said, expect=409)
        assert refused["code"] == "barcode_taken"
    twice = {"packs": [{"name": "case", "units": 6}, {"name": "case", "units": 8}]}
    assert (await house.call("PUT", path, json=twice, expect=422))["errors"][0]["code"] == "duplicate"
    assert (await house.get(path))["packs"] == []


async def test_a_cost_in_another_currency_is_converted_and_kept_beside_the_entry(house: House) -> None:
    await house.sku("TEA", price="3", currency="GBP")
    await receipt(house, quantity=10, unit_cost="9.00", cost_currency="CNY", exchange_rate="0.11")
    await receipt(house, quantity=10, unit_cost="1.01")
    entries = (await house.get("/inventory/movements", sku_id=await house.sku("TEA")))["movements"]
    kept = [(e["unit_cost"], e["cost_currency"], e["cost_paid"], e["exchange_rate"]) for e in entries]
    assert kept == [
        ("1.010000", None, None, None),
        ("0.990000", "CNY", "9.000000", "0.110000000"),
    ]
    worth = (await house.get("/reports/valuation"))["totals"]
    assert [(total["currency"], total["value"]) for total in worth] == [("GBP", "20.000000")]


@pytest.mark.parametrize(
    "cost",
    [{"unit_cost": "9", "cost_currency": "CNY"}, {"unit_cost": "9", "exchange_rate": "2"}, {"cost_currency": "CNY"}],
)
async def test_a_rate_without_a_currency_or_a_currency_without_a_rate_is_refused(
    house: House, cost: dict[str, Any]
) -> None:
    await receipt(house, expect=422, quantity=1, **cost)
