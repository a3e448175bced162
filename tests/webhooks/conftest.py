"""An installation that may call us back, and somebody who is called."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.house import House, open_house
from tests.receiver import Receiver, receiving


@pytest.fixture
async def house(fresh_url: str) -> AsyncIterator[House]:
    """An installation that may call loopback addresses."""
    async with open_house(fresh_url, allow_private_webhooks=True) as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


async def make_due(house: House) -> None:
    """Whatever waits for its next attempt has waited long enough."""
    async with house.database.connection() as connection:
        await connection.execute("update webhook_deliveries set next_attempt_at = now() where status = 'pending'")
