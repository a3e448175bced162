"""Policies in the console: choose a class, a SKU or everything and say how well it shall be served."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import Form, PageRoute, Signed, Visit
from holdfast.kernel.errors import Refusal
from holdfast.kernel.ids import uuid_or_none
from holdfast.replenishment import policies
from holdfast.replenishment.classing import CODES, sql
from holdfast.replenishment.policy_views import FIELDS, MEASURES, METHODS, MODES, Typed, policies_view, scope_of_policy

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_SCOPE = ("sku_code", "category", "class_code", "warehouse", "all")


@router.get("/replenishment/policies")
async def show(visit: Signed) -> Response:
    scope: dict[str, str] = {}
    if code := visit.asked("class", among=CODES):
        scope = {"class_code": code}
    elif policy_id := uuid_or_none(visit.asked("policy")):
        scope = await scope_of_policy(visit, policy_id)
    elif visit.asked("new"):
        named = {name: visit.asked(name) for name in ("sku_code", "category", "warehouse")}
        scope = {name: value for name, value in named.items() if value} or {"all": "yes"}
    view = await policies_view(visit, scope)
    return visit.page("replenishment/policies.html", view, active="replenish")


@router.post("/replenishment/policies")
async def save(visit: Signed) -> Response:
    form = await visit.form()
    visit.require("plan")
    scope = {name: form.text(name) for name in _SCOPE if form.text(name)}
    columns, wrong = _columns(visit, form)
    if not wrong:
        wrong = await _put(visit, scope, columns)
    if wrong:
        typed = Typed({name: form.text(name) for name in FIELDS}, wrong)
        view = await policies_view(visit, scope or {"all": "yes"}, typed)
        return visit.page("replenishment/policies.html", view, active="replenish", status=422)
    say = visit.words.gettext("Saved. It counts from the next plan on.")
    return visit.redirect("/replenishment/policies", say=say)


@router.post("/replenishment/policies/{policy_id}/delete")
async def remove(policy_id: UUID, visit: Signed) -> Response:
    await visit.form()
    visit.require("plan")
    await policies.delete_policy(visit.tx, policy_id, actor=visit.actor)
    return visit.redirect("/replenishment/policies", say=visit.words.gettext("The policy is removed."))


async def _put(visit: Visit, scope: dict[str, str], columns: dict[str, Any]) -> dict[str, str]:
    """What is wrong; nothing when the policy is saved."""
    sku_id = None
    if scope.get("sku_code"):
        found = await visit.tx.dicts(sql.sku_named, code=scope["sku_code"])
        if not found:
            return {"form": visit.words.gettext("There is no SKU with the code %(code)s.", code=scope["sku_code"])}
        sku_id = found[0]["id"]
    try:
        async with visit.savepoint():
            await policies.put_policy(
                visit.tx,
                actor=visit.actor,
                sku_id=sku_id,
                warehouse_id=uuid_or_none(scope.get("warehouse", "")),
                category=scope.get("category"),
                class_code=scope.get("class_code"),
                **columns,
            )
    except Refusal as refusal:
        return {"form": refusal.errors[0]["message"] if refusal.errors else refusal.detail}
    return {}


def _columns(visit: Visit, form: Form) -> tuple[dict[str, Any], dict[str, str]]:
    """The policy as typed, and what is wrong with each field."""
    wrong: dict[str, str] = {}

    def number(name: str, least: str, most: str) -> Decimal | None:
        if not form.text(name):
            return None
        try:
            value = Decimal(form.text(name).replace(",", ".") or "x")
        except InvalidOperation:
            value = Decimal(-1)
        if not Decimal(least) <= value <= Decimal(most):
            wrong[name] = visit.words.gettext("Type a number from %(least)s to %(most)s.", least=least, most=most)
        return value

    measure = form.text("measure")
    share = _share(number("target", "50", "99.99" if measure == "fill" else "99.9"))
    if (share is None) != (measure not in MEASURES):
        wrong.setdefault("target", visit.words.gettext("A target is a number and what it counts, or neither."))
    columns: dict[str, Any] = {
        "mode": form.text("mode") if form.text("mode") in MODES else None,
        "target_service": share if measure == "cycle" else None,
        "target_fill_rate": share if measure == "fill" else None,
        "method": form.text("method") if form.text("method") in METHODS else None,
        "review_days": _days(number("review_days", "1", "365")),
        "order_cost": number("order_cost", "0", "1000000"),
        "holding_rate": _share(number("holding_rate", "0", "1000")),
        "shelf_life_days": _days(number("shelf_life_days", "1", "3650")),
        "end_of_life": None,
        "prebuild_days": _days(number("prebuild_days", "0", "365")),
    }
    if form.text("end_of_life"):
        try:
            columns["end_of_life"] = date.fromisoformat(form.text("end_of_life"))
        except ValueError:
            wrong["end_of_life"] = visit.words.gettext("Type a date.")
    return columns, wrong


def _share(percent: Decimal | None) -> float | None:
    return None if percent is None else float(percent) / 100


def _days(number: Decimal | None) -> int | None:
    return None if number is None else int(number)
