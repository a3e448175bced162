"""Approval limits and automatic approval in the console; and what is open for an order before it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import Form, PageRoute, Signed, Visit
from holdfast.kernel.errors import Refusal
from holdfast.kernel.ids import uuid_or_none
from holdfast.purchasing.service import get_order
from holdfast.replenishment import approvals, guard
from holdfast.replenishment.classing import CODES, sql
from holdfast.replenishment.policy_views import Typed
from holdfast.replenishment.typed_limits import typed_amount, typed_currency
from holdfast.web.i18n import N_

router = APIRouter(include_in_schema=False, route_class=PageRoute)

ROLES: Final = {"planner": N_("planner"), "approver": N_("approver"), "admin": N_("admin")}
OTHER: Final = N_("This could not be done")
REFUSALS: Final = {
    "above_daily_value": N_("One suggestion cannot exceed the limit of the day."),
    "unknown_supplier": N_("There is no such supplier."),
}
SOURCES: Final = {
    "open": "",
    "draft": N_("not sent yet"),
    "approved": N_("approved, not sent yet"),
    "this_order": N_("another line of this order"),
}


@dataclass(frozen=True, slots=True)
class ShownLimit:
    key: str
    role: str
    currency: str
    value: str


@dataclass(frozen=True, slots=True)
class ShownRule:
    id: UUID
    scope: str
    value: str
    today: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class LimitsView:
    limits: tuple[ShownLimit, ...]
    rules: tuple[ShownRule, ...]
    roles: tuple[tuple[str, str], ...]
    suppliers: tuple[tuple[str, str], ...]
    classes: tuple[tuple[str, str], ...]
    currency: str
    typed: Typed
    may_change: bool


@dataclass(frozen=True, slots=True)
class Document:
    number: str
    quantity: int
    day: str
    words: str
    path: str


@dataclass(frozen=True, slots=True)
class OpenLine:
    sku_id: UUID
    sku_code: str
    sku_name: str
    quantity: int
    available: int
    backordered: int
    open_quantity: int
    expected_demand: int
    horizon_days: float
    reorder_point: int
    is_duplicate: bool
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class OpenSupplyView:
    order_id: UUID
    number: str
    duplicates: int
    lines: tuple[OpenLine, ...]


@router.get("/replenishment/limits")
async def show(visit: Signed) -> Response:
    return visit.page("replenishment/limits.html", await _view(visit, Typed()), active="replenish")


@router.post("/replenishment/limits")
async def set_limit(visit: Signed) -> Response:
    form = await visit.form()
    visit.require("admin")
    wrong: dict[str, str] = {}
    values: dict[str, Any] = {
        "role": form.text("role") if form.text("role") in ROLES else "approver",
        "currency": typed_currency(visit, form, "currency", wrong),
        "max_value": typed_amount(visit, form, "max_value", wrong),
    }
    return await _answer(visit, form, wrong, lambda: approvals.put_limit(visit.tx, actor=visit.actor, **values))


@router.post("/replenishment/limits/remove")
async def remove_limit(visit: Signed) -> Response:
    form = await visit.form()
    visit.require("admin")
    role, currency = form.text("role"), form.text("currency")
    await approvals.delete_limit(visit.tx, role=role, currency=currency, actor=visit.actor)
    return visit.redirect("/replenishment/limits", say=visit.words.gettext("The limit is removed."))


@router.post("/replenishment/limits/auto")
async def set_rule(visit: Signed) -> Response:
    form = await visit.form()
    visit.require("admin")
    wrong: dict[str, str] = {}
    values: dict[str, Any] = {
        "supplier_id": uuid_or_none(form.text("supplier")),
        "class_code": form.text("class_code") if form.text("class_code") in CODES else None,
        "currency": typed_currency(visit, form, "auto_currency", wrong),
        "max_value": typed_amount(visit, form, "each", wrong, least=Decimal("0.01")),
        "daily_max_value": typed_amount(visit, form, "daily", wrong, least=Decimal("0.01")),
        "is_active": form.text("is_active") == "yes",
    }
    return await _answer(visit, form, wrong, lambda: approvals.put_rule(visit.tx, actor=visit.actor, **values))


@router.post("/replenishment/limits/auto/{rule_id}/remove")
async def remove_rule(rule_id: UUID, visit: Signed) -> Response:
    await visit.form()
    visit.require("admin")
    await approvals.delete_rule(visit.tx, rule_id, actor=visit.actor)
    return visit.redirect("/replenishment/limits", say=visit.words.gettext("The rule is removed."))


@router.get("/replenishment/open-supply/{order_id}")
async def open_supply(order_id: UUID, visit: Signed) -> Response:
    order = (await get_order(visit.tx, order_id)).order
    lines = await guard.open_supply(visit.tx, order_id)
    view = OpenSupplyView(
        order_id=order_id,
        number=order.number,
        duplicates=sum(line.is_duplicate for line in lines),
        lines=tuple(_open_line(visit, line) for line in lines),
    )
    return visit.page("replenishment/open_supply.html", view, active="orders")


async def _answer(visit: Visit, form: Form, wrong: dict[str, str], change: Callable[[], Any]) -> Response:
    if not wrong:
        try:
            async with visit.savepoint():
                await change()
            return visit.redirect("/replenishment/limits", say=visit.words.gettext("Saved."))
        except Refusal as refusal:
            wrong["form"] = visit.words.gettext(
                REFUSALS.get(refusal.errors[0]["code"] if refusal.errors else "", OTHER)
            )
    typed = Typed({name: form.text(name) for name in form.fields}, wrong)
    return visit.page("replenishment/limits.html", await _view(visit, typed), active="replenish", status=422)


async def _view(visit: Visit, typed: Typed) -> LimitsView:
    limits, rules = await approvals.list_limits(visit.tx), await approvals.list_rules(visit.tx)
    suppliers = dict(await visit.choices(sql.supplier_choices))
    return LimitsView(
        limits=tuple(
            ShownLimit(
                x.role, visit.words.gettext(ROLES[x.role]), x.currency, visit.formats.money(x.max_value, x.currency)
            )
            for x in limits
        ),
        rules=tuple(_rule(visit, rule, suppliers) for rule in rules),
        roles=tuple((role, visit.words.gettext(text)) for role, text in ROLES.items()),
        suppliers=tuple(suppliers.items()),
        classes=tuple((code, code) for code in CODES),
        currency=await visit.tx.value(sql.main_currency) or "EUR",
        typed=typed,
        may_change=visit.may("admin"),
    )


def _rule(visit: Visit, rule: approvals.AutoApproval, suppliers: dict[str, str]) -> ShownRule:
    words = visit.words
    parts = [
        suppliers.get(str(rule.supplier_id), "?") if rule.supplier_id else words.gettext("All suppliers"),
        *([words.gettext("Class %(code)s", code=rule.class_code)] if rule.class_code else []),
    ]
    spent, most = (visit.formats.money(v, rule.currency, whole=True) for v in (rule.spent_today, rule.daily_max_value))
    return ShownRule(
        id=rule.id,
        scope=" · ".join(parts),
        value=visit.formats.money(rule.max_value, rule.currency),
        today=words.gettext("%(spent)s of %(most)s", spent=spent, most=most),
        is_active=rule.is_active,
    )


def _open_line(visit: Visit, line: guard.OpenSupply) -> OpenLine:
    return OpenLine(
        sku_id=line.sku_id,
        sku_code=line.sku_code,
        sku_name=line.sku_name,
        quantity=line.quantity,
        available=line.available,
        backordered=line.backordered,
        open_quantity=line.open_quantity,
        expected_demand=line.expected_demand,
        horizon_days=line.horizon_days,
        reorder_point=line.reorder_point,
        is_duplicate=line.is_duplicate,
        documents=tuple(_document(visit, d) for d in line.documents),
    )


def _document(visit: Visit, d: dict[str, Any]) -> Document:
    said = SOURCES.get(d["status"], "")
    folder = "purchase-orders" if d["source"] == "purchase" else "transfers"
    return Document(
        number=d["number"],
        quantity=d["quantity"],
        day=visit.formats.day(date.fromisoformat(d["expected_at"])) if d["expected_at"] else "",
        words=visit.words.gettext(said) if said else "",
        path="" if d["status"] == "this_order" else f"/{folder}/{d['document_id']}",
    )
