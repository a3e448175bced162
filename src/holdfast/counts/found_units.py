"""What a person found on a shelf: a number, or of a tracked SKU a number for each batch, or the serial numbers seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from holdfast.access.visit import Form, Visit
from holdfast.counts.model import CountedBatch
from holdfast.stock.asks import QUANTITY_MAX
from holdfast.stock.named_units import NO_BATCH, NUMBER_MAX, is_day, read_serials

# Rows for batches nobody knew of, beside those that are known; a page with more of them would be scrolled past.
NEW_ROWS: Final = 3
ROWS_MAX: Final = 203


@dataclass(frozen=True, slots=True)
class Found:
    quantity: int
    batches: tuple[CountedBatch, ...] | None = None
    serials: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One line of the form: a batch that may be here, or an empty line for another; fields as they were typed."""

    no: int
    number: str
    known_expiry: date | None
    is_known: bool
    quantity: str
    expiry: str


def batch_rows(known: Sequence[tuple[str, date | None]], fields: Mapping[str, str]) -> tuple[BatchRow, ...]:
    """The lines of the form, filled again with what was typed before it was refused."""
    typed = {number: n for n in range(ROWS_MAX) if (number := fields.get(f"batch-{n}"))}
    rows = [
        BatchRow(no, number, expiry, True, fields.get(f"count-{typed.get(number)}", ""), "")
        for no, (number, expiry) in enumerate(known)
    ]
    last = max(typed.values(), default=-1) + 1
    for no in range(len(rows), max(len(rows) + NEW_ROWS, last)):
        number, quantity, expiry = (fields.get(f"{name}-{no}", "") for name in ("batch", "count", "expiry"))
        rows.append(BatchRow(no, number, None, False, quantity, expiry))
    return tuple(rows)


def found_units(visit: Visit, form: Form, tracking: str) -> tuple[Found, dict[str, str]]:
    """What was typed, and what of it a person must correct, by field. A tracked SKU names every unit found."""
    if tracking == "serial":
        numbers, wrong = read_serials(visit, form, "serials")
        return Found(len(numbers), serials=tuple(numbers)), wrong
    if tracking == "batch":
        return _batches(visit, form)
    quantity = form.whole("quantity")
    if quantity is None or quantity > QUANTITY_MAX:
        return Found(0), {"quantity": visit.words.gettext("Type how many you found; nothing there is 0.")}
    return Found(quantity), {}


def _batches(visit: Visit, form: Form) -> tuple[Found, dict[str, str]]:
    words, wrong = visit.words, dict[str, str]()
    found: dict[str, CountedBatch] = {}
    for n in range(ROWS_MAX):
        number, expiry, typed = (form.text(f"{x}-{n}") for x in ("batch", "expiry", "count"))
        quantity = form.whole(f"count-{n}")
        if not number and not typed:
            continue
        if not number or len(number) > NUMBER_MAX:
            wrong[f"batch-{n}"] = words.gettext(NO_BATCH)
        elif number in found:
            wrong[f"batch-{n}"] = words.gettext("This batch is there twice.")
        elif typed and (quantity is None or quantity > QUANTITY_MAX):
            wrong[f"count-{n}"] = words.gettext("Type a whole number.")
        elif expiry and not is_day(expiry):
            wrong[f"expiry-{n}"] = words.gettext("Type a day such as 2026-12-24.")
        elif quantity:
            found[number] = CountedBatch(number, quantity, date.fromisoformat(expiry) if expiry else None)
    return Found(sum(b.quantity for b in found.values()), batches=tuple(found.values())), wrong
