"""Words for what a suggestion is made of: its arithmetic, its reason, its priority, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from holdfast.web.formats import Formats
from holdfast.web.i18n import N_, Words

Kind = Literal["", "note", "total"]

PRIORITIES: Final = {
    "urgent": N_("urgent"),
    "high": N_("high"),
    "medium": N_("medium"),
    "low": N_("low"),
}
TONES: Final = {"urgent": "bad", "high": "warn", "medium": "ok", "low": ""}

REASONS: Final = {
    "backordered": N_("customers are waiting"),
    "stockout": N_("out of stock"),
    "runs_out_before_delivery": N_("runs out before delivery"),
    "below_reorder_point": N_("below reorder point"),
    "inbound_too_late": N_("what is on order comes too late"),
    "over_max_stock": N_("smallest order exceeds the maximum"),
    "fills_up_order": N_("fills its order up to the supplier's minimum"),
}

# What each line of the arithmetic says. The places are facts of the line.
LINES: Final = {
    "expected_demand": N_("Expected demand, %(lead_days)s days delivery + %(review_days)s days review"),
    "buffer": N_("Buffer for %(cycle_service_level)s service"),
    "buffer found_on": N_("Buffer for %(cycle_service_level)s service, the cheapest on your own past"),
    "expected_demand season_factor": N_(
        "Expected demand, %(lead_days)s days delivery + %(review_days)s days review, %(season_factor)s times the usual"
        " for the season ahead"
    ),
    "expected_demand occasion_factor": N_(
        "Expected demand, %(lead_days)s days delivery + %(review_days)s days review, %(occasion_factor)s times the"
        " usual for the calendar ahead"
    ),
    "fill_buffer": N_("Buffer for %(fill_rate)s of units from stock"),
    "manual_level": N_("Reorder point set by hand: %(reorder_point)s"),
    "order_lot": N_("Economic lot, demand of %(lot_days)s days"),
    "max_stock_cap": N_("Maximum stock is %(max_stock)s"),
    "shelf_life_cap": N_("Sells %(max_stock)s within its shelf life"),
    "end_of_life_cap": N_("Sells %(max_stock)s before its last day"),
    "whole_lots": N_("Whole lots of %(lot)s"),
    "available": N_("Available"),
    "in_transit": N_("In transit"),
    "approved": N_("Approved, not yet ordered"),
    "due_later": N_("Due only after these %(days)s days"),
    "comes_later": N_("%(units)s on order come only after these %(days)s days: they do not help until then"),
    "backordered": N_("Customers are waiting for"),
    "order_multiple": N_("Rounded up to packs of %(order_multiple)s"),
    "minimum_order": N_("Supplier takes at least %(moq)s"),
    "max_stock_room": N_("Lowered to fit under the maximum of %(max_stock)s"),
    "price_break": N_("Cheaper per unit from %(break_at)s on"),
    "supplier_max": N_("Supplier sells at most %(supplier_max)s at once"),
    "left_for_later": N_("More than the other warehouse can spare: for the next plan"),
    "decided_by_hand": N_("Changed by hand"),
    "within_limits": N_("More than the limits of orders allow: waits"),
    "enough_for_minimum": N_("More than the supplier's minimum needed"),
    "no_order": N_("Position %(position)s is above the reorder point %(reorder_point)s"),
}


@dataclass(frozen=True, slots=True)
class SumLine:
    """One line of an addition: words, a signed figure, and whether it is the total."""

    label: str
    figure: str
    kind: Kind = ""


def arithmetic_lines(
    stored: Sequence[Mapping[str, Any]], quantity: int, words: Words, formats: Formats
) -> tuple[SumLine, ...]:
    """The stored arithmetic as lines that visibly add up to `quantity`."""
    lines: list[SumLine] = []
    for n, line in enumerate(stored):
        signed = int(line["sign"]) * int(line["amount"])
        figure = formats.number(signed) if n == 0 and signed >= 0 else formats.signed(signed)
        lines.append(SumLine(_label(line, words, formats), figure))
    return (*lines, SumLine(_total(stored, words, formats), formats.number(quantity), "total"))


def branch_lines(leaves: Sequence[Mapping[str, Any]], words: Words, formats: Formats) -> tuple[SumLine, ...]:
    """The leaves of one part of the sum, each with its sign."""
    return tuple(
        SumLine(_label(leaf, words, formats), formats.signed(int(leaf["sign"]) * int(leaf["amount"])))
        for leaf in leaves
    )


def reason_words(reason: str, words: Words) -> str:
    """The reason in words; one we have no words for is shown as it is."""
    return words.gettext(REASONS[reason]) if reason in REASONS else reason.replace("_", " ")


def priority_words(priority: str, words: Words) -> str:
    return words.gettext(PRIORITIES[priority]) if priority in PRIORITIES else priority


def _label(line: Mapping[str, Any], words: Words, formats: Formats) -> str:
    key = str(line["key"])
    facts: Mapping[str, object] = line.get("facts") or {}
    shown = {
        name: _share(value, formats) if name in ("cycle_service_level", "fill_rate") else _fact(value, formats)
        for name, value in facts.items()
    }
    if key not in LINES:
        return key.replace("_", " ")
    # A line with a fact of its own kind has a sentence that tells it.
    told = next((f"{key} {name}" for name in facts if f"{key} {name}" in LINES), key)
    try:
        return words.gettext(LINES[told], **shown)
    except KeyError:  # an older suggestion may lack a fact its sentence has today
        return key.replace("_", " ")


def _pack_facts(stored: Sequence[Mapping[str, Any]]) -> Mapping[str, object]:
    for line in stored:
        if line["key"] == "order_multiple":
            return line.get("facts") or {}
    return {}


def _share(value: object, formats: Formats) -> str:
    return formats.percent(value) if isinstance(value, int | float) else str(value)


def _fact(value: object, formats: Formats) -> str:
    return formats.number(value, 1) if isinstance(value, int | float) else str(value)


def _total(stored: Sequence[Mapping[str, Any]], words: Words, formats: Formats) -> str:
    packs = _pack_facts(stored)
    if packs.get("packs") and packs.get("order_multiple") != 1:
        return words.gettext(
            "Order: %(packs)s packs of %(multiple)s",
            packs=_fact(packs["packs"], formats),
            multiple=_fact(packs["order_multiple"], formats),
        )
    return words.gettext("Order")
