"""What an order asks for, and what that consists of: bundles as their components, named units where they lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from holdfast.allocation.choices import sql
from holdfast.allocation.distance import Place
from holdfast.db import Tx
from holdfast.kernel.errors import Conflict, Invalid
from holdfast.stock.asks import BundlePart, PlacedBundle


@dataclass(frozen=True, slots=True)
class Seller:
    """A sales channel: where it sells from (None: everywhere), and how long what it sells must last."""

    id: UUID
    warehouse_ids: list[UUID] | None
    min_remaining_days: int | None


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be allocated: units by SKU, in the order asked for."""

    items: dict[UUID, int]
    ship_to: Place
    strategy: str | None = None
    channel: str | None = None
    # The rules of the channel, if it is one we sell on and not only one with a strategy.
    seller: Seller | None = None
    allow_partial: bool = False
    compare: bool = False
    # What of a SKU the customer wants from one warehouse whatever the plan; not part of ``items``.
    pinned: dict[tuple[UUID, UUID], int] = field(default_factory=dict[tuple[UUID, UUID], int])
    # SKUs of which may be promised what is not there.
    may_wait: frozenset[UUID] = frozenset()
    # How many days the units of a SKU must last from today, by the calendar of the warehouse they come from.
    days: dict[UUID, int] = field(default_factory=dict[UUID, int])
    # The very units that are wanted of a SKU: they come from where they lie. Not part of ``items``.
    named: dict[UUID, list[str]] = field(default_factory=dict[UUID, list[str]])
    # Where those units lie.
    lying: dict[tuple[UUID, UUID], list[str]] = field(default_factory=dict[tuple[UUID, UUID], list[str]])


async def in_parts(tx: Tx, order: Order) -> tuple[Order, list[PlacedBundle]]:
    """The order with every bundle replaced by its components, and what it was. Raises for SKUs that cannot be had."""
    asked = {*order.items, *(sku for sku, _ in order.pinned), *order.named}
    known: dict[UUID, Any] = {row["id"]: row for row in await tx.dicts(sql.list_skus, sku_ids=list(asked))}
    unknown = [
        {"loc": ["items"], "code": "unknown_sku", "message": "There is no such SKU.", "sku_id": str(sku)}
        for sku in asked
        if sku not in known
    ]
    if unknown:
        raise Invalid("unknown_sku", "There is no such SKU.", errors=unknown)
    archived = [{"sku_id": str(sku)} for sku in asked if known[sku]["archived"]]
    if archived:
        raise Conflict("sku_archived", "The SKU is archived and can no longer be promised.", errors=archived)
    parts: Parts = {sku: _parts_of(known[sku]["components"]) or {sku: 1} for sku in asked}
    items: Counter[UUID] = Counter()
    for sku, quantity in order.items.items():
        items.update({part: per * quantity for part, per in parts[sku].items()})
    pinned: Counter[tuple[UUID, UUID]] = Counter()
    for (sku, warehouse), quantity in order.pinned.items():
        pinned.update({(part, warehouse): per * quantity for part, per in parts[sku].items()})
    waiting = frozenset(part for sku in order.may_wait for part in parts[sku])
    days: dict[UUID, int] = {}
    asked_for = dict.fromkeys(order.items, order.seller.min_remaining_days) if order.seller else {}
    for sku, least in asked_for.items():
        if least is not None:
            days |= {part: least for part, tracked in _tracked_parts(known[sku]).items() if tracked}
    for sku, least in order.days.items():
        for part, tracked in _tracked_parts(known[sku]).items():
            # What has no batches does not age; of a bundle only some parts may.
            if tracked or not known[sku]["components"]:
                days[part] = max(least, days.get(part, 0))
    changed = replace(
        order,
        items=dict(items),
        pinned=dict(pinned),
        may_wait=waiting,
        days=days,
        lying=await _where_they_lie(tx, order.named),
    )
    return changed, _bundles_of(order, parts)


async def _where_they_lie(tx: Tx, named: dict[UUID, list[str]]) -> dict[tuple[UUID, UUID], list[str]]:
    """The named units by SKU and warehouse. Raises Conflict(``serial_not_here``) for those in no warehouse."""
    lying: dict[tuple[UUID, UUID], list[str]] = {}
    for sku, serials in named.items():
        found = {row["serial_number"]: row["warehouse_id"] for row in await _units(tx, sku, serials)}
        gone = [number for number in serials if found.get(number) is None]
        if gone:
            errors = [{"sku_id": str(sku), "requested": len(serials), "serials": gone[:20]}]
            says = "No such unit is there to be had: elsewhere, in another state, or named by another hold."
            raise Conflict("serial_not_here", says, errors=errors)
        for number in serials:
            lying.setdefault((sku, found[number]), []).append(number)
    return lying


async def _units(tx: Tx, sku_id: UUID, serials: Sequence[str]) -> list[dict[str, Any]]:
    return await tx.dicts(sql.where_units_lie, sku_id=sku_id, serials=list(serials))


def _tracked_parts(sku: dict[str, Any]) -> dict[UUID, bool]:
    """What a SKU consists of, and whether its units are told apart."""
    if not sku["components"]:
        return {sku["id"]: sku["tracking"] != "none"}
    return {UUID(part["sku_id"]): part["tracking"] != "none" for part in sku["components"]}


Parts = dict[UUID, dict[UUID, int]]
"""What one unit of each SKU consists of: itself, or the components of a bundle."""


def _parts_of(components: list[dict[str, Any]] | None) -> dict[UUID, int]:
    return {UUID(part["sku_id"]): part["quantity"] for part in components or []}


def _bundles_of(order: Order, parts: Parts) -> list[PlacedBundle]:
    wanted: Counter[UUID] = Counter(order.items)
    wanted.update(_by_sku(order.pinned))
    return [
        PlacedBundle(sku, quantity, [BundlePart(part, per) for part, per in parts[sku].items()])
        for sku, quantity in wanted.items()
        if sku not in parts[sku]
    ]


def _by_sku(pinned: dict[tuple[UUID, UUID], int]) -> Counter[UUID]:
    found: Counter[UUID] = Counter()
    for (sku, _), quantity in pinned.items():
        found[sku] += quantity
    return found
