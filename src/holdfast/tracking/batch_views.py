"""What the pages of batches and units show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from holdfast.access.visit import Visit
from holdfast.db import statements
from holdfast.kernel.ids import uuid_or_none
from holdfast.kernel.page import decode_cursor, encode_cursor, page_of
from holdfast.stock.wording import hold_kind, movement_words
from holdfast.tracking import service
from holdfast.tracking.model import FOLLOWS, Balance, Batch, Unit, UnitStep
from holdfast.warehouses.choosing import warehouse_choices
from holdfast.web.address import Address
from holdfast.web.i18n import N_
from holdfast.web.search_words import search_words

sql = statements("holdfast.tracking", "pages.sql")

ROWS: Final = 50
STATES: Final = ("soon", "expired", "quarantined", "recalled", "all")
STATE_WORDS: Final = {
    "usable": N_("usable"),
    "quarantined": N_("in quarantine"),
    "recalled": N_("recalled"),
    "sellable": N_("for sale"),
    "damaged": N_("damaged"),
    "quality_hold": N_("being checked"),
    "expired": N_("expired"),
    "in_transit": N_("on its way"),
    "shipped": N_("with a customer"),
    "scrapped": N_("scrapped"),
    "lost": N_("lost"),
}
KINDS: Final = {"sale": N_("sale"), "return": N_("return")}
STATE_TONES: Final = {
    "usable": "ok",
    "sellable": "ok",
    "quarantined": "warn",
    "quality_hold": "warn",
    "recalled": "bad",
}


@dataclass(frozen=True, slots=True)
class BatchRow:
    id: UUID
    number: str
    expiry_date: date | None
    state: str
    sku_id: UUID
    code: str
    name: str
    supplier: str | None
    sellable: int
    unsellable: int
    stranded: int
    warehouses: str | None
    days_left: int | None

    @property
    def key(self) -> str:
        return encode_cursor(self.expiry_date or date(9999, 12, 31), self.id)


@dataclass(frozen=True, slots=True)
class BatchCounts:
    here: int
    soon: int
    soon_units: int
    expired: int
    quarantined: int
    recalled: int
    total: int


@dataclass(frozen=True, slots=True)
class Week:
    """Units whose date falls into the week that begins on `starts`."""

    week: int
    starts: date
    units: int


@dataclass(frozen=True, slots=True)
class BatchesView:
    address: Address
    rows: tuple[BatchRow, ...]
    next_cursor: str | None
    counts: BatchCounts
    weeks: tuple[Week, ...]
    warehouses: tuple[tuple[str, str], ...]
    states: Mapping[str, str]
    tones: Mapping[str, str]

    @property
    def highest(self) -> int:
        return max((week.units for week in self.weeks), default=0)


@dataclass(frozen=True, slots=True)
class _Names:
    sku_name: str
    supplier: str | None
    days_left: int | None


@dataclass(frozen=True, slots=True)
class _Place:
    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Step:
    """One end of a trace: whom or what it leads to, in words."""

    what: str
    reference: str
    quantity: int
    when: datetime | None
    link: str
    serials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchView:
    batch: Batch
    sku_name: str
    supplier: str | None
    days_left: int | None
    state: str
    tone: str
    balances: tuple[tuple[Balance, str], ...]
    states: Mapping[str, str]
    customers: tuple[Step, ...]
    sources: tuple[Step, ...]
    transfers: tuple[Step, ...]
    may_quarantine: bool
    may_release: bool
    may_recall: bool
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def customer_units(self) -> int:
        return sum(step.quantity for step in self.customers)


@dataclass(frozen=True, slots=True)
class UnitRow:
    sku_id: UUID
    code: str
    name: str
    serial_number: str
    state: str
    warehouse: str | None
    batch: str | None
    batch_id: UUID | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class UnitsView:
    address: Address
    rows: tuple[UnitRow, ...]
    next_cursor: str | None
    states: Mapping[str, str]
    tones: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class UnitView:
    unit: Unit
    state: str
    tone: str
    place: str
    steps: tuple[tuple[UnitStep, str, str], ...]


async def batches_view(visit: Visit) -> BatchesView:
    """Four statements, however many batches there are."""
    address = Address.of(
        "/batches",
        q=visit.asked("q"),
        warehouse=visit.asked("warehouse"),
        sku=visit.asked("sku"),
        state=visit.asked("state", among=STATES),
        cursor=visit.asked("cursor"),
    )
    words = search_words(address.value("q"))
    warehouse_id = uuid_or_none(address.value("warehouse"))
    after = decode_cursor(address.value("cursor"), 2)
    found = await visit.tx.all(
        sql.batch_rows,
        BatchRow,
        like=words.like,
        prefix=words.prefix,
        warehouse_id=warehouse_id,
        sku_id=uuid_or_none(address.value("sku")),
        state=address.value("state") or "here",
        after_date=after[0] if after else None,
        after_id=after[1] if after else None,
        limit=ROWS + 1,
    )
    page = page_of(found, ROWS, lambda row: row.key)
    return BatchesView(
        address=address,
        rows=tuple(page.items),
        next_cursor=page.next_cursor,
        counts=await visit.tx.one(sql.batch_counts, BatchCounts),
        weeks=tuple(await visit.tx.all(sql.expiring_weeks, Week, warehouse_id=warehouse_id)),
        warehouses=await warehouse_choices(visit),
        states=_states(visit),
        tones=STATE_TONES,
    )


async def batch_view(
    visit: Visit, batch_id: UUID, *, fields: Mapping[str, str] | None = None, wrong: Mapping[str, str] | None = None
) -> BatchView:
    """Eight statements, however far the batch travelled."""
    batch = await service.get_batch(visit.tx, batch_id)
    names = await visit.tx.one(sql.batch_names, _Names, batch_id=batch_id)
    balances = await service.list_balances(visit.tx, [batch_id])
    trace = await service.trace(visit.tx, batch_id)
    ids = {balance.warehouse_id for balance in balances}
    for row in trace.transfers:
        ids |= {row["from_warehouse_id"], row["to_warehouse_id"]}
    places = {p.id: p.name for p in await visit.tx.all(sql.place_names, _Place, ids=list(ids))}
    may = visit.may("operate")
    return BatchView(
        batch=batch,
        sku_name=names.sku_name,
        supplier=names.supplier,
        days_left=names.days_left,
        state=visit.words.gettext(STATE_WORDS[batch.state]),
        tone=STATE_TONES[batch.state],
        balances=tuple((balance, places.get(balance.warehouse_id, "")) for balance in balances),
        states=_states(visit),
        customers=_customers(visit, trace.customers),
        sources=_sources(visit, trace.sources),
        transfers=_transfers(trace.transfers, places),
        may_quarantine=may and batch.state == "usable",
        may_release=may and batch.state != "usable",
        may_recall=may and batch.state != "recalled" and batch.state in FOLLOWS["recalled"],
        fields=fields or {},
        wrong=wrong or {},
    )


async def units_view(visit: Visit) -> UnitsView:
    address = Address.of("/serials", q=visit.asked("q"), sku=visit.asked("sku"), cursor=visit.asked("cursor"))
    after = decode_cursor(address.value("cursor"), 2)
    found = await visit.tx.all(
        sql.unit_rows,
        UnitRow,
        prefix=search_words(address.value("q")).prefix,
        sku_id=uuid_or_none(address.value("sku")),
        after_sku=after[0] if after else None,
        after_number=after[1] if after else None,
        limit=ROWS + 1,
    )
    page = page_of(found, ROWS, lambda row: encode_cursor(row.sku_id, row.serial_number))
    return UnitsView(address, tuple(page.items), page.next_cursor, _states(visit), STATE_TONES)


async def unit_view(visit: Visit, sku_id: UUID, serial_number: str) -> UnitView:
    found, steps = await service.get_unit(visit.tx, sku_id, serial_number)
    ids = {step.warehouse_id for step in steps} | ({found.warehouse_id} if found.warehouse_id else set[UUID]())
    places = {p.id: p.name for p in await visit.tx.all(sql.place_names, _Place, ids=list(ids))}
    told = tuple(
        (
            step,
            movement_words(step.movement_type, step.reference_type, step.reason, step.bucket, visit.words),
            places.get(step.warehouse_id, ""),
        )
        for step in steps
    )
    place = places.get(found.warehouse_id, "") if found.warehouse_id else ""
    state = visit.words.gettext(STATE_WORDS[found.state])
    return UnitView(found, state, STATE_TONES.get(found.state, ""), place, told)


def _customers(visit: Visit, rows: Sequence[dict[str, Any]]) -> tuple[Step, ...]:
    return tuple(
        Step(
            what=_kind(visit, row["reference_type"]),
            reference=row["reference_id"] or "",
            quantity=row["quantity"],
            when=row["shipped_at"],
            link="",
            serials=tuple(row["serials"]),
        )
        for row in rows
    )


def _kind(visit: Visit, reference_type: str) -> str:
    if reference_type in KINDS:
        return visit.words.gettext(KINDS[reference_type])
    return hold_kind(reference_type, visit.words)


def _sources(visit: Visit, rows: Sequence[dict[str, Any]]) -> tuple[Step, ...]:
    """A purchase order leads to its page, anything else says what it was."""
    steps: list[Step] = []
    for row in rows:
        is_order = row["purchase_order_number"] is not None
        what = row["supplier_name"] if is_order else movement_words("in", row["reference_type"], "", "", visit.words)
        reference = row["purchase_order_number"] if is_order else row["reference_id"] or ""
        link = f"/purchase-orders/{row['reference_id']}" if is_order else ""
        steps.append(Step(what, reference, row["quantity"], row["received_at"], link))
    return tuple(steps)


def _transfers(rows: Sequence[dict[str, Any]], places: Mapping[UUID, str]) -> tuple[Step, ...]:
    return tuple(
        Step(
            what=f"{places.get(row['from_warehouse_id'], '')} → {places.get(row['to_warehouse_id'], '')}",
            reference=row["number"],
            quantity=row["shipped_quantity"],
            when=None,
            link=f"/transfers/{row['transfer_id']}",
        )
        for row in rows
    )


def _states(visit: Visit) -> dict[str, str]:
    return {state: visit.words.gettext(text) for state, text in STATE_WORDS.items()}
