"""An order's life: only a receipt posts stock, and what is in transit is always what the open lines say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from tests.house import House

from holdfast.purchasing import service
from holdfast.purchasing.model import DraftLine


async def order(house: House, *lines: tuple[str, int], **fields: Any) -> dict[str, Any]:
    """A draft at ACME for GZ: ``("TEA", 10)`` at 1.50 each."""
    items = [{"sku_id": await house.sku(sku), "quantity": n, "unit_cost": "1.50"} for sku, n in lines]
    body = {"supplier_id": await house.supplier("ACME"), "warehouse_id": await house.warehouse("GZ"), "items": items}
    return await house.post("/purchase-orders", {**body, **fields})


async def do(house: House, draft: dict[str, Any], verb: str, body: Any = None, expect: int = 200) -> dict[str, Any]:
    return await house.post(f"/purchase-orders/{draft['id']}/{verb}", body, expect=expect)


async def arrived(house: House, sku: str, quantity: int) -> dict[str, Any]:
    return {"items": [{"sku_id": await house.sku(sku), "quantity": quantity}]}


async def open_lines_and_in_transit(house: House) -> list[tuple[int, int]]:
    async with house.database.connection() as connection:
        rows = await connection.execute(
            """
            select i.in_transit_quantity, coalesce(sum(l.open_quantity), 0)::bigint
              from inventory i
              left join purchase_orders o on o.warehouse_id = i.warehouse_id
              left join purchase_order_lines l on l.purchase_order_id = o.id and l.sku_id = i.sku_id
             group by i.sku_id, i.warehouse_id, i.in_transit_quantity
            """
        )
        return await rows.fetchall()


async def test_only_a_receipt_posts_stock(house: House) -> None:
    draft = await order(house, ("TEA", 10), ("CUP", 4))
    assert draft["status"] == "draft"
    assert await house.level("TEA", "GZ") == "available=0 in_transit=0"
    assert (await do(house, draft, "send"))["status"] == "sent"
    assert await house.level("TEA", "GZ") == "available=0 in_transit=10"
    assert (await do(house, draft, "confirm"))["status"] == "confirmed"
    assert await house.level("TEA", "GZ") == "available=0 in_transit=10"
    partly = await do(house, draft, "receive", await arrived(house, "TEA", 6))
    assert partly["status"] == "partly_received"
    assert await house.level("TEA", "GZ") == "available=6 in_transit=4"
    assert (await do(house, draft, "receive"))["status"] == "received"
    assert await house.level("TEA", "GZ") == "available=10 in_transit=0"
    assert await house.level("CUP", "GZ") == "available=4 in_transit=0"


async def test_a_receipt_names_its_order_in_the_ledger_and_sets_the_cost(house: House) -> None:
    draft = await order(house, ("TEA", 10))
    await do(house, draft, "send")
    await do(house, draft, "receive")
    ledger = await house.get("/inventory/movements", sku_id=await house.sku("TEA"))
    [entry] = ledger["movements"]
    assert (entry["movement_type"], entry["reference_type"], entry["reference_id"], entry["quantity"]) == (
        "in",
        "purchase",
        draft["id"],
        10,
    )
    assert Decimal(entry["unit_cost"]) == Decimal("1.50")


async def test_more_than_ordered_is_refused_and_nothing_is_booked(house: House) -> None:
    draft = await order(house, ("TEA", 10), ("CUP", 4))
    await do(house, draft, "send")
    body = await arrived(house, "TEA", 11)
    body["items"].append({"sku_id": await house.sku("CUP"), "quantity": 4})
    refused = await do(house, draft, "receive", body, expect=409)
    assert (refused["code"], refused["errors"][0]["acceptable"], refused["errors"][0]["requested"]) == (
        "over_receipt",
        10,
        11,
    )
    assert await house.level("CUP", "GZ") == "available=0 in_transit=4"


async def test_the_tolerance_counts_over_all_deliveries(house: House) -> None:
    await house.supplier("ACME", over_receipt_share="0.1")
    draft = await order(house, ("TEA", 100))
    await do(house, draft, "send")
    await do(house, draft, "receive", await arrived(house, "TEA", 60))
    assert (await do(house, draft, "receive", await arrived(house, "TEA", 51), expect=409))["code"] == "over_receipt"
    assert (await do(house, draft, "receive", await arrived(house, "TEA", 50)))["status"] == "received"
    assert await house.level("TEA", "GZ") == "available=110 in_transit=0"


async def test_a_delivery_note_is_booked_once(house: House) -> None:
    draft = await order(house, ("TEA", 10))
    await do(house, draft, "send")
    body = {**(await arrived(house, "TEA", 6)), "reference": "DN-1"}
    await do(house, draft, "receive", body)
    again = await do(house, draft, "receive", body)
    assert again["received_total"] == 6
    other = {**(await arrived(house, "TEA", 4)), "reference": "DN-1"}
    assert (await do(house, draft, "receive", other, expect=409))["code"] == "delivery_note_reused"
    everything = {"reference": "DN-2"}
    await do(house, draft, "receive", everything)
    assert (await do(house, draft, "receive", everything))["received_total"] == 10
    assert await house.level("TEA", "GZ") == "available=10 in_transit=0"


async def test_an_idempotency_key_makes_a_receipt_happen_once(house: House) -> None:
    draft = await order(house, ("TEA", 10))
    await do(house, draft, "send")
    body, path = await arrived(house, "TEA", 5), f"/purchase-orders/{draft['id']}/receive"
    first = await house.post(path, body, expect=200, headers={"idempotency-key": "delivery"})
    assert await house.post(path, body, expect=200, headers={"idempotency-key": "delivery"}) == first
    assert await house.level("TEA", "GZ") == "available=5 in_transit=5"


async def test_cancelling_and_closing_lower_what_is_in_transit(house: House) -> None:
    cancelled = await order(house, ("TEA", 10))
    await do(house, cancelled, "send")
    assert (await do(house, cancelled, "cancel"))["status"] == "cancelled"
    assert (await do(house, cancelled, "cancel"))["status"] == "cancelled"
    assert await house.level("TEA", "GZ") == "available=0 in_transit=0"

    short = await order(house, ("TEA", 10))
    await do(house, short, "send")
    await do(house, short, "receive", await arrived(house, "TEA", 7))
    assert (await do(house, short, "cancel", expect=409))["code"] == "order_partly_received"
    assert (await do(house, short, "close"))["status"] == "closed"
    assert await house.level("TEA", "GZ") == "available=7 in_transit=0"


async def test_a_short_confirmation_leaves_only_what_is_promised_in_transit(house: House) -> None:
    draft = await order(house, ("TEA", 10), ("CUP", 4))
    await do(house, draft, "send")
    promised = {"items": [{"line_no": 1, "quantity": 8, "expected_at": "2027-01-05"}]}
    confirmed = await do(house, draft, "confirm", promised)
    assert [(i["open_quantity"], i["expected_at"]) for i in confirmed["items"]] == [(8, "2027-01-05"), (4, None)]
    assert await house.level("TEA", "GZ") == "available=0 in_transit=8"
    too_much = {"items": [{"line_no": 1, "quantity": 11}]}
    assert (await do(house, draft, "confirm", too_much, expect=409))["code"] == "confirmed_exceeds_ordered"


@pytest.mark.parametrize(
    ("verb", "code"), [("confirm", "order_not_sent"), ("receive", "order_not_sent"), ("close", "order_not_sent")]
)
async def test_a_draft_is_neither_confirmed_received_nor_closed(house: House, verb: str, code: str) -> None:
    assert (await do(house, await order(house, ("TEA", 1)), verb, expect=409))["code"] == code


async def test_what_belongs_to_no_line_is_refused(house: House) -> None:
    draft = await order(house, ("TEA", 10))
    await do(house, draft, "send")
    refused = await do(house, draft, "receive", await arrived(house, "CUP", 1), expect=422)
    assert refused["code"] == "not_on_order"


async def test_in_transit_equals_the_open_lines_after_every_step(house: House) -> None:
    drafts = [await order(house, ("TEA", n), ("CUP", 2 * n), ("TEA", 3)) for n in (5, 7, 9)]
    for draft in drafts:
        await do(house, draft, "send")
    await do(house, drafts[0], "receive", await arrived(house, "TEA", 7))
    await do(house, drafts[1], "confirm", {"items": [{"line_no": 2, "quantity": 3}]})
    await do(house, drafts[2], "cancel")
    await do(house, drafts[0], "close")
    found = await open_lines_and_in_transit(house)
    assert found
    assert all(in_transit == open_quantity for in_transit, open_quantity in found)
    assert await house.level("TEA", "GZ") == "available=7 in_transit=10"


async def test_terms_that_are_not_met_stop_the_sending_unless_said_otherwise(house: House) -> None:
    supplier = await house.supplier("ACME", minimum_order_value="100")
    await house.post(
        f"/suppliers/{supplier}/items",
        {"sku_id": await house.sku("TEA"), "unit_cost": "2", "moq": 20, "order_multiple": 6},
    )
    draft = await order(house, ("TEA", 10))
    refused = await do(house, draft, "send", expect=409)
    assert [e["code"] for e in refused["errors"]] == ["below_moq"]
    refused = await do(house, draft, "send", {"accept_terms_broken": True}, expect=409)
    assert refused["code"] == "outside_limits"
    assert refused["errors"] == [
        {"code": "below_minimum_order_value", "minimum_order_value": "100.00", "order_value": "15.00"}
    ]
    assert await house.level("TEA", "GZ") == "available=0 in_transit=0"
    reasoned = {"accept_terms_broken": True, "limit_reason": "agreed by phone"}
    assert (await do(house, draft, "send", reasoned))["status"] == "sent"


async def test_the_supplier_is_written_in_the_transaction_of_the_sending(house: House) -> None:
    draft = await order(house, ("TEA", 10))
    await do(house, draft, "send")
    async with house.database.connection() as connection:
        rows = await connection.execute("select recipient, subject, status, attachments from notifications")
        [(recipient, subject, status, attachments)] = await rows.fetchall()
    assert (recipient, subject, status) == ("acme@example.org", f"Purchase order {draft['number']}", "queued")
    assert [a["filename"] for a in attachments] == [f"{draft['number']}.pdf", f"{draft['number']}.csv"]


async def test_approved_suggestions_meet_on_one_draft_and_never_twice(house: House) -> None:
    supplier, warehouse = UUID(await house.supplier("ACME")), UUID(await house.warehouse("GZ"))
    tea, cup = UUID(await house.sku("TEA")), UUID(await house.sku("CUP"))
    one, two = UUID(int=1), UUID(int=2)

    async def add(*lines: DraftLine) -> UUID:
        async with house.database.transaction() as tx:
            return await service.add_to_draft(
                tx, supplier_id=supplier, warehouse_id=warehouse, lines=lines, actor="planner"
            )

    draft = await add(DraftLine(tea, 5, Decimal("1"), one))
    assert await add(DraftLine(tea, 5, Decimal("1"), one), DraftLine(cup, 2, Decimal("3"), two)) == draft
    own = await order(house, ("TEA", 1))
    assert own["id"] != str(draft)
    found = await house.get(f"/purchase-orders/{draft}")
    assert [(i["sku_id"], i["ordered_quantity"]) for i in found["items"]] == [(str(tea), 5), (str(cup), 2)]
    await do(house, found, "send")
    assert await add(DraftLine(tea, 9, Decimal("1"), UUID(int=3))) != draft


async def test_a_draft_is_written_anew_and_a_sent_order_is_not(house: House) -> None:
    draft = await order(house, ("TEA", 10))
    path = f"/purchase-orders/{draft['id']}"
    body = {"items": [{"sku_id": await house.sku("CUP"), "quantity": 3, "unit_cost": "2"}], "note": "by truck"}
    changed = await house.call("PATCH", path, json=body, expect=200)
    assert ([i["ordered_quantity"] for i in changed["items"]], changed["note"]) == ([3], "by truck")
    stale = {"note": "x", "expected_version": 1}
    assert (await house.call("PATCH", path, json=stale, expect=409))["code"] == "version_conflict"
    await do(house, draft, "send")
    assert (await house.call("PATCH", path, json=body, expect=409))["code"] == "order_already_sent"


async def test_every_step_tells_and_names_its_suggestions(house: House) -> None:
    draft = await order(house, ("TEA", 10))
    for verb in ("approve", "send", "confirm", "receive", "close"):
        await do(house, draft, verb)
    async with house.database.connection() as connection:
        rows = await connection.execute(
            "select event_type from outbox_events where event_type like 'purchase_order.%' order by id"
        )
        told = [row[0].removeprefix("purchase_order.") for row in await rows.fetchall()]
    assert told == ["created", "approved", "sent", "confirmed", "received", "closed"]


async def test_orders_are_listed_by_what_people_ask(house: House) -> None:
    sent, draft = await order(house, ("TEA", 1)), await order(house, ("CUP", 1))
    await do(house, sent, "send")
    by = {
        "status": {"status": "draft"},
        "sku": {"sku_id": await house.sku("TEA")},
        "number": {"number": draft["number"]},
        "late": {"is_late": "true"},
    }
    found = {
        name: [o["id"] for o in (await house.get("/purchase-orders", **q))["purchase_orders"]] for name, q in by.items()
    }
    assert found == {"status": [draft["id"]], "sku": [sent["id"]], "number": [draft["id"]], "late": []}
    first = await house.get("/purchase-orders", limit=1)
    second = await house.get("/purchase-orders", limit=1, cursor=first["next_cursor"])
    assert [first["purchase_orders"][0]["id"], second["purchase_orders"][0]["id"]] == [draft["id"], sent["id"]]
