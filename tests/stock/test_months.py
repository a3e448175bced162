"""The ledger's months are made ahead of time, and a late one never stops a start."""

from __future__ import annotations

from tests.conftest import Shelf


def test_a_month_that_began_in_the_default_partition_stops_nothing(fresh_shelf: Shelf) -> None:
    fresh_shelf.advance(minutes=60 * 24 * 400)
    fresh_shelf.given("TEA@GZ 5")
    fresh_shelf.connection.execute("select stock_ensure_months(business_now()::date, business_now()::date)")
    fresh_shelf.given("TEA@GZ 2")
    assert fresh_shelf.level("TEA@GZ") == "on_hand=7 available=7 reserved=0"
    row = fresh_shelf.connection.execute("select count(*) from inventory_movements_default").fetchone()
    assert row == (2,)
