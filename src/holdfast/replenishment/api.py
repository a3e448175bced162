"""Planning runs and suggestions over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Approver, Planner, Reader
from holdfast.kernel.page import (
    LIMIT_DEFAULT,
    LIMIT_MAX,
    decode_cursor,
    decode_id_cursor,
    encode_cursor,
    foreign_cursor,
    page_of,
)
from holdfast.replenishment import approvals, decisions, jobs, service
from holdfast.replenishment.decisions import Approval, Refused, Suggestion
from holdfast.replenishment.store import Run
from holdfast.web.fields import Quantity, Version

router = APIRouter(prefix="/api/v1/replenishment", route_class=ApiRoute, tags=["Replenishment"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
PriorityName = Literal["low", "medium", "high", "urgent"]
StatusName = Literal["pending", "approved", "ordered", "received", "rejected", "withdrawn"]
_RANKS = ("urgent", "high", "medium", "low")


class SuggestionPage(BaseModel):
    suggestions: Sequence[Suggestion]
    next_cursor: str | None


class ArithmeticInfo(BaseModel):
    """``sign`` times ``amount`` units; ``key`` says why, ``facts`` with which figures."""

    key: str
    sign: Literal[1, -1]
    amount: int
    facts: dict[str, Any]


class Explanation(BaseModel):
    """The lines add up to ``suggested_quantity``."""

    suggestion_id: UUID
    suggested_quantity: int
    reason: str
    lines: list[ArithmeticInfo]
    adds_up: bool


class ApproveBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    quantity: Quantity | None = None
    supplier_id: UUID | None = None
    expected_version: Version | None = None


class ApproveManyBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    ids: Annotated[list[UUID], Field(min_length=1, max_length=500)]


class ApprovedMany(BaseModel):
    approved: list[UUID]
    refused: Sequence[Refused]


class RejectBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: Annotated[str, Field(max_length=500)] | None = None


class RunPage(BaseModel):
    runs: Sequence[Run]
    next_cursor: str | None


@router.get("/suggestions")
async def list_suggestions(
    tx: ApiTx,
    _: Reader,
    status: StatusName | None = None,
    priority: PriorityName | None = None,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    supplier_id: UUID | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> SuggestionPage:
    """Most urgent first."""
    keys = decode_cursor(cursor, 2)
    found = await decisions.list_suggestions(
        tx,
        after=_suggestion_key(keys) if keys else None,
        limit=limit,
        status=status,
        priority=priority,
        sku_id=sku_id,
        warehouse_id=warehouse_id,
        supplier_id=supplier_id,
    )
    page = page_of(found, limit, lambda s: encode_cursor(_RANKS.index(s.priority) + 1, s.id))
    return SuggestionPage(suggestions=page.items, next_cursor=page.next_cursor)


@router.post("/suggestions/run", status_code=202)
async def run(tx: ApiTx, caller: Planner) -> Run:
    """Plan every active SKU in every active warehouse. Answers the run under way when there is one."""
    return await jobs.begin(tx, actor=caller.actor)


@router.post("/suggestions:approve")
async def approve_many(body: ApproveManyBody, tx: ApiTx, caller: Planner) -> ApprovedMany:
    """Approve as suggested, one draft order per supplier and warehouse. Each that cannot be approved says why.

    Needs the scope approve, or a limit given to planners.
    """
    await approvals.require_approver(tx, caller)
    wanted = list(dict.fromkeys(body.ids))
    refused = await decisions.approve_all(tx, [Approval(one) for one in wanted], actor=caller.actor)
    left = {r.suggestion_id for r in refused}
    return ApprovedMany(
        approved=[one for one in wanted if one not in left],
        refused=refused,
    )


@router.get("/suggestions/{suggestion_id}")
async def get_suggestion(suggestion_id: UUID, tx: ApiTx, _: Reader) -> Suggestion:
    return await decisions.get_suggestion(tx, suggestion_id)


@router.get("/suggestions/{suggestion_id}/explain")
async def explain_suggestion(suggestion_id: UUID, tx: ApiTx, _: Reader) -> Explanation:
    found = await decisions.get_suggestion(tx, suggestion_id)
    lines = [ArithmeticInfo.model_validate(line) for line in found.arithmetic]
    return Explanation(
        suggestion_id=found.id,
        suggested_quantity=found.suggested_quantity,
        reason=found.reason,
        lines=lines,
        adds_up=sum(line.sign * line.amount for line in lines) == found.suggested_quantity,
    )


@router.post("/suggestions/{suggestion_id}/approve")
async def approve(suggestion_id: UUID, tx: ApiTx, caller: Planner, body: ApproveBody | None = None) -> Suggestion:
    """Put it on the draft order of its supplier; another quantity or supplier may be given.

    Needs the scope approve, or a limit given to planners.
    """
    await approvals.require_approver(tx, caller)
    approval = Approval(suggestion_id, **(body.model_dump() if body else {}))
    return await decisions.approve(tx, approval, actor=caller.actor)


@router.post("/suggestions/{suggestion_id}/reject")
async def reject(suggestion_id: UUID, tx: ApiTx, caller: Approver, body: RejectBody | None = None) -> Suggestion:
    reason = body.reason if body else None
    return await decisions.reject(tx, suggestion_id, actor=caller.actor, reason=reason)


@router.get("/runs")
async def list_runs(tx: ApiTx, _: Reader, limit: Limit = LIMIT_DEFAULT, cursor: str | None = None) -> RunPage:
    found = await service.list_runs(tx, before=decode_id_cursor(cursor), limit=limit)
    page = page_of(found, limit, lambda r: encode_cursor(r.id))
    return RunPage(runs=page.items, next_cursor=page.next_cursor)


@router.get("/runs/{run_id}")
async def get_run(run_id: UUID, tx: ApiTx, _: Reader) -> Run:
    return await service.get_run(tx, run_id)


@router.post("/runs/{run_id}/stop")
async def stop_run(run_id: UUID, tx: ApiTx, caller: Planner) -> Run:
    """The step under way is finished, no other begins."""
    return await service.stop_run(tx, run_id, actor=caller.actor)


@router.post("/runs/{run_id}/resume")
async def resume_run(run_id: UUID, tx: ApiTx, caller: Planner) -> Run:
    """Go on where it was stopped."""
    return await jobs.resume(tx, run_id, actor=caller.actor)


def _suggestion_key(keys: list[str]) -> tuple[int, str]:
    if not (keys[0].isdigit() and 1 <= int(keys[0]) <= len(_RANKS)):
        raise foreign_cursor()
    return int(keys[0]), str(_uuid(keys[1]))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise foreign_cursor() from None
