"""Suppliers and purchase orders as the rest of the program sees them, and the rules of an order's life."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field

from holdfast.stock.model import BatchNamed

Status = Literal["draft", "approved", "sent", "confirmed", "partly_received", "received", "closed", "cancelled"]

ExceptionKind = Literal["late", "short", "refused", "over_delivered", "not_delivered"]

# What may follow what. Cancelling and closing lower what is in transit; only a receipt posts stock.
FOLLOWS: Final[dict[str, frozenset[str]]] = {
    "approve": frozenset({"draft"}),
    "send": frozenset({"draft", "approved"}),
    "confirm": frozenset({"sent", "confirmed", "partly_received"}),
    "announce": frozenset({"sent", "confirmed", "partly_received"}),
    "receive": frozenset({"sent", "confirmed", "partly_received"}),
    "cancel": frozenset({"draft", "approved", "sent", "confirmed"}),
    "close": frozenset({"sent", "confirmed", "partly_received", "received"}),
}
OUT: Final = frozenset({"sent", "confirmed", "partly_received"})


@dataclass(frozen=True, slots=True)
class Supplier:
    """Lead times in days; ``over_receipt_share`` is how much more than ordered we accept (0.05 = five percent).

    Orders are taken on ``order_weekdays`` (ISO, 1 is Monday; None: every day) except on ``closed_days``, which are
    ``{first_day, last_day}``. The truck's room is in litres and kilograms.
    """

    id: UUID
    code: str
    name: str
    email: str | None
    contact_name: str | None
    phone: str | None
    language: str
    currency: str
    lead_time_days: Decimal
    lead_time_sd_days: Decimal
    minimum_order_value: Decimal | None
    over_receipt_share: Decimal
    order_weekdays: list[int] | None
    closed_days: list[dict[str, str]]
    truck_volume_l: Decimal | None
    truck_weight_kg: Decimal | None
    order_channel: str
    api_url: str | None
    api_is_idempotent: bool
    has_api_secret: bool
    is_active: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class SupplierItem:
    """What a supplier asks for one SKU: cost per base unit, quantities in base units, room per pack.

    ``currency`` None is the supplier's. From ``break_quantities[n]`` units on, every unit costs ``break_costs[n]``.
    """

    supplier_id: UUID
    sku_id: UUID
    sku_code: str
    supplier_code: str | None
    unit_cost: Decimal
    currency: str | None
    break_quantities: list[int]
    break_costs: list[Decimal]
    moq: int
    order_multiple: int
    max_order_quantity: int | None
    pack_size: int
    pack_volume_l: Decimal | None
    pack_weight_kg: Decimal | None
    valid_from: date | None
    valid_to: date | None
    lead_time_days: Decimal | None
    lead_time_sd_days: Decimal | None
    is_preferred: bool
    updated_at: datetime

    @property
    def price_breaks(self) -> list[dict[str, Any]]:
        pairs = zip(self.break_quantities, self.break_costs, strict=True)
        return [{"min_quantity": quantity, "unit_cost": cost} for quantity, cost in pairs]


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One line to order. Without ``unit_cost`` the supplier's price for the SKU is taken."""

    sku_id: UUID
    quantity: int
    unit_cost: Decimal | None = None
    suggestion_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """``order_day``: the next day on which its supplier takes orders; once it is sent, the day it was planned for."""

    id: UUID
    number: str
    supplier_id: UUID
    supplier_code: str
    supplier_name: str
    warehouse_id: UUID
    warehouse_code: str
    status: Status
    currency: str
    expected_at: date | None
    order_day: date | None
    note: str
    collects_suggestions: Annotated[bool, Field(exclude=True)]
    created_by: str
    created_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    sent_at: datetime | None
    confirmed_at: datetime | None
    resolved_at: datetime | None
    version: int
    lines_total: int
    ordered_total: int
    received_total: int
    open_total: int
    cost_total: Decimal


@dataclass(frozen=True, slots=True)
class OrderLine:
    """Quantities in base units; ``open_quantity`` is still to come and counted in the level's in_transit.

    ``schedule`` is what is open by promised day, see ``promised.py``; ``promised_at`` is the day promised first.
    """

    line_no: int
    sku_id: UUID
    sku_code: str
    sku_name: str
    supplier_code: str | None
    ordered_quantity: int
    received_quantity: int
    open_quantity: int
    confirmed_quantity: int | None
    refused_quantity: int
    refusal: str | None
    expected_at: date | None
    promised_at: date | None
    schedule: list[dict[str, Any]] | None
    exceptions: list[str]
    unit_cost: Decimal
    suggestion_id: UUID | None
    tracking: str
    moq: int
    order_multiple: int
    max_order_quantity: int | None
    unit_volume_l: Decimal | None
    unit_weight_kg: Decimal | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """One delivery. ``lines`` are ``{line_no, sku_id, quantity}``."""

    id: UUID
    reference: str | None
    lines: list[dict[str, Any]]
    actor: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Statement:
    """What the supplier said, over its page or passed on by one of us. ``said`` has the words of its kind."""

    id: UUID
    kind: Literal["confirmed", "message", "shipped"]
    source: Literal["link", "api"]
    said: dict[str, Any]
    actor: str
    said_at: datetime


@dataclass(frozen=True, slots=True)
class OrderException:
    """Something about an order that is not as it should be; ``line_no`` None is the order as a whole."""

    id: UUID
    purchase_order_id: UUID
    number: str
    supplier_id: UUID
    supplier_name: str
    line_no: int | None
    sku_id: UUID | None
    sku_code: str | None
    kind: ExceptionKind
    quantity: int
    due: date | None
    opened_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: Annotated[str | None, Field(description="`rule`: its cause was over")]


@dataclass(frozen=True, slots=True)
class OrderDetail:
    order: PurchaseOrder
    lines: tuple[OrderLine, ...]
    receipts: tuple[Receipt, ...]
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class LineWord:
    """What a supplier says of one line: so many, on this day. Several of one line are several deliveries.

    ``is_rest_open``: what is not named stays to come on the day it had. Otherwise it will not come, and ``reason``
    says why.
    """

    line_no: int
    quantity: int
    expected_at: date | None = None
    is_rest_open: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one receipt brings for one SKU, or for one line of it when ``line_no`` is given."""

    sku_id: UUID
    quantity: int
    line_no: int | None = None
    unit_cost: Decimal | None = None
    batch: BatchNamed | None = None
    serials: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """Units of one batch, or with their serial numbers, on one line; ``batch`` and ``serials`` as they were named."""

    quantity: int
    batch: BatchNamed | None
    serials: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class LineReceipt:
    """The part of a delivery that falls on one line; ``closes`` of it was counted in transit."""

    line: OrderLine
    quantity: int
    closes: int
    unit_cost: Decimal
    pieces: tuple[Piece, ...]


def accepted(line: OrderLine, over_receipt_share: Decimal) -> int:
    """How many units may still arrive on a line, tolerance included."""
    most = (line.ordered_quantity * (1 + over_receipt_share)).to_integral_value(ROUND_FLOOR)
    return max(0, int(most) - line.received_quantity)


def spread(lines: Sequence[OrderLine], arrivals: Iterable[Arrival]) -> tuple[list[LineReceipt], list[Arrival]]:
    """Put what arrived on the lines it was ordered with; answers also what belongs to no line.

    Several lines of one SKU are filled in their order; what is too much falls on the last of them.
    """
    taken: dict[int, int] = {}
    costs: dict[int, Decimal] = {}
    pieces: dict[int, list[Piece]] = {}
    strange: list[Arrival] = []
    for arrival in arrivals:
        fitting = [line for line in lines if line.sku_id == arrival.sku_id and arrival.line_no in (None, line.line_no)]
        if not fitting:
            strange.append(arrival)
            continue
        left, named = arrival.quantity, arrival.serials
        for line in fitting:
            here = left if line is fitting[-1] else min(left, max(0, line.open_quantity - taken.get(line.line_no, 0)))
            if here:
                taken[line.line_no] = taken.get(line.line_no, 0) + here
                left -= here
                # Too many or too few numbers stay together, so that the posting says so.
                mine, named = (named, None) if named is None or not left else (named[:here], named[here:])
                pieces.setdefault(line.line_no, []).append(Piece(here, arrival.batch, mine))
                if arrival.unit_cost is not None:
                    costs[line.line_no] = arrival.unit_cost
    return [
        LineReceipt(
            line,
            taken[line.line_no],
            min(taken[line.line_no], line.open_quantity),
            costs.get(line.line_no, line.unit_cost),
            tuple(pieces[line.line_no]),
        )
        for line in lines
        if line.line_no in taken
    ], strange


def receipt_lines(parts: Sequence[LineReceipt]) -> list[dict[str, Any]]:
    """A delivery as it is remembered: per line how many, and of which batches or with which serial numbers."""
    lines: list[dict[str, Any]] = []
    for part in parts:
        line: dict[str, Any] = {
            "line_no": part.line.line_no,
            "sku_id": str(part.line.sku_id),
            "quantity": part.quantity,
        }
        batches = [{"number": x.batch.number, "quantity": x.quantity} for x in part.pieces if x.batch is not None]
        serials = [number for x in part.pieces for number in x.serials or ()]
        lines.append(line | ({"batches": batches} if batches else {}) | ({"serials": serials} if serials else {}))
    return lines


def beyond_tolerance(parts: Iterable[LineReceipt], over_receipt_share: Decimal) -> list[dict[str, Any]]:
    """The lines on which more arrived than we accept."""
    return [
        {
            "line_no": part.line.line_no,
            "sku_id": str(part.line.sku_id),
            "ordered": part.line.ordered_quantity,
            "received": part.line.received_quantity,
            "requested": part.quantity,
            "acceptable": accepted(part.line, over_receipt_share),
        }
        for part in parts
        if part.quantity > accepted(part.line, over_receipt_share)
    ]


def broken_terms(detail: OrderDetail, next_order_day: date | None, today: date) -> list[dict[str, Any]]:
    """Which of the supplier's terms an order does not meet: quantities of its lines, and the day."""
    found = [broken for line in detail.lines if (broken := _broken_line(line)) is not None]
    if next_order_day != today:
        day = None if next_order_day is None else next_order_day.isoformat()
        found.append({"code": "no_order_day", "next_order_day": day})
    return found


def broken_totals(detail: OrderDetail, supplier: Supplier) -> list[dict[str, Any]]:
    """Where an order as a whole is outside what its supplier takes: its value, and the truck."""
    found: list[dict[str, Any]] = []
    if supplier.minimum_order_value is not None and detail.order.cost_total < supplier.minimum_order_value:
        found.append(
            {
                "code": "below_minimum_order_value",
                "minimum_order_value": str(supplier.minimum_order_value),
                "order_value": str(detail.order.cost_total.quantize(Decimal("0.01"))),
            }
        )
    volume = sum((line.ordered_quantity * (line.unit_volume_l or Decimal(0)) for line in detail.lines), Decimal(0))
    if supplier.truck_volume_l is not None and volume > supplier.truck_volume_l:
        facts = {"truck_volume_l": str(supplier.truck_volume_l), "order_volume_l": str(round(volume, 3))}
        found.append({"code": "over_truck_volume", **facts})
    weight = sum((line.ordered_quantity * (line.unit_weight_kg or Decimal(0)) for line in detail.lines), Decimal(0))
    if supplier.truck_weight_kg is not None and weight > supplier.truck_weight_kg:
        facts = {"truck_weight_kg": str(supplier.truck_weight_kg), "order_weight_kg": str(round(weight, 3))}
        found.append({"code": "over_truck_weight", **facts})
    return found


def _broken_line(line: OrderLine) -> dict[str, Any] | None:
    facts = {"line_no": line.line_no, "sku_id": str(line.sku_id), "ordered": line.ordered_quantity}
    if line.ordered_quantity < line.moq:
        return {**facts, "code": "below_moq", "moq": line.moq}
    if line.max_order_quantity is not None and line.ordered_quantity > line.max_order_quantity:
        return {**facts, "code": "above_max_order_quantity", "max_order_quantity": line.max_order_quantity}
    if line.ordered_quantity % line.order_multiple:
        return {**facts, "code": "not_a_multiple", "order_multiple": line.order_multiple}
    return None
