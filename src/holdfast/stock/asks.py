"""What the hot routes accept and what they pass to the posting functions."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from holdfast.db.posting import Ask
from holdfast.kernel.quantity import QUANTITY_MAX
from holdfast.stock.model import BatchNamed

# A UUID is checked while it is read; a pattern on text took 2 µs more per request with one line.
Id = UUID
Quantity = Annotated[int, Meta(ge=1, le=QUANTITY_MAX)]
Minutes = Annotated[int, Meta(ge=1, le=525_600)]
ReferenceType = Literal["cart", "order", "manual"]
# PostgreSQL keeps no U+0000 in text.
ReferenceId = Annotated[str, Meta(min_length=1, max_length=200, pattern="^[^\\x00]*$")]


SerialNumber = Annotated[str, Meta(min_length=1, max_length=200, pattern="^[^\\x00]*$")]
Serials = Annotated[list[SerialNumber], Meta(min_length=1, max_length=100_000)]


class ReserveItem(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """``min_remaining_days``: the units must last at least this long from today, by the calendar of their warehouse.

    ``serials`` holds these very units, in a warehouse that is named. ``allow_backorder`` says for this line what the
    request says for all; a line with one of the other two is never backordered.
    """

    sku_id: Id
    quantity: Quantity
    warehouse_id: Id | None = None
    allow_backorder: bool | UnsetType = UNSET
    min_remaining_days: Annotated[int, Meta(ge=0, le=36_500)] | None = None
    serials: Serials | None = None


class ReserveBody(Struct, forbid_unknown_fields=True):
    """Body of ``POST /inventory/reservations``. ``expires_in_minutes`` null means no expiry (order and manual only).

    For a ``channel`` units come from its warehouses, from its pools first, and last as long as it asks for. With
    ``ship_to`` (latitude and longitude, or country and region) the warehouses are chosen for the whole order, by the
    ``strategy`` named or that of the ``channel``. ``allow_backorder``: what is short may be promised against what
    is on its way, where the SKU's policy allows it.
    """

    items: Annotated[list[ReserveItem], Meta(min_length=1, max_length=500)]
    reference_type: ReferenceType
    reference_id: ReferenceId
    expires_in_minutes: Minutes | UnsetType | None = UNSET
    allow_backorder: bool | UnsetType = UNSET
    ship_to: dict[str, Any] | None = None
    strategy: str | None = None
    channel: Annotated[str, Meta(min_length=1, max_length=200, pattern="^[^\\x00]*$")] | None = None


class BatchBody(Struct, forbid_unknown_fields=True):
    reservations: Annotated[list[ReserveBody], Meta(min_length=1, max_length=1000)]


class ResolveItem(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Consuming, ``batch`` (its number) or ``serials`` say which units were picked; without them, we choose."""

    sku_id: Id
    quantity: Quantity
    warehouse_id: Id | None = None
    batch: SerialNumber | None = None
    serials: Serials | None = None


class ResolveBody(Struct, forbid_unknown_fields=True):
    """Body of ``consume`` and ``release``; without items, everything that is open."""

    items: Annotated[list[ResolveItem], Meta(min_length=1, max_length=500)] | None = None


class ExtendBody(Struct, forbid_unknown_fields=True):
    additional_minutes: Annotated[int, Meta(ge=1, le=60)]


class ConvertBody(Struct, forbid_unknown_fields=True):
    """Body of ``convert``. Not to a cart: that would be a way to keep a cart hold for ever (D-21)."""

    reference_type: Literal["order", "manual"]
    reference_id: ReferenceId
    expires_in_minutes: Minutes | None = None


class BundlePart(Struct):
    sku_id: Id
    quantity: int


class PlacedBundle(Struct):
    """A bundle whose components a plan has placed among the lines already."""

    sku_id: Id
    quantity: int
    components: list[BundlePart]


class ReserveAsk(Ask):
    reference_type: str
    reference_id: str
    minutes: int | None
    items: list[ReserveItem]
    allow_backorder: bool | UnsetType = UNSET
    bundles: list[PlacedBundle] | UnsetType = UNSET
    channel: str | UnsetType = UNSET

    def wanted_row(self) -> UUID | None:
        return self.items[0].sku_id if len(self.items) == 1 else None


class BatchAsk(Ask):
    """Many reservation requests under one key, decided in one transaction."""

    requests: list[ReserveAsk]


class ResolveAsk(Ask):
    reservation_id: str
    action: Literal["consume", "release"]
    items: list[ResolveItem] | None = None

    def exclusive(self) -> tuple[Hashable, ...]:
        return (*Ask.exclusive(self), self.reservation_id)


class ProlongAsk(Ask):
    reservation_id: str
    action: Literal["extend", "convert"]
    minutes: int | None
    extension_max: int
    reference_type: str | None = None
    reference_id: str | None = None

    def exclusive(self) -> tuple[Hashable, ...]:
        return (*Ask.exclusive(self), self.reservation_id)


class ForeignCost(msgspec.Struct):
    """What was paid for a unit in another currency; ``exchange_rate`` turned it into ``unit_cost``."""

    currency: str
    unit_cost: str
    exchange_rate: str


class MoveItem(msgspec.Struct, omit_defaults=True):
    """``batch``, ``serials`` and ``state`` (why units are unsellable) say which units of a tracked SKU are meant."""

    sku_id: str
    warehouse_id: str
    quantity: int | None = None
    bucket: str = "sellable"
    set_to: int | None = None
    expected_quantity: int | None = None
    unit_cost: str | None = None
    inbound_delta: int = 0
    batch: BatchNamed | None = None
    batch_id: str | None = None
    serials: list[str] | None = None
    state: str | None = None
    foreign_cost: ForeignCost | None = None


class MoveAsk(Ask):
    """One change of what is physically there; quantities are signed."""

    event_type: str
    movement_type: Literal["in", "out", "transfer", "adjustment"]
    reference_type: str
    reason: str
    items: list[MoveItem]
    reference_id: str | None = None
    occurred_at: str | None = None
    channel: str | None = None


class AvailabilityAsk(Ask):
    """A question, not a change: can this many be had, and where."""

    sku_id: str
    quantity: int
    warehouse_id: str | None = None
    exclude_reference_id: str | None = None
    by: str | None = None
    channel: str | None = None
