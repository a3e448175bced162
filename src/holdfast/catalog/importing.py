"""Many SKUs at once, for imports: compare with what is known, then create and change by sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from holdfast.access import audit
from holdfast.catalog.model import Sku
from holdfast.catalog.service import sql
from holdfast.db import Statement, Tx
from holdfast.kernel.errors import Conflict

# Large enough that the round trip does not count, small enough that a progress bar moves.
GROUP = 2000
CHANGEABLE = ("name", "barcode", "category", "unit", "price", "currency")


async def skus_by_code(tx: Tx, codes: Sequence[str]) -> dict[str, Sku]:
    """The known SKUs among ``codes``, archived ones too."""
    found: dict[str, Sku] = {}
    for some in _groups(codes):
        found |= {sku.code: sku for sku in await tx.all(sql.list_by_codes, Sku, codes=some)}
    return found


async def codes_by_barcode(tx: Tx, barcodes: Sequence[str]) -> dict[str, str]:
    """Which SKU code has which barcode."""
    found: dict[str, str] = {}
    for some in _groups(barcodes):
        found |= {row["barcode"]: row["code"] for row in await tx.dicts(sql.list_barcodes, barcodes=some)}
    return found


async def create_many(tx: Tx, rows: Sequence[dict[str, Any]], *, actor: str, reference: str) -> dict[str, UUID]:
    """Create SKUs from dicts of columns (``archived`` true: born archived); answers code → id.

    Raises Conflict(``skus_changed``) when someone else took a code or barcode meanwhile.
    """
    return await _write(tx, sql.insert_many, rows, actor=actor, action="sku.imported", reference=reference)


async def change_many(tx: Tx, rows: Sequence[dict[str, Any]], *, actor: str, reference: str) -> None:
    """Write the changeable columns of known SKUs; each row carries ``id`` and the ``version`` it was compared with.

    Raises Conflict(``skus_changed``) when one of them was changed meanwhile.
    """
    changed = await _write(tx, sql.change_many, rows, actor=actor, action="sku.changed_by_import", reference=reference)
    if len(changed) != len(rows):
        raise _changed_meanwhile()


async def _write(
    tx: Tx, statement: Statement, rows: Sequence[dict[str, Any]], *, actor: str, action: str, reference: str
) -> dict[str, UUID]:
    written: dict[str, UUID] = {}
    try:
        for some in _groups(rows):
            text = msgspec.json.encode(some).decode()
            written |= {row["code"]: row["id"] for row in await tx.dicts(statement, rows=text)}
    except psycopg.errors.UniqueViolation as error:
        raise _changed_meanwhile() from error
    if rows:
        await audit.record(tx, actor=actor, action=action, subject=f"import:{reference}", skus=len(rows))
    return written


def _changed_meanwhile() -> Conflict:
    return Conflict(
        "skus_changed", "SKUs were changed by someone else during the import; nothing was applied. Repeat it."
    )


def _groups(items: Sequence[Any]) -> Iterable[list[Any]]:
    for start in range(0, len(items), GROUP):
        yield list(items[start : start + GROUP])
