"""Words for movements and holds, in the reader's language."""

from __future__ import annotations

from typing import Final

from holdfast.web.i18n import N_, Words

MOVEMENTS: Final = {
    ("in", "purchase"): N_("Received from order"),
    ("in", "receipt"): N_("Received"),
    ("in", "return"): N_("Returned"),
    ("in", "import"): N_("Opening stock"),
    ("out", "sale"): N_("Sold"),
    ("out", "order"): N_("Sold"),
    ("out", "cart"): N_("Sold"),
    ("out", "reservation"): N_("Sold"),
    ("out", "manual"): N_("Given out"),
    ("out", "scrap"): N_("Scrapped"),
}
TYPES: Final = {
    "in": N_("Received"),
    "out": N_("Shipped"),
    "transfer": N_("Moved between warehouses"),
    "adjustment": N_("Adjusted"),
}
HOLDS: Final = {"cart": N_("cart"), "order": N_("order"), "manual": N_("by hand")}
REASONS: Final = {
    "count": N_("counted again"),
    "damaged": N_("damaged"),
    "lost": N_("lost"),
    "found": N_("found"),
    "correction": N_("wrong entry before"),
}


def movement_words(movement_type: str, reference_type: str, reason: str, bucket: str, words: Words) -> str:
    """What happened, in two or three words; an adjustment says why."""
    text = MOVEMENTS.get((movement_type, reference_type)) or TYPES.get(movement_type, movement_type)
    said = words.gettext(text)
    if movement_type == "adjustment":
        said = f"{said}: {reason_words(reason, words)}"
    if bucket == "unsellable":
        not_sellable = words.gettext("not sellable")
        said = f"{said} ({not_sellable})"
    return said


def reason_words(reason: str, words: Words) -> str:
    """A reason we offer, in words; one that another program gave, as it is."""
    return words.gettext(REASONS[reason]) if reason in REASONS else reason


def hold_kind(reference_type: str, words: Words) -> str:
    return words.gettext(HOLDS[reference_type]) if reference_type in HOLDS else reference_type
