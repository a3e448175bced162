"""The stock list of a shop in which nobody should wait for every level to be added up."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from playwright.sync_api import expect
from psycopg.rows import dict_row
from tests.console.conftest import Console
from tests.console.shop import Shop

from holdfast.console.stock_list import sql

NO_FILTER: dict[str, object] = {"q": None, "like": None, "prefix": None, "category": None, "warehouse_id": None}
FIRST: dict[str, object] = {"after_text": None, "after_id": None, "limit": 1000}


def rows(connection: psycopg.Connection[Any], statement: str, **values: object) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, values).fetchall()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"category": "Party"},
        {"q": "e", "like": "%e%", "prefix": "e%"},
        {"warehouse_id": "first"},
    ],
)
def test_the_order_of_names_shows_what_every_other_order_shows(shop: Shop, filters: dict[str, object]) -> None:
    chosen = NO_FILTER | filters
    if chosen["warehouse_id"]:
        chosen["warehouse_id"] = shop.warehouses[0]
    whole = rows(
        shop.connection,
        sql.stock_rows.text,
        **chosen,
        **FIRST,
        status=None,
        sort="name",
        descending=False,
        after_number=None,
    )
    assert whole
    assert rows(shop.connection, sql.stock_rows_by_name.text, **chosen, **FIRST) == whole
    third = whole[2]
    after = {"after_text": third["text_key"], "after_id": third["id"], "limit": 2}
    assert rows(shop.connection, sql.stock_rows_by_name.text, **chosen, **after) == whole[3:5]


def test_tabs_and_rows_agree_on_what_is_low(shop: Shop) -> None:
    # Promised beyond what is there: only with that it is low.
    shop.connection.execute(
        "update inventory set reorder_point = 5, available_quantity = 8, backordered_quantity = 4 where sku_id = %s",
        [shop.skus[0]],
    )
    every = {"status": None, "sort": "name", "descending": False, "after_number": None}
    listed = rows(shop.connection, sql.stock_rows.text, **NO_FILTER, **FIRST, **every)
    [counted] = rows(shop.connection, sql.stock_counts.text, **NO_FILTER)
    assert next(row for row in listed if row["id"] == shop.skus[0])["status"] == "low"
    for status in ("out", "low", "over"):
        assert counted[status] == sum(row["status"] == status for row in listed)


def test_a_large_shop_is_seen_at_once_and_its_tabs_get_their_numbers_afterwards(console: Console) -> None:
    connection = console.shop.connection
    connection.execute("insert into skus (code, name) select 'L' || n, 'Large ' || n from generate_series(1, 26000) n")
    connection.execute(
        "insert into inventory (sku_id, warehouse_id, available_quantity)"
        " select s.id, w.id, 1 from skus s, unnest(%s) w (id) where s.code like 'L%%'",
        [console.shop.warehouses],
    )
    connection.execute("analyze inventory")
    page = console.open("/stock?q=Large", script=False)
    expect(page.locator("#states a").first).to_have_text("All …")
    expect(page.locator("tbody tr")).to_have_count(50)
    page = console.open("/stock?q=Large")
    expect(page.locator("#states a").first).to_have_text("All 26,000")
    expect(page.locator("#states a").last).to_have_text("Fine 26,000")
    page.locator("#states a", has_text="Out of stock").click()
    expect(page.locator("#results")).to_contain_text("Nothing fits")
    expect(page).to_have_url(f"{console.address}/stock?q=Large&status=out")
    expect(page.locator("#states a").first).to_have_text("All 26,000")
    assert console.complaints == []
