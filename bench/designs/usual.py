"""The usual design: FastAPI and the SQLAlchemy ORM, one `select … for update` transaction per request.

Written as a careful team would: asyncpg, prepared statements cached by the driver, a pool that fits the
server, sorted locks, one transaction, the key check cached for a few seconds, uvloop and httptools. Nothing
in it is slow on purpose.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Literal

from fastapi import Depends, FastAPI, Header, HTTPException, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy import DateTime, ForeignKey, LargeBinary, Text, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bench.designs.shop import token_hash, uuid7

KEY_CACHE_SECONDS = 10.0

# 20 connections: more only lengthens the queue behind a row lock (10 and 40 were tried: docs/performance.md).
engine = create_async_engine(
    os.environ["BENCH_DB_URL"].replace("postgresql://", "postgresql+asyncpg://"),
    pool_size=int(os.environ.get("BENCH_POOL", "20")),
    max_overflow=0,
)
Session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    type_annotation_map: ClassVar = {str: Text, bytes: LargeBinary, datetime: DateTime(timezone=True)}


class ApiKey(Base):
    __tablename__ = "api_key"
    key_hash: Mapped[bytes] = mapped_column(primary_key=True)
    name: Mapped[str]
    revoked_at: Mapped[datetime | None]


class Level(Base):
    __tablename__ = "inventory"
    warehouse_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    sku_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    available_quantity: Mapped[int]
    reserved_quantity: Mapped[int]
    version: Mapped[int]


class Reservation(Base):
    __tablename__ = "reservation"
    reservation_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    status: Mapped[str]
    reference_type: Mapped[str]
    reference_id: Mapped[str]
    expires_at: Mapped[datetime | None]


class ReservationLine(Base):
    __tablename__ = "reservation_line"
    reservation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("reservation.reservation_id"), primary_key=True)
    warehouse_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    sku_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    quantity: Mapped[int]


class OutboxEvent(Base):
    __tablename__ = "outbox"
    event_id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    payload: Mapped[str]


class IdempotencyKey(Base):
    __tablename__ = "idempotency_key"
    owner: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[bytes]
    status: Mapped[int]
    answer: Mapped[str]


class AskedItem(BaseModel):
    sku_id: uuid.UUID
    warehouse_id: uuid.UUID
    quantity: int = Field(ge=1)


class ReservationAsk(BaseModel):
    items: list[AskedItem] = Field(min_length=1)
    reference_type: Literal["cart", "order", "manual"]
    reference_id: str = Field(max_length=200)
    expires_in_minutes: int = Field(default=30, ge=1)


class HeldItem(BaseModel):
    sku_id: uuid.UUID
    reserved_quantity: int
    warehouse_id: uuid.UUID


class Held(BaseModel):
    reservation_id: uuid.UUID
    status: str
    expires_at: datetime | None
    items: list[HeldItem]


class Short(Exception):
    """Less is available than the request asked for; carries one entry per short line."""

    def __init__(self, lines: list[dict[str, object]]) -> None:
        super().__init__("insufficient_stock")
        self.lines = lines


async def open_session() -> AsyncIterator[AsyncSession]:
    async with Session() as session:
        yield session


DbSession = Annotated[AsyncSession, Depends(open_session)]
_known_keys: dict[bytes, tuple[float, str]] = {}


async def caller_name(authorization: Annotated[str, Header()], session: DbSession) -> str:
    """Who calls, by the digest of the bearer key."""
    digest = token_hash(authorization.removeprefix("Bearer "))
    known = _known_keys.get(digest)
    if known is not None and known[0] > time.monotonic():
        return known[1]
    name = await session.scalar(select(ApiKey.name).where(ApiKey.key_hash == digest, ApiKey.revoked_at.is_(None)))
    await session.rollback()
    if name is None:
        raise HTTPException(401)
    _known_keys[digest] = (time.monotonic() + KEY_CACHE_SECONDS, name)
    return name


async def stored_answer(session: AsyncSession, *, owner: str, key: str, body_hash: bytes) -> Response | None:
    kept = await session.get(IdempotencyKey, (owner, key))
    if kept is None:
        return None
    if kept.body_hash != body_hash:
        return JSONResponse({"code": "idempotency_key_reused"}, 422)
    return Response(kept.answer, kept.status, {"Idempotent-Replayed": "true"}, media_type="application/json")


async def hold(session: AsyncSession, ask: ReservationAsk) -> Held:
    """Lock the levels in sorted order, check them, write the hold. The caller commits."""
    wanted: dict[tuple[uuid.UUID, uuid.UUID], int] = {}
    for item in ask.items:
        place = (item.warehouse_id, item.sku_id)
        wanted[place] = wanted.get(place, 0) + item.quantity
    levels = {
        (level.warehouse_id, level.sku_id): level
        for level in await session.scalars(
            select(Level)
            .where(tuple_(Level.warehouse_id, Level.sku_id).in_(sorted(wanted)))
            .order_by(Level.warehouse_id, Level.sku_id)
            .with_for_update()
        )
    }
    free = {place: levels[place].available_quantity if place in levels else 0 for place in wanted}
    short: list[dict[str, object]] = [
        {"sku_id": str(place[1]), "requested": quantity, "available": free[place]}
        for place, quantity in wanted.items()
        if free[place] < quantity
    ]
    if short:
        raise Short(short)
    reservation = Reservation(
        reservation_id=uuid7(),
        status="active",
        reference_type=ask.reference_type,
        reference_id=ask.reference_id,
        expires_at=datetime.now(UTC) + timedelta(minutes=ask.expires_in_minutes),
    )
    session.add(reservation)
    items: list[HeldItem] = []
    for place, quantity in wanted.items():
        levels[place].available_quantity -= quantity
        levels[place].reserved_quantity += quantity
        levels[place].version += 1
        session.add(
            ReservationLine(
                reservation_id=reservation.reservation_id,
                warehouse_id=place[0],
                sku_id=place[1],
                quantity=quantity,
            )
        )
        items.append(HeldItem(sku_id=place[1], reserved_quantity=quantity, warehouse_id=place[0]))
    return Held(
        reservation_id=reservation.reservation_id,
        status="active",
        expires_at=reservation.expires_at,
        items=items,
    )


@app.post("/api/v1/inventory/reservations", status_code=201, response_model=Held)
async def reserve(
    ask: ReservationAsk,
    session: DbSession,
    owner: Annotated[str, Depends(caller_name)],
    idempotency_key: Annotated[str, Header(max_length=200)],
) -> Response:
    body_hash = hashlib.sha256(ask.model_dump_json().encode()).digest()
    try:
        async with session.begin():
            again = await stored_answer(session, owner=owner, key=idempotency_key, body_hash=body_hash)
            if again is not None:
                return again
            held = await hold(session, ask)
            answer = held.model_dump_json()
            event = json.dumps({"event": "stock.reserved", "reservation_id": str(held.reservation_id)})
            session.add(OutboxEvent(kind="stock.reserved", payload=event))
            session.add(
                IdempotencyKey(owner=owner, key=idempotency_key, body_hash=body_hash, status=201, answer=answer)
            )
    except Short as refusal:
        return JSONResponse({"code": "insufficient_stock", "status": 409, "errors": refusal.lines}, 409)
    except IntegrityError:
        # Two requests with one key at the same moment: the other one won, its answer is ours.
        async with session.begin():
            again = await stored_answer(session, owner=owner, key=idempotency_key, body_hash=body_hash)
        if again is None:
            raise
        return again
    return Response(answer, 201, media_type="application/json")
