"""Deciding what to order."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed, Visit
from holdfast.kernel.errors import Conflict, NotFound
from holdfast.replenishment import decisions
from holdfast.replenishment.decisions import Approval
from holdfast.replenishment.jobs import begin, resume
from holdfast.replenishment.service import stop_run
from holdfast.replenishment.suggestion_views import suggestion_view
from holdfast.replenishment.worklist import progress_view, worklist_view

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/replenishment")
async def worklist(visit: Signed) -> Response:
    view = await worklist_view(visit)
    return visit.page("replenishment/worklist.html", view, active="replenish", block="results")


@router.get("/replenishment/progress")
async def progress(visit: Signed) -> Response:
    """How far the run is, for the page that asks every two seconds; when it is over the page is loaded anew."""
    view = await progress_view(visit)
    answer = visit.page("replenishment/progress.html", view)
    if view.run is None or view.run.status != "running":
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.get("/replenishment/suggestions/{suggestion_id}")
async def suggestion(suggestion_id: UUID, visit: Signed) -> Response:
    """One suggestion, worked out under what the address assumes; htmx asks for the sum alone."""
    view = await suggestion_view(visit, suggestion_id)
    return visit.page("replenishment/suggestion.html", view, active="replenish", block="results")


@router.post("/replenishment/decide")
async def decide(visit: Signed) -> Response:
    """Yes or no to the ticked suggestions. Each names the version that was looked at."""
    form = await visit.form()
    visit.require("approve")
    ticked = [one for one in map(_ticked, form.every("suggestion")) if one is not None]
    back = form.text("next") or "/replenishment"
    if len(ticked) == 1 and (quantity := form.whole("quantity")):
        ticked = [replace(ticked[0], quantity=quantity)]
    if not ticked:
        return visit.redirect(back, say=visit.words.gettext("Tick at least one suggestion first."), bad=True)
    if form.text("decision") == "reject":
        left = await _reject(visit, ticked)
        done = visit.words.ngettext("%(num)s rejected.", "%(num)s rejected.", len(ticked) - left)
    else:
        left = len(await decisions.approve_all(visit.tx, ticked, actor=visit.actor))
        done = visit.words.ngettext(
            "%(num)s approved and put on the draft order of its supplier. Send it under Orders.",
            "%(num)s approved and put on the draft orders of their suppliers. Send them under Orders.",
            len(ticked) - left,
        )
    if not left:
        return visit.redirect(back, say=done)
    stayed = visit.words.ngettext(
        "%(num)s stayed as it was: it changed meanwhile or has no supplier with a price.",
        "%(num)s stayed as they were: they changed meanwhile or have no supplier with a price.",
        left,
    )
    return visit.redirect(back, say=f"{done} {stayed}" if left < len(ticked) else stayed, bad=True)


async def _reject(visit: Visit, ticked: list[Approval]) -> int:
    """How many could not be rejected because someone else decided first."""
    left = 0
    for one in ticked:
        try:
            async with visit.savepoint():
                await decisions.reject(visit.tx, one.suggestion_id, actor=visit.actor, reason=None)
        except (Conflict, NotFound):
            left += 1
    return left


def _ticked(value: str) -> Approval | None:
    identity, _, version = value.partition(":")
    try:
        return Approval(UUID(identity), expected_version=int(version))
    except ValueError:
        return None


@router.post("/replenishment/run")
async def run(visit: Signed) -> Response:
    await visit.form()
    visit.require("plan")
    await begin(visit.tx, actor=visit.actor)
    return visit.redirect("/replenishment", say=visit.words.gettext("The plan is being made."))


@router.post("/replenishment/runs/{run_id}/stop")
async def stop(run_id: UUID, visit: Signed) -> Response:
    await visit.form()
    visit.require("plan")
    await stop_run(visit.tx, run_id, actor=visit.actor)
    return visit.redirect("/replenishment", say=visit.words.gettext("The plan stops after the step under way."))


@router.post("/replenishment/runs/{run_id}/resume")
async def go_on(run_id: UUID, visit: Signed) -> Response:
    await visit.form()
    visit.require("plan")
    await resume(visit.tx, run_id, actor=visit.actor)
    return visit.redirect("/replenishment", say=visit.words.gettext("The plan goes on where it was."))
