"""Grouped orders in the console: look at them, place them, and say what may be ordered."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed, Visit
from holdfast.kernel.errors import Denied, Refusal
from holdfast.kernel.ids import uuid_or_none
from holdfast.replenishment import approvals, groupings, order_limits
from holdfast.replenishment.grouping_views import MEASURES, PERIODS, grouping_view
from holdfast.replenishment.policy_views import Typed
from holdfast.replenishment.typed_limits import typed_amount, typed_currency

router = APIRouter(include_in_schema=False, route_class=PageRoute)

PATH = "/replenishment/orders"


@router.get(PATH)
async def show(visit: Signed) -> Response:
    return await _page(visit)


@router.post(PATH + "/group")
async def group(visit: Signed) -> Response:
    await visit.form()
    visit.require("plan")
    await groupings.propose(visit.tx, actor=visit.actor)
    return visit.redirect(PATH, say=visit.words.gettext("Grouped. Nothing is ordered yet."))


@router.post(PATH + "/place")
async def place(visit: Signed) -> Response:
    """The ticked orders become drafts, all or none; what is outdated is grouped again and shown first."""
    form = await visit.form()
    visit.require("plan")
    await approvals.require_approver(visit.tx, visit.signed.principal)
    grouping_id = uuid_or_none(form.text("grouping"))
    numbers = [int(n) for n in form.every("order") if n.isascii() and n.isdigit() and len(n) < 7]
    words = visit.words
    if grouping_id is None or not numbers:
        return visit.redirect(PATH, say=words.gettext("Tick at least one order first."), bad=True)
    try:
        async with visit.savepoint():
            await groupings.place(visit.tx, grouping_id, order_nos=numbers, actor=visit.actor)
    except Denied:
        return visit.redirect(
            PATH, say=words.gettext("One of these orders is worth more than your role may approve."), bad=True
        )
    except Refusal:
        await groupings.propose(visit.tx, actor=visit.actor)
        said = words.gettext("Something changed meanwhile, so the orders were grouped again. Look at them once more.")
        return visit.redirect(PATH, say=said, bad=True)
    said = words.ngettext("%(num)s draft order is made.", "%(num)s draft orders are made.", len(numbers))
    return visit.redirect(PATH, say=said + " " + words.gettext("Send them under Orders."))


@router.post(PATH + "/limits")
async def set_limit(visit: Signed) -> Response:
    form = await visit.form()
    visit.require("plan")
    wrong: dict[str, str] = {}
    measure = form.text("measure") if form.text("measure") in MEASURES else "money"
    values: dict[str, Any] = {
        "measure": measure,
        "per": form.text("per") if form.text("per") in PERIODS else "month",
        "supplier_id": uuid_or_none(form.text("supplier")),
        "warehouse_id": uuid_or_none(form.text("warehouse")),
        "currency": typed_currency(visit, form, "currency", wrong) if measure == "money" else None,
        "most": typed_amount(visit, form, "most", wrong, step=Decimal("0.001")),
    }
    if not wrong:
        try:
            async with visit.savepoint():
                await order_limits.put_order_limit(visit.tx, actor=visit.actor, **values)
            await groupings.propose(visit.tx, actor=visit.actor)
            return visit.redirect(PATH, say=visit.words.gettext("Saved, and grouped again."))
        except Refusal:
            wrong["form"] = visit.words.gettext("There is no such supplier or warehouse.")
    return await _page(visit, Typed({name: form.text(name) for name in form.fields}, wrong))


@router.post(PATH + "/limits/remove")
async def remove_limit(visit: Signed) -> Response:
    form = await visit.form()
    visit.require("plan")
    limit_id = uuid_or_none(form.text("limit"))
    if limit_id is not None:
        await order_limits.delete_order_limit(visit.tx, limit_id, actor=visit.actor)
        await groupings.propose(visit.tx, actor=visit.actor)
    return visit.redirect(PATH, say=visit.words.gettext("The limit is removed."))


async def _page(visit: Visit, typed: Typed | None = None) -> Response:
    limits = await approvals.list_limits(visit.tx) if visit.may("plan") else []
    may_place = visit.may("approve") or any(one.role == "planner" for one in limits)
    view = await grouping_view(visit, may_place=may_place, typed=typed)
    return visit.page("replenishment/grouping.html", view, active="replenish", status=422 if typed else 200)
