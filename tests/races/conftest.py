"""Three API processes on one database, started once for all races."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from tests.conftest import Shelf
from tests.running import Running, serving

from holdfast.db.embedded import EmbeddedServer
from holdfast.db.migrate import migrate

Reply = httpx2.Response


@dataclass
class Crowd:
    """Clients of every process; a request goes to the process of its number."""

    running: Running
    clients: list[httpx2.AsyncClient]

    async def together(
        self, ask: Callable[[httpx2.AsyncClient, int], Coroutine[Any, Any, Reply]], times: int
    ) -> list[Reply]:
        """``times`` requests at once, spread over the processes."""
        asks = [ask(self.clients[n % len(self.clients)], n) for n in range(times)]
        return list(await asyncio.gather(*asks))


def counted(replies: list[Reply]) -> dict[int, int]:
    """How many answers of each status; a 5xx shows its body."""
    broken = [reply.text for reply in replies if reply.status_code >= 500]
    assert not broken, broken[:3]
    return dict(Counter(reply.status_code for reply in replies))


@pytest.fixture(scope="session")
def racing_url(durable_server: EmbeddedServer) -> str:
    migrate(durable_server.url())
    return durable_server.url()


@pytest.fixture(scope="session")
def running(racing_url: str) -> Iterator[Running]:
    with serving(racing_url, processes=3, HOLDFAST_DB_POOL_SIZE="4") as found:
        yield found


@asynccontextmanager
async def crowd_of(running: Running) -> AsyncIterator[Crowd]:
    limits = httpx2.Limits(max_connections=100)
    clients = [
        httpx2.AsyncClient(
            base_url=f"{address}/api/v1",
            headers={"Authorization": f"Bearer {running.token}"},
            timeout=60,
            limits=limits,
        )
        for address in running.addresses
    ]
    yield Crowd(running, clients)
    for client in clients:
        await client.aclose()


@pytest.fixture
async def crowd(running: Running) -> AsyncIterator[Crowd]:
    async with crowd_of(running) as found:
        yield found


@pytest.fixture
def shop(racing_url: str) -> Iterator[Shelf]:
    found = Shelf(racing_url)
    yield found
    found.close()
