"""How much may be ordered: money, litres, kilograms and pallets, for each order or within a period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

from holdfast.db import Tx, statements
from holdfast.kernel.errors import Invalid, NotFound
from holdfast.replenishment.changes import tell_change

sql = statements("holdfast.replenishment", "grouping.sql")

# A limit counts to the cent, to the millilitre and the gram.
_STEP: Final = Decimal("0.001")

Measure = Literal["money", "volume_l", "weight_kg", "pallets"]
Per = Literal["order", "day", "week", "month", "quarter"]


@dataclass(frozen=True, slots=True)
class OrderLimit:
    """At most ``most`` of ``measure`` (money, volume_l, weight_kg, pallets) ``per`` order, day, week, month or quarter.

    Without supplier and warehouse it is for everything. ``used`` is what the period has used of it: orders that left in
    it, and drafts; for a limit per order it is counted order by order, and 0 here.
    """

    id: UUID
    measure: Measure
    per: Per
    supplier_id: UUID | None
    warehouse_id: UUID | None
    currency: str | None
    most: Decimal
    updated_by: str
    updated_at: datetime
    supplier: str | None
    warehouse: str | None
    used: Decimal

    def covers(self, supplier_id: UUID, warehouse_id: UUID, currency: str) -> bool:
        """Whether an order counts against it."""
        return (
            self.supplier_id in (None, supplier_id)
            and self.warehouse_id in (None, warehouse_id)
            and self.currency in (None, currency)
        )


def rounded(amount: Decimal) -> Decimal:
    """As finely as limits count."""
    return amount.quantize(_STEP)


async def list_order_limits(tx: Tx) -> list[OrderLimit]:
    """Every limit, with what is used of it now."""
    return await tx.all(sql.list_order_limits, OrderLimit)


async def put_order_limit(tx: Tx, *, actor: str, **columns: Any) -> OrderLimit:
    """One limit per measure, period and scope, in place of the one before.

    Raises Invalid(``currency_required`` | ``unknown_supplier`` | ``unknown_warehouse``).
    """
    if (columns["measure"] == "money") != (columns["currency"] is not None):
        raise Invalid.field_error(["currency"], "currency_required", "Money has a currency, and nothing else has one.")
    known = (
        await tx.dicts(sql.knows_places, supplier_id=columns["supplier_id"], warehouse_id=columns["warehouse_id"])
    )[0]
    for name in ("supplier", "warehouse"):
        if not known[name]:
            raise Invalid.field_error([f"{name}_id"], f"unknown_{name}", f"There is no such {name}.")
    limit_id = await tx.value(sql.put_order_limit, actor=actor, **columns)
    limit = next(one for one in await list_order_limits(tx) if one.id == limit_id)
    await tell_change(tx, "replenishment.order_limit_set", "order_limit", limit_id, actor=actor, columns=columns)
    return limit


async def delete_order_limit(tx: Tx, limit_id: UUID, *, actor: str) -> None:
    """Raises NotFound(``order_limit_not_found``)."""
    found = await tx.dicts(sql.delete_order_limit, id=limit_id)
    if not found:
        raise NotFound("order_limit_not_found", "There is no such limit.")
    facts = {name: found[0][name] for name in ("measure", "per", "supplier_id", "warehouse_id", "currency", "most")}
    await tell_change(tx, "replenishment.order_limit_deleted", "order_limit", limit_id, actor=actor, columns=facts)
