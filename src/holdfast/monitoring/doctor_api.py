"""What the doctor found, over HTTP; and the repair, for who may."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from holdfast.access.edge import Admin, ApiRoute, ApiTx, Reader
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_id_cursor, encode_cursor, page_of
from holdfast.monitoring import reconciling
from holdfast.web.fields import Reason

router = APIRouter(prefix="/api/v1/doctor", route_class=ApiRoute, tags=["Doctor"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]


class RunInfo(BaseModel):
    """``findings`` has the checks that found something, each with at most 50 violations and their count."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    started_by: str
    started_at: datetime
    seconds: float
    is_healthy: bool
    findings: list[dict[str, Any]]
    seals: dict[str, Any]


class RunPage(BaseModel):
    runs: list[RunInfo]
    next_cursor: str | None


class Repairing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: Reason


class RepairInfo(BaseModel):
    """`shortage`: more is promised than the ledger says is there; such a level is left alone."""

    model_config = ConfigDict(from_attributes=True)
    outcome: str
    sku_id: UUID
    sku_code: str | None
    warehouse_id: UUID
    warehouse_code: str | None
    before: dict[str, int]
    after: dict[str, int]


class Repaired(BaseModel):
    levels: list[RepairInfo]


class RepairEntryInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    sku_id: UUID
    warehouse_id: UUID
    before: dict[str, int]
    after: dict[str, int]
    reason: str
    actor: str
    repaired_at: datetime


class RepairPage(BaseModel):
    repairs: list[RepairEntryInfo]
    next_cursor: str | None


@router.get("/runs")
async def list_runs(tx: ApiTx, _: Reader, limit: Limit = LIMIT_DEFAULT, cursor: str | None = None) -> RunPage:
    """What each look at the books found, newest first."""
    found = await reconciling.list_runs(tx, before=decode_id_cursor(cursor), limit=limit)
    page = page_of(found, limit, lambda run: encode_cursor(run.id))
    return RunPage(runs=[RunInfo.model_validate(r) for r in page.items], next_cursor=page.next_cursor)


@router.post("/runs", status_code=201)
async def run(tx: ApiTx, caller: Admin) -> RunInfo:
    """Recompute every promise now. Repairs nothing; may take minutes on a large ledger."""
    return RunInfo.model_validate(await reconciling.run(tx, started_by=caller.actor))


@router.post("/repairs", status_code=201)
async def repair(body: Repairing, tx: ApiTx, caller: Admin) -> Repaired:
    """Make every damaged level the sum of ledger, holds and open documents; each repair is journalled and told."""
    found = await reconciling.repair(tx, reason=body.reason, actor=caller.actor)
    return Repaired(levels=[RepairInfo.model_validate(r) for r in found])


@router.get("/repairs")
async def list_repairs(tx: ApiTx, _: Reader, limit: Limit = LIMIT_DEFAULT, cursor: str | None = None) -> RepairPage:
    """Every level that was ever repaired, newest first."""
    found = await reconciling.list_repairs(tx, before=decode_id_cursor(cursor), limit=limit)
    page = page_of(found, limit, lambda entry: encode_cursor(entry.id))
    return RepairPage(repairs=[RepairEntryInfo.model_validate(r) for r in page.items], next_cursor=page.next_cursor)
