"""Holds per second over HTTP: Holdfast, the usual design, a tuned one, an empty POST, and PostgreSQL alone.

    python bench/reservations.py [--repetitions 5] [--seconds 2] [--json FILE] [--markdown FILE]

All designs run on one durable PostgreSQL, interleaved, each repetition on a fresh copy of the same shop.
Afterwards every acknowledged hold is looked for in the database. docs/performance.md explains how to read the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

if __package__ is None or __package__ == "":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from bench.designs.catalogue import EMPTY, FRONT, HOLDFAST, THREE, TUNED, USUAL, Design, database_of
from bench.designs.group import run_group
from bench.designs.limit import run_limit
from bench.designs.shop import TOKEN, Shop, new_shop, open_holdfast_shop, open_plain_shop
from bench.harness.books import Books, check_books
from bench.harness.cpu import cpu_seconds
from bench.harness.load import Target, run_load
from bench.harness.postgres import Server, durable_server
from bench.harness.report import Measurement, Measurements, Pick, markdown, print_tables
from bench.harness.turns import Turn, median_ratio, take_turns

SCARCE_UNITS = 200
CONNECTIONS = 64
WARM_UP_SECONDS = 1.0
LIMIT_BATCHES = (64, 256)
GROUP_CLIENTS = 256
GROUP = f"Holdfast in process, {GROUP_CLIENTS} clients"


@dataclass(frozen=True, slots=True)
class Run:
    """The options of this run and the server it happens on."""

    server: Server
    shop: Shop
    repetitions: int
    seconds: float


def cells(shop: Shop) -> dict[str, tuple[tuple[str, ...], int]]:
    """What is asked for: SKUs and connections. `scarce` runs out on purpose."""
    return {
        "hot SKU, 64 clients": ((shop.hot,), CONNECTIONS),
        "10,000 SKUs, 64 clients": (shop.spread, CONNECTIONS),
        "hot SKU, 1 client": ((shop.hot,), 1),
        f"{SCARCE_UNITS} units, 64 clients": ((shop.scarce,), CONNECTIONS),
    }


HOT, SPREAD, SINGLE, SCARCE = cells(Shop("", "", "", ()))


def measure_design(run: Run, design: Design, repetition: int) -> tuple[list[Measurement], Books]:
    """Every cell of one design on a fresh database."""
    name = database_of(design, repetition)
    url = run.server.create_database(name, template=design.template)
    rows: list[Measurement] = []
    ids: list[str] = []
    with design.serve(url) as app:
        for cell, (skus, connections) in cells(run.shop).items():
            target = Target(app.port, TOKEN, run.shop.warehouse_id, skus)
            if cell != SCARCE:
                ids += run_load(target, connections=connections, seconds=WARM_UP_SECONDS).reservation_ids
            elif not design.stores:
                continue
            app_before, postgres_before = cpu_seconds(app.pid), cpu_seconds(run.server.pid)
            result = run_load(target, connections=connections, seconds=run.seconds)
            app_used = cpu_seconds(app.pid) - app_before
            postgres_used = cpu_seconds(run.server.pid) - postgres_before
            ids += result.reservation_ids
            answered = max(1, result.by_status[201] + result.by_status[409])
            if result.first_error:
                sys.stderr.write(f"{design.name}, {cell}: {result.first_error}\n")
            rows.append(
                Measurement(
                    design.name,
                    cell,
                    repetition,
                    result.per_second(201),
                    result.percentile_ms(0.50),
                    result.percentile_ms(0.99),
                    app_used / answered * 1e6,
                    postgres_used / answered * 1e6,
                    result.by_status[409],
                    result.errors,
                )
            )
    books = Books(0, 0, 0)
    if design.stores:
        books = check_books(url, ids, oversold=design.oversold, lost=design.lost)
    run.server.drop_database(name)
    return rows, books


def limit_name(batch: int) -> str:
    return f"PostgreSQL alone, {batch} per batch"


def measure_limit(run: Run, repetition: int) -> list[Measurement]:
    """PostgreSQL alone, one connection, batches of two sizes."""
    name = f"limit_{repetition}"
    url = run.server.create_database(name, template="holdfast_shop")
    rows: list[Measurement] = []
    for batch in LIMIT_BATCHES:
        for cell, (skus, _) in list(cells(run.shop).items())[:2]:
            run_limit(url, run.shop.warehouse_id, skus, batch=batch, seconds=0.3)
            before = cpu_seconds(run.server.pid)
            result = run_limit(url, run.shop.warehouse_id, skus, batch=batch, seconds=run.seconds / 2)
            used = cpu_seconds(run.server.pid) - before
            times = sorted(result.batch_ms)
            rows.append(
                Measurement(
                    limit_name(batch),
                    cell,
                    repetition,
                    result.held / result.seconds,
                    statistics.median(times),
                    times[int(len(times) * 0.99)],
                    0.0,
                    used / result.held * 1e6,
                    0,
                    0,
                )
            )
    run.server.drop_database(name)
    return rows


def measure_group(run: Run, repetition: int) -> tuple[list[Measurement], Books]:
    """The group writer without HTTP on the hot SKU: beside the limit, what group commit itself costs."""
    url = run.server.create_database(f"group_{repetition}", template="holdfast_shop")
    run_group(url, run.shop.warehouse_id, run.shop.hot, clients=GROUP_CLIENTS, seconds=WARM_UP_SECONDS)
    app_before, postgres_before = cpu_seconds(os.getpid()), cpu_seconds(run.server.pid)
    result = run_group(url, run.shop.warehouse_id, run.shop.hot, clients=GROUP_CLIENTS, seconds=run.seconds)
    app_used = cpu_seconds(os.getpid()) - app_before
    postgres_used = cpu_seconds(run.server.pid) - postgres_before
    times = sorted(result.latencies_ms)
    row = Measurement(
        GROUP,
        HOT,
        repetition,
        result.held / result.seconds,
        statistics.median(times),
        times[int(len(times) * 0.99)],
        app_used / result.held * 1e6,
        postgres_used / result.held * 1e6,
        0,
        0,
    )
    books = check_books(url, [], oversold=HOLDFAST.oversold, lost=HOLDFAST.lost)
    run.server.drop_database(f"group_{repetition}")
    return [row], books


def figures(measured: Measurements, turns: list[Turn], books: list[Books]) -> dict[str, float | int | None]:
    """The medians a reader compares, each ratio taken within one repetition or one turn."""

    def rate(row: Measurement) -> float:
        return row.holds_per_second

    def against(pick: Pick, cell: str, other: str) -> float | None:
        return measured.ratio(pick, (HOLDFAST.name, cell), (other, cell))

    return {
        "http_hot_vs_usual": against(rate, HOT, USUAL.name),
        "http_spread_vs_usual": against(rate, SPREAD, USUAL.name),
        "http_hot_vs_tuned": against(rate, HOT, TUNED.name),
        "http_spread_vs_tuned": against(rate, SPREAD, TUNED.name),
        "cpu_per_hold_vs_empty_post": median_ratio(turns, lambda turn: turn.cpu_us, HOLDFAST, EMPTY),
        "cpu_per_hold_vs_own_front": median_ratio(turns, lambda turn: turn.cpu_us, HOLDFAST, FRONT),
        "cpu_per_spread_hold_vs_empty_post": against(lambda row: row.cpu_us, SPREAD, EMPTY.name),
        "p99_hot_vs_usual": against(lambda row: row.p99_ms, HOT, USUAL.name),
        "p99_spread_vs_usual": against(lambda row: row.p99_ms, SPREAD, USUAL.name),
        "single_client_vs_usual": against(rate, SINGLE, USUAL.name),
        "group_hot_vs_limit": measured.ratio(rate, (GROUP, HOT), (limit_name(GROUP_CLIENTS), HOT)),
        "three_processes_hot_vs_one": median_ratio(turns, lambda turn: turn.rate, THREE, HOLDFAST),
        "oversold": sum(one.oversold for one in books),
        "lost": sum(one.lost for one in books),
        "acknowledged": sum(one.acknowledged for one in books),
    }


def run_all(run: Run) -> tuple[Measurements, list[Turn], list[Books]]:
    """Interleaved: each repetition runs every design, every second one in the opposite order."""
    designs = [USUAL, TUNED, HOLDFAST, THREE, EMPTY, FRONT]
    measured, turns, books = Measurements(), list[Turn](), list[Books]()
    for repetition in range(run.repetitions):
        for design in designs if repetition % 2 == 0 else reversed(designs):
            run.server.checkpoint()
            rows, checked = measure_design(run, design, repetition)
            measured.rows += rows
            books.append(checked)
            sys.stderr.write(f"repetition {repetition + 1}: {design.name} {checked}\n")
        run.server.checkpoint()
        measured.rows += measure_limit(run, repetition)
        run.server.checkpoint()
        rows, checked = measure_group(run, repetition)
        measured.rows += rows
        books.append(checked)
        run.server.checkpoint()
        taken, all_checked = take_turns(run.server, run.shop, [EMPTY, FRONT, HOLDFAST, THREE], connections=CONNECTIONS)
        turns += taken
        books += all_checked
    return measured, turns, books


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--repetitions", type=int, default=5)
    options.add_argument("--seconds", type=float, default=2.0)
    options.add_argument("--json", type=Path)
    options.add_argument("--markdown", type=Path)
    chosen = options.parse_args()
    with durable_server() as server:
        settings = server.settings()
        shop = new_shop()
        open_plain_shop(server.create_database("plain_shop"), shop, scarce_units=SCARCE_UNITS)
        open_holdfast_shop(server.create_database("holdfast_shop"), shop, scarce_units=SCARCE_UNITS)
        measured, turns, books = run_all(Run(server, shop, chosen.repetitions, chosen.seconds))
    found = figures(measured, turns, books)
    print(f"Holds over HTTP, {chosen.repetitions} repetitions of {chosen.seconds:g} s")
    print_tables(measured)
    print(json.dumps(found | {"postgres": settings}, indent=1))
    if chosen.markdown:
        chosen.markdown.write_text(markdown(measured))
    if chosen.json:
        cells_measured = [asdict(row) for row in measured.rows]
        chosen.json.write_text(json.dumps(found | {"cells": cells_measured}, indent=1) + "\n")
    return 1 if found["oversold"] or found["lost"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
