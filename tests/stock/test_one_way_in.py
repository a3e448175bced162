"""Promise P6: stock changes only through the posting functions, and the ledger only grows."""

from __future__ import annotations

import psycopg
import pytest
from tests.conftest import Shelf

from holdfast.db.session import APPLICATION_OPTIONS

STOCK = (
    "inventory",
    "inventory_movements",
    "reservations",
    "inventory_reservations",
    "inventory_movements_default",
    "batches",
    "inventory_batches",
    "inventory_states",
    "serials",
    "serial_movements",
)


@pytest.fixture
def application(worker_url: str) -> psycopg.Connection:
    return psycopg.connect(worker_url, autocommit=True, options=APPLICATION_OPTIONS)


@pytest.mark.parametrize("table", STOCK)
@pytest.mark.parametrize("statement", ["update {} set sku_id = sku_id", "delete from {}", "truncate {}"])
def test_the_application_may_not_write_stock(application: psycopg.Connection, table: str, statement: str) -> None:
    if "sku_id" in statement and table == "reservations":
        statement = "update {} set status = status"
    with application, pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
        application.execute(statement.format(table))  # type: ignore[arg-type]
    assert error.value.sqlstate == "42501"


@pytest.mark.parametrize("table", STOCK)
def test_the_application_may_not_insert_stock(application: psycopg.Connection, table: str) -> None:
    with application, pytest.raises(psycopg.errors.InsufficientPrivilege):
        application.execute(f"insert into {table} default values")  # type: ignore[arg-type]


def test_the_application_may_read_stock_and_post_changes(application: psycopg.Connection, shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    with application:
        for table in STOCK[:4]:
            application.execute(f"select from {table} limit 1")  # type: ignore[arg-type]
        expired = application.execute("select stock_expire(1)").fetchone()
    assert expired == (0,)


def test_the_application_may_not_move_the_clock(application: psycopg.Connection) -> None:
    with application, pytest.raises(psycopg.errors.InsufficientPrivilege):
        application.execute("update business_clock set shift = '1 hour'")


def test_the_application_may_not_change_the_audit_trail(application: psycopg.Connection) -> None:
    for statement in ("update audit_log set actor = 'x'", "delete from audit_log"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute(statement)  # type: ignore[arg-type]
    application.close()


@pytest.mark.parametrize(
    "statement", ["update inventory_movements set reason = 'x'", "delete from inventory_movements"]
)
def test_not_even_the_owner_rewrites_the_ledger(shelf: Shelf, statement: str) -> None:
    shelf.given("TEA@GZ 5")
    with pytest.raises(psycopg.DatabaseError) as error:
        shelf.connection.execute(statement)  # type: ignore[arg-type]
    assert (error.value.sqlstate, error.value.diag.message_primary) == ("ZS001", "movements are append-only")


@pytest.mark.parametrize("column", ["available", "reserved", "unavailable", "in_transit"])
def test_no_quantity_goes_below_zero_whoever_writes(shelf: Shelf, column: str) -> None:
    shelf.given("TEA@GZ 5")
    with pytest.raises(psycopg.errors.CheckViolation) as error:
        shelf.connection.execute(
            f"update inventory set {column}_quantity = -1 where sku_id = %s",  # type: ignore[arg-type]
            [shelf.sku("TEA")],
        )
    assert error.value.diag.constraint_name == {"available": "never_oversold"}.get(column, f"{column}_never_negative")


def test_one_level_per_sku_and_warehouse(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    with pytest.raises(psycopg.errors.UniqueViolation):
        shelf.connection.execute(
            "insert into inventory (sku_id, warehouse_id) values (%s, %s)", [shelf.sku("TEA"), shelf.warehouse("GZ")]
        )
