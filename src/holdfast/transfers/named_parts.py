"""Which batches and units of a transfer a form names: those that are shipped, and those that arrived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from holdfast.access.visit import Form, Visit
from holdfast.kernel.errors import Refusal
from holdfast.stock.asks import QUANTITY_MAX
from holdfast.stock.named_units import WORDS, read_serials, refused_units
from holdfast.transfers.model import Arrival, Picked
from holdfast.web.i18n import N_

UNCLEAR: Final = {
    "serials_required": N_("Say which serial numbers arrived well, and which damaged."),
    "serials_mismatch": N_("There must be one serial number per unit."),
    "batch_required": N_("Say of which batch they are."),
    "not_on_transfer": N_("Something of it is not on this transfer."),
    "over_receipt": N_("More arrived than is on its way; nothing was booked."),
}


@dataclass(frozen=True, slots=True)
class PartShown:
    """Units of one batch, or the one with a serial number: on their way, or at the source of a draft."""

    line_no: int
    sku_id: UUID
    batch: str | None
    expiry_date: date | None
    serial_number: str | None
    quantity: int


@dataclass(frozen=True, slots=True)
class PartsOfLine:
    """What tells the units of one line apart; nothing for a SKU that is not tracked."""

    parts: tuple[PartShown, ...] = ()

    @property
    def by_batch(self) -> bool:
        return any(part.batch is not None and part.serial_number is None for part in self.parts)

    @property
    def by_serial(self) -> bool:
        return any(part.serial_number is not None for part in self.parts)

    @property
    def serials(self) -> str:
        return "\n".join(part.serial_number for part in self.parts if part.serial_number)


def parts_by_line(parts: Sequence[PartShown]) -> Mapping[int, PartsOfLine]:
    lines = {part.line_no for part in parts}
    return {n: PartsOfLine(tuple(part for part in parts if part.line_no == n)) for n in lines}


def picked_units(
    visit: Visit, form: Form, quantities: Mapping[int, tuple[UUID, int]], parts: Mapping[int, PartsOfLine]
) -> tuple[list[Picked], dict[str, str]]:
    """What a draft ships of which batch, or which units; ``quantities`` are SKU and planned quantity by line.

    A line that names nothing goes first expired first out.
    """
    picked: list[Picked] = []
    wrong: dict[str, str] = {}
    for line_no, (sku_id, planned) in quantities.items():
        found, bad = _picked_of(visit, form, line_no, sku_id, parts.get(line_no, PartsOfLine()))
        wrong |= bad
        if sum(one.quantity for one in found) > planned:
            many = visit.formats.number(planned)
            wrong[f"pick-{line_no}"] = visit.words.gettext("Only %(many)s of it travel.", many=many)
        picked += found
    return picked, wrong


def _picked_of(
    visit: Visit, form: Form, line_no: int, sku_id: UUID, parts: PartsOfLine
) -> tuple[list[Picked], dict[str, str]]:
    numbers, wrong = read_serials(visit, form, f"pick-{line_no}")
    found = [Picked(sku_id, len(numbers), serials=tuple(numbers))] if numbers else []
    for n in range(len(parts.parts)):
        batch, name = form.text(f"pick-batch-{line_no}-{n}"), f"pick-{line_no}-{n}"
        quantity, bad = _typed(visit, form, name)
        if bad:
            wrong[f"pick-{line_no}"] = bad
        elif batch and quantity:
            found.append(Picked(sku_id, quantity, batch=batch))
    return found, wrong


def arrived_units(
    visit: Visit, form: Form, sku_id: UUID, parts: PartsOfLine, suffix: str
) -> tuple[list[Arrival], dict[str, str]]:
    """What arrived of one line, well or damaged; its fields end with ``suffix``."""
    if parts.by_serial:
        return _numbered(visit, form, sku_id, suffix)
    if not parts.by_batch:
        return _counted(visit, form, sku_id, None, suffix)
    found: list[Arrival] = []
    wrong: dict[str, str] = {}
    for n in range(len(parts.parts)):
        batch = form.text(f"batch{suffix}-{n}")
        arrivals, bad = _counted(visit, form, sku_id, batch, f"{suffix}-{n}") if batch else ([], {})
        found += arrivals
        # One message for all batches of the line.
        wrong |= {f"good{suffix}": said for said in bad.values()}
    return found, wrong


def _numbered(visit: Visit, form: Form, sku_id: UUID, suffix: str) -> tuple[list[Arrival], dict[str, str]]:
    well, wrong = read_serials(visit, form, f"good{suffix}")
    broken, bad = read_serials(visit, form, f"damaged{suffix}")
    wrong |= bad
    both = sorted((Counter(well) & Counter(broken)).keys())
    if both:
        said = visit.words.gettext("Twice in the list: %(serials)s.", serials=", ".join(both[:5]))
        wrong[f"damaged{suffix}"] = said
    arrival = Arrival(sku_id, len(well), len(broken), serials=tuple(well), unsellable_serials=tuple(broken))
    return [arrival] if arrival.total else [], wrong


def _counted(
    visit: Visit, form: Form, sku_id: UUID, batch: str | None, suffix: str
) -> tuple[list[Arrival], dict[str, str]]:
    good, bad = _typed(visit, form, f"good{suffix}")
    damaged, worse = _typed(visit, form, f"damaged{suffix}")
    wrong = {name: said for name, said in ((f"good{suffix}", bad), (f"damaged{suffix}", worse)) if said}
    return ([Arrival(sku_id, good, damaged, batch=batch)] if good or damaged else []), wrong


def _typed(visit: Visit, form: Form, name: str) -> tuple[int, str]:
    """A quantity; an empty field is none."""
    if not form.text(name):
        return 0, ""
    quantity = form.whole(name)
    if quantity is None or quantity > QUANTITY_MAX:
        return 0, visit.words.gettext("Type a whole number.")
    return quantity, ""


def refused_parts(visit: Visit, refusal: Refusal, lines: Mapping[str, int]) -> dict[str, str]:
    """The refusal beside the line whose units it is about; ``lines`` are line numbers by SKU."""
    wrong: dict[str, str] = {}
    for error in refusal.errors:
        line_no = lines.get(str(error.get("sku_id")))
        if line_no is None:
            continue
        if refusal.code == "units_unclear" and error.get("code") in UNCLEAR:
            wrong[f"good-{line_no}"] = visit.words.gettext(UNCLEAR[str(error["code"])])
        elif refusal.code in WORDS:
            wrong[f"pick-{line_no}"] = next(iter(refused_units(visit, refusal).values()))
    return wrong
