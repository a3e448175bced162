"""Policies in the console: choose a class, a SKU or everything and say how well it shall be served."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.typed import TypedForm
from holdfast.access.visit import PageRoute, Signed, Visit
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
    typed = TypedForm(visit, form)
    columns = _columns(typed)
    if not typed.wrong:
        typed.wrong = await _put(visit, scope, columns)
    if typed.wrong:
        back = Typed({name: form.text(name) for name in FIELDS}, typed.wrong)
        view = await policies_view(visit, scope or {"all": "yes"}, back)
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


def _columns(typed: TypedForm) -> dict[str, Any]:
    """The policy as typed; what is empty is not said."""
    measure = typed.among("measure", MEASURES, "")
    share = _share(typed.amount("target", "50", "99.99" if measure == "fill" else "99.9", decimals=2))
    if (share is None) != (not measure):
        said = typed.visit.words.gettext("A target is a number and what it counts, or neither.")
        typed.wrong.setdefault("target", said)
    return {
        "mode": typed.among("mode", MODES, "") or None,
        "target_service": share if measure == "cycle" else None,
        "target_fill_rate": share if measure == "fill" else None,
        "method": typed.among("method", METHODS, "") or None,
        "review_days": typed.whole("review_days", 1, 365),
        "order_cost": typed.amount("order_cost", "0", "1000000", decimals=2),
        "holding_rate": _share(typed.amount("holding_rate", "0", "1000", decimals=2)),
        "shelf_life_days": typed.whole("shelf_life_days", 1, 3650),
        "end_of_life": typed.day("end_of_life"),
        "prebuild_days": typed.whole("prebuild_days", 0, 365),
    }


def _share(percent: Decimal | None) -> float | None:
    return None if percent is None else float(percent) / 100
