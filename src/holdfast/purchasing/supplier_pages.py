"""Suppliers in the console: who they are, what they ask, how they keep their word, how long they really take."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed, Visit
from holdfast.kernel.errors import Refusal
from holdfast.purchasing import learning, suppliers, trials
from holdfast.purchasing.keeping import promise_changed
from holdfast.purchasing.supplier_views import card_view, suppliers_view
from holdfast.settings import Settings
from holdfast.stock import undo
from holdfast.web.i18n import N_

router = APIRouter(include_in_schema=False, route_class=PageRoute)

REFUSALS = {
    "nothing_learned": N_("Too few deliveries arrived to learn a lead time from them."),
    "nothing_to_try": N_("There is no address to which a test could go."),
    "secret_not_set": N_("HOLDFAST_SECRET is not set, so nothing can be signed. Set it and restart."),
    "already_undone": N_("Somebody took this back before."),
    "changed_since": N_("It was changed again since; take that back first."),
    "still_used": N_("Something done since needs what would be taken back."),
    "nothing_to_undo": N_("Nothing is known that this changed, or it is too long ago."),
    "not_undoable": N_("This cannot be taken back."),
}
CHANNELS = ("email", "api", "page")


@router.get("/suppliers")
async def show_suppliers(visit: Signed) -> Response:
    return visit.page("purchasing/suppliers.html", await suppliers_view(visit), active="suppliers", block="results")


@router.get("/suppliers/{supplier_id:uuid}")
async def show_supplier(supplier_id: UUID, visit: Signed) -> Response:
    view = await card_view(visit, supplier_id)
    return visit.page("purchasing/supplier_card.html", view, active="suppliers", block="results")


@router.post("/suppliers/{supplier_id:uuid}/channel")
async def set_channel(supplier_id: UUID, visit: Signed) -> Response:
    """How orders reach it. A secret that we made is shown in the answer and never again."""
    form = await visit.form()
    visit.require("approve")
    # A form that came back is still this page: language and theme lead here, not to the form's own address.
    visit.shell = replace(visit.shell, path=f"/suppliers/{supplier_id}")
    settings: Settings = visit.request.app.state.settings
    channel = form.text("channel") if form.text("channel") in CHANNELS else "email"
    typed = {name: form.text(name) for name in ("channel", "url", "is_idempotent")}
    try:
        async with visit.savepoint():
            made = await suppliers.set_channel(
                visit.tx,
                supplier_id,
                settings,
                channel=channel,
                url=form.text("url")[:2000] or None,
                secret=form.text("secret") or None,
                is_idempotent=form.text("is_idempotent") == "yes",
                actor=visit.actor,
            )
    except Refusal as refusal:
        said = refusal.errors[0]["message"] if refusal.errors else _sentence(visit, refusal)
        field = "url" if refusal.errors else "channel"
        view = await card_view(visit, supplier_id, typed=typed, wrong={field: said})
        return visit.page("purchasing/supplier_card.html", view, active="suppliers", status=422)
    if made:
        view = await card_view(visit, supplier_id, secret=made)
        answer = visit.page("purchasing/supplier_card.html", view, active="suppliers")
        answer.headers["Cache-Control"] = "no-store"
        return answer
    return visit.redirect(f"/suppliers/{supplier_id}#channel", say=visit.words.gettext("Saved."))


@router.post("/suppliers/{supplier_id:uuid}/test")
async def try_channel(supplier_id: UUID, visit: Signed) -> Response:
    await visit.form()
    visit.require("approve")
    try:
        async with visit.savepoint():
            found = await trials.ask(visit.tx, supplier_id, actor=visit.actor)
    except Refusal as refusal:
        return _refused(visit, supplier_id, refusal)
    say = visit.words.gettext(
        "A test is on its way to %(recipient)s. Reload to see what came of it.", recipient=found.recipient
    )
    return visit.redirect(f"/suppliers/{supplier_id}#channel", say=say)


@router.post("/suppliers/{supplier_id:uuid}/accept")
async def accept(supplier_id: UUID, visit: Signed) -> Response:
    """What was learned becomes what is stated, for one SKU or for the supplier."""
    form = await visit.form()
    visit.require("plan")
    sku_id = UUID(form.text("sku_id")) if form.text("sku_id") else None
    try:
        async with visit.savepoint():
            await learning.accept(visit.tx, supplier_id, sku_id=sku_id, actor=visit.actor)
    except Refusal as refusal:
        return _refused(visit, supplier_id, refusal)
    say = visit.words.gettext("What was learned is what is stated now.")
    return visit.redirect(f"/suppliers/{supplier_id}", say=say)


@router.post("/suppliers/{supplier_id:uuid}/undo/{audit_id}")
async def take_back(supplier_id: UUID, audit_id: int, visit: Signed) -> Response:
    """A change of this supplier, and nobody else's, as it was before."""
    await visit.form()
    visit.require("plan")
    try:
        async with visit.savepoint():
            action = await undo.action_of_audit(visit.tx, audit_id)
            if action.subject != f"supplier:{supplier_id}" or not visit.may(action.scope):
                visit.require("admin")
            reason = visit.words.gettext("taken back on the supplier's page")
            await undo.undo(visit.tx, action, reason=reason, actor=visit.actor)
            await promise_changed(visit.tx, supplier_id)
    except Refusal as refusal:
        return _refused(visit, supplier_id, refusal)
    return visit.redirect(f"/suppliers/{supplier_id}", say=visit.words.gettext("Taken back: it is as it was."))


def _sentence(visit: Visit, refusal: Refusal) -> str:
    known = REFUSALS.get(refusal.code)
    return visit.words.gettext(known) if known else refusal.detail


def _refused(visit: Visit, supplier_id: UUID, refusal: Refusal) -> Response:
    return visit.redirect(f"/suppliers/{supplier_id}", say=_sentence(visit, refusal), bad=True)
