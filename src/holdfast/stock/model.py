"""Rows of the stock feature as the rest of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Level:
    """One SKU in one warehouse. Quantities are whole base units."""

    sku_code: str
    warehouse_code: str
    sku_name: str
    category: str | None
    sku_id: UUID
    warehouse_id: UUID
    available_quantity: int
    reserved_quantity: int
    on_hand_quantity: int
    in_transit_quantity: int
    unavailable_quantity: int
    backordered_quantity: int
    pooled_quantity: int
    safety_stock: int | None
    reorder_point: int | None
    max_stock: int | None
    cost_price: Decimal | None
    version: int
    last_updated: datetime
    status: str


@dataclass(frozen=True, slots=True)
class PastLevel:
    sku_code: str
    warehouse_code: str
    sku_id: UUID
    warehouse_id: UUID
    on_hand_quantity: int
    unavailable_quantity: int
    cost_after: Decimal | None
    created_at: datetime | None
    states: dict[str, int]


@dataclass(frozen=True, slots=True)
class ActiveLine:
    sku_id: UUID
    warehouse_id: UUID
    reservation_id: UUID
    quantity: int
    reference_type: str
    reference_id: str
    reserved_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reservation:
    id: UUID
    created_at: datetime
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BatchNamed:
    """A batch as whoever handles its units knows it; dates are ISO. The first to name it makes it."""

    number: str
    expiry_date: str | None = None
    production_date: str | None = None
    supplier_id: str | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """One ledger entry; ``balance_after`` is on-hand of the level after it, ``cost_after`` its moving average.

    ``undoes`` names the entry this one takes back, ``undone_by`` the entry that took this one back.
    """

    id: UUID
    seq: int
    sku_id: UUID
    warehouse_id: UUID
    movement_type: str
    quantity: int
    bucket: str
    balance_after: int
    reference_type: str
    reference_id: str | None
    reason: str
    actor: str
    unit_cost: Decimal | None
    cost_after: Decimal | None
    occurred_at: datetime
    created_at: datetime
    undoes: UUID | None
    undone_by: UUID | None
    batch_id: UUID | None
    state: str | None
    cost_currency: str | None
    cost_paid: Decimal | None
    exchange_rate: Decimal | None
