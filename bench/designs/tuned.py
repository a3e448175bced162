"""The tuned design: one conditional statement per request, no framework, no ORM."""

from __future__ import annotations

import hashlib
import os

import asyncpg
import msgspec

from bench.designs.front import PlainFront, ReservationAsk, held_answer

# Everything a hold writes hangs on whether the conditional update found enough: one round trip, one commit.
HOLD = """
with held as (
    update inventory
       set available_quantity = available_quantity - $3,
           reserved_quantity = reserved_quantity + $3,
           version = version + 1,
           last_updated = now()
     where (warehouse_id, sku_id) = ($1, $2) and available_quantity >= $3
    returning 1
), headed as (
    insert into reservation (reservation_id, status, reference_type, reference_id, expires_at)
    select $4, 'active', $5, $6, $7 from held
), lined as (
    insert into reservation_line (reservation_id, warehouse_id, sku_id, quantity)
    select $4, $1, $2, $3 from held
), told as (
    insert into outbox (kind, payload) select 'stock.reserved', $8 from held
), kept as (
    insert into idempotency_key (owner, key, body_hash, status, answer)
    select $9, $10, $11, 201, $12 from held
)
select count(*) from held
"""
KEPT = "select body_hash, status, answer from idempotency_key where (owner, key) = ($1, $2)"
AVAILABLE = "select available_quantity from inventory where (warehouse_id, sku_id) = ($1, $2)"


async def reserve(pool: asyncpg.Pool, owner: str, key: str, body: bytes, ask: ReservationAsk) -> tuple[int, bytes]:
    """One line per request, which flatters this design: several lines would need a second statement."""
    (item,) = ask.items
    held, answer = held_answer(ask)
    body_hash = hashlib.sha256(body).digest()
    event = msgspec.json.encode({"event": "stock.reserved", "reservation_id": held.reservation_id})
    try:
        fits = await pool.fetchval(
            HOLD,
            item.warehouse_id,
            item.sku_id,
            item.quantity,
            held.reservation_id,
            ask.reference_type,
            ask.reference_id,
            held.expires_at,
            event.decode(),
            owner,
            key,
            body_hash,
            answer.decode(),
        )
    except asyncpg.UniqueViolationError:
        fits = 0
    if fits:
        return 201, answer
    kept = await pool.fetchrow(KEPT, owner, key)
    if kept is not None:
        if kept["body_hash"] != body_hash:
            return 422, b'{"code":"idempotency_key_reused"}'
        return kept["status"], kept["answer"].encode()
    available = await pool.fetchval(AVAILABLE, item.warehouse_id, item.sku_id)
    refusal = {"sku_id": item.sku_id, "requested": item.quantity, "available": available or 0}
    return 409, msgspec.json.encode({"code": "insufficient_stock", "status": 409, "errors": [refusal]})


app = PlainFront(reserve, url=os.environ["BENCH_DB_URL"], connections=int(os.environ.get("BENCH_POOL", "20")))
