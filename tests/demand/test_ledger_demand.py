"""Demand per day out of the ledger: what counts, what does not, and that nothing is missed or counted twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest
from psycopg.types.json import Json
from tests.conftest import Shelf

from holdfast.db import Database
from holdfast.demand import service, store
from holdfast.demand.methods import ExponentialSmoothing

TODAY = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


class Past:
    """A ledger of past days: ``"TEA@GZ"`` and its changes by days ago, all noon UTC."""

    def __init__(self, shelf: Shelf, database: Database) -> None:
        self.shelf, self.database = shelf, database

    def write(self, text: str, *changes: tuple[int, int, str]) -> None:
        sku, warehouse = text.split("@")
        rows = [
            {
                "sku_id": self.shelf.sku(sku),
                "warehouse_id": self.shelf.warehouse(warehouse),
                "movement_type": "adjustment" if reference == "adjustment" else ("in" if quantity > 0 else "out"),
                "quantity": quantity,
                "reference_type": reference,
                "reason": "test",
                "occurred_at": (TODAY - timedelta(days=ago)).isoformat(),
            }
            for ago, quantity, reference in changes
        ]
        self.shelf.connection.execute("select stock_import_history(%s, 'test')", [Json(rows)])

    def sell(self, text: str, quantity: int, occurred_at: str | None = None) -> None:
        sku, warehouse = text.split("@")
        answer = self.shelf.post(
            "stock_move",
            event_type="inventory.sold",
            movement_type="out",
            reference_type="sale",
            reason="sold",
            occurred_at=occurred_at,
            items=[
                {
                    "sku_id": self.shelf.sku(sku),
                    "warehouse_id": self.shelf.warehouse(warehouse),
                    "quantity": -quantity,
                }
            ],
        )
        assert answer["outcome"] == "moved"

    async def refresh(self) -> int:
        async with self.database.transaction() as tx:
            return await service.refresh(tx)

    async def demand(self, text: str) -> dict[int, int]:
        """Units by days ago."""
        sku, warehouse = text.split("@")
        async with self.database.transaction() as tx:
            rows = await service.list_demand(
                tx, sku_id=UUID(self.shelf.sku(sku)), warehouse_id=UUID(self.shelf.warehouse(warehouse)), limit=500
            )
        return {(TODAY.date() - row.day).days: row.quantity for row in rows}

    async def history(self, text: str, days: int) -> str:
        """Yesterday last; a day nothing is known about is a question mark."""
        sku, warehouse = text.split("@")
        pair = [UUID(self.shelf.sku(sku))], [UUID(self.shelf.warehouse(warehouse))]
        async with self.database.transaction() as tx:
            found = await store.read_histories(tx, *pair, days=days)
        return " ".join(str(q) if seen else "?" for q, seen in zip(found.quantity[0], found.observed[0], strict=True))


@pytest.fixture
async def past(fresh_shelf: Shelf, fresh_database: Database) -> Past:
    return Past(fresh_shelf, fresh_database)


async def test_sales_and_returns_are_demand_and_nothing_else_is(past: Past) -> None:
    past.write(
        "TEA@GZ",
        (9, 100, "receipt"),
        (5, -3, "sale"),
        (5, -4, "order"),
        (4, 2, "return"),
        (4, -5, "sale"),
        (3, -7, "transfer"),
        (3, -6, "scrap"),
        (2, -8, "adjustment"),
    )
    assert await past.refresh() == 1
    assert await past.demand("TEA@GZ") == {5: 7, 4: 3}


async def test_refreshing_again_changes_nothing_and_new_sales_are_added(past: Past) -> None:
    past.write("TEA@GZ", (3, 50, "receipt"), (1, -2, "sale"))
    await past.refresh()
    past.sell("TEA@GZ", 3)
    past.sell("TEA@GZ", 4)
    # How often the same entries are summed depends on which transactions run elsewhere; the sum does not.
    for _ in range(3):
        await past.refresh()
        assert await past.demand("TEA@GZ") == {1: 2, 0: 7}


async def test_a_sale_that_commits_late_is_not_missed(past: Past, fresh_url: str) -> None:
    """Its number is taken first, others pass by and are summed, then it commits."""
    past.shelf.given("TEA@GZ 50, CUP@GZ 50")
    await past.refresh()
    late = Shelf(fresh_url)
    late.ids = past.shelf.ids
    late.connection.autocommit = False
    Past(late, past.database).sell("TEA@GZ", 5)
    past.sell("CUP@GZ", 1)
    await past.refresh()
    await past.refresh()
    assert (await past.demand("TEA@GZ"), await past.demand("CUP@GZ")) == ({}, {0: 1})
    late.connection.commit()
    late.close()
    await past.refresh()
    assert await past.demand("TEA@GZ") == {0: 5}
    await past.refresh()
    assert await past.refresh() == 0, "the floor has risen again"


async def test_a_late_sale_of_the_newest_transaction_is_not_missed(past: Past, fresh_url: str) -> None:
    """The late one began last, so no snapshot lists it, and took its number before one that began earlier."""
    past.shelf.given("TEA@GZ 50, CUP@GZ 9")
    first, late = Shelf(fresh_url), Shelf(fresh_url)
    for shelf in (first, late):
        shelf.ids, shelf.tag = past.shelf.ids, past.shelf.tag
        shelf.connection.autocommit = False
        shelf.connection.execute("select pg_current_xact_id()")
    Past(late, past.database).sell("TEA@GZ", 1)
    Past(first, past.database).sell("CUP@GZ", 4)
    first.connection.commit()
    await past.refresh()
    late.connection.commit()
    await past.refresh()
    found = past.shelf.connection.execute("select sum(quantity)::integer from demand_daily").fetchone()
    assert found == (5,)
    first.close()
    late.close()


async def test_imported_history_with_old_dates_is_summed_too(past: Past) -> None:
    past.write("TEA@GZ", (9, 10, "receipt"), (2, -1, "sale"))
    await past.refresh()
    past.write("CUP@GZ", (90, 10, "receipt"), (80, -4, "sale"))
    await past.refresh()
    assert await past.demand("CUP@GZ") == {80: 4}


async def test_days_are_days_of_the_warehouse(past: Past) -> None:
    past.shelf.warehouse("SYD", time_zone="Australia/Sydney")
    past.write("TEA@SYD", (9, 10, "receipt"))
    past.shelf.connection.execute(
        "select stock_import_history(%s, 'test')",
        [
            Json(
                [
                    {
                        "sku_id": past.shelf.sku("CUP"),
                        "warehouse_id": past.shelf.warehouse("SYD"),
                        "movement_type": kind,
                        "quantity": quantity,
                        "reference_type": reference,
                        "reason": "test",
                        "occurred_at": (TODAY - timedelta(days=5) + timedelta(hours=hours)).isoformat(),
                    }
                    for kind, quantity, reference, hours in (("in", 9, "receipt", 0), ("out", -4, "sale", 6))
                ]
            )
        ],
    )
    await past.refresh()
    assert await past.demand("CUP@SYD") == {4: 4}, "18:00 in London is tomorrow in Sydney"


async def test_an_empty_shelf_says_nothing_about_demand(past: Past) -> None:
    past.write(
        "TEA@GZ",
        (8, 5, "receipt"),
        (7, -2, "sale"),
        (6, -3, "sale"),
        (3, 9, "receipt"),
        (2, -1, "sale"),
    )
    await past.refresh()
    assert await past.history("TEA@GZ", 9) == "? ? 2 3 ? ? ? 1 0"


async def test_an_item_not_yet_stocked_is_unknown_and_one_stocked_but_unsold_is_known(past: Past) -> None:
    past.write("TEA@GZ", (4, 5, "receipt"))
    await past.refresh()
    assert await past.history("TEA@GZ", 6) == "? ? ? 0 0 0"


async def test_sales_booked_later_than_they_happened_show_the_item_was_there(past: Past) -> None:
    past.shelf.given("TEA@GZ 50")
    for ago in (5, 2):
        past.sell("TEA@GZ", 3, (TODAY - timedelta(days=ago)).isoformat())
    await past.refresh()
    assert await past.history("TEA@GZ", 7) == "? ? 3 0 0 3 0"


async def test_a_shelf_that_is_still_empty_stays_unknown_until_yesterday(past: Past) -> None:
    past.write("TEA@GZ", (6, 5, "receipt"), (4, -5, "sale"))
    await past.refresh()
    assert await past.history("TEA@GZ", 7) == "? ? 0 5 ? ? ?"


async def test_goods_that_pass_through_in_one_day_are_demand(past: Past) -> None:
    past.write("TEA@GZ", (3, 4, "receipt"), (3, -4, "sale"), (2, 6, "receipt"), (2, -6, "sale"), (1, 5, "receipt"))
    await past.refresh()
    assert await past.history("TEA@GZ", 4) == "? 4 6 ?"


async def test_spans_grow_with_the_ledger_as_if_it_had_been_read_at_once(past: Past) -> None:
    past.write("TEA@GZ", (6, 5, "receipt"), (4, -5, "sale"))
    await past.refresh()
    past.shelf.given("TEA@GZ 3")
    await past.refresh()
    past.sell("TEA@GZ", 3)
    await past.refresh()

    def spans() -> list[tuple[object, ...]]:
        rows = past.shelf.connection.execute(
            "select first_day::text, last_day from empty_shelf_spans order by first_day"
        )
        return list(rows.fetchall())

    grown = spans()
    past.shelf.connection.execute("delete from empty_shelf_spans")
    past.shelf.connection.execute("update demand_cursor set last_seq = 0, marked_seq = null, marked_before = null")
    await past.refresh()
    assert spans() == grown
    assert len(grown) == 3, "before the first entry, four days ago until today, from tomorrow on"


async def test_a_forecast_is_stored_and_its_bands_are_seen_in_sql(past: Past) -> None:
    past.write("TEA@GZ", (60, 900, "receipt"), *((ago, -10, "sale") for ago in range(59, 0, -1)))
    await past.refresh()
    pair = [UUID(past.shelf.sku("TEA"))], [UUID(past.shelf.warehouse("GZ"))]
    async with past.database.transaction() as tx:
        await service.forecast_pairs(
            tx,
            *pair,
            protection_days=np.array([14.0]),
            protection_days_sd=np.array([2.0]),
            method=ExponentialSmoothing(),
        )
        stored = (await service.list_forecasts(tx, sku_id=pair[0][0], limit=5))[0]
        outlook = (await service.outlooks(tx, pair[0][0], days=90))[0]
    assert stored.daily_mean == pytest.approx(10, rel=0.05)
    assert (stored.method, stored.demand_class, stored.observed_days) == ("ses-negbin", "smooth", 59)
    assert stored.quantiles == sorted(stored.quantiles)
    row = past.shelf.connection.execute("select band_low, band_mid, band_high from forecasts").fetchone()
    assert row is not None
    for shown, exact in zip(row, (outlook.low, outlook.middle, outlook.high), strict=True):
        assert len(shown) == 90
        assert shown == pytest.approx(exact, abs=3)


async def test_band_of_sporadic_demand_in_sql_is_close_to_the_exact_one(fresh_shelf: Shelf) -> None:
    """0.1 a day: over 90 days 9 units expected, variance 30; P10, P50 and P90 are 3, 8 and 16."""
    row = fresh_shelf.connection.execute(
        "select (demand_band(0.1, 0.333, 0, -1.2816, 90))[90], (demand_band(0.1, 0.333, 0, 0, 90))[90],"
        " (demand_band(0.1, 0.333, 0, 1.2816, 90))[90], (demand_band(0, 0, 0, 0, 90))[90]"
    ).fetchone()
    assert row == pytest.approx((3, 8, 16, 0), abs=1)
