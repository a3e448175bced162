"""Purchase orders: what waits, what comes, what is late; sending, receiving, cancelling."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed, Visit
from holdfast.kernel.errors import Conflict, Denied, Refusal
from holdfast.purchasing import exceptions, letters, links, pushes, service
from holdfast.purchasing.order_views import order_lines, order_view, orders_view
from holdfast.purchasing.receiving_form import read_arrivals
from holdfast.purchasing.suppliers import get_supplier
from holdfast.stock.named_units import refused_units
from holdfast.web.i18n import N_

_NUMBER = re.compile(r"-?\d+(\.\d+)?")

router = APIRouter(include_in_schema=False, route_class=PageRoute)

REFUSALS: Final = {
    "order_not_sent": N_("The order is not sent yet; send it first."),
    "order_already_sent": N_("The order was already sent."),
    "order_partly_received": N_("Part of the order has arrived; close it instead."),
    "order_received": N_("The order has arrived in full."),
    "order_closed": N_("The order is closed."),
    "order_cancelled": N_("The order is cancelled."),
    "order_is_empty": N_("The order has no lines."),
    "terms_not_met": N_("The order does not meet the supplier's terms."),
    "over_receipt": N_("More arrived than was ordered; nothing was booked."),
    "delivery_note_reused": N_("This delivery note was booked with other lines."),
    "duplicate_supply": N_("What is open already covers this order. Say why if it shall be sent anyway."),
    "outside_limits": N_("The order is outside its limits. Say why if it shall be sent anyway."),
    "over_approval_limit": N_("The order is worth more than your role may approve."),
    "push_not_waiting": N_("Somebody has decided on it already."),
    "not_on_order": N_("Type at least one quantity that arrived."),
}
TERMS: Final = {
    "below_moq": N_("line %(line_no)s: at least %(moq)s, not %(ordered)s"),
    "not_a_multiple": N_("line %(line_no)s: %(ordered)s is not a multiple of %(order_multiple)s"),
    "above_max_order_quantity": N_("line %(line_no)s: at most %(max_order_quantity)s, not %(ordered)s"),
    "over_truck_volume": N_("takes %(order_volume_l)s l of a truck of %(truck_volume_l)s l"),
    "over_truck_weight": N_("weighs %(order_weight_kg)s kg on a truck for %(truck_weight_kg)s kg"),
    "no_order_day": N_("the supplier takes no orders today; the next day is %(next_order_day)s"),
    "below_minimum_order_value": N_("worth %(order_value)s, at least %(minimum_order_value)s is wanted"),
    "order_limit_exceeded": N_("%(measure)s %(per)s: %(adds)s on top of %(before)s that went out, of %(most)s"),
}
# What a limit counts, and for how long, inside a sentence.
WITHIN: Final = {
    "money": N_("money"),
    "volume_l": N_("litres"),
    "weight_kg": N_("kilograms"),
    "pallets": N_("pallets"),
    "order": N_("of one order"),
    "day": N_("of the day"),
    "week": N_("of the week"),
    "month": N_("of the month"),
    "quarter": N_("of the quarter"),
}


@router.get("/purchase-orders")
async def orders(visit: Signed) -> Response:
    return visit.page("purchasing/orders.html", await orders_view(visit), active="orders", block="results")


@router.get("/purchase-orders/{order_id}")
async def order(order_id: UUID, visit: Signed) -> Response:
    return visit.page("purchasing/order.html", await order_view(visit, order_id), active="orders")


@router.post("/purchase-orders/{order_id}/send")
async def send(order_id: UUID, visit: Signed) -> Response:
    """A second press, after what is broken was shown, sends all the same; limits and duplicates want a reason."""
    form = await visit.form()
    visit.require("approve")
    try:
        async with visit.savepoint():
            detail = await service.send(
                visit.tx,
                order_id,
                actor=visit.actor,
                accept_terms_broken=form.text("anyway") == "yes",
                duplicate_reason=form.text("reason"),
                limit_reason=form.text("limit_reason"),
            )
    except (Conflict, Denied) as refusal:
        said = {name: form.text(name) for name in ("anyway", "limit_reason")}
        return await _refused(visit, order_id, refusal, said)
    say = visit.words.gettext(
        "%(number)s is on its way to %(supplier)s.", number=detail.order.number, supplier=detail.order.supplier_name
    )
    return visit.redirect(f"/purchase-orders/{order_id}", say=say)


@router.post("/purchase-orders/{order_id}/receive")
async def receive(order_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("operate")
    lines = await order_lines(visit, order_id)
    arrivals, wrong = read_arrivals(visit, form, lines)
    if not wrong:
        try:
            async with visit.savepoint():
                await service.receive(
                    visit.tx,
                    order_id,
                    arrivals=arrivals,
                    reference=form.text("reference") or None,
                    actor=visit.actor,
                )
            units = visit.formats.number(sum(a.quantity for a in arrivals))
            say = visit.words.gettext("Booked: %(units)s units are in stock now.", units=units)
            return visit.redirect(f"/purchase-orders/{order_id}", say=say)
        except Refusal as refusal:
            wrong = _wrong_lines(visit, refusal)
    typed = {name: form.text(name) for name in form.fields}
    view = await order_view(visit, order_id, typed=typed, wrong=wrong)
    return visit.page("purchasing/order.html", view, active="orders", status=422)


@router.post("/purchase-orders/{order_id}/acknowledge")
async def acknowledge(order_id: UUID, visit: Signed) -> Response:
    await visit.form()
    visit.require("operate")
    await exceptions.acknowledge(visit.tx, order_id, actor=visit.actor)
    return visit.redirect(f"/purchase-orders/{order_id}", say=visit.words.gettext("Noted: you see to it."))


@router.post("/purchase-orders/{order_id}/resolve")
async def resolve(order_id: UUID, visit: Signed) -> Response:
    await visit.form()
    visit.require("operate")
    await exceptions.resolve(visit.tx, order_id, actor=visit.actor)
    say = visit.words.gettext("Resolved. Each comes back only after its cause was over.")
    return visit.redirect(f"/purchase-orders/{order_id}", say=say)


@router.post("/purchase-orders/{order_id}/link")
async def link(order_id: UUID, visit: Signed) -> Response:
    """A new address for the supplier, or none any more."""
    form = await visit.form()
    visit.require("approve")
    if form.text("revoke") == "yes":
        await links.revoke(visit.tx, order_id, actor=visit.actor)
        say = visit.words.gettext("The supplier's page is closed.")
        return visit.redirect(f"/purchase-orders/{order_id}", say=say)
    try:
        async with visit.savepoint():
            await service.renew_link(visit.tx, order_id, actor=visit.actor)
    except Conflict as refusal:
        return await _refused(visit, order_id, refusal)
    say = visit.words.gettext("The supplier gets a new address by e-mail.")
    return visit.redirect(f"/purchase-orders/{order_id}", say=say)


@router.post("/purchase-orders/{order_id}/pushes/{push_id}")
async def decide_push(order_id: UUID, push_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("approve")
    decision = "again" if form.text("decision") == "again" else "received"
    try:
        async with visit.savepoint():
            await pushes.decide(visit.tx, order_id, push_id, decision=decision, actor=visit.actor)
    except Conflict as refusal:
        return await _refused(visit, order_id, refusal)
    say = (
        visit.words.gettext("It is sent again.") if decision == "again" else visit.words.gettext("Noted: they have it.")
    )
    return visit.redirect(f"/purchase-orders/{order_id}", say=say)


@router.get("/purchase-orders/{order_id}/order.pdf")
async def paper(order_id: UUID, visit: Signed) -> Response:
    detail = await service.get_order(visit.tx, order_id)
    supplier = await get_supplier(visit.tx, detail.order.supplier_id)
    return _file(await letters.printed(visit.tx, detail, supplier), "application/pdf", f"{detail.order.number}.pdf")


@router.get("/purchase-orders/{order_id}/order.csv")
async def table(order_id: UUID, visit: Signed) -> Response:
    detail = await service.get_order(visit.tx, order_id)
    return _file(letters.order_csv(detail), "text/csv", f"{detail.order.number}.csv")


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.post("/purchase-orders/{order_id}/cancel")
async def cancel(order_id: UUID, visit: Signed) -> Response:
    await visit.form()
    visit.require("approve")
    try:
        async with visit.savepoint():
            await service.cancel(visit.tx, order_id, reason="", actor=visit.actor)
    except Conflict as refusal:
        return await _refused(visit, order_id, refusal)
    return visit.redirect(f"/purchase-orders/{order_id}", say=visit.words.gettext("The order is cancelled."))


@router.post("/purchase-orders/{order_id}/close")
async def close(order_id: UUID, visit: Signed) -> Response:
    await visit.form()
    visit.require("approve")
    try:
        async with visit.savepoint():
            await service.close(visit.tx, order_id, reason="", actor=visit.actor)
    except Conflict as refusal:
        return await _refused(visit, order_id, refusal)
    return visit.redirect(f"/purchase-orders/{order_id}", say=visit.words.gettext("The order is closed."))


def _wrong_lines(visit: Visit, refusal: Refusal) -> dict[str, str]:
    """The refusal beside the lines it is about, or over the order."""
    wrong = {
        f"line-{error['line_no']}": visit.words.gettext(
            "At most %(most)s more.", most=visit.formats.number(error["acceptable"])
        )
        for error in refusal.errors
        if error.get("line_no") and "acceptable" in error
    }
    said = " ".join([_sentence(visit, refusal), *refused_units(visit, refusal).values()])
    return {**wrong, "order": said}


def _sentence(visit: Visit, refusal: Refusal) -> str:
    known = REFUSALS.get(refusal.code)
    said = visit.words.gettext(known) if known else refusal.detail
    return " ".join([said, *(_term(visit, error) for error in refusal.errors if error.get("code") in TERMS)])


def _term(visit: Visit, error: dict[str, Any]) -> str:
    facts = {name: _figure(visit, name, value, error.get("currency")) for name, value in error.items()}
    said = TERMS[error["code"]]
    return visit.words.gettext(said, **facts) + "."


def _figure(visit: Visit, name: str, value: Any, currency: str | None) -> Any:
    """A fact of a refusal as people read it."""
    if name in ("measure", "per"):
        return visit.words.gettext(WITHIN[value])
    if name == "next_order_day" and value:
        return visit.formats.day(date.fromisoformat(value))
    if isinstance(value, int) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        return visit.formats.money(Decimal(value), currency) if currency else visit.formats.number(Decimal(value), 2)
    return value


def _duplicate(visit: Visit, error: dict[str, Any]) -> str:
    """What is open for one line, the likeliest duplicate first."""
    others = [
        visit.words.gettext(
            "%(number)s: %(quantity)s, %(when)s",
            number=d["number"],
            quantity=visit.formats.number(d["quantity"]),
            when=_when(visit, d["expected_at"]),
        )
        for d in error["documents"]
    ]
    return visit.words.gettext(
        "%(code)s: %(available)s here and %(open)s open (%(documents)s); %(days)s days sell about %(demand)s.",
        code=error["sku_code"],
        available=visit.formats.number(error["available"]),
        open=visit.formats.number(error["open_quantity"]),
        documents="; ".join(others),
        days=visit.formats.number(error["horizon_days"]),
        demand=visit.formats.number(error["expected_demand"]),
    )


def _when(visit: Visit, day: str | None) -> str:
    return visit.formats.day(date.fromisoformat(day)) if day else visit.words.gettext("no date")


async def _refused(
    visit: Visit, order_id: UUID, refusal: Conflict | Denied, typed: dict[str, str] | None = None
) -> Response:
    wrong = {"order": _sentence(visit, refusal), refusal.code: "yes"}
    if refusal.code == "duplicate_supply":
        wrong["duplicates"] = "\n".join(_duplicate(visit, error) for error in refusal.errors)
    view = await order_view(visit, order_id, typed=typed, wrong=wrong)
    return visit.page("purchasing/order.html", view, active="orders", status=409)
