"""Transfers: draft by scanning, ship, receive at a table or with a scanner, close with what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import Form, PageRoute, Signed, Visit
from holdfast.catalog.scanning import Scan, Scanned, scan
from holdfast.kernel.errors import Conflict, Invalid, Refusal
from holdfast.kernel.ids import uuid_or_none
from holdfast.stock.asks import QUANTITY_MAX
from holdfast.transfers import service
from holdfast.transfers.model import Arrival
from holdfast.transfers.named_parts import PartsOfLine, arrived_units, picked_units, refused_parts
from holdfast.transfers.transfer_views import (
    SCANNED,
    Line,
    NewView,
    Typed,
    parts_at_source,
    parts_on_way,
    scan_view,
    transfer_lines,
    transfer_view,
    transfers_view,
)
from holdfast.warehouses.choosing import warehouse_choices
from holdfast.web.i18n import N_

router = APIRouter(include_in_schema=False, route_class=PageRoute)

REFUSALS: Final = {
    "transfer_is_empty": N_("Add what shall travel first."),
    "transfer_not_shipped": N_("The transfer is not shipped yet; ship it first."),
    "transfer_already_shipped": N_("The transfer was already shipped."),
    "transfer_received": N_("Everything has arrived."),
    "transfer_closed": N_("The transfer is closed."),
    "transfer_cancelled": N_("The transfer is cancelled."),
    "warehouse_inactive": N_("The destination is not active."),
    "insufficient_stock": N_("The source has fewer units available than you want to send. Nothing was shipped."),
    "sku_archived": N_("A SKU on it is archived and could not be received."),
    "version_conflict": N_("Somebody changed the transfer meanwhile. Look at it and decide again."),
    "over_receipt": N_("More arrived than is on its way; nothing was booked."),
    "delivery_note_reused": N_("This was booked already, with other quantities. Nothing was booked twice."),
    "not_on_transfer": N_("Type at least one quantity that arrived."),
    "units_unclear": N_("Nothing was booked: the lines say which batches or serial numbers are unclear."),
    "serial_not_here": N_("A unit that shall travel is not there to be had. Nothing was shipped."),
    "unknown_batch": N_("A batch that shall travel is not known. Nothing was shipped."),
}


@router.get("/transfers")
async def transfers(visit: Signed) -> Response:
    return visit.page("transfers/transfers.html", await transfers_view(visit), active="transfers", block="results")


@router.get("/transfers/new")
async def new_transfer(visit: Signed) -> Response:
    visit.require("operate")
    fields = {"from": visit.asked("from"), "to": visit.asked("to"), "expected_at": "", "note": ""}
    return visit.page("transfers/new.html", NewView(await warehouse_choices(visit), Typed(fields)), active="transfers")


@router.post("/transfers")
async def create(visit: Signed) -> Response:
    form = await visit.form()
    visit.require("operate")
    wrong = _wrong_head(visit, form)
    if not wrong:
        try:
            async with visit.savepoint():
                detail = await service.create_transfer(
                    visit.tx,
                    from_warehouse_id=UUID(form.text("from")),
                    to_warehouse_id=UUID(form.text("to")),
                    lines=[],
                    expected_at=_day(form.text("expected_at")),
                    note=form.text("note")[:5000],
                    actor=visit.actor,
                )
            return visit.redirect(f"/transfers/{detail.transfer.id}")
        except (Conflict, Invalid) as refusal:
            wrong = {"to": _sentence(visit, refusal)}
    view = NewView(await warehouse_choices(visit), Typed(_fields(form), wrong))
    return visit.page("transfers/new.html", view, active="transfers", status=422)


@router.get("/transfers/{transfer_id}")
async def transfer(transfer_id: UUID, visit: Signed) -> Response:
    return await _shown(visit, transfer_id)


@router.post("/transfers/{transfer_id}/lines")
async def add_line(transfer_id: UUID, visit: Signed) -> Response:
    """One more SKU on a draft; the same SKU again adds to it, so that a scanner can count."""
    form = await visit.form()
    visit.require("operate")
    found = await scan(visit, form.text("sku_code"), form.text("sku"))
    quantity, wrong = _whole(visit, form, "quantity", least=1)
    if found.sku is None or wrong:
        return await _shown(visit, transfer_id, Typed(_fields(form), wrong, found), status=422)
    lines = [(line.sku_id, line.quantity) for line in await transfer_lines(visit, transfer_id)]
    try:
        async with visit.savepoint():
            await service.change_draft(
                visit.tx,
                transfer_id,
                lines=[*lines, (found.sku.id, quantity)],
                changes={},
                expected_version=None,
                actor=visit.actor,
            )
    except Refusal as refusal:
        return await _refused(visit, transfer_id, refusal, form)
    say = visit.words.gettext(
        "%(quantity)s × %(name)s added.", quantity=visit.formats.number(quantity), name=found.sku.name
    )
    return visit.redirect(f"/transfers/{transfer_id}", say=say)


@router.post("/transfers/{transfer_id}/quantities")
async def change_quantities(transfer_id: UUID, visit: Signed) -> Response:
    """All quantities of a draft at once, compared with the version that was seen; zero takes a line away."""
    form = await visit.form()
    visit.require("operate")
    lines = await transfer_lines(visit, transfer_id)
    wanted: list[tuple[UUID, int]] = []
    wrong: dict[str, str] = {}
    for line in lines:
        quantity, bad = _whole(visit, form, f"line-{line.line_no}", empty=0)
        wrong |= bad
        if quantity:
            wanted.append((line.sku_id, quantity))
    if wrong:
        return await _shown(visit, transfer_id, Typed(_fields(form), wrong), status=422)
    try:
        async with visit.savepoint():
            await service.change_draft(
                visit.tx,
                transfer_id,
                lines=wanted,
                changes={},
                expected_version=form.whole("version"),
                actor=visit.actor,
            )
    except Refusal as refusal:
        return await _refused(visit, transfer_id, refusal, form)
    return visit.redirect(f"/transfers/{transfer_id}", say=visit.words.gettext("Quantities saved."))


@router.post("/transfers/{transfer_id}/ship")
async def ship(transfer_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("operate")
    planned = {line.line_no: (line.sku_id, line.quantity) for line in await transfer_lines(visit, transfer_id)}
    picked, wrong = picked_units(visit, form, planned, await parts_at_source(visit, transfer_id))
    if wrong:
        return await _shown(visit, transfer_id, Typed(_fields(form), wrong), status=422)
    try:
        async with visit.savepoint():
            detail = await service.ship(
                visit.tx, transfer_id, actor=visit.actor, picked=picked, expected_version=form.whole("version")
            )
    except Refusal as refusal:
        return await _refused(visit, transfer_id, refusal, form)
    units = visit.formats.number(detail.transfer.quantity_total)
    return visit.redirect(
        f"/transfers/{transfer_id}", say=visit.words.gettext("Shipped: %(units)s units are on their way.", units=units)
    )


@router.post("/transfers/{transfer_id}/receive")
async def receive(transfer_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("operate")
    arrivals: list[Arrival] = []
    wrong: dict[str, str] = {}
    parts = await parts_on_way(visit, transfer_id)
    for line in await transfer_lines(visit, transfer_id):
        here = parts.get(line.line_no, PartsOfLine())
        arrived, bad = arrived_units(visit, form, line.sku_id, here, f"-{line.line_no}")
        arrivals += arrived
        wrong |= bad
    if wrong:
        return await _shown(visit, transfer_id, Typed(_fields(form), wrong), status=422)
    refusal = await _book(visit, transfer_id, arrivals, form.text("reference")[:200])
    if refusal is not None:
        return await _refused(visit, transfer_id, refusal, form)
    return visit.redirect(f"/transfers/{transfer_id}", say=_booked(visit, arrivals))


@router.get("/transfers/{transfer_id}/scan")
async def scan_page(transfer_id: UUID, visit: Signed) -> Response:
    """Two steps in one address: without a SKU the scan field, with one how many of it arrived."""
    visit.require("operate")
    lines = await transfer_lines(visit, transfer_id)
    line, found = await _line_of(visit, lines)
    view = await scan_view(visit, transfer_id, line, lines, Typed(scan=found))
    status = 422 if found is not None and found.wrong else 200
    return visit.page("transfers/scan.html", view, active="transfers", status=status)


@router.post("/transfers/{transfer_id}/scan")
async def receive_scanned(transfer_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("operate")
    lines = await transfer_lines(visit, transfer_id)
    line = next((one for one in lines if str(one.sku_id) == form.text("sku")), None)
    if line is None:
        return visit.redirect(f"/transfers/{transfer_id}/scan")
    here = (await parts_on_way(visit, transfer_id)).get(line.line_no, PartsOfLine())
    arrivals, wrong = arrived_units(visit, form, line.sku_id, here, "")
    units = sum(arrival.total for arrival in arrivals)
    if not wrong and not units:
        wrong["good"] = visit.words.gettext("Type how many arrived.")
    if not wrong:
        once = form.text("once")[:100]
        reference = once if once.startswith(SCANNED) else ""
        refusal = await _book(visit, transfer_id, arrivals, reference)
        if refusal is None:
            return visit.redirect(f"/transfers/{transfer_id}/scan", say=_scanned(visit, line, units))
        at_most = visit.words.gettext("At most %(most)s more.", most=visit.formats.number(line.open))
        unclear = refused_parts(visit, refusal, {str(line.sku_id): line.line_no})
        said = at_most if refusal.code == "over_receipt" else _sentence(visit, refusal)
        wrong["good"] = next(iter(unclear.values()), said)
    view = await scan_view(visit, transfer_id, line, lines, Typed(_fields(form), wrong))
    return visit.page("transfers/scan.html", view, active="transfers", status=422)


@router.post("/transfers/{transfer_id}/close")
async def close(transfer_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("operate")
    if not form.text("reason"):
        wrong = {"reason": visit.words.gettext("Say why: the ledger keeps it.")}
        return await _shown(visit, transfer_id, Typed(_fields(form), wrong), status=422)
    try:
        async with visit.savepoint():
            detail = await service.close(
                visit.tx,
                transfer_id,
                reason=form.text("reason")[:500],
                actor=visit.actor,
                expected_version=form.whole("version"),
            )
    except Refusal as refusal:
        return await _refused(visit, transfer_id, refusal, form)
    lost = detail.transfer.lost_total
    say = visit.words.ngettext(
        "Closed: %(num)s unit is written off as lost.",
        "Closed: %(num)s units are written off as lost.",
        lost,
        num=visit.formats.number(lost),
    )
    return visit.redirect(f"/transfers/{transfer_id}", say=say)


@router.post("/transfers/{transfer_id}/cancel")
async def cancel(transfer_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("operate")
    try:
        async with visit.savepoint():
            await service.cancel(visit.tx, transfer_id, reason="", actor=visit.actor)
    except Refusal as refusal:
        return await _refused(visit, transfer_id, refusal, form)
    return visit.redirect("/transfers", say=visit.words.gettext("The draft is taken back; nothing had moved."))


async def _shown(visit: Visit, transfer_id: UUID, typed: Typed | None = None, *, status: int = 200) -> Response:
    view = await transfer_view(visit, transfer_id, typed)
    return visit.page("transfers/transfer.html", view, active="transfers", status=status)


async def _refused(visit: Visit, transfer_id: UUID, refusal: Refusal, form: Form) -> Response:
    """The refusal beside the lines it is about, or over the transfer; what was typed stays."""
    lines = {str(line.sku_id): line.line_no for line in await transfer_lines(visit, transfer_id)}
    wrong = {"transfer": _sentence(visit, refusal)} | refused_parts(visit, refusal, lines)
    for error in refusal.errors:
        line_no = lines.get(str(error.get("sku_id")))
        if line_no is not None and "open" in error:
            most = visit.formats.number(error["open"])
            wrong[f"good-{line_no}"] = visit.words.gettext("At most %(most)s more.", most=most)
        elif line_no is not None and "available" in error and f"pick-{line_no}" not in wrong:
            there = visit.formats.number(error["available"])
            wrong[f"line-{line_no}"] = visit.words.gettext("Only %(there)s available.", there=there)
    return await _shown(visit, transfer_id, Typed(_fields(form), wrong), status=409)


async def _book(visit: Visit, transfer_id: UUID, arrivals: Sequence[Arrival], reference: str) -> Refusal | None:
    try:
        async with visit.savepoint():
            await service.receive(
                visit.tx, transfer_id, arrivals=arrivals, reference=reference or None, reason="", actor=visit.actor
            )
    except Refusal as refusal:
        return refusal
    return None


async def _line_of(visit: Visit, lines: Sequence[Line]) -> tuple[Line | None, Scan | None]:
    """The line that was scanned: among those of the transfer first, so that two letters are often enough."""
    typed, chosen = visit.asked("sku_code"), visit.asked("sku")
    if not typed and not chosen:
        return None, None
    small = typed.casefold()
    exact = [
        x for x in lines if str(x.sku_id) == chosen or small == x.code.casefold() or (typed and typed == x.barcode)
    ]
    fitting = exact or [x for x in lines if small in x.name.casefold() or x.code.casefold().startswith(small)]
    if len(fitting) == 1:
        return fitting[0], None
    if fitting:
        several = tuple(Scanned(x.sku_id, x.code, x.name, x.barcode, "", "", False) for x in fitting[:8])
        return None, Scan(typed, several=several, wrong=visit.words.gettext("Several fit. Which one is it?"))
    found = await scan(visit, typed)
    if found.sku is None and not found.several:
        return None, found
    name = found.sku.name if found.sku else typed
    return None, Scan(typed, wrong=visit.words.gettext("%(name)s is not on this transfer.", name=name))


def _wrong_head(visit: Visit, form: Form) -> dict[str, str]:
    words, wrong = visit.words, dict[str, str]()
    for name in ("from", "to"):
        if uuid_or_none(form.text(name)) is None:
            wrong[name] = words.gettext("Choose a warehouse.")
    if not wrong and form.text("from") == form.text("to"):
        wrong["to"] = words.gettext("A transfer goes to another warehouse.")
    if form.text("expected_at") and _day(form.text("expected_at")) is None:
        wrong["expected_at"] = words.gettext("Type a day such as 2026-12-24.")
    return wrong


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _whole(
    visit: Visit, form: Form, name: str, *, least: int = 0, empty: int | None = None
) -> tuple[int, dict[str, str]]:
    """A quantity as it was typed; `empty` is what an empty field means."""
    if not form.text(name) and empty is not None:
        return empty, {}
    quantity = form.whole(name)
    if quantity is None or not least <= quantity <= QUANTITY_MAX:
        return 0, {name: visit.words.gettext("Type a whole number.")}
    return quantity, {}


def _fields(form: Form) -> Mapping[str, str]:
    return {name: form.text(name) for name in form.fields}


def _sentence(visit: Visit, refusal: Refusal) -> str:
    known = REFUSALS.get(refusal.code)
    return visit.words.gettext(known) if known else refusal.detail


def _booked(visit: Visit, arrivals: Sequence[Arrival]) -> str:
    units = visit.formats.number(sum(a.total for a in arrivals))
    return visit.words.gettext("Booked: %(units)s units are in stock now.", units=units)


def _scanned(visit: Visit, line: Line, units: int) -> str:
    facts: dict[str, Any] = {
        "units": visit.formats.number(units),
        "name": line.name,
        "open": visit.formats.number(max(0, line.open - units)),
    }
    return visit.words.gettext("Booked: %(units)s × %(name)s, %(open)s still to come.", **facts)
