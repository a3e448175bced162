"""The alerts inbox: seen, settled."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed
from holdfast.alerts import service
from holdfast.alerts.inbox import inbox_view
from holdfast.kernel.ids import uuid_or_none
from holdfast.purchasing import exceptions

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/alerts")
async def inbox(visit: Signed) -> Response:
    return visit.page("alerts/inbox.html", await inbox_view(visit), active="alerts", block="results")


@router.post("/alerts/decide")
async def decide(visit: Signed) -> Response:
    """Acknowledge or resolve the ticked alerts; what someone else decided meanwhile stays as it is."""
    form = await visit.form()
    visit.require("operate")
    ticked: list[UUID] = [found for found in map(uuid_or_none, form.every("alert")) if found is not None]
    orders: list[UUID] = [found for found in map(uuid_or_none, form.every("exception")) if found is not None]
    back = form.text("next") or "/alerts"
    if not ticked and not orders:
        return visit.redirect(back, say=visit.words.gettext("Tick at least one alert first."), bad=True)
    if form.text("action") == "resolve":
        done = await service.resolve(visit.tx, ticked, actor=visit.actor)
        done += await exceptions.resolve_these(visit.tx, orders, actor=visit.actor)
        return visit.redirect(back, say=visit.words.ngettext("%(num)s resolved.", "%(num)s resolved.", done))
    done = await service.acknowledge(visit.tx, ticked, actor=visit.actor)
    done += await exceptions.acknowledge_these(visit.tx, orders, actor=visit.actor)
    return visit.redirect(back, say=visit.words.ngettext("%(num)s acknowledged.", "%(num)s acknowledged.", done))
