"""Counting units that are told apart: a variance belongs to its batch or its unit, and is booked there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.books import violations
from tests.counts.test_counts import approve, count, hold, level, opened
from tests.house import House


@pytest.fixture
async def house(house: House) -> AsyncIterator[House]:
    """However a test ends, the books balance."""
    yield house
    assert await violations(house.database) == []


async def receive(house: House, sku: str, quantity: int, **names: Any) -> None:
    item = {"sku_id": await house.sku(sku), "quantity": quantity, **names}
    await house.post("/inventory/receipts", {"warehouse_id": await house.warehouse("GZ"), "items": [item]})


async def milk(house: House, **batches: int) -> None:
    await house.sku("MILK", tracking="batch")
    for number, quantity in batches.items():
        await receive(house, "MILK", quantity, batch={"number": number, "expiry_date": "2099-01-01"})


async def phones(house: House, *numbers: str) -> None:
    await house.sku("PHONE", tracking="serial")
    await receive(house, "PHONE", len(numbers), serials=list(numbers))


async def balances(house: House) -> dict[str, int]:
    found = (await house.get("/batches"))["batches"]
    return {b["number"]: sum(w["sellable_quantity"] for w in b["warehouses"]) for b in found}


async def on_shelf(house: House) -> list[str]:
    return [u["serial_number"] for u in (await house.get("/serials", state="sellable"))["serials"]]


async def variances(house: House, sheet: dict[str, Any], sku: str) -> list[tuple[str, int]]:
    found = await house.get(f"/stock-counts/{sheet['id']}/units", sku_id=await house.sku(sku))
    return [(u["batch"] or u["serial_number"], u["quantity"]) for u in found["units"]]


def of(number: str, quantity: int, **more: Any) -> dict[str, Any]:
    return {"number": number, "quantity": quantity, **more}


async def test_a_variance_is_booked_on_its_batch_whatever_was_sold_meanwhile(house: House) -> None:
    await milk(house, A=10, B=5)
    sheet = await opened(house)
    line = await count(house, sheet, "MILK", 14, batches=[of("A", 8), of("B", 6)])
    assert (line["variance"], line["found"]["batches"][0]["quantity"]) == (-1, 8)
    await house.sell("MILK", "GZ", 3)
    await milk(house, B=2)
    assert await variances(house, sheet, "MILK") == [("A", -2), ("B", 1)]
    answer = await approve(house, sheet)
    assert (answer["refused"], answer["approved"][0]["variance"]) == ([], -1)
    assert await balances(house) == {"A": 5, "B": 8}


async def test_batches_mixed_up_are_put_right_although_their_sum_is(house: House) -> None:
    await milk(house, A=4, B=4)
    sheet = await opened(house)
    await count(house, sheet, "MILK", 8, batches=[of("A", 3), of("NEW", 5, expiry_date="2098-05-05")])
    assert (await approve(house, sheet))["refused"] == []
    assert await balances(house) == {"A": 3, "B": 0, "NEW": 5}
    [new] = (await house.get("/batches", number="NEW"))["batches"]
    assert new["expiry_date"] == "2098-05-05"


async def test_a_batch_sold_out_meanwhile_is_counted_again_and_opens_no_case(house: House) -> None:
    await milk(house, A=5, B=5)
    sheet = await opened(house)
    await count(house, sheet, "MILK", 10, batches=[of("A", 3), of("B", 7)])
    await house.sell("MILK", "GZ", 4)
    [refused] = (await approve(house, sheet))["refused"]
    assert (refused["code"], await balances(house)) == ("insufficient_stock", {"A": 1, "B": 5})
    await count(house, sheet, "MILK", 6, batches=[of("A", 0), of("B", 6)], recount_of=1)
    assert (await approve(house, sheet))["refused"] == []
    assert await balances(house) == {"A": 0, "B": 6}


async def test_the_units_seen_are_compared_one_by_one(house: House) -> None:
    await phones(house, "S1", "S2", "S3")
    sheet = await opened(house)
    await count(house, sheet, "PHONE", 3, serials=["S1", "S3", "S9"])
    await house.sell("PHONE", "GZ", 1)
    await phones(house, "S4")
    assert await variances(house, sheet, "PHONE") == [("S2", -1), ("S9", 1)]
    assert (await approve(house, sheet))["refused"] == []
    assert await on_shelf(house) == ["S3", "S4", "S9"]


@pytest.mark.parametrize(("sku", "code"), [("MILK", "batch_required"), ("PHONE", "serials_required")])
async def test_a_sum_is_refused_until_it_says_which_units_except_none(house: House, sku: str, code: str) -> None:
    await milk(house, A=4)
    await phones(house, "S1")
    sheet = await opened(house)
    await count(house, sheet, sku, 9)
    assert [r["code"] for r in (await approve(house, sheet))["refused"]] == [code]
    await count(house, sheet, sku, 0, recount_of=1)
    assert (await approve(house, sheet))["refused"] == []
    assert await level(house, sku) == "0/0+0"


async def test_fewer_units_than_are_promised_open_a_case_that_is_booked_on_the_batch(house: House) -> None:
    await milk(house, A=4)
    await hold(house, "MILK", 3)
    sheet = await opened(house)
    await count(house, sheet, "MILK", 2, batches=[of("A", 2)])
    [refused] = (await approve(house, sheet))["refused"]
    assert (refused["code"], "shortage_id" in refused) == ("below_reserved", True)
    assert await level(house, "MILK") == "1/3+0"
    await house.post(f"/shortages/{refused['shortage_id']}/resolve", expect=200)
    assert (await level(house, "MILK"), await balances(house)) == ("0/2+0", {"A": 2})


@pytest.mark.parametrize(
    ("sku", "named", "code"),
    [
        ("MILK", {"batches": [of("A", 1)]}, "units_mismatch"),
        ("MILK", {"batches": [of("A", 1), of("A", 1)]}, "named_twice"),
        ("MILK", {"serials": ["S1", "S2"]}, "not_tracked"),
        ("PHONE", {"serials": ["S1", "S1"]}, "named_twice"),
        ("PHONE", {"serials": ["S1"]}, "units_mismatch"),
        ("PHONE", {"serials": ["S1", "S2"], "bucket": "unsellable"}, "not_sellable"),
    ],
)
async def test_units_that_do_not_fit_are_refused_at_once(house: House, sku: str, named: Any, code: str) -> None:
    await milk(house, A=2)
    await phones(house, "S1", "S2")
    refused = await count(house, await opened(house), sku, 2, expect=422, **named)
    assert [e["code"] for e in refused["errors"]] == [code]
    assert await level(house, sku) == "2/0+0"
