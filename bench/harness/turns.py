"""Designs in turns of half a second, all of them running: the host's own speed changes within seconds."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.designs.catalogue import Design, database_of
from bench.designs.shop import TOKEN, Shop
from bench.harness.books import Books, check_books
from bench.harness.cpu import cpu_seconds
from bench.harness.load import Target, run_load
from bench.harness.postgres import Server

TURNS = 5
SECONDS = 0.5


@dataclass(slots=True)
class Turn:
    """What each design did: holds per second, and CPU µs of its service and of PostgreSQL per hold."""

    rate: dict[str, float] = field(default_factory=dict)
    cpu_us: dict[str, float] = field(default_factory=dict)


def median_ratio(turns: Sequence[Turn], of: Callable[[Turn], dict[str, float]], one: Design, other: Design) -> float:
    """``one`` ÷ ``other``, taken within each turn."""
    return statistics.median(of(turn)[one.name] / of(turn)[other.name] for turn in turns)


def take_turns(
    server: Server, shop: Shop, designs: Sequence[Design], *, connections: int
) -> tuple[list[Turn], list[Books]]:
    """Buy the hot SKU from each design in turn, every second time in the opposite order."""
    urls = {d.name: server.create_database(database_of(d, "turns"), template=d.template) for d in designs}
    ids: dict[str, list[str]] = {d.name: [] for d in designs}
    turns: list[Turn] = []
    with contextlib.ExitStack() as running:
        apps = {d.name: running.enter_context(d.serve(urls[d.name])) for d in designs}
        for number in range(TURNS + 1):
            turn = Turn()
            for name, app in apps.items() if number % 2 else reversed(apps.items()):
                target = Target(app.port, TOKEN, shop.warehouse_id, (shop.hot,))
                ids[name] += run_load(target, connections=connections, seconds=SECONDS / 4).reservation_ids
                before = cpu_seconds(app.pid) + cpu_seconds(server.pid)
                result = run_load(target, connections=connections, seconds=SECONDS)
                used = cpu_seconds(app.pid) + cpu_seconds(server.pid) - before
                ids[name] += result.reservation_ids
                turn.rate[name] = result.per_second(201)
                turn.cpu_us[name] = used / max(1, result.by_status[201]) * 1e6
            turns.append(turn)
    books = [check_books(urls[d.name], ids[d.name], oversold=d.oversold, lost=d.lost) for d in designs if d.stores]
    for design in designs:
        server.drop_database(database_of(design, "turns"))
    # The first one warmed up.
    return turns[1:], books
