"""Units past their use that are promised: somebody is asked which promise to break."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.books import violations
from tests.house import House

from holdfast.tracking import service


@pytest.fixture
async def house(house: House) -> AsyncIterator[House]:
    """MILK in GZ: 5 of batch A, of which 3 are promised."""
    await house.sku("MILK", tracking="batch")
    item = {"sku_id": house.ids["skus:MILK"], "quantity": 5, "batch": {"number": "A", "expiry_date": "2099-01-01"}}
    await house.post("/inventory/receipts", {"warehouse_id": await house.warehouse("GZ"), "items": [item]})
    held = {"sku_id": house.ids["skus:MILK"], "quantity": 3, "warehouse_id": house.ids["warehouses:GZ"]}
    body = {"items": [held], "reference_type": "order", "reference_id": "O-1"}
    await house.post("/inventory/reservations", body)
    yield house
    assert await violations(house.database) == []


async def judge(house: House, verb: str) -> None:
    [batch] = (await house.get("/batches", number="A"))["batches"]
    await house.post(f"/batches/{batch['id']}/{verb}", {"reason": "glass"}, expect=200)


async def minute(house: House) -> None:
    """What the job does every minute, after its withdrawals."""
    async with house.database.transaction() as tx:
        await service.follow_stranded(tx)


async def cases(house: House) -> list[tuple[str, str, int, int]]:
    found = await house.get("/shortages")
    return [(c["status"], c["cause"], c["change"], c["missing_quantity"]) for c in found["shortages"]]


async def the_case(house: House) -> Any:
    return (await house.get("/shortages"))["shortages"][0]


async def test_a_recall_of_promised_units_opens_one_case_and_resolving_it_moves_them(house: House) -> None:
    await judge(house, "recall")
    await minute(house)
    assert await cases(house) == [("open", "recall", -3, 3)]
    case = await the_case(house)
    assert case["reason"] == "batch A: recalled"
    answer = await house.post(f"/shortages/{case['id']}/resolve", expect=200)
    assert [(b["reference_id"], b["quantity"]) for b in answer["broken"]] == [("O-1", 3)]
    [batch] = (await house.get("/batches", number="A"))["batches"]
    assert (batch["warehouses"][0]["states"], batch["stranded_quantity"]) == ({"recalled": 5}, 0)
    await minute(house)
    assert [c[0] for c in await cases(house)] == ["resolved"]


async def test_too_few_broken_promises_change_nothing(house: House) -> None:
    await judge(house, "quarantine")
    case = await the_case(house)
    detail = await house.get(f"/shortages/{case['id']}")
    release = [{"reservation_id": detail["promises"][0]["reservation_id"], "quantity": 2}]
    refused = await house.post(f"/shortages/{case['id']}/resolve", {"release": release}, expect=409)
    assert refused["code"] == "shortage_remains"
    assert await cases(house) == [("open", "recall", -3, 3)]


async def test_a_released_batch_ends_its_case_and_breaks_no_promise(house: House) -> None:
    await judge(house, "quarantine")
    await judge(house, "release")
    case = await the_case(house)
    assert (case["status"], case["broken"]) == ("resolved", [])
    assert await house.level("MILK", "GZ") == "available=2 in_transit=0"


async def test_goods_that_come_take_the_place_of_stranded_units(house: House) -> None:
    await judge(house, "recall")
    item = {"sku_id": house.ids["skus:MILK"], "quantity": 2, "batch": {"number": "B", "expiry_date": "2099-01-01"}}
    await house.post("/inventory/receipts", {"warehouse_id": await house.warehouse("GZ"), "items": [item]})
    await minute(house)
    assert await cases(house) == [("open", "recall", -1, 1)]


async def test_a_dismissed_case_does_not_come_back(house: House) -> None:
    await judge(house, "recall")
    case = await the_case(house)
    await house.post(f"/shortages/{case['id']}/dismiss", {"note": "the order is written off"}, expect=200)
    await minute(house)
    assert [c[0] for c in await cases(house)] == ["dismissed"]
