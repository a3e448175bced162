"""Where would it ship from? A question whose whole state is its address: nothing is held and nobody is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed, Visit
from holdfast.allocation import service
from holdfast.allocation.choices import get_choices
from holdfast.allocation.distance import Place
from holdfast.catalog.scanning import Scan, scan
from holdfast.db import statements
from holdfast.kernel.errors import Refusal
from holdfast.kernel.ids import uuid_or_none
from holdfast.stock.asks import QUANTITY_MAX
from holdfast.web.address import Address
from holdfast.web.i18n import N_

router = APIRouter(include_in_schema=False, route_class=PageRoute)
sql = statements("holdfast.allocation", "pages.sql")

ITEMS_MAX: Final = 50
FIELDS: Final = ("near", "latitude", "longitude", "country", "region", "strategy")
STRATEGY_WORDS: Final = {
    "fewest_parcels": N_("as few parcels as possible"),
    "nearest": N_("as near as possible"),
    "keep_cover": N_("leave reserves alone"),
    "priority": N_("by priority of the warehouses"),
    "use_by": N_("what expires soon first"),
    "domestic": N_("cross no border"),
}
# Why a line comes from where it comes from: what would be worse otherwise.
REASON_WORDS: Final = {
    "only_here": N_("needed: without it the line is not covered"),
    "equal": N_("another way would be as good"),
    "parcels": N_("otherwise %(elsewhere)s parcels instead of %(here)s"),
    "distance": N_("otherwise the parcels travel farther"),
    "metres": N_("otherwise the parcels travel farther"),
    "unit_metres": N_("otherwise its units travel farther"),
    "border": N_("otherwise %(elsewhere)s parcels cross a border instead of %(here)s"),
    "sufficiency": N_("otherwise %(elsewhere)s units come out of safety stock instead of %(here)s"),
    "cover": N_("otherwise other regions lose cover for %(elsewhere)s units instead of %(here)s"),
    "expiry": N_("otherwise %(elsewhere)s units go that could have stayed instead of %(here)s"),
    "priority": N_("otherwise a warehouse of lower priority serves it"),
}
REFUSALS: Final = {
    "insufficient_stock": N_("Nothing of this is available anywhere now."),
    "sku_archived": N_("A SKU among them is archived."),
}


@dataclass(frozen=True, slots=True)
class Warehouse:
    id: UUID
    code: str
    name: str
    latitude: float | None
    longitude: float | None
    country: str | None
    region: str | None


@dataclass(frozen=True, slots=True)
class Item:
    id: UUID
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Source:
    """One warehouse's part of a line, and why."""

    warehouse: str
    quantity: int
    why: str
    instead: str


@dataclass(frozen=True, slots=True)
class PlannedItem:
    item: Item
    requested: int
    allocated: int
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Parcel:
    warehouse: str
    distance_km: float | None
    units: int
    skus: int


@dataclass(frozen=True, slots=True)
class Way:
    """What one strategy costs; `address` asks the same question with it."""

    name: str
    path: str
    is_chosen: bool
    parcels: int
    distance_km: float | None
    safety_units: int
    cover_units: int


@dataclass(frozen=True, slots=True)
class Plan:
    parcels: tuple[Parcel, ...]
    items: tuple[PlannedItem, ...]
    ways: tuple[Way, ...]
    is_complete: bool
    is_optimal: bool


@dataclass(frozen=True, slots=True)
class WhatIfView:
    address: Address
    items: tuple[tuple[Item, str], ...]
    places: tuple[tuple[str, str], ...]
    strategies: tuple[tuple[str, str], ...]
    plan: Plan | None
    scan: Scan | None
    wrong: Mapping[str, str]


@router.get("/allocation")
async def what_if(visit: Signed) -> Response:
    """At most six statements, however many items and warehouses."""
    asked = visit.request.query_params
    quantities = {k.removeprefix("n-"): v.strip() for k, v in asked.items() if k.startswith("n-") and v.strip() != "0"}
    found: Scan | None = None
    if visit.asked("sku_code") or visit.asked("sku"):
        found = await scan(visit, visit.asked("sku_code"), visit.asked("sku"))
        if found.sku is not None:
            quantities.setdefault(str(found.sku.id), "1")
            found = None
    ids = [sku_id for text in list(quantities)[:ITEMS_MAX] if (sku_id := uuid_or_none(text))]
    items = await visit.tx.all(sql.named_skus, Item, ids=ids)
    places = await visit.tx.all(sql.places, Warehouse)
    choices = await get_choices(visit.tx)
    fields = {name: visit.asked(name) for name in FIELDS}
    fields["strategy"] = fields["strategy"] if fields["strategy"] in choices.offered() else choices.default
    fields["near"] = fields["near"] or (str(places[0].id) if places else "")
    address = Address.of("/allocation", **{f"n-{i.id}": quantities[str(i.id)] for i in items}, **fields)
    wrong: dict[str, str] = {}
    ship_to = _ship_to(visit, fields, places, wrong)
    wanted = _wanted(visit, items, quantities, wrong)
    plan: Plan | None = None
    if wanted and ship_to and not wrong:
        order = service.Order(wanted, ship_to, fields["strategy"], allow_partial=True, compare=True)
        try:
            async with visit.savepoint():
                facts = await service.plan(visit.tx, order)
            plan = _plan(visit, facts, items, places, address)
        except Refusal as refusal:
            known = REFUSALS.get(refusal.code)
            wrong["plan"] = visit.words.gettext(known) if known else refusal.detail
    view = WhatIfView(
        address=address,
        items=tuple((item, quantities[str(item.id)]) for item in items),
        places=tuple((str(w.id), w.name) for w in places),
        strategies=tuple((name, _strategy(visit, name)) for name in choices.offered()),
        plan=plan,
        scan=found,
        wrong=wrong,
    )
    return visit.page("allocation/what_if.html", view, active="allocation", status=422 if wrong or found else 200)


def _ship_to(
    visit: Visit, fields: Mapping[str, str], places: Sequence[Warehouse], wrong: dict[str, str]
) -> Place | None:
    """Coordinates or a country where typed, else the place of the warehouse that is near."""
    coordinates: list[float | None] = []
    for name, most in (("latitude", 90.0), ("longitude", 180.0)):
        try:
            value = float(fields[name].replace(",", ".")) if fields[name] else None
        except ValueError:
            value = most + 1
        if value is not None and not -most <= value <= most:
            wrong[name] = visit.words.gettext("Type degrees such as 31.23.")
        coordinates.append(value)
    latitude, longitude = coordinates
    if (latitude is None) != (longitude is None):
        wrong["longitude"] = visit.words.gettext("Latitude and longitude come together.")
    if latitude is not None or fields["country"]:
        return Place(latitude, longitude, fields["country"] or None, fields["region"] or None)
    near = next((w for w in places if str(w.id) == fields["near"]), None)
    return None if near is None else Place(near.latitude, near.longitude, near.country, near.region)


def _wanted(
    visit: Visit, items: Sequence[Item], quantities: Mapping[str, str], wrong: dict[str, str]
) -> dict[UUID, int]:
    wanted: dict[UUID, int] = {}
    for item in items:
        text = quantities[str(item.id)]
        if text.isascii() and text.isdigit() and 0 < int(text[:12]) <= QUANTITY_MAX:
            wanted[item.id] = int(text)
        else:
            wrong[f"n-{item.id}"] = visit.words.gettext("Type a whole number.")
    return wanted


def _plan(
    visit: Visit, facts: Mapping[str, Any], items: Sequence[Item], places: Sequence[Warehouse], address: Address
) -> Plan:
    names = {w.code: w.name for w in places}
    by_id = {str(item.id): item for item in items}
    own = {"strategy": facts["strategy"], "figures": facts["figures"]}
    return Plan(
        parcels=tuple(
            Parcel(
                warehouse=names.get(str(p["warehouse_code"]), str(p["warehouse_code"])),
                distance_km=p["distance_km"],
                units=sum(i["quantity"] for i in p["items"]),
                skus=len(p["items"]),
            )
            for p in facts["parcels"]
        ),
        items=tuple(
            PlannedItem(
                item=by_id[line["sku_id"]],
                requested=line["requested"],
                allocated=line["allocated"],
                sources=tuple(_source(visit, part, names) for part in line["allocations"]),
            )
            for line in facts["items"]
        ),
        ways=tuple(_way(visit, way, facts["strategy"], address) for way in [own, *facts["alternatives"]]),
        is_complete=facts["is_complete"],
        is_optimal=facts["is_optimal"],
    )


def _source(visit: Visit, part: Mapping[str, Any], names: Mapping[str, str]) -> Source:
    reason = part["reason"]
    said: str = REASON_WORDS.get(str(reason["code"]), str(reason["code"]))
    why = visit.words.gettext(said, here=reason["here"], elsewhere=reason["elsewhere"])
    # For a line that nobody else covers there is no other way to name.
    others = [] if reason["code"] == "only_here" else [names.get(code, code) for code in reason["instead"]]
    code: str = part["warehouse_code"]
    return Source(names.get(code, code), part["quantity"], why, ", ".join(others))


def _way(visit: Visit, way: Mapping[str, Any], chosen: str, address: Address) -> Way:
    figures = way["figures"]
    return Way(
        name=_strategy(visit, way["strategy"]),
        path=address.having(strategy=way["strategy"]),
        is_chosen=way["strategy"] == chosen,
        parcels=figures["parcels"],
        distance_km=figures["distance_km"],
        safety_units=figures["sufficiency"],
        cover_units=figures["cover"],
    )


def _strategy(visit: Visit, name: str) -> str:
    """A strategy in words; one of the shop's own by the name it was given."""
    return visit.words.gettext(STRATEGY_WORDS[name]) if name in STRATEGY_WORDS else name
