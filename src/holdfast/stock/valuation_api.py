"""The valuation report, and late costs, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Planner, Reader
from holdfast.stock import valuation
from holdfast.stock.shapes import Cost, Reason
from holdfast.stock.valuation import Total

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["Valuation"])


class ValueTotal(BaseModel):
    """`valued_quantity` units have a known cost and make up `value`; the others came in without one."""

    model_config = ConfigDict(from_attributes=True)
    currency: Annotated[str | None, Field(description="the SKU's currency; null when it has none")]
    quantity: int
    valued_quantity: int
    value: Decimal


class WarehouseTotal(ValueTotal):
    warehouse_code: str


class CategoryTotal(ValueTotal):
    category: str | None


class Valuation(BaseModel):
    as_of: datetime
    method: Literal["average", "fifo"]
    totals: list[ValueTotal]
    by_warehouse: list[WarehouseTotal]
    by_category: list[CategoryTotal]


class LateCost(BaseModel):
    """What one unit of the arrival really cost."""

    model_config = ConfigDict(extra="forbid")
    unit_cost: Cost
    reason: Reason


class CorrectedCost(BaseModel):
    """`stock_value` went into the moving average of what is still here, `expensed_value` is for what is gone."""

    movement_id: UUID
    sku_id: UUID
    warehouse_id: UUID
    quantity: int
    on_hand_quantity: int
    unit_cost_before: Decimal
    unit_cost: Decimal
    stock_value: Decimal
    expensed_value: Decimal
    cost_before: Decimal | None
    cost_after: Decimal | None


@router.get("/reports/valuation", response_model=Valuation)
async def value_stock(
    tx: ApiTx,
    _: Reader,
    as_of: AwareDatetime | None = None,
    method: Literal["average", "fifo"] = "average",
    warehouse_id: UUID | None = None,
    category: str | None = None,
    format: Literal["json", "csv"] = "json",
) -> Valuation | Response:
    """What stock was worth at an instant, by what was known then. ``csv`` has one row per level instead of totals."""
    moment = as_of or await valuation.now(tx)
    filters = {"warehouse_id": warehouse_id, "category": category}
    if format == "csv":
        text = valuation.csv_text(await valuation.list_values(tx, as_of=as_of, method=method, **filters))
        headers = {"content-disposition": f'attachment; filename="valuation-{moment:%Y-%m-%d}-{method}.csv"'}
        return Response(text, 200, headers, "text/csv; charset=utf-8")
    totals = await valuation.list_totals(tx, as_of=as_of, method=method, **filters)
    return Valuation(
        as_of=moment,
        method=method,
        totals=[ValueTotal.model_validate(t) for t in totals if not t.by_warehouse and not t.by_category],
        by_warehouse=[WarehouseTotal.model_validate(t) for t in totals if t.by_warehouse],
        by_category=[CategoryTotal.model_validate(t) for t in _categories(totals)],
    )


@router.post("/inventory/movements/{movement_id}/cost", status_code=201)
async def correct_cost(movement_id: UUID, body: LateCost, tx: ApiTx, caller: Planner) -> CorrectedCost:
    """Say what the goods of an arrival really cost. Appended; no entry changes."""
    facts = await valuation.correct_cost(
        tx, movement_id, unit_cost=body.unit_cost, reason=body.reason, actor=caller.actor
    )
    return CorrectedCost.model_validate(facts)


def _categories(totals: Sequence[Total]) -> list[Total]:
    return [t for t in totals if t.by_category]
