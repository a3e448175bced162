"""What the stock routes accept and answer."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from holdfast.kernel.errors import Invalid
from holdfast.stock.asks import ForeignCost
from holdfast.stock.model import BatchNamed
from holdfast.web.fields import Count, Expected, Quantity, Reason

# Costs have twelve digits before the point.
COST_BOUND: Final = 10**12
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _of_our_time(moment: datetime) -> datetime:
    """What is earlier is a clock that was never set; and Python cannot read every instant that PostgreSQL keeps."""
    if moment < EARLIEST:
        raise ValueError(f"is before {EARLIEST:%Y-%m-%d}")
    return moment


Cost = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Bucket = Literal["sellable", "unsellable"]
BoughtAt = Annotated[AwareDatetime, AfterValidator(_of_our_time)]
PackName = Annotated[Text, Field(description="quantity counts packs of this name; stock keeps base units")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Rate = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=9)]
Serials = Annotated[list[Text], Field(min_length=1, max_length=100_000, description="one serial number per unit")]
BatchNumber = Annotated[Text, Field(description="the number of a batch")]
SetAside = Literal["damaged", "quality_hold"]


class BatchIn(BaseModel):
    """The batch of units that come in. The first to name a number makes the batch; dates nobody knew are filled in."""

    model_config = ConfigDict(extra="forbid")
    number: Text
    expiry_date: date | None = None
    production_date: date | None = None
    supplier_id: UUID | None = None

    @model_validator(mode="after")
    def _in_order(self) -> BatchIn:
        if self.expiry_date and self.production_date and self.production_date > self.expiry_date:
            raise ValueError("produced after it expired")
        return self

    def named(self) -> BatchNamed:
        return BatchNamed(
            number=self.number,
            expiry_date=None if self.expiry_date is None else self.expiry_date.isoformat(),
            production_date=None if self.production_date is None else self.production_date.isoformat(),
            supplier_id=None if self.supplier_id is None else str(self.supplier_id),
        )


class HoldInfo(BaseModel):
    reservation_id: UUID
    quantity: int
    reference_type: str
    reference_id: str
    expires_at: datetime | None


class InventoryInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    sku_id: UUID
    sku_code: str
    warehouse_id: UUID
    warehouse_code: str
    available_quantity: int
    on_hand_quantity: int
    in_transit_quantity: int
    unavailable_quantity: int
    backordered_quantity: Annotated[int, Field(description="promised beyond what is there")]
    pooled_quantity: Annotated[int, Field(description="kept for single channels, of what is or will be available")]
    safety_stock: int | None
    reorder_point: int | None
    max_stock: int | None
    status: Literal["ok", "low", "out", "over"]
    version: int
    last_updated: datetime


class InventoryWithHolds(InventoryInfo):
    reserved_quantity: int
    reservations: list[HoldInfo]


class StatementLine(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    movement_type: str
    quantity: int
    bucket: str
    state: str | None
    balance_before: int
    balance_after: int
    unsellable_after: int
    cost_after: Decimal | None
    unit_cost: Decimal | None
    reference_type: str
    reference_id: str | None
    reason: str
    actor: str
    occurred_at: datetime
    created_at: datetime
    undoes: UUID | None


class LevelStatement(BaseModel):
    """Entries newest first. ``opening_quantity`` is what was there before the oldest of this page."""

    opening_quantity: int
    closing_quantity: int
    entries: list[StatementLine]
    next_cursor: str | None


class PastInventoryInfo(BaseModel):
    """On-hand at a past instant and its moving average; what was available then is not kept. ``states`` are why
    unavailable units could not be sold: damaged, quality_hold, quarantined, expired, recalled.
    """

    model_config = ConfigDict(from_attributes=True)
    sku_id: UUID
    sku_code: str
    warehouse_id: UUID
    warehouse_code: str
    on_hand_quantity: int
    unavailable_quantity: int
    states: dict[str, int]
    cost_after: Decimal | None


class InventoryPage(BaseModel):
    inventories: list[InventoryWithHolds | InventoryInfo | PastInventoryInfo]
    next_cursor: str | None


class Adjustment(BaseModel):
    """``set`` sets what is physically in the bucket and needs the quantity you expect to find there; to increase and
    decrease it may be given. ``state`` is of the unsellable bucket only.
    """

    model_config = ConfigDict(extra="forbid")
    warehouse_id: UUID
    adjustment_type: Literal["increase", "decrease", "set"]
    quantity: Count
    pack: PackName | None = None
    reason: Reason
    expected_quantity: Expected | None = None
    bucket: Bucket = "sellable"
    unit_cost: Cost | None = None
    batch: BatchIn | None = None
    serials: Serials | None = None
    state: Annotated[SetAside | None, Field(description="why units in the unsellable bucket are not sold")] = None


class StateChange(BaseModel):
    """Units that stay where they are and can be sold no more, or again. A whole batch is judged at ``/batches``."""

    model_config = ConfigDict(extra="forbid")
    warehouse_id: UUID
    quantity: Quantity
    from_state: Literal["sellable", "damaged", "quality_hold", "quarantined"]
    to_state: Literal["sellable", "damaged", "quality_hold", "quarantined"]
    reason: Reason
    batch: BatchNumber | None = None
    serials: Serials | None = None


class ReceiptItem(BaseModel):
    """``unit_cost`` is of one base unit, also when packs are counted. In another currency (``cost_currency``) it needs
    the ``exchange_rate`` into the SKU's currency; the ledger has it converted, and what was paid beside it.
    """

    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    quantity: Quantity
    pack: PackName | None = None
    unit_cost: Cost | None = None
    cost_currency: Currency | None = None
    exchange_rate: Rate | None = None
    batch: BatchIn | None = None
    serials: Serials | None = None

    @model_validator(mode="after")
    def _whole_cost(self) -> ReceiptItem:
        if (self.cost_currency is None) != (self.exchange_rate is None):
            raise ValueError("cost_currency and exchange_rate come together")
        if self.cost_currency is not None and self.unit_cost is None:
            raise ValueError("cost_currency says in what unit_cost is")
        return self

    def ledger_cost(self, number: int) -> str | None:
        """The cost of a unit in the SKU's currency, with six places. Raises Invalid naming the line."""
        if self.unit_cost is None:
            return None
        cost = self.unit_cost if self.exchange_rate is None else round(self.unit_cost * self.exchange_rate, 6)
        if cost >= COST_BOUND:
            message = "Converted, this is more than a unit can cost."
            raise Invalid.field_error(["items", number, "unit_cost"], "out_of_range", message)
        return str(cost)

    def foreign_cost(self) -> ForeignCost | None:
        if self.cost_currency is None:
            return None
        return ForeignCost(self.cost_currency, str(self.unit_cost), str(self.exchange_rate))


class Receipt(BaseModel):
    """Goods in without an order."""

    model_config = ConfigDict(extra="forbid")
    warehouse_id: UUID
    reference: Text | None = None
    items: Annotated[list[ReceiptItem], Field(min_length=1, max_length=10_000)]


class SaleItem(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    quantity: Quantity
    pack: PackName | None = None
    warehouse_id: UUID | None = None
    batch: BatchNumber | None = None
    serials: Serials | None = None


class Sale(BaseModel):
    """An immediate sale without a hold, all or nothing. ``occurred_at`` is when the customer bought. Of a bundle its
    components leave, each from the warehouse of the line.
    """

    model_config = ConfigDict(extra="forbid")
    warehouse_id: UUID | None = None
    reference: Text | None = None
    occurred_at: BoughtAt | None = None
    channel: Annotated[Text | None, Field(description="sold on this channel: from its pools first")] = None
    items: Annotated[list[SaleItem], Field(min_length=1, max_length=10_000)]


class PostedBatch(BaseModel):
    id: UUID
    number: str
    expiry_date: date | None = None


class PostedItem(BaseModel):
    sku_id: UUID
    warehouse_id: UUID
    bucket: str
    quantity: Annotated[int, Field(description="signed: negative left the warehouse")]
    state: str | None = None
    batch: PostedBatch | None = None
    serials: list[str] | None = None


class SoldPart(BaseModel):
    sku_id: UUID
    quantity: Annotated[int, Field(description="units in one bundle")]


class SoldBundle(BaseModel):
    sku_id: UUID
    quantity: int
    components: list[SoldPart]


class Posted(BaseModel):
    reference_type: str
    reference_id: str | None
    items: list[PostedItem]
    bundles: Annotated[list[SoldBundle] | None, Field(description="bundles sold; items has their components")] = None


class MovementInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
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
    undoes: UUID | None = Field(description="the entry this one takes back")
    undone_by: UUID | None = Field(description="the entry that took this one back")
    batch_id: UUID | None
    state: str | None = Field(description="why the units are unsellable")
    cost_currency: str | None = Field(description="what was paid in, when it was not the SKU's currency")
    cost_paid: Decimal | None = Field(description="what a unit cost in that currency")
    exchange_rate: Decimal | None


class MovementPage(BaseModel):
    movements: list[MovementInfo]
    next_cursor: str | None


class ReservationPage(BaseModel):
    reservations: list[dict[str, Any]]
    next_cursor: str | None
