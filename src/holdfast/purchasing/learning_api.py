"""What was learned about suppliers over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Planner, Reader
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, encode_cursor, page_of
from holdfast.purchasing import learning
from holdfast.purchasing.learning import CostChange, Factor, SkuLeadTime

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["Suppliers"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]


class LeadTimePage(BaseModel):
    lead_times: Sequence[SkuLeadTime]
    next_cursor: str | None


class Acceptance(BaseModel):
    """Without ``sku_id``: of the supplier, and of every SKU with a promise of its own."""

    model_config = ConfigDict(extra="forbid")
    sku_id: UUID | None = None


class ScorecardInfo(BaseModel):
    """Shares are of lines whose first promised day lies in the window; null when there are none."""

    days: int
    lines_due: int
    on_time_share: Annotated[
        float | None, Field(description="all that was not refused had arrived by the promised day")
    ]
    in_full_share: Annotated[float | None, Field(description="all that was ordered arrived in the end")]
    on_time_in_full_share: float | None
    lines_cut: Annotated[int, Field(description="lines the supplier cut short or refused")]
    lead_time: Factor
    cost_changes: list[CostChange]


@router.get("/suppliers/{supplier_id}/lead-times")
async def list_lead_times(
    supplier_id: UUID, tx: ApiTx, _: Reader, limit: Limit = LIMIT_DEFAULT, cursor: str | None = None
) -> LeadTimePage:
    after = decode_cursor(cursor, 1)
    found = await learning.list_lead_times(tx, supplier_id, after=after[0] if after else None, limit=limit)
    page = page_of(found, limit, lambda row: encode_cursor(row.sku_code))
    return LeadTimePage(lead_times=page.items, next_cursor=page.next_cursor)


@router.post("/suppliers/{supplier_id}/lead-times/accept", status_code=204)
async def accept_lead_times(supplier_id: UUID, body: Acceptance, tx: ApiTx, caller: Planner) -> None:
    """Let what was learned be what is stated from now on."""
    await learning.accept(tx, supplier_id, sku_id=body.sku_id, actor=caller.actor)


@router.get("/suppliers/{supplier_id}/scorecard")
async def read_scorecard(
    supplier_id: UUID, tx: ApiTx, _: Reader, days: Annotated[int, Query(ge=1, le=3650)] = 365
) -> ScorecardInfo:
    """How the supplier kept its word, and how long it takes."""
    card = await learning.scorecard(tx, supplier_id, days=days)
    counts = card.counts
    return ScorecardInfo(
        days=days,
        lines_due=counts.lines_due,
        on_time_share=counts.share(counts.lines_on_time),
        in_full_share=counts.share(counts.lines_in_full),
        on_time_in_full_share=counts.share(counts.lines_on_time_in_full),
        lines_cut=counts.lines_cut,
        lead_time=card.lead_time,
        cost_changes=list(card.cost_changes),
    )
