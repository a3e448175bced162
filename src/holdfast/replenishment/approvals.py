"""Who may spend how much, and which suggestions need nobody."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.types.json import Json

from holdfast.access import audit
from holdfast.access.model import Principal
from holdfast.db import Tx, statements
from holdfast.kernel.errors import Denied, Invalid, NotFound
from holdfast.purchasing.leaving import Leaving
from holdfast.replenishment.auto_choice import Covered, within_limits
from holdfast.replenishment.grouping_store import read_heads
from holdfast.replenishment.order_limits import list_order_limits
from holdfast.replenishment.order_limits import sql as limits_sql
from holdfast.replenishment.store import sql as events

sql = statements("holdfast.replenishment", "approvals.sql")


@dataclass(frozen=True, slots=True)
class ApprovalLimit:
    """What a role may spend on one order, in one currency."""

    role: str
    currency: str
    max_value: Decimal
    updated_by: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class AutoApproval:
    """Suggestions up to ``max_value`` are approved by the plan, up to ``daily_max_value`` a day, while ``is_active``.

    Without supplier and class it is for all; supplier and class > supplier > class > all.
    """

    id: UUID
    supplier_id: UUID | None
    class_code: str | None
    currency: str
    max_value: Decimal
    daily_max_value: Decimal
    is_active: bool
    spent_today: Decimal
    updated_by: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class _Allowance:
    role: str | None
    max_value: Decimal | None
    is_limited: bool


@dataclass(frozen=True, slots=True)
class _Worth:
    number: str
    currency: str
    value: Decimal


async def check_limit(tx: Tx, order_id: UUID, *, actor: str) -> None:
    """Raises Denied(``over_approval_limit``) when the order is worth more than the role of ``actor`` may spend.

    The whole order counts, so that a large one cannot be approved in small parts. The program itself has no role and
    no limit: what it approves is bounded by the rules people set.
    """
    worth = await tx.one(sql.order_value, _Worth, id=order_id)
    found = await tx.one(sql.limit_of, _Allowance, actor=actor, currency=worth.currency)
    if found.role is None or not found.is_limited or (found.max_value is not None and worth.value <= found.max_value):
        return
    facts = {
        "role": found.role,
        "max_value": None if found.max_value is None else str(found.max_value),
        "order_value": str(worth.value.quantize(Decimal("0.01"))),
        "currency": worth.currency,
        "order_number": worth.number,
    }
    raise Denied("over_approval_limit", "The order is worth more than your role may approve.", facts)


async def refuse_over_limit(tx: Tx, leaving: Leaving) -> dict[str, Any]:
    """The limit holds for the order as a whole, when it is approved and when it is sent."""
    await check_limit(tx, leaving.detail.order.id, actor=leaving.actor)
    return {}


async def require_approver(tx: Tx, principal: Principal) -> None:
    """Whoever has the scope, and planners up to the limit that was given to them. Raises Denied(``missing_scope``)."""
    if principal.may("approve"):
        return
    limits = await list_limits(tx) if principal.may("plan") else []
    if not any(limit.role == "planner" for limit in limits):
        raise Denied("missing_scope", "This needs the scope approve.", {"scope": "approve"})


async def list_limits(tx: Tx) -> list[ApprovalLimit]:
    return await tx.all(sql.list_limits, ApprovalLimit)


async def put_limit(tx: Tx, *, role: str, currency: str, max_value: Decimal, actor: str) -> ApprovalLimit:
    limit = await tx.one(sql.put_limit, ApprovalLimit, role=role, currency=currency, max_value=max_value, actor=actor)
    await _tell(tx, "replenishment.limit_set", f"limit:{role}", actor, currency=currency, max_value=str(max_value))
    return limit


async def delete_limit(tx: Tx, *, role: str, currency: str, actor: str) -> None:
    """Deleting twice is fine."""
    if await tx.maybe(sql.delete_limit, ApprovalLimit, role=role, currency=currency) is not None:
        await _tell(tx, "replenishment.limit_deleted", f"limit:{role}", actor, currency=currency)


async def list_rules(tx: Tx) -> list[AutoApproval]:
    return await tx.all(sql.list_rules, AutoApproval)


async def put_rule(tx: Tx, *, actor: str, **columns: Any) -> AutoApproval:
    """One rule per supplier, class and currency, in place of the one before.

    Raises Invalid(``unknown_supplier`` | ``above_daily_value``).
    """
    if columns["max_value"] > columns["daily_max_value"]:
        raise Invalid.field_error(["max_value"], "above_daily_value", "One suggestion cannot exceed the day's limit.")
    supplier_id = columns["supplier_id"]
    if supplier_id is not None and await tx.value(sql.knows_supplier, id=supplier_id) is None:
        raise Invalid.field_error(["supplier_id"], "unknown_supplier", "There is no such supplier.")
    rule_id = await tx.value(sql.put_rule, actor=actor, **columns)
    rule = next(r for r in await list_rules(tx) if r.id == rule_id)
    facts = {name: None if value is None else str(value) for name, value in columns.items()}
    await _tell(tx, "replenishment.auto_approval_set", f"auto_approval:{rule_id}", actor, **facts)
    return rule


async def delete_rule(tx: Tx, rule_id: UUID, *, actor: str) -> None:
    """Raises NotFound(``auto_approval_not_found``)."""
    if not await tx.dicts(sql.delete_rule, id=rule_id):
        raise NotFound("auto_approval_not_found", "There is no such rule.")
    await _tell(tx, "replenishment.auto_approval_deleted", f"auto_approval:{rule_id}", actor)


async def covered(tx: Tx) -> dict[UUID, list[Covered]]:
    """What may be approved now, by rule: within what is left of each rule's day, under every limit of orders, and
    nothing for an order that would stay below its supplier's minimum. Locks rules and limits first.
    """
    if not await tx.dicts(sql.lock_rules):
        return {}
    await tx.run(limits_sql.lock_order_limits)
    left = {rule.id: rule.daily_max_value - rule.spent_today for rule in await list_rules(tx)}
    ones = await tx.all(sql.approvable, Covered)
    keys = sorted({one.key for one in ones})
    heads = dict(zip(keys, await read_heads(tx, keys), strict=True)) if keys else {}
    chosen: dict[UUID, list[Covered]] = defaultdict(list)
    for one in within_limits(ones, left, heads, await list_order_limits(tx)):
        chosen[one.rule_id].append(one)
    return chosen


async def remember(tx: Tx, rule_id: UUID, suggestion_ids: list[UUID]) -> None:
    """Count these against the day of the rule."""
    rules = [rule_id for _ in suggestion_ids]
    await tx.run(sql.remember_approved, suggestion_ids=suggestion_ids, rule_ids=rules)


async def _tell(tx: Tx, event_type: str, subject: str, actor: str, **facts: Any) -> None:
    data = Json({"subject": subject, "actor": actor, **facts})
    await tx.run(events.write_event, event_type=event_type, sku_ids=[], data=data)
    await audit.record(tx, actor=actor, action=event_type, subject=subject, **facts)
