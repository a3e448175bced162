"""Deciding what to order."""

from __future__ import annotations

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed
from holdfast.replenishment.worklist import worklist_view

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/replenishment")
async def worklist(visit: Signed) -> Response:
    view = await worklist_view(visit)
    return visit.page("replenishment/worklist.html", view, active="replenish", block="results")
