"""Purchase orders: what waits, what comes, what is late; sending, receiving, cancelling."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed
from holdfast.purchasing.order_views import order_view, orders_view

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/purchase-orders")
async def orders(visit: Signed) -> Response:
    return visit.page("purchasing/orders.html", await orders_view(visit), active="orders", block="results")


@router.get("/purchase-orders/{order_id}")
async def order(order_id: UUID, visit: Signed) -> Response:
    return visit.page("purchasing/order.html", await order_view(visit, order_id), active="orders")
