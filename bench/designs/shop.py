"""The shop every design is measured on: one warehouse, one hot SKU, 10,000 others, one API key."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import psycopg

SCHEMA = Path(__file__).with_name("schema.sql")
TOKEN = "bench-token-that-is-as-long-as-a-real-one-0123456789"
WAREHOUSE = uuid.UUID("018f0000-0000-7000-8000-0000000000aa")
SPREAD_SKUS = 10_000
PLENTY = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Shop:
    """The ids a load generator needs to ask for stock: the hot SKU, one that runs out, and the many."""

    warehouse_id: str
    hot: str
    scarce: str
    spread: tuple[str, ...]


def uuid7() -> uuid.UUID:
    """A time-ordered id (RFC 9562 §5.7), so that every design's indexes grow at their right edge."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def token_hash(token: str) -> bytes:
    """Keys are random and long: a plain digest is as safe as a slow one and costs a microsecond."""
    return hashlib.sha256(token.encode()).digest()


def open_shop(url: str, *, scarce_units: int) -> Shop:
    """Create the tables of schema.sql in an empty database and fill them. Returns the ids."""
    skus = [uuid7() for _ in range(SPREAD_SKUS + 2)]
    with psycopg.connect(url) as connection:
        connection.execute(SCHEMA.read_bytes())
        connection.execute(
            "insert into api_key (key_hash, name, scopes) values (%s, 'bench', '{stock:write}')",
            (token_hash(TOKEN),),
        )
        connection.execute(
            "insert into inventory (warehouse_id, sku_id, available_quantity)"
            " select %s, s, %s from unnest(%s::uuid[]) s",
            (WAREHOUSE, PLENTY, skus),
        )
        connection.execute("update inventory set available_quantity = %s where sku_id = %s", (scarce_units, skus[1]))
    return Shop(str(WAREHOUSE), str(skus[0]), str(skus[1]), tuple(map(str, skus[2:])))
