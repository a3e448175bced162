"""The customer is paying: the hold does not end in their hands."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request

from holdfast.access.edge import ApiRoute, ApiTx, Operator
from holdfast.settings import Settings
from holdfast.stock import service, valuation
from holdfast.stock.asks import ProlongAsk

router = APIRouter(prefix="/api/v1/inventory", route_class=ApiRoute, tags=["Inventory"])


@router.post("/reservations/{reservation_id}/paying")
async def start_payment(reservation_id: UUID, tx: ApiTx, caller: Operator, request: Request) -> dict[str, Any]:
    """At least ``HOLDFAST_PAYMENT_GRACE_MINUTES`` are left from now; a hold that lasts longer, or for ever, stays as it
    is. The grace comes on top of ``MAX_RESERVATION_EXTENSION``, once: 409 ``extension_limit_reached`` after it.
    """
    settings: Settings = request.app.state.settings
    hold = await service.get_reservation(tx, reservation_id)
    minutes = _missing(hold, await valuation.now(tx), settings.payment_grace_minutes)
    if minutes == 0:
        return hold
    ask = ProlongAsk(
        actor=caller.actor,
        reservation_id=str(reservation_id),
        action="extend",
        minutes=minutes,
        extension_max=settings.extension_minutes_max + settings.payment_grace_minutes,
    )
    return await service.prolong(tx, ask)


def _missing(hold: dict[str, Any], now: datetime, grace: int) -> int:
    """Whole minutes that an active hold falls short of the grace; 1 for any other, so that the posting refuses it."""
    if hold["status"] != "active":
        return 1
    if hold["expires_at"] is None:
        return 0
    left = (datetime.fromisoformat(hold["expires_at"]) - now).total_seconds() / 60
    return max(0, math.ceil(grace - left))
