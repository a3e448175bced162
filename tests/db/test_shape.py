"""What holds for tables as they are, whatever is written into them."""

from __future__ import annotations

import psycopg
import pytest
from tests.conftest import Shelf

# Logs are numbered in the order they were written; nobody else names their rows.
NUMBERED = {"alert_evaluations", "audit_log", "outbox_events", "refused_lines", "row_changes", "webhook_deliveries"}


def test_every_instant_has_its_time_zone(shelf: Shelf) -> None:
    naive = shelf.connection.execute(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'public' and data_type = 'timestamp without time zone'"
    )
    assert naive.fetchall() == []


def test_what_is_named_from_outside_has_a_uuid(shelf: Shelf) -> None:
    kinds = shelf.connection.execute(
        "select table_name, data_type from information_schema.columns"
        " where table_schema = 'public' and column_name = 'id' and table_name not like 'procrastinate%'"
    ).fetchall()
    assert len(kinds) > 30
    assert {table for table, kind in kinds if kind != "uuid"} == NUMBERED


@pytest.mark.parametrize("missing", ["sku_id", "warehouse_id"])
@pytest.mark.parametrize("table", ["inventory", "inventory_movements"])
def test_nothing_lies_nowhere(shelf: Shelf, table: str, missing: str) -> None:
    """D-06: nulls do not collide, so a unique key with one would let a second level in."""
    columns = {"sku_id": shelf.sku("TEA"), "warehouse_id": shelf.warehouse("GZ"), missing: None}
    insert = f"insert into {table} (sku_id, warehouse_id) values (%(sku_id)s, %(warehouse_id)s)"
    with pytest.raises(psycopg.errors.NotNullViolation) as error:
        shelf.connection.execute(insert, columns)  # type: ignore[arg-type]
    assert error.value.diag.column_name == missing


@pytest.mark.parametrize(
    "question",
    [
        "select from reservations where status = 'active' and expires_at <= now()",
        "select from inventory_reservations where sku_id = %(sku)s and status = 'active' and expires_at <= now()",
        "select from inventory_movements where sku_id = %(sku)s and warehouse_id = %(warehouse)s order by seq desc",
        "select from inventory_movements where reference_type = 'order' and reference_id = 'O-1'",
    ],
)
def test_what_is_asked_all_day_has_its_index(shelf: Shelf, question: str) -> None:
    """D-11: with sequential scans made dear, a plan that still has one has no index to go by."""
    with shelf.connection.transaction(force_rollback=True):
        shelf.connection.execute("set local enable_seqscan = off")
        plan = shelf.connection.execute(
            f"explain {question}",  # type: ignore[arg-type]
            {"sku": shelf.sku("TEA"), "warehouse": shelf.warehouse("GZ")},
        )
        lines = "\n".join(row[0] for row in plan.fetchall())
    assert "Index" in lines
    assert "Seq Scan" not in lines


def test_an_entry_of_an_unknown_kind_of_reference_does_not_exist(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    insert = (
        "insert into inventory_movements (sku_id, warehouse_id, movement_type, quantity, balance_after,"
        " unsellable_after, reference_type, reason, actor, occurred_at, created_at)"
        " values (%s, %s, 'adjustment', 1, 6, 0, 'whim', 'r', 'a', now(), now())"
    )
    with pytest.raises(psycopg.errors.CheckViolation) as error:
        shelf.connection.execute(insert, [shelf.sku("TEA"), shelf.warehouse("GZ")])
    assert error.value.diag.constraint_name == "known_reference_type"
