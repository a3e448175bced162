"""A shelf whose channels have pools, and what they are told in short text."""

from __future__ import annotations

import json
from typing import Any

from tests.conftest import Shelf


class Pooled:
    """Channels by their codes; quantities are of one SKU in one warehouse unless a level is named."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.channels: dict[str, str] = {}

    def channel(self, code: str, **columns: Any) -> str:
        """The code of this test's channel, made on first use."""
        if code not in self.channels:
            names = ", ".join(["code", "name", "created_at", "created_by", *columns])
            marks = ", ".join(["%s", "%s", "business_now()", "'test'", *["%s"] * len(columns)])
            row = self.shelf.connection.execute(
                f"insert into sales_channels ({names}) values ({marks}) returning id",  # type: ignore[arg-type]
                [f"{code}-{self.shelf.tag}", code, *columns.values()],
            ).fetchone()
            assert row
            self.channels[code] = str(row[0])
        return f"{code}-{self.shelf.tag}"

    def set(self, channel: str, quantity: int | None, level: str = "TEA@GZ", **more: Any) -> str:
        """Give so many units of a level to a channel in all; answers the outcome."""
        self.channel(channel)
        sku, warehouse = level.split("@")
        ask = {
            "sku_id": self.shelf.sku(sku),
            "warehouse_id": self.shelf.warehouse(warehouse),
            "channel_id": self.channels[channel],
            "quantity": quantity,
            "actor": "test",
            **more,
        }
        row = self.shelf.connection.execute("select outcome from stock_set_pool(%s)", [json.dumps(ask)]).fetchone()
        assert row
        return row[0]

    def pools(self, text: str) -> None:
        """Pools of TEA@GZ as in ``"shop 4, market 2"``."""
        for part in text.split(","):
            channel, quantity = part.split()
            assert self.set(channel, int(quantity)) == "pool_changed"

    def reserve(self, text: str, channel: str | None = None, **more: Any) -> dict[str, Any]:
        named = {} if channel is None else {"channel": self.channel(channel)}
        return self.shelf.reserve(text, **named, **more)

    def may(self, channel: str | None = None, sku: str = "TEA", **more: Any) -> int:
        """How many a channel is told that it could have."""
        named = {} if channel is None else {"channel": self.channel(channel)}
        asked = {"sku_id": self.shelf.sku(sku), "quantity": 1, **named, **more}
        return self.shelf.post("stock_availability", **asked)["quantity_available"]

    def published(self, channel: str, sku: str = "TEA") -> int:
        row = self.shelf.connection.execute(
            "select published from channel_published(array[%s::uuid], array[%s::uuid])",
            [self.channels[channel], self.shelf.sku(sku)],
        ).fetchone()
        assert row
        return row[0]

    def left(self, level: str = "TEA@GZ") -> str:
        """What is left of its pools, oldest first, as in ``"shop 3, market 2"``; '' for none."""
        sku, warehouse = level.split("@")
        ids = [self.shelf.sku(sku), self.shelf.warehouse(warehouse)]
        rows = self.shelf.connection.execute(
            "select c.name, p.remaining_quantity from channel_pools p join sales_channels c on c.id = p.channel_id"
            " where p.sku_id = %s and p.warehouse_id = %s and p.ended_at is null order by p.id",
            ids,
        ).fetchall()
        row = self.shelf.connection.execute(
            "select pooled_quantity from inventory where sku_id = %s and warehouse_id = %s", ids
        ).fetchone()
        assert row
        assert row[0] == sum(quantity for _, quantity in rows), "the level says what its pools have left"
        return ", ".join(f"{name} {quantity}" for name, quantity in rows)
