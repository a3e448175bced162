"""The SKUs and warehouses of the self-test: made once, opened for a run, emptied and closed after it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import LiteralString

from psycopg.types.json import Json

from holdfast.access import keys
from holdfast.db import Database, Tx, statements
from holdfast.kernel.errors import CannotStart
from holdfast.stock import service as stock
from holdfast.stock.asks import MoveAsk, MoveItem

sql = statements("holdfast.selftest")

ACTOR = "selftest"
SKUS = 12
# So many of them are always nearly sold out.
HOT = 3
_RELEASE_AT_ONCE = 200
_RUN_LOCK = 4_825_011_909  # the one after the migrations' lock
_ALONE: LiteralString = "select pg_try_advisory_lock(%s)"
_RELEASE: LiteralString = "select outcome from stock_resolve(%s)"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Ids as text; ``hot`` are those with few units. ``token`` is good for this run only."""

    skus: list[str]
    warehouses: list[str]
    token: str

    @property
    def hot(self) -> list[str]:
        return self.skus[:HOT]


@asynccontextmanager
async def opened(database: Database) -> AsyncGenerator[Sandbox]:
    """The sandbox for one run, empty; afterwards emptied, archived and its key revoked, whatever happened.

    Raises CannotStart when another run is under way. What a killed run left behind is cleared first.
    """
    async with database.connection() as alone:
        row = await (await alone.execute(_ALONE, [_RUN_LOCK])).fetchone()
        if row is None or not row[0]:
            raise CannotStart("Another self-test is running on this database. Wait until it ends.")
        async with database.transaction() as tx:
            await tx.run(sql.make_skus, count=SKUS)
            await tx.run(sql.make_warehouses)
        await empty(database)
        async with database.transaction() as tx:
            await tx.run(sql.open_skus)
            await tx.run(sql.open_warehouses)
            key, token = await keys.create_key(tx, name=ACTOR, scopes=["operate"], created_by=ACTOR)
            skus = [row["id"] for row in await tx.dicts(sql.list_skus)]
            warehouses = [row["id"] for row in await tx.dicts(sql.list_warehouses)]
        try:
            yield Sandbox(skus, warehouses, token)
        finally:
            async with database.transaction() as tx:
                await keys.revoke_key(tx, key.id)
            await empty(database)
            async with database.transaction() as tx:
                await tx.run(sql.archive_skus)
                await tx.run(sql.close_warehouses)


async def empty(database: Database) -> None:
    """Release every hold and take every level to zero by entries of the ledger, which is never rewritten."""
    while True:
        async with database.transaction() as tx:
            holds = [row["id"] for row in await tx.dicts(sql.list_active_holds, limit=_RELEASE_AT_ONCE)]
            await _release(tx, holds)
        if not holds:
            break
    async with database.transaction() as tx:
        items = [
            MoveItem(sku_id=row["sku_id"], warehouse_id=row["warehouse_id"], quantity=-row["quantity"])
            for row in await tx.dicts(sql.list_stock)
        ]
        if items:
            ask = MoveAsk(
                actor=ACTOR,
                event_type="inventory.adjusted",
                movement_type="adjustment",
                reference_type="adjustment",
                reason="the self-test is over",
                items=items,
            )
            await stock.move(tx, ask)


async def _release(tx: Tx, holds: list[str]) -> None:
    numbers = itertools.count()
    asks = [
        {"n": next(numbers), "principal_id": None, "actor": ACTOR, "reservation_id": hold, "action": "release"}
        for hold in holds
    ]
    await tx.connection.execute(_RELEASE, [Json(asks)])
