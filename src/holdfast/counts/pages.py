"""Stock counts: open one, count on a phone without seeing what is expected, review and approve line by line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import Form, PageRoute, Signed, Visit
from holdfast.catalog.scanning import scan
from holdfast.counts import approving, service
from holdfast.counts.count_views import (
    BUCKETS,
    count_view,
    counting_view,
    counts_view,
    new_count_view,
    sql,
)
from holdfast.counts.found_units import found_units
from holdfast.counts.model import Bucket, Chosen, Counted
from holdfast.kernel.errors import Conflict, Refusal
from holdfast.kernel.ids import uuid_or_none
from holdfast.web.i18n import N_
from holdfast.web.search_words import search_words

router = APIRouter(include_in_schema=False, route_class=PageRoute)

DAYS: Final = ("30", "90", "365")
FIELDS: Final = ("warehouse", "category", "words", "days", "note")
REFUSALS: Final = {
    "count_open": N_("The count is still open."),
    "count_closed": N_("The count is closed; open another."),
    "count_cancelled": N_("The count is cancelled; open another."),
    "count_has_approved_lines": N_("Part of the count was booked; close it instead."),
    "count_has_waiting_lines": N_("Counted lines wait for a decision; approve or drop them."),
    "version_conflict": N_("Somebody decided about this count meanwhile. Look at it again."),
}


@router.get("/stock-counts")
async def counts(visit: Signed) -> Response:
    return visit.page("counts/counts.html", await counts_view(visit), active="counts", block="results")


@router.get("/stock-counts/new")
async def new_count(visit: Signed) -> Response:
    visit.require("operate")
    fields = {name: visit.asked(name) for name in FIELDS}
    return visit.page("counts/new.html", await new_count_view(visit, fields), active="counts")


@router.post("/stock-counts")
async def open_count(visit: Signed) -> Response:
    form = await visit.form()
    visit.require("operate")
    fields = {name: form.text(name) for name in FIELDS}
    wrong: dict[str, str] = {}
    found: list[dict[str, Any]] = []
    warehouse_id = uuid_or_none(fields["warehouse"])
    if warehouse_id is None:
        wrong["warehouse"] = visit.words.gettext("Choose a warehouse.")
    else:
        words = search_words(fields["words"])
        found = await visit.tx.dicts(
            sql.skus_to_count,
            warehouse_id=warehouse_id,
            category=fields["category"] or None,
            like=words.like,
            prefix=words.prefix,
            days=int(fields["days"]) if fields["days"] in DAYS else None,
        )
        if not found:
            wrong["words"] = visit.words.gettext("Nothing in this warehouse has all of these. Choose less.")
    if wrong or warehouse_id is None:
        view = await new_count_view(visit, fields, wrong)
        return visit.page("counts/new.html", view, active="counts", status=422)
    count = await service.open_count(
        visit.tx,
        warehouse_id=warehouse_id,
        category=fields["category"] or None,
        sku_ids=[row["id"] for row in found],
        note=fields["note"][:500],
        actor=visit.actor,
    )
    say = visit.words.ngettext(
        "%(num)s SKU to count. Selling goes on meanwhile.",
        "%(num)s SKUs to count. Selling goes on meanwhile.",
        count.lines_total,
        num=visit.formats.number(count.lines_total),
    )
    return visit.redirect(f"/stock-counts/{count.id}", say=say)


@router.get("/stock-counts/{count_id}")
async def count(count_id: UUID, visit: Signed) -> Response:
    return visit.page("counts/count.html", await count_view(visit, count_id), active="counts", block="results")


@router.get("/stock-counts/{count_id}/count")
async def counting(count_id: UUID, visit: Signed) -> Response:
    """Two steps in one address: without a SKU the scan field, with one how many were found."""
    visit.require("operate")
    typed, chosen = visit.asked("sku_code"), visit.asked("sku")
    bucket = _bucket(visit.asked("bucket"))
    found = await scan(visit, typed, chosen) if typed or chosen else None
    sku = found.sku if found is not None else None
    view = await counting_view(visit, count_id, sku, bucket, scan=found if sku is None else None)
    return visit.page("counts/counting.html", view, active="counts", status=422 if found and sku is None else 200)


@router.post("/stock-counts/{count_id}/count")
async def enter(count_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("operate")
    sku = (await scan(visit, "", form.text("sku"))).sku
    if sku is None:
        return visit.redirect(f"/stock-counts/{count_id}/count")
    bucket = _bucket(form.text("bucket"))
    fields = _fields(form)
    found, wrong = found_units(visit, form, sku.tracking if bucket == "sellable" else "none")
    if not wrong:
        entry = Counted(
            sku.id,
            found.quantity,
            bucket,
            recount_of=form.whole("recount_of") or 0,
            shelf=form.text("shelf")[:200] or None,
            batches=found.batches,
            serials=found.serials,
        )
        try:
            async with visit.savepoint():
                await service.enter(visit.tx, count_id, [entry], actor=visit.actor)
        except Refusal as refusal:
            wrong["quantity"] = _counted_meanwhile(visit, refusal)
            # What a second press then says it has seen.
            fields = {**fields, "recount_of": ""}
    if wrong:
        view = await counting_view(visit, count_id, sku, bucket, fields=fields, wrong=wrong)
        return visit.page("counts/counting.html", view, active="counts", status=422)
    say = visit.words.gettext(
        "%(name)s: %(quantity)s counted.", name=sku.name, quantity=visit.formats.number(found.quantity)
    )
    return visit.redirect(f"/stock-counts/{count_id}/count", say=say)


@router.post("/stock-counts/{count_id}/approve")
async def approve(count_id: UUID, visit: Signed) -> Response:
    """The ticked lines, each as it was seen; one that cannot be booked costs no other."""
    form = await visit.form()
    visit.require("approve")
    chosen = [line for line in map(_chosen, form.every("line")) if line is not None]
    back = f"/stock-counts/{count_id}"
    if not chosen:
        return visit.redirect(back, say=visit.words.gettext("Tick the lines you approve."), bad=True)
    try:
        async with visit.savepoint():
            found = await approving.approve(visit.tx, count_id, chosen, actor=visit.actor)
    except Conflict as refusal:
        return visit.redirect(back, say=_sentence(visit, refusal), bad=True)
    say = visit.words.ngettext(
        "%(num)s line booked.", "%(num)s lines booked.", len(found.approved), num=len(found.approved)
    )
    if found.refused:
        stayed = visit.words.ngettext(
            "%(num)s could not be booked; the line says why.",
            "%(num)s could not be booked; the lines say why.",
            len(found.refused),
        )
        say = f"{say} {stayed}"
    return visit.redirect(back, say=say, bad=bool(found.refused))


@router.post("/stock-counts/{count_id}/close")
async def close(count_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("operate")
    return await _end(visit, count_id, form, is_cancelled=False)


@router.post("/stock-counts/{count_id}/cancel")
async def cancel(count_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("operate")
    return await _end(visit, count_id, form, is_cancelled=True)


async def _end(visit: Visit, count_id: UUID, form: Form, *, is_cancelled: bool) -> Response:
    version = form.whole("version")
    try:
        async with visit.savepoint():
            if is_cancelled:
                await service.cancel(visit.tx, count_id, actor=visit.actor, expected_version=version)
            else:
                discard = form.text("drop") == "yes"
                await service.close(
                    visit.tx, count_id, discard_waiting=discard, actor=visit.actor, expected_version=version
                )
    except Conflict as refusal:
        view = await count_view(visit, count_id, wrong=_sentence(visit, refusal))
        return visit.page("counts/count.html", view, active="counts", status=409)
    words = visit.words
    say = words.gettext("The count is cancelled.") if is_cancelled else words.gettext("The count is closed.")
    return visit.redirect(f"/stock-counts/{count_id}", say=say)


def _chosen(text: str) -> Chosen | None:
    """A tick: the line and the counting that was on the screen."""
    sku, _, rest = text.partition(":")
    bucket, _, number = rest.partition(":")
    sku_id = uuid_or_none(sku)
    return Chosen(sku_id, _bucket(bucket), int(number)) if sku_id and number.isdigit() else None


def _bucket(text: str) -> Bucket:
    for bucket in BUCKETS:
        if bucket == text:
            return bucket
    return "sellable"


def _counted_meanwhile(visit: Visit, refusal: Refusal) -> str:
    if refusal.code == "already_counted":
        who = visit.formats.who(str(refusal.errors[0].get("counted_by")))
        return visit.words.gettext(
            "%(who)s counted this meanwhile. Save once more if your number shall replace theirs.", who=who
        )
    return _sentence(visit, refusal)


def _sentence(visit: Visit, refusal: Refusal) -> str:
    known = REFUSALS.get(refusal.code)
    return visit.words.gettext(known) if known else refusal.detail


def _fields(form: Form) -> Mapping[str, str]:
    return {name: form.text(name) for name in form.fields}
