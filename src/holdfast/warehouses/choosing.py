"""The warehouses a form or a filter offers."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.access.visit import Visit
from holdfast.db import statements

sql = statements("holdfast.warehouses", "pages.sql")


@dataclass(frozen=True, slots=True)
class _Choice:
    value: str
    label: str


async def warehouse_choices(visit: Visit) -> tuple[tuple[str, str], ...]:
    """(id, name) of every active warehouse, most important first."""
    return tuple((c.value, c.label) for c in await visit.tx.all(sql.warehouse_choices, _Choice))
