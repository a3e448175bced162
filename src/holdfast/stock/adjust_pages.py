"""Correcting a quantity by hand, and goods in without an order; of tracked SKUs by batch or serial number."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Response

from holdfast.access import audit
from holdfast.access.visit import Form, PageRoute, Signed, Visit
from holdfast.catalog.packs import Pack, get_packs
from holdfast.db import statements
from holdfast.kernel.errors import Denied, NotFound, Refusal
from holdfast.kernel.ids import uuid_or_none
from holdfast.stock import service
from holdfast.stock.asks import QUANTITY_MAX, MoveAsk, MoveItem
from holdfast.stock.named_units import Named, read_units, refused_units
from holdfast.stock.wording import REASONS

router = APIRouter(include_in_schema=False, route_class=PageRoute)
sql = statements("holdfast.stock", "pages.sql")
CHANGES: Final = ("increase", "decrease", "set")
FIELDS: Final = ("warehouse_id", "change", "reason", "quantity", "batch", "expiry", "serials")
RECEIPT: Final = ("warehouse_id", "quantity", "pack", "batch", "expiry", "serials", "unit_cost", "reference", "once")


@dataclass(frozen=True, slots=True)
class AdjustableSku:
    id: UUID
    code: str
    name: str
    unit: str
    currency: str | None
    tracking: str
    is_archived: bool
    is_bundle: bool


@dataclass(frozen=True, slots=True)
class AdjustablePlace:
    """What is recorded at one warehouse; `sellable` includes what is reserved."""

    warehouse_id: UUID
    warehouse_name: str
    sellable: int
    available: int
    reserved: int
    unavailable: int


@dataclass(frozen=True, slots=True)
class BatchThere:
    """Sellable units of a batch at one warehouse."""

    warehouse_id: UUID
    number: str
    expiry_date: date | None
    sellable: int


@dataclass(frozen=True, slots=True)
class AdjustView:
    sku: AdjustableSku
    places: tuple[AdjustablePlace, ...]
    batches: tuple[BatchThere, ...]
    packs: tuple[Pack, ...]
    reasons: tuple[tuple[str, str], ...]
    chosen: Mapping[str, str]
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(batch.number for batch in self.batches))

    @property
    def pack_choices(self) -> tuple[tuple[str, str], ...]:
        return (("", self.sku.unit), *((pack.name, f"{pack.name} × {pack.units}") for pack in self.packs))

    @property
    def place_choices(self) -> tuple[tuple[str, str], ...]:
        return tuple((str(place.warehouse_id), place.warehouse_name) for place in self.places)

    def batches_at(self, warehouse_id: UUID) -> tuple[BatchThere, ...]:
        return tuple(batch for batch in self.batches if batch.warehouse_id == warehouse_id)


@router.get("/stock/{sku_id}/adjust")
async def adjust_page(sku_id: UUID, visit: Signed) -> Response:
    visit.require("operate")
    chosen = {**dict.fromkeys(FIELDS, ""), "warehouse_id": visit.asked("warehouse")}
    return visit.page("stock/adjust.html", await _view(visit, sku_id, chosen), active="stock")


@router.post("/stock/{sku_id}/adjust")
async def adjust(sku_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("operate")
    chosen = {name: form.text(name) for name in FIELDS}
    sku = await _sku(visit, sku_id)
    named, wrong = _adjusted(visit, form, sku)
    if not wrong:
        wrong = await _posted(visit, _adjustment(visit, sku, form, named), sku_id, "inventory.adjusted", chosen)
    if wrong:
        view = await _view(visit, sku_id, chosen, wrong)
        return visit.page("stock/adjust.html", view, active="stock", status=422)
    return visit.redirect(f"/stock/{sku_id}", say=visit.words.gettext("Adjusted. The ledger says why and by whom."))


@router.get("/stock/{sku_id}/receive")
async def receive_page(sku_id: UUID, visit: Signed) -> Response:
    visit.require("operate")
    chosen = {**dict.fromkeys(RECEIPT, ""), "warehouse_id": visit.asked("warehouse"), "once": str(uuid4())}
    return visit.page("stock/receive.html", await _view(visit, sku_id, chosen), active="stock")


@router.post("/stock/{sku_id}/receive")
async def receive(sku_id: UUID, visit: Signed) -> Response:
    """Goods in without an order. `once` makes a second press of the button the same receipt."""
    form = await visit.form()
    visit.require("operate")
    chosen = {name: form.text(name) for name in RECEIPT}
    sku = await _sku(visit, sku_id)
    named, wrong = read_units(visit, form, sku.tracking, is_arriving=True)
    units = named.quantity
    if chosen["pack"] and sku.tracking != "serial":
        packs = {pack.name: pack.units for pack in await get_packs(visit.tx, sku_id)}
        units *= packs.get(chosen["pack"], 0)
        if not 0 < units <= QUANTITY_MAX and not wrong:
            wrong["quantity"] = visit.words.gettext("Type a whole number.")
    cost, bad = _cost(visit, chosen["unit_cost"])
    wrong |= bad
    if uuid_or_none(chosen["warehouse_id"]) is None:
        wrong["warehouse_id"] = visit.words.gettext("Choose a warehouse.")
    if not wrong:
        item = _item(sku, chosen["warehouse_id"], named)
        item.quantity, item.unit_cost = units, cost
        ask = MoveAsk(
            principal_id=str(visit.signed.id),
            actor=visit.actor,
            event_type="inventory.received",
            movement_type="in",
            reference_type="receipt",
            reference_id=chosen["reference"][:200] or None,
            reason="received",
            items=[item],
        )
        if uuid_or_none(chosen["once"]) is not None:
            ask.key, ask.hash = f"form:{chosen['once']}", hashlib.sha256(repr(chosen).encode()).hexdigest()
        wrong = await _posted(visit, ask, sku_id, "inventory.received", chosen)
    if wrong:
        view = await _view(visit, sku_id, chosen, wrong)
        return visit.page("stock/receive.html", view, active="stock", status=422)
    said = visit.words.gettext("Received: %(units)s units are in stock now.", units=visit.formats.number(units))
    return visit.redirect(f"/stock/{sku_id}", say=said)


async def _sku(visit: Visit, sku_id: UUID) -> AdjustableSku:
    sku = await visit.tx.maybe(sql.adjustable_sku, AdjustableSku, sku_id=sku_id)
    if sku is None:
        raise NotFound("sku_not_found", visit.words.gettext("There is no such SKU."))
    return sku


async def _view(
    visit: Visit, sku_id: UUID, chosen: Mapping[str, str], wrong: Mapping[str, str] | None = None
) -> AdjustView:
    sku = await _sku(visit, sku_id)
    places = tuple(await visit.tx.all(sql.adjustable_places, AdjustablePlace, sku_id=sku_id))
    batches: list[BatchThere] = []
    if sku.tracking == "batch":
        batches = await visit.tx.all(sql.adjustable_batches, BatchThere, sku_id=sku_id)
    if not chosen["warehouse_id"] and places:
        fullest = max(places, key=lambda p: p.sellable)
        chosen = {**chosen, "warehouse_id": str(fullest.warehouse_id)}
    reasons = tuple((code, visit.words.gettext(text)) for code, text in REASONS.items())
    packs = tuple(await get_packs(visit.tx, sku_id))
    return AdjustView(sku, places, tuple(batches), packs, reasons, chosen, wrong or {})


async def _posted(
    visit: Visit, ask: MoveAsk, sku_id: UUID, action: str, chosen: Mapping[str, str]
) -> Mapping[str, str]:
    """Post it, and answer what was wrong with it by field."""
    try:
        async with visit.savepoint():
            await service.move(visit.tx, ask)
            told = {name: value for name, value in chosen.items() if value and name != "once"}
            await audit.record(visit.tx, actor=visit.actor, action=action, subject=f"sku:{sku_id}", **told)
    except Denied:
        raise
    except Refusal as refusal:
        return _refused(visit, refusal)
    return {}


def _adjusted(visit: Visit, form: Form, sku: AdjustableSku) -> tuple[Named, dict[str, str]]:
    """The units a correction is about, and what a person must correct, by field."""
    words, change = visit.words, form.text("change")
    named, wrong = read_units(visit, form, sku.tracking, is_arriving=change != "decrease", least=0)
    if not wrong and named.quantity == 0 and change != "set":
        wrong["quantity"] = words.gettext("A change of nothing is not an adjustment.")
    if form.text("reason") not in REASONS:
        wrong["reason"] = words.gettext("Say why: the ledger keeps it.")
    if change not in CHANGES or (change == "set" and sku.tracking == "serial"):
        wrong["change"] = words.gettext("Choose what to do.")
    if uuid_or_none(form.text("warehouse_id")) is None:
        wrong["warehouse_id"] = words.gettext("Choose a warehouse.")
    return named, wrong


def _adjustment(visit: Visit, sku: AdjustableSku, form: Form, named: Named) -> MoveAsk:
    item = _item(sku, form.text("warehouse_id"), named)
    if form.text("change") == "set":
        # What the person saw when they counted: a sale in between must not be overwritten.
        seen = f"seen-{item.warehouse_id}" + (f"-{named.batch.number}" if named.batch else "")
        item.set_to, item.expected_quantity = named.quantity, form.whole(seen) or 0
    else:
        item.quantity = named.quantity if form.text("change") == "increase" else -named.quantity
    return MoveAsk(
        principal_id=str(visit.signed.id),
        actor=visit.actor,
        event_type="inventory.adjusted",
        movement_type="adjustment",
        reference_type="adjustment",
        reason=form.text("reason"),
        items=[item],
    )


def _item(sku: AdjustableSku, warehouse_id: str, named: Named) -> MoveItem:
    return MoveItem(sku_id=str(sku.id), warehouse_id=warehouse_id, batch=named.batch, serials=named.serials)


def _cost(visit: Visit, text: str) -> tuple[str | None, dict[str, str]]:
    """What one unit cost, as the ledger keeps it: up to six decimals."""
    if not text:
        return None, {}
    try:
        cost = Decimal(text.replace(",", "."))
    except InvalidOperation:
        cost = Decimal(-1)
    if not cost.is_finite() or not 0 <= cost < 10**12 or cost != round(cost, 6):
        return None, {"unit_cost": visit.words.gettext("Type an amount such as 1.25.")}
    return f"{cost:f}", {}


def _refused(visit: Visit, refusal: Refusal) -> Mapping[str, str]:
    words = visit.words
    said = {
        "version_conflict": words.gettext(
            "The quantity changed while you were typing. Look at the new one and decide again."
        ),
        "insufficient_stock": words.gettext("Fewer units are available than you want to take away."),
        "below_reserved": words.gettext("More units are reserved than that. Release holds first."),
        "idempotency_key_reused": words.gettext("This was booked already, with other quantities. Reload the page."),
        "sku_is_bundle": words.gettext("A bundle has no stock of its own; receive its components."),
        "sku_archived": words.gettext("The SKU is archived and can no longer be received."),
    }
    return refused_units(visit, refusal) or {"quantity": said.get(refusal.code, refusal.detail)}
