"""Undo over HTTP: a look first, then the deed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Operator, require
from holdfast.access.model import Principal
from holdfast.db import Tx
from holdfast.kernel.errors import Refusal
from holdfast.stock import undo
from holdfast.web.fields import Reason

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["Undo"])


class Undoing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: Reason


class UndoPreview(BaseModel):
    """What undoing would do now; without ``can_undo``, ``code``, ``detail`` and ``errors`` say what is in the way."""

    action: str
    subject: str
    actor: str
    acted_at: datetime
    can_undo: bool
    code: str | None = None
    detail: str | None = None
    facts: dict[str, Any] = Field(default_factory=dict[str, Any])
    errors: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    undone: dict[str, Any] | None = Field(None, description="who took it back, when somebody did")
    items: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    levels: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]], description="as they are afterwards")
    in_transit: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    rows: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]], description="`changes`: [now, afterwards]")
    held_again: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])


class UndoInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    undo_id: UUID
    items: list[dict[str, Any]]
    levels: list[dict[str, Any]]
    in_transit: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    held_again: list[dict[str, Any]]


@router.get("/audit-log/{audit_id}/undo")
async def preview_audited(audit_id: int, tx: ApiTx, caller: Operator) -> UndoPreview:
    """What undoing this action would change, and whether it can be undone. Changes nothing."""
    return await _preview(tx, await undo.action_of_audit(tx, audit_id), caller)


@router.post("/audit-log/{audit_id}/undo", status_code=201)
async def undo_audited(audit_id: int, body: Undoing, tx: ApiTx, caller: Operator) -> UndoInfo:
    """Take the whole action back: compensating ledger entries, documents and settings as they were."""
    return await _undo(tx, await undo.action_of_audit(tx, audit_id), body, caller)


@router.get("/inventory/movements/{movement_id}/undo")
async def preview_movement(movement_id: UUID, tx: ApiTx, caller: Operator) -> UndoPreview:
    """What undoing the action that posted this entry would change. Changes nothing."""
    return await _preview(tx, await undo.action_of_movement(tx, movement_id), caller)


@router.post("/inventory/movements/{movement_id}/undo", status_code=201)
async def undo_movement(movement_id: UUID, body: Undoing, tx: ApiTx, caller: Operator) -> UndoInfo:
    """Take back the action that posted this entry, with all its other entries."""
    return await _undo(tx, await undo.action_of_movement(tx, movement_id), body, caller)


async def _preview(tx: Tx, action: undo.Action, caller: Principal) -> UndoPreview:
    head: dict[str, Any] = {
        "action": action.action,
        "subject": action.subject,
        "actor": action.actor,
        "acted_at": action.acted_at,
        "undone": await undo.find_undo(tx, action),
    }
    found = await undo.preview(tx, action, actor=caller.actor)
    if isinstance(found, Refusal):
        told: dict[str, Any] = {
            "code": found.code,
            "detail": found.detail,
            "facts": found.facts,
            "errors": found.errors,
        }
        return UndoPreview(**head, can_undo=False, **told)
    shown = UndoInfo.model_validate(found).model_dump(exclude={"undo_id"})
    return UndoPreview(**head, can_undo=True, **shown)


async def _undo(tx: Tx, action: undo.Action, body: Undoing, caller: Principal) -> UndoInfo:
    require(caller, action.scope)
    return UndoInfo.model_validate(await undo.undo(tx, action, reason=body.reason, actor=caller.actor))
