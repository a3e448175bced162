"""Approval limits, rules of automatic approval, and what is open for an order, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import Admin, ApiRoute, ApiTx, Reader
from holdfast.purchasing.service import get_order
from holdfast.replenishment import approvals, guard
from holdfast.replenishment.approvals import ApprovalLimit, AutoApproval
from holdfast.replenishment.guard import OpenSupply

router = APIRouter(prefix="/api/v1/replenishment", route_class=ApiRoute, tags=["Replenishment"])

RoleName = Literal["planner", "approver", "admin"]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Value = Annotated[Decimal, Field(ge=0, max_digits=16, decimal_places=2)]


class LimitBody(BaseModel):
    """The most an order may be worth that this role approves or sends. A planner without a limit approves nothing."""

    model_config = ConfigDict(extra="forbid")
    role: RoleName
    currency: Currency
    max_value: Value


class LimitList(BaseModel):
    limits: Sequence[ApprovalLimit]


class RuleBody(BaseModel):
    """Suggestions up to ``max_value`` are approved without a person, up to ``daily_max_value`` a day.

    Without supplier and class for all of them; the most specific active rule counts. A suggestion that bridges a late
    order or exceeds the maximum stock always waits for a person.
    """

    model_config = ConfigDict(extra="forbid")
    supplier_id: UUID | None = None
    class_code: Annotated[str, Field(pattern="^[ABC][XYZ]$")] | None = None
    currency: Currency
    max_value: Annotated[Decimal, Field(gt=0, max_digits=16, decimal_places=2)]
    daily_max_value: Annotated[Decimal, Field(gt=0, max_digits=16, decimal_places=2)]
    is_active: bool = False


class RuleList(BaseModel):
    auto_approvals: Sequence[AutoApproval]


class OpenSupplyList(BaseModel):
    lines: Sequence[OpenSupply]


@router.get("/approval-limits")
async def list_limits(tx: ApiTx, _: Reader) -> LimitList:
    return LimitList(limits=await approvals.list_limits(tx))


@router.put("/approval-limits")
async def put_limit(body: LimitBody, tx: ApiTx, caller: Admin) -> ApprovalLimit:
    return await approvals.put_limit(tx, actor=caller.actor, **body.model_dump())


@router.delete("/approval-limits/{role}/{currency}", status_code=204)
async def delete_limit(role: RoleName, currency: str, tx: ApiTx, caller: Admin) -> Response:
    await approvals.delete_limit(tx, role=role, currency=currency, actor=caller.actor)
    return Response(status_code=204)


@router.get("/auto-approvals")
async def list_rules(tx: ApiTx, _: Reader) -> RuleList:
    return RuleList(auto_approvals=await approvals.list_rules(tx))


@router.put("/auto-approvals")
async def put_rule(body: RuleBody, tx: ApiTx, caller: Admin) -> AutoApproval:
    """One rule per supplier, class and currency; off until ``is_active``."""
    return await approvals.put_rule(tx, actor=caller.actor, **body.model_dump())


@router.delete("/auto-approvals/{rule_id}", status_code=204)
async def delete_rule(rule_id: UUID, tx: ApiTx, caller: Admin) -> Response:
    await approvals.delete_rule(tx, rule_id, actor=caller.actor)
    return Response(status_code=204)


@router.get("/open-supply/{order_id}")
async def open_supply(order_id: UUID, tx: ApiTx, _: Reader) -> OpenSupplyList:
    """For every SKU of an order what else is open, against the demand of its protection time; duplicates are marked."""
    await get_order(tx, order_id)
    return OpenSupplyList(lines=await guard.open_supply(tx, order_id))
