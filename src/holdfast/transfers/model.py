"""Transfers as the rest of the program sees them, and the rules of a transfer's life."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

# What may follow what. Goods that are out are received or written off; only a draft is taken back.
FOLLOWS: Final[dict[str, frozenset[str]]] = {
    "change": frozenset({"draft"}),
    "ship": frozenset({"draft"}),
    "receive": frozenset({"shipped", "partly_received"}),
    "close": frozenset({"shipped", "partly_received"}),
    "cancel": frozenset({"draft"}),
}

REFUSED: Final[dict[str, tuple[str, str]]] = {
    "draft": ("transfer_not_shipped", "The transfer is still a draft; ship it first."),
    "shipped": ("transfer_already_shipped", "The transfer was already shipped."),
    "partly_received": ("transfer_already_shipped", "The transfer was shipped and has arrived in part."),
    "received": ("transfer_received", "The transfer has arrived in full."),
    "closed": ("transfer_closed", "The transfer is closed."),
    "cancelled": ("transfer_cancelled", "The transfer is cancelled."),
}


@dataclass(frozen=True, slots=True)
class Transfer:
    """Totals in base units; ``open_total`` is still on its way."""

    id: UUID
    number: str
    from_warehouse_id: UUID
    from_warehouse_code: str
    to_warehouse_id: UUID
    to_warehouse_code: str
    status: str
    expected_at: date | None
    note: str
    created_by: str
    created_at: datetime
    shipped_at: datetime | None
    resolved_at: datetime | None
    version: int
    lines_total: int
    quantity_total: int
    open_total: int
    received_total: int
    unsellable_total: int
    lost_total: int


@dataclass(frozen=True, slots=True)
class TransferLine:
    """After shipping, ``quantity`` = open + received + unsellable + lost."""

    line_no: int
    sku_id: UUID
    sku_code: str
    sku_name: str
    quantity: int
    open_quantity: int
    received_quantity: int
    unsellable_quantity: int
    lost_quantity: int
    unit_cost: Decimal | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One receipt. ``lines`` are ``{sku_id, quantity, unsellable_quantity, lost_quantity}``."""

    id: UUID
    reference: str | None
    lines: list[dict[str, Any]]
    actor: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Loss:
    """Units that left the source and reached no shelf."""

    id: UUID
    line_no: int
    sku_id: UUID
    quantity: int
    unit_cost: Decimal | None
    reason: str
    actor: str
    lost_at: datetime


@dataclass(frozen=True, slots=True)
class TransferDetail:
    transfer: Transfer
    lines: tuple[TransferLine, ...]
    receipts: tuple[Delivery, ...]
    losses: tuple[Loss, ...]


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one delivery brings of one SKU: good units, units kept as unsellable, units that are lost."""

    sku_id: UUID
    quantity: int = 0
    unsellable_quantity: int = 0
    lost_quantity: int = 0

    @property
    def total(self) -> int:
        return self.quantity + self.unsellable_quantity + self.lost_quantity

    def as_line(self) -> dict[str, Any]:
        return {
            "sku_id": str(self.sku_id),
            "quantity": self.quantity,
            "unsellable_quantity": self.unsellable_quantity,
            "lost_quantity": self.lost_quantity,
        }


def merged(arrivals: Iterable[Arrival]) -> list[Arrival]:
    """One arrival per SKU: a delivery may name a SKU twice, and both count together."""
    found: dict[UUID, Arrival] = {}
    for arrival in arrivals:
        before = found.get(arrival.sku_id, Arrival(arrival.sku_id))
        found[arrival.sku_id] = Arrival(
            arrival.sku_id,
            before.quantity + arrival.quantity,
            before.unsellable_quantity + arrival.unsellable_quantity,
            before.lost_quantity + arrival.lost_quantity,
        )
    return [arrival for arrival in found.values() if arrival.total]


def too_much(lines: Sequence[TransferLine], arrivals: Iterable[Arrival]) -> list[dict[str, Any]]:
    """The SKUs of which more arrived than is still on its way."""
    by_sku = {line.sku_id: line for line in lines}
    return [
        {"sku_id": str(a.sku_id), "line_no": line.line_no, "requested": a.total, "open": line.open_quantity}
        for a in arrivals
        if (line := by_sku[a.sku_id]).open_quantity < a.total
    ]


def same_delivery(known: Delivery, arrivals: Sequence[Arrival]) -> bool:
    """Whether a delivery note says again what it said before."""
    said = sorted((line for line in known.lines), key=lambda line: line["sku_id"])
    return said == sorted((a.as_line() for a in arrivals), key=lambda line: line["sku_id"])
