"""Create, change and archive SKUs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Json, Jsonb

from holdfast.access import audit
from holdfast.cache import totals
from holdfast.catalog.model import Component, Sku
from holdfast.db import Tx, statements
from holdfast.kernel.errors import Conflict, Invalid, NotFound, Refusal

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
    if sku.min_remaining_days != now.min_remaining_days:
        await tx.run(sql.rework_usability, id=sku_id, actor=actor)
    await _tell(tx, "sku.changed", sku, actor)
    return sku


async def get_components(tx: Tx, sku_id: UUID) -> list[Component]:
    """What a bundle is made of; nothing for a SKU that is none. Raises NotFound."""
    await get_sku(tx, sku_id)
    return await tx.all(sql.list_components, Component, bundle_id=sku_id)


async def set_components(tx: Tx, sku_id: UUID, components: dict[UUID, int], *, actor: str) -> list[Component]:
    """Make a SKU a bundle of so many of each component, or with none an ordinary SKU again.

    Open reservations keep what they were made with. Raises NotFound, Invalid(``unknown_sku`` | ``nested_bundle``),
    Conflict(``sku_archived`` | ``sku_has_stock``).
    """
    parts = [{"sku_id": str(part), "quantity": quantity} for part, quantity in components.items()]
    refused: str | None = await tx.value(sql.set_bundle, bundle_id=sku_id, components=Json(parts))
    if refused is not None:
        kind, detail = _NO_BUNDLE[refused]
        if kind is Invalid:
            raise Invalid.at(["components"], refused, detail)
        raise kind(refused, detail)
    tx.changed.add(totals(sku_id))
    await _tell(tx, "sku.changed", await get_sku(tx, sku_id), actor)
    return await get_components(tx, sku_id)


_NO_BUNDLE: dict[str, tuple[type[Refusal], str]] = {
    "sku_not_found": (NotFound, "There is no such SKU."),
    "unknown_sku": (Invalid, "A component is not a SKU."),
    "sku_archived": (Conflict, "A component is archived."),
    "nested_bundle": (Invalid, "A bundle is made of ordinary SKUs and is no part of another bundle."),
    "sku_has_stock": (Conflict, "A bundle has no stock of its own; this SKU has some, or some is on its way."),
}


def escaped(q: str) -> str:
    """Text for ILIKE in which the user's % and _ mean themselves."""
    return q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def _tell(tx: Tx, event_type: str, sku: Sku, actor: str) -> None:
    facts = {"sku_id": str(sku.id), "code": sku.code, "archived": sku.archived_at is not None}
    await tx.run(sql.write_event, event_type=event_type, sku_ids=[sku.id], data=Json(facts))
    await audit.record(tx, actor=actor, action=event_type, subject=f"sku:{sku.id}", code=sku.code)
