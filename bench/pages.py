"""How long lists and pages take in a shop of a million levels, and which tables they read from end to end.

    python -m bench.pages [--skus 100000] [--warehouses 10] [--repetitions 10]

Over real HTTP, one request at a time: the first page of each list, a page far behind, a search, the console's pages.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString, cast
from urllib.parse import quote

import psycopg
from rich.console import Console
from rich.table import Table

from bench.designs.catalogue import HOLDFAST
from bench.designs.shop import TOKEN
from bench.harness.postgres import filled_server
from holdfast.access import people
from holdfast.access.visit import SESSION_COOKIE
from holdfast.db import Tx
from holdfast.db.database import in_one_transaction

# So many rows of a table are not read without an index by a page that shows fifty.
LARGE = 10_000
# Idle connections tell what they read after ten seconds.
STATISTICS_SECONDS = 11

FILL: list[LiteralString] = [
    cast(LiteralString, part) for part in Path(__file__).with_suffix(".sql").read_text().split(";\n\n")
]


def api(sku: str) -> dict[str, str]:
    """What is asked of the API: its name in the table, its path."""
    lists = {
        "/skus": "search=Item 77",
        "/inventory": f"sku_id={sku}",
        "/inventory/movements": f"sku_id={sku}",
        "/inventory/reservations": "status=active",
        "/events": "event_type=sku.archived",
        "/alerts": "status=open",
        "/purchase-orders": "status=sent",
        "/suppliers": "search=Supplier 7",
        "/replenishment/suggestions": "priority=urgent",
        "/demand": f"sku_id={sku}",
        "/accuracy": "days=28",
        "/reports/valuation": "",
        "/inventory/by-warehouse": "",
        "/audit-log": "",
        "/batches": "",
        "/transfers": "",
        "/returns": "",
        "/shortages": "",
        "/stock-counts": "",
        "/allocations": "",
        "/waiting-list": "",
        f"/inventory/{sku}/availability?quantity=1": "",
        f"/inventory/{sku}/explain": "",
    }
    asked: dict[str, str] = {}
    for path, query in lists.items():
        shown = path.replace(sku, "{sku}")
        asked[f"GET {shown}"] = path
        if query:
            asked[f"GET {shown}?{query}".replace(sku, "{sku}")] = f"{path}?{quote(query, safe='=&')}"
    return asked


CONSOLE = [
    "/",
    "/stock",
    "/stock?q=77",
    "/stock?status=low",
    "/stock/{sku}",
    "/stock/{sku}/demand",
    "/alerts",
    "/holds",
    "/replenishment",
    "/replenishment/policies",
    "/replenishment/limits",
    "/replenishment/orders",
    "/replenishment/grades",
    "/purchase-orders",
    "/suppliers",
    "/transfers",
    "/returns",
    "/stock-counts",
    "/batches",
    "/serials",
    "/shortages",
    "/network",
    "/value",
    "/allocation",
    "/health",
    "/demand/accuracy",
    "/demand/calendar",
    "/search?q=77",
    "/skus/suggest?q=77",
]


class Caller:
    """One keep-alive connection."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self.link = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.headers = headers

    def get(self, path: str) -> tuple[int, bytes, float]:
        started = time.perf_counter()
        self.link.request("GET", path, headers=self.headers)
        answer = self.link.getresponse()
        body = answer.read()
        return answer.status, body, (time.perf_counter() - started) * 1000


def measured(caller: Caller, path: str, repetitions: int) -> tuple[list[float], bytes]:
    """The time of each repetition in ms, none after one that is not answered with 200, and the last answer."""
    times: list[float] = []
    body = b""
    for _ in range(repetitions):
        status, body, ms = caller.get(path)
        if status != 200:
            sys.stderr.write(f"{path}: {status} {body[:300]!r}\n")
            break
        times.append(ms)
    return times, body


def lists(caller: Caller, sku: str, repetitions: int) -> Iterator[tuple[str, list[float]]]:
    """Every list from its beginning, and after twenty pages where there are as many."""
    for name, path in api(sku).items():
        address = f"/api/v1{path}"
        times, body = measured(caller, address, repetitions)
        yield name, times
        further = address
        for _ in range(20):
            cursor = json.loads(body).get("next_cursor")
            if cursor is None:
                break
            further = f"{address}{'&' if '?' in path else '?'}cursor={quote(cursor)}"
            _, body, _ = caller.get(further)
        else:
            yield f"{name}, 20 pages on", measured(caller, further, repetitions)[0]


def signed_in(url: str) -> dict[str, str]:
    """The headers of a person at the console who may do everything."""

    async def sign_in(tx: Tx) -> str:
        user_id = await people.add_person(tx, email="bench@example.com", name="Bench", role="admin")
        assert user_id
        return await people.start_session(tx, user_id)

    return {"Cookie": f"{SESSION_COOKIE}={asyncio.run(in_one_transaction(url, sign_in))}"}


def read_from_end_to_end(url: str) -> list[tuple[Any, ...]]:
    """Large tables: how often, and how many rows, sequential scans read."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select relname, seq_scan, seq_tup_read from pg_stat_user_tables"
            " where n_live_tup >= %s and seq_scan > 0 order by seq_tup_read desc",
            [LARGE],
        ).fetchall()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--skus", type=int, default=100_000)
    parser.add_argument("--warehouses", type=int, default=10)
    parser.add_argument("--repetitions", type=int, default=10)
    asked = parser.parse_args()
    table = Table("page", "median ms", "longest ms", title=f"{asked.skus * asked.warehouses:,} levels")
    with filled_server(FILL, skus=asked.skus, warehouses=asked.warehouses) as url:
        with psycopg.connect(url) as connection:
            row = connection.execute("select id from skus where code = 'K0000077'").fetchone()
            assert row
        sku = str(row[0])
        cookie = signed_in(url)
        with HOLDFAST.serve(url) as app:
            before = {name: (scans, rows) for name, scans, rows in read_from_end_to_end(url)}
            found = list(lists(Caller(app.port, {"Authorization": f"Bearer {TOKEN}"}), sku, asked.repetitions))
            visitor = Caller(app.port, cookie)
            for path in CONSOLE:
                address = quote(path.replace("{sku}", sku), safe="/?=&")
                found.append((path, measured(visitor, address, asked.repetitions)[0]))
            time.sleep(STATISTICS_SECONDS)
            after = read_from_end_to_end(url)
    for name, times in found:
        if times:
            table.add_row(name, f"{statistics.median(times):.0f}", f"{max(times):.0f}")
    Console(width=120).print(table)
    for name, scans, rows in after:
        more, further = scans - before.get(name, (0, 0))[0], rows - before.get(name, (0, 0))[1]
        if further:
            print(f"{name}: {more:,} sequential scans, {further:,} rows")


if __name__ == "__main__":
    main()
