"""A transfer's life: every unit that left the source is on its way, at the destination, or written off."""

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


async def draft(house: House, *lines: tuple[str, int], **fields: Any) -> dict[str, Any]:
    """A draft from GZ to BJ."""
    items = [{"sku_id": await house.sku(sku), "quantity": n} for sku, n in lines]
    ways = {"from_warehouse_id": await house.warehouse("GZ"), "to_warehouse_id": await house.warehouse("BJ")}
    return await house.post("/transfers", {**ways, "items": items, **fields})


async def do(house: House, transfer: dict[str, Any], verb: str, body: Any = None, expect: int = 200) -> dict[str, Any]:
    return await house.post(f"/transfers/{transfer['id']}/{verb}", body, expect=expect)


async def delivery(house: House, sku: str, good: int = 0, *, kept: int = 0, lost: int = 0, **more: Any) -> Any:
    item = {
        "sku_id": await house.sku(sku),
        "quantity": good,
        "unsellable_quantity": kept,
        "lost_quantity": lost,
    }
    return {"items": [item], **more}


async def levels(house: House, sku: str) -> str:
    """``GZ 5+0~0 BJ 7+3~0``: available + unavailable ~ in transit."""
    shown: list[str] = []
    for code in ("GZ", "BJ"):
        found = await house.get("/inventory", sku_id=await house.sku(sku), warehouse_id=await house.warehouse(code))
        level = (found["inventories"] or [{}])[0]
        names = ("available_quantity", "unavailable_quantity", "in_transit_quantity")
        shown.append(f"{code} {{}}+{{}}~{{}}".format(*(level.get(name, 0) for name in names)))
    return " ".join(shown)


async def legs(house: House, transfer: dict[str, Any]) -> list[tuple[str, str, int]]:
    found = await house.get("/inventory/movements", reference_type="transfer", reference_id=transfer["id"])
    return [(m["movement_type"], m["bucket"], m["quantity"]) for m in reversed(found["movements"])]


async def test_q12_ten_shipped_seven_good_three_broken(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    transfer = await draft(house, ("TEA", 10))
    assert await levels(house, "TEA") == "GZ 10+0~0 BJ 0+0~0"
    await do(house, transfer, "ship")
    assert await levels(house, "TEA") == "GZ 0+0~0 BJ 0+0~10"
    broken = await delivery(house, "TEA", 7, lost=3, reason="fell off the truck", reference="DN-1")
    done = await do(house, transfer, "receive", broken)
    assert await levels(house, "TEA") == "GZ 0+0~0 BJ 7+0~0"
    assert await legs(house, transfer) == [("transfer", "sellable", -10), ("transfer", "sellable", 7)]
    assert [(loss["quantity"], loss["reason"]) for loss in done["losses"]] == [(3, "fell off the truck")]
    assert (done["status"], done["open_total"], done["lost_total"]) == ("closed", 0, 3)


async def test_broken_units_that_are_kept_lie_on_the_unsellable_shelf(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    transfer = await draft(house, ("TEA", 10))
    await do(house, transfer, "ship")
    done = await do(house, transfer, "receive", await delivery(house, "TEA", 7, kept=3))
    assert (done["status"], done["lost_total"], done["unsellable_total"]) == ("received", 0, 3)
    assert await levels(house, "TEA") == "GZ 0+0~0 BJ 7+3~0"


async def test_what_never_arrives_is_written_off_by_closing(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    transfer = await draft(house, ("TEA", 10))
    await do(house, transfer, "ship")
    partly = await do(house, transfer, "receive", await delivery(house, "TEA", 6))
    assert (partly["status"], partly["open_total"]) == ("partly_received", 4)
    closed = await do(house, transfer, "close", {"reason": "the carrier lost a box"})
    assert (closed["status"], closed["lost_total"], closed["open_total"]) == ("closed", 4, 0)
    assert await levels(house, "TEA") == "GZ 0+0~0 BJ 6+0~0"
    again = await do(house, transfer, "close", {"reason": "again"})
    assert again == closed
    assert (await do(house, transfer, "receive", expect=409))["code"] == "transfer_closed"


async def test_shipping_takes_every_line_or_none(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    await house.stock("CUP", "GZ", 2)
    transfer = await draft(house, ("TEA", 10), ("CUP", 3))
    refused = await do(house, transfer, "ship", expect=409)
    assert refused["code"] == "insufficient_stock"
    assert [(e["requested"], e["available"]) for e in refused["errors"]] == [(3, 2)]
    assert await levels(house, "TEA") == "GZ 10+0~0 BJ 0+0~0"
    assert (await house.get(f"/transfers/{transfer['id']}"))["status"] == "draft"


async def test_reserved_units_do_not_travel(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    hold = {
        "items": [{"sku_id": await house.sku("TEA"), "quantity": 4, "warehouse_id": await house.warehouse("GZ")}],
        "reference_type": "order",
        "reference_id": "A-1",
    }
    await house.post("/inventory/reservations", hold)
    assert (await do(house, await draft(house, ("TEA", 7)), "ship", expect=409))["code"] == "insufficient_stock"
    await do(house, await draft(house, ("TEA", 6)), "ship")


async def test_a_sku_named_twice_counts_together(house: House) -> None:
    await house.stock("TEA", "GZ", 5)
    transfer = await draft(house, ("TEA", 3), ("TEA", 3))
    assert [line["quantity"] for line in transfer["items"]] == [6]
    assert (await do(house, transfer, "ship", expect=409))["errors"][0]["requested"] == 6


async def test_a_delivery_note_is_booked_once(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    transfer = await draft(house, ("TEA", 10))
    await do(house, transfer, "ship")
    note = await delivery(house, "TEA", 6, reference="DN-1")
    await do(house, transfer, "receive", note)
    assert (await do(house, transfer, "receive", note))["received_total"] == 6
    other = await delivery(house, "TEA", 4, reference="DN-1")
    assert (await do(house, transfer, "receive", other, expect=409))["code"] == "delivery_note_reused"
    rest = {"reference": "DN-2"}
    await do(house, transfer, "receive", rest)
    assert (await do(house, transfer, "receive", rest))["received_total"] == 10
    assert await levels(house, "TEA") == "GZ 0+0~0 BJ 10+0~0"


async def test_more_than_is_on_its_way_cannot_arrive(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    transfer = await draft(house, ("TEA", 10))
    await do(house, transfer, "ship")
    refused = await do(house, transfer, "receive", await delivery(house, "TEA", 8, kept=2, lost=1, reason="?"), 409)
    assert (refused["code"], refused["errors"][0]["requested"], refused["errors"][0]["open"]) == (
        "over_receipt",
        11,
        10,
    )
    await do(house, transfer, "receive")
    assert (await do(house, transfer, "receive", expect=409))["code"] == "transfer_received"
    assert await levels(house, "TEA") == "GZ 0+0~0 BJ 10+0~0"


async def test_what_is_not_on_the_transfer_and_losses_without_a_reason_are_refused(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    transfer = await draft(house, ("TEA", 10))
    await do(house, transfer, "ship")
    assert (await do(house, transfer, "receive", await delivery(house, "CUP", 1), 422))["code"] == "not_on_transfer"
    assert (await do(house, transfer, "receive", await delivery(house, "TEA"), 422))["code"] == "not_on_transfer"
    silent = await delivery(house, "TEA", 9, lost=1)
    assert (await do(house, transfer, "receive", silent, 422))["code"] == "reason_required"
    assert await levels(house, "TEA") == "GZ 0+0~0 BJ 0+0~10"


FORBIDDEN = [
    # what was done before, the verb, its answer
    ((), "receive", "transfer_not_shipped"),
    ((), "close", "transfer_not_shipped"),
    (("ship",), "ship", "transfer_already_shipped"),
    (("ship",), "cancel", "transfer_already_shipped"),
    (("ship", "receive"), "close", "transfer_received"),
    (("ship", "receive"), "receive", "transfer_received"),
    (("ship", "close"), "ship", "transfer_closed"),
    (("cancel",), "ship", "transfer_cancelled"),
    (("cancel",), "close", "transfer_cancelled"),
]


@pytest.mark.parametrize(("before", "verb", "code"), FORBIDDEN)
async def test_a_state_forbids_what_may_not_follow(house: House, before: tuple[str, ...], verb: str, code: str) -> None:
    await house.stock("TEA", "GZ", 10)
    transfer = await draft(house, ("TEA", 10))
    for step in before:
        await do(house, transfer, step, {"reason": "because"} if step == "close" else None)
    was = await levels(house, "TEA")
    refused = await do(house, transfer, verb, {"reason": "because"} if verb == "close" else None, expect=409)
    assert (refused["code"], await levels(house, "TEA")) == (code, was)


async def test_a_draft_is_written_anew_only_by_who_has_seen_it(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    transfer = await draft(house, ("TEA", 4))
    items = [{"sku_id": await house.sku("TEA"), "quantity": 5}]
    path = f"/transfers/{transfer['id']}"
    changed = await house.call("PATCH", path, json={"items": items, "expected_version": 1}, expect=200)
    assert (changed["version"], changed["quantity_total"]) == (2, 5)
    late = await house.call("PATCH", path, json={"items": items}, headers={"if-match": '"1"'}, expect=409)
    assert (late["code"], late["version"]) == ("version_conflict", 2)
    stale = await house.post(f"{path}/ship", expect=409, headers={"if-match": '"1"'})
    assert stale["code"] == "version_conflict"
    await house.post(f"{path}/ship", expect=200, headers={"if-match": '"2"'})
    assert (await house.call("PATCH", path, json={"note": "late"}, expect=409))["code"] == "transfer_already_shipped"


async def test_a_draft_names_what_cannot_travel(house: House) -> None:
    same = {"from_warehouse_id": await house.warehouse("GZ"), "to_warehouse_id": await house.warehouse("GZ")}
    items = [{"sku_id": await house.sku("TEA"), "quantity": 1}]
    assert (await house.post("/transfers", {**same, "items": items}, expect=422))["code"] == "same_warehouse"
    away = {**same, "to_warehouse_id": await house.warehouse("BJ")}
    unknown = [*items, {"sku_id": "00000000-0000-0000-0000-000000000001", "quantity": 1}]
    refused = await house.post("/transfers", {**away, "items": unknown}, expect=422)
    assert [(e["loc"], e["code"]) for e in refused["errors"]] == [(["items", 1, "sku_id"], "unknown_sku")]
    nowhere = {**away, "to_warehouse_id": "00000000-0000-0000-0000-000000000002"}
    assert (await house.post("/transfers", {**nowhere, "items": items}, expect=404))["code"] == "warehouse_not_found"
    transfer = await draft(house, ("TEA", 1))
    await house.call("PATCH", f"/skus/{await house.sku('TEA')}", json={"archived": True}, expect=200)
    assert (await do(house, transfer, "ship", expect=409))["code"] == "sku_archived"


async def test_goods_arrive_at_what_they_cost_at_the_source(house: House) -> None:
    tea = await house.sku("TEA")
    for warehouse, cost in (("GZ", "2.00"), ("BJ", "4.00")):
        items = [{"sku_id": tea, "quantity": 10, "unit_cost": cost}]
        await house.post("/inventory/receipts", {"warehouse_id": await house.warehouse(warehouse), "items": items})
    transfer = await draft(house, ("TEA", 10))
    await do(house, transfer, "ship")
    await do(house, transfer, "receive")
    async with house.database.connection() as connection:
        rows = await connection.execute("select cost_price from inventory order by on_hand_quantity desc")
        assert [str(r[0]) for r in await rows.fetchall()] == ["3.000000", "2.000000"]


async def test_supplier_and_transfer_inbound_are_told_apart_by_their_documents(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    transfer = await draft(house, ("TEA", 4), expected_at="2030-01-02")
    await do(house, transfer, "ship")
    tea, bj = await house.sku("TEA"), await house.warehouse("BJ")
    items = [{"sku_id": tea, "quantity": 6, "unit_cost": "1.00"}]
    order = await house.post(
        "/purchase-orders", {"supplier_id": await house.supplier("ACME"), "warehouse_id": bj, "items": items}
    )
    await house.post(f"/purchase-orders/{order['id']}/send", expect=200)
    [told] = (await house.get(f"/inventory/{tea}/explain", warehouse_id=bj))["levels"]
    inbound = told["in_transit"]
    assert (inbound["quantity"], inbound["purchase"], inbound["transfer"], inbound["adds_up"]) == (10, 6, 4, True)
    assert {(e["source"], e["document_id"], e["quantity"]) for e in inbound["entries"]} == {
        ("purchase", order["id"], 6),
        ("transfer", transfer["id"], 4),
    }
    await do(house, transfer, "receive")
    [told] = (await house.get(f"/inventory/{tea}/explain", warehouse_id=bj))["levels"]
    assert (told["in_transit"]["transfer"], told["in_transit"]["quantity"]) == (0, 6)


async def test_every_step_tells_and_is_audited(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    transfer = await draft(house, ("TEA", 10))
    await do(house, transfer, "ship")
    await do(house, transfer, "receive", await delivery(house, "TEA", 6))
    await do(house, transfer, "close", {"reason": "gone"})
    async with house.database.connection() as connection:
        rows = await connection.execute(
            "select event_type, data ->> 'status' from outbox_events where event_type like 'transfer.%' order by id"
        )
        told = await rows.fetchall()
    assert told == [
        ("transfer.created", "draft"),
        ("transfer.shipped", "shipped"),
        ("transfer.received", "partly_received"),
        ("transfer.closed", "closed"),
    ]
    trail = await house.get("/audit-log", subject=f"transfer:{transfer['id']}")
    assert [e["action"] for e in trail["entries"]] == [event for event, _ in reversed(told)]


async def test_transfers_are_listed_newest_first_in_pages(house: House) -> None:
    made = [(await draft(house, ("TEA", n)))["number"] for n in (1, 2, 3)]
    first = await house.get("/transfers", limit=2, status="draft")
    rest = await house.get("/transfers", limit=2, cursor=first["next_cursor"])
    assert [t["number"] for t in first["transfers"] + rest["transfers"]] == made[::-1]
    assert rest["next_cursor"] is None
    assert (await house.get("/transfers", status="shipped"))["transfers"] == []


async def test_any_order_of_any_calls_keeps_the_books(house: House) -> None:
    """Repeated, late and out-of-order commands beside a plain model of where the units are."""
    rng = random.Random(7)  # noqa: S311 - the same story every time
    await house.stock("TEA", "GZ", 60)
    where = {"GZ": 60, "BJ": 0, "kept": 0, "lost": 0, "transit": 0}
    transfers = [(await draft(house, ("TEA", 12)))["id"] for _ in range(4)]
    state = {id_: ["draft", 0] for id_ in transfers}
    for _ in range(80):
        id_, verb = rng.choice(transfers), rng.choice(["ship", "receive", "receive", "receive", "close", "cancel"])
        status, still = state[id_]
        good, kept, lost = (rng.randint(0, 3) for _ in range(3))
        body: Any = {"reason": "dice"} if verb in ("close", "cancel") else None
        if verb == "receive":
            body = await delivery(house, "TEA", good, kept=kept, lost=lost, reason="dice")
        answer = await house.client.post(f"/api/v1/transfers/{id_}/{verb}", json=body)
        n = good + kept + lost
        if verb == "ship" and status == "draft":
            state[id_], where["GZ"], where["transit"] = ["shipped", 12], where["GZ"] - 12, where["transit"] + 12
        elif verb == "receive" and status == "shipped" and 0 < n <= still:
            state[id_] = ["shipped", still - n] if n < still else ["closed or received", 0]
            where["BJ"] += good
            where["kept"] += kept
            where["lost"] += lost
            where["transit"] -= n
        elif verb == "close" and status == "shipped":
            state[id_], where["lost"], where["transit"] = ["closed", 0], where["lost"] + still, where["transit"] - still
        elif verb == "cancel" and status in ("draft", "cancelled"):
            state[id_] = ["cancelled", 0]
        else:
            expected = (200, 409) if verb == "close" and status.startswith("closed") else (409, 422)
            assert answer.status_code in expected, (verb, status, answer.text)
            continue
        assert answer.status_code == 200, (verb, status, still, n, answer.text)
    lost = sum(t["lost_total"] for t in (await house.get("/transfers"))["transfers"])
    assert (await levels(house, "TEA"), lost) == (
        f"GZ {where['GZ']}+0~0 BJ {where['BJ']}+{where['kept']}~{where['transit']}",
        where["lost"],
    )


async def test_two_processes_ship_and_receive_each_transfer_once(fresh_url: str) -> None:
    """Forty parallel calls per step; crossing transfers of two SKUs in opposite order end without a deadlock."""
    with serving(fresh_url, processes=2) as running, running.client() as one, running.client(1) as two:

        def made(path: str, body: Any) -> str:
            return str(one.post(path, json=body).json()["id"])

        skus = [made("/skus", {"code": code, "name": code}) for code in ("TEA", "CUP")]
        houses = [made("/warehouses", {"code": code, "name": code, "type": "main"}) for code in ("GZ", "BJ")]
        for house in houses:
            stock = {"warehouse_id": house, "items": [{"sku_id": sku, "quantity": 100} for sku in skus]}
            one.post("/inventory/receipts", json=stock)
        transfers: list[str] = []
        for n in range(4):
            ways = {"from_warehouse_id": houses[n % 2], "to_warehouse_id": houses[1 - n % 2]}
            items = [{"sku_id": sku, "quantity": 25} for sku in (skus if n % 2 else skus[::-1])]
            transfers.append(made("/transfers", {**ways, "items": items}))

        def everyone(verb: str, body: Any) -> list[int]:
            calls = [(client, t) for t in transfers for client in (one, two) for _ in range(5)]
            with ThreadPoolExecutor(20) as pool:
                answers = list(pool.map(lambda c: c[0].post(f"/transfers/{c[1]}/{verb}", json=body), calls))
            return sorted(answer.status_code for answer in answers)

        assert everyone("ship", None) == [200] * 4 + [409] * 36
        half = {"items": [{"sku_id": sku, "quantity": 10} for sku in skus], "reference": "DN-1"}
        assert everyone("receive", half) == [200] * 40
        everyone("receive", None)
        found = one.get("/inventory").json()["inventories"]
        assert [(level["available_quantity"], level["in_transit_quantity"]) for level in found] == [(100, 0)] * 4
    assert await violations_at(fresh_url) == []
