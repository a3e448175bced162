"""Stock counts as the rest of the program sees them, and when a counted line may be booked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field

Bucket = Literal["sellable", "unsellable"]
Status = Literal["open", "closed", "cancelled"]
LineStatus = Literal["pending", "counted", "refused", "approved"]

REFUSED: Final[dict[str, tuple[str, str]]] = {
    "open": ("count_open", "The count is still open."),
    "closed": ("count_closed", "The count is closed; open another."),
    "cancelled": ("count_cancelled", "The count is cancelled; open another."),
}


@dataclass(frozen=True, slots=True)
class StockCount:
    """``accuracy``: share of counted lines that were exact; ``unit_accuracy``: 1 − absolute variance ÷ recorded.

    Both are null before anything was counted. ``variance_value`` is at the moving-average cost.
    """

    id: UUID
    number: str
    warehouse_id: UUID
    warehouse_code: str
    category: str | None
    note: str
    status: Status
    created_by: str
    created_at: datetime
    resolved_at: datetime | None
    version: int
    lines_total: int
    lines_pending: int
    lines_counted: int
    lines_refused: int
    lines_approved: int
    lines_exact: int
    units_counted: int
    units_recorded: int
    variance_net: int
    variance_absolute: int
    variance_value: Decimal
    accuracy: Decimal | None
    unit_accuracy: Decimal | None


@dataclass(frozen=True, slots=True)
class CountLine:
    """``variance`` is counted − what the books had at the moment of counting."""

    sku_id: UUID
    sku_code: str
    sku_name: str
    bucket: Bucket
    is_listed: bool
    status: LineStatus
    count_no: int
    counted_quantity: int | None
    recorded_quantity: int | None
    late_quantity: int
    variance: int | None
    posted_quantity: int
    counted_at: datetime | None
    counted_by: str | None
    refusal: dict[str, Any] | None
    approved_at: datetime | None
    approved_by: str | None
    found: Annotated[dict[str, Any] | None, Field(description="the batches or serials that were named")]


@dataclass(frozen=True, slots=True)
class CountEntry:
    """One counting of one SKU, kept for ever."""

    id: UUID
    sku_id: UUID
    bucket: Bucket
    count_no: int
    counted_quantity: int
    recorded_quantity: int
    shelf: str | None
    counted_at: datetime
    counted_by: str
    created_at: datetime
    found: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class CountedBatch:
    """So many units of a batch were found; the expiry date is for a batch nobody has named before."""

    number: str
    quantity: int
    expiry_date: date | None = None

    def facts(self) -> dict[str, Any]:
        expires = None if self.expiry_date is None else self.expiry_date.isoformat()
        return {"number": self.number, "quantity": self.quantity, "expiry_date": expires}


@dataclass(frozen=True, slots=True)
class Counted:
    """What somebody counted. ``recount_of`` is the ``count_no`` it replaces; without it, this is the first counting.

    ``counted_at`` is None for "just now"; ``shelf`` is a note for whoever looks for the units. ``batches`` or
    ``serials`` say which units of a tracked SKU were found; what they do not name was not there.
    """

    sku_id: UUID
    quantity: int
    bucket: Bucket = "sellable"
    counted_at: datetime | None = None
    recount_of: int = 0
    shelf: str | None = None
    batches: tuple[CountedBatch, ...] | None = None
    serials: tuple[str, ...] | None = None

    def found(self) -> dict[str, Any] | None:
        """What is kept of the units that were named."""
        if self.batches is not None:
            return {"batches": [batch.facts() for batch in self.batches]}
        return None if self.serials is None else {"serials": list(self.serials)}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A line to approve, as the approver saw it."""

    sku_id: UUID
    bucket: Bucket = "sellable"
    count_no: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A waiting line under the lock of its level."""

    sku_id: UUID
    sku_code: str
    bucket: Bucket
    count_no: int
    counted_quantity: int
    recorded_quantity: int
    late_quantity: int
    is_adjusted: bool
    available_quantity: int
    reserved_quantity: int

    @property
    def variance(self) -> int:
        return self.counted_quantity - self.recorded_quantity - self.late_quantity

    def facts(self) -> dict[str, Any]:
        return {
            "sku_id": str(self.sku_id),
            "sku_code": self.sku_code,
            "bucket": self.bucket,
            "count_no": self.count_no,
            "counted": self.counted_quantity,
            "recorded": self.recorded_quantity + self.late_quantity,
            "variance": self.variance,
        }

    def refused(self, code: str) -> dict[str, Any]:
        """The facts of a line that cannot be booked now, with the stable code."""
        return {"code": code, **self.facts(), "available": self.available_quantity, "reserved": self.reserved_quantity}


@dataclass(frozen=True, slots=True)
class UnitVariance:
    """``quantity``: counted less recorded at the moment of counting, of one batch or of one unit (1 or -1)."""

    sku_id: Annotated[UUID, Field(exclude=True)]
    batch: str | None
    serial_number: str | None
    expiry_date: Annotated[date | None, Field(exclude=True)]
    quantity: int


@dataclass(frozen=True, slots=True)
class Approval:
    """``waiting``: counted lines that were not decided in this call; call again."""

    approved: tuple[dict[str, Any], ...]
    refused: tuple[dict[str, Any], ...]
    waiting: int


def already_counted(asked: Sequence[Counted], lines: Sequence[CountLine], actor: str) -> list[dict[str, Any]]:
    """The entries that meet a counting they do not know of, except exact repeats by the same person."""
    by_key = {(line.sku_id, line.bucket): line for line in lines}
    return [
        {
            "sku_id": str(entry.sku_id),
            "bucket": entry.bucket,
            "count_no": line.count_no,
            "counted": line.counted_quantity,
            "counted_by": line.counted_by,
        }
        for entry in asked
        if (line := by_key[entry.sku_id, entry.bucket]).count_no != entry.recount_of
        and not is_repeat(entry, line, actor)
    ]


def is_repeat(entry: Counted, line: CountLine, actor: str) -> bool:
    """Whether this is the counting the line already has."""
    return (
        line.count_no == entry.recount_of + 1
        and line.counted_quantity == entry.quantity
        and line.counted_by == actor
        and entry.counted_at in (None, line.counted_at)
        and line.found == entry.found()
    )


def unit_fault(entry: Counted, tracking: str | None) -> tuple[str, str, str] | None:
    """Why the units an entry names do not fit, as field, stable code and sentence."""
    names = [batch.number for batch in entry.batches or ()] or list(entry.serials or ())
    units = len(names) if entry.batches is None else sum(batch.quantity for batch in entry.batches)
    field = "serials" if entry.batches is None else "batches"
    if entry.found() is None:
        return None
    if tracking != ("serial" if field == "serials" else "batch") or (entry.batches and entry.serials):
        return (field, "not_tracked", "The SKU is not tracked that way.")
    if entry.bucket != "sellable":
        return (field, "not_sellable", "Units are named on the sellable shelf; others change by their state.")
    if len(set(names)) < len(names):
        return (field, "named_twice", "Each batch and each unit is named once.")
    if units != entry.quantity:
        return (field, "units_mismatch", "The units named do not add up to the quantity.")
    return None
