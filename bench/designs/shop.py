"""The shop every design is measured on: one warehouse, one hot SKU, one that runs out, 10,000 others, one API key."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import psycopg

from holdfast.db.migrate import migrate

SCHEMA = Path(__file__).with_name("schema.sql")
TOKEN = "bench-token-that-is-as-long-as-a-real-one-0123456789"
SPREAD_SKUS = 10_000
PLENTY = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Shop:
    """The ids a load generator needs to ask for stock."""

    warehouse_id: str
    hot: str
    scarce: str
    spread: tuple[str, ...]

    def stock(self, scarce_units: int) -> list[tuple[str, int]]:
        """Every SKU with the units it starts with."""
        return [(self.hot, PLENTY), (self.scarce, scarce_units), *((sku, PLENTY) for sku in self.spread)]


def uuid7() -> uuid.UUID:
    """A time-ordered id (RFC 9562 section 5.7), so that every design's indexes grow at their right edge."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def token_hash(token: str) -> bytes:
    """Keys are random and long: a plain digest is as safe as a slow one and costs a microsecond."""
    return hashlib.sha256(token.encode()).digest()


def new_shop() -> Shop:
    skus = [str(uuid7()) for _ in range(SPREAD_SKUS + 2)]
    return Shop(str(uuid7()), skus[0], skus[1], tuple(skus[2:]))


def open_plain_shop(url: str, shop: Shop, *, scarce_units: int) -> None:
    """Create the tables of schema.sql in an empty database and fill them."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA.read_bytes())
        connection.execute(
            "insert into api_key (key_hash, name, scopes) values (%s, 'bench', '{stock:write}')",
            (token_hash(TOKEN),),
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into inventory (warehouse_id, sku_id, available_quantity) values (%s, %s, %s)",
                [(shop.warehouse_id, sku, units) for sku, units in shop.stock(scarce_units)],
            )
        connection.execute("vacuum analyze")


def open_holdfast_shop(url: str, shop: Shop, *, scarce_units: int) -> None:
    """Migrate an empty database and receive the same stock through the posting function."""
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "insert into warehouses (id, code, name, type) values (%s, 'BENCH', 'Bench', 'main')", (shop.warehouse_id,)
        )
        connection.execute("select stock_ensure_months(current_date, current_date)")
        stock = shop.stock(scarce_units)
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into skus (id, code, name) values (%s, %s, %s)",
                [(sku, f"BENCH-{number}", f"Bench {number}") for number, (sku, _) in enumerate(stock)],
            )
        for start in range(0, len(stock), 1000):
            connection.execute(RECEIVE, {"items": _receipt(shop, stock[start : start + 1000])})
        connection.execute("vacuum analyze")


RECEIVE = """
select stock_move(json_build_array(json_build_object(
    'n', 0, 'actor', 'bench', 'event_type', 'inventory.received', 'movement_type', 'in',
    'reference_type', 'receipt', 'reason', 'opening stock', 'items', %(items)s::json)))
"""


def _receipt(shop: Shop, lines: list[tuple[str, int]]) -> str:
    items = (
        f'{{"sku_id":"{sku}","warehouse_id":"{shop.warehouse_id}","bucket":"sellable","quantity":{units}}}'
        for sku, units in lines
    )
    return f"[{','.join(items)}]"
