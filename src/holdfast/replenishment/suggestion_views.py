"""What the page of one suggestion shows: its sum as a tree, and every assumption to change in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from holdfast.access.visit import Visit
from holdfast.kernel.errors import Conflict
from holdfast.replenishment import decisions
from holdfast.replenishment.arithmetic import Branch, tree_of
from holdfast.replenishment.decisions import Suggestion
from holdfast.replenishment.whatif import Assumptions, WhatIf, what_if
from holdfast.replenishment.wording import (
    TONES,
    SumLine,
    arithmetic_lines,
    branch_lines,
    priority_words,
    reason_words,
)
from holdfast.web.i18n import N_

STATUSES: Final = {
    "pending": N_("pending"),
    "approved": N_("approved"),
    "ordered": N_("ordered"),
    "received": N_("received"),
    "rejected": N_("rejected"),
    "withdrawn": N_("no longer needed"),
}
PARTS: Final = {
    "reorder_point": N_("Wanted at the reorder point"),
    "lot": N_("One lot on top"),
    "position": N_("Less what is there or on its way"),
    "supplier": N_("What the supplier makes of it"),
}


@dataclass(frozen=True, slots=True)
class Range:
    """What one assumption may be: words, kind of field, bounds and step, in the units people type."""

    label: str
    kind: str
    least: str
    most: str
    step: str


RANGES: Final[Mapping[str, Range]] = {
    "target_service": Range(N_("Cycles without a stockout, percent"), "range", "50", "99.9", "0.1"),
    "target_fill_rate": Range(N_("Units served from stock, percent"), "range", "50", "99.9", "0.1"),
    "demand_percent": Range(N_("Demand, percent more or less"), "range", "-100", "200", "5"),
    "lead_time_days": Range(N_("Delivery, days"), "range", "0", "120", "1"),
    "lead_time_sd_days": Range(N_("Delivery varies by, days"), "range", "0", "30", "0.5"),
    "review_days": Range(N_("Looked at every … days"), "range", "1", "60", "1"),
    "moq": Range(N_("Supplier takes at least"), "number", "1", "1000000", "1"),
    "order_multiple": Range(N_("In packs of"), "number", "1", "1000000", "1"),
    "break_quantity": Range(N_("Cheaper from so many units on"), "number", "1", "1000000", "1"),
    "break_cost": Range(N_("Cost of a unit then"), "number", "0", "1000000", "0.0001"),
}
SHARES: Final = ("target_service", "target_fill_rate")


@dataclass(frozen=True, slots=True)
class Slider:
    name: str
    label: str
    kind: str
    value: str
    known: str
    least: str
    most: str
    step: str


@dataclass(frozen=True, slots=True)
class Part:
    label: str
    figure: str
    lines: tuple[SumLine, ...]


@dataclass(frozen=True, slots=True)
class WorkedView:
    title: str
    figure: str
    cost: str
    changes: tuple[str, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class SuggestionView:
    id: UUID
    version: int
    sku_id: UUID
    code: str
    name: str
    warehouse: str
    sentence: str
    priority: str
    tone: str
    reason: str
    status: str
    status_words: str
    quantity: int
    quantity_label: str
    sliders: tuple[Slider, ...]
    worked: WorkedView | None
    stored: tuple[SumLine, ...]
    may_decide: bool


async def suggestion_view(visit: Visit, suggestion_id: UUID) -> SuggestionView:
    """The suggestion, and its sum under what the address assumes. Nothing is written."""
    found = await decisions.get_suggestion(visit.tx, suggestion_id)
    assumed = _assumed(visit)
    try:
        answer = await what_if(visit.tx, sku_id=found.sku_id, warehouse_id=found.warehouse_id, assumed=assumed)
    except Conflict:  # a level no plan has seen: only what was stored can be shown
        answer = None
    if answer is not None:
        assumed = _only_changes(assumed, answer.known)
        answer = await what_if(visit.tx, sku_id=found.sku_id, warehouse_id=found.warehouse_id, assumed=assumed)
    words, formats = visit.words, visit.formats
    return SuggestionView(
        id=found.id,
        version=found.version,
        sku_id=found.sku_id,
        code=found.sku_code,
        name=found.sku_name,
        warehouse=found.warehouse_code,
        sentence=_sentence(visit, found),
        priority=priority_words(found.priority, words),
        tone=TONES.get(found.priority, ""),
        reason=reason_words(found.reason, words),
        status=found.status,
        status_words=words.gettext(STATUSES[found.status]),
        quantity=found.suggested_quantity,
        quantity_label=words.gettext("How many"),
        sliders=_sliders(visit, answer.known, assumed) if answer else (),
        worked=_worked(visit, answer, assumed) if answer else None,
        stored=arithmetic_lines(found.arithmetic, found.suggested_quantity, words, formats),
        may_decide=found.status == "pending" and visit.may("approve"),
    )


def _sentence(visit: Visit, found: Suggestion) -> str:
    number = visit.formats.number(found.suggested_quantity)
    if found.supplier_code is None:
        return visit.words.gettext("Order %(number)s", number=number)
    return visit.words.gettext("Order %(number)s from %(supplier)s", number=number, supplier=found.supplier_code)


def _assumed(visit: Visit) -> Assumptions:
    """What the address assumes; what cannot be read, or is out of bounds, is as good as not said."""
    given: dict[str, Any] = {}
    for name, span in RANGES.items():
        text = visit.asked(name).replace(",", ".")
        try:
            value = Decimal(text)
        except InvalidOperation:
            continue
        if Decimal(span.least) <= value <= Decimal(span.most):
            given[name] = _in_plan(name, value)
    return Assumptions(**given)


def _in_plan(name: str, value: Decimal) -> float | int | Decimal:
    if name in SHARES:
        return float(value) / 100
    if name in ("review_days", "moq", "order_multiple", "break_quantity"):
        return int(value)
    return value if name == "break_cost" else float(value)


def _only_changes(assumed: Assumptions, known: Assumptions) -> Assumptions:
    """A form sends every field; what equals what is known is no change."""
    changed = {
        f.name: getattr(assumed, f.name)
        for f in fields(assumed)
        if getattr(assumed, f.name) is not None and _typed(getattr(assumed, f.name), f.name) != _known(known, f.name)
    }
    return Assumptions(**changed)


def _known(known: Assumptions, name: str) -> str:
    return _typed(getattr(known, name), name)


def _typed(value: float | Decimal | None, name: str) -> str:
    """An assumption as people type it."""
    if value is None:
        return ""
    return f"{float(value) * (100 if name in SHARES else 1):.4g}" if abs(value) < 10_000 else f"{value:.0f}"


def _sliders(visit: Visit, known: Assumptions, assumed: Assumptions) -> tuple[Slider, ...]:
    """Only the target that counts is offered, and price breaks only together."""
    hidden = "target_service" if known.target_fill_rate is not None else "target_fill_rate"
    sliders: list[Slider] = []
    for name, span in RANGES.items():
        if name == hidden:
            continue
        value = getattr(assumed, name) if getattr(assumed, name) is not None else getattr(known, name)
        label = visit.words.gettext(span.label)
        sliders.append(
            Slider(name, label, span.kind, _typed(value, name), _known(known, name), span.least, span.most, span.step)
        )
    return tuple(sliders)


def _worked(visit: Visit, answer: WhatIf, assumed: Assumptions) -> WorkedView:
    words, formats = visit.words, visit.formats
    then, now = answer.then, answer.now
    title = words.gettext("Order %(number)s", number=formats.number(then.quantity))
    if then.quantity != now.quantity:
        title = words.gettext(
            "Order %(number)s instead of %(before)s",
            number=formats.number(then.quantity),
            before=formats.number(now.quantity),
        )
    changes = tuple(
        words.gettext(
            "%(what)s %(value)s, known %(before)s",
            what=words.gettext(RANGES[f.name].label),
            value=_typed(getattr(assumed, f.name), f.name),
            before=_known(answer.known, f.name) or "–",
        )
        for f in fields(assumed)
        if getattr(assumed, f.name) is not None
    )
    return WorkedView(
        title=title,
        figure=formats.number(then.quantity),
        cost=formats.money(then.cost, answer.currency) if then.cost is not None and answer.currency else "",
        changes=changes,
        parts=tuple(_part(visit, branch) for branch in tree_of(then.lines)),
    )


def _part(visit: Visit, branch: Branch) -> Part:
    lines = branch_lines([leaf.as_json() for leaf in branch.leaves], visit.words, visit.formats)
    return Part(visit.words.gettext(PARTS[branch.key]), visit.formats.signed(branch.amount), lines)
