"""Plan an order from what the warehouses have now, and hold the plan in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Json

from holdfast.allocation.choices import get_choices, sql
from holdfast.allocation.criteria import CRITERIA
from holdfast.allocation.distance import Distance, Place, area_of, crosses_border, distance_between
from holdfast.allocation.model import Candidate, Plan, Shelf, Strategy, Take, Wanted
from holdfast.allocation.planning import plan_order
from holdfast.db import Tx
from holdfast.kernel.errors import Conflict, Invalid, NotFound, TryAgain
from holdfast.stock import service as stock
from holdfast.stock.asks import ReserveAsk, ReserveItem

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
class Order:
    """What is to be allocated: units by SKU, in the order asked for."""

    items: dict[UUID, int]
    ship_to: Place
    strategy: str | None = None
    channel: str | None = None
    allow_partial: bool = False
    compare: bool = False


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


@dataclass(frozen=True, slots=True)
class Field:
    """The candidates of one order and their ids by code."""

    candidates: list[Candidate]
    ids: dict[str, UUID]


async def plan(tx: Tx, order: Order) -> dict[str, Any]:
    """The best plan now; nothing is held. Raises Invalid, Conflict(``insufficient_stock``, ``sku_archived``)."""
    strategy = (await get_choices(tx)).strategy(order.strategy, order.channel)
    await _check_skus(tx, order)
    facts, _, _ = await _planned(tx, order, strategy)
    await _tell(tx, "allocation.planned", order, facts)
    return facts


async def preview(tx: Tx, order: Order) -> dict[str, Any]:
    """As ``plan``, for somebody who only wonders: nobody is told."""
    strategy = (await get_choices(tx)).strategy(order.strategy, order.channel)
    await _check_skus(tx, order)
    facts, _, _ = await _planned(tx, order, strategy)
    return facts


async def plan_and_hold(tx: Tx, order: Order, hold: Hold, *, actor: str) -> dict[str, Any]:
    """The best plan, held as one reservation in the caller's transaction; all or nothing of what the plan has.

    Reading does not lock, so another request may take planned units before we post. The posting function then refuses,
    its locks are given back, and we plan again from what is there now. Raises as ``plan`` does, and
    TryAgain(``allocation_contended``) when others were faster every time.
    """
    strategy = (await get_choices(tx)).strategy(order.strategy, order.channel)
    await _check_skus(tx, order)
    for _ in range(ATTEMPTS_MAX):
        facts, found, field = await _planned(tx, order, strategy)
        ask = _ask_of(found, field, hold, actor)
        try:
            # A savepoint: without it the locks of a refused posting would stay, and the next one, over other
            # warehouses, would take its own out of order.
            async with tx.connection.transaction():
                reservation = await stock.reserve(tx, ask)
        except Conflict as refusal:
            if refusal.code not in RACES:
                raise
            continue
        return await _held(tx, order, hold, facts, reservation, actor)
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


async def _check_skus(tx: Tx, order: Order) -> None:
    known = {row["id"]: row["archived"] for row in await tx.dicts(sql.list_skus, sku_ids=list(order.items))}
    unknown = [
        {"loc": ["items"], "code": "unknown_sku", "message": "There is no such SKU.", "sku_id": str(sku)}
        for sku in order.items
        if sku not in known
    ]
    if unknown:
        raise Invalid("unknown_sku", "There is no such SKU.", errors=unknown)
    archived = [{"sku_id": str(sku)} for sku in order.items if known[sku]]
    if archived:
        raise Conflict("sku_archived", "The SKU is archived and can no longer be promised.", errors=archived)


async def _planned(tx: Tx, order: Order, strategy: Strategy) -> tuple[dict[str, Any], Plan, Field]:
    field = _field(await tx.all(sql.list_shelves, ShelfRow, sku_ids=list(order.items)), order.ship_to)
    wanted = [Wanted(str(sku), quantity) for sku, quantity in order.items.items()]
    found = plan_order(wanted, field.candidates, strategy)
    held_anything = any(line.takes for line in found.lines)
    if not (found.is_complete or (order.allow_partial and held_anything)):
        short = [
            {"sku_id": line.sku, "requested": line.requested, "available": line.allocated}
            for line in found.lines
            if line.allocated < line.requested
        ]
        raise Conflict("insufficient_stock", "Less is available than was asked for; nothing was changed.", errors=short)
    facts = plan_facts(found, field)
    if order.compare:
        offered = (await get_choices(tx)).offered().values()
        others = (plan_order(wanted, field.candidates, other) for other in offered if other.name != strategy.name)
        facts["alternatives"] = [{"strategy": p.strategy.name, "figures": figure_facts(p, field)} for p in others]
    return facts, found, field


def _field(rows: Sequence[ShelfRow], ship_to: Place) -> Field:
    shelves: dict[str, dict[str, Shelf]] = {}
    warehouses: dict[str, ShelfRow] = {}
    for row in rows:
        warehouses[row.code] = row
        shelves.setdefault(row.code, {})[str(row.sku_id)] = Shelf(row.available, row.keep)
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


def _ask_of(found: Plan, field: Field, hold: Hold, actor: str) -> ReserveAsk:
    return ReserveAsk(
        actor=actor,
        reference_type=hold.reference_type,
        reference_id=hold.reference_id,
        minutes=hold.minutes,
        items=[
            ReserveItem(UUID(line.sku), take.quantity, field.ids[take.code])
            for line in found.lines
            for take in line.takes
        ],
    )


async def _held(
    tx: Tx, order: Order, hold: Hold, facts: dict[str, Any], reservation: dict[str, Any], actor: str
) -> dict[str, Any]:
    allocation_id = await tx.value(
        sql.insert_allocation,
        reservation_id=reservation["reservation_id"],
        reference_type=hold.reference_type,
        reference_id=hold.reference_id,
        plan=Json(facts),
        actor=actor,
    )
    held = facts | {"allocation_id": str(allocation_id), "reservation": reservation}
    await _tell(tx, "allocation.held", order, held)
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
