"""What keeping demand costs: a day's refresh, and a recomputation, as the history grows.

    python -m bench.demand_keeping [--entries 100000 1000000] [--day 2000] [--json FILE]

A year of ledger entries over 2,000 levels: seven of ten are imported sales, three were orders shipped two days later.
Then a day comes: half sales, half orders, posted by the posting functions. Printed is the median of three such days.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from holdfast.db.embedded import EmbeddedServer
from holdfast.db.migrate import migrate

LEVELS = 2_000
DAYS = 3
BATCH = 250

FILL: tuple[LiteralString, ...] = (
    "insert into skus (code, name) select 'K' || n, 'Item ' || n from generate_series(1, 1000) n",
    "insert into warehouses (code, name, type) select 'W' || n, 'W' || n, 'main' from generate_series(1, 2) n",
    "insert into inventory (sku_id, warehouse_id, available_quantity, version) select s.id, w.id, 1000000, 1"
    " from skus s, warehouses w",
    "create temporary table place as select sku_id, warehouse_id, row_number() over () - 1 as n from inventory",
    "insert into reservations (id, reference_type, reference_id, status, created_at, resolved_at, actor)"
    " select uuidv7(), 'order', 'O-' || n, 'consumed', t.at, t.at + interval '2 days', 'bench'"
    " from generate_series(1, %(entries)s, 10) g (n),"
    " lateral (select now() - interval '1 day' * (2 + 363.0 * n / %(entries)s) as at) t",
    "insert into inventory_reservations (reservation_id, line_no, sku_id, warehouse_id, quantity, status, reserved_at,"
    " resolved_at) select h.id, x, p.sku_id, p.warehouse_id, 1 + x %% 3, 'consumed', h.created_at, h.resolved_at"
    " from reservations h, generate_series(1, 3) x"
    " join place p on true where p.n = (substr(h.reference_id, 3)::bigint / 10 * 7 + x) %% 2000",
    "select stock_ensure_months((now() - interval '13 months')::date, now()::date)",
    "insert into inventory_movements (sku_id, warehouse_id, movement_type, quantity, balance_after, unsellable_after,"
    " reference_type, reference_id, reason, actor, occurred_at, created_at, request_no)"
    " select l.sku_id, l.warehouse_id, 'out', -l.quantity, 1000000, 0, 'order', h.reference_id, 'sold', 'bench',"
    " h.resolved_at, h.resolved_at, 0 from inventory_reservations l join reservations h on h.id = l.reservation_id",
    "insert into inventory_movements (sku_id, warehouse_id, movement_type, quantity, balance_after, unsellable_after,"
    " reference_type, reference_id, reason, actor, occurred_at, created_at)"
    " select p.sku_id, p.warehouse_id, 'out', -(1 + g %% 5), 1000000, 0, 'sale', 'S-' || g, 'sold', 'bench', t.at, t.at"
    " from generate_series(1, %(entries)s * 7 / 10) g join place p on p.n = g %% 2000,"
    " lateral (select now() - interval '1 day' * (1 + 364.0 * g / (%(entries)s * 7 / 10)) as at) t",
    # Block ranges of the ledger are summarised by vacuum, as autovacuum does on a running system.
    "vacuum analyze",
)


def timed(connection: psycopg.Connection[Any], statement: LiteralString) -> float:
    start = time.perf_counter()
    connection.execute(statement)
    return time.perf_counter() - start


def a_day(connection: psycopg.Connection[Any], day: int, entries: int) -> None:
    """Half of the entries are sales; the others are orders, placed and shipped."""
    levels = connection.execute("select sku_id::text, warehouse_id::text from place order by n").fetchall()
    for start in range(0, entries // 2, BATCH):
        here = [levels[(start + n) % LEVELS] for n in range(BATCH)]
        items = [{"sku_id": sku_id, "warehouse_id": warehouse_id, "quantity": 2} for sku_id, warehouse_id in here]
        asked = {"actor": "bench", "reference_type": "order", "minutes": None}
        asks = [
            {"n": n, **asked, "reference_id": f"D-{day}-{start}-{n}", "items": [item]} for n, item in enumerate(items)
        ]
        held = connection.execute("select request_no, facts from stock_reserve(%s)", [json.dumps(asks)]).fetchall()
        resolved = [
            {"n": n, "actor": "bench", "action": "consume", "reservation_id": facts["reservation_id"]}
            for n, facts in held
        ]
        connection.execute("select count(*) from stock_resolve(%s)", [json.dumps(resolved)])
        sales = [
            {"n": n, "actor": "bench", "event_type": "inventory.sold", "movement_type": "out", "reference_type": "sale",
             "reason": "sold", "items": [{**item, "quantity": -1}]}
            for n, item in enumerate(items)
        ]  # fmt: skip
        connection.execute("select count(*) from stock_move(%s)", [json.dumps(sales)])


def measured(entries: int, day: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="holdfast-demand-") as folder:
        server = EmbeddedServer(Path(folder) / "data")
        url = server.start()
        try:
            migrate(url)
            with psycopg.connect(url, autocommit=True, options="-c statement_timeout=0") as connection:
                for statement in FILL:
                    connection.execute(statement, {"entries": entries})
                first = timed(connection, "select demand_refresh()")
                connection.execute("analyze")
                idle = statistics.median(timed(connection, "select demand_refresh()") for _ in range(5))
                days: list[float] = []
                for number in range(DAYS):
                    a_day(connection, number, day)
                    days.append(timed(connection, "select demand_refresh()"))
                again = timed(connection, "select demand_start_over()") + timed(connection, "select demand_refresh()")
        finally:
            server.stop()
    return {
        "entries": entries,
        "first_refresh_seconds": round(first, 2),
        "idle_refresh_ms": round(idle * 1000, 1),
        "day_entries": day,
        "day_refresh_ms": round(statistics.median(days) * 1000, 1),
        "recomputed_seconds": round(again, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--entries", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--day", type=int, default=2_000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found = [measured(entries, asked.day) for entries in asked.entries]
    for one in found:
        print(one)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
