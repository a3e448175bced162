"""An installation that may call us back, and somebody who is called."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.house import House, open_house
from tests.webhooks.conftest import receiver

__all__ = ["house", "receiver"]


@pytest.fixture
async def house(fresh_url: str) -> AsyncIterator[House]:
    """An installation that may call loopback addresses."""
    async with open_house(fresh_url, allow_private_webhooks=True) as found:
        yield found
