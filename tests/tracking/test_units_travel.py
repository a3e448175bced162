"""Batches and serial numbers through transfers and returns: what is certain need not be said, the rest must be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.books import violations
from tests.house import House


@pytest.fixture
async def house(house: House) -> AsyncIterator[House]:
    """MILK in batches A and B, PHONE with three numbers, in GZ. However a test ends, the books balance."""
    milk, phone = await house.sku("MILK", tracking="batch"), await house.sku("PHONE", tracking="serial")
    items = [
        {"sku_id": milk, "quantity": 5, "batch": {"number": "A", "expiry_date": "2099-01-01"}},
        {"sku_id": milk, "quantity": 5, "batch": {"number": "B", "expiry_date": "2099-02-01"}},
        {"sku_id": phone, "quantity": 3, "serials": ["S1", "S2", "S3"]},
    ]
    await house.post("/inventory/receipts", {"warehouse_id": await house.warehouse("GZ"), "items": items})
    yield house
    assert await violations(house.database) == []


async def shipped(house: House, sku: str, quantity: int, picked: Any = None) -> str:
    """The path of a transfer from GZ to BJ that was shipped."""
    ways = {"from_warehouse_id": await house.warehouse("GZ"), "to_warehouse_id": await house.warehouse("BJ")}
    line = {"sku_id": await house.sku(sku), "quantity": quantity}
    transfer = await house.post("/transfers", {**ways, "items": [line]})
    path = f"/transfers/{transfer['id']}"
    body = None if picked is None else {"items": [{"sku_id": line["sku_id"], **p} for p in picked]}
    await house.post(f"{path}/ship", body, expect=200)
    return path


async def balances(house: House) -> str:
    """``A GZ 5, A BJ 2+1``: sellable + unsellable."""
    shown: list[str] = []
    for batch in (await house.get("/batches"))["batches"]:
        for here in sorted(batch["warehouses"], key=lambda w: w["warehouse_code"], reverse=True):
            more = f"+{here['unsellable_quantity']}" if here["unsellable_quantity"] else ""
            shown.append(f"{batch['number']} {here['warehouse_code'][:2]} {here['sellable_quantity']}{more}")
    return ", ".join(shown)


async def units(house: House) -> dict[str, str]:
    return {u["serial_number"]: u["state"] for u in (await house.get("/serials"))["serials"]}


async def test_a_transfer_carries_what_expires_first_and_arrives_as_it_left(house: House) -> None:
    path = await shipped(house, "MILK", 7)
    assert await balances(house) == "B GZ 3"
    await house.post(f"{path}/receive", expect=200)
    assert await balances(house) == "A BJ 5, B GZ 3, B BJ 2"


async def test_a_partial_delivery_of_two_batches_must_say_which(house: House) -> None:
    path, sku = await shipped(house, "MILK", 7), await house.sku("MILK")
    refused = await house.post(f"{path}/receive", {"items": [{"sku_id": sku, "quantity": 3}]}, expect=422)
    assert (refused["code"], refused["errors"][0]["code"]) == ("units_unclear", "batch_required")
    too_many = {"items": [{"sku_id": sku, "quantity": 3, "batch": "B"}]}
    assert (await house.post(f"{path}/receive", too_many, expect=422))["errors"][0]["code"] == "over_receipt"
    parts = [
        {"sku_id": sku, "quantity": 3, "unsellable_quantity": 1, "batch": "A"},
        {"sku_id": sku, "quantity": 1, "lost_quantity": 1, "batch": "B"},
    ]
    await house.post(f"{path}/receive", {"items": parts, "reason": "crushed"}, expect=200)
    assert await balances(house) == "A BJ 3+1, B GZ 3, B BJ 1"
    # one batch is left on its way, so it need not be named
    await house.post(f"{path}/receive", {"items": [{"sku_id": sku, "quantity": 1}]}, expect=200)
    assert await balances(house) == "A BJ 4+1, B GZ 3, B BJ 1"


async def test_the_picker_says_which_units_travel_and_a_lost_one_is_lost(house: House) -> None:
    path = await shipped(house, "PHONE", 2, [{"quantity": 2, "serials": ["S1", "S3"]}])
    assert await units(house) == {"S1": "in_transit", "S2": "sellable", "S3": "in_transit"}
    sku = await house.sku("PHONE")
    wrong = {"items": [{"sku_id": sku, "quantity": 1, "serials": ["S2"]}]}
    assert (await house.post(f"{path}/receive", wrong, expect=422))["errors"][0]["code"] == "not_on_transfer"
    await house.post(f"{path}/receive", {"items": [{"sku_id": sku, "quantity": 1, "serials": ["S3"]}]}, expect=200)
    await house.post(f"{path}/close", {"reason": "stolen"}, expect=200)
    assert await units(house) == {"S1": "lost", "S2": "sellable", "S3": "sellable"}


async def sold(house: House, sku: str, quantity: int) -> None:
    items = [{"sku_id": await house.sku(sku), "quantity": quantity}]
    body = {"warehouse_id": await house.warehouse("GZ"), "reference": "O-1", "items": items}
    await house.post("/inventory/sales", body)


async def back(house: House, sku: str, quantity: int, *, expect: int = 201, **more: Any) -> Any:
    outcome = more.pop("outcome", "restock")
    item = {"sku_id": await house.sku(sku), "quantity": quantity, "outcome": outcome, **more}
    order = {"reference_type": "sale", "reference_id": "O-1", "warehouse_id": await house.warehouse("GZ")}
    return await house.post("/returns", {**order, "items": [item]}, expect=expect)


async def test_what_comes_back_is_of_the_batch_it_left_with(house: House) -> None:
    await sold(house, "MILK", 2)
    returned = await back(house, "MILK", 1)
    assert returned["items"][0]["batch"] == "A"
    assert await balances(house) == "A GZ 4, B GZ 5"


async def test_a_return_of_an_order_with_two_batches_names_one_it_got(house: House) -> None:
    await sold(house, "MILK", 7)
    assert (await back(house, "MILK", 1, expect=422))["code"] == "batch_required"
    assert (await back(house, "MILK", 3, batch="B", expect=409))["errors"][0]["consumed"] == 2
    await back(house, "MILK", 2, batch="B", outcome="unsellable")
    assert await balances(house) == "B GZ 3+2"
    await back(house, "MILK", 1, batch="A", outcome="scrap")
    assert await balances(house) == "B GZ 3+2"


async def test_only_a_unit_that_the_order_got_comes_back_and_only_once(house: House) -> None:
    await sold(house, "PHONE", 1)
    assert (await back(house, "PHONE", 1, expect=422))["code"] == "serials_required"
    assert (await back(house, "PHONE", 1, serials=["S2"], expect=409))["errors"][0]["serials"] == ["S2"]
    await back(house, "PHONE", 1, serials=["S1"])
    assert await units(house) == {"S1": "sellable", "S2": "sellable", "S3": "sellable"}
    assert (await back(house, "PHONE", 1, serials=["S1"], outcome="scrap", expect=409))["code"] == "exceeds_consumed"
