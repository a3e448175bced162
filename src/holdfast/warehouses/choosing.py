"""The warehouses a form or a filter offers."""

from __future__ import annotations

from holdfast.access.visit import Visit
from holdfast.db import statements

sql = statements("holdfast.warehouses", "pages.sql")


async def warehouse_choices(visit: Visit) -> tuple[tuple[str, str], ...]:
    """(id, name) of every active warehouse, most important first."""
    return await visit.choices(sql.warehouse_choices)
