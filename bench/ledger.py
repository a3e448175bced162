"""What the past costs: stock as of an instant, sealing and verifying, value, over a ledger of a million entries.

    python -m bench.ledger [--entries 1000000] [--levels 2000] [--json FILE]

Entries are spread over two years of months and written with one statement; then everything is asked through the same
functions the API uses. Times are medians of five, after one warm-up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from bench.harness.postgres import durable_server
from holdfast.db import Database
from holdfast.db.migrate import migrate
from holdfast.monitoring import seals as verifying
from holdfast.stock import explaining, seals, valuation

FILL = """
with sku as (
    insert into skus (code, name)
    select 'S' || lpad(n::text, 6, '0'), 'S' from generate_series(1, %(levels)s) n returning id
), house as (
    insert into warehouses (code, name, type) values ('W', 'W', 'main') returning id
)
insert into inventory (sku_id, warehouse_id) select s.id, w.id from sku s, house w
"""
ENTRIES = """
insert into inventory_movements (sku_id, warehouse_id, movement_type, quantity, balance_after, unsellable_after,
    reference_type, reference_id, reason, actor, unit_cost, cost_after, occurred_at, created_at, request_no)
select i.sku_id, i.warehouse_id, case when n %% 4 = 0 then 'out' else 'in' end, case when n %% 4 = 0 then -2 else 1 end,
       n - n / 4 * 3, 0, 'sale', 'order-' || n, 'sold', 'bench', 2.5, 2.5, at, at, 0
  from (select *, row_number() over (order by sku_id) as place from inventory) i,
       generate_series(1, %(each)s) n,
       lateral (select timestamptz '2024-01-01Z' + n * (interval '700 days' / %(each)s)
                       + i.place * interval '1 microsecond' as at) t
 order by at
"""


async def timed(ask: Callable[[], Awaitable[Any]], repeats: int = 5) -> float:
    """Median milliseconds."""
    await ask()
    times: list[float] = []
    for _ in range(repeats):
        started = time.perf_counter()
        await ask()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


async def measure(url: str, entries: int) -> dict[str, float]:
    database = Database(url, size=2)
    await database.open()
    then = datetime(2025, 3, 15, tzinfo=UTC)
    found: dict[str, float] = {}

    async def page() -> None:
        async with database.transaction() as tx:
            await explaining.list_levels_as_of(tx, then, limit=50, after=None, sku_id=None, warehouse_id=None)

    async def value(method: valuation.Method) -> None:
        async with database.transaction() as tx:
            await tx.connection.execute("set local statement_timeout = 0")
            await valuation.list_totals(tx, as_of=then, method=method)

    found["as_of_page_of_50_ms"] = await timed(page)
    found["value_average_ms"] = await timed(lambda: value("average"), 3)
    found["value_fifo_ms"] = await timed(lambda: value("fifo"), 3)
    started = time.perf_counter()
    found["seals"] = await seals.seal_finished(database)
    found["sealed_entries_per_second"] = entries / (time.perf_counter() - started)
    started = time.perf_counter()
    async with database.transaction() as tx:
        await tx.connection.execute("set local statement_timeout = 0")
        report = await verifying.check(tx)
    assert report.is_intact
    assert report.entries == entries
    found["verified_entries_per_second"] = entries / (time.perf_counter() - started)
    await database.close()
    return found


def fill(url: str, entries: int, levels: int) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select stock_ensure_months('2024-01-01', '2026-12-01')")
        connection.execute(FILL, {"levels": levels})
        written = connection.execute(ENTRIES, {"each": entries // levels}).rowcount
        connection.execute("vacuum analyze")
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--levels", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with durable_server() as server:
        url = server.create_database("ledger")
        migrate(url)
        written = fill(url, options.entries, options.levels)
        found = asyncio.run(measure(url, written))
    table = Table("", f"{written:,} entries, {options.levels:,} levels", box=None)
    for name, number in found.items():
        table.add_row(name, f"{number:,.1f}")
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps({"entries": written, **found}, indent=1))


if __name__ == "__main__":
    main()
