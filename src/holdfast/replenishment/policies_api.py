"""Policies and classes of demand over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Planner, Reader
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_id_cursor, encode_cursor, page_of
from holdfast.replenishment import classing, policies
from holdfast.replenishment.classing import ClassCell
from holdfast.replenishment.policies import ManualLevels, Method, Mode, Policy, PolicyTerms
from holdfast.stock.asks import QUANTITY_MAX

router = APIRouter(prefix="/api/v1/replenishment", route_class=ApiRoute, tags=["Replenishment"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Level = Annotated[int, Field(ge=0, le=QUANTITY_MAX)]
ClassCode = Annotated[str, Field(pattern="^[ABC][XYZ]$")]


class LevelsBody(BaseModel):
    """Set by hand for one SKU in one warehouse; null gives the decision back to the plan."""

    model_config = ConfigDict(extra="forbid")
    safety_stock: Level | None = None
    reorder_point: Level | None = None
    max_stock: Level | None = None


class PolicyBody(BaseModel):
    """Without SKU, warehouse, category and class the policy is for everything. The most specific one wins.

    ``auto``: levels follow demand, levels set by hand are floors. ``manual``: levels set by hand win. ``none``: never
    suggest anything. ``s_S``: at or below the reorder point up to the order-up-to level; ``R_S``: at every review up to
    it; ``s_nQ``: at or below the reorder point in whole lots. With ``target_fill_rate`` that share of units is to be
    served from stock; without, ``target_service`` is the probability of no stockout. ``end_of_life`` is the last day of
    sale; ``prebuild_days``: one lot lasts at least so long. What is left out or null is as in the next wider policy;
    where none says it, mode ``auto``, method ``s_S``, 7 days, an order cost of 2, a holding rate of 0.25, and the
    service level that was cheapest on the shop's own past.
    """

    model_config = ConfigDict(extra="forbid")
    sku_id: UUID | None = None
    warehouse_id: UUID | None = None
    category: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    class_code: ClassCode | None = None
    mode: Mode | None = None
    target_service: Annotated[float, Field(ge=0.5, le=0.999)] | None = None
    target_fill_rate: Annotated[float, Field(ge=0.5, le=0.9999)] | None = None
    method: Method | None = None
    review_days: Annotated[int, Field(ge=1, le=365)] | None = None
    shelf_life_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    end_of_life: date | None = None
    prebuild_days: Annotated[int, Field(ge=0, le=365)] | None = None
    order_cost: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)] | None = None
    holding_rate: Annotated[float, Field(ge=0, le=10)] | None = None
    levels: LevelsBody | None = None


class PolicyPage(BaseModel):
    policies: Sequence[Policy]
    next_cursor: str | None


class PolicyInForce(BaseModel):
    class_code: str | None
    policy: Policy | None
    terms: PolicyTerms


class ClassList(BaseModel):
    classes: Sequence[ClassCell]


@router.get("/policies")
async def list_policies(
    tx: ApiTx,
    _: Reader,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    category: str | None = None,
    class_code: ClassCode | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> PolicyPage:
    scope = {"sku_id": sku_id, "warehouse_id": warehouse_id, "category": category, "class_code": class_code}
    found = await policies.list_policies(tx, after=decode_id_cursor(cursor), limit=limit, **scope)
    page = page_of(found, limit, lambda p: encode_cursor(p.id))
    return PolicyPage(policies=page.items, next_cursor=page.next_cursor)


@router.put("/policies")
async def put_policy(body: PolicyBody, tx: ApiTx, caller: Planner) -> Policy:
    """Set the policy of a scope; one that was there for the same scope is replaced."""
    levels = ManualLevels(**body.levels.model_dump()) if body.levels else None
    columns = body.model_dump(exclude={"levels"})
    return await policies.put_policy(tx, actor=caller.actor, levels=levels, **columns)


@router.get("/policies/{policy_id}")
async def get_policy(policy_id: UUID, tx: ApiTx, _: Reader) -> Policy:
    return await policies.get_policy(tx, policy_id)


@router.delete("/policies/{policy_id}", status_code=204)
async def delete_policy(policy_id: UUID, tx: ApiTx, caller: Planner) -> Response:
    await policies.delete_policy(tx, policy_id, actor=caller.actor)
    return Response(status_code=204)


@router.get("/policies:effective")
async def policy_in_force(tx: ApiTx, _: Reader, sku_id: UUID, warehouse_id: UUID) -> PolicyInForce:
    """The most specific policy for one level (null: there is none), its class, and what the plan uses in the end."""
    found = await policies.policy_in_force(tx, sku_id=sku_id, warehouse_id=warehouse_id)
    code = await tx.value(classing.sql.class_of, sku_id=sku_id, warehouse_id=warehouse_id)
    terms = await policies.terms_in_force(tx, sku_id=sku_id, warehouse_id=warehouse_id)
    return PolicyInForce(class_code=code, policy=found, terms=terms)


@router.get("/classes")
async def list_classes(tx: ApiTx, _: Reader) -> ClassList:
    """How many levels are in each class, and what they sell in a year at their price, by currency."""
    return ClassList(classes=await classing.list_cells(tx))
