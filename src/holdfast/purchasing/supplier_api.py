"""Suppliers and their terms over HTTP."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Planner, Reader
from holdfast.kernel.errors import Invalid
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, encode_cursor, page_of
from holdfast.purchasing import suppliers

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["Suppliers"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Quantity = Annotated[int, Field(ge=1, le=1_000_000_000)]
Cost = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6)]
Days = Annotated[Decimal, Field(ge=0, le=3650, decimal_places=2)]
Share = Annotated[Decimal, Field(ge=0, le=1, decimal_places=4)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$")]


class NewSupplier(BaseModel):
    model_config = ConfigDict(extra="forbid")
    code: Annotated[str, Field(min_length=1, max_length=100)]
    name: Text
    email: Email | None = None
    language: Literal["en", "zh"] = "en"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    lead_time_days: Days = Decimal(7)
    lead_time_sd_days: Days = Decimal(0)
    minimum_order_value: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2)] | None = None
    over_receipt_share: Annotated[Share, Field(description="0.05: accept up to 5 % more than ordered")] = Decimal(0)


class SupplierChange(BaseModel):
    """Only the fields that are sent are changed."""

    model_config = ConfigDict(extra="forbid")
    name: Text | None = None
    email: Email | None = None
    language: Literal["en", "zh"] | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    lead_time_days: Days | None = None
    lead_time_sd_days: Days | None = None
    minimum_order_value: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2)] | None = None
    over_receipt_share: Share | None = None
    is_active: bool | None = None


class SupplierInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    code: str
    name: str
    email: str | None
    language: str
    currency: str
    lead_time_days: Decimal
    lead_time_sd_days: Decimal
    minimum_order_value: Decimal | None
    over_receipt_share: Decimal
    is_active: bool
    created_at: datetime
    updated_at: datetime


class SupplierPage(BaseModel):
    suppliers: list[SupplierInfo]
    next_cursor: str | None


class Terms(BaseModel):
    """What the supplier asks for one SKU. Cost per base unit in the supplier's currency."""

    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    unit_cost: Cost
    supplier_code: Text | None = None
    moq: Quantity = 1
    order_multiple: Quantity = 1
    lead_time_days: Days | None = None
    lead_time_sd_days: Days | None = None
    is_preferred: bool = False


class TermsInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    supplier_id: UUID
    sku_id: UUID
    sku_code: str
    supplier_code: str | None
    unit_cost: Decimal
    moq: int
    order_multiple: int
    lead_time_days: Decimal | None
    lead_time_sd_days: Decimal | None
    is_preferred: bool
    updated_at: datetime


class TermsPage(BaseModel):
    items: list[TermsInfo]
    next_cursor: str | None


class TermsList(BaseModel):
    model_config = ConfigDict(extra="forbid")
    items: Annotated[list[Terms], Field(min_length=1, max_length=10_000)]


@router.post("/suppliers", status_code=201)
async def create_supplier(body: NewSupplier, tx: ApiTx, caller: Planner) -> SupplierInfo:
    return SupplierInfo.model_validate(await suppliers.create_supplier(tx, actor=caller.actor, **body.model_dump()))


@router.get("/suppliers")
async def list_suppliers(
    tx: ApiTx,
    _: Reader,
    q: Annotated[str | None, Query(max_length=200)] = None,
    is_active: bool | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> SupplierPage:
    after = decode_cursor(cursor, 1)
    found = await suppliers.list_suppliers(tx, after=after[0] if after else None, q=q, is_active=is_active, limit=limit)
    page = page_of(found, limit, lambda s: encode_cursor(s.code))
    return SupplierPage(suppliers=[SupplierInfo.model_validate(s) for s in page.items], next_cursor=page.next_cursor)


@router.get("/suppliers/{supplier_id}")
async def get_supplier(supplier_id: UUID, tx: ApiTx, _: Reader) -> SupplierInfo:
    return SupplierInfo.model_validate(await suppliers.get_supplier(tx, supplier_id))


@router.patch("/suppliers/{supplier_id}")
async def change_supplier(supplier_id: UUID, body: SupplierChange, tx: ApiTx, caller: Planner) -> SupplierInfo:
    changes = body.model_dump(exclude_unset=True)
    for name in changes:
        if changes[name] is None and name not in ("email", "minimum_order_value"):
            raise Invalid.field_error([name], "not_null", "This field cannot be empty.")
    return SupplierInfo.model_validate(await suppliers.change_supplier(tx, supplier_id, changes, actor=caller.actor))


@router.get("/suppliers/{supplier_id}/items")
async def list_supplier_items(
    supplier_id: UUID,
    tx: ApiTx,
    _: Reader,
    sku_id: UUID | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> TermsPage:
    after = decode_cursor(cursor, 1)
    found = await suppliers.list_items(tx, supplier_id, after=after[0] if after else None, sku_id=sku_id, limit=limit)
    page = page_of(found, limit, lambda i: encode_cursor(i.sku_code))
    return TermsPage(items=[TermsInfo.model_validate(i) for i in page.items], next_cursor=page.next_cursor)


@router.post("/suppliers/{supplier_id}/items", status_code=201)
async def add_supplier_item(supplier_id: UUID, body: Terms, tx: ApiTx, caller: Planner) -> TermsInfo:
    """Set the terms of one SKU; terms given again replace the old ones."""
    await suppliers.put_items(tx, supplier_id, [body.model_dump()], actor=caller.actor)
    found = await suppliers.list_items(tx, supplier_id, sku_id=body.sku_id, limit=1)
    return TermsInfo.model_validate(found[0])


@router.put("/suppliers/{supplier_id}/items", status_code=204)
async def set_supplier_items(supplier_id: UUID, body: TermsList, tx: ApiTx, caller: Planner) -> None:
    """Set the terms of many SKUs; those not named stay as they are."""
    await suppliers.put_items(tx, supplier_id, [i.model_dump() for i in body.items], actor=caller.actor)


@router.delete("/suppliers/{supplier_id}/items/{sku_id}", status_code=204)
async def remove_supplier_item(supplier_id: UUID, sku_id: UUID, tx: ApiTx, caller: Planner) -> None:
    await suppliers.remove_item(tx, supplier_id, sku_id, actor=caller.actor)
