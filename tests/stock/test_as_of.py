"""Stock as of any instant comes from the ledger, by the time an entry was written."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Json
from tests.conftest import Shelf

from holdfast.db import Database
from holdfast.stock import explaining


async def as_of(database: Database, shelf: Shelf, moment: datetime) -> list[tuple[int, int]]:
    async with database.transaction() as tx:
        levels = await explaining.list_levels_as_of(
            tx, moment, limit=10, after=None, sku_id=UUID(shelf.sku("TEA")), warehouse_id=None
        )
    return [(level.on_hand_quantity, level.unavailable_quantity) for level in levels]


async def test_every_past_balance_is_one_entry_away(fresh_shelf: Shelf, fresh_database: Database) -> None:
    shelf = fresh_shelf
    shelf.given("TEA@GZ 5")
    shelf.advance(minutes=60)
    held = shelf.reserve("TEA@GZ 2")
    shelf.advance(minutes=5)
    shelf.post("stock_resolve", reservation_id=held["reservation_id"], action="consume")
    shelf.advance(minutes=60)
    shelf.given("TEA@GZ 4")
    times = [
        row[0]
        for row in shelf.connection.execute("select created_at from inventory_movements order by created_at, seq")
    ]
    told = [await as_of(fresh_database, shelf, at) for at in times]
    assert told == [[(5, 0)], [(3, 0)], [(7, 0)]]
    assert await as_of(fresh_database, shelf, times[0] - timedelta(seconds=1)) == [(0, 0)]
    assert await as_of(fresh_database, shelf, times[2] - timedelta(seconds=1)) == [(3, 0)]


HISTORY = (("in", 10, "2026-01-05"), ("out", -4, "2026-01-09"), ("in", 3, "2026-02-02"))


def imported(shelf: Shelf, rows: tuple[tuple[str, int, str], ...]) -> int:
    line = {
        "sku_id": shelf.sku("TEA"),
        "warehouse_id": shelf.warehouse("GZ"),
        "reference_type": "import",
        "reason": "past",
    }
    past = [
        {**line, "movement_type": kind, "quantity": q, "unit_cost": "2", "occurred_at": f"{day}T12:00:00Z"}
        for kind, q, day in rows
    ]
    row = shelf.connection.execute("select stock_import_history(%s, 'import')", [Json(past)]).fetchone()
    assert row is not None
    return row[0]


async def test_a_past_that_was_taken_over_can_be_asked(fresh_shelf: Shelf, fresh_database: Database) -> None:
    assert imported(fresh_shelf, (HISTORY[2], HISTORY[0], HISTORY[1])) == 3
    assert fresh_shelf.level("TEA@GZ") == "on_hand=9 available=9 reserved=0"
    assert await as_of(fresh_database, fresh_shelf, datetime(2026, 1, 6, tzinfo=UTC)) == [(10, 0)]
    assert await as_of(fresh_database, fresh_shelf, datetime(2026, 1, 10, tzinfo=UTC)) == [(6, 0)]


def test_a_level_that_has_entries_takes_over_no_past(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 1")
    with pytest.raises(psycopg.DatabaseError) as error:
        imported(shelf, HISTORY)
    assert error.value.sqlstate == "ZS002"


def test_a_past_below_zero_is_refused(shelf: Shelf) -> None:
    with pytest.raises(psycopg.errors.CheckViolation) as error:
        imported(shelf, (("in", 3, "2026-01-05"), ("out", -4, "2026-01-09")))
    assert error.value.diag.constraint_name == "balance_never_negative"


def test_each_month_of_the_ledger_has_a_partition_of_its_own(fresh_shelf: Shelf) -> None:
    imported(fresh_shelf, HISTORY)
    rows = fresh_shelf.connection.execute(
        "select distinct tableoid::regclass::text from inventory_movements"
    ).fetchall()
    assert sorted(row[0] for row in rows) == ["inventory_movements_2026_01", "inventory_movements_2026_02"]


@pytest.mark.parametrize("tracking", ["batch", "serial"])
def test_a_past_of_quantities_is_not_taken_over_for_units_that_are_told_apart(shelf: Shelf, tracking: str) -> None:
    shelf.sku("TEA", tracking=tracking)
    with pytest.raises(psycopg.DatabaseError) as error:
        imported(shelf, HISTORY)
    assert error.value.sqlstate == "ZS004"
    assert json.loads(error.value.diag.message_detail or "") == {
        "code": "tracked_sku",
        "skus": [{"sku_id": shelf.sku("TEA"), "sku_code": f"TEA-{shelf.tag}", "tracking": tracking}],
    }
    assert shelf.connection.execute("select from inventory where sku_id = %s", [shelf.sku("TEA")]).fetchall() == []


async def test_a_past_instant_says_why_units_could_not_be_sold(fresh_shelf: Shelf, fresh_database: Database) -> None:
    shelf = fresh_shelf
    shelf.given("TEA@GZ 9")

    def set_aside(state: str, quantity: int) -> None:
        line = {"sku_id": shelf.sku("TEA"), "warehouse_id": shelf.warehouse("GZ")}
        legs = [{**line, "quantity": -quantity}, {**line, "quantity": quantity, "bucket": "unsellable", "state": state}]
        answer = shelf.post(
            "stock_move", event_type="inventory.state_changed", movement_type="adjustment",
            reference_type="adjustment", reason="checked", items=legs,
        )  # fmt: skip
        assert answer["outcome"] == "moved", answer
        shelf.advance(60)

    moments: list[datetime] = []
    for state, quantity in (("quality_hold", 3), ("damaged", 1), ("quality_hold", 2)):
        set_aside(state, quantity)
        row = shelf.connection.execute("select business_now()").fetchone()
        assert row
        moments.append(row[0])

    async def states(moment: datetime) -> tuple[int, dict[str, int]]:
        async with fresh_database.transaction() as tx:
            [level] = await explaining.list_levels_as_of(
                tx, moment, limit=10, after=None, sku_id=UUID(shelf.sku("TEA")), warehouse_id=None
            )
        return level.unavailable_quantity, level.states

    assert [await states(moment) for moment in moments] == [
        (3, {"quality_hold": 3}),
        (4, {"quality_hold": 3, "damaged": 1}),
        (6, {"quality_hold": 5, "damaged": 1}),
    ]
    assert await states(moments[0] - timedelta(minutes=90)) == (0, {})
