"""Plan an order from what the warehouses have now, and hold the plan in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from msgspec import UNSET
from psycopg.types.json import Json

from holdfast.allocation.choices import get_choices, sql
from holdfast.allocation.criteria import CRITERIA
from holdfast.allocation.distance import Distance, Place, area_of, crosses_border, distance_between
from holdfast.allocation.model import Candidate, Plan, Shelf, Strategy, Take, Wanted
from holdfast.allocation.orders import Order, Seller, in_parts
from holdfast.allocation.planning import plan_order
from holdfast.allocation.postcodes import located
from holdfast.db import Tx
from holdfast.db.posting import Answer
from holdfast.kernel.errors import Conflict, Invalid, NotFound, TryAgain
from holdfast.stock import service as stock
from holdfast.stock.asks import PlacedBundle, ReserveAsk, ReserveItem

# What another request changed between our reading and our posting: worth another plan.
RACES = frozenset({"insufficient_stock", "warehouse_inactive"})
ATTEMPTS_MAX = 5


@dataclass(frozen=True, slots=True)
class Hold:
    """How a plan is held; ``minutes`` None: without a deadline."""

    reference_type: str
    reference_id: str
    minutes: int | None


@dataclass(frozen=True, slots=True)
class Allocation:
    """A plan that is held, as it was answered."""

    id: UUID
    reservation_id: UUID
    reference_type: str
    reference_id: str
    plan: dict[str, Any]
    actor: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ShelfRow:
    warehouse_id: UUID
    code: str
    priority: int
    latitude: float | None
    longitude: float | None
    country: str | None
    region: str | None
    sku_id: UUID
    available: int
    keep: int
    soon: int


@dataclass(frozen=True, slots=True)
class Field:
    """The candidates of one order and their ids by code."""

    candidates: list[Candidate]
    ids: dict[str, UUID]


async def plan(tx: Tx, order: Order) -> dict[str, Any]:
    """The best plan now; nothing is held. Raises Invalid, Conflict(``insufficient_stock``, ``sku_archived``)."""
    order, strategy = await _chosen(tx, order)
    order, bundles = await in_parts(tx, order)
    facts, _, _ = await _planned(tx, order, strategy)
    return facts | _bundle_facts(bundles)


async def plan_and_hold(tx: Tx, order: Order, hold: Hold, *, actor: str) -> dict[str, Any]:
    """The best plan, held as one reservation in the caller's transaction; all or nothing of what the plan has.

    Raises as ``plan`` does, and as ``hold_planned``.
    """
    ask = ReserveAsk(
        actor=actor,
        reference_type=hold.reference_type,
        reference_id=hold.reference_id,
        minutes=hold.minutes,
        items=[],
    )
    answer, facts = await hold_planned(tx, order, ask)
    return facts | {"reservation": msgspec.json.decode(answer.facts)}


async def hold_planned(tx: Tx, order: Order, ask: ReserveAsk) -> tuple[Answer, dict[str, Any]]:
    """Plan the order and post ``ask`` with the plan's lines; answers what was posted, and the plan as it is kept.

    Reading does not lock, so another request may take planned units before we post. The posting function then refuses,
    its locks are given back, and we plan again from what is there now. Raises TryAgain(``allocation_contended``) when
    others were faster every time.
    """
    first = await stock.first_answer(tx, ask)
    if first is not None:
        return first, {}
    order, strategy = await _chosen(tx, order)
    ask.channel = UNSET if order.channel is None or order.seller is None else order.channel
    order, bundles = await in_parts(tx, order)
    for _ in range(ATTEMPTS_MAX):
        facts, found, places = await _planned(tx, order, strategy)
        ask.items, ask.bundles = _lines_of(found, places, order), bundles or UNSET
        try:
            # A savepoint: without it the locks of a refused posting would stay, and the next one, over other
            # warehouses, would take its own out of order.
            async with tx.connection.transaction():
                answer = await stock.reserve_once(tx, ask)
        except psycopg.errors.UniqueViolation:
            # The same request, sent twice at once: the next look finds the other's answer.
            continue
        except Conflict as refusal:
            if refusal.code not in RACES or any("backorder" in error for error in refusal.errors):
                raise
            continue
        if answer.replayed:
            return answer, {}
        return answer, await _held(tx, order, ask, facts | _bundle_facts(bundles), answer)
    raise TryAgain(
        "allocation_contended", "Others took what was planned, every time; nothing was changed. Repeat the request."
    )


async def get_allocation(tx: Tx, allocation_id: UUID) -> Allocation:
    found = await tx.maybe(sql.get_allocation, Allocation, id=allocation_id)
    if found is None:
        raise NotFound("allocation_not_found", "There is no such allocation.")
    return found


async def list_allocations(tx: Tx, *, before: UUID | None, limit: int, **filters: Any) -> list[Allocation]:
    """One page and one row more, newest first. Filters: reservation_id, reference_type, reference_id."""
    columns: dict[str, Any] = dict.fromkeys(("reservation_id", "reference_type", "reference_id")) | filters
    return await tx.all(sql.list_allocations, Allocation, before=before, limit=limit + 1, **columns)


async def _chosen(tx: Tx, order: Order) -> tuple[Order, Strategy]:
    """The order with the rules of its channel, and the strategy to plan it by.

    To allocation a channel may be a mere name that chooses a strategy. Raises Invalid(``unknown_strategy`` |
    ``unknown_channel``).
    """
    choices = await get_choices(tx)
    if order.channel is not None:
        seller = await tx.maybe(sql.find_channel, Seller, code=order.channel)
        if seller is None and order.channel not in choices.channels:
            raise Invalid.at(["channel"], "unknown_channel", "There is no such channel.")
        order = replace(order, seller=seller)
    return order, choices.strategy(order.strategy, order.channel)


def _bundle_facts(bundles: list[PlacedBundle]) -> dict[str, Any]:
    return {"bundles": msgspec.to_builtins(bundles)} if bundles else {}


async def _planned(tx: Tx, order: Order, strategy: Strategy) -> tuple[dict[str, Any], Plan, Field]:
    rows = await tx.all(
        sql.list_shelves,
        ShelfRow,
        sku_ids=list(order.items),
        lasting=list(order.days),
        days=list(order.days.values()),
        channel_id=order.seller.id if order.seller else None,
        warehouse_ids=order.seller.warehouse_ids if order.seller else None,
    )
    field = _field([_less_pinned(row, order) for row in rows], await located(tx, order.ship_to))
    wanted = [Wanted(str(sku), quantity) for sku, quantity in order.items.items()]
    found = plan_order(wanted, field.candidates, strategy)
    held_anything = any(line.takes for line in found.lines)
    short = [
        {"sku_id": line.sku, "requested": line.requested, "available": line.allocated}
        for line in found.lines
        if line.allocated < line.requested and UUID(line.sku) not in order.may_wait
    ]
    if short and not (order.allow_partial and held_anything):
        raise Conflict("insufficient_stock", "Less is available than was asked for; nothing was changed.", errors=short)
    facts = plan_facts(found, field)
    if order.compare:
        offered = (await get_choices(tx)).offered().values()
        others = (plan_order(wanted, field.candidates, other) for other in offered if other.name != strategy.name)
        facts["alternatives"] = [{"strategy": p.strategy.name, "figures": figure_facts(p, field)} for p in others]
    return facts, found, field


def _less_pinned(row: ShelfRow, order: Order) -> ShelfRow:
    """What the plan may use of a shelf of which the customer wants some whatever the plan."""
    taken = order.pinned.get((row.sku_id, row.warehouse_id), 0)
    return replace(row, available=max(0, row.available - taken)) if taken else row


def _field(rows: Sequence[ShelfRow], ship_to: Place) -> Field:
    shelves: dict[str, dict[str, Shelf]] = {}
    warehouses: dict[str, ShelfRow] = {}
    for row in rows:
        warehouses[row.code] = row
        shelves.setdefault(row.code, {})[str(row.sku_id)] = Shelf(row.available, row.keep, row.soon)
    home = area_of(ship_to)
    candidates: list[Candidate] = []
    for code, row in warehouses.items():
        place = Place(row.latitude, row.longitude, row.country, row.region)
        area = area_of(place)
        candidates.append(
            Candidate(
                code,
                shelves[code],
                distance_between(place, ship_to),
                row.priority,
                # Where the order's own area is unknown, nobody can say whose cover it would use.
                area if home else None,
                is_home=area is not None and area == home,
                is_abroad=crosses_border(place, ship_to),
            )
        )
    return Field(candidates, {code: row.warehouse_id for code, row in warehouses.items()})


def _lines_of(found: Plan, places: Field, order: Order) -> list[ReserveItem]:
    """What the plan takes, what was wanted from one warehouse anyway, and what may wait."""
    lines = [
        ReserveItem(
            UUID(line.sku), take.quantity, places.ids[take.code], min_remaining_days=order.days.get(UUID(line.sku))
        )
        for line in found.lines
        for take in line.takes
    ]
    lines += [
        ReserveItem(
            sku,
            quantity,
            warehouse,
            allow_backorder=sku in order.may_wait or UNSET,
            min_remaining_days=order.days.get(sku),
        )
        for (sku, warehouse), quantity in order.pinned.items()
    ]
    lines += [
        ReserveItem(sku, len(serials), warehouse, serials=serials) for (sku, warehouse), serials in order.lying.items()
    ]
    lines += [
        ReserveItem(UUID(line.sku), line.requested - line.allocated, allow_backorder=True)
        for line in found.lines
        if line.allocated < line.requested and UUID(line.sku) in order.may_wait
    ]
    return lines


async def _held(tx: Tx, order: Order, ask: ReserveAsk, facts: dict[str, Any], answer: Answer) -> dict[str, Any]:
    reservation = msgspec.json.decode(answer.facts)
    allocation_id = await tx.value(
        sql.insert_allocation,
        reservation_id=reservation["reservation_id"],
        reference_type=ask.reference_type,
        reference_id=ask.reference_id,
        plan=Json(facts),
        actor=ask.actor,
    )
    held = facts | {"allocation_id": str(allocation_id)}
    await _tell(tx, "allocation.held", order, held | {"reservation": reservation})
    return held


async def _tell(tx: Tx, event_type: str, order: Order, facts: dict[str, Any]) -> None:
    await tx.run(sql.write_event, event_type=event_type, sku_ids=list(order.items), data=Json(facts))


def plan_facts(found: Plan, field: Field) -> dict[str, Any]:
    """A plan as the API answers it and events tell it: codes and figures, no sentences."""
    distances = {c.code: _distance_facts(c.distance) for c in field.candidates}

    def place(code: str) -> dict[str, Any]:
        return {"warehouse_id": str(field.ids[code]), "warehouse_code": code, **distances[code]}

    parcels: dict[str, list[dict[str, Any]]] = {}
    for line in found.lines:
        for take in line.takes:
            parcels.setdefault(take.code, []).append({"sku_id": line.sku, "quantity": take.quantity})
    return {
        "strategy": found.strategy.name,
        "criteria": list(found.strategy.criteria),
        "band_km": found.strategy.band_km,
        "is_complete": found.is_complete,
        "is_optimal": found.is_optimal,
        "figures": figure_facts(found, field),
        "parcels": [place(code) | {"items": parcels[code]} for code in sorted(parcels)],
        "items": [
            {
                "sku_id": line.sku,
                "requested": line.requested,
                "allocated": line.allocated,
                "allocations": [place(take.code) | _take_facts(take) for take in line.takes],
            }
            for line in found.lines
        ],
    }


def figure_facts(found: Plan, field: Field) -> dict[str, Any]:
    """One figure per criterion; ``distance_km`` is null unless every parcel's way was measured."""
    basis = {c.code: c.distance.basis for c in field.candidates}
    used = {take.code for line in found.lines for take in line.takes}
    measured = all(basis[code] == "coordinates" for code in used)
    figures: dict[str, Any] = {name: found.figures[name] for name in CRITERIA}
    return figures | {"distance_km": _km(found.figures["metres"]) if measured else None}


def _take_facts(take: Take) -> dict[str, Any]:
    reason = take.reason
    return {
        "quantity": take.quantity,
        "reason": {
            "code": reason.code,
            "here": reason.here,
            "elsewhere": reason.elsewhere,
            "instead": list(reason.instead),
        },
    }


def _distance_facts(distance: Distance) -> dict[str, Any]:
    measured = distance.basis == "coordinates"
    return {"distance_km": _km(distance.metres) if measured else None, "distance_basis": distance.basis}


def _km(metres: int) -> float:
    return round(metres / 1000, 1)
