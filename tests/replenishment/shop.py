"""A shop for planning tests: a past of sales, suppliers, and the plan as the worker makes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Json
from tests.house import House

from holdfast.replenishment import service

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


async def past(house: House, sku: str, warehouse: str, *, per_day: int, left: int, days: int = 100) -> None:
    """A ledger in which ``per_day`` units sold each day and ``left`` are on the shelf."""
    entries = [(days + 1, per_day * days + left, "receipt"), *((ago, -per_day, "sale") for ago in range(days, 0, -1))]
    rows = [
        {
            "sku_id": await house.sku(sku),
            "warehouse_id": await house.warehouse(warehouse),
            "movement_type": "in" if quantity > 0 else "out",
            "quantity": quantity,
            "reference_type": reference,
            "reason": "test",
            "occurred_at": (NOON - timedelta(days=ago)).isoformat(),
        }
        for ago, quantity, reference in entries
    ]
    async with house.database.connection() as connection:
        await connection.execute("select stock_import_history(%s, 'test')", [Json(rows)])


async def offer(house: House, supplier: str, *skus: str, lead: int = 7, **terms: Any) -> None:
    """The supplier sells these SKUs at 2.00 each."""
    supplier_id = await house.supplier(supplier, lead_time_days=lead)
    for sku in skus:
        item = {"sku_id": await house.sku(sku), "unit_cost": "2.00", "is_preferred": True, **terms}
        async with house.database.connection() as connection:
            await connection.execute(
                "insert into supplier_items (supplier_id, sku_id, unit_cost, moq, order_multiple, is_preferred)"
                " values (%s, %s, %s, %s, %s, true)",
                [supplier_id, item["sku_id"], item["unit_cost"], item.get("moq", 1), item.get("multiple", 1)],
            )


async def plan(house: House) -> dict[str, Any]:
    """Run the plan as the worker does; answers the run."""
    begun = await house.post("/replenishment/suggestions/run", expect=202)
    run = await service.work_on(house.database, UUID(begun["id"]))
    assert run.status == "finished"
    return await house.get(f"/replenishment/runs/{run.id}")


async def pending(house: House, **filters: str) -> list[dict[str, Any]]:
    return (await house.get("/replenishment/suggestions", status="pending", **filters))["suggestions"]


async def rows(house: House, query: str) -> list[tuple[Any, ...]]:
    async with house.database.connection() as connection:
        return await (await connection.execute(query)).fetchall()  # type: ignore[arg-type]
