"""What stock is worth as of a date: moving average by look-up, FIFO beside a plain queue, late costs appended."""

from __future__ import annotations

import random
from collections import deque
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.books import violations
from tests.conftest import Shelf
from tests.house import House

from holdfast.db import Database
from holdfast.stock import valuation

FAR = datetime(2100, 1, 1, tzinfo=UTC)


def move(shelf: Shelf, text: str, cost: str | None = None, **fields: Any) -> None:
    """``"TEA@GZ 5"`` comes in, ``"TEA@GZ -2"`` goes out."""
    [item] = shelf.items(text.replace(" -", " "))
    item["quantity"] *= -1 if " -" in text else 1
    item["unit_cost"] = cost
    kind = "out" if item["quantity"] < 0 else "in"
    request = {
        "event_type": "inventory.received",
        "movement_type": kind,
        "reference_type": "receipt",
        "reason": "test",
        "items": [item],
    }
    answer = shelf.post("stock_move", **request | fields)
    assert answer["outcome"] == "moved", answer


async def value(database: Database, shelf: Shelf, method: Any, as_of: datetime = FAR) -> dict[str, tuple[Any, ...]]:
    """``{"TEA@GZ": (quantity, valued quantity, value)}``."""
    async with database.transaction() as tx:
        rows = await valuation.list_values(tx, as_of=as_of, method=method)
    cut = f"-{shelf.tag}"
    return {
        f"{r.sku_code.removesuffix(cut)}@{r.warehouse_code.removesuffix(cut)}": (r.quantity, r.valued_quantity, r.value)
        for r in rows
    }


async def test_the_two_methods_differ_where_prices_rise(fresh_shelf: Shelf, fresh_database: Database) -> None:
    for text, cost in (("TEA@GZ 10", "2"), ("TEA@GZ 10", "4"), ("TEA@GZ -15", None)):
        move(fresh_shelf, text, cost)
    assert await value(fresh_database, fresh_shelf, "average") == {"TEA@GZ": (5, 5, Decimal("15.000000"))}
    assert await value(fresh_database, fresh_shelf, "fifo") == {"TEA@GZ": (5, 5, Decimal("20.000000"))}


async def test_a_past_value_is_reported_again_as_it_was(fresh_shelf: Shelf, fresh_database: Database) -> None:
    """Whatever is booked or learned later, the value as of a past instant does not move."""
    move(fresh_shelf, "TEA@GZ 10", "2")
    [(then,)] = fresh_shelf.connection.execute("select max(created_at) from inventory_movements").fetchall()
    before = [await value(fresh_database, fresh_shelf, method, then) for method in ("average", "fifo")]
    move(fresh_shelf, "TEA@GZ 10", "9", occurred_at="2026-01-01T00:00:00Z")
    entry = fresh_shelf.connection.execute("select id from inventory_movements where seq = 1").fetchone()
    fresh_shelf.connection.execute("select stock_correct_cost(%s, 3, 'late invoice', 'test')", entry)
    assert [await value(fresh_database, fresh_shelf, method, then) for method in ("average", "fifo")] == before
    assert before == [{"TEA@GZ": (10, 10, Decimal(20))}] * 2


async def test_units_without_a_cost_are_counted_and_worth_nothing(fresh_shelf: Shelf, fresh_database: Database) -> None:
    move(fresh_shelf, "TEA@GZ 4")
    move(fresh_shelf, "CUP@GZ 3")
    move(fresh_shelf, "CUP@GZ 2", "5")
    assert (await value(fresh_database, fresh_shelf, "average"))["TEA@GZ"] == (4, 0, None)
    assert (await value(fresh_database, fresh_shelf, "fifo")) == {
        "TEA@GZ": (4, 0, None),
        "CUP@GZ": (5, 2, Decimal("10.000000")),
    }


def plain_fifo(deeds: list[tuple[int, Decimal]]) -> Decimal:
    """A queue of arrivals; what leaves takes the oldest first."""
    queue: deque[list[Any]] = deque()
    for quantity, cost in deeds:
        if quantity > 0:
            queue.append([quantity, cost])
            continue
        left = -quantity
        while left:
            taken = min(left, queue[0][0])
            queue[0][0] -= taken
            left -= taken
            if not queue[0][0]:
                queue.popleft()
    return sum((quantity * cost for quantity, cost in queue), Decimal(0))


@pytest.mark.parametrize("seed", range(12))
async def test_layers_are_those_of_a_plain_queue(shelf: Shelf, database: Database, seed: int) -> None:
    """Property: at every instant of a random string of arrivals and sales, some of them undone."""
    dice = random.Random(seed)  # noqa: S311 - a string of deeds, not a secret
    deeds: list[tuple[int, Decimal]] = []
    on_hand, moments = 0, list[tuple[datetime, Decimal, int]]()
    sku, house = shelf.sku("TEA"), shelf.warehouse("GZ")
    for _ in range(25):
        cost = Decimal(dice.randint(1, 9999)) / 100
        quantity = dice.randint(1, 9) if on_hand == 0 or dice.random() < 0.55 else -dice.randint(1, on_hand)
        move(shelf, f"TEA@GZ {quantity}", str(cost) if quantity > 0 else None)
        last = shelf.connection.execute(
            "select created_at, id, posted_in, request_no from inventory_movements"
            " where (sku_id, warehouse_id) = (%s, %s) order by created_at desc, seq desc limit 1",
            [sku, house],
        ).fetchone()
        assert last is not None
        if dice.random() < 0.2:
            undone = shelf.connection.execute(
                "select (stock_undo_entries(uuidv7(), %s, %s, uuid_extract_timestamp(%s::uuid), '[]', 't', 'back'))",
                [last[2], last[3], last[1]],
            ).fetchone()
            assert "undone" in str(undone)
            last = shelf.connection.execute(
                "select max(created_at) from inventory_movements where (sku_id, warehouse_id) = (%s, %s)", [sku, house]
            ).fetchone()
            assert last is not None
        else:
            deeds.append((quantity, cost))
            on_hand += quantity
        moments.append((last[0], plain_fifo(deeds), on_hand))
    async with database.transaction() as tx:
        level = {"method": "average", "sku_id": sku, "warehouse_id": house}
        at_the_end = await valuation.list_values(tx, as_of=moments[-1][0], **level)
        assert await valuation.list_values(tx, as_of=None, **level) == at_the_end
        for as_of, worth, left in moments:
            layers = await valuation.list_layers(tx, as_of=as_of, sku_id=sku, warehouse_id=house)  # type: ignore[arg-type]
            assert sum((x.quantity * (x.unit_cost or 0) for x in layers), Decimal(0)) == worth
            assert sum(x.quantity for x in layers) == left


async def test_what_only_changes_its_bucket_is_no_arrival(fresh_shelf: Shelf, fresh_database: Database) -> None:
    move(fresh_shelf, "TEA@GZ 5", "2")
    move(fresh_shelf, "TEA@GZ 5", "4")
    level = {"sku_id": fresh_shelf.sku("TEA"), "warehouse_id": fresh_shelf.warehouse("GZ")}
    items = [{**level, "quantity": -3}, {**level, "quantity": 3, "bucket": "unsellable"}]
    fresh_shelf.post(
        "stock_move",
        event_type="inventory.adjusted",
        movement_type="adjustment",
        reference_type="adjustment",
        reason="broken",
        items=items,
    )
    move(fresh_shelf, "TEA@GZ -5")
    assert await value(fresh_database, fresh_shelf, "fifo") == {"TEA@GZ": (5, 5, Decimal("20.000000"))}


async def test_a_late_cost_changes_what_is_here_and_expenses_what_is_gone(house: House) -> None:
    """100 at 10 come in, 60 leave, the invoice says 12: 40 are dearer by 2, and 120 are an expense."""
    tea, gz = await house.sku("TEA", currency="EUR", category="drinks"), await house.warehouse("GZ")
    items = [{"sku_id": tea, "quantity": 100, "unit_cost": "10"}]
    await house.post("/inventory/receipts", {"warehouse_id": gz, "items": items})
    [receipt] = (await house.get("/inventory/movements"))["movements"]
    await house.sell("TEA", "GZ", 60)
    done = await house.post(f"/inventory/movements/{receipt['id']}/cost", {"unit_cost": "12", "reason": "freight"})
    assert (done["on_hand_quantity"], Decimal(done["stock_value"]), Decimal(done["expensed_value"])) == (40, 80, 120)
    assert (Decimal(done["cost_before"]), Decimal(done["cost_after"])) == (10, 12)
    report = await house.get("/reports/valuation")
    assert [(t["currency"], t["quantity"], Decimal(t["value"])) for t in report["totals"]] == [("EUR", 40, 480)]
    assert [t["category"] for t in report["by_category"]] == ["drinks"]
    fifo = await house.get("/reports/valuation", method="fifo")
    assert Decimal(fifo["totals"][0]["value"]) == 480
    assert len((await house.get("/inventory/movements"))["movements"]) == 2, "no entry was posted again"
    assert await violations(house.database) == []
    sale = (await house.get("/inventory/movements"))["movements"][0]
    refused = await house.post(f"/inventory/movements/{sale['id']}/cost", {"unit_cost": "1", "reason": "x"}, expect=409)
    assert refused["code"] == "not_an_arrival"


async def test_the_report_as_a_sheet_has_a_row_per_level(house: House) -> None:
    tea, gz = await house.sku("TEA", price="3", currency="EUR"), await house.warehouse("GZ")
    items = [{"sku_id": tea, "quantity": 3, "unit_cost": "1.25"}]
    await house.post("/inventory/receipts", {"warehouse_id": gz, "items": items})
    answer = await house.client.get("/api/v1/reports/valuation", params={"format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.splitlines() == [
        "sku,warehouse,category,quantity,valued_quantity,value,currency",
        f"TEA-{house.tag},GZ-{house.tag},,3,3,3.750000,EUR",
    ]
