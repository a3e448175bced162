"""Holdfast's group writer called in process: what group commit itself reaches, without HTTP."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from uuid import UUID

from bench.designs.shop import uuid7
from holdfast.db.group import GroupWriter
from holdfast.stock.asks import ReserveAsk, ReserveItem
from holdfast.stock.lanes import POST


@dataclass(frozen=True, slots=True)
class GroupRun:
    """`held` requests granted in `seconds`; `latencies_ms` of single requests."""

    held: int
    seconds: float
    latencies_ms: list[float]


def run_group(url: str, warehouse_id: str, sku: str, *, clients: int, seconds: float) -> GroupRun:
    """`clients` coroutines hold one unit each, again and again, each request with a fresh key."""
    return asyncio.run(_run(url, ReserveItem(UUID(sku), 1, UUID(warehouse_id)), clients, seconds))


async def _run(url: str, item: ReserveItem, clients: int, seconds: float) -> GroupRun:
    writer = GroupWriter(url, POST["reserve"], queue_max=clients, name="bench-group")
    principal, run = str(uuid7()), uuid7().hex
    latencies: list[float] = []
    until = time.perf_counter() + seconds

    async def client(number: int) -> None:
        turn = 0
        while (asked := time.perf_counter()) < until:
            key = f"{run}-{number}-{turn}"
            answer = await writer.submit(
                ReserveAsk(
                    principal_id=principal,
                    actor="bench",
                    key=key,
                    hash=key,
                    reference_type="cart",
                    reference_id=key,
                    minutes=30,
                    items=[item],
                )
            )
            assert answer.outcome == "reserved", answer
            latencies.append((time.perf_counter() - asked) * 1000)
            turn += 1

    started = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(clients)))
    took = time.perf_counter() - started
    await writer.close()
    return GroupRun(len(latencies), took, latencies)
