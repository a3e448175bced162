"""Counting while selling: a variance belongs to the moment it was counted, and is booked once."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.books import violations
from tests.house import House


@pytest.fixture
async def house(house: House) -> AsyncIterator[House]:
    """However a test ends, the books balance."""
    yield house
    assert await violations(house.database) == []


async def opened(house: House, **fields: Any) -> dict[str, Any]:
    return await house.post("/stock-counts", {"warehouse_id": await house.warehouse("GZ"), **fields})


async def count(house: House, sheet: dict[str, Any], sku: str, quantity: int, expect: int = 200, **more: Any) -> Any:
    """Enter one counting; answers its line, or the refusal."""
    item = {"sku_id": await house.sku(sku), "quantity": quantity, **more}
    answer = await house.post(f"/stock-counts/{sheet['id']}/entries", {"items": [item]}, expect=expect)
    return answer["lines"][0] if expect == 200 else answer


async def approve(house: House, sheet: dict[str, Any], *chosen: dict[str, Any], **more: Any) -> Any:
    body = {"items": list(chosen)} if chosen else None
    return await house.post(f"/stock-counts/{sheet['id']}/approve", body, **{"expect": 200, **more})


async def level(house: House, sku: str) -> str:
    """``4/1+0``: available / reserved + unavailable in GZ."""
    found = await house.get(
        "/inventory", sku_id=await house.sku(sku), warehouse_id=await house.warehouse("GZ"), include_reserved=True
    )
    return "{available_quantity}/{reserved_quantity}+{unavailable_quantity}".format(**found["inventories"][0])


async def adjustments(house: House, sheet: dict[str, Any]) -> list[tuple[str, str, int]]:
    found = await house.get("/inventory/movements", reference_type="count", reference_id=sheet["id"])
    return [(m["movement_type"], m["bucket"], m["quantity"]) for m in reversed(found["movements"])]


async def hold(house: House, sku: str, quantity: int) -> str:
    items = [{"sku_id": await house.sku(sku), "quantity": quantity, "warehouse_id": await house.warehouse("GZ")}]
    held = await house.post(
        "/inventory/reservations", {"items": items, "reference_type": "order", "reference_id": "A-1"}
    )
    return held["reservation_id"]


async def test_sales_before_and_after_the_counting_do_not_matter(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    sheet = await opened(house)
    await house.sell("TEA", "GZ", 2)
    line = await count(house, sheet, "TEA", 7)
    assert (line["recorded_quantity"], line["variance"], line["status"]) == (8, -1, "counted")
    await house.sell("TEA", "GZ", 3)
    await house.stock("TEA", "GZ", 20)
    answer = await approve(house, sheet)
    assert [(a["counted"], a["recorded"], a["variance"]) for a in answer["approved"]] == [(7, 8, -1)]
    assert await level(house, "TEA") == "24/0+0"
    assert await adjustments(house, sheet) == [("adjustment", "sellable", -1)]


async def test_units_that_are_held_still_lie_on_the_shelf(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    await hold(house, "TEA", 4)
    sheet = await opened(house)
    assert (await count(house, sheet, "TEA", 11))["variance"] == 1
    await approve(house, sheet)
    assert await level(house, "TEA") == "7/4+0"


async def test_fewer_than_reserved_is_refused_with_the_facts_and_the_rest_is_booked(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    await house.stock("CUP", "GZ", 5)
    held = await hold(house, "TEA", 8)
    sheet = await opened(house)
    await count(house, sheet, "TEA", 6)
    await count(house, sheet, "CUP", 4)
    answer = await approve(house, sheet)
    assert [a["variance"] for a in answer["approved"]] == [-1]
    [refused] = answer["refused"]
    assert refused["shortage_id"]
    facts = {name: refused[name] for name in ("code", "counted", "recorded", "variance", "available", "reserved")}
    assert facts == {
        "code": "below_reserved",
        "counted": 6,
        "recorded": 10,
        "variance": -4,
        "available": 2,
        "reserved": 8,
    }
    assert (await level(house, "TEA"), await level(house, "CUP")) == ("2/8+0", "4/0+0")
    lines = await house.get(f"/stock-counts/{sheet['id']}/lines", status="refused")
    assert lines["lines"][0]["refusal"] == refused

    part = [{"sku_id": await house.sku("TEA"), "quantity": 2}]
    await house.post(f"/inventory/reservations/{held}/release", {"items": part}, expect=200)
    assert (await approve(house, sheet))["refused"] == []
    assert await level(house, "TEA") == "0/6+0"


async def test_a_second_count_of_the_same_shelf_does_not_book_the_same_gap(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    first, second = await opened(house), await opened(house)
    await count(house, first, "TEA", 8)
    await count(house, second, "TEA", 8)
    await approve(house, first)
    assert [r["code"] for r in (await approve(house, second))["refused"]] == ["adjusted_since_counted"]
    assert await level(house, "TEA") == "8/0+0"
    assert (await count(house, second, "TEA", 8, recount_of=1))["variance"] == 0
    assert [a["variance"] for a in (await approve(house, second))["approved"]] == [0]
    assert await level(house, "TEA") == "8/0+0"


async def test_a_correction_by_hand_after_the_counting_asks_for_a_recount(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    sheet = await opened(house)
    await count(house, sheet, "TEA", 9)
    adjustment = {
        "warehouse_id": await house.warehouse("GZ"),
        "adjustment_type": "decrease",
        "quantity": 1,
        "reason": "one is missing",
    }
    await house.call("PUT", f"/inventory/{await house.sku('TEA')}/adjust", json=adjustment, expect=200)
    assert [r["code"] for r in (await approve(house, sheet))["refused"]] == ["adjusted_since_counted"]
    assert await level(house, "TEA") == "9/0+0"


async def test_a_recount_names_what_it_replaces(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    sheet = await opened(house)
    first = await count(house, sheet, "TEA", 8, shelf="A1")
    assert await count(house, sheet, "TEA", 8) == first, "the same counting again changes nothing"
    refused = await count(house, sheet, "TEA", 9, expect=409)
    assert (refused["code"], refused["errors"][0]["counted"], refused["errors"][0]["count_no"]) == (
        "already_counted",
        8,
        1,
    )
    again = await count(house, sheet, "TEA", 9, recount_of=1)
    assert (again["count_no"], again["variance"]) == (2, -1)
    await approve(house, sheet)
    assert await level(house, "TEA") == "9/0+0"
    third = await count(house, sheet, "TEA", 10, recount_of=2)
    assert (third["status"], third["recorded_quantity"], third["variance"]) == ("counted", 9, 1)
    await approve(house, sheet)
    assert await level(house, "TEA") == "10/0+0"
    history = await house.get(f"/stock-counts/{sheet['id']}/entries", sku_id=await house.sku("TEA"))
    assert [(e["count_no"], e["counted_quantity"], e["shelf"]) for e in history["entries"]] == [
        (3, 10, None),
        (2, 9, None),
        (1, 8, "A1"),
    ]
    assert await adjustments(house, sheet) == [("adjustment", "sellable", -1), ("adjustment", "sellable", 1)]


async def test_an_approver_approves_only_what_he_saw(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    sheet = await opened(house)
    sku = await house.sku("TEA")
    await count(house, sheet, "TEA", 8)
    await count(house, sheet, "TEA", 9, recount_of=1)
    answer = await approve(house, sheet, {"sku_id": sku, "count_no": 1})
    assert [(r["code"], r["count_no"], r["counted"]) for r in answer["refused"]] == [("counted_again", 2, 9)]
    assert (answer["approved"], answer["waiting"], await level(house, "TEA")) == ([], 1, "10/0+0")
    assert [a["variance"] for a in (await approve(house, sheet, {"sku_id": sku, "count_no": 2}))["approved"]] == [-1]
    stale = await approve(house, sheet, expect=409, headers={"if-match": '"1"'})
    assert (stale["code"], stale["version"]) == ("version_conflict", 2)


async def test_approving_twice_books_once(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    sheet = await opened(house)
    await count(house, sheet, "TEA", 7)
    await approve(house, sheet)
    chosen = {"sku_id": await house.sku("TEA"), "count_no": 1}
    for repeat in (await approve(house, sheet), await approve(house, sheet, chosen)):
        assert repeat == {"approved": [], "refused": [], "waiting": 0}
    assert await level(house, "TEA") == "7/0+0"


async def test_what_nobody_counted_keeps_its_stock(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    await house.stock("CUP", "GZ", 5)
    sheet = await opened(house)
    await count(house, sheet, "TEA", 10)
    chosen = [{"sku_id": await house.sku("CUP")}, {"sku_id": await house.sku("POT")}]
    assert [r["code"] for r in (await approve(house, sheet, *chosen))["refused"]] == ["not_counted", "not_on_count"]
    await approve(house, sheet)
    closed = await house.post(f"/stock-counts/{sheet['id']}/close", expect=200)
    assert (closed["status"], closed["lines_pending"], await level(house, "CUP")) == ("closed", 1, "5/0+0")
    refused = await count(house, sheet, "CUP", 5, expect=409)
    assert refused["code"] == "count_closed"


async def test_a_counting_that_is_entered_later_is_compared_with_the_books_of_its_moment(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    sheet = await opened(house)
    moment = datetime.now(UTC).isoformat()
    await house.sell("TEA", "GZ", 4)
    line = await count(house, sheet, "TEA", 9, counted_at=moment)
    assert (line["recorded_quantity"], line["variance"]) == (10, -1)
    await approve(house, sheet)
    assert await level(house, "TEA") == "5/0+0"
    for wrong in ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"):
        refused = await count(house, sheet, "TEA", 9, expect=422, counted_at=wrong, recount_of=1)
        assert refused["errors"][0]["code"] == "out_of_range"


async def test_a_sale_that_is_booked_late_is_no_variance(house: House) -> None:
    """Two were sold at the till, then the shelf was counted, then the till's sales came in."""
    await house.stock("TEA", "GZ", 10)
    sheet = await opened(house)
    sold_at = datetime.now(UTC).isoformat()
    assert (await count(house, sheet, "TEA", 7))["variance"] == -3
    items = [{"sku_id": await house.sku("TEA"), "quantity": 2}]
    sale = {"warehouse_id": await house.warehouse("GZ"), "occurred_at": sold_at, "items": items}
    await house.post("/inventory/sales", sale)
    assert [(a["recorded"], a["variance"]) for a in (await approve(house, sheet))["approved"]] == [(8, -1)]
    assert await level(house, "TEA") == "7/0+0"


async def test_what_lies_unsellable_is_counted_on_its_own(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    sheet = await opened(house)
    line = await count(house, sheet, "TEA", 2, bucket="unsellable")
    assert (line["recorded_quantity"], line["is_listed"]) == (0, False)
    await count(house, sheet, "TEA", 8)
    await approve(house, sheet)
    assert await level(house, "TEA") == "8/0+2"


async def test_a_count_lists_what_it_was_opened_for_and_takes_what_is_found(house: House) -> None:
    await house.sku("TEA", category="drinks")
    for sku in ("TEA", "CUP"):
        await house.stock(sku, "GZ", 1)
    await house.sku("POT", category="drinks")

    async def listed(sheet: dict[str, Any]) -> list[str]:
        found = await house.get(f"/stock-counts/{sheet['id']}/lines")
        return [line["sku_code"].split("-")[0] for line in found["lines"]]

    assert await listed(await opened(house)) == ["CUP", "TEA"]
    drinks = await opened(house, category="drinks")
    assert await listed(drinks) == ["TEA"]
    assert await listed(await opened(house, sku_ids=[await house.sku("POT")])) == ["POT"]
    assert (await count(house, drinks, "POT", 3))["is_listed"] is False
    await approve(house, drinks)
    assert (await listed(drinks), await level(house, "POT")) == (["POT", "TEA"], "3/0+0")
    nothing = {"sku_id": "00000000-0000-0000-0000-000000000001", "quantity": 1}
    refused = await house.post(f"/stock-counts/{drinks['id']}/entries", {"items": [nothing]}, expect=422)
    assert refused["errors"][0]["code"] == "unknown_sku"
    twice = {"sku_id": await house.sku("TEA"), "quantity": 1}
    refused = await house.post(f"/stock-counts/{drinks['id']}/entries", {"items": [twice, twice]}, expect=422)
    assert refused["errors"][0]["code"] == "named_twice"


async def test_progress_says_how_far_and_how_exact(house: House) -> None:
    tea, warehouse = await house.sku("TEA"), await house.warehouse("GZ")
    items = [{"sku_id": tea, "quantity": 10, "unit_cost": "2.50"}]
    await house.post("/inventory/receipts", {"warehouse_id": warehouse, "items": items})
    for sku in ("CUP", "POT", "JAR"):
        await house.stock(sku, "GZ", 10)
    sheet = await opened(house)
    assert (sheet["lines_total"], sheet["lines_pending"], sheet["accuracy"]) == (4, 4, None)
    for sku, quantity in (("TEA", 8), ("CUP", 10), ("POT", 11)):
        await count(house, sheet, sku, quantity)
    await approve(house, sheet, {"sku_id": tea})
    now = await house.get(f"/stock-counts/{sheet['id']}")
    assert {name: now[name] for name in now if name.startswith(("lines", "units", "variance", "acc", "unit_a"))} == {
        "lines_total": 4,
        "lines_pending": 1,
        "lines_counted": 2,
        "lines_refused": 0,
        "lines_approved": 1,
        "lines_exact": 1,
        "units_counted": 29,
        "units_recorded": 30,
        "variance_net": -1,
        "variance_absolute": 3,
        "variance_value": "-5.000000",
        "accuracy": "0.3333",
        "unit_accuracy": "0.9000",
    }
    left = await house.get(f"/stock-counts/{sheet['id']}/lines", status="pending")
    assert [line["sku_code"].split("-")[0] for line in left["lines"]] == ["JAR"]


async def test_a_count_ends_with_a_decision_on_every_line(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    sheet = await opened(house)
    path = f"/stock-counts/{sheet['id']}"
    await count(house, sheet, "TEA", 9)
    refused = await house.post(f"{path}/close", expect=409)
    assert (refused["code"], refused["waiting"]) == ("count_has_waiting_lines", 1)
    await approve(house, sheet)
    assert (await house.post(f"{path}/cancel", expect=409))["code"] == "count_has_approved_lines"
    await count(house, sheet, "TEA", 8, recount_of=1)
    closed = await house.post(f"{path}/close", {"discard_waiting": True}, expect=200)
    assert await house.post(f"{path}/close", expect=200) == closed
    assert (await approve(house, sheet, expect=409))["code"] == "count_closed"
    assert await level(house, "TEA") == "9/0+0"

    other = await opened(house)
    await count(house, other, "TEA", 1)
    cancelled = await house.post(f"/stock-counts/{other['id']}/cancel", expect=200)
    assert (cancelled["status"], await level(house, "TEA")) == ("cancelled", "9/0+0")
    assert (await count(house, other, "TEA", 2, expect=409))["code"] == "count_cancelled"
    first = await house.get("/stock-counts", limit=1)
    rest = await house.get("/stock-counts", limit=1, cursor=first["next_cursor"])
    assert [c["id"] for c in first["stock_counts"] + rest["stock_counts"]] == [other["id"], sheet["id"]]


async def test_every_step_tells_and_is_audited(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    sheet = await opened(house)
    await count(house, sheet, "TEA", 9)
    await approve(house, sheet)
    await house.post(f"/stock-counts/{sheet['id']}/close", expect=200)
    async with house.database.connection() as connection:
        rows = await connection.execute(
            "select event_type from outbox_events where event_type like 'stock_count.%' order by id"
        )
        told = [r[0] for r in await rows.fetchall()]
    assert told == ["stock_count.opened", "stock_count.counted", "stock_count.approved", "stock_count.closed"]
    trail = await house.get("/audit-log", subject=f"stock_count:{sheet['id']}")
    assert [e["action"] for e in trail["entries"]] == told[::-1]


async def test_any_order_of_counting_selling_and_approving_ends_with_the_truth(house: House) -> None:
    """A shelf beside its books: things vanish, are sold, delivered, counted, recounted and approved, at random.

    Whatever the order, a last recount and approval make the books equal to the shelf, and no approval before makes
    them know less than the shelf at the moment of its counting.
    """
    rng = random.Random(11)  # noqa: S311 - the same story every time
    await house.stock("TEA", "GZ", 50)
    shelf, books, counted, count_no = 50, 50, 0, 0
    sheet = await opened(house)
    for _ in range(60):
        step = rng.choice(["vanish", "appear", "sell", "deliver", "count", "count", "approve"])
        n = rng.randint(1, 3)
        if step == "vanish":
            shelf -= min(n, shelf)
        elif step == "appear":
            shelf += n
        elif step == "sell" and min(shelf, books) >= n:
            await house.sell("TEA", "GZ", n)
            shelf, books = shelf - n, books - n
        elif step == "deliver":
            await house.stock("TEA", "GZ", n)
            shelf, books = shelf + n, books + n
        elif step == "count":
            line = await count(house, sheet, "TEA", shelf, recount_of=count_no)
            assert line["variance"] == shelf - books, "against the books of this moment"
            count_no, counted = count_no + 1, shelf - books
        elif step == "approve":
            books += counted
            counted = 0
            await approve(house, sheet)
            assert (await level(house, "TEA")) == f"{books}/0+0"
    await count(house, sheet, "TEA", shelf, recount_of=count_no)
    await approve(house, sheet)
    assert await level(house, "TEA") == f"{shelf}/0+0"
