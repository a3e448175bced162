"""Packs: how many base units a case or a pallet of a SKU holds. Exact whole numbers; stock never sees a pack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

import psycopg
from psycopg.types.json import Json

from holdfast.access import audit
from holdfast.catalog.service import get_sku, sql
from holdfast.db import Tx
from holdfast.kernel.errors import Conflict, Invalid
from holdfast.kernel.quantity import QUANTITY_MAX


@dataclass(frozen=True, slots=True)
class Pack:
    """``units`` base units; scanning ``barcode`` finds the SKU."""

    name: str
    units: int
    barcode: str | None = None


async def get_packs(tx: Tx, sku_id: UUID) -> list[Pack]:
    """Smallest first. Raises NotFound."""
    await get_sku(tx, sku_id)
    return await tx.all(sql.list_packs, Pack, sku_id=sku_id)


async def set_packs(tx: Tx, sku_id: UUID, packs: Sequence[Pack], *, actor: str) -> list[Pack]:
    """Replace all packs of a SKU. Raises NotFound, Invalid(``duplicate``), Conflict(``barcode_taken``)."""
    await get_sku(tx, sku_id)
    names = [pack.name for pack in packs]
    for n, name in enumerate(names):
        if name in names[:n]:
            raise Invalid.field_error(["packs", n, "name"], "duplicate", "Each pack is named once.")
    rows = [asdict(pack) for pack in packs]
    barcodes = [pack.barcode for pack in packs if pack.barcode]
    if barcodes and await tx.value(sql.is_sku_barcode, barcodes=barcodes):
        raise Conflict("barcode_taken", "A SKU has this barcode.")
    await tx.run(sql.delete_packs, sku_id=sku_id)
    try:
        async with tx.connection.transaction():
            await tx.run(sql.insert_packs, sku_id=sku_id, packs=Json(rows))
    except psycopg.errors.UniqueViolation as error:
        raise Conflict("barcode_taken", "Another pack has this barcode.") from error
    await audit.record(tx, actor=actor, action="sku.packs_changed", subject=f"sku:{sku_id}", packs=rows)
    return await get_packs(tx, sku_id)


async def units_of(tx: Tx, named: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], int]:
    """Base units in each of these packs, as far as there are such packs."""
    if not named:
        return {}
    rows = await tx.dicts(sql.units_of_packs, sku_ids=[sku for sku, _ in named], names=[name for _, name in named])
    return {(row["sku_id"], row["name"]): row["units"] for row in rows}


def in_units(quantity: int, units: int | None, *, loc: list[str | int]) -> int:
    """So many packs as base units. Raises Invalid(``unknown_pack`` | ``out_of_range``)."""
    if units is None:
        raise Invalid.field_error([*loc, "pack"], "unknown_pack", "The SKU has no such pack.")
    if quantity * units > QUANTITY_MAX:
        raise Invalid.field_error([*loc, "quantity"], "out_of_range", "These are too many units.")
    return quantity * units
