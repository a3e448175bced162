"""A SKU as the rest of the program sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Sku:
    id: UUID
    code: str
    name: str
    barcode: str | None
    category: str | None
    unit: str
    price: Decimal | None
    currency: str | None
    tracking: str
    min_remaining_days: int
    attributes: dict[str, Any]
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
    # sold as one, stocked as parts; what they are is asked for separately
    is_bundle: bool


@dataclass(frozen=True, slots=True)
class Component:
    """So many units of a SKU in one bundle."""

    sku_id: UUID
    sku_code: str
    quantity: int
