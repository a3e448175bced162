"""Lanes between our own warehouses over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Planner, Reader
from holdfast.replenishment import lanes
from holdfast.replenishment.lanes import TransferLane

router = APIRouter(prefix="/api/v1/replenishment", route_class=ApiRoute, tags=["Replenishment"])

Cost = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=4)]


class LaneBody(BaseModel):
    """Without both warehouses the default of all lanes along the tree of warehouses.

    ``lead_days`` on the way, ``line_cost`` per line and ``unit_cost`` per unit in the shop's own currency. A pair opens
    a lane between any two; ``is_open`` false closes it.
    """

    model_config = ConfigDict(extra="forbid")
    from_warehouse_id: UUID | None = None
    to_warehouse_id: UUID | None = None
    is_open: bool = True
    lead_days: Annotated[float, Field(ge=0, le=365)]
    line_cost: Cost = Decimal(0)
    unit_cost: Cost = Decimal(0)


@dataclass(frozen=True, slots=True)
class LaneList:
    transfer_lanes: list[TransferLane]


@router.get("/transfer-lanes")
async def list_lanes(tx: ApiTx, _: Reader) -> LaneList:
    """The default first."""
    return LaneList(await lanes.list_lanes(tx))


@router.put("/transfer-lanes")
async def put_lane(body: LaneBody, tx: ApiTx, caller: Planner) -> TransferLane:
    """In place of the one before; it counts from the next plan on."""
    return await lanes.put_lane(tx, actor=caller.actor, **body.model_dump())


@router.delete("/transfer-lanes/{lane_id}", status_code=204)
async def delete_lane(lane_id: UUID, tx: ApiTx, caller: Planner) -> Response:
    """The default holds for the pair again; the default itself stays."""
    await lanes.delete_lane(tx, lane_id, actor=caller.actor)
    return Response(status_code=204)
