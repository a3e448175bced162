"""The usual design asked for availability: one ORM query per request, on the tables of schema.sql."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import Depends, Query
from pydantic import BaseModel
from sqlalchemy import select

from bench.designs.usual import DbSession, Level, app, caller_name

__all__ = ["app"]


class Place(BaseModel):
    warehouse_id: uuid.UUID
    quantity_available: int


class Availability(BaseModel):
    available: bool
    quantity_available: int
    warehouses: list[Place]
    fulfillable_from_one: bool


@app.get("/api/v1/inventory/{sku_id}/availability")
async def availability(
    sku_id: uuid.UUID,
    quantity: Annotated[int, Query(ge=1)],
    session: DbSession,
    _: Annotated[str, Depends(caller_name)],
) -> Availability:
    levels = list(await session.scalars(select(Level).where(Level.sku_id == sku_id)))
    total = sum(level.available_quantity for level in levels)
    return Availability(
        available=total >= quantity,
        quantity_available=total,
        warehouses=[Place(warehouse_id=x.warehouse_id, quantity_available=x.available_quantity) for x in levels],
        fulfillable_from_one=any(x.available_quantity >= quantity for x in levels),
    )
