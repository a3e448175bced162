"""Availability reads per second: from Redis, from PostgreSQL by shared looks, and one query per question.

    python bench/availability.py [--repetitions 3] [--seconds 3] [--json FILE]

In process (what a read costs) and over HTTP (what a caller sees), 64 at a time, on one PostgreSQL and one Redis,
interleaved. Needs redis-server. docs/performance.md explains how to read the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

if __package__ is None or __package__ == "":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import uvloop
from psycopg_pool import AsyncConnectionPool

from bench.designs.shop import TOKEN, Shop, new_shop, open_holdfast_shop, open_plain_shop
from bench.harness.apps import App, free_port, running, uvicorn_app
from bench.harness.cpu import cpu_seconds
from bench.harness.load import LoadResult, Target, measure
from bench.harness.postgres import Server, durable_server
from holdfast.cache import Cache, Local
from holdfast.cache.in_redis import InRedis
from holdfast.stock.asks import AvailabilityAsk
from holdfast.stock.lanes import Lanes

AT_A_TIME = 64
WARM_UP_SECONDS = 2.0
Figures = dict[tuple[str, str], list[float]]
ONE_QUERY = "select facts::text from stock_availability(%s)"


class LookRequests:
    """Renders questions; the load generator asks for the next one."""

    def __init__(self, target: Target) -> None:
        self.ready = [
            f"GET /api/v1/inventory/{sku}/availability?quantity=1 HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
            f"Authorization: Bearer {target.token}\r\n\r\n".encode()
            for sku in target.skus
        ]

    def next(self) -> bytes:
        return random.choice(self.ready)


@contextmanager
def redis() -> Iterator[tuple[str, int]]:
    """A Redis of our own on a private socket: its address and process id."""
    with tempfile.TemporaryDirectory(prefix="holdfast-redis-") as folder:
        path = f"{folder}/redis.sock"
        server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        while not Path(path).exists():
            assert server.poll() is None, "redis-server did not start"
            time.sleep(0.01)
        try:
            yield f"unix://{path}", server.pid
        finally:
            server.kill()
            server.wait()


async def rate(ask: Callable[[str], Awaitable[object]], skus: tuple[str, ...], seconds: float) -> float:
    """Questions per second with so many askers at a time."""
    until, asked = time.perf_counter() + seconds, 0

    async def asker() -> None:
        nonlocal asked
        while time.perf_counter() < until:
            await ask(random.choice(skus))
            asked += 1

    started = time.perf_counter()
    await asyncio.gather(*(asker() for _ in range(AT_A_TIME)))
    return asked / (time.perf_counter() - started)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the stock is, and the servers whose work counts."""

    server: Server
    plain_url: str
    url: str
    redis_url: str
    redis_pid: int
    cells: dict[str, tuple[str, ...]]

    def cpu_seconds(self) -> float:
        """What this process, PostgreSQL and Redis have used."""
        return time.process_time() + cpu_seconds(self.server.pid) + cpu_seconds(self.redis_pid)


async def in_this_process(place: Place, seconds: float) -> Figures:
    """Each way of asking, one after the other, in this process."""
    kept: Cache = InRedis(place.redis_url, prefix="bench:", ttl_seconds=3600)
    url = place.url
    await kept.start("bench")
    with_redis, without = Lanes(url, queue_max=4096, kept=kept), Lanes(url, queue_max=4096, kept=Local())
    pool: AsyncConnectionPool = AsyncConnectionPool(url, min_size=20, max_size=20, open=False)
    await pool.open(wait=True)

    async def one_query(sku: str) -> object:
        async with pool.connection() as connection:
            question = json.dumps([{"n": 0, "sku_id": sku, "quantity": 1}])
            return await (await connection.execute(ONE_QUERY, [question])).fetchone()

    ways: dict[str, Callable[[str], Awaitable[object]]] = {
        "Redis": lambda sku: with_redis.availability(AvailabilityAsk(sku_id=sku, quantity=1)),
        "PostgreSQL, shared looks": lambda sku: without.availability(AvailabilityAsk(sku_id=sku, quantity=1)),
        "one query each": one_query,
    }
    found: Figures = defaultdict(list)
    for (cell, skus), (name, way) in itertools.product(place.cells.items(), ways.items()):
        await rate(way, skus, WARM_UP_SECONDS)
        if name == "Redis":
            for start in range(0, len(skus), AT_A_TIME):
                await asyncio.gather(*(way(sku) for sku in skus[start : start + AT_A_TIME]))
        before, started = place.cpu_seconds(), time.perf_counter()
        answers = await rate(way, skus, seconds)
        used = place.cpu_seconds() - before
        found[f"in process, {cell}", name].append(answers)
        found[f"CPU µs in all per read, {cell}", name].append(used / (answers * (time.perf_counter() - started)) * 1e6)
    for lanes in (with_redis, without):
        await lanes.close()
    await kept.close()
    await pool.close()
    return found


@contextmanager
def holdfast(url: str, **more: str) -> Iterator[App]:
    port = free_port()
    command = [sys.executable, "-m", "holdfast", "serve", "--port", str(port)]
    ours = {"INVENTORY_DB_URL": url, "HOLDFAST_BOOTSTRAP_TOKEN": TOKEN, "HOLDFAST_SECRET": "bench"}
    with running(command, port=port, environment={**ours, **more}) as app:
        yield app


def over_http(place: Place, seconds: float) -> Figures:
    designs = {
        "Redis": lambda: holdfast(place.url, INVENTORY_REDIS_URL=place.redis_url),
        "PostgreSQL, shared looks": lambda: holdfast(place.url),
        "one query each": lambda: uvicorn_app("bench.designs.usual_looks:app", {"BENCH_DB_URL": place.plain_url}),
    }
    found: Figures = defaultdict(list)
    for name, design in designs.items():
        with design() as app:
            for cell, skus in place.cells.items():
                target = Target(app.port, TOKEN, "", skus)
                looked(target, WARM_UP_SECONDS)
                before = cpu_seconds(app.pid), cpu_seconds(place.server.pid)
                result = looked(target, seconds)
                answers = max(1, result.by_status[200])
                found[f"HTTP, {cell}", name].append(result.per_second(200))
                found[f"CPU µs of the API per answer, {cell}", name].append(
                    (cpu_seconds(app.pid) - before[0]) / answers * 1e6
                )
                found[f"CPU µs of PostgreSQL per answer, {cell}", name].append(
                    (cpu_seconds(place.server.pid) - before[1]) / answers * 1e6
                )
                assert result.by_status.keys() == {200}, result.first_error
    return found


def looked(target: Target, seconds: float) -> LoadResult:
    return measure(target, LookRequests(target), connections=AT_A_TIME, seconds=seconds)


def cells_of(shop: Shop) -> dict[str, tuple[str, ...]]:
    return {"one SKU": (shop.hot,), "10,000 SKUs": shop.spread}


def summary(found: Figures) -> dict[str, float]:
    """Medians, and the ratios of the issue."""
    medians = {key: statistics.median(values) for key, values in found.items()}
    ratios: dict[str, float] = {}
    for place, cell in itertools.product(("in process", "HTTP"), ("one SKU", "10,000 SKUs")):
        of_redis = medians[f"{place}, {cell}", "Redis"]
        for other, word in (("PostgreSQL, shared looks", "postgresql"), ("one query each", "one_query")):
            name = f"{place}_{cell}_redis_vs_{word}".replace(" ", "_").replace(",", "").lower()
            ratios[name] = round(of_redis / medians[f"{place}, {cell}", other], 2)
    for cell in ("one SKU", "10,000 SKUs"):
        used = f"CPU µs in all per read, {cell}"
        for other, word in (("PostgreSQL, shared looks", "postgresql"), ("one query each", "one_query")):
            name = f"cpu_{cell}_{word}_vs_redis".replace(" ", "_").replace(",", "").lower()
            ratios[name] = round(medians[used, other] / medians[used, "Redis"], 2)
    return ratios


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--repetitions", type=int, default=3)
    options.add_argument("--seconds", type=float, default=3.0)
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    found: Figures = defaultdict(list)
    shop = new_shop()
    with durable_server() as server, redis() as (redis_url, redis_pid):
        plain, own = server.create_database("plain_shop"), server.create_database("holdfast_shop")
        open_plain_shop(plain, shop, scarce_units=200)
        open_holdfast_shop(own, shop, scarce_units=200)
        place = Place(server, plain, own, redis_url, redis_pid, cells_of(shop))
        for _ in range(chosen.repetitions):
            for part in (uvloop.run(in_this_process(place, chosen.seconds)), over_http(place, chosen.seconds)):
                for key, values in part.items():
                    found[key] += values
    for (where, name), values in found.items():
        print(f"{where:48} {name:26} {min(values):10.0f} {statistics.median(values):10.0f} {max(values):10.0f}")
    ratios = summary(found)
    print(json.dumps(ratios, indent=1))
    if chosen.json:
        rows = [{"where": where, "way": way, "values": values} for (where, way), values in found.items()]
        chosen.json.write_text(json.dumps({**ratios, "rows": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
