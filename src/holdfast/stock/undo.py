"""Take any action back as a whole: a compensating entry per ledger entry, every touched row as it was, nothing erased.

An action is a transaction (an API call, a form, an import) or, where the group writer shares one transaction among many
requests, one request of it. What it did is known without asking the feature that did it: its ledger entries carry its
number, and `row_changes` has the rows of documents, masters and policies before and after. So one mechanism undoes all
of them, and the preview is the undo itself, rolled back.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
from psycopg.types.json import Json, Jsonb

from holdfast.access import audit
from holdfast.db import Tx, statements
from holdfast.db.posting import Answer
from holdfast.kernel.errors import Conflict, NotFound, Refusal
from holdfast.stock import service
from holdfast.stock.answers import refusal_of
from holdfast.stock.asks import ReserveAsk, ReserveItem

sql = statements("holdfast.stock", "undo.sql")

UNDO_DAYS: Final = 90
WHOLE: Final = -1

# Who may do an action may undo it; the longest prefix counts, everything else is the administrator's.
SCOPES: Final = {
    "inventory.": "operate",
    "transfer.": "operate",
    "batch.": "operate",
    "return.": "operate",
    "sku.": "operate",
    "stock_count.": "operate",
    "stock_count.approved": "approve",
    "purchase_order.": "approve",
    "purchase_order.received": "operate",
    "purchase_order.confirmed": "operate",
    "supplier.": "plan",
    "alert_rule.": "plan",
    "replenishment.": "plan",
    "replenishment.suggestion_": "approve",
}
# What left the house, or was never to be seen again, is not taken back by a row in a table.
FINAL: Final = {
    "purchase_order.sent": "The supplier has been told; cancel the order instead.",
    "api_key.": "A key that was made or revoked stays so; make another.",
    "webhook.": "Secrets and deliveries are not restored; change the webhook instead.",
    "alert.": "An alert lives by its rule; acknowledge or resolve it.",
    "shortage.": "Broken promises were told; book and hold again what should be.",
    "allocation.": "Release the reservation instead.",
    "replenishment.run_started": "A run only suggests; reject what you do not want.",
}
_POSTED: Final = {
    "receipt": "inventory.received",
    "sale": "inventory.sold",
    "cart": "inventory.reservation_consumed",
    "order": "inventory.reservation_consumed",
    "manual": "inventory.reservation_consumed",
}


@dataclass(frozen=True, slots=True)
class Action:
    """What is to be undone: its transaction and request, and how the audit trail calls it."""

    posted_in: int
    request_no: int
    acted_at: datetime
    action: str
    subject: str
    actor: str
    actions: tuple[dict[str, Any], ...] = ()

    @property
    def scope(self) -> str:
        named = [self.action, *(a["action"] for a in self.actions)]
        scopes = [_longest(SCOPES, name) or "admin" for name in named]
        order = ("operate", "plan", "approve", "admin")
        return max(scopes, key=order.index)

    @property
    def key(self) -> dict[str, Any]:
        return {"posted_in": self.posted_in, "request_no": self.request_no, "acted_at": self.acted_at}


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did, or would do: entries, levels after them, rows and holds."""

    undo_id: UUID
    items: list[dict[str, Any]]
    levels: list[dict[str, Any]]
    in_transit: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    held_again: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


@dataclass(frozen=True, slots=True)
class _Audited:
    id: int
    acted_at: datetime
    actor: str
    action: str
    subject: str
    posted_in: int | None


class _Rolled(Exception):
    """The way out of the savepoint of a preview."""


async def action_of_audit(tx: Tx, audit_id: int) -> Action:
    """The action a line of the audit trail belongs to. Raises NotFound(``audit_entry_not_found``)."""
    found = await tx.maybe(sql.find_audit_entry, _Audited, id=audit_id)
    if found is None:
        raise NotFound("audit_entry_not_found", "There is no such entry in the audit trail.")
    if found.posted_in is None:
        raise Conflict("not_undoable", "It was done before actions were marked.")
    actions = await tx.dicts(sql.actions_of, posted_in=found.posted_in, acted_at=found.acted_at)
    return Action(found.posted_in, WHOLE, found.acted_at, found.action, found.subject, found.actor, tuple(actions))


async def action_of_movement(tx: Tx, movement_id: UUID) -> Action:
    """The action a ledger entry belongs to. Raises NotFound(``movement_not_found``)."""
    rows = await tx.dicts(sql.find_entry, id=movement_id)
    if not rows:
        raise NotFound("movement_not_found", "There is no such ledger entry.")
    entry = rows[0]
    if entry["audit_id"] is not None:
        return await action_of_audit(tx, entry["audit_id"])
    if entry["posted_in"] is None or entry["request_no"] is None:
        raise Conflict("not_undoable", "It was posted before actions were marked, or came with an imported past.")
    key = {"posted_in": entry["posted_in"], "request_no": entry["request_no"]}
    acted_at: datetime = await tx.value(sql.first_entry_of, **key, acted_at=entry["written_at"])
    subject = f"{entry['reference_type']}:{entry['reference_id'] or movement_id}"
    action = _POSTED.get(entry["reference_type"], "inventory.adjusted")
    return Action(**key, acted_at=acted_at, action=action, subject=subject, actor=entry["actor"])


async def find_undo(tx: Tx, action: Action) -> dict[str, Any] | None:
    """Who took this action back and when, if anybody did."""
    rows = await tx.dicts(sql.find_undo, **action.key)
    return rows[0] if rows else None


async def undo(tx: Tx, action: Action, *, reason: str, actor: str) -> Undone:
    """Take an action back, all of it or nothing.

    Raises Conflict: ``already_undone``, ``not_undoable``, ``nothing_to_undo``, ``changed_since`` (a row is no longer as
    the action left it; ``errors`` names it), ``still_used`` (another row needs one that would go),
    ``insufficient_stock`` or ``serial_not_here`` (units have gone since), ``serial_in_stock``, ``inbound_exceeded``.
    """
    final = _longest(FINAL, action.action)
    if final is not None:
        raise Conflict("not_undoable", final)
    try:
        async with tx.connection.transaction():
            return await _undo(tx, action, reason, actor)
    except (
        psycopg.errors.ForeignKeyViolation,
        psycopg.errors.UniqueViolation,
        psycopg.errors.CheckViolation,
    ) as error:
        facts = {"table": error.diag.table_name, "constraint": error.diag.constraint_name}
        raise Conflict("still_used", "Something done since needs what would be undone.", facts) from error


async def preview(tx: Tx, action: Action, *, actor: str) -> Undone | Refusal:
    """What ``undo`` would do now, by doing it and rolling it back; or why it cannot."""
    done: list[Undone] = []
    try:
        async with tx.connection.transaction():
            done.append(await undo(tx, action, reason="preview", actor=actor))
            raise _Rolled
    except _Rolled:
        return done[0]
    except Refusal as refusal:
        return refusal


async def forget_row_changes(tx: Tx) -> int:
    """Forget what rows were more than ``UNDO_DAYS`` ago; answers how many."""
    return await tx.value(sql.forget_row_changes, days=UNDO_DAYS)


async def _undo(tx: Tx, action: Action, reason: str, actor: str) -> Undone:
    undo_id: UUID | None = await tx.value(
        sql.claim_undo, **action.key, action=action.action, subject=action.subject, reason=reason, actor=actor
    )
    if undo_id is None:
        found = await find_undo(tx, action) or {}
        facts = {"undo_id": str(found.get("undo_id")), "undone_by": found.get("undone_by")}
        raise Conflict("already_undone", "Somebody took this back before.", facts)
    consumed = await tx.dicts(sql.list_consumed, **action.key)
    before = await _inbound(tx, action)
    rows = await _restore(tx, action)
    after = await _inbound(tx, action)
    inbound = [
        {"sku_id": str(sku_id), "warehouse_id": str(warehouse_id), "quantity": change}
        for (sku_id, warehouse_id) in sorted(before.keys() | after.keys())
        if (change := after[sku_id, warehouse_id] - before[sku_id, warehouse_id])
    ]
    facts = await _reverse(tx, undo_id, action, inbound, reason, actor)
    if not rows and not facts["items"]:
        raise Conflict("nothing_to_undo", "Nothing is known that this changed, or it is too long ago.")
    held = await _hold_again(tx, consumed, actor)
    undone = Undone(undo_id, facts["items"], facts["levels"], facts["in_transit"], rows, held)
    await _tell(tx, action, undone, reason, actor)
    # Holding units again moves them within their level, so the levels are told as they are in the end.
    return replace(undone, levels=_held_back(undone))


async def _restore(tx: Tx, action: Action) -> list[dict[str, Any]]:
    if action.request_no != WHOLE:
        return []
    rows = await tx.dicts(sql.restore_rows, posted_in=action.posted_in, acted_at=action.acted_at)
    late = [row for row in rows if row["outcome"] == "changed_since"]
    if late:
        errors = [{"table": row["table_name"], "key": row["row_key"], "now": row["now"]} for row in late]
        raise Conflict("changed_since", "It was changed again since; undo that first.", errors=errors)
    return [{"table": r["table_name"], "key": r["row_key"], "changes": _changes(r["before"], r["now"])} for r in rows]


async def _inbound(tx: Tx, action: Action) -> defaultdict[tuple[UUID, UUID], int]:
    rows = await tx.dicts(sql.open_inbound, posted_in=action.posted_in, acted_at=action.acted_at)
    return defaultdict(int, {(r["sku_id"], r["warehouse_id"]): r["quantity"] for r in rows})


async def _reverse(
    tx: Tx, undo_id: UUID, action: Action, inbound: list[dict[str, Any]], reason: str, actor: str
) -> dict[str, Any]:
    row = (
        await tx.dicts(
            sql.undo_entries, undo_id=undo_id, **action.key, inbound=Json(inbound), actor=actor, reason=reason
        )
    )[0]
    answer = Answer(**row)
    refusal = refusal_of(answer)
    if refusal is not None:
        raise refusal
    return msgspec.json.decode(answer.facts)


async def _hold_again(tx: Tx, consumed: list[dict[str, Any]], actor: str) -> list[dict[str, Any]]:
    """Units that a hold had promised are promised again, unless its time would be over by now."""
    asks: dict[tuple[str, str], ReserveAsk] = {}
    for line in consumed:
        if line["minutes"] is not None and line["minutes"] < 1:
            continue
        key = (line["reference_type"], line["reference_id"])
        ask = asks.setdefault(
            key,
            ReserveAsk(actor=actor, reference_type=key[0], reference_id=key[1], minutes=line["minutes"], items=[]),
        )
        ask.items.append(ReserveItem(line["sku_id"], line["quantity"], line["warehouse_id"]))
    held: list[dict[str, Any]] = []
    for ask in asks.values():
        try:
            held.append(await service.reserve(tx, ask))
        except Conflict:
            # An archived SKU or a closed warehouse promises nothing any more; the units are back all the same.
            continue
    return held


def _held_back(undone: Undone) -> list[dict[str, Any]]:
    held: defaultdict[tuple[str, str], int] = defaultdict(int)
    for hold in undone.held_again:
        for item in hold["items"]:
            held[item["sku_id"], item["warehouse_id"]] += item["reserved_quantity"]
    return [
        {
            **level,
            "available_quantity": level["available_quantity"] - held[level["sku_id"], level["warehouse_id"]],
            "reserved_quantity": level["reserved_quantity"] + held[level["sku_id"], level["warehouse_id"]],
        }
        for level in undone.levels
    ]


async def _tell(tx: Tx, action: Action, undone: Undone, reason: str, actor: str) -> None:
    facts = {
        "undo_id": str(undone.undo_id),
        "undone_action": action.action,
        "undone_subject": action.subject,
        "acted_at": action.acted_at.isoformat(),
        "items": undone.items,
        "in_transit": undone.in_transit,
        "rows": [{"table": row["table"], "key": row["key"]} for row in undone.rows],
    }
    await tx.run(sql.settle, undo_id=undone.undo_id, facts=Jsonb(facts))
    skus = sorted({UUID(item["sku_id"]) for item in [*undone.items, *undone.in_transit]})
    event_type = "inventory.undone" if skus else "action.undone"
    await tx.run(sql.write_event, event_type=event_type, sku_ids=skus, data=Json({**facts, "reason": reason}))
    await audit.record(tx, actor=actor, action="action.undone", subject=action.subject, reason=reason, **facts)


def _changes(before: dict[str, Any] | None, now: dict[str, Any] | None) -> dict[str, Any]:
    """``{column: [now, then]}`` of what an undo turns back; a row that goes or comes back as a whole says so."""
    if before is None or now is None:
        return {"row": ["there", "gone"] if before is None else ["gone", "there"]}
    return {name: [now.get(name), value] for name, value in before.items() if now.get(name) != value}


def _longest(table: dict[str, str], name: str) -> str | None:
    found = [prefix for prefix in table if name.startswith(prefix)]
    return table[max(found, key=len)] if found else None
