"""The demand of a SKU in the browser: look at it, say what is known about it, see first what that does."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import Form, PageRoute, Signed, Visit
from holdfast.demand import overrides, planners
from holdfast.demand.demand_views import Typed, demand_view, sql
from holdfast.demand.overrides import Kind, NewOverride
from holdfast.demand.picture import By, Said
from holdfast.demand.planners import LikenessKind
from holdfast.kernel.errors import Refusal
from holdfast.kernel.ids import uuid_or_none
from holdfast.web.i18n import N_

router = APIRouter(include_in_schema=False, route_class=PageRoute)

FIELDS: Final = ("warehouse", "kind", "value", "first_day", "last_day", "reason", "code", "factor", "from_day")
REFUSALS: Final = {
    "override_overlaps": N_("Something is said about some of these days already. Withdraw it first."),
    "forecast_not_found": N_("There is no forecast for this warehouse yet. It comes with the next plan."),
    "warehouse_not_found": N_("Choose a warehouse."),
    "override_ended": N_("Its time is over; it stays, to be compared with what came."),
    "ends_before_it_begins": N_("The last day lies before the first."),
    "in_the_past": N_("These days are over."),
    "below_nothing": N_("Nothing is the least that can sell."),
    "not_large": N_("A line this small always counts as it is."),
    "like_itself": N_("This leads back to the SKU itself."),
}
OTHER: Final = N_("This could not be done")


@router.get("/stock/{sku_id}/demand")
async def show(sku_id: UUID, visit: Signed) -> Response:
    return await _page(visit, sku_id)


@router.post("/stock/{sku_id}/demand/override")
async def override(sku_id: UUID, visit: Signed) -> Response:
    """Show what an override does, or save it. Nothing is written by looking."""
    form = await visit.form()
    visit.require("plan")
    wrong: dict[str, str] = {}
    asked = _asked(visit, sku_id, form, wrong)
    if asked is not None:
        wrong = await _try(visit, asked, is_saved=form.text("do") == "save")
        if not wrong and form.text("do") == "save":
            return visit.redirect(
                _back(form, sku_id), say=visit.words.gettext("Saved. Orders count on it from the next plan on.")
            )
    seen = None
    if asked is not None and not wrong:
        seen = Said(asked.warehouse_id, asked.first_day, asked.last_day, asked.kind, asked.value)
    typed = Typed({name: form.text(name) for name in FIELDS}, wrong, seen)
    return await _page(visit, sku_id, typed, status=422 if wrong else 200)


@router.post("/stock/{sku_id}/demand/overrides/{override_id}/withdraw")
async def withdraw(sku_id: UUID, override_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("plan")
    try:
        async with visit.savepoint():
            await overrides.withdraw_override(visit.tx, override_id, actor=visit.actor)
    except Refusal as refusal:
        return visit.redirect(_back(form, sku_id), say=_words(visit, refusal), bad=True)
    return visit.redirect(_back(form, sku_id), say=visit.words.gettext("Withdrawn. Orders follow the forecast again."))


@router.post("/stock/{sku_id}/demand/verdict")
async def judge(sku_id: UUID, visit: Signed) -> Response:
    """A large line was a one-off, or it is normal; the forecast follows with the next plan."""
    form = await visit.form()
    visit.require("plan")
    source_id, warehouse_id = uuid_or_none(form.text("source")), uuid_or_none(form.text("warehouse"))
    verdict = {"one_off": True, "normal": False, "rule": None}.get(form.text("verdict"))
    if source_id is None or warehouse_id is None:
        return visit.redirect(_back(form, sku_id), say=visit.words.gettext(OTHER), bad=True)
    try:
        async with visit.savepoint():
            await planners.judge_line(
                visit.tx,
                sku_id=sku_id,
                warehouse_id=warehouse_id,
                source_id=source_id,
                is_one_off=verdict,
                reason="",
                actor=visit.actor,
            )
    except Refusal as refusal:
        return visit.redirect(_back(form, sku_id), say=_words(visit, refusal), bad=True)
    return visit.redirect(
        _back(form, sku_id), say=visit.words.gettext("Noted. The forecast follows with the next plan.")
    )


@router.post("/stock/{sku_id}/demand/like")
async def like(sku_id: UUID, visit: Signed) -> Response:
    """This SKU sells like another one."""
    return await _link(visit, sku_id, kind="like")


@router.post("/stock/{sku_id}/demand/successor")
async def succeed(sku_id: UUID, visit: Signed) -> Response:
    """Another SKU replaces this one, perhaps from a day on."""
    return await _link(visit, sku_id, kind="successor")


@router.post("/stock/{sku_id}/demand/links/{linked_id}/remove")
async def unlink(sku_id: UUID, linked_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("plan")
    with suppress(Refusal):  # somebody else removed it first: it is gone as asked
        async with visit.savepoint():
            await planners.remove_likeness(visit.tx, linked_id, actor=visit.actor)
    return visit.redirect(_back(form, sku_id), say=visit.words.gettext("Removed."))


async def _page(visit: Visit, sku_id: UUID, typed: Typed | None = None, *, status: int = 200) -> Response:
    by: By = "day" if visit.asked("by") == "day" else "week"
    view = await demand_view(visit, sku_id, warehouse_id=uuid_or_none(visit.asked("warehouse")), by=by, typed=typed)
    if typed is not None:
        # The other forms keep what they begin with.
        empty = {"kind": "percent", "first_day": view.sku.today.isoformat(), "last_day": view.sku.today.isoformat()}
        view = replace(view, typed=replace(typed, fields={**empty, **typed.fields}))
    return visit.page("demand/sku_demand.html", view, active="stock", status=status)


async def _try(visit: Visit, asked: NewOverride, *, is_saved: bool) -> dict[str, str]:
    """What is wrong with an override; it stays only when it is to be saved."""
    try:
        async with visit.savepoint():
            await overrides.add_override(visit.tx, asked, actor=visit.actor)
            if not is_saved:
                raise OnlyLooked
    except OnlyLooked:
        return {}
    except Refusal as refusal:
        field = str(refusal.errors[0]["loc"][-1]) if refusal.errors else "form"
        return {field if field in FIELDS else "form": _words(visit, refusal)}
    return {}


class OnlyLooked(Exception):
    """Takes a savepoint back: nothing was to be saved."""


async def _link(visit: Visit, sku_id: UUID, *, kind: LikenessKind) -> Response:
    form = await visit.form()
    visit.require("plan")
    wrong: dict[str, str] = {}
    code, name = form.text("code"), "like" if kind == "like" else "successor"
    other: UUID | None = await visit.tx.value(sql.sku_by_code, code=code)
    if other is None:
        wrong[name] = visit.words.gettext("There is no SKU with the code %(code)s.", code=code or "–")
    factor = _number(visit, form.text("factor") or "1", "factor", wrong, least=0.001, most=1000)
    from_day = _day(visit, form.text("from_day"), "from_day", wrong) if form.text("from_day") else None
    if other is not None and not wrong:
        try:
            async with visit.savepoint():
                await planners.put_likeness(
                    visit.tx,
                    sku_id if kind == "like" else other,
                    like_sku_id=other if kind == "like" else sku_id,
                    kind=kind,
                    factor=factor,
                    from_day=from_day if kind == "successor" else None,
                    reason="",
                    actor=visit.actor,
                )
        except Refusal as refusal:
            wrong[name] = _words(visit, refusal)
    if wrong:
        typed = Typed({f"{name}_code": code, f"{name}_factor": form.text("factor")}, wrong)
        return await _page(visit, sku_id, typed, status=422)
    return visit.redirect(
        _back(form, sku_id), say=visit.words.gettext("Noted. The forecast follows with the next plan.")
    )


def _asked(visit: Visit, sku_id: UUID, form: Form, wrong: dict[str, str]) -> NewOverride | None:
    """The override as typed; None when something is wrong with it."""
    kind: Kind = "level" if form.text("kind") == "level" else "percent"
    warehouse_id = uuid_or_none(form.text("warehouse"))
    if warehouse_id is None:
        wrong["warehouse"] = visit.words.gettext("Choose a warehouse.")
    least, most = (-100, 1000) if kind == "percent" else (0, 1_000_000)
    value = _number(visit, form.text("value"), "value", wrong, least=least, most=most)
    first = _day(visit, form.text("first_day"), "first_day", wrong)
    last = _day(visit, form.text("last_day"), "last_day", wrong)
    reason = form.text("reason")[:500] or ("" if form.text("do") == "save" else "preview")
    if not reason:
        wrong["reason"] = visit.words.gettext("Say why, so that it can be judged later.")
    if wrong or warehouse_id is None or first is None or last is None:
        return None
    return NewOverride(
        sku_id=sku_id, warehouse_id=warehouse_id, first_day=first, last_day=last, kind=kind, value=value, reason=reason
    )


def _number(visit: Visit, text: str, name: str, wrong: dict[str, str], *, least: float, most: float) -> float:
    try:
        value = float(text.replace(",", ".").replace("\N{MINUS SIGN}", "-").removesuffix("%"))
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        limits = {"least": visit.formats.number(least, 3), "most": visit.formats.number(most)}
        wrong[name] = visit.words.gettext("Type a number from %(least)s to %(most)s.", **limits)
    return value


def _day(visit: Visit, text: str, name: str, wrong: dict[str, str]) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        wrong[name] = visit.words.gettext("Type a date.")
        return None


def _back(form: Form, sku_id: UUID) -> str:
    """The view of this page the form was on."""
    path = f"/stock/{sku_id}/demand"
    asked = form.text("next")
    return asked if urlsplit(asked).path == path else path


def _words(visit: Visit, refusal: Refusal) -> str:
    code = str(refusal.errors[0].get("code")) if refusal.errors else refusal.code
    return visit.words.gettext(REFUSALS.get(code, OTHER))
