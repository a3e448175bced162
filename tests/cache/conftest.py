from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.cache.shop import Member, opened
from tests.conftest import Shelf
from tests.redis_server import RedisServer, redis_server


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis of the test's own, to be ill-treated."""
    with redis_server() as found:
        yield found


@pytest.fixture
async def members(worker_url: str, redis: RedisServer, shelf: Shelf) -> AsyncIterator[list[Member]]:
    async with opened(worker_url, redis.url, shelf) as found:
        yield found
