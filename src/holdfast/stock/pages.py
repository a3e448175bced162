"""Who holds what, and giving it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed, Visit
from holdfast.db import statements
from holdfast.kernel.ids import uuid_or_none
from holdfast.kernel.page import decode_cursor, encode_cursor, page_of
from holdfast.stock.answers import refusal_of
from holdfast.stock.asks import ResolveAsk
from holdfast.stock.lanes import Lanes
from holdfast.stock.wording import HOLDS, hold_kind
from holdfast.web.address import Address
from holdfast.web.search_words import search_words

router = APIRouter(include_in_schema=False, route_class=PageRoute)
sql = statements("holdfast.stock", "pages.sql")
ROWS: Final = 50


@dataclass(frozen=True, slots=True)
class HoldRow:
    id: UUID
    reference_type: str
    reference_id: str
    created_at: datetime
    expires_at: datetime | None
    actor: str
    units: int
    skus: int
    first_sku_id: UUID | None
    first_name: str | None
    warehouses: str | None


@dataclass(frozen=True, slots=True)
class HoldCounts:
    holds: int
    ending: int
    carts: int
    units: int


@dataclass(frozen=True, slots=True)
class HoldsView:
    address: Address
    rows: tuple[HoldRow, ...]
    kinds: Mapping[str, str]
    next_cursor: str | None
    counts: HoldCounts
    warehouses: tuple[tuple[str, str], ...]
    may_release: bool


@router.get("/holds")
async def holds(visit: Signed) -> Response:
    return visit.page("stock/holds.html", await _holds_view(visit), active="holds", block="results")


async def _holds_view(visit: Visit) -> HoldsView:
    """Three statements: the page, the counts, the filter."""
    address = Address.of(
        "/holds",
        q=visit.asked("q"),
        kind=visit.asked("kind", among=tuple(HOLDS)),
        warehouse=visit.asked("warehouse"),
        cursor=visit.asked("cursor"),
    )
    words = search_words(address.value("q"))
    after = decode_cursor(address.value("cursor"), 2)
    found = await visit.tx.all(
        sql.hold_rows,
        HoldRow,
        kind=address.value("kind") or None,
        like=words.like,
        prefix=words.prefix,
        warehouse_id=uuid_or_none(address.value("warehouse")),
        after_end=after[0] if after else None,
        after_id=after[1] if after else None,
        limit=ROWS + 1,
    )
    page = page_of(found, ROWS, lambda row: encode_cursor(row.expires_at or "infinity", row.id))
    return HoldsView(
        address=address,
        rows=tuple(page.items),
        kinds={kind: hold_kind(kind, visit.words) for kind in HOLDS},
        next_cursor=page.next_cursor,
        counts=await visit.tx.one(sql.hold_counts, HoldCounts),
        warehouses=await visit.choices(sql.warehouse_choices),
        may_release=visit.may("operate"),
    )


@router.post("/holds/{reservation_id}/release")
async def release(reservation_id: UUID, visit: Signed) -> Response:
    """Give everything back that the hold still holds."""
    form = await visit.form()
    visit.require("operate")
    lanes: Lanes = visit.request.app.state.lanes
    ask = ResolveAsk(
        principal_id=str(visit.signed.id),
        actor=visit.actor,
        reservation_id=str(reservation_id),
        action="release",
    )
    refusal = refusal_of(await lanes.resolve(ask))
    back = form.text("next") or "/holds"
    if refusal is not None:
        return visit.redirect(back, say=visit.words.gettext("This hold was already over."), bad=True)
    return visit.redirect(back, say=visit.words.gettext("The hold is released; its units are available again."))
