"""Every figure answers with the entries that make it, however long its ledger is; the past is one look-up away."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from tests.conftest import Shelf
from tests.house import House

from holdfast.db import Database
from holdfast.stock import explaining

MONTHS = 24


def long_ledger(shelf: Shelf, levels: int, entries: int) -> None:
    """So many levels with so many entries each, evenly over two years, as a past that was taken over."""
    shelf.connection.execute(
        "insert into skus (code, name) select 'S' || n || %s, 'S' from generate_series(1, %s) n", [shelf.tag, levels]
    )
    shelf.connection.execute(
        "select stock_import_history((select json_agg(json_build_object('sku_id', s.id, 'warehouse_id', %s::uuid,"
        " 'movement_type', 'in', 'quantity', 1, 'reference_type', 'import', 'reason', 'past', 'unit_cost', 2,"
        " 'occurred_at', timestamptz '2024-01-01Z' + n * (interval '730 days' / %s)))"
        " from skus s, generate_series(0, %s - 1) n where s.code like 'S%%'), 'test')",
        [shelf.warehouse("GZ"), entries, entries],
    )


def reads(plan: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Every scan of the ledger that was executed: (table, how, rows read in all its loops)."""
    found = [(plan["Relation Name"], plan["Node Type"], plan["Actual Rows"])] if "Relation Name" in plan else []
    executed = [
        (table, how, rows)
        for table, how, rows in found
        if table.startswith("inventory_movements") and plan["Actual Loops"]
    ]
    return executed + [read for child in plan.get("Plans", []) for read in reads(child)]


def explained(shelf: Shelf, as_of: str, **params: Any) -> list[tuple[str, str, int]]:
    values = {"as_of": as_of, "from_month": "2024-01-01", "end_of_months": "2026-02-01", "limit": 500} | params
    names = ("sku_id", "warehouse_id", "category", "pattern", "q", "after_code", "after_warehouse")
    # Text in place of parameters: what the server sees when it plans for this instant.
    text = re.sub(
        r"%\((\w+)\)s",
        lambda m: "null" if (value := values.get(m[1])) is None and m[1] in names else f"'{value}'",
        explaining.sql.list_levels_as_of.text,
    )
    shelf.connection.execute("analyze inventory_movements, inventory, skus")
    row = shelf.connection.execute(f"explain (analyze, format json) {text}").fetchone()  # type: ignore[arg-type]
    assert row
    return reads(json.loads(json.dumps(row[0]))[0]["Plan"])


def test_a_past_level_is_one_look_into_one_month(fresh_shelf: Shelf) -> None:
    """Two years are 25 tables. Of each level one entry is read, by the index of one month; the default one is empty."""
    long_ledger(fresh_shelf, levels=40, entries=240)
    fresh_shelf.connection.execute("set enable_seqscan = off")
    for as_of, month in (("2025-03-15", "2025_03"), ("2024-01-20", "2024_01"), ("2025-12-30", "2025_12")):
        told = explained(fresh_shelf, as_of)
        assert all("Index" in how for _, how, _ in told), told
        assert [(table, rows) for table, _, rows in told if rows] == [(f"inventory_movements_{month}", 1)]
        assert {table for table, _, _ in told} == {f"inventory_movements_{month}", "inventory_movements_default"}


async def test_entries_outside_every_month_are_found_too(fresh_shelf: Shelf, fresh_database: Database) -> None:
    """A clock that ran ahead left an entry in the default partition; a missing month makes no hole either."""
    shelf = fresh_shelf
    long_ledger(shelf, levels=1, entries=48)
    shelf.given("TEA@GZ 5")
    shelf.advance(minutes=60 * 24 * 900)
    shelf.given("TEA@GZ 2")
    async with fresh_database.transaction() as tx:
        now = await explaining.list_levels_as_of(
            tx, datetime(2200, 1, 1, tzinfo=UTC), limit=5, after=None, sku_id=UUID(shelf.sku("TEA")), warehouse_id=None
        )
    assert [level.on_hand_quantity for level in now] == [7]


async def test_a_long_ledger_is_explained_by_its_newest_entries_and_what_was_before(
    fresh_shelf: Shelf, fresh_database: Database
) -> None:
    long_ledger(fresh_shelf, levels=1, entries=1200)
    async with fresh_database.transaction() as tx:
        row = fresh_shelf.connection.execute("select id from skus where code like 'S1%'").fetchone()
        assert row
        [level] = (await explaining.explain(tx, row[0], None))["levels"]
    on_hand = level["on_hand"]
    assert (on_hand["quantity"], on_hand["opening"]["quantity"], on_hand["adds_up"]) == (1200, 700, True)
    assert sum(entry["entries"] for entry in on_hand["entries"]) == explaining.ENTRIES_MAX
    assert (level["cost"]["unit_cost"], level["cost"]["adds_up"], level["cost"]["value"]) == (2, True, 2400)


async def test_a_figure_that_is_not_its_entries_says_so(house: House) -> None:
    await house.stock("TEA", "GZ", 5)
    with psycopg.connect(house.database.url, autocommit=True) as owner:
        owner.execute("update inventory set available_quantity = 6, backordered_quantity = 1, cost_price = 9")
    [level] = (await house.get(f"/inventory/{await house.sku('TEA')}/explain"))["levels"]
    told = {name: level[name]["adds_up"] for name in ("on_hand", "reserved", "unavailable", "backordered", "cost")}
    assert told == {"on_hand": False, "reserved": True, "unavailable": True, "backordered": False, "cost": False}


async def test_a_statement_adds_up_page_by_page_to_any_instant(house: House) -> None:
    tea, gz = await house.sku("TEA"), await house.warehouse("GZ")
    for quantity in (5, 3, 8):
        await house.stock("TEA", "GZ", quantity)
    await house.sell("TEA", "GZ", 4)
    path, where = f"/inventory/{tea}/statement", {"warehouse_id": gz, "limit": 2}
    newest = await house.get(path, **where)
    older = await house.get(path, **where, cursor=newest["next_cursor"])
    assert [(p["opening_quantity"], p["closing_quantity"]) for p in (newest, older)] == [(8, 12), (0, 8)]
    for page in (newest, older):
        total = page["opening_quantity"] + sum(entry["quantity"] for entry in page["entries"])
        assert total == page["closing_quantity"]
    until = older["entries"][0]["created_at"]
    then = await house.get(path, **where, until=until)
    past = (await house.get("/inventory", sku_id=tea, as_of=until))["inventories"][0]
    assert then["closing_quantity"] == past["on_hand_quantity"] == 8
