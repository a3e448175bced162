"""Goods that come back: for which order, in which state, onto which shelf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Response

from holdfast.access.visit import Form, PageRoute, Signed, Visit
from holdfast.catalog.scanning import Scan, scan
from holdfast.db import statements
from holdfast.kernel.errors import Refusal
from holdfast.kernel.ids import uuid_or_none
from holdfast.kernel.page import decode_id_cursor, encode_cursor, page_of
from holdfast.returns import service
from holdfast.returns.model import Outcome, Returnable, ReturnDetail, ReturnedLine
from holdfast.stock.asks import QUANTITY_MAX
from holdfast.warehouses.choosing import warehouse_choices
from holdfast.web.address import Address
from holdfast.web.i18n import N_
from holdfast.web.search_words import search_words

router = APIRouter(include_in_schema=False, route_class=PageRoute)
sql = statements("holdfast.returns", "pages.sql")

ROWS: Final = 50
ITEMS_MAX: Final = 100
OUTCOMES: Final[tuple[Outcome, ...]] = ("restock", "unsellable", "scrap")
OUTCOME_WORDS: Final = {
    "restock": N_("back on the shelf"),
    "unsellable": N_("damaged, kept"),
    "scrap": N_("scrapped"),
    "refund_only": N_("refund only"),
}
KINDS: Final = {"order": N_("order"), "sale": N_("sale"), "cart": N_("cart"), "manual": N_("by hand")}
REFUSALS: Final = {
    "exceeds_consumed": N_("More would come back than ever left for this order; nothing was booked."),
    "already_returned": N_(
        "Exactly this was already taken back. If it came twice, give the parcel a number of its own."
    ),
    "return_reference_reused": N_("This parcel number was booked with other quantities."),
    "reason_required": N_("Say why goods come back that were not sold here."),
    "sku_archived": N_("A SKU among them is archived."),
}
# The mark of a form that was sent without a parcel number, in front of what makes it unique.
FORM: Final = "form:"


@dataclass(frozen=True, slots=True)
class ReturnRow:
    id: UUID
    number: str
    reference_type: str
    reference_id: str
    return_reference: str | None
    reason: str
    is_unmatched: bool
    created_by: str
    created_at: datetime
    warehouse: str
    restocked: int
    damaged: int
    scrapped: int
    skus: int
    first_name: str | None


@dataclass(frozen=True, slots=True)
class ReturnCounts:
    total: int
    week: int


@dataclass(frozen=True, slots=True)
class ReturnsView:
    address: Address
    rows: tuple[ReturnRow, ...]
    next_cursor: str | None
    counts: ReturnCounts
    warehouses: tuple[tuple[str, str], ...]
    kinds: Mapping[str, str]
    may_take: bool


@dataclass(frozen=True, slots=True)
class Item:
    """One SKU of the form; `left` may still come back, None when the ledger knows nothing of it."""

    id: UUID
    code: str
    name: str
    left: int | None


@dataclass(frozen=True, slots=True)
class NewView:
    """`kinds` has more than one entry when the reference means several things."""

    reference_id: str
    reference_type: str
    kinds: tuple[tuple[str, str], ...]
    is_unmatched: bool
    items: tuple[Item, ...]
    warehouses: tuple[tuple[str, str], ...]
    once: str
    scan: Scan | None = None
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class _Named:
    id: UUID
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class ReturnView:
    detail: ReturnDetail
    kind: str
    outcomes: Mapping[str, str]
    parcel: str


@router.get("/returns")
async def returns(visit: Signed) -> Response:
    address = Address.of(
        "/returns", q=visit.asked("q"), warehouse=visit.asked("warehouse"), cursor=visit.asked("cursor")
    )
    found = await visit.tx.all(
        sql.return_rows,
        ReturnRow,
        after_id=decode_id_cursor(address.value("cursor")),
        warehouse_id=uuid_or_none(address.value("warehouse")),
        like=search_words(address.value("q")).like,
        limit=ROWS + 1,
    )
    page = page_of(found, ROWS, lambda row: encode_cursor(row.id))
    view = ReturnsView(
        address=address,
        rows=tuple(page.items),
        next_cursor=page.next_cursor,
        counts=await visit.tx.one(sql.return_counts, ReturnCounts),
        warehouses=await warehouse_choices(visit),
        kinds=_kinds(visit),
        may_take=visit.may("operate"),
    )
    return visit.page("returns/returns.html", view, active="returns", block="results")


@router.get("/returns/new")
async def new_return(visit: Signed) -> Response:
    """Which order first, then what of it came back; goods the ledger never sold are scanned one by one."""
    visit.require("operate")
    items = [item for text in visit.request.query_params.getlist("item") if (item := uuid_or_none(text))]
    found: Scan | None = None
    if visit.asked("sku_code") or visit.asked("sku"):
        found = await scan(visit, visit.asked("sku_code"), visit.asked("sku"))
        if found.sku is not None:
            items.append(found.sku.id)
            found = None
    view = await _new_view(
        visit,
        visit.asked("reference_id"),
        visit.asked("reference_type", among=tuple(KINDS)),
        is_unmatched=visit.asked("unmatched") == "yes",
        items=items[:ITEMS_MAX],
        found=found,
    )
    return visit.page("returns/new.html", view, active="returns", status=422 if found else 200)


@router.post("/returns")
async def take_back(visit: Signed) -> Response:
    form = await visit.form()
    visit.require("operate")
    lines, wrong = _lines(visit, form)
    warehouse_id = uuid_or_none(form.text("warehouse"))
    if warehouse_id is None:
        wrong["warehouse"] = visit.words.gettext("Choose a warehouse.")
    is_unmatched = form.text("unmatched") == "yes"
    if is_unmatched and not form.text("reason"):
        wrong["reason"] = visit.words.gettext("Say why goods come back that were not sold here.")
    if not wrong and warehouse_id is not None:
        once = form.text("once")[:100]
        parcel = service.Parcel(
            reference_type=form.text("reference_type") if form.text("reference_type") in KINDS else "order",
            reference_id=form.text("reference_id")[:200],
            warehouse_id=warehouse_id,
            lines=lines,
            return_reference=form.text("return_reference")[:200] or (once if once.startswith(FORM) else None),
            reason=form.text("reason")[:500],
            accept_unmatched=is_unmatched,
        )
        try:
            async with visit.savepoint():
                detail = await service.take_back(visit.tx, parcel, actor=visit.actor)
            return visit.redirect(f"/returns/{detail.head.id}", say=_said(visit, lines))
        except Refusal as refusal:
            wrong = _refused(visit, refusal)
    items = [item for text in form.every("item") if (item := uuid_or_none(text))]
    view = await _new_view(
        visit,
        form.text("reference_id"),
        form.text("reference_type"),
        is_unmatched=is_unmatched,
        items=items[:ITEMS_MAX],
        form=form,
        wrong=wrong,
    )
    return visit.page("returns/new.html", view, active="returns", status=422)


@router.get("/returns/{return_id}")
async def one_return(return_id: UUID, visit: Signed) -> Response:
    detail = await service.get_return(visit.tx, return_id)
    reference = detail.head.return_reference or ""
    outcomes = {outcome: visit.words.gettext(text) for outcome, text in OUTCOME_WORDS.items()}
    kind = _kinds(visit).get(detail.head.reference_type, detail.head.reference_type)
    view = ReturnView(detail, kind, outcomes, "" if reference.startswith(FORM) else reference)
    return visit.page("returns/return.html", view, active="returns")


async def _new_view(
    visit: Visit,
    reference_id: str,
    reference_type: str,
    *,
    is_unmatched: bool,
    items: Sequence[UUID],
    found: Scan | None = None,
    form: Form | None = None,
    wrong: Mapping[str, str] | None = None,
) -> NewView:
    """At most four statements."""
    words = _kinds(visit)
    kinds: list[str] = []
    sold: list[Returnable] = []
    if reference_id:
        kinds = [r["reference_type"] for r in await visit.tx.dicts(sql.find_order, reference_id=reference_id)]
        reference_type = reference_type or (kinds[0] if kinds else "order")
        sold = await service.list_returnable(visit.tx, reference_type, reference_id)
    left = {x.sku_id: x.returnable_quantity for x in sold}
    named = await visit.tx.all(sql.sku_names, _Named, ids=list({*left, *items}))
    return NewView(
        reference_id=reference_id,
        reference_type=reference_type or "order",
        kinds=tuple((kind, words[kind]) for kind in kinds),
        is_unmatched=is_unmatched,
        items=tuple(Item(x.id, x.code, x.name, left.get(x.id)) for x in named),
        warehouses=await warehouse_choices(visit),
        once=(form.text("once") if form else "") or f"{FORM}{uuid4()}",
        scan=found,
        fields={} if form is None else {name: form.text(name) for name in form.fields},
        wrong=wrong or {},
    )


def _lines(visit: Visit, form: Form) -> tuple[list[ReturnedLine], dict[str, str]]:
    """What was typed per SKU and outcome; an empty field is nothing."""
    lines: list[ReturnedLine] = []
    wrong: dict[str, str] = {}
    for text in form.every("item"):
        sku_id = uuid_or_none(text)
        for outcome in OUTCOMES:
            name = f"{outcome}-{text}"
            quantity = form.whole(name) if form.text(name) else 0
            if sku_id is None or quantity is None or quantity > QUANTITY_MAX:
                wrong[name] = visit.words.gettext("Type a whole number.")
            elif quantity:
                lines.append(ReturnedLine(sku_id, quantity, outcome))
    if not lines and not wrong:
        wrong["lines"] = visit.words.gettext("Type at least one quantity that came back.")
    return lines, wrong


def _refused(visit: Visit, refusal: Refusal) -> dict[str, str]:
    """The refusal beside the SKUs it is about, or over the form."""
    known = REFUSALS.get(refusal.code)
    wrong = {"lines": visit.words.gettext(known) if known else refusal.detail}
    for error in refusal.errors:
        if "consumed" in error:
            most = visit.formats.number(max(0, error["consumed"] - error["returned"]))
            wrong[f"restock-{error['sku_id']}"] = visit.words.gettext("At most %(most)s can come back.", most=most)
    return wrong


def _said(visit: Visit, lines: Sequence[ReturnedLine]) -> str:
    back = sum(line.quantity for line in lines if line.outcome == "restock")
    units = sum(line.quantity for line in lines)
    number = visit.formats.number
    return visit.words.gettext(
        "Taken back: %(units)s units, %(back)s of them can be sold again.", units=number(units), back=number(back)
    )


def _kinds(visit: Visit) -> dict[str, str]:
    return {kind: visit.words.gettext(text) for kind, text in KINDS.items()}
