"""Reservations that say where they go: planned for the whole order and held in one transaction.

The hot lane hands over what names a ``ship_to``; everything else it decides without us.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
from msgspec import UNSET
from pydantic import ValidationError

from holdfast.allocation import service
from holdfast.allocation.api import ShipTo
from holdfast.allocation.distance import Place
from holdfast.db import Database, Tx
from holdfast.db.posting import Answer
from holdfast.kernel.errors import Conflict, Invalid
from holdfast.stock import service as stock
from holdfast.stock.asks import ReserveAsk, ReserveBody


class Placing:
    """Decides where the lines of a request come from, and posts them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, body: ReserveBody, ask: ReserveAsk) -> Answer:
        """Raises Invalid for a wrong ``ship_to`` or strategy, and what ``hold_planned`` raises of what passes.

        What the state of stock forbids is answered, and kept under the key like an answer of the hot lane.
        """
        order = order_of(body)
        try:
            async with self._database.transaction() as tx:
                return await _placed(tx, order, ask)
        except psycopg.errors.UniqueViolation:
            # The same request, sent twice at once, was refused meanwhile: the next look finds that.
            async with self._database.transaction() as tx:
                return await _placed(tx, order, ask)


async def _placed(tx: Tx, order: service.Order, ask: ReserveAsk) -> Answer:
    try:
        # A savepoint: what was tried before the refusal is undone, and the refusal can be written down.
        async with tx.connection.transaction():
            answer, _ = await service.hold_planned(tx, order, ask)
            return answer
    except Conflict as refusal:
        first = await stock.kept_answer(tx, ask)
        return first or await stock.remember_refusal(tx, ask, refusal)


def order_of(body: ReserveBody) -> service.Order:
    """The order behind a request. Lines that name a warehouse are taken from there, whatever the plan."""
    items: dict[UUID, int] = {}
    pinned: dict[tuple[UUID, UUID], int] = {}
    may_wait: set[UUID] = set()
    days: dict[UUID, int] = {}
    named: dict[UUID, list[str]] = {}
    for n, item in enumerate(body.items):
        if item.min_remaining_days is not None:
            days[item.sku_id] = max(item.min_remaining_days, days.get(item.sku_id, 0))
        if item.serials is not None:
            if len(item.serials) != item.quantity:
                message = "There must be one serial number per unit."
                raise Invalid.field_error(["items", n, "serials"], "serials_mismatch", message)
            named.setdefault(item.sku_id, []).extend(item.serials)
        elif item.warehouse_id is None:
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
        days=days,
        named=named,
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
