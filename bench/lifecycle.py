"""What a hold costs as holds and history pile up, what a batch of 1,000 takes, and how fast 100,000 expire.

    python -m bench.lifecycle [--live 0,1000000] [--movements 10000,10000000] [--seconds 0.5] [--json FILE]

Half of the live holds and of the ledger lie on the hot SKU, half on 10,000 others. Holds fall due by moving the
business clock.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import statistics
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from bench.designs.catalogue import HOLDFAST
from bench.designs.limit import run_limit
from bench.designs.shop import TOKEN, Shop, new_shop, open_holdfast_shop
from bench.harness.apps import App
from bench.harness.cpu import cpu_seconds
from bench.harness.load import Target, run_load
from bench.harness.postgres import Server, durable_server
from holdfast.stock.jobs import SWEEP_GROUP, SWEEP_REST

BATCH = 1000
DUE = 100_000
# About as long as they take to sweep.
EXPIRY_SECONDS = 8
ROUNDS = 10


# Of one pile in one round: CPU in µs per hold and holds per second at 64 connections, one batch of 1,000 in ms.
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians over all rounds with so much `piled_up`, and of each figure ÷ that of the first pile in its round."""

    piled_up: int
    median: Figures
    beside_first: Figures


def fill(url: str, shop: Shop, holds: int) -> None:
    """Write live holds with bare statements: the same rows, without waiting for HTTP."""
    for skus in ((shop.hot,), shop.spread):
        run_limit(url, shop.warehouse_id, skus, batch=BATCH, seconds=0, at_least=holds // 2)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")


def cost(server: Server, app: App, shop: Shop, skus: tuple[str, ...], seconds: float) -> tuple[float, float]:
    """CPU µs per hold and holds per second at 64 connections."""
    target = Target(app.port, TOKEN, shop.warehouse_id, skus)
    run_load(target, connections=64, seconds=seconds / 4)
    before = cpu_seconds(app.pid) + cpu_seconds(server.pid)
    result = run_load(target, connections=64, seconds=seconds)
    used = cpu_seconds(app.pid) + cpu_seconds(server.pid) - before
    assert result.errors == 0, result.first_error
    return used / result.by_status[201] * 1e6, result.per_second(201)


def figures(server: Server, app: App, shop: Shop, seconds: float) -> Figures:
    hot_us, hot_per_second = cost(server, app, shop, (shop.hot,), seconds)
    spread_us, spread_per_second = cost(server, app, shop, shop.spread, seconds)
    return {
        "hot_us": hot_us,
        "hot_per_second": hot_per_second,
        "spread_us": spread_us,
        "spread_per_second": spread_per_second,
        "batch_ms": batch_ms(app, shop, shop.spread, 2),
    }


def in_turns(server: Server, shop: Shop, urls: dict[int, str], seconds: float) -> list[Cost]:
    """All piles beside one another, each round in the opposite order: the host's own speed changes within seconds."""
    rounds: list[dict[int, Figures]] = []
    server.checkpoint()
    with contextlib.ExitStack() as running:
        apps = {size: running.enter_context(HOLDFAST.serve(url)) for size, url in urls.items()}
        for number in range(ROUNDS + 1):
            sizes = sorted(apps, reverse=number % 2 == 0)
            rounds.append({size: figures(server, apps[size], shop, seconds) for size in sizes})
            sys.stderr.write(f"{rounds[-1]}\n")
    # The first round warmed up.
    return [_cost(size, rounds[1:], min(urls)) for size in urls]


def _cost(size: int, rounds: list[dict[int, Figures]], first: int) -> Cost:
    return Cost(
        size,
        {name: statistics.median(r[size][name] for r in rounds) for name in rounds[0][size]},
        {name: statistics.median(r[size][name] / r[first][name] for r in rounds) for name in rounds[0][size]},
    )


def batch_ms(app: App, shop: Shop, skus: tuple[str, ...], repetitions: int) -> float:
    """Median time of one POST of 1,000 reservation requests."""
    times: list[float] = []
    link = http.client.HTTPConnection("127.0.0.1", app.port)
    for repetition in range(repetitions):
        asks = [
            {
                "reference_type": "order",
                "reference_id": f"batch-{repetition}-{number}",
                "items": [{"sku_id": skus[number % len(skus)], "quantity": 1, "warehouse_id": shop.warehouse_id}],
            }
            for number in range(BATCH)
        ]
        headers = {
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid.uuid4().hex,
        }
        body = json.dumps({"reservations": asks})
        started = time.perf_counter()
        link.request("POST", "/api/v1/inventory/reservations:batch", body, headers)
        answer = link.getresponse()
        text = answer.read()
        times.append((time.perf_counter() - started) * 1000)
        assert answer.status == 200, text[:300]
        assert text.count(b'"reservation_id"') == BATCH, text[:300]
    link.close()
    return statistics.median(times)


def measure_growth(server: Server, shop: Shop, sizes: list[int], seconds: float) -> list[Cost]:
    """What a hold costs beside so many live ones."""
    urls = {size: server.create_database(f"live_{size}", template="holdfast_shop") for size in sizes}
    for size, url in urls.items():
        fill(url, shop, size)
    return in_turns(server, shop, urls, seconds)


def sweep(url: str) -> tuple[float, list[float]]:
    """What the sweeper does: groups until nothing is due, with a rest after each.

    Returns the seconds it took and the time of each group in ms.
    """
    times: list[float] = []
    began = time.perf_counter()
    with psycopg.connect(url, autocommit=True, options="-c role=holdfast_app") as connection:
        while True:
            started = time.perf_counter()
            row = connection.execute("select stock_expire(%s)", (SWEEP_GROUP,)).fetchone()
            took = time.perf_counter() - started
            times.append(took * 1000)
            if row is None or row[0] < SWEEP_GROUP:
                return time.perf_counter() - began, times
            time.sleep(took * SWEEP_REST)


# One in, one out: the balance is what it was, and so is the level.
LEDGER = """
insert into inventory_movements (sku_id, warehouse_id, movement_type, quantity, balance_after, unsellable_after,
    reference_type, reference_id, reason, actor, occurred_at, created_at)
select i.sku_id, i.warehouse_id, case n %% 2 when 0 then 'in' else 'out' end, case n %% 2 when 0 then 1 else -1 end,
       i.on_hand_quantity + case n %% 2 when 0 then 1 else 0 end, 0, 'sale', 'past', 'bench', 'bench',
       now() - interval '300 days' + n * interval '2 seconds', now() - interval '300 days' + n * interval '2 seconds'
  from generate_series(%(start)s::bigint, %(end)s::bigint - 1) n
  join inventory i on i.warehouse_id = %(warehouse)s::uuid
   and i.sku_id = case (n / 2) %% 2 when 0 then %(hot)s::uuid else (%(spread)s::uuid[])[(n / 4) %% %(skus)s + 1] end
"""


def fill_ledger(url: str, shop: Shop, size: int) -> None:
    """So many entries of a past, by bare statements."""
    facts = {"warehouse": shop.warehouse_id, "hot": shop.hot, "spread": list(shop.spread), "skus": len(shop.spread)}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select stock_ensure_months(current_date - 301, current_date)")
        for first in range(0, size, 500_000):
            connection.execute(LEDGER, {**facts, "start": first, "end": min(size, first + 500_000)})
        connection.execute("vacuum analyze inventory_movements")


def measure_history(server: Server, shop: Shop, sizes: list[int], seconds: float) -> list[Cost]:
    """What a hold costs when the ledger is long."""
    urls = {size: server.create_database(f"movements_{size}", template="holdfast_shop") for size in sizes}
    for size, url in urls.items():
        fill_ledger(url, shop, size)
    return in_turns(server, shop, urls, seconds)


def measure_expiry(server: Server, shop: Shop, seconds: float, per_second: float | None = None) -> dict[str, Any]:
    """100,000 due holds on 10,000 SKUs swept while 64 clients buy the hot SKU, as fast as they can or at a pace."""
    url = server.create_database("expiry", template="holdfast_shop")
    run_limit(url, shop.warehouse_id, shop.spread, batch=BATCH, seconds=0, at_least=DUE)
    with psycopg.connect(url) as connection:
        # These fall due before the holds that the 64 clients make now.
        for table in ("reservations", "inventory_reservations"):
            connection.execute(f"update {table} set expires_at = expires_at - interval '10 minutes'")
    with HOLDFAST.serve(url) as app:
        target = Target(app.port, TOKEN, shop.warehouse_id, (shop.hot,))
        run_load(target, connections=64, seconds=1)
        before = run_load(target, connections=64, seconds=seconds, per_second=per_second)
        with psycopg.connect(url) as connection:
            connection.execute("update business_clock set shift = '25 minutes'")
        with ThreadPoolExecutor(1) as pool:
            sweeping = pool.submit(sweep, url)
            during = run_load(target, connections=64, seconds=seconds, per_second=per_second)
            swept_in, groups = sweeping.result()
        after = run_load(target, connections=64, seconds=seconds, per_second=per_second)
    with psycopg.connect(url) as connection:
        row = connection.execute("select count(*) from reservations where status = 'expired'").fetchone()
    server.drop_database("expiry")
    return {
        "expired": row[0] if row else 0,
        "seconds": swept_in,
        "seconds_at_work": sum(groups) / 1000,
        "group_ms_median": statistics.median(groups),
        "group_ms_max": max(groups),
        "holds_per_second_before": before.per_second(201),
        "holds_per_second_during": during.per_second(201),
        "holds_per_second_after": after.per_second(201),
        "p99_ms_before": before.percentile_ms(0.99),
        "p99_ms_during": during.percentile_ms(0.99),
        "errors": before.errors + during.errors + after.errors,
    }


def print_growth(costs: list[Cost], what: str) -> None:
    table = Table(title=f"A hold over HTTP, 64 clients, as {what} grow", title_justify="left")
    for heading in (what, "hot SKU: CPU µs", "holds/s", "10,000 SKUs: CPU µs", "holds/s", "batch of 1,000: ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in costs:
        table.add_row(f"{one.piled_up:,}", *(f"{figure:,.0f}" for figure in one.median.values()))
        if one is not costs[0]:
            table.add_row("÷ first", *(f"{ratio:.2f}" for ratio in one.beside_first.values()))
    Console(width=110).print(table)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--live", default="0,1000000")
    options.add_argument("--movements", default="10000,10000000")
    options.add_argument("--seconds", type=float, default=0.5)
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    live, movements = ([int(size) for size in text.split(",") if size] for text in (chosen.live, chosen.movements))
    with durable_server() as server:
        shop = new_shop()
        open_holdfast_shop(server.create_database("holdfast_shop"), shop, scarce_units=1)
        expiry = {"as fast as they can": measure_expiry(server, shop, EXPIRY_SECONDS)}
        half = expiry["as fast as they can"]["holds_per_second_before"] / 2
        expiry["at half that rate"] = measure_expiry(server, shop, EXPIRY_SECONDS, per_second=half)
        sys.stderr.write(f"{expiry}\n")
        growth = measure_growth(server, shop, live, chosen.seconds)
        history = measure_history(server, shop, movements, chosen.seconds)
    print_growth(growth, "live holds")
    print_growth(history, "movements")
    print(json.dumps(expiry, indent=1))
    if chosen.json:
        tables = {"growth": [asdict(one) for one in growth], "history": [asdict(one) for one in history]}
        chosen.json.write_text(json.dumps({**tables, "expiry": expiry}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
