"""Suppliers in the console: who they are, how they keep their word, how long they really take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed, Visit
from holdfast.db import statements
from holdfast.kernel.page import decode_cursor, encode_cursor, page_of
from holdfast.purchasing import learning
from holdfast.purchasing.learning import Scorecard, SkuLeadTime
from holdfast.purchasing.model import Supplier
from holdfast.purchasing.suppliers import get_supplier
from holdfast.web.address import Address
from holdfast.web.search_words import search_words

sql = statements("holdfast.purchasing", "pages.sql")
router = APIRouter(include_in_schema=False, route_class=PageRoute)

ROWS: Final = 50
DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class SupplierRow:
    id: UUID
    code: str
    name: str
    is_active: bool
    order_channel: str
    email: str | None
    promised_days: float
    skus: int
    coming: int
    exceptions: int
    mean_factor: float | None
    receipts: int | None
    is_used: bool | None


@dataclass(frozen=True, slots=True)
class SuppliersView:
    address: Address
    rows: tuple[SupplierRow, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class CardView:
    """``unit`` is the days that a factor of one stands for."""

    address: Address
    supplier: Supplier
    card: Scorecard
    unit: float
    lead_times: tuple[SkuLeadTime, ...]
    next_cursor: str | None
    chart: dict[str, Any]


@router.get("/suppliers")
async def suppliers(visit: Signed) -> Response:
    address = Address.of("/suppliers", q=visit.asked("q"), cursor=visit.asked("cursor"))
    after = decode_cursor(address.value("cursor"), 2)
    found = await visit.tx.all(
        sql.supplier_rows,
        SupplierRow,
        like=search_words(address.value("q")).like,
        after=after[0] if after else None,
        after_id=after[1] if after else None,
        limit=ROWS + 1,
    )
    page = page_of(found, ROWS, lambda row: encode_cursor(row.name, row.id))
    view = SuppliersView(address, tuple(page.items), page.next_cursor)
    return visit.page("purchasing/suppliers.html", view, active="orders", block="results")


@router.get("/suppliers/{supplier_id}")
async def supplier(supplier_id: UUID, visit: Signed) -> Response:
    address = Address.of(f"/suppliers/{supplier_id}", cursor=visit.asked("cursor"))
    after = decode_cursor(address.value("cursor"), 1)
    card = await learning.scorecard(visit.tx, supplier_id, days=DAYS)
    found = await learning.list_lead_times(visit.tx, supplier_id, limit=ROWS, after=after[0] if after else None)
    page = page_of(found, ROWS, lambda row: encode_cursor(row.sku_code))
    view = CardView(
        address=address,
        supplier=await get_supplier(visit.tx, supplier_id),
        card=card,
        unit=max(card.lead_time.promised_days, 1.0),
        lead_times=tuple(page.items),
        next_cursor=page.next_cursor,
        chart=_chart(visit, card),
    )
    return visit.page("purchasing/supplier_card.html", view, active="orders")


def _chart(visit: Visit, card: Scorecard) -> dict[str, Any]:
    """One point per delivery: when it came and after how many days; the promise and the learned interval as lines."""
    factor = card.lead_time
    unit = max(factor.promised_days, 1.0)
    words = visit.words
    low = None if factor.low_factor is None else round(factor.low_factor * unit, 1)
    high = None if factor.high_factor is None else round(factor.high_factor * unit, 1)
    return {
        "kind": "lead",
        "points": [
            [int(d.received_at.timestamp() * 1000), round(d.days, 1), d.number] for d in reversed(card.deliveries)
        ],
        "promised": factor.promised_days,
        "low": low,
        "high": high,
        "words": {
            "delivery": words.gettext("days"),
            "promised": words.gettext("promised"),
            "low": words.gettext("nine of ten from here"),
            "high": words.gettext("to here"),
            "summary": words.gettext(
                "%(count)s deliveries; promised %(promised)s days",
                count=visit.formats.number(len(card.deliveries)),
                promised=visit.formats.number(factor.promised_days, 1),
            ),
        },
    }
