"""What was typed when goods arrived: per line how many, of which batch, with which serial numbers, at what cost."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

from holdfast.access.visit import Form, Visit
from holdfast.purchasing.model import Arrival
from holdfast.purchasing.order_views import OrderLine
from holdfast.stock.model import BatchNamed
from holdfast.stock.named_units import NO_BATCH, NUMBER_MAX, is_day, read_serials

# One delivery brings this many batches of a line into one form; more come with a second form.
BATCHES_MAX: Final = 3
COST_MAX: Final = Decimal(10) ** 12


def read_arrivals(visit: Visit, form: Form, lines: list[OrderLine]) -> tuple[list[Arrival], dict[str, str]]:
    """What arrived of each line, and what is wrong by field; an empty field is nothing arrived."""
    arrivals: list[Arrival] = []
    wrong: dict[str, str] = {}
    for line in lines:
        cost = _cost(visit, form, line.line_no, wrong)
        if line.tracking == "serial":
            arrivals += _serials(visit, form, line, cost, wrong)
            continue
        for row in range(1, BATCHES_MAX + 1 if line.tracking == "batch" else 2):
            found = _row(visit, form, line, row, cost, wrong)
            if found is not None:
                arrivals.append(found)
    return arrivals, wrong


def _row(
    visit: Visit, form: Form, line: OrderLine, row: int, cost: Decimal | None, wrong: dict[str, str]
) -> Arrival | None:
    end = f"-{line.line_no}" + (f"-{row}" if row > 1 else "")
    if not form.text(f"line{end}"):
        return None
    quantity = form.whole(f"line{end}")
    if quantity is None:
        wrong[f"line{end}"] = visit.words.gettext("Type a whole number.")
        return None
    batch: BatchNamed | None = None
    if line.tracking == "batch" and quantity:
        number, expiry = form.text(f"batch{end}")[:NUMBER_MAX], form.text(f"expiry{end}")
        if not number:
            wrong[f"batch{end}"] = visit.words.gettext(NO_BATCH)
        if expiry and not is_day(expiry):
            wrong[f"batch{end}"] = visit.words.gettext("Type a day such as 2026-12-24.")
        batch = BatchNamed(number, expiry or None)
    return Arrival(line.sku_id, quantity, line.line_no, cost, batch) if quantity else None


def _serials(visit: Visit, form: Form, line: OrderLine, cost: Decimal | None, wrong: dict[str, str]) -> list[Arrival]:
    numbers, bad = read_serials(visit, form, f"line-{line.line_no}")
    wrong |= bad
    if not numbers:
        return []
    return [Arrival(line.sku_id, len(numbers), line.line_no, cost, serials=tuple(numbers))]


def _cost(visit: Visit, form: Form, line_no: int, wrong: dict[str, str]) -> Decimal | None:
    """What one unit cost, when it was not what the order says."""
    text = form.text(f"cost-{line_no}").replace(",", "")
    if not text:
        return None
    try:
        cost = Decimal(text)
    except InvalidOperation:
        cost = Decimal("NaN")
    if not cost.is_finite() or not 0 <= cost < COST_MAX or cost != round(cost, 6):
        wrong[f"cost-{line_no}"] = visit.words.gettext("Type an amount such as 12.50.")
        return None
    return cost
