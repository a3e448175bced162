"""Somebody who is called, and the time between attempts passed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.house import House
from tests.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


async def make_due(house: House) -> None:
    """Whatever waits for its next attempt has waited long enough."""
    async with house.database.connection() as connection:
        await connection.execute("update webhook_deliveries set next_attempt_at = now() where status = 'pending'")
