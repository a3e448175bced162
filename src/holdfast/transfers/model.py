"""Transfers as the rest of the program sees them, and the rules of a transfer's life."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

Status = Literal["draft", "shipped", "partly_received", "received", "closed", "cancelled"]

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
    status: Status
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
class TransferReceipt:
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
    receipts: tuple[TransferReceipt, ...]
    losses: tuple[Loss, ...]


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one delivery brings of one SKU: good units, units kept as unsellable, units that are lost."""

    sku_id: UUID
    quantity: int = 0
    unsellable_quantity: int = 0
    lost_quantity: int = 0
    batch: str | None = None
    serials: tuple[str, ...] = ()
    unsellable_serials: tuple[str, ...] = ()
    lost_serials: tuple[str, ...] = ()

    @property
    def all_serials(self) -> tuple[str, ...]:
        return self.serials + self.unsellable_serials + self.lost_serials

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


def merged(arrivals: Iterable[Arrival], *, by_batch: bool = False) -> list[Arrival]:
    """One arrival per SKU, or per SKU and batch: a delivery may name a SKU twice, and both count together."""
    found: dict[tuple[UUID, str | None], Arrival] = {}
    for arrival in arrivals:
        key = (arrival.sku_id, arrival.batch if by_batch else None)
        before = found.get(key, Arrival(*key[:1], batch=key[1]))
        found[key] = Arrival(
            arrival.sku_id,
            before.quantity + arrival.quantity,
            before.unsellable_quantity + arrival.unsellable_quantity,
            before.lost_quantity + arrival.lost_quantity,
            key[1],
            before.serials + arrival.serials,
            before.unsellable_serials + arrival.unsellable_serials,
            before.lost_serials + arrival.lost_serials,
        )
    return [arrival for arrival in found.values() if arrival.total]


@dataclass(frozen=True, slots=True)
class Picked:
    """Which units of a SKU are shipped: some of a batch, or units with their serial numbers."""

    sku_id: UUID
    quantity: int
    batch: str | None = None
    serials: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Units of one batch, or one unit with a serial number, that are still on their way."""

    sku_id: UUID
    batch: str | None
    serial_number: str | None
    open_quantity: int


def named(arrivals: Sequence[Arrival], parts: Sequence[Part]) -> tuple[list[Arrival], list[dict[str, Any]]]:
    """Arrivals per batch and with their serial numbers, and what is wrong with those that cannot be told.

    What is certain need not be said: one batch is on its way, or everything that is arrived in one condition.
    """
    found: list[Arrival] = []
    wrong: list[dict[str, Any]] = []
    for arrival in merged(arrivals, by_batch=True):
        here = [part for part in parts if part.sku_id == arrival.sku_id and part.open_quantity]
        code = _unnamed(arrival, here)
        if not here or (code is None and (arrival.batch or arrival.all_serials)):
            found.append(arrival)
        elif code is None:
            found += _everything(arrival, here)
        else:
            wrong.append({"sku_id": str(arrival.sku_id), "batch": arrival.batch, "code": code})
    return found, wrong


def _unnamed(arrival: Arrival, here: Sequence[Part]) -> str | None:
    """Why the units of an arrival cannot be told apart, if they cannot."""
    one_condition = arrival.total in (arrival.quantity, arrival.unsellable_quantity, arrival.lost_quantity)
    everything = one_condition and arrival.total == sum(part.open_quantity for part in here)
    units = {part.serial_number for part in here}
    if None not in units:
        kinds = (
            (arrival.quantity, arrival.serials),
            (arrival.unsellable_quantity, arrival.unsellable_serials),
            (arrival.lost_quantity, arrival.lost_serials),
        )
        if not arrival.all_serials:
            return None if everything else "serials_required"
        if any(quantity != len(serials) for quantity, serials in kinds):
            return "serials_mismatch"
        strange = not units.issuperset(arrival.all_serials) or len(set(arrival.all_serials)) < arrival.total
        return "not_on_transfer" if strange else None
    if arrival.batch is None:
        return None if everything or len(here) == 1 else "batch_required"
    left = sum(part.open_quantity for part in here if part.batch == arrival.batch)
    return None if arrival.total <= left else "over_receipt" if left else "not_on_transfer"


def _everything(arrival: Arrival, here: Sequence[Part]) -> list[Arrival]:
    if here[0].serial_number is not None:
        units = tuple(part.serial_number for part in here if part.serial_number is not None)
        kind = (
            "serials" if arrival.quantity else "unsellable_serials" if arrival.unsellable_quantity else "lost_serials"
        )
        return [replace(arrival, **{kind: units})]
    if len(here) == 1:
        return [replace(arrival, batch=here[0].batch)]
    kind = "quantity" if arrival.quantity else "unsellable_quantity" if arrival.unsellable_quantity else "lost_quantity"
    return [replace(Arrival(arrival.sku_id, batch=part.batch), **{kind: part.open_quantity}) for part in here]


def too_much(lines: Sequence[TransferLine], arrivals: Iterable[Arrival]) -> list[dict[str, Any]]:
    """The SKUs of which more arrived than is still on its way."""
    by_sku = {line.sku_id: line for line in lines}
    return [
        {"sku_id": str(a.sku_id), "line_no": line.line_no, "requested": a.total, "open": line.open_quantity}
        for a in arrivals
        if (line := by_sku[a.sku_id]).open_quantity < a.total
    ]


def same_delivery(known: TransferReceipt, arrivals: Sequence[Arrival]) -> bool:
    """Whether a delivery note says again what it said before."""
    said = sorted(({k: v for k, v in x.items() if k != "units"} for x in known.lines), key=lambda line: line["sku_id"])
    return said == sorted((a.as_line() for a in arrivals), key=lambda line: line["sku_id"])
