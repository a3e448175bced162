"""Undo: whatever an operator did, taking it back leaves every level, cost and document as it was before."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psycopg
import pytest
from tests.books import violations
from tests.house import House

Deed = Callable[[House], Awaitable[Any]]


@pytest.fixture
async def house(house: House) -> AsyncIterator[House]:
    """However a test ends, the books balance."""
    for sku, warehouse, quantity, cost in (("TEA", "GZ", 20, "2.10"), ("CUP", "GZ", 9, "3"), ("TEA", "BJ", 4, "2.50")):
        await receive(house, sku, warehouse, quantity, cost)
    yield house
    assert await violations(house.database) == []


async def receive(house: House, sku: str, warehouse: str, quantity: int, cost: str | None = None) -> None:
    items = [{"sku_id": await house.sku(sku), "quantity": quantity, "unit_cost": cost}]
    await house.post("/inventory/receipts", {"warehouse_id": await house.warehouse(warehouse), "items": items})


def rows(house: House, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(house.database.url) as connection:
        return connection.execute(statement).fetchall()  # type: ignore[arg-type]


def state(house: House) -> dict[str, list[tuple[Any, ...]]]:
    """Everything an undo promises to bring back; versions, times and the ledger itself move on."""
    return {
        "levels": rows(
            house,
            "select sku_id, warehouse_id, available_quantity, reserved_quantity, unavailable_quantity,"
            " in_transit_quantity, cost_price, safety_stock, reorder_point, max_stock from inventory"
            " where on_hand_quantity + in_transit_quantity > 0 or coalesce(safety_stock, max_stock) is not null"
            " order by 1, 2",
        ),
        **{
            table: rows(
                house,
                f"select to_jsonb(t) - '{{version,updated_at}}'::text[] from {table} t order by (to_jsonb(t))::text",
            )
            for table in (
                "skus",
                "warehouses",
                "transfers",
                "transfer_lines",
                "transfer_receipts",
                "transfer_losses",
                "returns",
                "return_lines",
                "purchase_orders",
                "purchase_order_lines",
                "purchase_receipts",
                "stock_counts",
                "stock_count_lines",
                "stock_count_entries",
                "replenishment_policies",
                "suppliers",
                "supplier_items",
            )
        },
    }


async def newest(house: House, **params: Any) -> dict[str, Any]:
    """The newest line of the audit trail."""
    return (await house.get("/audit-log", limit=1, **params))["entries"][0]


async def take_back(house: House, expect: int = 201) -> Any:
    entry = await newest(house)
    return await house.post(f"/audit-log/{entry['id']}/undo", {"reason": "by mistake"}, expect=expect)


async def take_back_movement(house: House, expect: int = 201) -> Any:
    entry = (await house.get("/inventory/movements", limit=1))["movements"][0]
    return await house.post(f"/inventory/movements/{entry['id']}/undo", {"reason": "by mistake"}, expect=expect)


async def adjust(house: House, sku: str = "TEA", warehouse: str = "GZ", **fields: Any) -> Any:
    body = {
        "warehouse_id": await house.warehouse(warehouse),
        "adjustment_type": "decrease",
        "quantity": 3,
        "reason": "broken",
        **fields,
    }
    return await house.call("PUT", f"/inventory/{await house.sku(sku)}/adjust", json=body, expect=200)


async def hold(house: House, quantity: int = 2, **fields: Any) -> str:
    items = [
        {"sku_id": await house.sku(sku), "quantity": quantity, "warehouse_id": await house.warehouse("GZ")}
        for sku in ("TEA", "CUP")
    ]
    body = {"items": items, "reference_type": "order", "reference_id": "A-1", "expires_in_minutes": None, **fields}
    return (await house.post("/inventory/reservations", body))["reservation_id"]


async def consumed(house: House, **fields: Any) -> str:
    reservation = await hold(house, **fields)
    await house.post(f"/inventory/reservations/{reservation}/consume", expect=200)
    return reservation


async def transfer(house: House) -> str:
    body = {
        "from_warehouse_id": await house.warehouse("GZ"),
        "to_warehouse_id": await house.warehouse("BJ"),
        "items": [{"sku_id": await house.sku(sku), "quantity": 4} for sku in ("TEA", "CUP")],
    }
    return (await house.post("/transfers", body))["id"]


async def shipped(house: House) -> str:
    number = await transfer(house)
    await house.post(f"/transfers/{number}/ship", expect=200)
    return number


async def order(house: House) -> str:
    supplier = await house.supplier("SUP")
    lines = [{"sku_id": await house.sku("TEA"), "quantity": 10, "unit_cost": "1.70"}]
    body = {"supplier_id": supplier, "warehouse_id": await house.warehouse("GZ"), "items": lines}
    number = (await house.post("/purchase-orders", body))["id"]
    await house.post(f"/purchase-orders/{number}/send", expect=200)
    return number


async def opened(house: House) -> str:
    return (await house.post("/stock-counts", {"warehouse_id": await house.warehouse("GZ")}))["id"]


async def enter(house: House, count: str) -> None:
    items = [
        {"sku_id": await house.sku("TEA"), "quantity": 17},
        {"sku_id": await house.sku("CUP"), "quantity": 12},
    ]
    await house.post(f"/stock-counts/{count}/entries", {"items": items}, expect=200)


async def counted(house: House) -> str:
    count = await opened(house)
    await enter(house, count)
    return count


async def nothing(house: House) -> str:
    return ""


# name: (what is there before, what is done and taken back)
DEEDS: dict[str, tuple[Deed, Callable[[House, str], Awaitable[Any]]]] = {
    "decrease": (nothing, lambda h, _: adjust(h)),
    "increase at a cost": (nothing, lambda h, _: adjust(h, adjustment_type="increase", quantity=7, unit_cost="9.33")),
    "set": (nothing, lambda h, _: adjust(h, adjustment_type="set", quantity=5, expected_quantity=20)),
    "unsellable": (nothing, lambda h, _: adjust(h, adjustment_type="increase", quantity=2, bucket="unsellable")),
    "transfer drafted": (nothing, lambda h, _: transfer(h)),
    "transfer shipped": (transfer, lambda h, t: h.post(f"/transfers/{t}/ship", expect=200)),
    "transfer received": (shipped, lambda h, t: h.post(f"/transfers/{t}/receive", expect=200)),
    "transfer closed": (shipped, lambda h, t: h.post(f"/transfers/{t}/close", {"reason": "lost"}, expect=200)),
    "order received": (order, lambda h, o: h.post(f"/purchase-orders/{o}/receive", expect=200)),
    "order confirmed": (
        order,
        lambda h, o: h.post(f"/purchase-orders/{o}/confirm", {"items": [{"line_no": 1, "quantity": 6}]}, expect=200),
    ),
    "count opened": (nothing, lambda h, _: opened(h)),
    "shelves counted": (opened, enter),
    "count approved": (counted, lambda h, c: h.post(f"/stock-counts/{c}/approve", expect=200)),
    "count closed": (
        counted,
        lambda h, c: h.post(f"/stock-counts/{c}/close", {"discard_waiting": True}, expect=200),
    ),
}


@pytest.mark.parametrize("deed", DEEDS)
async def test_what_was_done_and_undone_was_not_done(house: House, deed: str) -> None:
    given, do = DEEDS[deed]
    thing = await given(house)
    before = state(house)
    await do(house, thing)
    assert state(house) != before, "the deed does something"
    await take_back(house)
    assert state(house) == before


@pytest.mark.parametrize("outcome", ["restock", "unsellable", "scrap"])
async def test_a_return_is_taken_back_with_its_document(house: House, outcome: str) -> None:
    await consumed(house)
    before = state(house)
    items = [{"sku_id": await house.sku("TEA"), "quantity": 2, "outcome": outcome}]
    body = {"reference_id": "A-1", "warehouse_id": await house.warehouse("GZ"), "items": items}
    await house.post("/returns", body)
    await take_back(house)
    assert state(house) == before


async def test_archiving_and_policies_are_taken_back(house: House) -> None:
    tea, gz = await house.sku("TEA"), await house.warehouse("GZ")
    await house.sku("OLD")
    before = state(house)
    await house.call("PATCH", f"/skus/{await house.sku('OLD')}", json={"archived": True}, expect=200)
    await take_back(house)
    body = {"sku_id": tea, "warehouse_id": gz, "mode": "manual", "levels": {"safety_stock": 5, "reorder_point": 8}}
    await house.call("PUT", "/replenishment/policies", json=body, expect=200)
    await take_back(house)
    assert state(house) == before


@pytest.mark.parametrize("deed", ["receipt", "sale"])
async def test_what_the_group_writer_posted_is_found_by_its_entries(house: House, deed: str) -> None:
    before = state(house)
    if deed == "receipt":
        await receive(house, "TEA", "GZ", 7, "3.333333")
    else:
        items = [{"sku_id": await house.sku(sku), "quantity": 3} for sku in ("TEA", "CUP")]
        await house.post("/inventory/sales", {"warehouse_id": await house.warehouse("GZ"), "items": items})
    done = await take_back_movement(house)
    assert len(done["items"]) == (1 if deed == "receipt" else 2), "all entries of the posting, not only the one named"
    assert state(house) == before


async def test_consumed_units_are_back_and_held_again(house: House) -> None:
    reservation = await hold(house)
    before = state(house)
    await house.post(f"/inventory/reservations/{reservation}/consume", expect=200)
    done = await take_back_movement(house)
    assert state(house) == before
    [held] = done["held_again"]
    assert (held["reference_type"], held["reference_id"], held["expires_at"]) == ("order", "A-1", None)
    assert done["levels"][0]["reserved_quantity"] == 2


async def test_an_undo_is_shown_before_and_linked_after(house: House) -> None:
    await adjust(house)
    entry = await newest(house)
    before = state(house)
    look = await house.get(f"/audit-log/{entry['id']}/undo")
    assert (look["can_undo"], look["undone"], [i["quantity"] for i in look["items"]]) == (True, None, [3])
    assert look["levels"][0]["available_quantity"] == 20
    assert state(house) == before, "looking changes nothing"
    done = await house.post(f"/audit-log/{entry['id']}/undo", {"reason": "wrong shelf"})
    back, gone = (await house.get("/inventory/movements", limit=2))["movements"]
    assert (back["undoes"], gone["undone_by"], back["reason"]) == (gone["id"], back["id"], "wrong shelf")
    told, was = (await house.get("/audit-log", limit=2))["entries"]
    assert was["undone"]["undo_id"] == told["facts"]["undo_id"] == done["undo_id"]
    assert (told["action"], told["facts"]["undone_action"]) == ("action.undone", "inventory.adjusted")


async def test_an_action_is_undone_once_and_the_undo_can_be_undone(house: House) -> None:
    before = state(house)
    await adjust(house)
    entry, after = await newest(house), state(house)
    await take_back(house)
    again = await house.post(f"/audit-log/{entry['id']}/undo", {"reason": "twice"}, expect=409)
    assert again["code"] == "already_undone"
    movement = (await house.get("/inventory/movements", limit=2))["movements"][1]
    by_entry = await house.post(f"/inventory/movements/{movement['id']}/undo", {"reason": "twice"}, expect=409)
    assert by_entry["code"] == "already_undone", "an entry leads to the same action"
    assert state(house) == before
    await take_back(house)
    assert state(house) == after, "the undo of an undo does it again"


async def test_a_repeated_undo_with_the_same_key_answers_the_first(house: House) -> None:
    await adjust(house)
    entry = await newest(house)
    key = {"idempotency-key": "u-1"}
    first = await house.post(f"/audit-log/{entry['id']}/undo", {"reason": "x"}, headers=key)
    assert await house.post(f"/audit-log/{entry['id']}/undo", {"reason": "x"}, headers=key) == first


async def test_what_is_gone_since_cannot_be_taken_back(house: House) -> None:
    await receive(house, "NEW", "GZ", 5, "1")
    await house.sell("NEW", "GZ", 3)
    [_, receipt] = (await house.get("/inventory/movements", sku_id=await house.sku("NEW")))["movements"]
    look = await house.get(f"/inventory/movements/{receipt['id']}/undo")
    told = await house.post(f"/inventory/movements/{receipt['id']}/undo", {"reason": "x"}, expect=409)
    assert (look["can_undo"], look["code"], told["code"]) == (False, "insufficient_stock", "insufficient_stock")
    assert (told["errors"][0]["requested"], told["errors"][0]["available"]) == (5, 2)


async def test_a_document_that_went_on_is_not_turned_back(house: House) -> None:
    number = await shipped(house)
    ship = await newest(house)
    await house.post(f"/transfers/{number}/receive", expect=200)
    before = state(house)
    told = await house.post(f"/audit-log/{ship['id']}/undo", {"reason": "x"}, expect=409)
    assert told["code"] == "changed_since"
    assert {e["table"] for e in told["errors"]} >= {"transfers", "transfer_lines"}
    assert state(house) == before
    await take_back(house)
    await house.post(f"/audit-log/{ship['id']}/undo", {"reason": "x"})


async def test_what_is_used_by_now_does_not_go(house: House) -> None:
    await house.sku("LATE")
    made = await newest(house)
    await receive(house, "LATE", "GZ", 1)
    told = await house.post(f"/audit-log/{made['id']}/undo", {"reason": "x"}, expect=409)
    assert told["code"] == "still_used"


async def test_what_left_the_house_is_not_undone(house: House) -> None:
    await order(house)
    told = await take_back(house, expect=409)
    assert (told["code"], "cancel" in told["detail"]) == ("not_undoable", True)


async def test_an_undone_sale_is_no_demand(house: House) -> None:
    await house.sell("TEA", "GZ", 3)
    await take_back_movement(house)
    await house.sell("TEA", "GZ", 4)
    with psycopg.connect(house.database.url) as connection:
        connection.execute("select demand_refresh()")
        found = connection.execute("select quantity, orders from demand_daily").fetchall()
    assert found == [(4, 1)]


async def test_taking_back_an_old_receipt_takes_out_its_value(house: House) -> None:
    """Not turned back but compensated: 10 at 2 and 10 at 4 average 3; 5 are sold; without the 10 at 4, 5 are left."""
    await receive(house, "OIL", "GZ", 10, "2")
    await receive(house, "OIL", "GZ", 10, "4")
    await house.sell("OIL", "GZ", 5)
    [_, second, _] = (await house.get("/inventory/movements", sku_id=await house.sku("OIL")))["movements"]
    await house.post(f"/inventory/movements/{second['id']}/undo", {"reason": "wrong invoice"})
    [entry, *_] = (await house.get("/inventory/movements", sku_id=await house.sku("OIL")))["movements"]
    # 15 at 3 are worth 45; 10 at 4 leave; 5 worth 5 stay.
    assert (entry["balance_after"], entry["cost_after"]) == (5, "1.000000")


async def test_any_string_of_postings_undone_backwards_leaves_what_was_there(house: House) -> None:
    """Property: do n things, undo them newest first, and after each undo the state is the one before that thing."""
    dice = random.Random(20261121)  # noqa: S311 - a string of deeds, not a secret
    states: list[Any] = [state(house)]
    for _ in range(8):
        cost = f"{dice.randint(1, 9)}.{dice.randint(0, 999999):06}"
        kind = dice.choice(["receipt", "sale", "adjust"])
        sku, warehouse = dice.choice(["TEA", "CUP"]), "GZ"
        if kind == "receipt":
            await receive(house, sku, warehouse, dice.randint(1, 9), cost)
        elif kind == "sale":
            await house.sell(sku, warehouse, 1)
        else:
            await adjust(house, sku, warehouse, adjustment_type="increase", quantity=dice.randint(1, 5), unit_cost=cost)
        states.append(state(house))
    done = [m["id"] for m in (await house.get("/inventory/movements", limit=8))["movements"]]
    for movement, before in zip(done, reversed(states[:-1]), strict=True):
        await house.post(f"/inventory/movements/{movement}/undo", {"reason": "back"})
        assert state(house) == before
