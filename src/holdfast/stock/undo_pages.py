"""Taking an action back in the console: what would change first, then the deed with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed, Visit
from holdfast.db import statements
from holdfast.kernel.errors import Conflict, Refusal
from holdfast.stock import undo
from holdfast.stock.undo import Action, Undone
from holdfast.stock.wording import movement_words
from holdfast.web.i18n import N_

router = APIRouter(include_in_schema=False, route_class=PageRoute)
sql = statements("holdfast.stock", "pages.sql")
SHOWN: Final = 50
ACTIONS: Final = {
    "inventory.": N_("a posting of stock"),
    "inventory.adjusted": N_("an adjustment"),
    "inventory.received": N_("a receipt"),
    "inventory.sold": N_("a sale"),
    "inventory.reservation_consumed": N_("a shipment of what was held"),
    "transfer.": N_("a step of a transfer"),
    "return.": N_("a return"),
    "stock_count.": N_("a step of a stock count"),
    "purchase_order.": N_("a step of a purchase order"),
    "batch.": N_("a change of a batch"),
    "sku.": N_("a change of a SKU"),
}
REFUSALS: Final = {
    "already_undone": N_("Somebody took this back before."),
    "not_undoable": N_("This cannot be taken back."),
    "nothing_to_undo": N_("Nothing is known that this changed, or it is too long ago."),
    "changed_since": N_("It was changed again since. Take that back first."),
    "still_used": N_("Something done since needs what would be taken back."),
    "insufficient_stock": N_("The units have left since, or are promised."),
    "serial_not_here": N_("A unit has left since, or is promised by number."),
    "serial_in_stock": N_("A unit has come back meanwhile."),
    "inbound_exceeded": N_("What was on its way has arrived meanwhile."),
}


@dataclass(frozen=True, slots=True)
class UndoEntry:
    movement_type: str
    reference_type: str
    reference_id: str | None
    reason: str
    bucket: str
    sku_id: UUID


@dataclass(frozen=True, slots=True)
class Named:
    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class UndoLine:
    """One level that would change: by how much, and what is there afterwards."""

    sku_id: str
    sku: str
    warehouse: str
    quantity: int
    available: int | None


@dataclass(frozen=True, slots=True)
class UndoView:
    movement_id: UUID
    sku_id: UUID
    what: str
    is_part_of: str
    actor: str
    acted_at: datetime
    lines: tuple[UndoLine, ...]
    rows: int
    held_again: int
    refusal: str
    undone: Mapping[str, Any] | None
    may_undo: bool
    reason: str = ""
    wrong: str = ""

    @property
    def shown(self) -> tuple[UndoLine, ...]:
        return self.lines[:SHOWN]


@router.get("/undo/{movement_id}")
async def undo_page(movement_id: UUID, visit: Signed) -> Response:
    visit.require("operate")
    return visit.page("stock/undo.html", await _view(visit, movement_id), active="stock")


@router.post("/undo/{movement_id}")
async def undo_entry(movement_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("operate")
    reason = form.text("reason")[:500]
    if not reason:
        view = await _view(visit, movement_id, wrong=visit.words.gettext("Say why: the ledger keeps it."))
        return visit.page("stock/undo.html", view, active="stock", status=422)
    action = await undo.action_of_movement(visit.tx, movement_id)
    visit.require(action.scope)
    entry = await visit.tx.one(sql.undo_entry, UndoEntry, id=movement_id)
    try:
        async with visit.savepoint():
            await undo.undo(visit.tx, action, reason=reason, actor=visit.actor)
    except Conflict:
        # The page says what is in the way now.
        view = await _view(visit, movement_id, reason=reason)
        return visit.page("stock/undo.html", view, active="stock", status=409)
    said = visit.words.gettext("Taken back. The ledger keeps both, and why.")
    return visit.redirect(f"/stock/{entry.sku_id}", say=said)


async def _view(visit: Visit, movement_id: UUID, *, reason: str = "", wrong: str = "") -> UndoView:
    """What undoing would do, found by doing it and rolling it back."""
    action = await undo.action_of_movement(visit.tx, movement_id)
    entry = await visit.tx.one(sql.undo_entry, UndoEntry, id=movement_id)
    found = await undo.preview(visit.tx, action, actor=visit.actor)
    words = visit.words
    refusal, lines, rows, held = "", (), 0, 0
    if isinstance(found, Refusal):
        refusal = words.gettext(REFUSALS[found.code]) if found.code in REFUSALS else found.detail
    else:
        lines, rows, held = await _lines(visit, found), len(found.rows), len(found.held_again)
    return UndoView(
        movement_id=movement_id,
        sku_id=entry.sku_id,
        what=movement_words(entry.movement_type, entry.reference_type, entry.reason, entry.bucket, words),
        is_part_of=_action_words(visit, action),
        actor=action.actor,
        acted_at=action.acted_at,
        lines=lines,
        rows=rows,
        held_again=held,
        refusal=refusal,
        undone=await undo.find_undo(visit.tx, action),
        may_undo=visit.may(action.scope),
        reason=reason,
        wrong=wrong,
    )


async def _lines(visit: Visit, found: Undone) -> tuple[UndoLine, ...]:
    """Entries summed per level, in the order they come."""
    sums: dict[tuple[str, str], int] = {}
    for item in found.items:
        key = (str(item["sku_id"]), str(item["warehouse_id"]))
        sums[key] = sums.get(key, 0) + int(item["quantity"])
    after = {(str(x["sku_id"]), str(x["warehouse_id"])): int(x["available_quantity"]) for x in found.levels}
    ids = [UUID(one) for one in {part for key in sums for part in key}]
    names = {str(row.id): row.name for row in await visit.tx.all(sql.names_of, Named, ids=ids)}
    return tuple(
        UndoLine(sku, names.get(sku, sku), names.get(place, place), quantity, after.get((sku, place)))
        for (sku, place), quantity in sums.items()
    )


def _action_words(visit: Visit, action: Action) -> str:
    fitting = [name for name in ACTIONS if action.action.startswith(name)]
    return visit.words.gettext(ACTIONS[max(fitting, key=len)]) if fitting else action.action
