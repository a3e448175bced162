"""What the pages of suppliers show: the list, one supplier with all that is known of it, its forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from holdfast.access.audit import AuditEntry, list_entries
from holdfast.access.visit import Visit
from holdfast.catalog.scanning import Scan
from holdfast.db import statements
from holdfast.kernel.page import decode_cursor, encode_cursor, page_of
from holdfast.purchasing import learning, trials
from holdfast.purchasing.exceptions import list_exceptions
from holdfast.purchasing.learning import MonthScore, Scorecard
from holdfast.purchasing.model import OrderException, Supplier
from holdfast.purchasing.order_views import exception_words
from holdfast.purchasing.supplier_forms import SUPPLIER_FIELDS, TERMS_FIELDS, rows_of
from holdfast.purchasing.suppliers import get_supplier
from holdfast.purchasing.trials import Trial
from holdfast.settings import Settings
from holdfast.web.address import Address
from holdfast.web.i18n import LANGUAGES, N_
from holdfast.web.search_words import search_words

sql = statements("holdfast.purchasing", "pages.sql")

ROWS: Final = 50
TERMS_ROWS: Final = 20
DAYS: Final = 365
HIGH_SHOWN_MAX: Final = 2.5
CHANGES_SHOWN: Final = 5
EXCEPTIONS_SHOWN: Final = 20
STATES: Final = ("all", "inactive")
CHANGES: Final = {
    "supplier.created": N_("made"),
    "supplier.changed": N_("changed"),
    "supplier.items_set": N_("terms set"),
    "supplier.item_removed": N_("terms removed"),
    "supplier.channel_set": N_("order channel set"),
    "supplier.channel_tried": N_("order channel tried"),
    "supplier.lead_time_accepted": N_("learned lead time accepted"),
    "action.undone": N_("taken back"),
}
# Nothing is left of a try that could be taken back, and a supplier with orders stays.
FINAL: Final = ("supplier.channel_tried", "supplier.created", "action.undone")
WEEKDAYS: Final = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))


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
    may_plan: bool


@dataclass(frozen=True, slots=True)
class TermsRow:
    """One SKU that the supplier offers. Days; what was learned is None without receipts."""

    sku_id: UUID
    code: str
    name: str
    supplier_code: str | None
    unit_cost: Decimal
    currency: str
    break_quantities: list[int]
    break_costs: list[Decimal]
    moq: int
    order_multiple: int
    max_order_quantity: int | None
    pack_size: int
    valid_from: date | None
    valid_to: date | None
    is_valid: bool
    is_preferred: bool
    receipts: int
    median_days: float | None
    low_days: float | None
    high_days: float | None
    promised_days: float
    lead_time_days: float
    lead_time_source: str

    @property
    def breaks(self) -> list[tuple[int, Decimal]]:
        return list(zip(self.break_quantities, self.break_costs, strict=True))

    @property
    def differs(self) -> bool:
        """Half a day is the least that a day-wise calendar can show. A SKU that never arrived only follows the rest."""
        return (
            self.receipts > 0
            and self.lead_time_source == "learned"
            and abs(self.lead_time_days - self.promised_days) >= 0.5
        )


@dataclass(frozen=True, slots=True)
class Month:
    """One column of the picture: shares of the lines due in the month."""

    label: str
    due: int
    on_time: float
    in_full: float
    words: str


@dataclass(frozen=True, slots=True)
class Change:
    id: int
    at: datetime
    actor: str
    words: str
    is_undone: bool
    may_undo: bool


@dataclass(frozen=True, slots=True)
class CardView:
    """``unit`` is the days that a factor of one stands for."""

    address: Address
    supplier: Supplier
    card: Scorecard
    unit: float
    months: tuple[Month, ...]
    terms: tuple[TermsRow, ...]
    next_cursor: str | None
    chart: dict[str, Any]
    exceptions: tuple[OrderException, ...]
    exception_words: Mapping[str, str]
    changes: tuple[Change, ...]
    trial: Trial | None
    weekdays: str
    can_sign: bool
    may_plan: bool
    may_approve: bool
    today: date
    scan: Scan | None = None
    typed: Mapping[str, str] = field(default_factory=dict[str, str])
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])
    # The signing secret, shown once, in the answer that made it.
    secret: str | None = None

    @property
    def closed(self) -> list[tuple[date, date]]:
        """Days without orders that are not over yet."""
        found = [
            (date.fromisoformat(c["first_day"]), date.fromisoformat(c["last_day"])) for c in self.supplier.closed_days
        ]
        return [(first, last) for first, last in found if last >= self.today]

    @property
    def differs(self) -> bool:
        factor = self.card.lead_time
        return bool(factor.is_used) and abs((factor.mean_factor or 1) * self.unit - factor.promised_days) >= 0.5


@dataclass(frozen=True, slots=True)
class FormView:
    """A form of a supplier, or of its terms for one SKU; ``labels`` name the fields, also where they are wrong."""

    supplier: Supplier | None
    labels: Mapping[str, str]
    typed: Mapping[str, str]
    wrong: Mapping[str, str]
    rows: range
    languages: tuple[tuple[str, str], ...] = ()
    weekdays: tuple[tuple[str, str, bool], ...] = ()
    sku_id: UUID | None = None
    sku: str = ""
    is_known: bool = False


async def suppliers_view(visit: Visit) -> SuppliersView:
    address = Address.of(
        "/suppliers", q=visit.asked("q"), state=visit.asked("state", among=STATES), cursor=visit.asked("cursor")
    )
    after = decode_cursor(address.value("cursor"), 2)
    state = address.value("state")
    found = await visit.tx.all(
        sql.supplier_rows,
        SupplierRow,
        like=search_words(address.value("q")).like,
        is_active=None if state == "all" else state != "inactive",
        after=after[0] if after else None,
        after_id=after[1] if after else None,
        limit=ROWS + 1,
    )
    page = page_of(found, ROWS, lambda row: encode_cursor(row.name, row.id))
    return SuppliersView(address, tuple(page.items), page.next_cursor, visit.may("plan"))


async def card_view(
    visit: Visit,
    supplier_id: UUID,
    *,
    scan: Scan | None = None,
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    secret: str | None = None,
) -> CardView:
    """One supplier with all that is known of it."""
    supplier = await get_supplier(visit.tx, supplier_id)
    address = Address.of(f"/suppliers/{supplier_id}", q=visit.asked("q"), cursor=visit.asked("cursor"))
    after = decode_cursor(address.value("cursor"), 1)
    found = await visit.tx.all(
        sql.terms_rows,
        TermsRow,
        supplier_id=supplier_id,
        like=search_words(address.value("q")).like,
        after=after[0] if after else None,
        limit=TERMS_ROWS + 1,
    )
    page = page_of(found, TERMS_ROWS, lambda row: encode_cursor(row.code))
    card = await learning.scorecard(visit.tx, supplier_id, days=DAYS)
    unit = max(card.lead_time.promised_days, 1.0)
    live = await list_exceptions(visit.tx, limit=EXCEPTIONS_SHOWN, supplier_id=supplier_id, is_live=True)
    entries = await list_entries(visit.tx, before=None, subject=f"supplier:{supplier_id}", limit=CHANGES_SHOWN)
    settings: Settings = visit.request.app.state.settings
    return CardView(
        address=address,
        supplier=supplier,
        card=card,
        unit=unit,
        months=_months(visit, await learning.months(visit.tx, supplier_id, days=DAYS)),
        terms=tuple(page.items),
        next_cursor=page.next_cursor,
        chart=_chart(visit, card, unit),
        exceptions=tuple(live[:EXCEPTIONS_SHOWN]),
        exception_words=exception_words(visit),
        changes=tuple(_change(visit, entry) for entry in entries[:CHANGES_SHOWN]),
        trial=await trials.last(visit.tx, supplier_id),
        weekdays=_days_of_week(visit, supplier),
        can_sign=bool(settings.secret),
        may_plan=visit.may("plan"),
        may_approve=visit.may("approve"),
        today=await visit.tx.value(sql.today),
        scan=scan,
        typed=typed or {},
        wrong=wrong or {},
        secret=secret,
    )


def supplier_form(
    visit: Visit, supplier: Supplier | None, typed: Mapping[str, str], wrong: Mapping[str, str], days: list[int] | None
) -> FormView:
    """``days``: the ISO weekdays that are ticked; None is every day."""
    words = visit.words
    return FormView(
        supplier=supplier,
        labels={name: words.gettext(label) for name, label in SUPPLIER_FIELDS.items()},
        typed=typed,
        wrong=wrong,
        rows=rows_of(typed, "closed-first"),
        languages=tuple((language.code, language.own_name) for language in LANGUAGES.values()),
        weekdays=tuple(
            (str(number), words.gettext(name), days is None or number in days)
            for number, name in enumerate(WEEKDAYS, start=1)
        ),
        is_known=supplier is not None,
    )


def terms_form(
    visit: Visit,
    supplier: Supplier,
    sku: tuple[UUID, str],
    typed: Mapping[str, str],
    wrong: Mapping[str, str],
    *,
    is_known: bool,
) -> FormView:
    """``sku``: its id and its name."""
    return FormView(
        supplier=supplier,
        labels={name: visit.words.gettext(label) for name, label in TERMS_FIELDS.items()},
        typed=typed,
        wrong=wrong,
        rows=rows_of(typed, "break-quantity"),
        sku_id=sku[0],
        sku=sku[1],
        is_known=is_known,
    )


def _change(visit: Visit, entry: AuditEntry) -> Change:
    known = CHANGES.get(entry.action)
    words = visit.words.gettext(known) if known else entry.action
    is_final = entry.action in FINAL or entry.undone is not None
    return Change(entry.id, entry.at, entry.actor, words, entry.undone is not None, visit.may("plan") and not is_final)


def _days_of_week(visit: Visit, supplier: Supplier) -> str:
    if supplier.order_weekdays is None:
        return visit.words.gettext("every day")
    separator = visit.words.gettext(", ")
    return separator.join(visit.words.gettext(WEEKDAYS[day - 1]) for day in sorted(supplier.order_weekdays))


def _months(visit: Visit, found: list[MonthScore]) -> tuple[Month, ...]:
    words, formats = visit.words, visit.formats
    return tuple(
        Month(
            label=formats.month(m.month),
            due=m.lines_due,
            on_time=m.lines_on_time / m.lines_due,
            in_full=m.lines_in_full / m.lines_due,
            words=words.gettext(
                "%(month)s: %(due)s lines due, %(on_time)s on time, %(in_full)s in full",
                month=formats.month(m.month),
                due=formats.number(m.lines_due),
                on_time=formats.percent(m.lines_on_time / m.lines_due),
                in_full=formats.percent(m.lines_in_full / m.lines_due),
            ),
        )
        for m in found[-12:]
    )


def _chart(visit: Visit, card: Scorecard, unit: float) -> dict[str, Any]:
    """One point per delivery: when it came and after how many days; the promise and the learned interval as lines."""
    factor = card.lead_time
    words = visit.words
    # Few deliveries give an interval so wide that it would flatten everything that happened.
    seen_most = max([factor.promised_days, *(d.days for d in card.deliveries)])
    low = None if factor.low_factor is None else round(factor.low_factor * unit, 1)
    high = None if factor.high_factor is None else round(factor.high_factor * unit, 1)
    if high is not None and high > HIGH_SHOWN_MAX * seen_most:
        low = high = None
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
