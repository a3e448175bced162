"""Lanes between our own warehouses in the console."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.typed import TypedForm
from holdfast.access.visit import PageRoute, Signed, Visit
from holdfast.kernel.errors import Refusal
from holdfast.kernel.ids import uuid_or_none
from holdfast.replenishment import lanes
from holdfast.replenishment.classing import sql as choices_sql
from holdfast.replenishment.lanes import TransferLane
from holdfast.replenishment.policy_views import Typed
from holdfast.replenishment.worklist import sql as pages_sql

router = APIRouter(include_in_schema=False, route_class=PageRoute)

PATH = "/replenishment/lanes"


@dataclass(frozen=True, slots=True)
class ShownLane:
    id: UUID
    source: str
    target: str
    is_default: bool
    is_open: bool
    days: float
    days_label: str
    line_cost: str
    unit_cost: str


@dataclass(frozen=True, slots=True)
class LanesView:
    lanes: tuple[ShownLane, ...]
    longest: float
    warehouses: tuple[tuple[str, str], ...]
    currency: str
    typed: Typed
    may_plan: bool


@router.get(PATH)
async def show(visit: Signed) -> Response:
    return await _page(visit)


@router.post(PATH)
async def save(visit: Signed) -> Response:
    form = await visit.form()
    visit.require("plan")
    typed = TypedForm(visit, form)
    values: dict[str, Any] = {
        "from_warehouse_id": uuid_or_none(form.text("source")),
        "to_warehouse_id": uuid_or_none(form.text("target")),
        "is_open": form.text("is_open") != "no",
        "lead_days": float(typed.amount("lead_days", "0", "365", decimals=2) or 0),
        "line_cost": typed.amount("line_cost", "0", "1000000", decimals=4) or Decimal(0),
        "unit_cost": typed.amount("unit_cost", "0", "1000000", decimals=4) or Decimal(0),
    }
    if not typed.wrong:
        try:
            async with visit.savepoint():
                await lanes.put_lane(visit.tx, actor=visit.actor, **values)
            return visit.redirect(PATH, say=visit.words.gettext("Saved. It counts from the next plan on."))
        except Refusal:
            typed.wrong["form"] = visit.words.gettext("Choose two different warehouses, or none for all lanes.")
    return await _page(visit, Typed(typed.texts, typed.wrong))


@router.post(PATH + "/{lane_id}/remove")
async def remove(lane_id: UUID, visit: Signed) -> Response:
    await visit.form()
    visit.require("plan")
    await lanes.delete_lane(visit.tx, lane_id, actor=visit.actor)
    return visit.redirect(PATH, say=visit.words.gettext("The lane is as all others again."))


async def _page(visit: Visit, typed: Typed | None = None) -> Response:
    found = await lanes.list_lanes(visit.tx)
    currency = await visit.tx.value(choices_sql.main_currency) or "EUR"
    view = LanesView(
        lanes=tuple(_shown(visit, lane, currency) for lane in found),
        longest=max((lane.lead_days for lane in found), default=1.0) or 1.0,
        warehouses=await visit.choices(pages_sql.warehouse_choices),
        currency=currency,
        typed=typed or Typed(),
        may_plan=visit.may("plan"),
    )
    return visit.page("replenishment/lanes.html", view, active="replenish", status=422 if typed else 200)


def _shown(visit: Visit, lane: TransferLane, currency: str) -> ShownLane:
    days = visit.formats.number(lane.lead_days, 1 if lane.lead_days % 1 else 0)
    return ShownLane(
        id=lane.id,
        source=lane.from_warehouse or "",
        target=lane.to_warehouse or "",
        is_default=lane.from_warehouse_id is None,
        is_open=lane.is_open,
        days=lane.lead_days,
        days_label=visit.words.gettext("%(days)s d", days=days),
        line_cost=visit.formats.money(lane.line_cost, currency),
        unit_cost=visit.formats.money(lane.unit_cost, currency),
    )
