"""Promotions, holidays and closed days in the browser: one by one, or from a file that is looked at first."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Any, Final, cast
from uuid import UUID

from fastapi import APIRouter, Response
from starlette.datastructures import UploadFile

from holdfast.access.visit import Form, PageRoute, Signed, Visit
from holdfast.demand import planners
from holdfast.demand.calendar_file import factor_of, import_calendar
from holdfast.demand.calendar_views import KINDS, CellProblem, FileCheck, Typed, calendar_view
from holdfast.demand.demand_views import sql
from holdfast.demand.pages import OnlyLooked
from holdfast.demand.planners import CALENDAR_DAYS_MAX, CalendarKind, NewEntry
from holdfast.kernel.errors import Invalid, NotFound, Refusal
from holdfast.kernel.ids import uuid_or_none
from holdfast.web.i18n import N_

router = APIRouter(include_in_schema=False, route_class=PageRoute)

FIELDS: Final = ("kind", "label", "first_day", "last_day", "sku", "category", "warehouse", "factor")
# A file of 10,000 rows is smaller, and it travels back with the page that shows what is wrong.
FILE_BYTES_MAX: Final = 800_000
PROBLEMS_SHOWN: Final = 100
REFUSALS: Final = {
    "ends_before_it_begins": N_("The last day lies before the first."),
    "too_long": N_("At most %(days)s days; say what comes back every year once per year."),
    "sku_or_category": N_("Name a SKU or a category, not both."),
    "unknown_kind": N_("Use one of these words: promotion, holiday, closed, other."),
    "invalid_length": N_("Needs 1 to 200 characters."),
    "not_a_date": N_("This is not a date such as 2026-11-27."),
    "unknown_sku": N_("There is no SKU with this code."),
    "unknown_category": N_("There is no such category."),
    "unknown_warehouse": N_("There is no warehouse with this code."),
    "not_a_factor": N_("Type a number from 0 to 100, or nothing."),
    "unreadable_file": N_("This is not a CSV file with the columns kind, label and first_day and up to 10,000 rows."),
}
OTHER: Final = N_("This could not be done")


@router.get("/demand/calendar")
async def show(visit: Signed) -> Response:
    return visit.page("demand/calendar.html", await calendar_view(visit), active="replenish")


@router.post("/demand/calendar")
async def add(visit: Signed) -> Response:
    form = await visit.form()
    visit.require("plan")
    wrong: dict[str, str] = {}
    entry = await _entry(visit, form, wrong)
    if entry is not None:
        try:
            async with visit.savepoint():
                await planners.add_entry(visit.tx, entry, actor=visit.actor)
        except Refusal as refusal:
            name = str(refusal.errors[0]["loc"][-1]) if refusal.errors else "label"
            wrong[name] = _words(visit, refusal.errors[0]["code"] if refusal.errors else refusal.code)
    if entry is None or wrong:
        view = await calendar_view(visit, typed=Typed({name: form.text(name) for name in FIELDS}, wrong))
        return visit.page("demand/calendar.html", view, active="replenish", status=422)
    say = visit.words.gettext("Noted. Forecasts know these days from the next plan on.")
    return visit.redirect(f"/demand/calendar?year={entry.first_day.year}", say=say)


@router.post("/demand/calendar/{entry_id}/remove")
async def remove(entry_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("plan")
    with suppress(NotFound):  # somebody else removed it first: it is gone as asked
        async with visit.savepoint():
            await planners.remove_entry(visit.tx, entry_id, actor=visit.actor)
    return visit.redirect(form.text("next") or "/demand/calendar", say=visit.words.gettext("Removed."))


@router.post("/demand/calendar/file")
async def read_file(visit: Signed) -> Response:
    """Look at a file, or apply it. What is wrong is said cell by cell, and nothing is written."""
    form = await visit.form()
    visit.require("plan")
    text = await _file_text(visit, form)
    check = await _check(visit, text, is_applied=form.text("do") == "apply")
    if check.is_ready and form.text("do") == "apply":
        say = visit.words.ngettext("%(num)s entry is new.", "%(num)s entries are new.", check.new)
        return visit.redirect("/demand/calendar", say=say)
    view = await calendar_view(visit, file=check)
    return visit.page("demand/calendar.html", view, active="replenish", status=200 if check.is_ready else 422)


async def _file_text(visit: Visit, form: Form) -> str:
    """The uploaded file, or what was pasted."""
    sent = (await visit.request.form()).get("file")
    if isinstance(sent, UploadFile) and sent.size:
        # What is not UTF-8 stays visible as such, and is refused as a file.
        return (await sent.read(FILE_BYTES_MAX + 1)).decode("utf-8-sig", errors="replace")
    return form.text("text")


async def _check(visit: Visit, text: str, *, is_applied: bool) -> FileCheck:
    new = known = 0
    if len(text.encode()) > FILE_BYTES_MAX or "\N{REPLACEMENT CHARACTER}" in text:
        return FileCheck("", refused=_words(visit, "unreadable_file"))
    try:
        async with visit.savepoint():
            new, known = await import_calendar(visit.tx, text.encode(), actor=visit.actor)
            if not is_applied:
                raise OnlyLooked
    except OnlyLooked:
        pass
    except Invalid as refusal:
        if refusal.code != "import_has_problems":
            return FileCheck(text, refused=_words(visit, "unreadable_file"))
        return FileCheck(text, problems=tuple(_cell(visit, e) for e in refusal.errors[:PROBLEMS_SHOWN]))
    return FileCheck(text, new, known)


def _cell(visit: Visit, error: dict[str, Any]) -> CellProblem:
    _, row, column = error["loc"]
    return CellProblem(int(row), str(column), _words(visit, error["code"]))


async def _entry(visit: Visit, form: Form, wrong: dict[str, str]) -> NewEntry | None:
    label, sku_id = form.text("label")[:200], None
    if not label:
        wrong["label"] = visit.words.gettext("Give it a name.")
    days: list[date] = []
    for name in ("first_day", "last_day"):
        try:
            days.append(date.fromisoformat(form.text(name) or form.text("first_day")))
        except ValueError:
            wrong[name] = visit.words.gettext("Type a date.")
    if form.text("sku"):
        sku_id = await visit.tx.value(sql.sku_by_code, code=form.text("sku"))
        if sku_id is None:
            wrong["sku"] = visit.words.gettext("There is no SKU with the code %(code)s.", code=form.text("sku"))
    factor = factor_of(form.text("factor"))
    if form.text("factor") and factor is None:
        wrong["factor"] = _words(visit, "not_a_factor")
    if wrong:
        return None
    return NewEntry(
        kind=cast("CalendarKind", form.text("kind") if form.text("kind") in KINDS else "other"),
        label=label,
        first_day=days[0],
        last_day=days[1],
        sku_id=sku_id,
        category=form.text("category")[:200] or None,
        warehouse_id=uuid_or_none(form.text("warehouse")),
        factor=factor,
    )


def _words(visit: Visit, code: str) -> str:
    return visit.words.gettext(REFUSALS.get(code, OTHER), days=CALENDAR_DAYS_MAX)
