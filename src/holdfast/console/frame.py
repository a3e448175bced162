"""The rail and what fills it: one statement for every page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from holdfast.access.people import Person
from holdfast.access.visit import Frame, Surroundings
from holdfast.db import Tx, statements
from holdfast.web.i18n import N_
from holdfast.web.shell import RailCount, RailEntry

sql = statements("holdfast.console", "pages.sql")

RAIL: Final = (
    RailEntry("today", "/", "home", N_("Today"), thumb=True),
    RailEntry("stock", "/stock", "packages", N_("Stock"), thumb=True),
    RailEntry("holds", "/holds", "bookmark", N_("Holds")),
    RailEntry("replenish", "/replenishment", "truck-loading", N_("Replenish"), thumb=True),
    RailEntry("orders", "/purchase-orders", "file-invoice", N_("Orders"), thumb=True),
    RailEntry("suppliers", "/suppliers", "truck-delivery", N_("Suppliers")),
    RailEntry("alerts", "/alerts", "bell", N_("Alerts")),
    RailEntry("network", "/network", "building-warehouse", N_("Warehouses"), group=N_("Warehouse")),
    RailEntry("transfers", "/transfers", "transfer", N_("Transfers")),
    RailEntry("counts", "/stock-counts", "clipboard-check", N_("Counts")),
    RailEntry("returns", "/returns", "arrow-back-up", N_("Returns")),
    RailEntry("batches", "/batches", "calendar-due", N_("Batches")),
    RailEntry("allocation", "/allocation", "route", N_("Ships from")),
    RailEntry("health", "/health", "heartbeat", N_("Health"), group=N_("System")),
)
FLOOR_THUMB: Final = ("today", "stock", "transfers", "counts")
FLOOR_RAIL: Final = tuple(replace(entry, thumb=entry.key in FLOOR_THUMB) for entry in RAIL)


def rail_for(person: Person) -> tuple[RailEntry, ...]:
    """The same places for everybody; people of the floor have transfers and counts under the thumb of their phone."""
    return FLOOR_RAIL if person.may("operate") and not person.may("plan") else RAIL


@dataclass(frozen=True, slots=True)
class FrameRow:
    suggestions: int
    is_urgent: bool
    late_orders: int
    alerts: int
    has_bad_alerts: bool
    transfers: int
    late_transfers: int
    counts: int
    time_zone: str
    is_live: bool


async def read_surroundings(tx: Tx) -> Surroundings:
    row = await tx.one(sql.frame, FrameRow)
    counts = (
        ("replenish", RailCount(row.suggestions, row.is_urgent)),
        ("orders", RailCount(row.late_orders, True)),
        ("alerts", RailCount(row.alerts, row.has_bad_alerts)),
        ("transfers", RailCount(row.transfers, row.late_transfers > 0)),
        ("counts", RailCount(row.counts)),
    )
    try:
        zone = ZoneInfo(row.time_zone)
    except (ZoneInfoNotFoundError, ValueError):  # a name people typed into a warehouse
        zone = ZoneInfo("UTC")
    return Surroundings(counts, zone, row.is_live)


FRAME: Final = Frame(rail_for, read_surroundings)
