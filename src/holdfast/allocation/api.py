"""Allocation over HTTP: plan an order, hold it, look up why; choose the strategies."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from holdfast.access.edge import Admin, ApiRoute, ApiTx, Operator, Reader
from holdfast.allocation import choices, service
from holdfast.allocation.choices import Choices
from holdfast.allocation.distance import Basis, Place
from holdfast.allocation.model import Strategy
from holdfast.kernel.errors import Invalid
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_id_cursor, encode_cursor, page_of
from holdfast.settings import Settings
from holdfast.web.fields import Quantity

router = APIRouter(prefix="/api/v1/allocations", route_class=ApiRoute, tags=["Allocation"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Reference = Annotated[str, Field(min_length=1, max_length=200)]
ReferenceType = Literal["cart", "order", "manual"]
Minutes = Annotated[int, Field(ge=1, le=525_600)]


class AllocationItem(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    quantity: Quantity


class ShipTo(BaseModel):
    """Coordinates, or an address of which country, region and postcode are used; with both, coordinates measure the
    way. A postcode with its country stands for the coordinates that the shop's table of postcodes has for it, if any.
    """

    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    country: Name | None = None
    region: Name | None = None
    postcode: Name | None = None

    @model_validator(mode="after")
    def _says_where(self) -> ShipTo:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude come together")
        if self.latitude is None and self.country is None:
            raise ValueError("give latitude and longitude, or a country")
        return self


class AllocationRequest(BaseModel):
    """``reserve: true`` holds the plan in the same transaction and needs the reference fields."""

    model_config = ConfigDict(extra="forbid")
    items: Annotated[list[AllocationItem], Field(min_length=1, max_length=500)]
    ship_to: ShipTo
    strategy: Name | None = None
    channel: Annotated[Name | None, Field(description="whose strategy, warehouses, pools and days count")] = None
    allow_partial: Annotated[bool, Field(description="plan what there is instead of refusing")] = False
    compare: Annotated[bool, Field(description="also answer what the other strategies would cost")] = False
    reserve: bool = False
    reference_type: ReferenceType | None = None
    reference_id: Reference | None = None
    expires_in_minutes: Annotated[Minutes | None, Field(description="null: no deadline (order and manual)")] = None


class WarehouseInfo(BaseModel):
    warehouse_id: UUID
    warehouse_code: str
    distance_km: Annotated[float | None, Field(description="null unless measured by coordinates")]
    distance_basis: Basis


class ReasonInfo(BaseModel):
    """``only_here``, ``equal``, or the first criterion by which any other way for this line makes the order worse:
    its figure for the plan, for the best other way, and whom that would use."""

    code: str
    here: int | None
    elsewhere: int | None
    instead: list[str]


class LineAllocationInfo(WarehouseInfo):
    quantity: int
    reason: ReasonInfo


class LineInfo(BaseModel):
    sku_id: UUID
    requested: int
    allocated: int
    allocations: list[LineAllocationInfo]


class ParcelItemInfo(BaseModel):
    sku_id: UUID
    quantity: int


class ParcelInfo(WarehouseInfo):
    items: list[ParcelItemInfo]


class FiguresInfo(BaseModel):
    """What the plan costs by each criterion, those of plug-ins included; less is better."""

    model_config = ConfigDict(extra="allow")
    parcels: int
    distance: Annotated[int, Field(description="bands of band_km, summed over parcels")]
    border: Annotated[int, Field(description="parcels that cross a border")]
    sufficiency: Annotated[int, Field(description="units taken out of safety stock")]
    cover: Annotated[int, Field(description="units by which other regions lose their cover")]
    expiry: Annotated[int, Field(description="units that could have stayed while others are about to expire")] = 0
    priority: Annotated[int, Field(description="what units fall short of the highest priority")]
    distance_km: Annotated[float | None, Field(description="null unless every parcel's way was measured")]


class AlternativeInfo(BaseModel):
    strategy: str
    figures: FiguresInfo


class PlanInfo(BaseModel):
    strategy: str
    criteria: list[str]
    band_km: int
    is_complete: bool
    is_optimal: Annotated[bool, Field(description="proven; always up to 12 warehouses with stock of the order")]
    figures: FiguresInfo
    parcels: list[ParcelInfo]
    items: list[LineInfo]
    alternatives: list[AlternativeInfo] | None = None
    bundles: Annotated[list[dict[str, Any]] | None, Field(description="items has their components")] = None
    allocation_id: UUID | None = None
    reservation: Annotated[dict[str, Any] | None, Field(description="the hold, when reserve was asked for")] = None


@router.post("", response_model=PlanInfo, responses={201: {"model": PlanInfo, "description": "Planned and held"}})
async def allocate(
    body: AllocationRequest, tx: ApiTx, caller: Operator, request: Request, response: Response
) -> dict[str, Any]:
    """Which warehouse serves which line, decided for the whole order. Higher priority wins. 200: a plan; 201: held."""
    items: dict[UUID, int] = {}
    for item in body.items:
        # one SKU named twice counts together
        items[item.sku_id] = items.get(item.sku_id, 0) + item.quantity
    order = service.Order(
        items=items,
        ship_to=Place(**body.ship_to.model_dump()),
        strategy=body.strategy,
        channel=body.channel,
        allow_partial=body.allow_partial,
        compare=body.compare,
    )
    if not body.reserve:
        return await service.plan(tx, order)
    response.status_code = 201
    settings: Settings = request.app.state.settings
    return await service.plan_and_hold(tx, order, _hold(body, settings), actor=caller.actor)


def _hold(body: AllocationRequest, settings: Settings) -> service.Hold:
    for name in ("reference_type", "reference_id"):
        if getattr(body, name) is None:
            raise Invalid.field_error([name], "required", "A reservation says what it is for.")
    assert body.reference_type is not None
    assert body.reference_id is not None
    minutes = settings.hold_minutes if "expires_in_minutes" not in body.model_fields_set else body.expires_in_minutes
    if minutes is None and body.reference_type == "cart":
        raise Invalid.field_error(["expires_in_minutes"], "required", "A cart hold needs a deadline.")
    return service.Hold(body.reference_type, body.reference_id, minutes)


class AllocationInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    reservation_id: UUID
    reference_type: ReferenceType
    reference_id: str
    plan: PlanInfo
    actor: str
    created_at: datetime


class AllocationPage(BaseModel):
    allocations: list[AllocationInfo]
    next_cursor: str | None


@router.get("")
async def list_allocations(
    tx: ApiTx,
    _: Reader,
    reservation_id: UUID | None = None,
    reference_type: ReferenceType | None = None,
    reference_id: str | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> AllocationPage:
    """The plans behind reservations, newest first."""
    found = await service.list_allocations(
        tx,
        before=decode_id_cursor(cursor),
        limit=limit,
        reservation_id=reservation_id,
        reference_type=reference_type,
        reference_id=reference_id,
    )
    page = page_of(found, limit, lambda a: encode_cursor(a.id))
    return AllocationPage(
        allocations=[AllocationInfo.model_validate(a) for a in page.items], next_cursor=page.next_cursor
    )


class StrategyInfo(BaseModel):
    """Criteria in order of importance: parcels, distance, border, sufficiency, cover, expiry, priority, a plug-in's."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)
    name: Name
    criteria: Annotated[list[str], Field(min_length=1, max_length=20)]
    band_km: Annotated[int, Field(ge=1, le=20_000, description="distances in one band count as equal")] = 50
    protects_safety_stock: Annotated[bool, Field(description="safety stock is not for sale at all")] = False


class ChoicesBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    default: Name
    channels: Annotated[dict[Name, Name], Field(max_length=1000, description="strategy by channel")] = {}
    strategies: Annotated[list[StrategyInfo], Field(max_length=100, description="the shop's own")] = []


class ChoicesInfo(BaseModel):
    default: str
    channels: dict[str, str]
    strategies: list[StrategyInfo]


@router.get("/strategies")
async def get_strategies(tx: ApiTx, _: Reader) -> ChoicesInfo:
    """All strategies on offer, built-in ones included, and which of them is used for whom."""
    return _choices_info(await choices.get_choices(tx))


@router.put("/strategies")
async def set_strategies(body: ChoicesBody, tx: ApiTx, caller: Admin) -> ChoicesInfo:
    """Replace default, channels and the shop's own strategies; one of a built-in name takes its place."""
    own = tuple(Strategy(s.name, tuple(s.criteria), s.band_km, s.protects_safety_stock) for s in body.strategies)
    chosen = Choices(body.default, dict(body.channels), own)
    return _choices_info(await choices.set_choices(tx, chosen, actor=caller.actor))


@router.get("/{allocation_id}")
async def get_allocation(allocation_id: UUID, tx: ApiTx, _: Reader) -> AllocationInfo:
    return AllocationInfo.model_validate(await service.get_allocation(tx, allocation_id))


def _choices_info(found: Choices) -> ChoicesInfo:
    return ChoicesInfo(
        default=found.default,
        channels=found.channels,
        strategies=[StrategyInfo.model_validate(choices.facts_of(s)) for s in found.offered().values()],
    )
