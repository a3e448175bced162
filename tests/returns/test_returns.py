"""Goods come back once, never more than left, and where the inspection says."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.books import violations, violations_at
from tests.house import House
from tests.running import serving


@pytest.fixture
async def house(house: House) -> AsyncIterator[House]:
    """However a test ends, the books balance."""
    yield house
    assert await violations(house.database) == []


async def ordered(house: House, order: str, *lines: tuple[str, int]) -> None:
    """An order of GZ that was reserved and shipped, from ten of each SKU."""
    warehouse = await house.warehouse("GZ")
    for sku, _ in lines:
        await house.stock(sku, "GZ", 10)
    items = [{"sku_id": await house.sku(sku), "quantity": n, "warehouse_id": warehouse} for sku, n in lines]
    hold = {"items": items, "reference_type": "order", "reference_id": order}
    held = await house.post("/inventory/reservations", hold)
    await house.post(f"/inventory/reservations/{held['reservation_id']}/consume", expect=200)


async def parcel(house: House, order: str, *lines: tuple[str, int, str], **more: Any) -> dict[str, Any]:
    items = [{"sku_id": await house.sku(sku), "quantity": n, "outcome": outcome} for sku, n, outcome in lines]
    return {"reference_id": order, "warehouse_id": await house.warehouse("GZ"), "items": items, **more}


async def level(house: House, sku: str) -> str:
    """``8+2``: available + unavailable in GZ."""
    found = await house.get("/inventory", sku_id=await house.sku(sku), warehouse_id=await house.warehouse("GZ"))
    return "{available_quantity}+{unavailable_quantity}".format(**found["inventories"][0])


async def test_q13_a_return_of_two_sent_twice_restocks_two(house: House) -> None:
    await ordered(house, "A-1", ("TEA", 4))
    body = await parcel(house, "A-1", ("TEA", 2, "restock"))
    key = {"idempotency-key": "parcel-1"}
    first = await house.post("/returns", body, headers=key)
    assert await house.post("/returns", body, headers=key) == first
    assert await level(house, "TEA") == "8+0"


async def test_q13_a_retry_without_a_key_is_told_what_was_booked(house: House) -> None:
    await ordered(house, "A-1", ("TEA", 4))
    body = await parcel(house, "A-1", ("TEA", 2, "restock"))
    first = await house.post("/returns", body)
    refused = await house.post("/returns", body, expect=409)
    assert (refused["code"], refused["return_id"]) == ("already_returned", first["id"])
    assert await level(house, "TEA") == "8+0"
    twin = {**body, "return_reference": "parcel-2"}
    second = await house.post("/returns", twin)
    assert (await house.post("/returns", twin))["id"] == second["id"] != first["id"]
    assert await level(house, "TEA") == "10+0"


async def test_q13_a_refund_without_goods_changes_nothing(house: House) -> None:
    await ordered(house, "A-1", ("TEA", 2))
    refund = await house.post("/returns", await parcel(house, "A-1", ("TEA", 2, "refund_only")))
    assert (refund["back_total"], await level(house, "TEA")) == (0, "8+0")
    ledger = await house.get("/inventory/movements", reference_type="return")
    assert ledger["movements"] == []
    # The goods come after all: the refund did not use them up.
    await house.post("/returns", await parcel(house, "A-1", ("TEA", 2, "restock")))
    assert await level(house, "TEA") == "10+0"


OUTCOMES = [
    # outcome, available + unavailable after 2 of 4 sold out of 10 came back, the ledger
    ("restock", "8+0", [("in", "sellable", 2, "return")]),
    ("unsellable", "6+2", [("in", "unsellable", 2, "return")]),
    ("scrap", "6+0", [("in", "unsellable", 2, "return"), ("out", "unsellable", -2, "scrap")]),
]


@pytest.mark.parametrize(("outcome", "after", "entries"), OUTCOMES)
async def test_the_inspection_decides_where_units_go(
    house: House, outcome: str, after: str, entries: list[Any]
) -> None:
    await ordered(house, "A-1", ("TEA", 4))
    made = await house.post("/returns", await parcel(house, "A-1", ("TEA", 2, outcome)))
    ledger = await house.get("/inventory/movements", reference_id=made["id"])
    found = [(m["movement_type"], m["bucket"], m["quantity"], m["reference_type"]) for m in ledger["movements"][::-1]]
    assert (await level(house, "TEA"), found) == (after, entries)


async def test_never_more_comes_back_than_left(house: House) -> None:
    await ordered(house, "A-1", ("TEA", 4), ("CUP", 1))
    await house.post("/returns", await parcel(house, "A-1", ("TEA", 1, "restock"), ("TEA", 2, "unsellable")))
    refused = await house.post(
        "/returns", await parcel(house, "A-1", ("CUP", 1, "restock"), ("TEA", 2, "scrap")), expect=409
    )
    facts = {"sku_id": await house.sku("TEA"), "requested": 2, "consumed": 4, "returned": 3}
    assert (refused["code"], refused["errors"]) == ("exceeds_consumed", [facts])
    assert await level(house, "CUP") == "9+0"
    await house.post("/returns", await parcel(house, "A-1", ("CUP", 1, "restock"), ("TEA", 1, "scrap")))
    rest = await house.get("/returns/returnable", reference_id="A-1")
    found = [(r["consumed_quantity"], r["returned_quantity"], r["returnable_quantity"]) for r in rest["returnable"]]
    assert found == [(1, 1, 0), (4, 4, 0)]


async def test_what_was_only_held_cannot_come_back(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    items = [{"sku_id": await house.sku("TEA"), "quantity": 2}]
    await house.post("/inventory/reservations", {"items": items, "reference_type": "order", "reference_id": "A-1"})
    refused = await house.post("/returns", await parcel(house, "A-1", ("TEA", 1, "restock")), expect=409)
    assert refused["errors"][0]["consumed"] == 0


async def test_a_sale_at_the_till_can_come_back_too(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    sale = {
        "warehouse_id": await house.warehouse("GZ"),
        "reference": "till-7",
        "items": [{"sku_id": await house.sku("TEA"), "quantity": 3}],
    }
    await house.post("/inventory/sales", sale)
    body = await parcel(house, "till-7", ("TEA", 3, "restock"))
    assert (await house.post("/returns", body, expect=409))["code"] == "exceeds_consumed"
    await house.post("/returns", {**body, "reference_type": "sale"})
    assert await level(house, "TEA") == "10+0"


async def test_goods_that_were_not_sold_here_need_the_flag_and_a_reason(house: House) -> None:
    await house.stock("TEA", "GZ", 1)
    body = await parcel(house, "old-shop-9", ("TEA", 2, "restock"))
    assert (await house.post("/returns", body, expect=409))["code"] == "exceeds_consumed"
    flagged = {**body, "accept_unmatched": True}
    assert (await house.post("/returns", flagged, expect=422))["code"] == "reason_required"
    made = await house.post("/returns", {**flagged, "reason": "sold before the move"})
    assert (made["is_unmatched"], await level(house, "TEA")) == (True, "3+0")


async def test_a_return_reference_cannot_say_something_else(house: House) -> None:
    await ordered(house, "A-1", ("TEA", 4))
    await house.post("/returns", await parcel(house, "A-1", ("TEA", 2, "restock"), return_reference="RMA-1"))
    other = await parcel(house, "A-1", ("TEA", 1, "restock"), return_reference="RMA-1")
    assert (await house.post("/returns", other, expect=409))["code"] == "return_reference_reused"
    assert await level(house, "TEA") == "8+0"


async def test_goods_come_back_at_the_cost_at_which_they_left(house: House) -> None:
    tea, warehouse = await house.sku("TEA"), await house.warehouse("GZ")

    async def bought(quantity: int, cost: str) -> None:
        items = [{"sku_id": tea, "quantity": quantity, "unit_cost": cost}]
        await house.post("/inventory/receipts", {"warehouse_id": warehouse, "items": items})

    await bought(4, "2.00")
    items = [{"sku_id": tea, "quantity": 4, "warehouse_id": warehouse}]
    hold = {"items": items, "reference_type": "order", "reference_id": "A-1"}
    held = await house.post("/inventory/reservations", hold)
    await house.post(f"/inventory/reservations/{held['reservation_id']}/consume", expect=200)
    await bought(2, "5.00")
    await house.post("/returns", await parcel(house, "A-1", ("TEA", 2, "scrap")))
    await house.post("/returns", await parcel(house, "A-1", ("TEA", 2, "restock")))
    async with house.database.connection() as connection:
        row = await (await connection.execute("select cost_price from inventory")).fetchone()
    assert str(row and row[0]) == "3.500000"


async def test_an_unknown_sku_and_an_empty_return_are_named(house: House) -> None:
    body = await parcel(house, "A-1", ("TEA", 1, "restock"))
    body["items"].append({"sku_id": "00000000-0000-0000-0000-000000000001", "quantity": 1, "outcome": "scrap"})
    refused = await house.post("/returns", body, expect=422)
    assert [(e["loc"], e["code"]) for e in refused["errors"]] == [(["items", 1, "sku_id"], "unknown_sku")]
    assert (await house.post("/returns", {**body, "items": []}, expect=422))["code"] == "invalid_request"


async def test_returns_are_listed_by_order_and_every_one_tells(house: House) -> None:
    await ordered(house, "A-1", ("TEA", 4))
    made = [
        await house.post("/returns", await parcel(house, "A-1", ("TEA", 1, outcome)))
        for outcome in ("restock", "scrap", "unsellable")
    ]
    first = await house.get("/returns", reference_id="A-1", limit=2)
    rest = await house.get("/returns", reference_id="A-1", limit=2, cursor=first["next_cursor"])
    assert first["returns"] + rest["returns"] == made[::-1]
    assert await house.get(f"/returns/{made[0]['id']}") == made[0]
    async with house.database.connection() as connection:
        rows = await connection.execute(
            "select data ->> 'number' from outbox_events where event_type = 'return.created' order by id"
        )
        assert [r[0] for r in await rows.fetchall()] == [m["number"] for m in made]
    trail = await house.get("/audit-log", subject=f"return:{made[0]['id']}")
    assert [e["action"] for e in trail["entries"]] == ["return.created"]


async def test_any_order_of_any_returns_keeps_the_books(house: House) -> None:
    """Returns of three orders, with repeats and too many, beside a plain model."""
    rng = random.Random(3)  # noqa: S311 - the same story every time
    sold = {f"A-{n}": 6 for n in range(3)}
    for order, quantity in sold.items():
        await ordered(house, order, ("TEA", quantity))
    sellable, kept, booked = 30 - 18, 0, set[tuple[str, str]]()
    for _ in range(60):
        order, outcome = rng.choice(list(sold)), rng.choice(["restock", "unsellable", "scrap", "refund_only"])
        quantity, reference = rng.randint(1, 3), f"R-{rng.randint(1, 25)}"
        body = await parcel(house, order, ("TEA", quantity, outcome), return_reference=reference)
        answer = await house.client.post("/api/v1/returns", json=body)
        if (order, reference) in booked:
            assert answer.status_code in (201, 409)
        elif outcome != "refund_only" and quantity > sold[order]:
            assert answer.json()["code"] == "exceeds_consumed"
        else:
            assert answer.status_code == 201, answer.text
            booked.add((order, reference))
            sold[order] -= quantity if outcome != "refund_only" else 0
            sellable += quantity if outcome == "restock" else 0
            kept += quantity if outcome == "unsellable" else 0
    assert await level(house, "TEA") == f"{sellable}+{kept}"


async def test_parallel_returns_of_one_order_never_exceed_it(fresh_url: str) -> None:
    """Forty parcels of one unit, two warehouses, two processes, five units sold: five come back."""
    with serving(fresh_url, processes=2) as running, running.client() as one, running.client(1) as two:
        sku = one.post("/skus", json={"code": "TEA", "name": "TEA"}).json()["id"]
        houses = [
            one.post("/warehouses", json={"code": code, "name": code, "type": "main"}).json()["id"]
            for code in ("GZ", "BJ")
        ]
        receipt = {"warehouse_id": houses[0], "items": [{"sku_id": sku, "quantity": 5}]}
        one.post("/inventory/receipts", json=receipt)
        hold = {"items": [{"sku_id": sku, "quantity": 5}], "reference_type": "order", "reference_id": "A-1"}
        held = one.post("/inventory/reservations", json=hold).json()["reservation_id"]
        one.post(f"/inventory/reservations/{held}/consume")

        def back(n: int) -> int:
            items = [{"sku_id": sku, "quantity": 1, "outcome": "restock"}]
            body = {"reference_id": "A-1", "warehouse_id": houses[n % 2], "items": items, "return_reference": f"R-{n}"}
            return (one, two)[n // 2 % 2].post("/returns", json=body).status_code

        with ThreadPoolExecutor(20) as pool:
            answers = sorted(pool.map(back, range(40)))
        assert answers == [201] * 5 + [409] * 35
        levels = one.get("/inventory").json()["inventories"]
        assert sum(level["available_quantity"] for level in levels) == 5
    assert await violations_at(fresh_url) == []
