"""What-if over HTTP: a suggestion under other assumptions, with its arithmetic as a tree."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Reader
from holdfast.replenishment import decisions
from holdfast.replenishment.arithmetic import total_of, tree_of
from holdfast.replenishment.whatif import Assumptions, Worked, what_if
from holdfast.stock.asks import QUANTITY_MAX

router = APIRouter(prefix="/api/v1/replenishment", route_class=ApiRoute, tags=["Replenishment"])

Units = Annotated[int, Field(ge=1, le=QUANTITY_MAX)]
Cost = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6)]


class WhatIfBody(BaseModel):
    """What shall be assumed; what is left out stays as the plan knows it. Nothing is written.

    ``demand_percent`` 20 is a fifth more demand than forecast. ``break_quantity`` and ``break_cost`` stand in for the
    price breaks of the supplier. ``target_service`` replaces a fill rate, ``target_fill_rate`` a service level.
    """

    model_config = ConfigDict(extra="forbid")
    target_service: Annotated[float, Field(ge=0.5, le=0.999)] | None = None
    target_fill_rate: Annotated[float, Field(ge=0.5, le=0.9999)] | None = None
    lead_time_days: Annotated[float, Field(ge=0, le=730)] | None = None
    lead_time_sd_days: Annotated[float, Field(ge=0, le=365)] | None = None
    review_days: Annotated[int, Field(ge=1, le=365)] | None = None
    moq: Units | None = None
    order_multiple: Units | None = None
    max_stock: Annotated[int, Field(ge=0, le=QUANTITY_MAX)] | None = None
    unit_cost: Cost | None = None
    break_quantity: Units | None = None
    break_cost: Cost | None = None
    order_cost: Cost | None = None
    holding_rate: Annotated[float, Field(ge=0, le=10)] | None = None
    demand_percent: Annotated[float, Field(ge=-100, le=1000)] | None = None


class Leaf(BaseModel):
    """``sign`` times ``amount`` units."""

    model_config = ConfigDict(from_attributes=True)
    key: str
    sign: Literal[1, -1]
    amount: int
    facts: dict[str, Any]


class BranchInfo(BaseModel):
    """A part of the sum; ``amount`` is signed and the sum of its leaves."""

    key: Literal["reorder_point", "lot", "position", "supplier"]
    amount: int
    leaves: list[Leaf]


class WorkedInfo(BaseModel):
    """``adds_up``: the leaves recompute ``quantity`` exactly."""

    quantity: int
    reorder_point: int
    order_up_to: int
    position: int
    reason: str
    unit_cost: Decimal | None
    cost: Decimal | None
    days_of_cover: float | None
    tree: list[BranchInfo]
    adds_up: bool


class WhatIfInfo(BaseModel):
    suggestion_id: UUID
    currency: str | None
    now: WorkedInfo
    then: WorkedInfo


@router.post("/suggestions/{suggestion_id}/what-if")
async def ask_what_if(suggestion_id: UUID, body: WhatIfBody, tx: ApiTx, _: Reader) -> WhatIfInfo:
    """The suggestion as it would be made now, and as it would be under these assumptions. Nothing is written."""
    found = await decisions.get_suggestion(tx, suggestion_id)
    assumed = Assumptions(**body.model_dump())
    answer = await what_if(tx, sku_id=found.sku_id, warehouse_id=found.warehouse_id, assumed=assumed)
    return WhatIfInfo(
        suggestion_id=found.id, currency=answer.currency, now=_worked(answer.now), then=_worked(answer.then)
    )


def _worked(worked: Worked) -> WorkedInfo:
    return WorkedInfo(
        quantity=worked.quantity,
        reorder_point=worked.figures.reorder_point,
        order_up_to=worked.figures.order_up_to,
        position=worked.figures.position,
        reason=worked.reason,
        unit_cost=worked.unit_cost,
        cost=worked.cost,
        days_of_cover=worked.days_of_cover,
        tree=[
            BranchInfo.model_validate(
                {"key": b.key, "amount": b.amount, "leaves": [Leaf.model_validate(leaf) for leaf in b.leaves]}
            )
            for b in tree_of(worked.lines)
        ],
        adds_up=total_of(worked.lines) == worked.quantity,
    )
