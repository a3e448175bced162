"""Warehouses over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import Admin, ApiRoute, ApiTx, Reader
from holdfast.kernel.errors import Invalid
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, encode_cursor, page_of
from holdfast.warehouses import service
from holdfast.warehouses.model import Warehouse
from holdfast.web.fields import Version, filled

router = APIRouter(prefix="/api/v1/warehouses", route_class=ApiRoute, tags=["Warehouses"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Text = Annotated[str, filled(200)]
Type = Literal["main", "regional", "local"]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Capacity = Annotated[int, Field(ge=0, le=2**62)]
Priority = Annotated[int, Field(ge=-1_000_000, le=1_000_000, description="higher wins")]


class NewWarehouse(BaseModel):
    model_config = ConfigDict(extra="forbid")
    code: Annotated[str, filled(50)]
    name: Text
    type: Type
    parent_id: UUID | None = None
    address: dict[str, Any] = {}
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    time_zone: Annotated[str, Field(max_length=100)] = "UTC"
    capacity: Capacity | None = None
    priority: Priority = 100
    is_active: bool = True


class WarehouseChange(BaseModel):
    """Only the fields that are sent are changed."""

    model_config = ConfigDict(extra="forbid")
    name: Text | None = None
    type: Type | None = None
    parent_id: UUID | None = None
    address: dict[str, Any] | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    time_zone: Annotated[str, Field(max_length=100)] | None = None
    capacity: Capacity | None = None
    priority: Priority | None = None
    is_active: bool | None = None
    expected_version: Version | None = None


class WarehousePage(BaseModel):
    warehouses: Sequence[Warehouse]
    next_cursor: str | None


@router.post("", status_code=201)
async def create_warehouse(body: NewWarehouse, tx: ApiTx, caller: Admin, response: Response) -> Warehouse:
    return _shown(await service.create_warehouse(tx, actor=caller.actor, **body.model_dump()), response)


@router.get("")
async def list_warehouses(
    tx: ApiTx,
    _: Reader,
    type: Type | None = None,
    is_active: bool | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> WarehousePage:
    after = decode_cursor(cursor, 1)
    found = await service.list_warehouses(
        tx, after=after[0] if after else None, type=type, is_active=is_active, limit=limit
    )
    page = page_of(found, limit, lambda w: encode_cursor(w.code))
    return WarehousePage(warehouses=page.items, next_cursor=page.next_cursor)


@router.get("/{warehouse_id}")
async def get_warehouse(warehouse_id: UUID, tx: ApiTx, _: Reader, response: Response) -> Warehouse:
    return _shown(await service.get_warehouse(tx, warehouse_id), response)


@router.patch("/{warehouse_id}")
async def change_warehouse(
    warehouse_id: UUID, body: WarehouseChange, tx: ApiTx, caller: Admin, response: Response
) -> Warehouse:
    changes = body.model_dump(exclude_unset=True, exclude={"expected_version"})
    for name in ("name", "type", "address", "time_zone", "priority", "is_active"):
        if name in changes and changes[name] is None:
            raise Invalid.field_error([name], "not_null", "This field cannot be empty.")
    changed = await service.change_warehouse(
        tx, warehouse_id, changes, expected_version=body.expected_version, actor=caller.actor
    )
    return _shown(changed, response)


def _shown(warehouse: Warehouse, response: Response) -> Warehouse:
    response.headers["etag"] = f'"{warehouse.version}"'
    return warehouse
