"""``holdfast demo-live``: customers, buyer and suppliers of the demo shop, as clients of the API."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import httpx2

from holdfast.access import keys
from holdfast.db import Database, Tx, statements
from holdfast.demo.client import PATIENCE_SECONDS, Client
from holdfast.demo.customers import Customers, Popular
from holdfast.demo.trade import Buyer, Suppliers

sql = statements("holdfast.demo")

# Each has a key of its own, so that the ledger and the audit trail say who it was.
KEYS = {
    "demo customers": ["read", "operate"],
    "demo suppliers": ["read", "operate"],
    "demo buyer": ["read", "plan", "approve"],
}


async def live(url: str, address: str, mail: Path | None) -> None:
    """Let the shop live until SIGTERM. ``url`` is the database (for keys and what sells), ``address`` the API."""
    await _wait_for(address)
    database = Database(url, size=1, application="holdfast-demo-live")
    await database.open()
    try:
        async with database.transaction() as tx:
            tokens = await _new_keys(tx)
            popular = await _popular(tx)
    finally:
        await database.close()
    clients = {name: Client(address, token) for name, token in tokens.items()}
    chance = random.Random()  # noqa: S311 - nobody's secret
    everybody = asyncio.create_task(
        _together(
            Customers(clients["demo customers"], popular, chance).buy_on(),
            Suppliers(clients["demo suppliers"], mail, chance).deliver_on(),
            Buyer(clients["demo buyer"]).buy_on(),
        )
    )
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, everybody.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await everybody
    for client in clients.values():
        await client.close()


async def _together(*lives: Coroutine[Any, Any, None]) -> None:
    """All of them until cancelled; one that fails ends all, and the supervisor starts them again."""
    async with asyncio.TaskGroup() as group:
        for one in lives:
            group.create_task(one)


async def _wait_for(address: str) -> None:
    async with httpx2.AsyncClient() as client:
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                if (await client.get(f"{address}/readyz")).status_code == 200:
                    return
            await asyncio.sleep(PATIENCE_SECONDS / 4)


async def _new_keys(tx: Tx) -> dict[str, str]:
    """Fresh keys; those of an earlier start are revoked, because their tokens are gone."""
    for key in await keys.list_keys(tx, after=None, limit=1000):
        if key.name in KEYS and key.revoked_at is None:
            await keys.revoke_key(tx, key.id)
    return {
        name: (await keys.create_key(tx, name=name, scopes=scopes, created_by="demo"))[1]
        for name, scopes in KEYS.items()
    }


async def _popular(tx: Tx) -> list[Popular]:
    kept = await tx.value(sql.read_progress)
    return await tx.all(sql.list_popular, Popular, last_day=kept["last_day"]) if kept else []
