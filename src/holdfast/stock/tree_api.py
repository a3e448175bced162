"""Stock per warehouse and summed up the tree, over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Reader
from holdfast.stock import tree

router = APIRouter(prefix="/api/v1/inventory", route_class=ApiRoute, tags=["Inventory"])


class SumsInfo(BaseModel):
    """Units over all SKUs, or of the one asked for."""

    model_config = ConfigDict(from_attributes=True)
    on_hand: int
    available: int
    reserved: int
    unavailable: int
    in_transit: int


class PlaceInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    code: str
    name: str
    type: Literal["main", "regional", "local"]
    parent_id: UUID | None
    depth: Annotated[int, Field(description="0: lies below no other")]
    capacity: Annotated[int | None, Field(description="units it has room for; more is told and never refused")]
    is_active: bool
    own: SumsInfo
    total: Annotated[SumsInfo, Field(description="with everything below it")]


class PlaceList(BaseModel):
    """Each warehouse is followed by those below it."""

    warehouses: list[PlaceInfo]


@router.get("/by-warehouse")
async def list_by_warehouse(tx: ApiTx, _: Reader, sku_id: UUID | None = None) -> PlaceList:
    """What each warehouse holds, alone and with everything below it in the tree."""
    places = await tree.list_places(tx, sku_id=sku_id)
    return PlaceList(warehouses=[PlaceInfo.model_validate(place) for place in places])
