"""Batches and units as the rest of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field

State = Literal["usable", "quarantined", "recalled"]

# What may follow what: a recall is not weakened to a quarantine, it is released.
FOLLOWS: Final[dict[str, frozenset[str]]] = {
    "quarantined": frozenset({"usable", "quarantined"}),
    "recalled": frozenset({"usable", "quarantined", "recalled"}),
    "usable": frozenset({"usable", "quarantined", "recalled"}),
}


@dataclass(frozen=True, slots=True)
class Batch:
    """A lot, wherever it lies. ``stranded_quantity`` is past its use but still promised."""

    id: UUID
    sku_id: UUID
    sku_code: str
    number: str
    production_date: date | None
    expiry_date: date | None
    supplier_id: UUID | None
    state: State
    state_reason: str
    created_by: str
    created_at: datetime
    changed_at: datetime
    version: int
    sellable_quantity: int
    unsellable_quantity: int
    stranded_quantity: int


@dataclass(frozen=True, slots=True)
class Balance:
    """What of a batch is in one warehouse. ``usable_until`` is None when it never ends, and past when it ended."""

    batch_id: Annotated[UUID, Field(exclude=True)]
    warehouse_id: UUID
    warehouse_code: str
    sellable_quantity: int
    unsellable_quantity: int
    stranded_quantity: Annotated[int, Field(description="past their use, but still promised")]
    is_usable: bool
    usable_until: Annotated[datetime | None, Field(description="null: no end, or never (quarantined, recalled)")]
    states: Annotated[dict[str, int], Field(description="why the unsellable ones are not sold")]


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit. It is in stock while it has a warehouse; ``reservation_id`` is the hold that names it."""

    sku_id: UUID
    sku_code: str
    serial_number: str
    state: str
    warehouse_id: UUID | None
    batch_id: UUID | None
    batch_number: str | None
    reservation_id: UUID | None
    received_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class UnitStep:
    """One ledger entry a unit was part of."""

    movement_id: UUID
    warehouse_id: UUID
    movement_type: str
    bucket: str
    state: str | None
    reference_type: str
    reference_id: str | None
    reason: str
    actor: str
    is_in: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Trace:
    """``customers``: references that got units, ``quantity`` net of what came back. ``sources``: what brought them in.
    ``holds``: open holds of the SKU that usable units can no longer serve, by ``short_quantity`` each."""

    customers: list[dict[str, Any]]
    sources: list[dict[str, Any]]
    transfers: list[dict[str, Any]]
    holds: list[dict[str, Any]]
