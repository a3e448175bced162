"""The set-based limit: the rows of many holds in one statement, PostgreSQL alone, no service in front."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import psycopg

from bench.designs.shop import WAREHOUSE

# Locks in sorted order and checks the sum per SKU, as a design that is safe beside other writers must.
BATCH = """
with asked as materialized (
    select uuidv7() as reservation_id, sku_id, n
      from unnest(%(skus)s::uuid[]) with ordinality as a (sku_id, n)
), wanted as (
    select sku_id, count(*) as quantity from asked group by sku_id
), locked as materialized (
    select i.sku_id, w.quantity
      from inventory i join wanted w using (sku_id)
     where i.warehouse_id = %(warehouse)s
     order by i.sku_id for no key update of i
), held as (
    update inventory i
       set available_quantity = i.available_quantity - l.quantity,
           reserved_quantity = i.reserved_quantity + l.quantity,
           version = i.version + 1,
           last_updated = now()
      from locked l
     where i.warehouse_id = %(warehouse)s and i.sku_id = l.sku_id and i.available_quantity >= l.quantity
    returning i.sku_id
), granted as materialized (
    select a.* from asked a join held using (sku_id)
), headed as (
    insert into reservation (reservation_id, status, reference_type, reference_id, expires_at)
    select reservation_id, 'active', 'cart', n::text, now() + interval '30 minutes' from granted
), lined as (
    insert into reservation_line (reservation_id, warehouse_id, sku_id, quantity)
    select reservation_id, %(warehouse)s, sku_id, 1 from granted
), told as (
    insert into outbox (kind, payload)
    select 'stock.reserved', '{"event": "stock.reserved", "reservation_id": "' || reservation_id || '"}'
      from granted
), kept as (
    insert into idempotency_key (owner, key, body_hash, status, answer)
    select 'limit', reservation_id::text, sha256(reservation_id::text::bytea), 201,
           '{"reservation_id":"' || reservation_id || '","status":"active","expires_at":"' || now()
           || '","items":[{"sku_id":"' || sku_id || '","reserved_quantity":1,"warehouse_id":"'
           || %(warehouse)s::text || '"}]}'
      from granted
)
select count(*) from granted
"""


@dataclass(frozen=True, slots=True)
class LimitRun:
    """`held` rows written in `seconds`; `batch_ms` are the times of single batches."""

    held: int
    seconds: float
    batch_ms: list[float]


def run_limit(url: str, skus: tuple[str, ...], *, batch: int, seconds: float) -> LimitRun:
    """Write batches of `batch` holds over one connection for `seconds`, each its own durable transaction."""
    # Rendered beforehand: the clock should see the server, not Python building arrays.
    arrays = ["{" + ",".join(random.choices(skus, k=batch)) + "}" for _ in range(50)]
    held, times = 0, list[float]()
    with psycopg.connect(url, autocommit=True, prepare_threshold=1) as connection:
        started = time.perf_counter()
        while (now := time.perf_counter()) < started + seconds:
            row = connection.execute(BATCH, {"skus": random.choice(arrays), "warehouse": WAREHOUSE}).fetchone()
            assert row is not None
            held += row[0]
            times.append((time.perf_counter() - now) * 1000)
        return LimitRun(held, time.perf_counter() - started, times)
