"""How good forecasts are, in the browser; and the nightly run that makes and compares them."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed
from holdfast.demand import jobs, nightly
from holdfast.demand.accuracy_views import accuracy_view
from holdfast.kernel.errors import Conflict
from holdfast.web.rendering import wants_fragment

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/demand/accuracy")
async def show(visit: Signed) -> Response:
    """A run under way asks for its own part of the page only."""
    view = await accuracy_view(visit, only_run=wants_fragment(visit.request))
    return visit.page("demand/accuracy.html", view, active="replenish", block="run")


@router.post("/demand/runs")
async def start(visit: Signed) -> Response:
    await visit.form()
    visit.require("plan")
    await jobs.begin(visit.tx, actor=visit.actor)
    return visit.redirect("/demand/accuracy", say=visit.words.gettext("Forecasts are being made and compared."))


@router.post("/demand/runs/{run_id}/stop")
async def stop(run_id: UUID, visit: Signed) -> Response:
    await visit.form()
    visit.require("plan")
    try:
        async with visit.savepoint():
            await nightly.stop_run(visit.tx, run_id, actor=visit.actor)
    except Conflict:
        return visit.redirect("/demand/accuracy", say=visit.words.gettext("It was over already."))
    return visit.redirect("/demand/accuracy", say=visit.words.gettext("Stopped; what it did stays."))
