"""A process that does nothing but expire holds, as the installation's worker does among other things.

Not a worker of its own: that would take the installation's letters and webhooks with settings that are not theirs.
"""

from __future__ import annotations

import asyncio
import os

from holdfast.db import Database
from holdfast.kernel.errors import TryAgain
from holdfast.stock import service as stock

PAUSE_SECONDS = 0.1
LIMIT = 500


async def sweep(url: str) -> None:
    """Until killed."""
    database = Database(url, size=1, application="holdfast-selftest-sweeper")
    await database.open()
    while True:
        try:
            async with database.transaction() as tx:
                await stock.expire_due(tx, limit=LIMIT)
        except TryAgain:
            continue
        finally:
            await asyncio.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    asyncio.run(sweep(os.environ["INVENTORY_DB_URL"]))
