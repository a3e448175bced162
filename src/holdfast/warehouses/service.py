"""Create and change warehouses."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Json, Jsonb

from holdfast.access import audit
from holdfast.cache import EVERYTHING
from holdfast.db import Tx, statements
from holdfast.kernel.errors import Conflict, Invalid, NotFound
from holdfast.warehouses.model import Warehouse

sql = statements("holdfast.warehouses")


async def create_warehouse(tx: Tx, *, actor: str, **columns: Any) -> Warehouse:
    """Raises Conflict(``code_taken``), Invalid for an unknown parent or time zone."""
    await _check(tx, None, columns)
    try:
        async with tx.connection.transaction():
            made = await tx.one(sql.insert_warehouse, Warehouse, **{**columns, "address": Jsonb(columns["address"])})
    except psycopg.errors.UniqueViolation as error:
        raise Conflict("code_taken", "Another warehouse has this code.") from error
    await _tell(tx, "warehouse.created", made, actor)
    return made


async def get_warehouse(tx: Tx, warehouse_id: UUID, field: str | None = None) -> Warehouse:
    """Raises NotFound(``warehouse_not_found``), which names the ``field`` of the request that had the id."""
    found = await tx.maybe(sql.get_warehouse, Warehouse, id=warehouse_id)
    if found is None:
        says = "There is no such warehouse."
        errors = [{"loc": [field], "code": "warehouse_not_found", "message": says}] if field else []
        raise NotFound("warehouse_not_found", says, errors=errors)
    return found


async def list_warehouses(tx: Tx, *, after: str | None, limit: int, **filters: Any) -> list[Warehouse]:
    return await tx.all(sql.list_warehouses, Warehouse, after=after, limit=limit + 1, **filters)


async def change_warehouse(
    tx: Tx, warehouse_id: UUID, changes: dict[str, Any], *, expected_version: int | None, actor: str
) -> Warehouse:
    """Change the given columns only. Raises NotFound, Invalid, Conflict(``version_conflict``)."""
    now = await get_warehouse(tx, warehouse_id)
    values = {**asdict(now), **changes}
    await _check(tx, warehouse_id, values)
    values["address"] = Jsonb(values["address"])
    values["expected_version"] = expected_version if expected_version is not None else now.version
    changed = await tx.maybe(sql.change_warehouse, Warehouse, **values)
    if changed is None:
        raise Conflict(
            "version_conflict", "The warehouse was changed meanwhile; read it again.", {"version": now.version}
        )
    if (now.is_active, now.priority) != (changed.is_active, changed.priority):
        # Which SKUs lie there is not known here, and this happens rarely.
        tx.changed.add(EVERYTHING)
    if changed.time_zone != now.time_zone:
        await tx.run(sql.rework_usability, id=warehouse_id, actor=actor)
    await _tell(tx, "warehouse.changed", changed, actor)
    return changed


async def _check(tx: Tx, warehouse_id: UUID | None, columns: dict[str, Any]) -> None:
    parent = columns.get("parent_id")
    if (columns["latitude"] is None) != (columns["longitude"] is None):
        raise Invalid.field_error(["longitude"], "incomplete", "Latitude and longitude come together.")
    if parent is not None:
        if await tx.maybe(sql.get_warehouse, Warehouse, id=parent) is None:
            raise Invalid.field_error(["parent_id"], "unknown_warehouse", "There is no such warehouse.")
        if warehouse_id is not None and (
            parent == warehouse_id or await tx.value(sql.is_above, warehouse_id=parent, candidate=warehouse_id)
        ):
            raise Invalid.field_error(["parent_id"], "circular", "A warehouse cannot lie below itself.")
    if not await tx.value(sql.knows_time_zone, name=columns["time_zone"]):
        raise Invalid.field_error(["time_zone"], "unknown_time_zone", "Name a zone like Europe/London.")


async def _tell(tx: Tx, event_type: str, warehouse: Warehouse, actor: str) -> None:
    facts = {"warehouse_id": str(warehouse.id), "code": warehouse.code, "is_active": warehouse.is_active}
    await tx.run(sql.write_event, event_type=event_type, data=Json(facts))
    await audit.record(tx, actor=actor, action=event_type, subject=f"warehouse:{warehouse.id}", code=warehouse.code)
