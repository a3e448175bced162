"""The supplier's words: what they do to an order, that they are kept, and what is told when they disappoint."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from tests.house import House
from tests.purchasing.test_orders import arrived, do, order

from holdfast.purchasing.exceptions import watch

# What was promised for it is late at once.
YESTERDAY = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()


async def sent(house: House, *lines: tuple[str, int], **fields: Any) -> dict[str, Any]:
    draft = await order(house, *lines, **fields)
    return await do(house, draft, "send")


def days(detail: dict[str, Any], line: int = 0) -> list[tuple[int, str]]:
    return [(p["quantity"], p["expected_at"]) for p in detail["items"][line]["schedule"] or []]


async def live(house: House, made: dict[str, Any]) -> list[tuple[str, int]]:
    found = await house.get("/purchase-order-exceptions", purchase_order_id=made["id"])
    return [(e["kind"], e["quantity"]) for e in reversed(found["exceptions"])]


async def test_a_part_confirmed_for_another_day_leaves_the_rest_on_its_day(house: House) -> None:
    made = await sent(house, ("TEA", 100), expected_at="2027-01-20")
    part = {"items": [{"line_no": 1, "quantity": 60, "expected_at": "2027-01-05", "is_rest_open": True}]}
    told = await do(house, made, "confirm", part)
    assert days(told) == [(60, "2027-01-05"), (40, "2027-01-20")]
    assert await house.level("TEA", "GZ") == "available=0 in_transit=100"
    later = {"items": [{"line_no": 1, "quantity": 60, "expected_at": "2027-03-05", "is_rest_open": True}]}
    assert days(await do(house, made, "confirm", later)) == [(40, "2027-01-20"), (60, "2027-03-05")]
    received = await do(house, made, "receive", await arrived(house, "TEA", 50))
    assert (days(received), received["items"][0]["expected_at"]) == ([], "2027-03-05")
    assert received["items"][0]["promised_at"] == "2027-01-05", "on time is measured against the first word"


async def test_nothing_is_promised_for_a_day_long_before_it_was_ordered(house: House) -> None:
    """A slip of the year would stay in the scorecard as a promise that was broken for decades."""
    made = await sent(house, ("TEA", 100), expected_at="2027-01-20")
    slip = {"items": [{"line_no": 1, "quantity": 60, "expected_at": "1990-01-05"}]}
    path = f"/purchase-orders/{made['id']}"
    refused = await house.call("POST", f"{path}/confirm", json=slip, expect=422)
    assert [(e["loc"], e["code"]) for e in refused["errors"]] == [(["items", 0, "expected_at"], "before_order")]
    ship = {"expected_at": "1990-01-05", "items": [{"line_no": 1, "quantity": 60}]}
    refused = await house.call("POST", f"{path}/shipments", json=ship, expect=422)
    assert [e["loc"] for e in refused["errors"]] == [["expected_at"]]
    assert (await house.get(path))["status"] == "sent"


async def test_each_part_is_inbound_on_its_own_day(house: House) -> None:
    made = await sent(house, ("TEA", 100), expected_at="2027-01-20")
    parts = [
        {"line_no": 1, "quantity": 60, "expected_at": "2027-01-05"},
        {"line_no": 1, "quantity": 40, "expected_at": "2027-02-01"},
    ]
    await do(house, made, "confirm", {"items": parts})
    async with house.database.connection() as connection:
        rows = await connection.execute(
            "select quantity, expected_at::text from inbound_lines where document_id = %s order by 2", [made["id"]]
        )
        assert await rows.fetchall() == [(60, "2027-01-05"), (40, "2027-02-01")]


async def test_a_line_cut_short_or_refused_is_seen_until_the_supplier_promises_it_after_all(house: House) -> None:
    made = await sent(house, ("TEA", 100), ("CUP", 5))
    words = [{"line_no": 1, "quantity": 60, "reason": "no more leaves"}, {"line_no": 2, "quantity": 0}]
    cut = await do(house, made, "confirm", {"items": words})
    assert [(i["refused_quantity"], i["refusal"], i["exceptions"]) for i in cut["items"]] == [
        (40, "no more leaves", ["short"]),
        (5, None, ["refused"]),
    ]
    assert await live(house, made) == [("short", 40), ("refused", 5)]
    listed = await house.get("/purchase-orders", exception="refused")
    assert [o["id"] for o in listed["purchase_orders"]] == [made["id"]]
    await do(house, made, "confirm", {"items": [{"line_no": 1, "quantity": 100}, {"line_no": 2, "quantity": 5}]})
    assert await live(house, made) == []
    assert (await house.get("/purchase-orders", exception="any"))["purchase_orders"] == []


async def test_what_is_late_is_found_by_time_and_over_with_the_receipt(house: House) -> None:
    made = await sent(house, ("TEA", 100))
    await do(
        house,
        made,
        "confirm",
        {"items": [{"line_no": 1, "quantity": 60, "expected_at": YESTERDAY, "is_rest_open": True}]},
    )
    assert await live(house, made) == [("late", 60)]
    assert (await house.get("/purchase-orders", is_late="true"))["purchase_orders"][0]["id"] == made["id"]
    async with house.database.transaction() as tx:
        assert await watch(tx) == 0, "looking again opens nothing new"
    await do(house, made, "receive", await arrived(house, "TEA", 60))
    assert await live(house, made) == []
    told = await events(house, "purchase_order.exception_%")
    assert told == ["purchase_order.exception_opened", "purchase_order.exception_resolved"]


async def events(house: House, like: str) -> list[str]:
    async with house.database.connection() as connection:
        rows = await connection.execute(
            "select event_type from outbox_events where event_type like %s order by id", [like]
        )
        return [row[0] for row in await rows.fetchall()]


async def test_too_much_within_the_tolerance_is_booked_and_seen(house: House) -> None:
    await house.supplier("ACME", over_receipt_share="0.1")
    made = await sent(house, ("TEA", 100))
    over = await do(house, made, "receive", await arrived(house, "TEA", 104))
    assert (over["status"], over["items"][0]["exceptions"]) == ("received", ["over_delivered"])
    assert await live(house, made) == [("over_delivered", 4)]
    await do(house, made, "close")
    assert await live(house, made) == []


async def test_somebody_deals_with_an_exception_once(house: House) -> None:
    made = await sent(house, ("TEA", 100))
    await do(house, made, "confirm", {"items": [{"line_no": 1, "quantity": 60}]})
    await do(house, made, "acknowledge")
    [found] = (await house.get("/purchase-order-exceptions", purchase_order_id=made["id"]))["exceptions"]
    assert found["acknowledged_by"] is not None
    await do(house, made, "acknowledge", {"exception_id": found["id"]})
    stranger = {"exception_id": made["id"]}
    assert (await do(house, made, "acknowledge", stranger, expect=404))["code"] == "exception_not_found"
    waiting = await house.get("/purchase-order-exceptions", is_acknowledged="false")
    assert waiting["exceptions"] == []


async def test_the_rest_refused_after_a_part_arrived_ends_the_order(house: House) -> None:
    made = await sent(house, ("TEA", 100))
    await do(house, made, "receive", await arrived(house, "TEA", 60))
    ended = await do(house, made, "confirm", {"items": [{"line_no": 1, "quantity": 60}]})
    assert (ended["status"], ended["resolved_at"] is not None) == ("received", True)
    assert await house.level("TEA", "GZ") == "available=60 in_transit=0"
    assert await live(house, made) == [("short", 40)]


async def test_a_shipment_is_announced_and_posts_nothing(house: House) -> None:
    made = await sent(house, ("TEA", 100), expected_at="2027-01-20")
    notice = {
        "expected_at": "2027-01-08",
        "carrier": "SF",
        "tracking_number": "SF123",
        "items": [{"line_no": 1, "quantity": 70}],
    }
    told = await do(house, made, "shipments", notice)
    assert days(told) == [(70, "2027-01-08"), (30, None)]
    assert await house.level("TEA", "GZ") == "available=0 in_transit=100"
    assert (told["statements"][0]["kind"], told["statements"][0]["said"]["tracking_number"]) == ("shipped", "SF123")
    too_much = {**notice, "items": [{"line_no": 1, "quantity": 101}]}
    assert (await do(house, made, "shipments", too_much, expect=409))["code"] == "announced_exceeds_open"


async def test_a_message_reaches_the_inbox(house: House) -> None:
    made = await sent(house, ("TEA", 1))
    text = "We close for two weeks."
    told = await do(house, made, "messages", {"text": text})
    assert [s["said"]["text"] for s in told["statements"]] == [text]
    inbox = await house.get("/notifications", channel="inbox")
    assert text in inbox["notifications"][0]["body"]
    assert (await do(house, await order(house, ("TEA", 1)), "messages", {"text": text}, expect=409))[
        "code"
    ] == "order_not_sent"


async def test_in_transit_follows_every_word(house: House) -> None:
    made = await sent(house, ("TEA", 100), ("TEA", 20))
    await do(house, made, "confirm", {"items": [{"line_no": 1, "quantity": 60}]})
    assert await house.level("TEA", "GZ") == "available=0 in_transit=80"
    await do(house, made, "confirm", {"items": [{"line_no": 1, "quantity": 90}, {"line_no": 2, "quantity": 0}]})
    assert await house.level("TEA", "GZ") == "available=0 in_transit=90"


async def test_a_schedule_always_adds_up_to_what_is_open(house: House) -> None:
    made = await sent(house, ("TEA", 100))
    async with house.database.connection() as connection:
        with pytest.raises(psycopg.errors.CheckViolation, match="schedule_adds_up"):
            await connection.execute(
                "update purchase_order_lines set schedule = %s where purchase_order_id = %s",
                ['[{"quantity": 60}, {"quantity": 41}]', made["id"]],
            )
