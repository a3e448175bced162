"""An empty POST: authenticated, validated, answered like a hold, nothing stored. What HTTP alone costs."""

from __future__ import annotations

import os

import asyncpg

from bench.designs.front import PlainFront, ReservationAsk, held_answer


async def reserve(pool: asyncpg.Pool, owner: str, key: str, body: bytes, ask: ReservationAsk) -> tuple[int, bytes]:
    return 201, held_answer(ask)[1]


app = PlainFront(reserve, url=os.environ["BENCH_DB_URL"], connections=1)
