"""Reservations that say where they go: planned for the whole order and held in one transaction.

The hot lane hands over what names a ``ship_to``; everything else it decides without us.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec import UNSET
from pydantic import ValidationError

from holdfast.allocation import service
from holdfast.allocation.api import ShipTo
from holdfast.allocation.distance import Place
from holdfast.db import Database
from holdfast.db.group import Answer
from holdfast.kernel.errors import Invalid
from holdfast.stock.asks import ReserveAsk, ReserveBody


class Placing:
    """Decides where the lines of a request come from, and posts them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, body: ReserveBody, ask: ReserveAsk) -> Answer:
        """Raises Invalid for a wrong ``ship_to`` or strategy, and what ``hold_planned`` raises."""
        order = order_of(body)
        async with self._database.transaction() as tx:
            answer, _ = await service.hold_planned(tx, order, ask)
            return answer


def order_of(body: ReserveBody) -> service.Order:
    """The order behind a request. Lines that name a warehouse are taken from there, whatever the plan."""
    items: dict[UUID, int] = {}
    pinned: dict[tuple[UUID, UUID], int] = {}
    may_wait: set[UUID] = set()
    for n, item in enumerate(body.items):
        for name in ("serials", "min_remaining_days"):
            if getattr(item, name) is not None:
                raise Invalid.field_error(
                    ["items", n, name], "not_with_ship_to", "Which units is asked of a warehouse that is named."
                )
        if item.warehouse_id is None:
            items[item.sku_id] = items.get(item.sku_id, 0) + item.quantity
        else:
            place = item.sku_id, item.warehouse_id
            pinned[place] = pinned.get(place, 0) + item.quantity
        if (body.allow_backorder if item.allow_backorder is UNSET else item.allow_backorder) is True:
            may_wait.add(item.sku_id)
    return service.Order(
        items=items,
        ship_to=place_of(body.ship_to or {}),
        strategy=body.strategy,
        channel=body.channel,
        pinned=pinned,
        may_wait=frozenset(may_wait),
    )


def place_of(ship_to: dict[str, Any]) -> Place:
    """Raises Invalid naming the field."""
    try:
        return Place(**ShipTo.model_validate(ship_to).model_dump())
    except ValidationError as error:
        errors = [
            {"loc": ["ship_to", *found["loc"]], "code": found["type"], "message": found["msg"]}
            for found in error.errors()
        ]
        raise Invalid("invalid_request", "A field is wrong.", errors=errors) from error
