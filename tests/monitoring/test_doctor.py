"""The doctor names what does not hold. Every violation is planted past all walls, as the owner of the tables."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid

import psycopg
import pytest
from tests.conftest import Shelf
from tests.tracking.planted import PLANTED as UNITS

from holdfast.db import Database
from holdfast.monitoring.doctor import CHECKS, examine


@pytest.fixture
def shop(fresh_shelf: Shelf, fresh_url: str) -> Shelf:
    """A shelf with a past: receipts, a sale, holds in every state, an order on its way."""
    shelf = fresh_shelf
    shelf.given("TEA@GZ 50, CUP@GZ 20, CUP@BJ 10")
    sale = {"event_type": "inventory.sold", "movement_type": "out", "reference_type": "sale", "reason": "sold"}
    shelf.post("stock_move", **sale, items=[{**shelf.items("TEA@GZ 1")[0], "quantity": -4}])
    for action in ("consume", "release", None):
        held = shelf.reserve("TEA@GZ 2, CUP 3")
        if action:
            shelf.post("stock_resolve", reservation_id=held["reservation_id"], action=action)
    part = shelf.reserve("TEA@GZ 5")
    items = shelf.items("TEA@GZ 2")
    shelf.post("stock_resolve", reservation_id=part["reservation_id"], action="consume", items=items)
    shelf.reserve("CUP@BJ 1", minutes=1)
    shelf.connection.execute("select stock_expire(10)")
    order_on_its_way(shelf, "CUP@BJ 7")
    return shelf


def order_on_its_way(shelf: Shelf, text: str) -> None:
    """A sent purchase order and its in-transit quantity, as the purchasing feature leaves them."""
    [line] = shelf.items(text)
    shelf.connection.execute(
        "with s as (insert into suppliers (code, name) values (%(code)s, 'Supplier') returning id),"
        "     p as (insert into purchase_orders (supplier_id, warehouse_id, status, currency, created_by)"
        "           select id, %(warehouse_id)s, 'sent', 'EUR', 'test' from s returning id)"
        "insert into purchase_order_lines (purchase_order_id, line_no, sku_id, ordered_quantity, open_quantity,"
        " unit_cost) select id, 1, %(sku_id)s, %(quantity)s, %(quantity)s, 1 from p",
        {**line, "code": f"S-{shelf.tag}"},
    )
    shelf.connection.execute("select stock_expect(%s, 'PO')", [json.dumps([line])])


def filled(shelf: Shelf, text: str) -> str:
    """``{tea}`` becomes the full code of the SKU, ``{TEA@GZ}`` the condition that finds the level."""
    names = {code.lower(): f"{code}-{shelf.tag}" for code in ("TEA", "CUP", "GZ", "BJ")}
    for level in ("TEA@GZ", "CUP@GZ", "CUP@BJ"):
        sku, warehouse = level.split("@")
        names[level] = f"(sku_id, warehouse_id) = ('{shelf.sku(sku)}', '{shelf.warehouse(warehouse)}')"
    return re.sub(r"\{([\w@]+)\}", lambda m: names[m[1]], text)


async def found(url: str) -> list[str]:
    """What the doctor says, one line per violation."""
    database = Database(url, size=1)
    await database.open()
    async with database.transaction() as tx:
        findings = await examine(tx)
    await database.close()
    return [
        f"{f.check.statement.name}: {v.subject} expected {v.expected} found {v.found}"
        for f in findings
        for v in f.violations
    ]


async def test_a_shop_that_only_used_the_posting_functions_is_healthy(shop: Shelf, fresh_url: str) -> None:
    assert await found(fresh_url) == []


POOL = (
    "with c as (insert into sales_channels (code, name, created_at, created_by) values ('shop', 'Shop', now(), 'test')"
    " returning id) insert into channel_pools (sku_id, warehouse_id, channel_id, quantity, taken_quantity, created_at,"
    " created_by, changed_at, changed_by) select i.sku_id, i.warehouse_id, c.id, 5, 2, now(), 'test', now(), 'test'"
    " from c, inventory i where {TEA@GZ}"
)
PLANTED = {
    "quantities_not_negative": (
        "alter table inventory drop constraint never_oversold;"
        "update inventory set available_quantity = -3 where {TEA@GZ}",
        "{tea}@{gz} expected no quantity below 0 found available=-3",
    ),
    "constraints_in_force": (
        "alter table inventory drop constraint never_oversold",
        "never_oversold expected in force found missing",
    ),
    "on_hand_is_its_movements": (
        "update inventory set available_quantity = available_quantity + 1 where {TEA@GZ}",
        "{tea}@{gz} expected on_hand=42 unavailable=0 found on_hand=43 unavailable=0",
    ),
    "reserved_is_its_lines": (
        "update inventory set reserved_quantity = reserved_quantity + 1, available_quantity = available_quantity - 1"
        " where {TEA@GZ}",
        "{tea}@{gz} expected reserved=5 found reserved=6",
    ),
    "in_transit_is_open_lines": (
        "update inventory set in_transit_quantity = 6 where {CUP@BJ}",
        "{cup}@{bj} expected in_transit=7 found in_transit=6",
    ),
    "backordered_is_its_lines": (
        "update inventory set backordered_quantity = 2 where {TEA@GZ}",
        "{tea}@{gz} expected backordered=0 found backordered=2",
    ),
    "pooled_is_its_pools": (POOL, "{tea}@{gz} expected pooled=3 found pooled=0"),
    "pools_are_their_lines": (POOL, "pool of shop in {tea}@{gz} expected taken=0 of at most 5 found taken=2"),
    "pool_lines_are_of_their_channel": (
        "update inventory_reservations set pool_id = uuidv7() where {CUP@BJ}",
        "expected a pool of its level and of the reservation's channel found pool",
    ),
    "bundles_are_their_parts": (
        "update skus set is_bundle = true where code = '{tea}'",
        "bundle {tea} expected components, no bundle among them, no stock of its own found components=0",
    ),
    "offers_have_their_hold": (
        "insert into waiting_entries (sku_id, quantity, reference_id, offer_minutes, status, reservation_id, actor,"
        " created_at) select sku_id, 3, 'ann', 10, 'offered', uuidv7(), 'test', now() from inventory where {TEA@GZ}",
        "expected a hold of 3 found a hold of 0",
    ),
    "purchases_add_up": (
        "update purchase_order_lines set received_quantity = 2",
        "order PO-00001 line 1 expected received=0 open=7 found received=2 open=7",
    ),
    "transfers_add_up": (
        "with t as (insert into transfers (number, from_warehouse_id, to_warehouse_id, created_by, created_at)"
        " select 'TR-X', min(id::text)::uuid, max(id::text)::uuid, 'test', now() from warehouses returning id)"
        " insert into transfer_lines (transfer_id, line_no, sku_id, quantity, open_quantity)"
        " select t.id, 1, (select sku_id from inventory where {TEA@GZ}), 3, 3 from t",
        "transfer TR-X {tea} expected legs + losses + open = 0 found 3",
    ),
    "returns_were_posted": (
        "insert into returned_orders values ('order', 'A-1', now());"
        "insert into returns (number, reference_type, reference_id, warehouse_id, created_by, created_at)"
        " select 'RT-X', 'order', 'A-1', warehouse_id, 'test', now() from inventory where {TEA@GZ};"
        "insert into return_lines (return_id, line_no, sku_id, quantity, outcome)"
        " select id, 1, (select sku_id from inventory where {TEA@GZ}), 2, 'restock' from returns",
        "return RT-X {tea} expected back=2 scrapped=0 found back=0 scrapped=0",
    ),
    "counts_were_posted": (
        "insert into stock_counts (number, warehouse_id, created_by, created_at)"
        " select 'SC-X', warehouse_id, 'test', now() from inventory where {TEA@GZ};"
        "insert into stock_count_lines (stock_count_id, sku_id, is_listed, posted_quantity)"
        " select id, (select sku_id from inventory where {TEA@GZ}), true, -2 from stock_counts",
        "stock count SC-X {tea} sellable expected posted=-2 found posted=0",
    ),
    "balances_chain": (
        "alter table inventory_movements disable trigger user;"
        "update inventory_movements set balance_after = 45 where balance_after = 46;"
        "alter table inventory_movements enable trigger user",
        "{tea}@{gz} expected balance_after=46 unsellable_after=0 found balance_after=45",
    ),
    "cost_is_the_newest": (
        "update inventory set cost_price = 4.2 where {TEA@GZ}",
        "{tea}@{gz} expected cost=unknown found cost=4.2",
    ),
    "undone_is_opposite": (
        "alter table inventory_movements disable trigger user;"
        "update inventory_movements set undoes = uuidv7() where seq = 1;"
        "alter table inventory_movements enable trigger user",
        "once found no such entry",
    ),
    "seals_chain": (
        "insert into ledger_seals values (2, 0, 5, 5, array['seq'], '\\x00', '\\x00', now())",
        "seal 2 expected an unbroken chain found a seal before it is missing",
    ),
    "headers_fit_lines": (
        "update reservations set status = 'cancelled', resolved_at = now()"
        " where id = (select min(id::text)::uuid from reservations where status = 'active')",
        "expected active",
    ),
    "answers_are_complete": (
        "insert into idempotency_keys (principal_id, key, request_hash, outcome)"
        " values (uuidv7(), 'half', 'x', 'claimed')",
        "key half of",
    ),
    "stock_has_one_way_in": (
        "grant update on inventory to holdfast_app; grant insert on inventory_movements_default to holdfast_app",
        "holdfast_app on inventory expected select only found update",
    ),
    "history_is_guarded": (
        "alter table inventory_movements disable trigger movements_are_append_only",
        "expected movements_are_append_only found disabled",
    ),
    "functions_are_sealed": (
        "alter function stock_expire(integer) reset search_path",
        "stock_expire(integer) expected a fixed search_path found none",
    ),
    "leaked_holds": ("update business_clock set shift = interval '47 minutes'", "for cart cart-1 expected resolved by"),
    "reservations_were_told": (
        "delete from outbox_events where event_type = 'inventory.reservation_released'",
        "expected reserved=5 consumed=0 released=5 expired=0 found reserved=5 consumed=0 released=0 expired=0",
    ),
    "movements_were_told": (
        "delete from outbox_events where event_type = 'inventory.sold'",
        "events of {tea}@{gz} sellable expected moved=42 found moved=46",
    ),
    "demand_is_its_sources": (
        "select demand_refresh(); select demand_refresh();update demand_daily set sold_quantity = 9 where {TEA@GZ}",
        "expected sold=8 found sold=9",
    ),
    "refused_is_its_attempts": (
        "insert into demand_refusals (sku_id, warehouse_id, day, attempt, requested, available, at)"
        " select sku_id, warehouse_id, '2026-01-02', 'cart 1', 5, 2, now() from inventory where {TEA@GZ}",
        "refused of {tea}@{gz} on 2026-01-02 expected 3 found 0",
    ),
    "accuracy_is_its_grades": (
        "insert into forecast_grades (sku_id, warehouse_id, made_on, last_day, method, mean_units, quantiles,"
        " naive_units, actual_units) select sku_id, warehouse_id, '2026-01-02', '2026-01-08', 'm', 9, '{9,9,9,9,9}', 7,"
        " 8 from inventory where {TEA@GZ}",
        "accuracy of forecasts of 2026-01-02 expected 1 1 5 8.00 1.00 found",
    ),
    "nothing_points_nowhere": (
        "update purchase_order_lines set suggestion_id = '00000000-0000-0000-0000-000000000001'",
        "expected its suggestion 00000000-0000-0000-0000-000000000001 found no such suggestion",
    ),
    "foreign_costs_fit": (
        "insert into foreign_costs (movement_id, sku_id, currency, unit_cost, exchange_rate)"
        " select id, sku_id, 'USD', 2, 7 from inventory_movements where {TEA@GZ} and quantity = 50",
        "expected cost=14.000000 found cost=",
    ),
    "fills_are_their_levels": (
        "update warehouses set capacity = 10, updated_at = now() - interval '1 hour' where code = '{gz}';"
        "update inventory set last_updated = now() - interval '1 hour'",
        "fill of {gz} expected over=t found over=f",
    ),
    "states_are_as_told": (
        "update inventory set last_updated = now() - interval '1 hour';"
        "update warehouses set updated_at = now() - interval '1 hour';"
        "update skus set updated_at = now() - interval '1 hour';"
        "update outbox_events set published_at = now() where published_at is null;"
        "insert into stock_states (sku_id, channel_id, is_in_stock, changed_at)"
        " select id, null, code <> '{tea}', now() from skus",
        "state of {tea} in the house expected in stock=t found in stock=f",
    ),
    "clock_is_not_shifted": (
        "update business_clock set shift = interval '1 second'",
        "business_clock expected shift 0 found shift 00:00:01",
    ),
}


def test_every_check_has_a_planted_violation() -> None:
    # That one needs servers of its own: tests/crash/test_standby.py.
    elsewhere = {"commits_are_confirmed"}
    # These need a shop that plans: tests/replenishment/test_grouping.py.
    elsewhere |= {"suggestions_are_ordered_once", "rules_count_what_they_approved", "groupings_are_placed"}
    assert {check.statement.name for check in CHECKS} == {*PLANTED, *UNITS, *elsewhere}


@pytest.mark.parametrize("name", PLANTED)
async def test_a_planted_violation_is_named(shop: Shelf, fresh_url: str, name: str) -> None:
    statement, said = PLANTED[name]
    with psycopg.connect(fresh_url, autocommit=True) as owner:
        owner.execute(filled(shop, statement))  # type: ignore[arg-type]
    told = [line for line in await found(fresh_url) if line.startswith(name + ":")]
    assert any(filled(shop, said) in line for line in told), told


async def test_what_moved_a_moment_ago_is_told_soon_and_no_violation(shop: Shelf, fresh_url: str) -> None:
    """The planted states and fills again, but the levels moved just now."""
    with psycopg.connect(fresh_url, autocommit=True) as owner:
        for name in ("fills_are_their_levels", "states_are_as_told"):
            owner.execute(filled(shop, PLANTED[name][0]))  # type: ignore[arg-type]
        owner.execute("update inventory set last_updated = business_now()")
    told = [line for line in await found(fresh_url) if line.startswith(("fills_are", "states_are"))]
    assert told == []


async def test_lines_and_entries_without_their_level_are_named(shop: Shelf, fresh_url: str) -> None:
    shop.connection.execute(
        "insert into inventory_reservations (reservation_id, line_no, sku_id, warehouse_id, quantity, reserved_at)"
        " values (%s, 1, uuidv7(), uuidv7(), 1, now())",
        [str(uuid.uuid4())],
    )
    assert [line for line in await found(fresh_url) if line.startswith("nothing") and "no reservation" in line]


def test_the_command_names_the_violation_and_exits_1(shop: Shelf, fresh_url: str) -> None:
    def doctor() -> subprocess.CompletedProcess[str]:
        environment = {"INVENTORY_DB_URL": fresh_url, "PYTHONPATH": ":".join(sys.path), "COLUMNS": "200"}
        command = [sys.executable, "-m", "holdfast", "doctor"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    healthy = doctor()
    assert (healthy.returncode, "none" in healthy.stdout) == (0, True), healthy.stderr
    shop.connection.execute(filled(shop, "update inventory set available_quantity = 9999 where {TEA@GZ}"))  # type: ignore[arg-type]
    sick = doctor()
    assert sick.returncode == 1
    assert filled(shop, "{tea}@{gz} expected on_hand=42") in sick.stdout
