"""What each outcome of a posting function means to a caller: one closed list."""

from __future__ import annotations

from typing import Any

import msgspec

from holdfast.db.posting import Answer
from holdfast.kernel.errors import Conflict, Invalid, NotFound, Refusal

GRANTED = frozenset(
    {
        "availability",
        "waiting",
        "reserved",
        "decided",
        "consumed",
        "released",
        "extended",
        "converted",
        "moved",
        "undone",
        "pool_changed",
        "cost_corrected",
    }
)

REFUSALS: dict[str, tuple[type[Refusal], str]] = {
    "idempotency_key_reused": (Invalid, "This Idempotency-Key was used for another request."),
    "unknown_channel": (Invalid, "There is no such channel."),
    "occurs_later": (Invalid, "That time is still to come."),
    "unknown_sku": (Invalid, "There is no such SKU."),
    "unknown_warehouse": (Invalid, "There is no such warehouse."),
    "sku_archived": (Conflict, "The SKU is archived and can no longer be promised or received."),
    "warehouse_inactive": (Conflict, "The warehouse is not active."),
    "insufficient_stock": (Conflict, "Less is available than was asked for; nothing was changed."),
    "below_reserved": (Conflict, "Fewer units than are reserved; release reservations first."),
    "version_conflict": (Conflict, "The quantity is no longer what you expected; read it again."),
    "sku_is_bundle": (Conflict, "A bundle has no stock of its own; name its components."),
    "still_backordered": (Conflict, "Nothing of the reservation is there yet."),
    "inbound_exceeded": (Conflict, "More than is on its way."),
    "not_tracked": (Invalid, "The SKU is not tracked that way."),
    "batch_required": (Invalid, "Units of this SKU are told apart by batch; say which."),
    "serials_required": (Invalid, "Units of this SKU have serial numbers; name them."),
    "serials_mismatch": (Invalid, "There must be one serial number per unit."),
    "serial_repeated": (Invalid, "A serial number is named twice."),
    "unknown_batch": (Invalid, "There is no such batch of this SKU."),
    "unknown_supplier": (Invalid, "There is no such supplier."),
    "batch_differs": (Conflict, "The batch is known with other dates; correct the batch, not the delivery."),
    "serial_in_stock": (Conflict, "A unit with this serial number is in stock already."),
    "serial_not_here": (
        Conflict,
        "No such unit is there to be had: elsewhere, in another state, or named by another hold.",
    ),
    "state_belongs_to_batch": (Conflict, "That state is the whole batch's; quarantine or recall the batch."),
    "units_not_usable": (Conflict, "Fewer usable units are there than the hold promises; the hold stays as it is."),
    "movement_not_found": (NotFound, "There is no such ledger entry."),
    "not_an_arrival": (Conflict, "Only goods that came in have a cost to correct."),
    "pool_not_found": (NotFound, "The channel has no pool there."),
    "below_taken": (Conflict, "More of the pool is held or sold than that."),
    "warehouse_not_of_channel": (Conflict, "The channel does not sell from this warehouse."),
    "cost_below_zero": (Conflict, "The moving average would fall below zero."),
    "sku_not_found": (NotFound, "There is no such SKU."),
    "reservation_not_found": (NotFound, "There is no such reservation."),
    "already_consumed": (Conflict, "The reservation is consumed; what comes back is a return."),
    "already_cancelled": (Conflict, "The reservation is cancelled."),
    "reservation_expired": (Conflict, "The reservation has expired; reserve again."),
    "exceeds_reservation": (Conflict, "More than the reservation still holds."),
    "does_not_expire": (Conflict, "The reservation has no deadline to extend."),
    "extension_limit_reached": (Conflict, "The reservation cannot be extended by that much any more."),
}

_FIELD = {
    "unknown_sku": "sku_id",
    "unknown_warehouse": "warehouse_id",
    "not_tracked": "sku_id",
    "batch_required": "batch",
    "unknown_batch": "batch",
    "unknown_supplier": "batch",
    "serials_required": "serials",
    "serials_mismatch": "serials",
    "serial_repeated": "serials",
}


# Of the request, not of one of its lines.
_OF_REQUEST = {
    "occurs_later": ["occurred_at"],
    "idempotency_key_reused": ["header", "Idempotency-Key"],
    # asking what is available; bodies that name a channel are told so by the posting function
    "unknown_channel": ["query", "channel"],
}


def refusal_of(answer: Answer) -> Refusal | None:
    """The refusal an answer stands for, or None when it was granted."""
    if answer.outcome in GRANTED:
        return None
    kind, detail = REFUSALS[answer.outcome]
    facts: dict[str, Any] = msgspec.json.decode(answer.facts) if answer.facts else {}
    errors: list[dict[str, Any]] = facts.pop("errors", [])
    field = _FIELD.get(answer.outcome)
    for error in errors:
        line = error.pop("line", None)
        if field and line is not None:
            error |= {"loc": ["items", line - 1, field], "code": answer.outcome, "message": detail}
    loc = _OF_REQUEST.get(answer.outcome) or ([field] if field else None)
    if loc and not errors:
        errors = [{"loc": loc, "code": answer.outcome, "message": detail}]
    return kind(answer.outcome, detail, facts, errors)
