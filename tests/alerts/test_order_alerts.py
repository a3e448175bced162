"""Exceptions of orders live as alerts do: opened once, seen, told by the rules, over by themselves or by a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.alerts.test_alerts import count
from tests.house import House
from tests.purchasing.test_orders import arrived, do, order
from tests.purchasing.test_suppliers_words import events, live, sent

from holdfast.alerts.orders import tell_of_orders
from holdfast.purchasing.exceptions import watch

YESTERDAY = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
LATE = {"items": [{"line_no": 1, "quantity": 100, "expected_at": YESTERDAY}]}
SHORT = {"items": [{"line_no": 1, "quantity": 60, "reason": "no more leaves"}]}
REFUSED = {"items": [{"line_no": 1, "quantity": 0}]}
WHOLE = {"items": [{"line_no": 1, "quantity": 100, "expected_at": "2027-01-05"}]}


async def rule(house: House, **fields: Any) -> str:
    """The only rule of the house."""
    for other in (await house.get("/alert-rules"))["alert_rules"]:
        await house.call("DELETE", f"/alert-rules/{other['id']}", expect=204)
    body = {"name": "Orders", "metric": "order_exception", "recipients": ["anna@shop.example"], **fields}
    return (await house.post("/alert-rules", body))["id"]


async def look(house: House) -> None:
    """What the jobs do."""
    async with house.database.transaction() as tx:
        await watch(tx)
    async with house.database.transaction() as tx:
        await tell_of_orders(tx, seconds=0)


async def letters(house: House) -> list[str]:
    found = await house.get("/notifications", channel="email", kind="order_exceptions")
    return [n["subject"] for n in reversed(found["notifications"])]


async def states(house: House, made: dict[str, Any]) -> list[tuple[str, str]]:
    """Oldest first: kind and state."""
    async with house.database.connection() as connection:
        rows = await connection.execute(
            "select kind, status from order_alerts where purchase_order_id = %s order by id", [made["id"]]
        )
        return await rows.fetchall()


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [("late", LATE, WHOLE), ("short", SHORT, WHOLE), ("refused", REFUSED, WHOLE), ("over_delivered", None, None)],
)
async def test_each_kind_opens_once_is_told_once_and_ends_with_its_cause(
    house: House, kind: str, wrong: Any, right: Any
) -> None:
    await rule(house)
    await house.supplier("ACME", over_receipt_share="0.1")
    made = await sent(house, ("TEA", 100))
    for _ in range(2):
        if wrong is None:
            await do(house, made, "receive", {**await arrived(house, "TEA", 105), "reference": "N1"})
        else:
            await do(house, made, "confirm", wrong)
        await look(house)
    assert await states(house, made) == [(kind, "open")]
    assert len(await letters(house)) == 1
    await (do(house, made, "close") if right is None else do(house, made, "confirm", right))
    await look(house)
    assert await states(house, made) == [(kind, "resolved")]
    assert len(await letters(house)) == 1
    assert await events(house, "purchase_order.exception_%") == [
        "purchase_order.exception_opened",
        "purchase_order.exception_resolved",
    ]


async def test_what_comes_back_after_it_was_over_is_told_again(house: House) -> None:
    await rule(house)
    made = await sent(house, ("TEA", 100))
    for words in (SHORT, WHOLE, SHORT):
        await do(house, made, "confirm", words)
        await look(house)
    assert await states(house, made) == [("short", "resolved"), ("short", "open")]
    assert len(await letters(house)) == 2


async def test_what_a_person_resolved_stays_so_until_its_cause_was_over(house: House) -> None:
    made = await sent(house, ("TEA", 100))
    await do(house, made, "confirm", SHORT)
    await do(house, made, "acknowledge")
    assert await states(house, made) == [("short", "acknowledged")]
    resolved = await do(house, made, "resolve")
    assert resolved["items"][0]["exceptions"] == []
    for _ in range(2):
        await do(house, made, "resolve")
        await do(house, made, "confirm", SHORT)
        await look(house)
    assert await states(house, made) == [("short", "resolved")]
    await do(house, made, "confirm", WHOLE)
    await do(house, made, "confirm", SHORT)
    assert await states(house, made) == [("short", "resolved"), ("short", "open")]
    over = {"purchase_order_id": made["id"], "is_live": "false"}
    [first] = (await house.get("/purchase-order-exceptions", **over))["exceptions"]
    assert first["resolved_by"] not in (None, "rule")
    told = await events(house, "purchase_order.exception_%")
    assert [name.rsplit("_", 1)[1] for name in told] == ["opened", "resolved", "opened"], "what was over is told once"


async def test_words_and_receipts_out_of_order_leave_what_is_so(house: House) -> None:
    """A receipt before the confirmation that cuts it, a cancellation in between, a late word about what has come."""
    made = await sent(house, ("TEA", 100))
    await do(house, made, "receive", await arrived(house, "TEA", 70))
    await do(house, made, "confirm", {"items": [{"line_no": 1, "quantity": 70}]})
    assert await live(house, made) == [("short", 30)]
    await do(house, made, "confirm", {"items": [{"line_no": 1, "quantity": 90, "expected_at": YESTERDAY}]}, expect=409)
    await look(house)
    assert await live(house, made) == [("short", 30)]
    other = await sent(house, ("TEA", 100))
    await do(house, other, "confirm", LATE)
    await do(house, other, "cancel")
    await look(house)
    assert (await live(house, other), await states(house, other)) == ([], [("late", "resolved")])


async def test_a_rule_tells_of_its_scope_only_and_gives_its_severity(house: House) -> None:
    cups = await house.sku("CUP")
    await rule(house, sku_id=cups, severity="critical")
    made = await sent(house, ("TEA", 100), ("CUP", 100))
    both = {"items": [*SHORT["items"], {"line_no": 2, "quantity": 10}]}
    await do(house, made, "confirm", both)
    await look(house)
    [subject] = await letters(house)
    assert made["number"] in subject
    async with house.database.connection() as connection:
        rows = await connection.execute("select line_no, severity from order_alerts order by line_no")
        assert await rows.fetchall() == [(1, "warning"), (2, "critical")]
    assert await count(house, "told_exceptions") == 1
    [found] = (await house.get("/alert-rules"))["alert_rules"]
    assert (found["kind"], found["live_alerts"]) == ("order", 1)


async def test_a_bad_morning_is_one_letter_and_a_silent_rule_none(house: House) -> None:
    silent = await rule(house, is_active=False)
    for _ in range(3):
        await do(house, await sent(house, ("TEA", 100)), "confirm", SHORT)
    await look(house)
    assert await letters(house) == []
    await house.call("PATCH", f"/alert-rules/{silent}", json={"is_active": True}, expect=200)
    await look(house)
    await look(house)
    assert await letters(house) == ["Orders: 3 exceptions of orders"]


async def test_a_rule_that_spoke_collects_before_it_speaks_again(house: House) -> None:
    await rule(house)
    for _ in range(2):
        await do(house, await sent(house, ("TEA", 100)), "confirm", SHORT)
        async with house.database.transaction() as tx:
            await tell_of_orders(tx, seconds=60)
    assert len(await letters(house)) == 1


async def test_a_rule_about_orders_has_no_threshold_and_measures_no_level(house: House) -> None:
    body = {"name": "Orders", "metric": "order_exception", "threshold": 5}
    assert (await house.post("/alert-rules", body, expect=422))["code"] == "invalid_request"
    preview = await house.post("/alert-rules:preview", {"metric": "order_exception"}, expect=200)
    assert (preview["watched"], preview["would_open"]) == (0, 0)


async def test_alerts_of_orders_that_were_never_sent_do_not_exist(house: House) -> None:
    await order(house, ("TEA", 100), expected_at=YESTERDAY)
    await look(house)
    assert await count(house, "purchase_order_exceptions") == 0
