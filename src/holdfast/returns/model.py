"""Returns as the rest of the program sees them, and what may come back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

# What the inspection found. ``refund_only``: the customer keeps the goods, so stock is not touched.
Outcome = Literal["restock", "unsellable", "scrap", "refund_only"]


@dataclass(frozen=True, slots=True)
class ReturnedLine:
    """What came back of one SKU, in base units. ``order_line`` is the shop's own id of the line."""

    sku_id: UUID
    quantity: int
    outcome: Outcome
    order_line: str | None = None
    batch: str | None = None
    serials: tuple[str, ...] | None = None

    @property
    def is_back(self) -> bool:
        return self.outcome != "refund_only"


@dataclass(frozen=True, slots=True)
class Return:
    id: UUID
    number: str
    reference_type: str
    reference_id: str
    warehouse_id: UUID
    warehouse_code: str
    return_reference: str | None
    reason: str
    is_unmatched: bool
    created_by: str
    created_at: datetime
    back_total: int


@dataclass(frozen=True, slots=True)
class ReturnLine:
    return_id: UUID
    line_no: int
    sku_id: UUID
    sku_code: str
    sku_name: str
    order_line: str | None
    quantity: int
    outcome: str
    batch: str | None
    serials: list[str] | None


@dataclass(frozen=True, slots=True)
class ReturnDetail:
    head: Return
    lines: tuple[ReturnLine, ...]


@dataclass(frozen=True, slots=True)
class Returnable:
    """Of one SKU of one order: what left for the customer, what came back, at which mean cost it left."""

    sku_id: UUID
    sku_code: str
    consumed_quantity: int
    returned_quantity: int
    unit_cost: Decimal | None

    @property
    def returnable_quantity(self) -> int:
        return max(0, self.consumed_quantity - self.returned_quantity)


def back_by_sku(lines: Iterable[ReturnedLine]) -> dict[UUID, int]:
    """How many units of each SKU came back; a refund alone brings none."""
    found: dict[UUID, int] = {}
    for line in lines:
        if line.is_back:
            found[line.sku_id] = found.get(line.sku_id, 0) + line.quantity
    return found


def beyond_consumed(lines: Iterable[ReturnedLine], sold: Sequence[Returnable]) -> list[dict[str, Any]]:
    """The SKUs of which more would be back than ever left for this order."""
    by_sku = {found.sku_id: found for found in sold}
    errors: list[dict[str, Any]] = []
    for sku_id, quantity in back_by_sku(lines).items():
        found = by_sku.get(sku_id)
        if found is None or quantity > found.returnable_quantity:
            consumed, returned = (found.consumed_quantity, found.returned_quantity) if found else (0, 0)
            errors.append({"sku_id": str(sku_id), "requested": quantity, "consumed": consumed, "returned": returned})
    return errors


@dataclass(frozen=True, slots=True)
class SoldUnits:
    """Units of one batch of a SKU that an order still has, or its units with serial numbers."""

    sku_id: UUID
    batch: str | None
    quantity: int
    serials: list[str]


def with_known_batch(lines: Sequence[ReturnedLine], sold: Sequence[SoldUnits]) -> list[ReturnedLine]:
    """What is certain need not be said: the order got the SKU from one batch only."""
    named: list[ReturnedLine] = []
    for line in lines:
        here = [s.batch for s in sold if s.sku_id == line.sku_id and s.batch is not None]
        is_certain = line.batch is None and line.serials is None and line.is_back and len(here) == 1
        named.append(replace(line, batch=here[0]) if is_certain else line)
    return named


def beyond_sold_units(lines: Iterable[ReturnedLine], sold: Sequence[SoldUnits]) -> list[dict[str, Any]]:
    """Batches of which more would be back than the order still has, and units it never got."""
    back: dict[tuple[UUID, str], int] = {}
    errors: list[dict[str, Any]] = []
    for line in lines:
        if line.is_back and line.batch is not None and line.serials is None:
            back[line.sku_id, line.batch] = back.get((line.sku_id, line.batch), 0) + line.quantity
        out = {number for s in sold if s.sku_id == line.sku_id for number in s.serials}
        strange = [number for number in line.serials or () if number not in out]
        if strange and line.is_back:
            errors.append({"sku_id": str(line.sku_id), "serials": strange[:20]})
    for (sku_id, batch), quantity in back.items():
        left = sum(s.quantity for s in sold if (s.sku_id, s.batch) == (sku_id, batch))
        if quantity > left:
            errors.append({"sku_id": str(sku_id), "batch": batch, "requested": quantity, "consumed": left})
    return errors


def says_the_same(lines: Iterable[ReturnedLine], before: Iterable[ReturnLine]) -> bool:
    """Whether a return repeats an earlier one, line by line."""
    now = sorted((str(x.sku_id), x.order_line or "", x.quantity, x.outcome) for x in lines)
    return now == sorted((str(x.sku_id), x.order_line or "", x.quantity, x.outcome) for x in before)
