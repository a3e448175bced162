"""What planners say about demand over HTTP: calendar, likeness, overrides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Planner, Reader
from holdfast.demand import overrides, planners
from holdfast.demand.calendar_file import import_calendar
from holdfast.demand.overrides import NewOverride, Override, OverrideGrades
from holdfast.demand.planners import CalendarEntry, Likeness, LikenessKind, NewEntry, Proposal
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_id_cursor, encode_cursor, page_of

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["Demand"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Factor = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


class CalendarPage(BaseModel):
    entries: Sequence[CalendarEntry]
    next_cursor: str | None


class CalendarImported(BaseModel):
    new: int
    unchanged: int


class LikenessBody(BaseModel):
    """``like``: sells like it. ``successor``: takes over from it, perhaps from a day on. ``factor`` units for one."""

    model_config = ConfigDict(extra="forbid")
    like_sku_id: UUID
    kind: LikenessKind = "like"
    factor: Factor = 1.0
    from_day: date | None = None
    reason: Annotated[str, Field(max_length=500)] = ""


class LikenessPage(BaseModel):
    likeness: Sequence[Likeness]
    next_cursor: str | None


class ProposalList(BaseModel):
    proposals: list[Proposal]


class OverridePage(BaseModel):
    overrides: Sequence[Override]
    next_cursor: str | None


class OverrideReport(BaseModel):
    grades: list[OverrideGrades]


@router.get("/demand/calendar")
async def list_calendar(
    tx: ApiTx,
    _: Reader,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    category: str | None = None,
    since: date | None = None,
    until: date | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> CalendarPage:
    """Promotions, holidays and closed days, newest entry first."""
    found = await planners.list_entries(
        tx,
        limit=limit,
        before=decode_id_cursor(cursor),
        sku_id=sku_id,
        warehouse_id=warehouse_id,
        category=category,
        since=since,
        until=until,
    )
    page = page_of(found, limit, lambda e: encode_cursor(e.id))
    return CalendarPage(entries=page.items, next_cursor=page.next_cursor)


@router.post("/demand/calendar", status_code=201)
async def add_calendar(body: NewEntry, tx: ApiTx, caller: Planner) -> CalendarEntry:
    """Say that days are no ordinary demand; the forecast leaves them out. Said twice it is said once."""
    entry = await planners.add_entry(tx, body, actor=caller.actor)
    return entry


@router.delete("/demand/calendar/{entry_id}", status_code=204)
async def remove_calendar(entry_id: UUID, tx: ApiTx, caller: Planner) -> Response:
    """Take an entry back that was wrong."""
    await planners.remove_entry(tx, entry_id, actor=caller.actor)
    return Response(status_code=204)


@router.post(
    "/demand/calendar:import",
    openapi_extra={
        "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def import_calendar_file(request: Request, tx: ApiTx, caller: Planner) -> CalendarImported:
    """A CSV of calendar entries: kind, label, first_day, last_day, sku, category, warehouse. All rows or none."""
    added, known = await import_calendar(tx, await request.body(), actor=caller.actor)
    return CalendarImported(new=added, unchanged=known)


@router.get("/demand/likeness")
async def list_likeness(
    tx: ApiTx, _: Reader, sku_id: UUID | None = None, limit: Limit = LIMIT_DEFAULT, cursor: str | None = None
) -> LikenessPage:
    """Which SKUs borrow the past of others."""
    found = await planners.list_likeness(tx, limit=limit, after=decode_id_cursor(cursor), sku_id=sku_id)
    page = page_of(found, limit, lambda x: encode_cursor(x.sku_id))
    return LikenessPage(likeness=page.items, next_cursor=page.next_cursor)


@router.put("/demand/likeness/{sku_id}")
async def put_likeness(sku_id: UUID, body: LikenessBody, tx: ApiTx, caller: Planner) -> Likeness:
    """Say what a new SKU sells like, or whom it follows; its forecast borrows that past until it has its own."""
    return await planners.put_likeness(tx, sku_id, actor=caller.actor, **body.model_dump())


@router.delete("/demand/likeness/{sku_id}", status_code=204)
async def remove_likeness(sku_id: UUID, tx: ApiTx, caller: Planner) -> Response:
    """It stands on its own feet from now on."""
    await planners.remove_likeness(tx, sku_id, actor=caller.actor)
    return Response(status_code=204)


@router.get("/demand/likeness/{sku_id}/proposals")
async def propose_likeness(sku_id: UUID, tx: ApiTx, _: Reader) -> ProposalList:
    """SKUs of the same category a new one may sell like, the nearest in price first."""
    found = await planners.propose_likeness(tx, sku_id)
    return ProposalList(proposals=found)


@router.get("/forecasts/overrides")
async def list_overrides(
    tx: ApiTx,
    _: Reader,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    said_by: str | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> OverridePage:
    """Planners' own figures with their grades, newest first."""
    found = await overrides.list_overrides(
        tx, limit=limit, before=decode_id_cursor(cursor), sku_id=sku_id, warehouse_id=warehouse_id, said_by=said_by
    )
    page = page_of(found, limit, lambda o: encode_cursor(o.id))
    return OverridePage(overrides=page.items, next_cursor=page.next_cursor)


@router.post("/forecasts/overrides", status_code=201)
async def add_override(body: NewOverride, tx: ApiTx, caller: Planner) -> Override:
    """Override the forecast of a SKU in a warehouse for a time. Orders follow it from the next plan on."""
    made = await overrides.add_override(tx, body, actor=caller.actor)
    return made


@router.get("/forecasts/overrides/grades")
async def grade_overrides(
    tx: ApiTx, _: Reader, by: Literal["planner", "sku"] = "planner", since: date | None = None, limit: Limit = 100
) -> OverrideReport:
    """Did it help? How often, and by how many units, planners were nearer to what came than the model."""
    found = await overrides.grades(tx, by=by, since=since, limit=limit)
    return OverrideReport(grades=found)


@router.delete("/forecasts/overrides/{override_id}")
async def withdraw_override(override_id: UUID, tx: ApiTx, caller: Planner) -> Override:
    """Withdraw an override that has not ended; one that has stays, to be graded."""
    return await overrides.withdraw_override(tx, override_id, actor=caller.actor)
