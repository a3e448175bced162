"""A plain ASGI front end with authentication and msgspec: what the tuned and the empty design share."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import asyncpg
import msgspec

from bench.designs.shop import token_hash, uuid7

KEY_CACHE_SECONDS = 10.0


class AskedItem(msgspec.Struct):
    sku_id: uuid.UUID
    warehouse_id: uuid.UUID
    quantity: Annotated[int, msgspec.Meta(ge=1)]


class ReservationAsk(msgspec.Struct):
    items: Annotated[list[AskedItem], msgspec.Meta(min_length=1)]
    reference_type: Literal["cart", "order", "manual"]
    reference_id: Annotated[str, msgspec.Meta(max_length=200)]
    expires_in_minutes: Annotated[int, msgspec.Meta(ge=1)] = 30


class HeldItem(msgspec.Struct):
    sku_id: uuid.UUID
    reserved_quantity: int
    warehouse_id: uuid.UUID


class Held(msgspec.Struct):
    reservation_id: uuid.UUID
    status: str
    expires_at: datetime
    items: list[HeldItem]


Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Reserve = Callable[[asyncpg.Pool, str, str, bytes, ReservationAsk], Awaitable[tuple[int, bytes]]]
_decoder = msgspec.json.Decoder(ReservationAsk)
_encoder = msgspec.json.Encoder()


def held_answer(ask: ReservationAsk) -> tuple[Held, bytes]:
    """The hold a request asks for, with its id and expiry, and the body that tells the caller so."""
    held = Held(
        uuid7(),
        "active",
        datetime.now(UTC) + timedelta(minutes=ask.expires_in_minutes),
        [HeldItem(item.sku_id, item.quantity, item.warehouse_id) for item in ask.items],
    )
    return held, _encoder.encode(held)


class PlainFront:
    """One POST route over `reserve`; one pool of connections to `url`, one cache of known keys."""

    def __init__(self, reserve: Reserve, *, url: str, connections: int) -> None:
        self.reserve = reserve
        self.url = url
        self.connections = connections
        self.known_keys: dict[bytes, tuple[float, str]] = {}
        self.pool: asyncpg.Pool | None = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.lifespan(receive, send)
            return
        headers = dict(scope["headers"])
        message = await receive()
        body: bytes = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        status, answer = await self.answer(headers, body)
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", b"%d" % len(answer)),
                ],
            }
        )
        await send({"type": "http.response.body", "body": answer})

    async def answer(self, headers: dict[bytes, bytes], body: bytes) -> tuple[int, bytes]:
        assert self.pool is not None
        owner = await self.caller_name(headers.get(b"authorization", b""))
        key = headers.get(b"idempotency-key")
        if owner is None:
            return 401, b'{"code":"unauthorized"}'
        if key is None:
            return 422, b'{"code":"idempotency_key_missing"}'
        try:
            ask = _decoder.decode(body)
        except msgspec.DecodeError as wrong:
            return 422, _encoder.encode({"code": "invalid", "detail": str(wrong)})
        return await self.reserve(self.pool, owner, key.decode(), body, ask)

    async def caller_name(self, authorization: bytes) -> str | None:
        digest = token_hash(authorization[len(b"Bearer ") :].decode())
        known = self.known_keys.get(digest)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        assert self.pool is not None
        name = await self.pool.fetchval("select name from api_key where key_hash = $1 and revoked_at is null", digest)
        if name is not None:
            self.known_keys[digest] = (time.monotonic() + KEY_CACHE_SECONDS, name)
        return name

    async def lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self.pool = await asyncpg.create_pool(self.url, min_size=self.connections, max_size=self.connections)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.pool.close()
        await send({"type": "lifespan.shutdown.complete"})
