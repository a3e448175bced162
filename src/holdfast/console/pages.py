"""The addresses of the pages that belong to no single feature."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed
from holdfast.console.network import network_view
from holdfast.console.search import search_view
from holdfast.console.sku import sku_view
from holdfast.console.stock_list import csv_text, states_view, stock_view
from holdfast.console.today import mark_notices_read, today_view
from holdfast.kernel.ids import uuid_or_none
from holdfast.web.rendering import wants_fragment

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/")
async def today(visit: Signed) -> Response:
    return visit.page("console/today.html", await today_view(visit), active="today", block="live")


@router.post("/notices/read")
async def read_notices(visit: Signed) -> Response:
    """The inbox is shared: read by one is read for all."""
    await visit.form()
    visit.require("operate")
    await mark_notices_read(visit)
    return visit.redirect("/")


@router.get("/network")
async def network(visit: Signed) -> Response:
    return visit.page("console/network.html", await network_view(visit), active="network", block="live")


@router.get("/stock")
async def stock(visit: Signed) -> Response:
    return visit.page("console/stock.html", await stock_view(visit), active="stock", block="results")


@router.get("/stock/states")
async def stock_states(visit: Signed) -> Response:
    """The tabs with their numbers, which a large shop's list asks for once it is seen."""
    if not wants_fragment(visit.request):
        return visit.redirect("/stock")
    answer = visit.page("console/stock.html", await states_view(visit), block="states")
    del answer.headers["HX-Push-Url"]
    return answer


@router.get("/stock.csv")
async def stock_csv(visit: Signed) -> Response:
    return Response(
        await csv_text(visit),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="stock.csv"', "Cache-Control": "no-store"},
    )


@router.get("/stock/{sku_id}")
async def sku(sku_id: UUID, visit: Signed) -> Response:
    view = await sku_view(visit, sku_id, uuid_or_none(visit.asked("warehouse")))
    return visit.page("console/sku.html", view, active="stock")


@router.get("/search")
async def search(visit: Signed) -> Response:
    view = await search_view(visit)
    if view.only is not None:
        return visit.redirect(view.only)
    return visit.page("console/search.html", view)
