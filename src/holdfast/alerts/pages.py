"""The alerts inbox."""

from __future__ import annotations

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed
from holdfast.alerts.inbox import inbox_view

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/alerts")
async def inbox(visit: Signed) -> Response:
    return visit.page("alerts/inbox.html", await inbox_view(visit), active="alerts", block="results")
