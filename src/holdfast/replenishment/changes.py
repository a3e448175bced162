"""What people set for planning: told as an event, and kept in the audit trail."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Json

from holdfast.access import audit
from holdfast.db import Tx, statements

sql = statements("holdfast.replenishment")


async def tell_change(
    tx: Tx, event_type: str, kind: str, row_id: UUID, *, actor: str, columns: dict[str, Any] | None = None
) -> None:
    """``kind`` names the row: ``lane`` is told with its ``lane_id``, and audited as ``lane:<id>``."""
    facts = {name: None if value is None else str(value) for name, value in (columns or {}).items()}
    data = Json({f"{kind}_id": str(row_id), "actor": actor, **facts})
    await tx.run(sql.write_event, event_type=event_type, sku_ids=[], data=data)
    await audit.record(tx, actor=actor, action=event_type, subject=f"{kind}:{row_id}", **facts)
