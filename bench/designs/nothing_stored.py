"""Holdfast's own front end with nothing behind it: authenticated, validated, counted, answered like a hold."""

from __future__ import annotations

import argparse
from typing import Any, cast

from holdfast.app import Application
from holdfast.db.posting import Answer, Ask
from holdfast.monitoring.metrics import Measured
from holdfast.settings import Settings
from holdfast.stock.hot import HotLane
from holdfast.web import server

HELD = Answer(
    "reserved",
    '{"reservation_id" : "01a20147-40a0-7073-a755-d01d3a8b0000", "status" : "active", "reference_type" : "cart", '
    '"reference_id" : "b-100-0", "created_at" : "2026-11-22T03:22:56.54382+00:00", '
    '"expires_at" : "2026-11-22T03:52:56.54382+00:00", "items" : [{"sku_id" : "01a20147-2e6e-7e9b-95ae-ba598ea670aa", '
    '"reserved_quantity" : 1, "warehouse_id" : "01a20147-2e81-7a31-bb3d-d4542d4f2d77"}]}',
)


class Nobody:
    """Stands where the lanes to PostgreSQL stand."""

    async def reserve(self, ask: Ask) -> Answer:
        return HELD


def create() -> Application:
    application = Application(Settings.from_env())
    hot = HotLane(
        application.pages,
        settings=application.settings,
        lanes=cast(Any, Nobody()),
        authenticator=application.authenticator,
        place=cast(Any, None),
    )
    application.asgi = Measured(hot)
    return application


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int)
    options.add_argument("--workers", type=int)
    chosen = options.parse_args()
    server.serve("bench.designs.nothing_stored:create", host="127.0.0.1", port=chosen.port, workers=chosen.workers)
