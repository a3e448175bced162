"""Forms of suppliers and of what they ask per SKU; what is wrong stands beside its field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.typed import TypedForm
from holdfast.access.visit import Form, PageRoute, Signed, Visit
from holdfast.catalog.scanning import scan
from holdfast.catalog.service import get_sku
from holdfast.kernel.errors import Conflict, Invalid
from holdfast.purchasing import suppliers
from holdfast.purchasing.model import Supplier, SupplierItem
from holdfast.purchasing.supplier_forms import (
    TERMS_FIELDS,
    read_supplier,
    read_terms,
    supplier_texts,
    terms_texts,
)
from holdfast.purchasing.supplier_views import card_view, supplier_form, terms_form

router = APIRouter(include_in_schema=False, route_class=PageRoute)

NEW_SUPPLIER: Final = {"lead_time_days": "7", "lead_time_sd_days": "0", "over_receipt_percent": "0"}
NEW_TERMS: Final = {"moq": "1", "order_multiple": "1", "pack_size": "1"}


@router.get("/suppliers/new")
async def new_supplier(visit: Signed) -> Response:
    visit.require("plan")
    typed = {**NEW_SUPPLIER, "language": visit.shell.language.code}
    return _supplier_page(visit, None, typed, {}, days=None)


@router.post("/suppliers")
async def create(visit: Signed) -> Response:
    typed = TypedForm(visit, await visit.form())
    visit.require("plan")
    columns = read_supplier(typed, is_new=True)
    if not typed.wrong:
        try:
            async with visit.savepoint():
                made = await suppliers.create_supplier(visit.tx, actor=visit.actor, **columns)
            say = visit.words.gettext("%(name)s is a supplier now. Say what it asks for each SKU.", name=made.name)
            return visit.redirect(f"/suppliers/{made.id}", say=say)
        except Conflict:
            typed.wrong["code"] = visit.words.gettext("Another supplier has this code.")
    return _supplier_page(visit, None, typed.texts, typed.wrong, days=_ticked(typed.form), status=422)


@router.get("/suppliers/{supplier_id:uuid}/edit")
async def edit(supplier_id: UUID, visit: Signed) -> Response:
    visit.require("plan")
    supplier = await suppliers.get_supplier(visit.tx, supplier_id)
    return _supplier_page(visit, supplier, supplier_texts(supplier), {}, days=supplier.order_weekdays)


@router.post("/suppliers/{supplier_id:uuid}/edit")
async def change(supplier_id: UUID, visit: Signed) -> Response:
    typed = TypedForm(visit, await visit.form())
    visit.require("plan")
    supplier = await suppliers.get_supplier(visit.tx, supplier_id)
    columns = read_supplier(typed, is_new=False)
    if typed.wrong:
        return _supplier_page(visit, supplier, typed.texts, typed.wrong, days=_ticked(typed.form), status=422)
    await suppliers.change_supplier(visit.tx, supplier_id, columns, actor=visit.actor)
    return visit.redirect(f"/suppliers/{supplier_id}", say=visit.words.gettext("Saved."))


@router.get("/suppliers/{supplier_id:uuid}/items")
async def new_terms(supplier_id: UUID, visit: Signed) -> Response:
    """Which SKU the terms are of: scanned or typed, or one of several that fit."""
    visit.require("plan")
    await suppliers.get_supplier(visit.tx, supplier_id)
    found = await scan(visit, visit.asked("sku_code"), visit.asked("sku"))
    if found.sku is None:
        view = await card_view(visit, supplier_id, scan=found)
        return visit.page("purchasing/supplier_card.html", view, active="suppliers", status=422)
    return visit.redirect(f"/suppliers/{supplier_id}/items/{found.sku.id}")


@router.get("/suppliers/{supplier_id:uuid}/items/{sku_id:uuid}")
async def terms(supplier_id: UUID, sku_id: UUID, visit: Signed) -> Response:
    visit.require("plan")
    supplier, known = await _known(visit, supplier_id, sku_id)
    typed = terms_texts(known) if known else dict(NEW_TERMS)
    return await _terms_page(visit, supplier, sku_id, typed, {}, is_known=known is not None)


@router.post("/suppliers/{supplier_id:uuid}/items/{sku_id:uuid}")
async def set_terms(supplier_id: UUID, sku_id: UUID, visit: Signed) -> Response:
    typed = TypedForm(visit, await visit.form())
    visit.require("plan")
    supplier, known = await _known(visit, supplier_id, sku_id)
    found = read_terms(typed, sku_id)
    if not typed.wrong:
        try:
            async with visit.savepoint():
                await suppliers.put_items(visit.tx, supplier_id, [found], actor=visit.actor)
            return visit.redirect(f"/suppliers/{supplier_id}#terms", say=visit.words.gettext("Saved."))
        except Invalid as refusal:
            typed.refused(refusal, fields=TERMS_FIELDS)
    return await _terms_page(visit, supplier, sku_id, typed.texts, typed.wrong, is_known=known is not None, status=422)


@router.post("/suppliers/{supplier_id:uuid}/items/{sku_id:uuid}/remove")
async def remove_terms(supplier_id: UUID, sku_id: UUID, visit: Signed) -> Response:
    await visit.form()
    visit.require("plan")
    await suppliers.remove_item(visit.tx, supplier_id, sku_id, actor=visit.actor)
    say = visit.words.gettext("It is no longer ordered here. The latest changes below take that back.")
    return visit.redirect(f"/suppliers/{supplier_id}", say=say)


async def _known(visit: Visit, supplier_id: UUID, sku_id: UUID) -> tuple[Supplier, SupplierItem | None]:
    supplier = await suppliers.get_supplier(visit.tx, supplier_id)
    found = await suppliers.list_items(visit.tx, supplier_id, sku_id=sku_id, limit=1)
    return supplier, next(iter(found), None)


def _supplier_page(
    visit: Visit,
    supplier: Supplier | None,
    typed: Mapping[str, str],
    wrong: Mapping[str, str],
    *,
    days: list[int] | None,
    status: int = 200,
) -> Response:
    view = supplier_form(visit, supplier, typed, wrong, days)
    return visit.page("purchasing/supplier_form.html", view, active="suppliers", status=status)


async def _terms_page(
    visit: Visit,
    supplier: Supplier,
    sku_id: UUID,
    typed: Mapping[str, str],
    wrong: Mapping[str, str],
    *,
    is_known: bool,
    status: int = 200,
) -> Response:
    sku = await get_sku(visit.tx, sku_id)
    view = terms_form(visit, supplier, (sku.id, f"{sku.name} · {sku.code}"), typed, wrong, is_known=is_known)
    return visit.page("purchasing/supplier_terms.html", view, active="suppliers", status=status)


def _ticked(form: Form) -> list[int]:
    return [int(day) for day in form.every("weekday") if day in set("1234567")]
