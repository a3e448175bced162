"""Shortages: units that are promised and not there. A person chooses which promise is broken, or waits for goods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import Form, PageRoute, Signed, Visit
from holdfast.counts import shortages as resolving
from holdfast.db import statements
from holdfast.kernel.errors import Conflict
from holdfast.kernel.ids import uuid_or_none
from holdfast.kernel.page import decode_id_cursor, encode_cursor, page_of
from holdfast.stock import shortages
from holdfast.stock.shortages import Broken, Promise, Shortage
from holdfast.stock.wording import hold_kind
from holdfast.warehouses.choosing import warehouse_choices
from holdfast.web.address import Address
from holdfast.web.i18n import N_

router = APIRouter(include_in_schema=False, route_class=PageRoute)
sql = statements("holdfast.counts", "shortages.sql")

ROWS: Final = 50
STATES: Final = ("open", "resolved", "dismissed", "all")
STATUS_WORDS: Final = {
    "open": N_("to decide"),
    "waiting": N_("waits for goods"),
    "resolved": N_("resolved"),
    "dismissed": N_("dismissed"),
}
STATUS_TONES: Final = {"open": "bad", "waiting": "warn", "resolved": "ok", "dismissed": ""}
CAUSES: Final = {
    "count": N_("a stock count"),
    "adjustment": N_("a correction"),
    "erp": N_("another system"),
    "expiry": N_("an expired batch"),
    "recall": N_("a recall"),
}
REFUSALS: Final = {
    "shortage_over": N_("This case was already decided."),
    "shortage_remains": N_("That is not enough: more units are promised than would be left. Release more."),
    "version_conflict": N_("Something about this case changed meanwhile. Look at it and decide again."),
}


@dataclass(frozen=True, slots=True)
class ShortageRow:
    id: UUID
    number: str
    status: str
    cause: str
    opened_at: datetime
    wait_until: date | None
    sku_id: UUID
    code: str
    name: str
    warehouse: str
    missing: int


@dataclass(frozen=True, slots=True)
class ShortageCounts:
    total: int
    open: int
    resolved: int
    dismissed: int


@dataclass(frozen=True, slots=True)
class ShortagesView:
    address: Address
    state: str
    rows: tuple[ShortageRow, ...]
    next_cursor: str | None
    counts: ShortageCounts
    warehouses: tuple[tuple[str, str], ...]
    status_words: Mapping[str, str]
    status_tones: Mapping[str, str]
    causes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Names:
    sku_name: str
    warehouse: str
    count_number: str | None


@dataclass(frozen=True, slots=True)
class ShownPromise:
    promise: Promise
    kind: str
    release: str


@dataclass(frozen=True, slots=True)
class ShortageView:
    case: Shortage
    names: Names
    status: str
    tone: str
    cause: str
    promises: tuple[ShownPromise, ...]
    may_resolve: bool
    may_wait: bool
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def there(self) -> int:
        """Sellable units that would be left once the loss is booked."""
        return max(0, self.case.available_quantity + self.case.reserved_quantity + self.case.change)


@router.get("/shortages")
async def list_shortages(visit: Signed) -> Response:
    state = visit.asked("state", among=STATES)
    address = Address.of("/shortages", warehouse=visit.asked("warehouse"), state=state, cursor=visit.asked("cursor"))
    found = await visit.tx.all(
        sql.shortage_rows,
        ShortageRow,
        state=state or "open",
        warehouse_id=uuid_or_none(address.value("warehouse")),
        after_id=decode_id_cursor(address.value("cursor")),
        limit=ROWS + 1,
    )
    page = page_of(found, ROWS, lambda row: encode_cursor(row.id))
    view = ShortagesView(
        address=address,
        state=state or "open",
        rows=tuple(page.items),
        next_cursor=page.next_cursor,
        counts=await visit.tx.one(sql.shortage_counts, ShortageCounts),
        warehouses=await warehouse_choices(visit),
        status_words={status: visit.words.gettext(text) for status, text in STATUS_WORDS.items()},
        status_tones=STATUS_TONES,
        causes={cause: visit.words.gettext(text) for cause, text in CAUSES.items()},
    )
    return visit.page("counts/shortages.html", view, active="counts", block="results")


@router.get("/shortages/{case_id}")
async def shortage(case_id: UUID, visit: Signed) -> Response:
    return visit.page("counts/shortage.html", await _view(visit, case_id), active="counts")


@router.post("/shortages/{case_id}/resolve")
async def resolve(case_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("approve")
    chosen: list[Broken] = []
    wrong: dict[str, str] = {}
    for name in (name for name in form.fields if name.startswith("release-")):
        reservation_id, quantity = uuid_or_none(name.removeprefix("release-")), form.whole(name)
        if form.text(name) and quantity is None:
            wrong[name] = visit.words.gettext("Type a whole number.")
        elif reservation_id is not None and quantity:
            chosen.append(Broken(reservation_id, quantity))
    if not wrong:
        try:
            async with visit.savepoint():
                await resolving.resolve(
                    visit.tx,
                    case_id,
                    chosen,
                    note=form.text("note")[:5000] or None,
                    actor=visit.actor,
                    expected_version=form.whole("version"),
                )
            say = visit.words.gettext("Resolved: the promises are released and the loss is booked.")
            return visit.redirect(f"/shortages/{case_id}", say=say)
        except Conflict as refusal:
            wrong["case"] = _sentence(visit, refusal)
    view = await _view(visit, case_id, form, wrong)
    return visit.page("counts/shortage.html", view, active="counts", status=422)


@router.post("/shortages/{case_id}/wait")
async def wait(case_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("operate")
    try:
        async with visit.savepoint():
            until = date.fromisoformat(form.text("until")) if form.text("until") else None
            await shortages.wait(visit.tx, case_id, note=form.text("note")[:5000], until=until, actor=visit.actor)
    except ValueError:
        return await _refused(visit, case_id, form, visit.words.gettext("Type a day such as 2026-12-24."))
    except Conflict as refusal:
        return await _refused(visit, case_id, form, _sentence(visit, refusal))
    return visit.redirect("/shortages", say=visit.words.gettext("The case waits for goods. No promise is broken."))


@router.post("/shortages/{case_id}/dismiss")
async def dismiss(case_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("approve")
    if not form.text("reason"):
        wrong = {"reason": visit.words.gettext("Say why: the ledger keeps it.")}
        view = await _view(visit, case_id, form, wrong)
        return visit.page("counts/shortage.html", view, active="counts", status=422)
    try:
        async with visit.savepoint():
            case = await shortages.lock_case(visit.tx, case_id)
            note = form.text("reason")[:5000]
            await shortages.end(visit.tx, case, "dismissed", broken=[], note=note, actor=visit.actor)
    except Conflict as refusal:
        return await _refused(visit, case_id, form, _sentence(visit, refusal))
    return visit.redirect("/shortages", say=visit.words.gettext("Dismissed: nothing was booked and nothing released."))


async def _view(
    visit: Visit, case_id: UUID, form: Form | None = None, wrong: Mapping[str, str] | None = None
) -> ShortageView:
    """Three statements: the case, its names, who was promised the units."""
    case = await shortages.get_case(visit.tx, case_id)
    promises = await shortages.list_promises(visit.tx, case) if case.resolved_at is None else []
    release = {b.reservation_id: str(b.quantity) for b in shortages.proposed(case, promises)}
    typed = None if form is None or "version" not in form.fields else form

    def released(promise: Promise) -> str:
        return typed.text(f"release-{promise.reservation_id}") if typed else release.get(promise.reservation_id, "")

    return ShortageView(
        case=case,
        names=await visit.tx.one(sql.shortage_names, Names, case_id=case_id),
        status=visit.words.gettext(STATUS_WORDS[case.status]),
        tone=STATUS_TONES[case.status],
        cause=visit.words.gettext(CAUSES[case.cause]),
        promises=tuple(ShownPromise(p, hold_kind(p.reference_type, visit.words), released(p)) for p in promises),
        may_resolve=visit.may("approve") and case.resolved_at is None,
        may_wait=visit.may("operate") and case.resolved_at is None,
        wrong=wrong or {},
    )


async def _refused(visit: Visit, case_id: UUID, form: Form, sentence: str) -> Response:
    view = await _view(visit, case_id, form, {"case": sentence})
    return visit.page("counts/shortage.html", view, active="counts", status=409)


def _sentence(visit: Visit, refusal: Conflict) -> str:
    known = REFUSALS.get(refusal.code)
    return visit.words.gettext(known) if known else refusal.detail
