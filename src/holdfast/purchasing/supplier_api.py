"""Suppliers and their terms over HTTP."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from holdfast.access.edge import ApiRoute, ApiTx, Approver, Planner, Reader
from holdfast.kernel.errors import Invalid, NotFound
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, encode_cursor, page_of
from holdfast.purchasing import suppliers, trials

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["Suppliers"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Quantity = Annotated[int, Field(ge=1, le=1_000_000_000)]
Cost = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6)]
Days = Annotated[Decimal, Field(ge=0, le=3650, decimal_places=2)]
Share = Annotated[Decimal, Field(ge=0, le=1, decimal_places=4)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Phone = Annotated[str, Field(min_length=1, max_length=50)]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$")]


Room = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=4)]
Weekdays = Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1, max_length=7)]


class ClosedDays(BaseModel):
    """No order is taken from the first to the last day, both included."""

    model_config = ConfigDict(extra="forbid")
    first_day: date
    last_day: date

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError("last_day is before first_day")
        return self


Closed = Annotated[list[ClosedDays], Field(max_length=1000)]
TruckRoom = Annotated[Decimal, Field(gt=0, max_digits=14, decimal_places=3)]


class NewSupplier(BaseModel):
    model_config = ConfigDict(extra="forbid")
    code: Annotated[str, Field(min_length=1, max_length=100)]
    name: Text
    email: Email | None = None
    contact_name: Text | None = None
    phone: Phone | None = None
    language: Literal["en", "zh"] = "en"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    lead_time_days: Days = Decimal(7)
    lead_time_sd_days: Days = Decimal(0)
    minimum_order_value: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2)] | None = None
    over_receipt_share: Annotated[Share, Field(description="0.05: accept up to 5 % more than ordered")] = Decimal(0)
    order_weekdays: Annotated[Weekdays | None, Field(description="ISO weekdays on which orders are taken")] = None
    closed_days: Closed = []
    truck_volume_l: TruckRoom | None = None
    truck_weight_kg: TruckRoom | None = None


class SupplierChange(BaseModel):
    """Only the fields that are sent are changed."""

    model_config = ConfigDict(extra="forbid")
    name: Text | None = None
    email: Email | None = None
    contact_name: Text | None = None
    phone: Phone | None = None
    language: Literal["en", "zh"] | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    lead_time_days: Days | None = None
    lead_time_sd_days: Days | None = None
    minimum_order_value: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2)] | None = None
    over_receipt_share: Share | None = None
    order_weekdays: Weekdays | None = None
    closed_days: Closed | None = None
    truck_volume_l: TruckRoom | None = None
    truck_weight_kg: TruckRoom | None = None
    is_active: bool | None = None


_MAY_BE_EMPTY = (
    "email",
    "contact_name",
    "phone",
    "minimum_order_value",
    "order_weekdays",
    "truck_volume_l",
    "truck_weight_kg",
)


class SupplierInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    code: str
    name: str
    email: str | None
    contact_name: str | None
    phone: str | None
    language: str
    currency: str
    lead_time_days: Decimal
    lead_time_sd_days: Decimal
    minimum_order_value: Decimal | None
    over_receipt_share: Decimal
    order_weekdays: list[int] | None
    closed_days: list[ClosedDays]
    truck_volume_l: Decimal | None
    truck_weight_kg: Decimal | None
    order_channel: Literal["email", "api", "page"]
    api_url: str | None
    api_is_idempotent: bool
    is_active: bool
    created_at: datetime
    updated_at: datetime


class SupplierPage(BaseModel):
    suppliers: list[SupplierInfo]
    next_cursor: str | None


class PriceBreak(BaseModel):
    """From ``min_quantity`` units on one line, every unit of it costs ``unit_cost``."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)
    min_quantity: Quantity
    unit_cost: Cost


class Terms(BaseModel):
    """What the supplier asks for one SKU: cost per base unit, room per pack of ``pack_size`` units."""

    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    unit_cost: Cost
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="null: the supplier's")] | None = None
    price_breaks: Annotated[list[PriceBreak], Field(max_length=50)] = []
    supplier_code: Text | None = None
    moq: Quantity = 1
    order_multiple: Quantity = 1
    max_order_quantity: Quantity | None = None
    pack_size: Quantity = 1
    pack_volume_l: Room | None = None
    pack_weight_kg: Room | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    lead_time_days: Days | None = None
    lead_time_sd_days: Days | None = None
    is_preferred: bool = False

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from")
        return self


class TermsInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    supplier_id: UUID
    sku_id: UUID
    sku_code: str
    supplier_code: str | None
    unit_cost: Decimal
    currency: str | None
    price_breaks: list[PriceBreak]
    moq: int
    order_multiple: int
    max_order_quantity: int | None
    pack_size: int
    pack_volume_l: Decimal | None
    pack_weight_kg: Decimal | None
    valid_from: date | None
    valid_to: date | None
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
        if changes[name] is None and name not in _MAY_BE_EMPTY:
            raise Invalid.field_error([name], "not_null", "This field cannot be empty.")
    return SupplierInfo.model_validate(await suppliers.change_supplier(tx, supplier_id, changes, actor=caller.actor))


class OrderChannel(BaseModel):
    """How orders reach the supplier: by e-mail, over its own API, or (``page``) at a signed address that a person
    passes on. ``secret`` signs by the Standard Webhooks scheme; without one, we make it.
    """

    model_config = ConfigDict(extra="forbid")
    channel: Literal["email", "api", "page"]
    url: Annotated[str, Field(max_length=2000)] | None = None
    secret: Annotated[str, Field(pattern=r"^whsec_[A-Za-z0-9+/=]{16,200}$")] | None = None
    is_idempotent: Annotated[
        bool, Field(description="the supplier takes one webhook-id once, so an order of unknown fate may be sent again")
    ] = True


class OrderChannelInfo(BaseModel):
    """``secret`` is told once, when we made it."""

    channel: Literal["email", "api", "page"]
    url: str | None
    is_idempotent: bool
    secret: str | None


@router.put("/suppliers/{supplier_id}/order-channel")
async def set_order_channel(
    supplier_id: UUID, body: OrderChannel, tx: ApiTx, caller: Approver, request: Request
) -> OrderChannelInfo:
    made = await suppliers.set_channel(
        tx,
        supplier_id,
        request.app.state.settings,
        channel=body.channel,
        url=body.url,
        secret=body.secret,
        is_idempotent=body.is_idempotent,
        actor=caller.actor,
    )
    return OrderChannelInfo(channel=body.channel, url=body.url, is_idempotent=body.is_idempotent, secret=made)


class ChannelTest(BaseModel):
    """``status`` is ``waiting`` until the other side took or refused it."""

    model_config = ConfigDict(from_attributes=True)
    channel: Literal["email", "api"]
    recipient: str
    status: Literal["waiting", "taken", "refused"]
    last_status: int | None
    last_error: str | None
    asked_by: str
    asked_at: datetime
    answered_at: datetime | None


@router.post("/suppliers/{supplier_id}/order-channel/test", status_code=202)
async def test_order_channel(supplier_id: UUID, tx: ApiTx, caller: Approver) -> ChannelTest:
    """Send a test over the channel that orders take. Nothing is ordered."""
    return ChannelTest.model_validate(await trials.ask(tx, supplier_id, actor=caller.actor))


@router.get("/suppliers/{supplier_id}/order-channel/test")
async def get_order_channel_test(supplier_id: UUID, tx: ApiTx, _: Reader) -> ChannelTest:
    """The last test of the channel, and what became of it."""
    await suppliers.get_supplier(tx, supplier_id)
    found = await trials.last(tx, supplier_id)
    if found is None:
        raise NotFound("test_not_found", "This channel was never tested.")
    return ChannelTest.model_validate(found)


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
