"""A whole planning run against PostgreSQL: demand history in, levels, forecasts and suggestions out.

    python -m bench.planning_run [--skus 12500] [--warehouses 4]

Every SKU is in every warehouse with a year of daily demand. The first run writes everything, the second is what
happens every day after: the same stock, a day later in nothing. Synthetic demand: it says how fast, not how good.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any, LiteralString

import psycopg

from bench.harness.postgres import filled_server
from holdfast.db import Database
from holdfast.replenishment import service

# Units a day spread over three orders of magnitude; a day sells with probability 0.3, then about 3.3 times the mean.
FILL: tuple[LiteralString, ...] = (
    "insert into suppliers (code, name, lead_time_days, lead_time_sd_days)"
    " select 'S' || n, 'Supplier ' || n, 3 + 4 * n, n from generate_series(1, 6) n",
    "insert into skus (code, name) select 'K' || n, 'Item ' || n from generate_series(1, %(skus)s) n",
    "insert into warehouses (code, name, type)"
    " select 'W' || n, 'W' || n, 'main' from generate_series(1, %(warehouses)s) n",
    "insert into supplier_items (supplier_id, sku_id, unit_cost, moq, order_multiple)"
    " select u.id, s.id, 0.5 + random() * 40, 1 + (random() * 11)::int, 1 + (random() * 5)::int"
    " from (select id, row_number() over () as n from skus) s"
    " join (select id, row_number() over () as n from suppliers) u on u.n = 1 + mod(s.n, 6)",
    "create temporary table pace as select s.id as sku_id, w.id as warehouse_id, exp(random() * 5 - 3) as mean"
    " from skus s, warehouses w",
    "insert into inventory (sku_id, warehouse_id, available_quantity, cost_price)"
    " select sku_id, warehouse_id, (mean * 40 * random())::bigint, 3 from pace",
    "insert into demand_daily (sku_id, warehouse_id, day, imported_quantity, imported_orders)"
    " select sku_id, warehouse_id, current_date - d, 1 + (mean * 6.6 * random())::bigint, 1"
    " from pace, generate_series(1, 365) d where random() < 0.3 order by d",
    "analyze",
)


def sale_days(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("select count(*) from demand_daily").fetchone()
    assert row
    return row[0]


async def run(url: str) -> tuple[float, dict[str, Any]]:
    database = Database(url, size=4)
    await database.open()
    try:
        async with database.transaction() as tx:
            started = await service.start_run(tx, actor="bench")
        start = time.perf_counter()
        finished = await service.work_on(database, started.id)
        assert finished.status == "finished"
        assert finished.pairs_done == finished.pairs_total
        return time.perf_counter() - start, finished.facts
    finally:
        await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--skus", type=int, default=12_500)
    parser.add_argument("--warehouses", type=int, default=4)
    asked = parser.parse_args()
    with filled_server(FILL, skus=asked.skus, warehouses=asked.warehouses) as url:
        print(f"{asked.skus * asked.warehouses:,} pairs, {sale_days(url):,} sale days in the last 365")
        for name in ("first run", "next run"):
            seconds, facts = asyncio.run(run(url))
            print(f"{name:10} {seconds:7.1f} s  {facts}")


if __name__ == "__main__":
    main()
