"""Which units of a tracked SKU a form names: a batch with its date, or serial numbers. And what of it was refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from holdfast.access.visit import Form, Visit
from holdfast.kernel.errors import Refusal
from holdfast.stock.asks import QUANTITY_MAX
from holdfast.stock.model import BatchNamed
from holdfast.web.i18n import N_

# More than anybody scans into one form; the API takes a hundred thousand.
SERIALS_MAX: Final = 5_000
NUMBER_MAX: Final = 200
FIELDS: Final = {
    "batch_required": "batch",
    "unknown_batch": "batch",
    "batch_differs": "expiry",
    "serials_required": "serials",
    "serials_mismatch": "serials",
    "serial_repeated": "serials",
    "serial_in_stock": "serials",
    "serial_not_here": "serials",
}
NO_BATCH: Final = N_("Units of this SKU are kept by batch. Say which.")
NO_SERIALS: Final = N_("Type or scan the serial numbers, one per line.")
WORDS: Final = {
    "batch_required": NO_BATCH,
    "unknown_batch": N_("No batch of this SKU has that number."),
    "batch_differs": N_("The batch is known with %(day)s. Correct the batch, or leave the date empty."),
    "serials_required": NO_SERIALS,
    "serials_mismatch": N_("There must be one serial number per unit."),
    "serial_repeated": N_("A serial number is there twice."),
    "serial_in_stock": N_("In stock already: %(serials)s."),
    "serial_not_here": N_("Not here, or promised by number: %(serials)s."),
}


@dataclass(frozen=True, slots=True)
class Named:
    """So many units; of a tracked SKU with what tells them apart."""

    quantity: int
    batch: BatchNamed | None = None
    serials: list[str] | None = None


def serials_in(text: str) -> list[str]:
    """One per line, as a scanner types them; a comma, a semicolon or a tab parts them too."""
    return [number for part in re.split(r"[\r\n,;\t]+", text) if (number := part.strip())]


def read_units(
    visit: Visit, form: Form, tracking: str, *, is_arriving: bool, least: int = 1
) -> tuple[Named, dict[str, str]]:
    """The fields ``quantity``, ``batch``, ``expiry`` and ``serials`` as far as the SKU has them; and what is wrong."""
    if tracking == "serial":
        numbers, bad = read_serials(visit, form, "serials", must=True)
        return Named(len(numbers), serials=numbers), bad
    quantity = form.whole("quantity")
    wrong: dict[str, str] = {}
    if quantity is None or not least <= quantity <= QUANTITY_MAX:
        wrong["quantity"] = visit.words.gettext("Type a whole number.")
    if tracking != "batch":
        return Named(quantity or 0), wrong
    number, expiry = form.text("batch")[:NUMBER_MAX], form.text("expiry") if is_arriving else ""
    if not number:
        wrong["batch"] = visit.words.gettext(NO_BATCH)
    if expiry and not is_day(expiry):
        wrong["expiry"] = visit.words.gettext("Type a day such as 2026-12-24.")
    return Named(quantity or 0, BatchNamed(number, expiry or None)), wrong


def read_serials(visit: Visit, form: Form, name: str, *, must: bool = False) -> tuple[list[str], dict[str, str]]:
    """The serial numbers of one field, each once; `must` when none is a mistake."""
    numbers = serials_in(form.text(name))
    twice = sorted({n for n in numbers if numbers.count(n) > 1}) if len(set(numbers)) < len(numbers) else []
    if must and not numbers:
        return [], {name: visit.words.gettext(NO_SERIALS)}
    if twice:
        return numbers, {name: visit.words.gettext("Twice in the list: %(serials)s.", serials=", ".join(twice[:5]))}
    if len(numbers) > SERIALS_MAX or any(len(n) > NUMBER_MAX for n in numbers):
        return numbers, {name: visit.words.gettext("A number is too long, or there are too many for one form.")}
    return numbers, {}


def is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def refused_units(visit: Visit, refusal: Refusal) -> dict[str, str]:
    """The refusal beside the field that is to be corrected; nothing for a refusal about something else."""
    field = FIELDS.get(refusal.code)
    if field is None:
        return {}
    facts: Mapping[str, object] = refusal.errors[0] if refusal.errors else {}
    known = facts.get("expiry_date")
    named = facts.get("serials")
    day = visit.formats.day(date.fromisoformat(str(known)), year=True) if known else visit.words.gettext("other dates")
    serials = ", ".join(map(str, named)) if isinstance(named, list) else ""  # pyright: ignore[reportUnknownArgumentType]
    return {field: visit.words.gettext(WORDS[refusal.code], day=day, serials=serials)}
