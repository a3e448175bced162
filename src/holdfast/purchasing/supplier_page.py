"""The page of one order for its supplier: no account, a signed address, nothing else to see.

Confirming quantities and days, cutting or refusing lines, a message, a notice of shipment. Each form carries a token of
its own, so that one sent twice is one statement; what is said does exactly what the API's confirm does.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, tzinfo
from typing import Final, Literal, TypedDict
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Response

from holdfast.access.visit import LANGUAGE_COOKIE, Form, OpenPageRoute, Signed, Visit
from holdfast.kernel.errors import Invalid, Refusal
from holdfast.purchasing import confirming, letters, links
from holdfast.purchasing.model import FOLLOWS, OrderDetail, OrderLine, Statement, Supplier
from holdfast.purchasing.orders import get_order, sql
from holdfast.purchasing.promised import parts_of
from holdfast.purchasing.supplier_form import read_confirmation, read_shipment, sentence_of
from holdfast.purchasing.suppliers import get_supplier
from holdfast.settings import Settings
from holdfast.warehouses.service import get_warehouse
from holdfast.web.formats import Formats
from holdfast.web.i18n import LANGUAGES, N_, words_in
from holdfast.web.rendering import formats_for

router = APIRouter(include_in_schema=False, route_class=OpenPageRoute)

TEXT_MAX: Final = 5000
ONCE_MAX: Final = 64
SAID: Final = {"confirmed": N_("You confirmed"), "message": N_("You wrote"), "shipped": N_("You announced a shipment")}


@dataclass(frozen=True, slots=True)
class AskedLine:
    """What the page asks about one line; `first` and `second` are what is confirmed so far, as (quantity, day)."""

    line_no: int
    name: str
    your_code: str
    our_code: str
    ordered: int
    received: int
    still_open: int
    unit_cost: str
    day: date | None
    first: tuple[str, str]
    second: tuple[str, str]
    reason: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class SaidThen:
    heading: str
    text: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class SupplierView:
    token: str
    once: str
    detail: OrderDetail
    supplier: Supplier
    warehouse: str
    address: str
    lines: tuple[AskedLine, ...]
    said: tuple[SaidThen, ...]
    today: str
    may_answer: bool
    typed: Mapping[str, str] = field(default_factory=dict[str, str])
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class ClosedView:
    """No door: `is_hasty` when it only has to be tried again in a minute."""

    is_hasty: bool


class Signature(TypedDict):
    """Who says it, and which form: the same form is one statement."""

    actor: str
    source: Literal["link"]
    request_key: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A form of the supplier about its order."""

    order_id: UUID
    form: Form
    detail: OrderDetail
    signed: Signature


@router.get("/supplier/orders/{token}")
async def page(token: str, visit: Signed) -> Response:
    found = await _come_in(visit, token)
    if isinstance(found, Response):
        return found
    return await _shown(visit, token, found)


@router.get("/supplier/orders/{token}/order.pdf")
async def paper(token: str, visit: Signed) -> Response:
    found = await _come_in(visit, token)
    if isinstance(found, Response):
        return found
    detail = await get_order(visit.tx, found.order_id)
    supplier = await get_supplier(visit.tx, detail.order.supplier_id)
    headers = {"Content-Disposition": f'attachment; filename="{detail.order.number}.pdf"'}
    return _private(
        Response(await letters.printed(visit.tx, detail, supplier), media_type="application/pdf", headers=headers)
    )


@router.post("/supplier/orders/{token}/confirm")
async def confirm(token: str, visit: Signed) -> Response:
    async def say(letter: Letter) -> dict[str, str]:
        words, wrong = read_confirmation(visit, letter.form, letter.detail.lines, await _today(visit))
        if not wrong:
            await confirming.confirm(visit.tx, letter.order_id, expected_at=None, lines=words, **letter.signed)
        return wrong

    return await _told(visit, token, say, visit.words.gettext("Thank you. Your confirmation has reached us."))


@router.post("/supplier/orders/{token}/shipment")
async def shipment(token: str, visit: Signed) -> Response:
    async def say(letter: Letter) -> dict[str, str]:
        day, lines, wrong = read_shipment(visit, letter.form, letter.detail.lines, await _today(visit))
        if day is not None and not wrong:
            await confirming.announce(
                visit.tx,
                letter.order_id,
                expected_at=day,
                carrier=letter.form.text("carrier")[:200],
                tracking_number=letter.form.text("tracking_number")[:200],
                lines=lines,
                **letter.signed,
            )
        return wrong

    return await _told(visit, token, say, visit.words.gettext("Thank you. We expect the shipment."))


@router.post("/supplier/orders/{token}/message")
async def message(token: str, visit: Signed) -> Response:
    async def say(letter: Letter) -> dict[str, str]:
        text = letter.form.text("text")
        if not text or len(text) > TEXT_MAX:
            most = visit.formats.number(TEXT_MAX)
            return {"text": visit.words.gettext("Write at most %(most)s characters.", most=most)}
        await confirming.say(visit.tx, letter.order_id, text=text, **letter.signed)
        return {}

    return await _told(visit, token, say, visit.words.gettext("Thank you. Your message has reached us."))


async def _told(visit: Visit, token: str, say: Callable[[Letter], Awaitable[dict[str, str]]], thanks: str) -> Response:
    """One form of the supplier, heard once: `say` answers what is wrong by field, or has told it."""
    found = await _come_in(visit, token)
    if isinstance(found, Response):
        return found
    form = await visit.form()
    key = _key(found, form.text("once"))
    if await confirming.is_repeat(visit.tx, found.order_id, key):
        return _thanks(visit, token, thanks)
    detail = await get_order(visit.tx, found.order_id)
    signed: Signature = {"actor": await _actor(visit, detail), "source": "link", "request_key": key}
    status: int | None = None
    try:
        async with visit.savepoint():
            wrong = await say(Letter(found.order_id, form, detail, signed))
    except Refusal as refusal:
        wrong, status = {"order": sentence_of(visit, refusal)}, 409
    if wrong:
        return await _shown(visit, token, found, typed=form_texts(form.fields), wrong=wrong, status=status)
    return _thanks(visit, token, thanks)


async def _come_in(visit: Visit, token: str) -> links.Opened | Response:
    """The order this address opens, or the page that says no. Which of the reasons it is, nobody is told."""
    settings: Settings = visit.request.app.state.settings
    found = await links.open_link(visit.tx, token, settings.secret)
    if found is None or found.is_hasty:
        status = 404 if found is None else 429
        answer = visit.page("purchasing/supplier_closed.html", ClosedView(found is not None), status=status)
        if found is not None:
            answer.headers["Retry-After"] = "60"
        return _private(answer)
    return found


async def _shown(
    visit: Visit,
    token: str,
    found: links.Opened,
    *,
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    status: int | None = None,
) -> Response:
    detail = await get_order(visit.tx, found.order_id)
    supplier = await get_supplier(visit.tx, detail.order.supplier_id)
    warehouse = await get_warehouse(visit.tx, detail.order.warehouse_id)
    # A form that came back is still this page: language and theme lead here, not to the form's own address.
    visit.shell = replace(visit.shell, path=f"{links.FOLDER}{token}")
    if LANGUAGE_COOKIE not in visit.request.cookies and supplier.language in LANGUAGES:
        # The supplier's own language, until somebody chooses another on this page.
        language = LANGUAGES[supplier.language]
        visit.shell = replace(visit.shell, language=language)
        visit.words = words_in(language.code)
    # Nobody's own clock is known here; the goods go to this warehouse.
    zone = _zone(warehouse.time_zone)
    visit.shell = replace(visit.shell, time_zone=zone)
    visit.formats = formats_for(visit.shell.language, zone)
    view = SupplierView(
        token=token,
        once=secrets.token_urlsafe(16),
        detail=detail,
        supplier=supplier,
        warehouse=warehouse.name,
        address=letters.one_line(warehouse.address),
        lines=tuple(
            _asked(line, detail.order.expected_at, detail.order.currency, visit.formats) for line in detail.lines
        ),
        said=tuple(_said(visit, statement) for statement in reversed(detail.statements)),
        today=(await _today(visit)).isoformat(),
        may_answer=detail.order.status in FOLLOWS["confirm"],
        typed=typed or {},
        wrong=wrong or {},
    )
    answer = visit.page("purchasing/supplier.html", view, status=status or (422 if wrong else 200))
    return _private(answer)


def _zone(name: str) -> tzinfo:
    """The time zone of a warehouse; UTC for a name this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _asked(line: OrderLine, order_day: date | None, currency: str, formats: Formats) -> AskedLine:
    confirmed = [part for part in parts_of(line) if part.is_confirmed and part.quantity]
    arrived = line.received_quantity
    firsts = [
        (str(p.quantity), (p.expected_at or order_day or "") and str(p.expected_at or order_day)) for p in confirmed
    ]
    day = order_day or line.expected_at
    if not firsts:
        refused = line.confirmed_quantity is not None and not line.open_quantity
        firsts = [("0" if refused else str(line.open_quantity), day.isoformat() if day else "")]
    return AskedLine(
        line_no=line.line_no,
        name=line.sku_name,
        your_code=line.supplier_code or "",
        our_code=line.sku_code,
        ordered=line.ordered_quantity,
        received=arrived,
        still_open=line.open_quantity,
        unit_cost=formats.exact(line.unit_cost, currency),
        day=day,
        first=firsts[0],
        second=firsts[1] if len(firsts) > 1 else ("", ""),
        reason=line.refusal or "",
        is_done=arrived >= line.ordered_quantity,
    )


def _said(visit: Visit, statement: Statement) -> SaidThen:
    said = statement.said
    if statement.kind == "message":
        text = str(said["text"])
    elif statement.kind == "shipped":
        parts = [said["carrier"], said["tracking_number"], visit.formats.day(date.fromisoformat(said["expected_at"]))]
        text = " · ".join(str(part) for part in parts if part)
    else:
        text = ""
    return SaidThen(visit.words.gettext(SAID[statement.kind]), text, statement)


def form_texts(fields: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """What was typed, to bring a refused form back as it was."""
    return {name: values[0][:TEXT_MAX] for name, values in fields.items() if values}


async def _today(visit: Visit) -> date:
    return await visit.tx.value(sql.today)


async def _actor(visit: Visit, detail: OrderDetail) -> str:
    supplier = await get_supplier(visit.tx, detail.order.supplier_id)
    return f"supplier:{supplier.code}"


def _key(found: links.Opened, once: str) -> str:
    """One statement per form, whoever sends it again. Raises Invalid for a form that is not ours."""
    if not once or len(once) > ONCE_MAX:
        raise Invalid.field_error(["once"], "required", "The form is not complete; load the page again.")
    return f"{found.link_id}:{once}"


def _thanks(visit: Visit, token: str, words: str) -> Response:
    return _private(visit.redirect(f"{links.FOLDER}{token}", say=words))


def _private(answer: Response) -> Response:
    """The address is the key: it goes into no index, no cache and no other site's log."""
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["X-Robots-Tag"] = "noindex, nofollow"
    return answer
