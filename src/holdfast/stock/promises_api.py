"""Rules for backorders and the waiting list over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Operator, Reader
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_number_cursor, encode_cursor, page_of
from holdfast.settings import Settings
from holdfast.stock import promises
from holdfast.web.fields import Quantity

policy_router = APIRouter(prefix="/api/v1/inventory", route_class=ApiRoute, tags=["Inventory"])
router = APIRouter(prefix="/api/v1/waiting-list", route_class=ApiRoute, tags=["Waiting list"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Minutes = Annotated[int, Field(ge=1, le=525_600)]
Reference = Annotated[str, Field(min_length=1, max_length=200)]
Status = Literal["waiting", "offered", "accepted", "lapsed", "declined", "cancelled"]


class BackorderPolicyBody(BaseModel):
    """``dated``: only against inbound with a date; ``always``: also without, as for a pre-order; null takes the rule
    back. ``warehouse_id`` null: wherever nothing else is said."""

    model_config = ConfigDict(extra="forbid")
    warehouse_id: UUID | None = None
    mode: promises.Mode | None
    quantity_max: Annotated[Quantity | None, Field(description="open backorders per warehouse at most")] = None


class BackorderPolicyInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    warehouse_id: UUID | None
    mode: promises.Mode
    quantity_max: int | None
    updated_by: str
    updated_at: datetime


class BackorderPoliciesInfo(BaseModel):
    sku_id: UUID
    policies: list[BackorderPolicyInfo]


@policy_router.get("/{sku_id}/backorder-policy")
async def get_backorder_policy(sku_id: UUID, tx: ApiTx, _: Reader) -> BackorderPoliciesInfo:
    """Whether more than what is there may be promised; without a rule it may not."""
    return _policies(sku_id, await promises.list_policies(tx, sku_id))


@policy_router.put("/{sku_id}/backorder-policy")
async def set_backorder_policy(
    sku_id: UUID, body: BackorderPolicyBody, tx: ApiTx, caller: Operator
) -> BackorderPoliciesInfo:
    """Set or take back one rule; the other rules of the SKU and what is promised already stay."""
    return _policies(sku_id, await promises.set_policy(tx, sku_id, actor=caller.actor, **body.model_dump()))


def _policies(sku_id: UUID, found: list[promises.BackorderPolicy]) -> BackorderPoliciesInfo:
    return BackorderPoliciesInfo(sku_id=sku_id, policies=[BackorderPolicyInfo.model_validate(p) for p in found])


class NewEntry(BaseModel):
    """Who waits (``reference_id``: a cart, a customer) for how many of a SKU."""

    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    quantity: Quantity
    reference_id: Reference
    warehouse_id: Annotated[UUID | None, Field(description="null: any active warehouse")] = None
    offer_minutes: Annotated[Minutes | None, Field(description="how long an offer is held; null: as a cart")] = None


class EntryInfo(BaseModel):
    """``offered``: units are held in ``reservation_id`` until ``offer_expires_at``. ``accepted``, ``lapsed`` and
    ``declined`` say what became of the offer."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    sku_id: UUID
    warehouse_id: UUID | None
    quantity: int
    reference_id: str
    status: Status
    ahead: Annotated[int | None, Field(description="how many wait before it; null when it waits no more")]
    reservation_id: UUID | None
    offered_at: datetime | None
    offer_expires_at: datetime | None
    created_at: datetime


class EntryPage(BaseModel):
    entries: list[EntryInfo]
    next_cursor: str | None


class AcceptBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reference_type: Literal["order", "manual"]
    reference_id: Reference
    expires_in_minutes: Minutes | None = None


@router.post("", status_code=201)
async def join(body: NewEntry, tx: ApiTx, caller: Operator, request: Request) -> EntryInfo:
    """Wait for units. What is free now and nobody waits for before is offered at once."""
    settings: Settings = request.app.state.settings
    entry = await promises.join_waiting_list(
        tx,
        sku_id=body.sku_id,
        warehouse_id=body.warehouse_id,
        quantity=body.quantity,
        reference_id=body.reference_id,
        offer_minutes=body.offer_minutes or settings.hold_minutes,
        actor=caller.actor,
    )
    return EntryInfo.model_validate(entry)


@router.get("")
async def list_entries(
    tx: ApiTx,
    _: Reader,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    reference_id: str | None = None,
    status: Status | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> EntryPage:
    """In the order in which units are offered."""
    found = await promises.list_entries(
        tx,
        after=decode_number_cursor(cursor),
        limit=limit,
        sku_id=sku_id,
        warehouse_id=warehouse_id,
        reference_id=reference_id,
        status=status,
    )
    page = page_of(found, limit, lambda entry: encode_cursor(entry.place))
    return EntryPage(entries=[EntryInfo.model_validate(e) for e in page.items], next_cursor=page.next_cursor)


@router.get("/{entry_id}")
async def get_entry(entry_id: UUID, tx: ApiTx, _: Reader) -> EntryInfo:
    return EntryInfo.model_validate(await promises.get_entry(tx, entry_id))


@router.delete("/{entry_id}", status_code=204)
async def leave(entry_id: UUID, tx: ApiTx, caller: Operator) -> None:
    """Wait no more; what was offered is given back and goes to the next."""
    await promises.leave_waiting_list(tx, entry_id, actor=caller.actor)


@router.post("/{entry_id}/accept")
async def accept(entry_id: UUID, body: AcceptBody, tx: ApiTx, caller: Operator) -> dict[str, Any]:
    """Take what was offered: its hold becomes the reservation of the order."""
    return await promises.accept_offer(
        tx,
        entry_id,
        reference_type=body.reference_type,
        reference_id=body.reference_id,
        minutes=body.expires_in_minutes,
        actor=caller.actor,
    )
