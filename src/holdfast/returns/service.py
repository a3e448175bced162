"""Take goods back: once per unit that left for an order, with the outcome of the inspection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Json

from holdfast.access import audit
from holdfast.db import Tx, statements
from holdfast.kernel.errors import Conflict, Invalid, NotFound
from holdfast.returns.model import (
    Return,
    Returnable,
    ReturnDetail,
    ReturnedLine,
    ReturnLine,
    SoldUnits,
    beyond_consumed,
    beyond_sold_units,
    says_the_same,
    with_known_batch,
)
from holdfast.stock import service as stock
from holdfast.stock.asks import MoveAsk, MoveItem
from holdfast.stock.model import BatchNamed
from holdfast.warehouses.service import get_warehouse

sql = statements("holdfast.returns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One return as it was inspected. ``reference_type`` and ``reference_id`` name the order the goods left for."""

    reference_type: str
    reference_id: str
    warehouse_id: UUID
    lines: Sequence[ReturnedLine]
    return_reference: str | None = None
    reason: str = ""
    accept_unmatched: bool = False


async def take_back(tx: Tx, parcel: Parcel, *, actor: str, is_keyed: bool = False) -> ReturnDetail:
    """Book a return: restocked units become available, the others unsellable or scrapped, a refund alone nothing.

    The same ``return_reference`` with the same lines is the same return and changes nothing. A return without one,
    and without an idempotency key (``is_keyed``), that says exactly what an earlier return of the order said is taken
    for its retry and refused. ``accept_unmatched`` takes back more than the ledger knows as sold, and needs a reason.
    Raises Conflict(``exceeds_consumed`` | ``already_returned`` | ``return_reference_reused`` | ``sku_archived``),
    Invalid(``reason_required`` | ``invalid_request``), NotFound(``warehouse_not_found``).
    """
    await get_warehouse(tx, parcel.warehouse_id, "warehouse_id")
    await _check_skus(tx, parcel.lines)
    if parcel.accept_unmatched and not parcel.reason:
        raise Invalid.at(["reason"], "reason_required", "Say why goods come back that were not sold here.")
    await tx.run(sql.lock_order, reference_type=parcel.reference_type, reference_id=parcel.reference_id)
    known = await _find_repeat(tx, parcel, is_keyed=is_keyed)
    if known is not None:
        return known
    sold = await list_returnable(tx, parcel.reference_type, parcel.reference_id)
    order = {"reference_type": parcel.reference_type, "reference_id": parcel.reference_id}
    units = await tx.all(sql.list_sold_units, SoldUnits, **order)
    parcel = replace(parcel, lines=with_known_batch(parcel.lines, units))
    excess = beyond_consumed(parcel.lines, sold) or beyond_sold_units(parcel.lines, units)
    if excess and not parcel.accept_unmatched:
        raise Conflict(
            "exceeds_consumed", "More would be back than ever left for this order; nothing was booked.", errors=excess
        )
    return_id: UUID = await tx.value(
        sql.insert_return,
        reference_type=parcel.reference_type,
        reference_id=parcel.reference_id,
        warehouse_id=parcel.warehouse_id,
        return_reference=parcel.return_reference,
        reason=parcel.reason,
        is_unmatched=bool(excess),
        actor=actor,
    )
    lines = [
        {
            "sku_id": str(x.sku_id),
            "order_line": x.order_line,
            "quantity": x.quantity,
            "outcome": x.outcome,
            "batch": x.batch,
            "serials": x.serials,
        }
        for x in parcel.lines
    ]
    await tx.run(sql.add_lines, id=return_id, lines=Json(lines))
    detail = await get_return(tx, return_id)
    await _post(tx, detail.head, parcel, sold, actor)
    await _tell(tx, detail, actor)
    return detail


async def get_return(tx: Tx, return_id: UUID) -> ReturnDetail:
    """One return with its lines. Raises NotFound(``return_not_found``)."""
    found = await list_returns(tx, limit=1, id=return_id)
    if not found:
        raise NotFound("return_not_found", "There is no such return.")
    return found[0]


async def list_returns(tx: Tx, *, limit: int, before: UUID | None = None, **filters: Any) -> list[ReturnDetail]:
    """One page and one row more, newest first.

    Filters: reference_type, reference_id, return_reference, warehouse_id, sku_id.
    """
    names = ("id", "reference_type", "reference_id", "return_reference", "warehouse_id", "sku_id")
    columns: dict[str, Any] = dict.fromkeys(names) | filters
    heads = await tx.all(sql.list_returns, Return, before=before, limit=limit + 1, **columns)
    lines = await tx.all(sql.list_lines, ReturnLine, ids=[head.id for head in heads])
    return [ReturnDetail(head, tuple(x for x in lines if x.return_id == head.id)) for head in heads]


async def list_returnable(tx: Tx, reference_type: str, reference_id: str) -> list[Returnable]:
    """Per SKU of an order, what left for the customer and what came back."""
    return await tx.all(sql.list_returnable, Returnable, reference_type=reference_type, reference_id=reference_id)


async def _check_skus(tx: Tx, lines: Sequence[ReturnedLine]) -> None:
    unknown = await tx.dicts(sql.find_unknown, sku_ids=[line.sku_id for line in lines])
    if unknown:
        says = "There is no such SKU."
        errors = [{"loc": ["items", u["line"], "sku_id"], "code": "unknown_sku", "message": says} for u in unknown]
        raise Invalid("invalid_request", "A line cannot be taken back.", errors=errors)


async def _find_repeat(tx: Tx, parcel: Parcel, *, is_keyed: bool) -> ReturnDetail | None:
    """The return this one repeats, if its own reference says so; raises when it only looks like a repeat."""
    if parcel.return_reference is None and is_keyed:
        return None
    earlier = await list_returns(
        tx,
        limit=1000,
        reference_type=parcel.reference_type,
        reference_id=parcel.reference_id,
        return_reference=parcel.return_reference,
    )
    alike = [e for e in earlier if e.head.warehouse_id == parcel.warehouse_id and says_the_same(parcel.lines, e.lines)]
    if parcel.return_reference is not None:
        if earlier and not alike:
            raise Conflict("return_reference_reused", "This return reference was booked with other lines.")
        return alike[0] if alike else None
    if alike:
        raise Conflict(
            "already_returned",
            "Exactly this was already taken back. If it came twice, give the second a return_reference of its own.",
            {"return_id": str(alike[0].head.id), "number": alike[0].head.number},
        )
    return None


async def _post(tx: Tx, head: Return, parcel: Parcel, sold: Sequence[Returnable], actor: str) -> None:
    costs = {found.sku_id: found.unit_cost for found in sold}
    back: list[MoveItem] = []
    scrapped: list[MoveItem] = []
    for line in parcel.lines:
        if not line.is_back:
            continue
        sku_id, warehouse_id = str(line.sku_id), str(parcel.warehouse_id)
        cost = costs.get(line.sku_id)
        is_scrap = line.outcome == "scrap"
        item = MoveItem(
            sku_id=sku_id,
            warehouse_id=warehouse_id,
            quantity=line.quantity,
            bucket="sellable" if line.outcome == "restock" else "unsellable",
            # Goods come back at what they cost when they left. Scrap leaves again at once, and what stays must not
            # become dearer or cheaper by it.
            unit_cost=None if cost is None or is_scrap else str(cost),
            batch=None if line.batch is None else BatchNamed(line.batch),
            serials=None if line.serials is None else list(line.serials),
            state=None if line.outcome == "restock" else "damaged",
        )
        back.append(item)
        if is_scrap:
            scrapped.append(msgspec.structs.replace(item, quantity=-line.quantity))
    if back:
        ask = MoveAsk(
            actor=actor,
            event_type="inventory.returned",
            movement_type="in",
            reference_type="return",
            reference_id=str(head.id),
            reason=f"returned on {head.number}",
            items=back,
        )
        await stock.move(tx, ask)
    if scrapped:
        ask = MoveAsk(
            actor=actor,
            event_type="inventory.scrapped",
            movement_type="out",
            reference_type="scrap",
            reference_id=str(head.id),
            reason=f"scrapped on {head.number}",
            items=scrapped,
        )
        await stock.move(tx, ask)


async def _tell(tx: Tx, detail: ReturnDetail, actor: str) -> None:
    head = detail.head
    data = {
        "return_id": str(head.id),
        "number": head.number,
        "reference_type": head.reference_type,
        "reference_id": head.reference_id,
        "warehouse_id": str(head.warehouse_id),
        "is_unmatched": head.is_unmatched,
        "lines": [
            {"sku_id": str(x.sku_id), "order_line": x.order_line, "quantity": x.quantity, "outcome": x.outcome}
            for x in detail.lines
        ],
    }
    skus = list({x.sku_id for x in detail.lines})
    await tx.run(sql.write_event, event_type="return.created", sku_ids=skus, data=Json(data))
    await audit.record(
        tx, actor=actor, action="return.created", subject=f"return:{head.id}", reason=head.reason, **data
    )
