"""Create, change and archive SKUs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Json, Jsonb

from holdfast.access import audit
from holdfast.cache import totals
from holdfast.catalog.model import Sku
from holdfast.db import Tx, statements
from holdfast.kernel.errors import Conflict, NotFound

sql = statements("holdfast.catalog")

_TAKEN = {
    "skus_code_once": ("code_taken", "Another SKU has this code."),
    "skus_barcode_once": ("barcode_taken", "Another SKU has this barcode."),
}


async def create_sku(tx: Tx, *, actor: str, **columns: Any) -> Sku:
    """Raises Conflict(``code_taken`` | ``barcode_taken``)."""
    try:
        async with tx.connection.transaction():
            sku = await tx.one(sql.insert_sku, Sku, **{**columns, "attributes": Jsonb(columns["attributes"])})
    except psycopg.errors.UniqueViolation as error:
        raise Conflict(*_TAKEN[error.diag.constraint_name or ""]) from error
    await _tell(tx, "sku.created", sku, actor)
    return sku


async def get_sku(tx: Tx, sku_id: UUID) -> Sku:
    found = await tx.maybe(sql.get_sku, Sku, id=sku_id)
    if found is None:
        raise NotFound("sku_not_found", "There is no such SKU.")
    return found


async def list_skus(tx: Tx, *, after: str | None, q: str | None, limit: int, **filters: Any) -> list[Sku]:
    attributes: dict[str, str] | None = filters.pop("attributes", None)
    return await tx.all(
        sql.list_skus,
        Sku,
        after=after,
        q=q,
        pattern=f"%{escaped(q)}%" if q else None,
        limit=limit + 1,
        attributes=Jsonb(attributes) if attributes else None,
        **filters,
    )


async def change_sku(tx: Tx, sku_id: UUID, changes: dict[str, Any], *, expected_version: int | None, actor: str) -> Sku:
    """Change the given columns only; ``archived`` true or false archives or brings back.

    Raises NotFound, Conflict(``version_conflict`` | ``barcode_taken``).
    """
    now = await get_sku(tx, sku_id)
    values = {**asdict(now), "archived": now.archived_at is not None, **changes}
    values["attributes"] = Jsonb(values["attributes"])
    values["expected_version"] = expected_version if expected_version is not None else now.version
    try:
        async with tx.connection.transaction():
            sku = await tx.maybe(sql.change_sku, Sku, **values)
    except psycopg.errors.UniqueViolation as error:
        raise Conflict(*_TAKEN[error.diag.constraint_name or ""]) from error
    if sku is None:
        raise Conflict("version_conflict", "The SKU was changed meanwhile; read it again.", {"version": now.version})
    tx.changed.add(totals(sku.id))
    await _tell(tx, "sku.changed", sku, actor)
    return sku


def escaped(q: str) -> str:
    """Text for ILIKE in which the user's % and _ mean themselves."""
    return q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def _tell(tx: Tx, event_type: str, sku: Sku, actor: str) -> None:
    facts = {"sku_id": str(sku.id), "code": sku.code, "archived": sku.archived_at is not None}
    await tx.run(sql.write_event, event_type=event_type, sku_ids=[sku.id], data=Json(facts))
    await audit.record(tx, actor=actor, action=event_type, subject=f"sku:{sku.id}", code=sku.code)
