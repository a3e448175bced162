"""What people do with suggestions: look, approve, reject; and how approved ones follow their orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from psycopg.types.json import Json
from pydantic import Field

from holdfast.access import audit
from holdfast.db import Tx
from holdfast.kernel.errors import Conflict, Denied, Invalid, NotFound, Refusal
from holdfast.purchasing.model import DraftLine
from holdfast.purchasing.service import add_to_draft
from holdfast.replenishment import approvals, sharing
from holdfast.replenishment.store import sql
from holdfast.transfers.service import create_transfer


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``arithmetic``: the lines that add up to ``suggested_quantity``; see ``replenishment/arithmetic.py``."""

    id: UUID
    sku_id: UUID
    sku_code: str
    sku_name: str
    warehouse_id: UUID
    warehouse_code: str
    supplier_id: UUID | None
    supplier_code: str | None
    status: str
    current_quantity: int
    suggested_quantity: int
    priority: str
    reason: str
    days_of_cover: float | None
    lead_time_days: float
    unit_cost: Decimal | None
    estimated_cost: Decimal | None
    currency: str | None
    arithmetic: Annotated[list[dict[str, Any]], Field(exclude=True)]
    run_id: UUID | None
    purchase_order_id: UUID | None
    kind: Literal["purchase", "transfer"]
    from_warehouse_id: UUID | None
    from_warehouse_code: str | None
    transfer_id: UUID | None
    created_at: datetime
    updated_at: datetime
    processed_by: str | None
    processed_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class Approval:
    """Yes to one suggestion. Without ``quantity`` and ``supplier_id`` as suggested; ``expected_version`` compares."""

    suggestion_id: UUID
    quantity: int | None = None
    supplier_id: UUID | None = None
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """One suggestion of a bulk approval that stayed as it was, and why."""

    suggestion_id: UUID
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class _Locked:
    id: UUID
    sku_id: UUID
    warehouse_id: UUID
    supplier_id: UUID | None
    status: str
    suggested_quantity: int
    unit_cost: Decimal | None
    version: int
    kind: str
    from_warehouse_id: UUID | None


@dataclass(frozen=True, slots=True)
class _Decided:
    """``supplier_id`` None: it is moved from ``row.from_warehouse_id``."""

    row: _Locked
    supplier_id: UUID | None
    quantity: int


async def list_suggestions(
    tx: Tx, *, after: tuple[int, str] | None = None, limit: int, **filters: Any
) -> list[Suggestion]:
    """One page and one row more, most urgent first.

    Filters: status, priority, sku_id, warehouse_id, supplier_id.
    """
    names = ("status", "priority", "sku_id", "warehouse_id", "supplier_id")
    columns: dict[str, Any] = dict.fromkeys(names) | filters
    return await tx.all(
        sql.list_suggestions,
        Suggestion,
        after_rank=after[0] if after else None,
        after_id=after[1] if after else None,
        limit=limit + 1,
        **columns,
    )


async def get_suggestion(tx: Tx, suggestion_id: UUID) -> Suggestion:
    found = await tx.maybe(sql.get_suggestion, Suggestion, id=suggestion_id)
    if found is None:
        raise NotFound("suggestion_not_found", "There is no such suggestion.")
    return found


async def approve(tx: Tx, approval: Approval, *, actor: str) -> Suggestion:
    """Put one suggestion on the draft order of its supplier and warehouse.

    Raises NotFound, Conflict(``suggestion_not_pending`` | ``version_conflict`` | ``no_supplier``),
    Denied(``over_approval_limit``) and what purchasing refuses. Approving what is approved already answers it as it is.
    """
    refused = await approve_all(tx, [approval], actor=actor)
    found = await get_suggestion(tx, approval.suggestion_id)
    if refused and refused[0].code == "over_approval_limit":
        raise Denied(refused[0].code, refused[0].detail)
    if refused and not (refused[0].code == "suggestion_not_pending" and found.status == "approved"):
        raise Conflict(
            refused[0].code, refused[0].detail, {"suggestion_status": found.status, "version": found.version}
        )
    return found


async def approve_all(
    tx: Tx, wanted: Sequence[Approval], *, actor: str, why: Mapping[str, Any] | None = None
) -> list[Refused]:
    """Approve many suggestions, one draft order per supplier and warehouse; answers those that stayed as they were.

    ``why`` goes into the audit trail beside who and what.
    """
    locked = {r.id: r for r in await tx.all(sql.lock_suggestions, _Locked, ids=[a.suggestion_id for a in wanted])}
    refused: list[Refused] = []
    groups: dict[tuple[UUID, UUID], list[_Decided]] = defaultdict(list)
    moves: dict[tuple[UUID, UUID], list[_Decided]] = defaultdict(list)
    for approval in wanted:
        decided = _decided(approval, locked.get(approval.suggestion_id))
        if isinstance(decided, Refused):
            refused.append(decided)
        elif decided.supplier_id is not None:
            groups[decided.supplier_id, decided.row.warehouse_id].append(decided)
        elif decided.row.from_warehouse_id is not None:
            moves[decided.row.from_warehouse_id, decided.row.warehouse_id].append(decided)
    # In one order for everybody, so that two approvals with the same suppliers do not wait for each other.
    for (supplier_id, warehouse_id), lines in sorted(groups.items()):
        refused += await _order(tx, supplier_id, warehouse_id, lines, actor=actor, why=why or {})
    for (source, target), lines in sorted(moves.items()):
        refused += await _move(tx, source, target, lines, actor=actor, why=why or {})
    return refused


async def auto_approve(tx: Tx) -> int:
    """Approve what a rule covers, within its day; answers how many. Rules are off until somebody turns one on.

    Approval and count are one transaction: a crash undoes both, and a second worker waits for the first.
    """
    chosen = await approvals.covered(tx)
    # All at once in key order, as everybody who decides does; then rule by rule.
    await tx.dicts(sql.lock_suggestions, ids=[one.id for ones in chosen.values() for one in ones])
    done = 0
    for rule_id, ones in chosen.items():
        wanted = [Approval(one.id, expected_version=one.version) for one in ones]
        refused = await approve_all(tx, wanted, actor=f"auto:{rule_id}", why={"auto_approval_id": str(rule_id)})
        left = {r.suggestion_id for r in refused}
        approved = [one.id for one in ones if one.id not in left]
        await approvals.remember(tx, rule_id, approved)
        done += len(approved)
    return done


def _decided(approval: Approval, row: _Locked | None) -> _Decided | Refused:
    def no(code: str, detail: str) -> Refused:
        return Refused(approval.suggestion_id, code, detail)

    if row is None:
        return no("suggestion_not_found", "There is no such suggestion.")
    if row.status != "pending":
        return no("suggestion_not_pending", f"The suggestion is {row.status}.")
    if approval.expected_version not in (None, row.version):
        return no("version_conflict", "The suggestion was changed meanwhile; read it again.")
    supplier_id = approval.supplier_id or row.supplier_id
    if supplier_id is None and row.kind != "transfer":
        return no("no_supplier", "Nobody is known to sell this SKU; name a supplier.")
    return _Decided(row, supplier_id, approval.quantity or row.suggested_quantity)


async def _order(
    tx: Tx, supplier_id: UUID, warehouse_id: UUID, decided: list[_Decided], *, actor: str, why: Mapping[str, Any]
) -> list[Refused]:
    """One supplier's lines onto its draft; all of them stay pending when purchasing refuses, or when the order would
    become worth more than ``actor`` may approve."""
    instead = [d.row.id for d in decided if d.row.kind == "transfer"]
    lines = [DraftLine(sku_id=d.row.sku_id, quantity=d.quantity, suggestion_id=d.row.id) for d in decided]
    try:
        async with tx.connection.transaction():
            order_id = await add_to_draft(
                tx, supplier_id=supplier_id, warehouse_id=warehouse_id, lines=lines, actor=actor
            )
            await approvals.check_limit(tx, order_id, actor=actor)
            await tx.run(sharing.sql.buy_instead, ids=instead)
    except (NotFound, Invalid, Conflict, Denied) as refusal:
        return [Refused(d.row.id, refusal.code, _why(refusal)) for d in decided]
    await tx.run(
        sql.approve_suggestions,
        ids=[d.row.id for d in decided],
        supplier_ids=[supplier_id for _ in decided],
        order_ids=[order_id for _ in decided],
        quantities=[d.quantity for d in decided],
        key="within_limits" if "grouping_id" in why else "decided_by_hand",
        actor=actor,
    )
    for one in decided:
        facts = {"quantity": one.quantity, "suggested": one.row.suggested_quantity, "order_id": str(order_id), **why}
        await _tell(tx, "replenishment.suggestion_approved", one.row.id, one.row.sku_id, actor, facts)
    return []


async def _move(
    tx: Tx, source: UUID, target: UUID, decided: list[_Decided], *, actor: str, why: Mapping[str, Any]
) -> list[Refused]:
    """One draft transfer from a warehouse that can spare it; all of them stay pending when transfers refuse."""
    # A draft has one line per SKU, and one warehouse has one open suggestion per SKU.
    lines = [(d.row.sku_id, d.quantity) for d in decided]
    try:
        async with tx.connection.transaction():
            made = await create_transfer(
                tx,
                from_warehouse_id=source,
                to_warehouse_id=target,
                lines=lines,
                expected_at=None,
                note="",
                actor=actor,
            )
    except (NotFound, Invalid, Conflict) as refusal:
        return [Refused(d.row.id, refusal.code, _why(refusal)) for d in decided]
    transfer_id = made.transfer.id
    await tx.run(
        sharing.sql.approve_transfers,
        ids=[d.row.id for d in decided],
        quantities=[d.quantity for d in decided],
        transfer_ids=[transfer_id for _ in decided],
        actor=actor,
    )
    for one in decided:
        facts = {
            "quantity": one.quantity,
            "suggested": one.row.suggested_quantity,
            "transfer_id": str(transfer_id),
            **why,
        }
        await _tell(tx, "replenishment.suggestion_approved", one.row.id, one.row.sku_id, actor, facts)
    return []


def _why(refusal: Refusal) -> str:
    return "; ".join(str(e.get("message") or e.get("code")) for e in refusal.errors) or refusal.detail


async def reject(tx: Tx, suggestion_id: UUID, *, actor: str, reason: str | None) -> Suggestion:
    """No to one suggestion: it is not proposed again within its review period unless matters get much worse.

    Raises NotFound, Conflict(``suggestion_not_pending``). Rejecting twice answers it as it is.
    """
    touched = await tx.run(sql.reject_suggestion, id=suggestion_id, actor=actor)
    found = await get_suggestion(tx, suggestion_id)
    if not touched:
        if found.status == "rejected":
            return found
        raise Conflict(
            "suggestion_not_pending", f"The suggestion is {found.status}.", {"suggestion_status": found.status}
        )
    facts = {"suggested": found.suggested_quantity, "reason": reason}
    await _tell(tx, "replenishment.suggestion_rejected", found.id, found.sku_id, actor, facts)
    return found


async def follow_orders(tx: Tx) -> int:
    """Bring approved suggestions up to what became of their orders and transfers; answers how many changed."""
    return await tx.run(sql.follow_orders) + await tx.run(sharing.sql.follow_transfers)


async def _tell(tx: Tx, event_type: str, suggestion_id: UUID, sku_id: UUID, actor: str, facts: dict[str, Any]) -> None:
    data = Json({"suggestion_id": str(suggestion_id), "sku_id": str(sku_id), "actor": actor, **facts})
    await tx.run(sql.write_event, event_type=event_type, sku_ids=[sku_id], data=data)
    await audit.record(tx, actor=actor, action=event_type, subject=f"suggestion:{suggestion_id}", **facts)
