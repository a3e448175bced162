"""Batches and serial numbers: what expires when, who got it, from whom it came; quarantine, release, recall."""

from __future__ import annotations

import csv
import io
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import Form, PageRoute, Signed, Visit
from holdfast.kernel.errors import Conflict
from holdfast.tracking import service
from holdfast.tracking.batch_views import batch_view, batches_view, unit_view, units_view
from holdfast.tracking.model import State
from holdfast.web.i18n import N_

router = APIRouter(include_in_schema=False, route_class=PageRoute)

VERBS: Final[dict[str, State]] = {"quarantine": "quarantined", "release": "usable", "recall": "recalled"}
SAID: Final = {
    "quarantine": N_("In quarantine: no unit of it is sold until it is released."),
    "release": N_("Released: what has not expired can be sold again."),
    "recall": N_("Recalled: no unit of it is sold. Below is who got some."),
}


@router.get("/batches")
async def batches(visit: Signed) -> Response:
    return visit.page("tracking/batches.html", await batches_view(visit), active="batches", block="results")


@router.get("/batches/{batch_id}")
async def batch(batch_id: UUID, visit: Signed) -> Response:
    return visit.page("tracking/batch.html", await batch_view(visit, batch_id), active="batches")


@router.get("/batches/{batch_id}/customers.csv")
async def customers(batch_id: UUID, visit: Signed) -> Response:
    """Who got units, for a letter to each of them."""
    trace = await service.trace(visit.tx, batch_id)
    text = io.StringIO()
    sheet = csv.writer(text)
    sheet.writerow(["kind", "reference", "units", "shipped_at", "serials"])
    for row in trace.customers:
        reference = str(row["reference_id"] or "")
        # A text that a spreadsheet would run as a formula gets an apostrophe before it.
        safe = f"'{reference}" if reference.startswith(("=", "+", "-", "@", "\t", "\r")) else reference
        sheet.writerow([row["reference_type"], safe, row["quantity"], row["shipped_at"], " ".join(row["serials"])])
    return Response(
        text.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="batch-customers.csv"', "Cache-Control": "no-store"},
    )


@router.post("/batches/{batch_id}/quarantine")
async def quarantine(batch_id: UUID, visit: Signed) -> Response:
    return await _judge(visit, batch_id, "quarantine")


@router.post("/batches/{batch_id}/release")
async def release(batch_id: UUID, visit: Signed) -> Response:
    return await _judge(visit, batch_id, "release")


@router.post("/batches/{batch_id}/recall")
async def recall(batch_id: UUID, visit: Signed) -> Response:
    return await _judge(visit, batch_id, "recall")


async def _judge(visit: Visit, batch_id: UUID, verb: str) -> Response:
    form = await visit.form()
    visit.require("operate")
    wrong = _wrong(visit, form, verb)
    if not wrong:
        try:
            async with visit.savepoint():
                reason = form.text("reason")[:500]
                await service.judge(visit.tx, batch_id, VERBS[verb], reason=reason, actor=visit.actor)
            return visit.redirect(f"/batches/{batch_id}", say=visit.words.gettext(SAID[verb]))
        except Conflict:
            wrong["batch"] = visit.words.gettext("The batch is recalled; release it first.")
    view = await batch_view(visit, batch_id, fields={"reason": form.text("reason")}, wrong=wrong)
    return visit.page("tracking/batch.html", view, active="batches", status=422)


def _wrong(visit: Visit, form: Form, verb: str) -> dict[str, str]:
    """A recall is confirmed by typing its number of affected places: here, by ticking that it is meant."""
    wrong: dict[str, str] = {}
    if not form.text("reason"):
        wrong[f"reason-{verb}"] = visit.words.gettext("Say why: the ledger keeps it.")
    if verb == "recall" and form.text("sure") != "yes":
        wrong["sure"] = visit.words.gettext("Tick that you mean it.")
    return wrong


@router.get("/serials")
async def units(visit: Signed) -> Response:
    return visit.page("tracking/units.html", await units_view(visit), active="batches", block="results")


@router.get("/serials/{sku_id}/{serial_number:path}")
async def unit(sku_id: UUID, serial_number: str, visit: Signed) -> Response:
    return visit.page("tracking/unit.html", await unit_view(visit, sku_id, serial_number), active="batches")
