"""Terms of suppliers from a file, in the console: shown first, applied with a second press, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed, Visit
from holdfast.importing import terms
from holdfast.importing.model import Change, Problem
from holdfast.importing.service import kind_of, read_table, run_import
from holdfast.importing.table import table_of_csv
from holdfast.kernel.errors import Invalid

router = APIRouter(include_in_schema=False, route_class=PageRoute)

SHOWN_MAX: Final = 50
# The text travels through the form that applies it; larger files are for the command line and the API.
CHARACTERS_MAX: Final = 900_000


@dataclass(frozen=True, slots=True)
class ImportView:
    """``text`` is the file as it was read; ``rows`` None: nothing was looked at yet."""

    columns: tuple[str, ...]
    text: str = ""
    wrong: str = ""
    rows: int | None = None
    new: int = 0
    unchanged: int = 0
    changes: tuple[Change, ...] = ()
    changed: int = 0
    problems: tuple[Problem, ...] = ()
    wrong_rows: int = 0
    ignored: tuple[str, ...] = ()


@router.get("/suppliers/import")
async def show(visit: Signed) -> Response:
    visit.require("plan")
    return visit.page("importing/terms.html", ImportView(_columns()), active="suppliers")


@router.post("/suppliers/import")
async def look_or_apply(visit: Signed) -> Response:
    form = await visit.form()
    visit.require("plan")
    text = next(iter(form.every("text")), "")
    if len(text) > CHARACTERS_MAX:
        said = visit.words.gettext("The file is too large for this page: use holdfast import terms, or the API.")
        return _page(visit, ImportView(_columns(), wrong=said))
    kind = kind_of("terms")
    try:
        reading = read_table(table_of_csv(text.encode(), "the file"), kind, lambda: None)
    except Invalid as refusal:
        return _page(visit, ImportView(_columns(), text, refusal.detail))
    asked = form.text("action")
    outcome = await run_import(
        visit.tx,
        kind,
        reading,
        apply=asked in ("apply", "valid"),
        valid_rows_only=asked == "valid",
        actor=visit.actor,
        reference="console",
    )
    plan = outcome.plan
    if outcome.is_applied:
        say = visit.words.gettext(
            "%(new)s terms are new, %(changed)s changed.",
            new=visit.formats.number(plan.new),
            changed=visit.formats.number(len(plan.changes)),
        )
        return visit.redirect("/suppliers", say=say)
    view = ImportView(
        columns=_columns(),
        text=text,
        rows=reading.rows_total,
        new=plan.new,
        unchanged=plan.unchanged,
        changes=tuple(plan.changes[:SHOWN_MAX]),
        changed=len(plan.changes),
        problems=tuple(outcome.problems[:SHOWN_MAX]),
        wrong_rows=len({problem.row for problem in outcome.problems}),
        ignored=tuple(reading.ignored),
    )
    return _page(visit, view)


def _columns() -> tuple[str, ...]:
    return tuple(column.name for column in terms.COLUMNS)


def _page(visit: Visit, view: ImportView) -> Response:
    status = 422 if view.wrong or view.problems else 200
    return visit.page("importing/terms.html", view, active="suppliers", status=status)
