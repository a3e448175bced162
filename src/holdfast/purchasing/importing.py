"""Many terms at once, for imports: what is known of the suppliers a file names."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from holdfast.db import Tx
from holdfast.purchasing.model import Supplier, SupplierItem
from holdfast.purchasing.suppliers import sql


async def suppliers_by_code(tx: Tx, codes: Sequence[str]) -> dict[str, Supplier]:
    """The known suppliers among ``codes``, inactive ones too."""
    return {found.code: found for found in await tx.all(sql.suppliers_by_code, Supplier, codes=list(codes))}


async def items_of_suppliers(tx: Tx, supplier_ids: Sequence[UUID]) -> dict[tuple[UUID, UUID], SupplierItem]:
    """Everything these suppliers offer, by supplier and SKU."""
    found = await tx.all(sql.items_of_suppliers, SupplierItem, ids=list(supplier_ids))
    return {(item.supplier_id, item.sku_id): item for item in found}
