"""Who holds what, and correcting a quantity by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access import audit
from holdfast.access.visit import Form, PageRoute, Signed, Visit
from holdfast.db import statements
from holdfast.kernel.errors import Denied, NotFound, Refusal
from holdfast.kernel.ids import uuid_or_none
from holdfast.kernel.page import decode_cursor, encode_cursor, page_of
from holdfast.stock import service
from holdfast.stock.answers import refusal_of
from holdfast.stock.asks import QUANTITY_MAX, MoveAsk, MoveItem, ResolveAsk
from holdfast.stock.lanes import Lanes
from holdfast.stock.wording import HOLDS, REASONS, hold_kind
from holdfast.web.address import Address
from holdfast.web.search_words import search_words

router = APIRouter(include_in_schema=False, route_class=PageRoute)
sql = statements("holdfast.stock", "pages.sql")
ROWS: Final = 50
CHANGES: Final = ("increase", "decrease", "set")


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class HoldRow:
    id: UUID
    reference_type: str
    reference_id: str
    created_at: datetime
    expires_at: datetime | None
    actor: str
    units: int
    skus: int
    first_sku_id: UUID | None
    first_name: str | None
    warehouses: str | None


@dataclass(frozen=True, slots=True)
class HoldCounts:
    holds: int
    ending: int
    carts: int
    units: int


@dataclass(frozen=True, slots=True)
class HoldsView:
    address: Address
    rows: tuple[HoldRow, ...]
    kinds: Mapping[str, str]
    next_cursor: str | None
    counts: HoldCounts
    warehouses: tuple[tuple[str, str], ...]
    may_release: bool


@dataclass(frozen=True, slots=True)
class AdjustableSku:
    id: UUID
    code: str
    name: str
    unit: str
    is_archived: bool


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
class AdjustView:
    sku: AdjustableSku
    places: tuple[AdjustablePlace, ...]
    reasons: tuple[tuple[str, str], ...]
    chosen: Mapping[str, str]
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])


@router.get("/holds")
async def holds(visit: Signed) -> Response:
    return visit.page("stock/holds.html", await _holds_view(visit), active="holds", block="results")


async def _holds_view(visit: Visit) -> HoldsView:
    """Three statements: the page, the counts, the filter."""
    address = Address.of(
        "/holds",
        q=visit.asked("q"),
        kind=visit.asked("kind", among=tuple(HOLDS)),
        warehouse=visit.asked("warehouse"),
        cursor=visit.asked("cursor"),
    )
    words = search_words(address.value("q"))
    after = decode_cursor(address.value("cursor"), 2)
    found = await visit.tx.all(
        sql.hold_rows,
        HoldRow,
        kind=address.value("kind") or None,
        like=words.like,
        prefix=words.prefix,
        warehouse_id=uuid_or_none(address.value("warehouse")),
        after_end=after[0] if after else None,
        after_id=after[1] if after else None,
        limit=ROWS + 1,
    )
    page = page_of(found, ROWS, lambda row: encode_cursor(row.expires_at or "infinity", row.id))
    choices = await visit.tx.all(sql.warehouse_choices, Choice)
    return HoldsView(
        address=address,
        rows=tuple(page.items),
        kinds={kind: hold_kind(kind, visit.words) for kind in HOLDS},
        next_cursor=page.next_cursor,
        counts=await visit.tx.one(sql.hold_counts, HoldCounts),
        warehouses=tuple((c.value, c.label) for c in choices),
        may_release=visit.may("operate"),
    )


@router.post("/holds/{reservation_id}/release")
async def release(reservation_id: UUID, visit: Signed) -> Response:
    """Give everything back that the hold still holds."""
    form = await visit.form()
    visit.require("operate")
    lanes: Lanes = visit.request.app.state.lanes
    ask = ResolveAsk(
        principal_id=str(visit.signed.id),
        actor=visit.actor,
        reservation_id=str(reservation_id),
        action="release",
    )
    refusal = refusal_of(await lanes.resolve(ask))
    back = form.text("next") or "/holds"
    if refusal is not None:
        return visit.redirect(back, say=visit.words.gettext("This hold was already over."), bad=True)
    return visit.redirect(back, say=visit.words.gettext("The hold is released; its units are available again."))


@router.get("/stock/{sku_id}/adjust")
async def adjust_page(sku_id: UUID, visit: Signed) -> Response:
    visit.require("operate")
    chosen = {"warehouse_id": visit.asked("warehouse"), "change": "set", "reason": "", "quantity": ""}
    return visit.page("stock/adjust.html", await _adjust_view(visit, sku_id, chosen), active="stock")


async def _adjust_view(
    visit: Visit, sku_id: UUID, chosen: Mapping[str, str], wrong: Mapping[str, str] | None = None
) -> AdjustView:
    sku = await visit.tx.maybe(sql.adjustable_sku, AdjustableSku, sku_id=sku_id)
    if sku is None:
        raise NotFound("sku_not_found", visit.words.gettext("There is no such SKU."))
    places = tuple(await visit.tx.all(sql.adjustable_places, AdjustablePlace, sku_id=sku_id))
    if not chosen["warehouse_id"] and places:
        fullest = max(places, key=lambda p: p.sellable)
        chosen = {**chosen, "warehouse_id": str(fullest.warehouse_id)}
    reasons = tuple((code, visit.words.gettext(text)) for code, text in REASONS.items())
    return AdjustView(sku, places, reasons, chosen, wrong or {})


@router.post("/stock/{sku_id}/adjust")
async def adjust(sku_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("operate")
    chosen = {name: form.text(name) for name in ("warehouse_id", "change", "reason", "quantity")}
    wrong = _wrong_fields(visit, form)
    if not wrong:
        try:
            async with visit.savepoint():
                await service.move(visit.tx, _ask(visit, sku_id, form))
                await audit.record(
                    visit.tx,
                    actor=visit.actor,
                    action="inventory.adjusted",
                    subject=f"sku:{sku_id}",
                    **chosen,
                )
        except Denied:
            raise
        except Refusal as refusal:
            wrong = _refused(visit, refusal)
    if wrong:
        view = await _adjust_view(visit, sku_id, chosen, wrong)
        return visit.page("stock/adjust.html", view, active="stock", status=422)
    return visit.redirect(f"/stock/{sku_id}", say=visit.words.gettext("Adjusted. The ledger says why and by whom."))


def _wrong_fields(visit: Visit, form: Form) -> dict[str, str]:
    """What a person must correct, by field."""
    words, wrong = visit.words, dict[str, str]()
    quantity = form.whole("quantity")
    if quantity is None or quantity > QUANTITY_MAX:
        wrong["quantity"] = words.gettext("Type a whole number.")
    elif quantity == 0 and form.text("change") != "set":
        wrong["quantity"] = words.gettext("A change of nothing is not an adjustment.")
    if form.text("reason") not in REASONS:
        wrong["reason"] = words.gettext("Say why: the ledger keeps it.")
    if form.text("change") not in CHANGES:
        wrong["change"] = words.gettext("Choose what to do.")
    if uuid_or_none(form.text("warehouse_id")) is None:
        wrong["warehouse_id"] = words.gettext("Choose a warehouse.")
    return wrong


def _ask(visit: Visit, sku_id: UUID, form: Form) -> MoveAsk:
    warehouse_id, quantity = form.text("warehouse_id"), form.whole("quantity") or 0
    item = MoveItem(sku_id=str(sku_id), warehouse_id=warehouse_id)
    if form.text("change") == "set":
        # What the person saw when they counted: a sale in between must not be overwritten.
        item.set_to, item.expected_quantity = quantity, form.whole(f"seen-{warehouse_id}") or 0
    else:
        item.quantity = quantity if form.text("change") == "increase" else -quantity
    return MoveAsk(
        principal_id=str(visit.signed.id),
        actor=visit.actor,
        event_type="inventory.adjusted",
        movement_type="adjustment",
        reference_type="adjustment",
        reason=form.text("reason"),
        items=[item],
    )


def _refused(visit: Visit, refusal: Refusal) -> dict[str, str]:
    words = visit.words
    said = {
        "version_conflict": words.gettext(
            "The quantity changed while you were typing. Look at the new one and decide again."
        ),
        "insufficient_stock": words.gettext("Fewer units are available than you want to take away."),
        "below_reserved": words.gettext("More units are reserved than that. Release holds first."),
    }
    return {"quantity": said.get(refusal.code, refusal.detail)}
