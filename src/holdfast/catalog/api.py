"""SKUs over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Operator, Reader
from holdfast.catalog import packs, service
from holdfast.catalog.model import Component, Sku
from holdfast.kernel.errors import Invalid
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, encode_cursor, page_of
from holdfast.web.fields import Version, filled

router = APIRouter(prefix="/api/v1/skus", route_class=ApiRoute, tags=["SKUs"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Text = Annotated[str, filled(200)]
Money = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Days = Annotated[int, Field(ge=0, le=3650, description="days before its expiry date a unit is last promised or picked")]


class NewSku(BaseModel):
    model_config = ConfigDict(extra="forbid")
    code: Annotated[str, filled(100)]
    name: Text
    barcode: Annotated[str, filled(100)] | None = None
    category: Text | None = None
    unit: Annotated[str, filled(50)] = "piece"
    price: Money | None = None
    currency: Currency | None = None
    tracking: Literal["none", "batch", "serial"] = "none"
    min_remaining_days: Days = 0
    attributes: dict[str, Any] = {}


class SkuChange(BaseModel):
    """Only the fields that are sent are changed."""

    model_config = ConfigDict(extra="forbid")
    name: Text | None = None
    barcode: Annotated[str, filled(100)] | None = None
    category: Text | None = None
    unit: Annotated[str, filled(50)] | None = None
    price: Money | None = None
    currency: Currency | None = None
    min_remaining_days: Days | None = None
    attributes: dict[str, Any] | None = None
    archived: bool | None = None
    expected_version: Version | None = None


class SkuPage(BaseModel):
    skus: Sequence[Sku]
    next_cursor: str | None


@router.post("", status_code=201)
async def create_sku(body: NewSku, tx: ApiTx, caller: Operator, response: Response) -> Sku:
    _price_has_currency(body.price, body.currency)
    sku = await service.create_sku(tx, actor=caller.actor, **body.model_dump())
    return _shown(sku, response)


@router.get("")
async def list_skus(
    tx: ApiTx,
    _: Reader,
    q: Annotated[str | None, Query(max_length=200, description="part of code or name, or a whole barcode")] = None,
    category: str | None = None,
    code: str | None = None,
    archived: bool | None = None,
    attribute: Annotated[list[str], Query(description="name:value, repeatable")] = [],  # noqa: B006 - FastAPI copies it
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> SkuPage:
    after = decode_cursor(cursor, 1)
    found = await service.list_skus(
        tx,
        after=after[0] if after else None,
        q=q,
        category=category,
        code=code,
        archived=archived,
        attributes=dict(pair.split(":", 1) for pair in attribute if ":" in pair),
        limit=limit,
    )
    page = page_of(found, limit, lambda sku: encode_cursor(sku.code))
    return SkuPage(skus=page.items, next_cursor=page.next_cursor)


@router.get("/{sku_id}")
async def get_sku(sku_id: UUID, tx: ApiTx, _: Reader, response: Response) -> Sku:
    return _shown(await service.get_sku(tx, sku_id), response)


@router.patch("/{sku_id}")
async def change_sku(
    sku_id: UUID,
    body: SkuChange,
    tx: ApiTx,
    caller: Operator,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> Sku:
    """Change, archive (``archived: true``) or bring back. ``If-Match`` or ``expected_version`` compares first."""
    changes = body.model_dump(exclude_unset=True, exclude={"expected_version"})
    for name in ("name", "unit", "attributes", "archived", "min_remaining_days"):
        if name in changes and changes[name] is None:
            raise Invalid.field_error([name], "not_null", "This field cannot be empty.")
    expected = body.expected_version if if_match is None else version_of(if_match)
    sku = await service.change_sku(tx, sku_id, changes, expected_version=expected, actor=caller.actor)
    _price_has_currency(sku.price, sku.currency)
    return _shown(sku, response)


class ComponentItem(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    quantity: Annotated[int, Field(strict=True, ge=1, le=1_000_000, description="units in one bundle")]


class Components(BaseModel):
    """Replaces the whole definition; an empty list makes the SKU an ordinary one again."""

    model_config = ConfigDict(extra="forbid")
    components: Annotated[list[ComponentItem], Field(max_length=100)]


class ComponentsInfo(BaseModel):
    sku_id: UUID
    components: list[Component]


@router.get("/{sku_id}/components")
async def get_components(sku_id: UUID, tx: ApiTx, _: Reader) -> ComponentsInfo:
    """What a bundle is made of; no components: it is an ordinary SKU."""
    return _components(sku_id, await service.get_components(tx, sku_id))


@router.put("/{sku_id}/components")
async def set_components(sku_id: UUID, body: Components, tx: ApiTx, caller: Operator) -> ComponentsInfo:
    """Make the SKU a bundle. A component named twice counts together. Open reservations keep what they hold."""
    parts: dict[UUID, int] = {}
    for item in body.components:
        parts[item.sku_id] = parts.get(item.sku_id, 0) + item.quantity
    return _components(sku_id, await service.set_components(tx, sku_id, parts, actor=caller.actor))


class PackItem(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)
    name: Annotated[str, filled(50)]
    units: Annotated[int, Field(strict=True, ge=2, le=1_000_000, description="base units in one pack")]
    barcode: Annotated[str, filled(100)] | None = None


class Packs(BaseModel):
    """Replaces all packs of the SKU. What was booked in packs before stays as it is: stock is kept in base units."""

    model_config = ConfigDict(extra="forbid")
    packs: Annotated[list[PackItem], Field(max_length=50)]


@router.get("/{sku_id}/packs")
async def get_packs(sku_id: UUID, tx: ApiTx, _: Reader) -> Packs:
    """Packs the SKU is received, sold and imported in, smallest first."""
    return Packs(packs=[PackItem.model_validate(pack) for pack in await packs.get_packs(tx, sku_id)])


@router.put("/{sku_id}/packs")
async def set_packs(sku_id: UUID, body: Packs, tx: ApiTx, caller: Operator) -> Packs:
    said = [packs.Pack(pack.name, pack.units, pack.barcode) for pack in body.packs]
    found = await packs.set_packs(tx, sku_id, said, actor=caller.actor)
    return Packs(packs=[PackItem.model_validate(pack) for pack in found])


def _components(sku_id: UUID, found: list[Component]) -> ComponentsInfo:
    return ComponentsInfo(sku_id=sku_id, components=found)


def version_of(if_match: str) -> int:
    """The row version inside an ETag of ours."""
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Invalid.field_error(["header", "If-Match"], "invalid_etag", "This is not an ETag of ours.")
    return int(text)


def _price_has_currency(price: Decimal | None, currency: str | None) -> None:
    if price is not None and currency is None:
        raise Invalid.field_error(["currency"], "required", "A price needs its currency.")


def _shown(sku: Sku, response: Response) -> Sku:
    response.headers["etag"] = f'"{sku.version}"'
    return sku
