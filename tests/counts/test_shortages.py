"""The shortage case: fewer units are there than are promised, and somebody chooses which promise to break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from tests.books import violations
from tests.house import House


@pytest.fixture
async def house(house: House) -> AsyncIterator[House]:
    """TEA in GZ: 10 on the shelf, 4 for an order, 2 by hand, 3 in a cart, 1 free."""
    await house.stock("TEA", "GZ", 10)
    for kind, quantity in (("order", 4), ("manual", 2), ("cart", 3)):
        await hold(house, kind, quantity)
    yield house
    assert await violations(house.database) == []


async def hold(house: House, kind: str, quantity: int) -> str:
    items = [{"sku_id": await house.sku("TEA"), "quantity": quantity, "warehouse_id": await house.warehouse("GZ")}]
    body: dict[str, Any] = {"items": items, "reference_type": kind, "reference_id": f"{kind}-1"}
    return (await house.post("/inventory/reservations", body))["reservation_id"]


async def level(house: House) -> str:
    """``1/9``: available / reserved."""
    found = await house.get(
        "/inventory", sku_id=await house.sku("TEA"), warehouse_id=await house.warehouse("GZ"), include_reserved=True
    )
    return "{available_quantity}/{reserved_quantity}".format(**found["inventories"][0])


async def report(house: House, found: int, expected: int = 10, **more: Any) -> Any:
    body = {
        "sku_id": await house.sku("TEA"),
        "warehouse_id": await house.warehouse("GZ"),
        "found_quantity": found,
        "expected_quantity": expected,
        "reason": "the ERP says so",
        "cause": "erp",
    }
    return (await house.post("/shortages", body | more))["shortage"]


async def counted(house: House, quantity: int) -> tuple[str, Any]:
    """A count that found so many; answers its id and the refusal of its line."""
    sheet = await house.post("/stock-counts", {"warehouse_id": await house.warehouse("GZ")})
    items = [{"sku_id": await house.sku("TEA"), "quantity": quantity}]
    await house.post(f"/stock-counts/{sheet['id']}/entries", {"items": items}, expect=200)
    answer = await house.post(f"/stock-counts/{sheet['id']}/approve", expect=200)
    return sheet["id"], (answer["refused"] or [None])[0]


async def events(house: House) -> list[str]:
    found = await house.get("/inventory/movements", sku_id=await house.sku("TEA"))
    return [f"{m['movement_type']} {m['quantity']}" for m in found["movements"]]


async def test_what_fits_is_booked_and_what_does_not_becomes_a_case(house: House) -> None:
    assert await report(house, 9) is None
    assert await level(house) == "0/9"
    case = await report(house, 5, expected=9)
    assert (case["status"], case["change"], case["missing_quantity"]) == ("open", -4, 4)
    assert await level(house) == "0/9", "nothing is released by itself"
    late = await house.post(
        "/shortages",
        {
            "sku_id": await house.sku("TEA"),
            "warehouse_id": await house.warehouse("GZ"),
            "found_quantity": 5,
            "expected_quantity": 10,
            "reason": "x",
        },
        expect=409,
    )
    assert late["code"] == "version_conflict"


async def test_the_rule_breaks_carts_before_holds_by_hand_before_orders(house: House) -> None:
    case = await report(house, 5)
    shown = await house.get(f"/shortages/{case['id']}")
    assert [(p["reference_type"], p["quantity"], p["proposed_release"]) for p in shown["promises"]] == [
        ("cart", 3, 3),
        ("manual", 2, 1),
        ("order", 4, 0),
    ]
    done = await house.post(f"/shortages/{case['id']}/resolve", expect=200)
    assert await level(house) == "0/5"
    assert (done["status"], done["missing_quantity"]) == ("resolved", 0) or done["status"] == "resolved"
    assert [(b["reference_type"], b["quantity"]) for b in sorted(done["broken"], key=lambda b: b["quantity"])] == [
        ("manual", 1),
        ("cart", 3),
    ]
    assert (await events(house))[0] == "adjustment -5"


async def test_an_operator_chooses_which_promise_to_break(house: House) -> None:
    case = await report(house, 6)
    order = next(p for p in (await house.get(f"/shortages/{case['id']}"))["promises"] if p["reference_type"] == "order")
    part = [{"reservation_id": order["reservation_id"], "quantity": 1}]
    refused = await house.post(f"/shortages/{case['id']}/resolve", {"release": part}, expect=409)
    assert (refused["code"], await level(house)) == ("shortage_remains", "1/9")
    part[0]["quantity"] = 3
    await house.post(f"/shortages/{case['id']}/resolve", {"release": part, "note": "called them"}, expect=200)
    assert await level(house) == "0/6"
    again = await house.post(f"/shortages/{case['id']}/resolve", expect=409)
    assert again["code"] == "shortage_over"


async def test_a_count_names_its_case_and_is_approved_by_resolving_it(house: House) -> None:
    count, refused = await counted(house, 5)
    assert refused["code"] == "below_reserved"
    await house.post(f"/shortages/{refused['shortage_id']}/resolve", expect=200)
    assert await level(house) == "0/5"
    [line] = (await house.get(f"/stock-counts/{count}/lines"))["lines"]
    assert (line["status"], line["posted_quantity"]) == ("approved", -5)


async def test_a_count_that_is_booked_after_all_ends_its_case(house: House) -> None:
    count, refused = await counted(house, 8)
    assert (await house.get(f"/shortages/{refused['shortage_id']}"))["missing_quantity"] == 1
    await house.stock("TEA", "GZ", 5)
    await house.post(f"/stock-counts/{count}/approve", expect=200)
    assert (await house.get(f"/shortages/{refused['shortage_id']}"))["status"] == "resolved"
    assert await level(house) == "4/9"


async def test_waiting_for_goods_breaks_no_promise(house: House) -> None:
    case = await report(house, 5)
    waiting = await house.post(f"/shortages/{case['id']}/wait", {"note": "truck on Monday"}, expect=200)
    assert (waiting["status"], await level(house)) == ("waiting", "1/9")
    await house.stock("TEA", "GZ", 6)
    done = await house.post(f"/shortages/{case['id']}/resolve", expect=200)
    assert (done["broken"], await level(house)) == ([], "2/9")


async def test_one_level_has_one_open_case_with_the_newest_finding(house: House) -> None:
    first, second = await report(house, 5), await report(house, 4)
    assert (first["id"], second["change"]) == (second["id"], -6)
    await house.post(f"/shortages/{first['id']}/dismiss", {"note": "counted the wrong shelf"}, expect=200)
    assert await level(house) == "1/9"
    assert (await house.get("/shortages", is_over=False))["shortages"] == []
    assert (await report(house, 5))["id"] != first["id"]


async def test_a_shortage_is_told_in_events_and_in_the_inbox(house: House) -> None:
    await report(house, 5)
    async with house.database.connection() as connection:
        told = await (
            await connection.execute("select data from outbox_events where event_type = 'shortage.opened'")
        ).fetchall()
        notes = await (await connection.execute("select subject from notifications where kind = 'shortage'")).fetchall()
    assert [t[0]["missing"] for t in told] == [4]
    assert "4 units" in notes[0][0]


async def test_units_that_are_not_there_go_to_nobody(house: House) -> None:
    """Buyers rush in while the case is resolved: what a broken promise frees is lost, not for sale."""
    case = await report(house, 5)
    item = {"sku_id": await house.sku("TEA"), "quantity": 1, "warehouse_id": await house.warehouse("GZ")}
    body = {"items": [item], "reference_type": "cart"}
    rush = [house.call("POST", "/inventory/reservations", json=body | {"reference_id": f"r{n}"}) for n in range(8)]
    answers = await asyncio.gather(*rush, house.call("POST", f"/shortages/{case['id']}/resolve"))
    granted = sum("reservation_id" in answer for answer in answers[:-1])
    assert granted <= 1, "there was one free unit"
    available, reserved = (await level(house)).split("/")
    if answers[-1].get("status") == "resolved":
        assert int(available) + int(reserved) == 5
    else:
        assert answers[-1]["code"] == "shortage_remains", "the last free unit was sold after the rule had looked"


async def test_who_waits_for_units_gets_none_of_those_that_are_lost(house: House) -> None:
    """Somebody waits for two units; four promised ones are broken because nothing is there, and he still waits."""
    case = await report(house, 5)
    line = [await house.sku("TEA"), await house.warehouse("GZ")]
    with psycopg.connect(house.database.url) as owner:
        owner.execute(
            "insert into waiting_entries (sku_id, warehouse_id, quantity, reference_id, offer_minutes, actor,"
            " created_at) values (%s, %s, 2, 'ann', 10, 'test', now())",
            line,
        )
    await house.post(f"/shortages/{case['id']}/resolve", expect=200)
    assert await level(house) == "0/5"
