"""The audit trail: who did what to which thing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from holdfast.access.keys import sql
from holdfast.db import Tx


@dataclass(frozen=True, slots=True)
class AuditEntry:
    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    facts: dict[str, Any]
    undone: dict[str, Any] | None


async def record(tx: Tx, *, actor: str, action: str, subject: str, **facts: Any) -> None:
    """Write one entry in the transaction of the change. ``subject`` reads ``sku:<id>``, ``purchase_order:<id>``."""
    await tx.run(sql.write_audit, actor=actor, action=action, subject=subject, facts=Jsonb(facts))


async def list_entries(tx: Tx, *, before: int | None, subject: str | None, limit: int) -> list[AuditEntry]:
    return await tx.all(sql.list_audit, AuditEntry, before=before, subject=subject, limit=limit + 1)
