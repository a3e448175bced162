"""Rules and the life of alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.types.json import Json

from holdfast.access import audit
from holdfast.alerts.model import Alert, Finding, Preview, Rule
from holdfast.db import Tx, statements
from holdfast.kernel.errors import Invalid, NotFound

sql = statements("holdfast.alerts")

# Rules of this metric watch orders; all others watch levels.
ORDER_EXCEPTION: Final = "order_exception"
_RULE_COLUMNS = (
    "name",
    "metric",
    "threshold",
    "clear_margin",
    "sku_id",
    "warehouse_id",
    "category",
    "severity",
    "recipients",
    "is_active",
)
_UNKNOWN = {"alert_rules_sku_id_fkey": "sku_id", "alert_rules_warehouse_id_fkey": "warehouse_id"}


async def create_rule(tx: Tx, *, actor: str, **columns: Any) -> Rule:
    """Raises Invalid for a scope that does not exist or a measure without a line."""
    check_rule(columns)
    try:
        async with tx.connection.transaction():
            rule_id: UUID = await tx.value(sql.insert_rule, created_by=actor, **columns)
    except psycopg.errors.ForeignKeyViolation as error:
        raise _unknown(error) from error
    rule = await get_rule(tx, rule_id)
    await audit.record(tx, actor=actor, action="alert_rule.created", subject=f"alert_rule:{rule_id}", name=rule.name)
    return rule


async def get_rule(tx: Tx, rule_id: UUID) -> Rule:
    found = await tx.maybe(sql.list_rules, Rule, id=rule_id, after=None, is_active=None, limit=1)
    if found is None:
        raise NotFound("alert_rule_not_found", "There is no such alert rule.")
    return found


async def list_rules(tx: Tx, *, limit: int, after: UUID | None = None, is_active: bool | None = None) -> list[Rule]:
    """One page and one row more, in order of creation."""
    return await tx.all(sql.list_rules, Rule, id=None, after=after, is_active=is_active, limit=limit + 1)


async def change_rule(tx: Tx, rule_id: UUID, changes: dict[str, Any], *, actor: str) -> Rule:
    """Change the given columns only; the rule is evaluated anew."""
    before = asdict(await get_rule(tx, rule_id))
    columns = {name: before[name] for name in _RULE_COLUMNS} | changes
    check_rule(columns)
    try:
        async with tx.connection.transaction():
            await tx.run(sql.change_rule, id=rule_id, **columns)
    except psycopg.errors.ForeignKeyViolation as error:
        raise _unknown(error) from error
    await audit.record(
        tx, actor=actor, action="alert_rule.changed", subject=f"alert_rule:{rule_id}", changed=sorted(changes)
    )
    return await get_rule(tx, rule_id)


async def delete_rule(tx: Tx, rule_id: UUID, *, actor: str) -> None:
    """The rule watches no more; its alerts stay in the history. Doing it twice is fine."""
    await tx.run(sql.delete_rule, id=rule_id)
    await audit.record(tx, actor=actor, action="alert_rule.deleted", subject=f"alert_rule:{rule_id}")


async def preview_rule(tx: Tx, columns: dict[str, Any], *, low_share: float) -> Preview:
    """What a rule would fire for now, the furthest below its line first."""
    check_rule(columns)
    rule = {name: columns.get(name) for name in _RULE_COLUMNS if name not in ("name", "recipients", "is_active")}
    plain = {name: str(value) if isinstance(value, UUID) else value for name, value in rule.items()}
    row = (await tx.dicts(sql.preview, rules=Json([plain]), low_share=low_share))[0]
    return Preview(row["watched"], row["would_open"], tuple(_finding(f) for f in row["findings"]))


async def list_alerts(tx: Tx, *, limit: int, before: UUID | None = None, **filters: Any) -> list[Alert]:
    """One page and one row more, newest first.

    Filters: status, severity, rule_id, sku_id, warehouse_id, category.
    """
    names = ("status", "severity", "rule_id", "sku_id", "warehouse_id", "category")
    columns: dict[str, Any] = dict.fromkeys(names) | filters
    return await tx.all(sql.list_alerts, Alert, id=None, before=before, limit=limit + 1, **columns)


async def get_alert(tx: Tx, alert_id: UUID) -> Alert:
    columns = dict.fromkeys(("status", "severity", "rule_id", "sku_id", "warehouse_id", "category", "before"))
    found = await tx.maybe(sql.list_alerts, Alert, id=alert_id, limit=1, **columns)
    if found is None:
        raise NotFound("alert_not_found", "There is no such alert.")
    return found


async def acknowledge(tx: Tx, alert_ids: Sequence[UUID], *, actor: str, note: str | None = None) -> int:
    """Somebody has seen them; answers how many were still open. Doing it twice is fine."""
    return await _decide(tx, sql.acknowledge, "alert.acknowledged", alert_ids, actor, note)


async def resolve(tx: Tx, alert_ids: Sequence[UUID], *, actor: str, note: str | None = None) -> int:
    """Somebody has dealt with them; answers how many were alive. Doing it twice is fine.

    An alert whose stock is still low stays resolved until the level recovered and fell anew.
    """
    return await _decide(tx, sql.resolve, "alert.resolved", alert_ids, actor, note)


async def _decide(
    tx: Tx, statement: Any, event_type: str, alert_ids: Sequence[UUID], actor: str, note: str | None
) -> int:
    decided = [row["id"] for row in await tx.dicts(statement, ids=list(alert_ids), actor=actor, note=note)]
    if decided:
        await tx.run(sql.tell_events, event_type=event_type, ids=decided, actor=actor)
    for alert_id in decided:
        await audit.record(tx, actor=actor, action=event_type, subject=f"alert:{alert_id}", note=note)
    return len(decided)


def check_rule(columns: dict[str, Any]) -> None:
    """Raises Invalid when a rule could never fire."""
    if columns["metric"] == "days_of_cover" and columns["threshold"] is None:
        raise Invalid.field_error(["threshold"], "required", "Days of cover need a threshold.")
    if columns["metric"] == ORDER_EXCEPTION and columns["threshold"] is not None:
        raise Invalid.field_error(["threshold"], "not_used", "Exceptions of orders have no threshold.")


def _finding(row: dict[str, Any]) -> Finding:
    ids: dict[str, Any] = {name: UUID(row[name]) for name in ("sku_id", "warehouse_id")}
    return Finding(**{**row, **ids})


def _unknown(error: psycopg.errors.ForeignKeyViolation) -> Invalid:
    field = _UNKNOWN[error.diag.constraint_name or ""]
    return Invalid.field_error([field], f"unknown_{field.removesuffix('_id')}", "There is no such thing.")
