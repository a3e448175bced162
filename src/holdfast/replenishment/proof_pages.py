"""How decisions turned out, and backtests, in the console."""

from __future__ import annotations

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed
from holdfast.kernel.ids import uuid_or_none
from holdfast.replenishment.jobs import begin_backtest
from holdfast.replenishment.proof_views import backtest_view, grades_view
from holdfast.web.rendering import wants_fragment

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/replenishment/grades")
async def show_grades(visit: Signed) -> Response:
    return visit.page("replenishment/grades.html", await grades_view(visit), active="replenish")


@router.get("/replenishment/backtest")
async def show_backtest(visit: Signed) -> Response:
    """The newest backtest, or the one the address names; htmx asks for the result alone while it runs."""
    view = await backtest_view(visit, uuid_or_none(visit.asked("id")))
    answer = visit.page("replenishment/backtest.html", view, active="replenish", block="results")
    if wants_fragment(visit.request) and not (view.chosen and view.chosen.status == "running"):
        # The heading and the button of the whole page change with the result.
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.post("/replenishment/backtest")
async def start(visit: Signed) -> Response:
    await visit.form()
    visit.require("plan")
    started = await begin_backtest(visit.tx, actor=visit.actor)
    return visit.redirect(f"/replenishment/backtest?id={started.id}")
