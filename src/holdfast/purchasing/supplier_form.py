"""What a supplier typed on the page of its order, read line by line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from holdfast.access.visit import Form, Visit
from holdfast.kernel.errors import Refusal
from holdfast.purchasing.model import LineWord, OrderLine
from holdfast.web.i18n import N_

# A day further away than this is a slip of the finger.
DAYS_AHEAD_MAX: Final = 5 * 366
REASON_MAX: Final = 200

REFUSALS: Final = {
    "confirmed_exceeds_ordered": N_("More than was ordered cannot be confirmed."),
    "announced_exceeds_open": N_("More than is still to come cannot be announced."),
    "order_received": N_("The order has arrived in full."),
    "order_closed": N_("The order is closed."),
    "order_cancelled": N_("The order is cancelled. Please do not deliver it."),
}


def sentence_of(visit: Visit, refusal: Refusal) -> str:
    known = REFUSALS.get(refusal.code)
    return visit.words.gettext(known) if known else refusal.detail


def read_confirmation(
    visit: Visit, form: Form, lines: Sequence[OrderLine], today: date
) -> tuple[list[LineWord], dict[str, str]]:
    """The words about every line the form has fields for, and what is wrong with them by field.

    What the fields mean is what still comes; what has arrived is added, because words are about the whole line.
    """
    words: list[LineWord] = []
    wrong: dict[str, str] = {}
    for line in lines:
        if f"quantity-{line.line_no}" not in form.fields:
            continue
        is_rest_open = form.text(f"rest-{line.line_no}") != "refused"
        reason = form.text(f"reason-{line.line_no}")[:REASON_MAX] or None
        found = [
            part
            for field in ("", "2")
            if (part := _part(visit, form, f"{field}-{line.line_no}", today, wrong, optional=bool(field))) is not None
        ]
        total = line.received_quantity + sum(quantity for quantity, _ in found)
        if total > line.ordered_quantity:
            most = visit.formats.number(line.ordered_quantity - line.received_quantity)
            wrong[f"quantity-{line.line_no}"] = visit.words.gettext("At most %(most)s more.", most=most)
        # Nothing at all is a refusal, whatever is chosen for the rest.
        is_rest_open = is_rest_open and total > line.received_quantity
        if line.received_quantity:
            words.append(LineWord(line.line_no, line.received_quantity))
        words += [LineWord(line.line_no, quantity, day, is_rest_open, reason) for quantity, day in found]
    return words, wrong


def read_shipment(
    visit: Visit, form: Form, lines: Sequence[OrderLine], today: date
) -> tuple[date | None, list[tuple[int, int]], dict[str, str]]:
    """The day of arrival and so many per line; an empty field is nothing of that line."""
    wrong: dict[str, str] = {}
    day = _day(visit, form, "arrives", today, wrong)
    if day is None and not wrong:
        wrong["arrives"] = visit.words.gettext("Name the day.")
    found: list[tuple[int, int]] = []
    for line in lines:
        name = f"ship-{line.line_no}"
        if not form.text(name):
            continue
        quantity = form.whole(name)
        if quantity is None:
            wrong[name] = visit.words.gettext("Type a whole number.")
        elif quantity > line.open_quantity:
            most = visit.formats.number(line.open_quantity)
            wrong[name] = visit.words.gettext("At most %(most)s more.", most=most)
        elif quantity:
            found.append((line.line_no, quantity))
    if not found and not wrong:
        wrong["shipment"] = visit.words.gettext("Type at least one quantity.")
    return day, found, wrong


def _part(
    visit: Visit, form: Form, suffix: str, today: date, wrong: dict[str, str], *, optional: bool
) -> tuple[int, date | None] | None:
    name = f"quantity{suffix}"
    if optional and not form.text(name):
        return None
    quantity = form.whole(name)
    if quantity is None:
        wrong[name] = visit.words.gettext("Type a whole number.")
        return None
    day = _day(visit, form, f"day{suffix}", today, wrong) if quantity else None
    return quantity, day


def _day(visit: Visit, form: Form, name: str, today: date, wrong: dict[str, str]) -> date | None:
    text = form.text(name)
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        wrong[name] = visit.words.gettext("Type a day such as 2026-12-24.")
        return None
    if day < today:
        wrong[name] = visit.words.gettext("This day is over.")
    elif day > today + timedelta(days=DAYS_AHEAD_MAX):
        wrong[name] = visit.words.gettext("This day is too far away.")
    return day
