"""What the rounds of the worker cost in a large shop in which nothing happens.

    python -m bench.rounds [--skus 250000] [--warehouses 4] [--only NAME …]

Every periodic task is run twice over a million levels, as the worker runs it: the first time it may have something to
write, the second time it only looks. A round that runs every ten seconds must look in far less.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from types import SimpleNamespace
from typing import Any, LiteralString, cast

from bench.harness.postgres import filled_server
from holdfast.background import job_app
from holdfast.db import Database
from holdfast.jobs import Work
from holdfast.settings import Settings

# A tenth of the levels is below its reorder point, a thousandth is empty.
FILL: tuple[LiteralString, ...] = (
    "insert into skus (code, name) select 'K' || n, 'Item ' || n from generate_series(1, %(skus)s) n",
    "insert into warehouses (code, name, type, capacity)"
    " select 'W' || n, 'W' || n, 'main', 1000000000 from generate_series(1, %(warehouses)s) n",
    "insert into inventory (sku_id, warehouse_id, available_quantity, reorder_point, cost_price)"
    " select s.id, w.id, case when random() < 0.001 then 0 else (random() * 100)::int end, 10, 3"
    " from skus s, warehouses w",
    "analyze",
)


async def rounds(url: str, only: list[str]) -> None:
    database = Database(url, size=4)
    await database.open()
    app = job_app(url)
    await app.open_async()
    context = SimpleNamespace(
        additional_context={"work": Work(database, Settings(db_url=url, secret="bench"))},
        app=app,
        job=SimpleNamespace(id=0),
        should_abort=lambda: False,
    )
    try:
        for periodic in cast(Any, app).periodic_registry.periodic_tasks.values():
            name = periodic.task.name.removeprefix("holdfast:")
            if only and name not in only:
                continue
            took: list[float] = []
            for _ in range(2):
                started = time.perf_counter()
                await periodic.task.func(context, int(time.time()))
                took.append(time.perf_counter() - started)
            print(f"| {name} | {periodic.cron} | {took[0] * 1000:,.0f} | {took[1] * 1000:,.0f} |", flush=True)
    finally:
        await app.close_async()
        await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--skus", type=int, default=250_000)
    parser.add_argument("--warehouses", type=int, default=4)
    parser.add_argument("--only", nargs="*", default=[])
    asked = parser.parse_args()
    with filled_server(FILL, skus=asked.skus, warehouses=asked.warehouses) as url:
        print(f"{asked.skus * asked.warehouses:,} levels")
        print("| round | when | first ms | again ms |\n|---|---|---|---|")
        asyncio.run(rounds(url, asked.only))


if __name__ == "__main__":
    main()
