"""What the doctor says about a database after a test."""

from __future__ import annotations

from holdfast.db import Database
from holdfast.monitoring.doctor import examine


async def violations(database: Database) -> list[str]:
    """Every promise that does not hold, one line each."""
    async with database.transaction() as tx:
        findings = await examine(tx)
    return [
        f"{f.check.statement.name}: {v.subject} expected {v.expected} found {v.found}"
        for f in findings
        for v in f.violations
    ]


async def violations_at(url: str) -> list[str]:
    database = Database(url, size=1)
    await database.open()
    try:
        return await violations(database)
    finally:
        await database.close()
