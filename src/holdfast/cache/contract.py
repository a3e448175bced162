"""What a cache promises, and the names under which things are kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import msgspec
from prometheus_client import Counter, Gauge

# Stands for every name: what many answers depend on has changed, such as a warehouse that was closed.
EVERYTHING = "*"


def totals(sku_id: object) -> str:
    """The totals of a SKU with their split by warehouse."""
    return f"global_inventory:{sku_id}"


def level(warehouse_id: object, sku_id: object) -> str:
    return f"inventory:{warehouse_id}:{sku_id}"


LOW_STOCK = "low_stock_alerts"


def hold(reservation_id: object) -> str:
    return f"reservation:{reservation_id}"


class Look(msgspec.Struct, frozen=True):
    """What PostgreSQL said of one name.

    ``valid_until`` is the first instant (business time, µs since 1970) at which it may change without a write, such as
    the deadline of a hold. ``parts`` are further names that the same look answers.
    """

    body: bytes
    version: int = 0
    valid_until: int | None = None
    may_be_kept: bool = True
    parts: dict[str, tuple[int, bytes]] = {}


class Looked(msgspec.Struct, frozen=True):
    """The answer to one question about several names, from one snapshot taken at ``now`` (business time, µs)."""

    now: int
    looks: dict[str, Look]


Fetch = Callable[[list[str]], Awaitable[Looked]]


class Cache(Protocol):
    """Reads through; is told what was changed. All answers are as new as the moment they were asked for."""

    async def start(self, identity: str) -> None:
        """Begin. ``identity`` tells databases apart that share one Redis."""
        ...

    async def close(self) -> None: ...

    async def look(self, name: str, fetch: Fetch) -> bytes:
        """The body under ``name``: kept, or asked of PostgreSQL. Raises what ``fetch`` raises, never anything else."""
        ...

    async def forget(self, names: Iterable[str]) -> None:
        """These names were changed by a transaction that is over: no answer from before it will be given again."""
        ...

    async def show(self, name: str, body: bytes, *, seconds: int) -> None:
        """Lay something out for other programs to read; nobody here reads it."""
        ...


LOOKS = Counter(
    "holdfast_cache_looks_total",
    "Looks by result: hit, miss, stale (refused: older than what was shown before), away (no Redis).",
    ["result"],
)
FILLS = Counter("holdfast_cache_fills_total", "Values offered to Redis: stored, or refused as overtaken.", ["result"])
FORGOTTEN = Counter("holdfast_cache_forgotten_total", "Names removed from Redis because they were changed.")
FAILURES = Counter("holdfast_cache_failures_total", "Times Redis failed or did not answer in time.")
CONNECTED = Gauge("holdfast_cache_connected", "Processes whose Redis answers.", multiprocess_mode="livesum")
