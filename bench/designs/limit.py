"""The set-based limit: the rows of many holds in one statement over Holdfast's tables, no service in front."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import psycopg

from bench.designs.shop import uuid7

# The same rows and indexes as stock_reserve, and its locks in sorted order; without keys to look up, expired holds,
# several warehouses, refusals one by one, or anything that depends on what the requests say.
BATCH = """
with asked as materialized (
    select (%(id)s::text || lpad(to_hex(n), 4, '0'))::uuid as reservation_id, sku_id, n
      from unnest(%(skus)s::uuid[]) with ordinality as a (sku_id, n)
), wanted as (
    select sku_id, count(*) as quantity from asked group by sku_id
), locked as materialized (
    select i.sku_id, w.quantity
      from inventory i join wanted w using (sku_id)
     where i.warehouse_id = %(warehouse)s::uuid
     order by i.sku_id for no key update of i
), held as (
    update inventory i
       set available_quantity = i.available_quantity - l.quantity,
           reserved_quantity = i.reserved_quantity + l.quantity,
           version = i.version + 1,
           last_updated = now()
      from locked l
     where i.warehouse_id = %(warehouse)s::uuid and i.sku_id = l.sku_id and i.available_quantity >= l.quantity
    returning i.sku_id
), granted as materialized (
    select a.* from asked a join held using (sku_id)
), headed as (
    insert into reservations (id, reference_type, reference_id, created_at, expires_at, actor)
    select reservation_id, 'cart', n::text, now(), now() + interval '30 minutes', 'limit' from granted
), lined as (
    insert into inventory_reservations
        (reservation_id, line_no, sku_id, warehouse_id, quantity, reserved_at, expires_at)
    select reservation_id, 1, sku_id, %(warehouse)s::uuid, 1, now(), now() + interval '30 minutes' from granted
), answered as materialized (
    select *, json_build_object('reservation_id', reservation_id, 'status', 'active', 'reference_type', 'cart',
                  'reference_id', n::text, 'created_at', now(), 'expires_at', now() + interval '30 minutes',
                  'items', json_build_array(json_build_object(
                      'sku_id', sku_id, 'reserved_quantity', 1, 'warehouse_id', %(warehouse)s::uuid))) as facts
      from granted
), told as (
    insert into outbox_events (event_id, event_type, sku_ids, data, occurred_at)
    select reservation_id, 'inventory.reserved', array[sku_id], facts, now() from answered
), kept as (
    insert into idempotency_keys (principal_id, key, request_hash, outcome, facts)
    select %(warehouse)s::uuid, reservation_id::text, md5(reservation_id::text), 'reserved', facts from answered
)
select count(*) from granted
"""


GENERIC = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off"


@dataclass(frozen=True, slots=True)
class LimitRun:
    """`held` rows written in `seconds`; `batch_ms` are the times of single batches."""

    held: int
    seconds: float
    batch_ms: list[float]


def run_limit(
    url: str, warehouse_id: str, skus: tuple[str, ...], *, batch: int, seconds: float, at_least: int = 0
) -> LimitRun:
    """Write batches of `batch` holds over one connection for `seconds` and `at_least` so many holds,
    each batch its own durable transaction."""
    # Rendered beforehand: the clock should see the server, not Python building arrays.
    arrays = ["{" + ",".join(random.choices(skus, k=batch)) + "}" for _ in range(50)]
    held, times = 0, list[float]()
    with psycopg.connect(url, autocommit=True, prepare_threshold=0, options=GENERIC) as connection:
        started = time.perf_counter()
        while (now := time.perf_counter()) < started + seconds or held < at_least:
            row = connection.execute(
                BATCH, {"skus": random.choice(arrays), "warehouse": warehouse_id, "id": str(uuid7())[:32]}
            ).fetchone()
            assert row is not None
            held += row[0]
            times.append((time.perf_counter() - now) * 1000)
        return LimitRun(held, time.perf_counter() - started, times)
