"""The face of stock for other features: post a change inside their transaction; read levels, ledger, holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec
from psycopg.types.json import Json

from holdfast.catalog.service import escaped
from holdfast.db import Tx, statements
from holdfast.db.posting import Answer, Ask
from holdfast.kernel.errors import NotFound, Refusal
from holdfast.stock.answers import refusal_of
from holdfast.stock.asks import MoveAsk, ProlongAsk, ReserveAsk, ResolveAsk
from holdfast.stock.model import ActiveLine, Level, Movement, Reservation

sql = statements("holdfast.stock")

_MOVE: LiteralString = "select outcome, facts::text, replayed from stock_move(%s)"
_MOVE_EACH: LiteralString = "select request_no, outcome, facts::text, replayed from stock_move(%s)"
_RESERVE: LiteralString = "select outcome, facts::text, replayed from stock_reserve(%s)"
_REPEATS: LiteralString = "select outcome, facts::text, replayed from stock_repeats(%s::json)"
_REMEMBER: LiteralString = "select stock_remember(%s::json, array[row(0, %s, %s::json, false)::stock_answer])"
_KEEP_REFUSAL: LiteralString = "select stock_keep_refusal(%s::json -> 0, %s, %s::json)"
_RESOLVE: LiteralString = "select outcome, facts::text, replayed from stock_resolve(%s)"
_PROLONG: LiteralString = "select outcome, facts::text, replayed from stock_prolong(%s)"
_EXPECT: LiteralString = "select stock_expect(%s, %s)"
_EXPIRE: LiteralString = "select stock_expire(%s)"
_MONTHS: LiteralString = (
    "select stock_ensure_months(business_now()::date, (business_now() + interval '3 months')::date)"
)


async def move(tx: Tx, ask: MoveAsk) -> dict[str, Any]:
    """Post one change of what is physically there, in the caller's transaction.

    Answers the posted facts; raises the refusal (``insufficient_stock``, ``version_conflict``, …) otherwise.
    """
    return await _post(tx, _MOVE, _json([ask]))


async def reserve(tx: Tx, ask: ReserveAsk) -> dict[str, Any]:
    """Hold every line of one request in the caller's transaction, or none of them.

    Answers the reservation; raises the refusal (``insufficient_stock``, ``warehouse_inactive``, …) otherwise.
    """
    return await _post(tx, _RESERVE, _json([ask]))


async def reserve_once(tx: Tx, ask: ReserveAsk) -> Answer:
    """``reserve`` that also tells whether this was a repeat; raises the refusal."""
    return await _answered(tx, _RESERVE, _json([ask]))


async def first_answer(tx: Tx, ask: ReserveAsk) -> Answer | None:
    """What was answered to this key before, if anything; raises the refusal it was."""
    answer = await kept_answer(tx, ask)
    refusal = None if answer is None else refusal_of(answer)
    if refusal is not None:
        raise refusal
    return answer


async def kept_answer(tx: Tx, ask: ReserveAsk) -> Answer | None:
    """What was answered to this key before, if anything, a refusal too."""
    if ask.key is None:
        return None
    row = await (await tx.connection.execute(_REPEATS, [_json([ask])])).fetchone()
    return None if row is None else Answer(*row)


async def remember_refusal(tx: Tx, ask: ReserveAsk, refusal: Refusal) -> Answer:
    """Keep a refusal that was found before anything was posted, as the answer to its key and for demand; answers it.

    Raises psycopg's UniqueViolation when the same request, sent twice at once, was answered meanwhile.
    """
    facts = msgspec.json.encode({**refusal.facts, "errors": refusal.errors}).decode()
    if ask.key is not None:
        await tx.connection.execute(_REMEMBER, [_json([ask]), refusal.code, facts])
    await tx.connection.execute(_KEEP_REFUSAL, [_json([ask]), refusal.code, facts])
    return Answer(refusal.code, facts)


async def resolve(tx: Tx, ask: ResolveAsk) -> dict[str, Any]:
    """Consume or release a reservation in the caller's transaction; answers it, or raises the refusal."""
    return await _post(tx, _RESOLVE, _json([ask]))


async def prolong(tx: Tx, ask: ProlongAsk) -> dict[str, Any]:
    """Extend or convert a reservation in the caller's transaction; answers it, or raises the refusal."""
    return await _post(tx, _PROLONG, _json([ask]))


async def _post(tx: Tx, statement: LiteralString, asks: str) -> dict[str, Any]:
    return msgspec.json.decode((await _answered(tx, statement, asks)).facts)


async def _answered(tx: Tx, statement: LiteralString, asks: str) -> Answer:
    await tx.posts()
    row = await (await tx.connection.execute(statement, [asks])).fetchone()
    assert row is not None
    answer = Answer(*row)
    refusal = refusal_of(answer)
    if refusal is not None:
        raise refusal
    return answer


async def move_each(tx: Tx, asks: list[MoveAsk]) -> list[Answer]:
    """Post many changes at once, each all or nothing by itself; answers in order, refusals included."""
    if not asks:
        return []
    for number, ask in enumerate(asks):
        ask.n = number
    await tx.posts()
    rows = await (await tx.connection.execute(_MOVE_EACH, [_json(asks)])).fetchall()
    return [Answer(outcome, facts, replayed) for _, outcome, facts, replayed in sorted(rows)]


async def expect(tx: Tx, lines: list[dict[str, Any]], *, reference_id: str) -> None:
    """Raise (or, signed, lower) what is in transit: ``[{sku_id, warehouse_id, quantity}]``."""
    if lines:
        await tx.posts()
        await tx.connection.execute(_EXPECT, [Json(lines), reference_id])


async def expire_due(tx: Tx, *, limit: int) -> int:
    """Expire up to ``limit`` holds whose time is over; answers how many."""
    await tx.posts()
    row = await (await tx.connection.execute(_EXPIRE, [limit])).fetchone()
    assert row is not None
    return row[0]


async def ensure_ledger_months(tx: Tx) -> None:
    await tx.connection.execute(_MONTHS)


async def list_levels(
    tx: Tx, *, low_share: float, limit: int, after: list[str] | None = None, q: str | None = None, **filters: Any
) -> list[Level]:
    """One page and one row more. Filters: sku_id, warehouse_id, category, status."""
    columns: dict[str, Any] = dict.fromkeys(("sku_id", "warehouse_id", "category", "status")) | filters
    return await tx.all(
        sql.list_levels,
        Level,
        low_share=low_share,
        q=q,
        pattern=f"%{escaped(q)}%" if q else None,
        after_code=after[0] if after else None,
        after_warehouse=after[1] if after else None,
        limit=limit + 1,
        **columns,
    )


async def list_active_lines(tx: Tx, sku_ids: list[UUID]) -> list[ActiveLine]:
    return await tx.all(sql.list_active_lines, ActiveLine, sku_ids=sku_ids)


async def get_reservation(tx: Tx, reservation_id: UUID) -> dict[str, Any]:
    found = await tx.value(sql.get_reservation, id=reservation_id)
    if found is None:
        raise NotFound("reservation_not_found", "There is no such reservation.")
    return found


async def list_reservations(tx: Tx, *, before: UUID | None, limit: int, **filters: Any) -> list[Reservation]:
    """One page and one row more, newest first.

    Filters: reference_type, reference_id, status, sku_id, warehouse_id, expiring_before.
    """
    names = ("reference_type", "reference_id", "status", "sku_id", "warehouse_id", "expiring_before")
    columns: dict[str, Any] = dict.fromkeys(names) | filters
    return await tx.all(sql.list_reservations, Reservation, before=before, limit=limit + 1, **columns)


async def list_movements(
    tx: Tx, *, before: tuple[datetime, int] | None = None, limit: int, **filters: Any
) -> list[Movement]:
    """The ledger, newest first; one row more than asked.

    Filters: sku_id, warehouse_id, movement_type, reference_type, reference_id, since, until.
    """
    names = ("sku_id", "warehouse_id", "movement_type", "reference_type", "reference_id", "since", "until")
    columns: dict[str, Any] = dict.fromkeys(names) | filters
    return await tx.all(
        sql.list_movements,
        Movement,
        before_created_at=before[0] if before else None,
        before_seq=before[1] if before else None,
        limit=limit + 1,
        **columns,
    )


def _json(asks: Sequence[Ask]) -> str:
    return msgspec.json.encode(asks).decode()
