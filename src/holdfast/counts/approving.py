"""Approving counted lines: each variance becomes an adjustment, or is refused with the facts and keeps waiting."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Json, Jsonb

from holdfast.counts.model import Approval, Chosen, Judged, StockCount, UnitVariance
from holdfast.counts.service import choose, get_count, lock_open, sql, tell
from holdfast.db import Tx
from holdfast.stock import service as stock
from holdfast.stock import shortages
from holdfast.stock.asks import MoveAsk, MoveItem
from holdfast.stock.model import BatchNamed

# More lines than this are approved by calling again.
LINES_MAX = 1000


async def approve(
    tx: Tx,
    count_id: UUID,
    chosen: Sequence[Chosen] | None,
    *,
    actor: str,
    expected_version: int | None = None,
    has_case: bool = False,
) -> Approval:
    """Book the chosen lines, or every waiting one (up to ``LINES_MAX``); each by itself, so one refusal costs no other.

    A line is refused when fewer units were found than are reserved (``below_reserved``; a shortage case is opened and
    named, unless the caller is resolving one: ``has_case``), when somebody adjusted the shelf since it was counted
    (``adjusted_since_counted``: count again), when it was counted again since the approver looked (``counted_again``),
    or as the posting functions say. Raises Conflict(``count_closed`` …).
    """
    count = await lock_open(tx, count_id, expected_version=expected_version)
    if chosen is None:
        keys = [
            {"sku_id": str(line["sku_id"]), "bucket": line["bucket"]}
            for line in await tx.dicts(sql.list_waiting, id=count_id, limit=LINES_MAX)
        ]
        refused: list[dict[str, Any]] = []
    else:
        keys, refused = await choose(tx, count_id, chosen)
    skus = sorted({UUID(key["sku_id"]) for key in keys})
    await tx.run(sql.lock_levels, warehouse_id=count["warehouse_id"], sku_ids=skus)
    lines = await tx.all(sql.judge_lines, Judged, id=count_id, lines=Json(keys))
    booked, not_booked = await _post(tx, await get_count(tx, count_id), lines, actor)
    if not has_case:
        await _open_cases(tx, await get_count(tx, count_id), not_booked, actor)
        on_shelf = [line.sku_id for line in booked if line.bucket == "sellable"]
        await shortages.end_booked(tx, cause="count", reference_id=str(count_id), sku_ids=on_shelf, actor=actor)
    await _mark(tx, count_id, booked, not_booked, actor)
    if booked or not_booked:
        await tx.run(sql.count_change, id=count_id, status="open")
        facts = {"approved": [line.facts() for line in booked], "refused": not_booked}
        await tell(tx, "stock_count.approved", await get_count(tx, count_id), actor, sku_ids=skus, **facts)
    waiting: int = await tx.value(sql.count_waiting, id=count_id)
    return Approval(tuple(line.facts() for line in booked), (*refused, *not_booked), waiting)


async def _post(
    tx: Tx, count: StockCount, lines: Sequence[Judged], actor: str
) -> tuple[list[Judged], list[dict[str, Any]]]:
    """Post the variances under the locks; answers the lines that are booked or exact, and why others are not."""
    refused = [line.refused("adjusted_since_counted") for line in lines if line.is_adjusted]
    units = await unit_variances(tx, count.id, [line.sku_id for line in lines if line.bucket == "sellable"])
    # Two batches may be mixed up while their sum is right.
    off = [x for x in lines if not x.is_adjusted and (x.variance != 0 or _named(x, units))]
    booked = [line for line in lines if not line.is_adjusted and line not in off]
    asks = [
        MoveAsk(
            actor=actor,
            event_type="inventory.adjusted",
            movement_type="adjustment",
            reference_type="count",
            reference_id=str(count.id),
            reason=f"counted on {count.number}",
            items=_items(line, count.warehouse_id, _named(line, units)),
        )
        for line in off
    ]
    for line, answer in zip(off, await stock.move_each(tx, asks), strict=True):
        if answer.outcome == "moved":
            booked.append(line)
        else:
            is_short = answer.outcome == "insufficient_stock" and line.bucket == "sellable"
            # One batch may be short, because it was sold meanwhile, where the level is not.
            is_short &= not _named(line, units) or line.available_quantity + line.variance < 0
            now = json.loads(answer.facts)["errors"][0]
            facts = line.refused("below_reserved" if is_short else answer.outcome)
            # Holds whose time was over are released by the posting, so what it saw is newer than what we saw.
            refused.append({**facts, "available": now.get("available", facts["available"])})
    return booked, refused


async def unit_variances(tx: Tx, count_id: UUID, sku_ids: Sequence[UUID]) -> dict[UUID, list[UnitVariance]]:
    """Per SKU whose waiting line says which units were found, the batches or units that differ from the books."""
    found: dict[UUID, list[UnitVariance]] = {}
    for unit in await tx.all(sql.judge_units, UnitVariance, id=count_id, sku_ids=list(sku_ids)):
        found.setdefault(unit.sku_id, []).append(unit)
    return found


def _named(line: Judged, units: dict[UUID, list[UnitVariance]]) -> list[UnitVariance]:
    return units.get(line.sku_id, []) if line.bucket == "sellable" else []


def _items(line: Judged, warehouse_id: UUID, units: Sequence[UnitVariance]) -> list[MoveItem]:
    """The line as it is posted: each batch by itself, units that are missing and units that are more."""
    sku, place = str(line.sku_id), str(warehouse_id)
    if not units:
        return [MoveItem(sku_id=sku, warehouse_id=place, quantity=line.variance, bucket=line.bucket)]
    items: list[MoveItem] = []
    for unit in units:
        if unit.batch is not None:
            expires = unit.expiry_date.isoformat() if unit.expiry_date and unit.quantity > 0 else None
            named = BatchNamed(unit.batch, expires)
            items.append(MoveItem(sku_id=sku, warehouse_id=place, quantity=unit.quantity, batch=named))
    for sign in (-1, 1):
        numbers = [x.serial_number for x in units if x.serial_number is not None and x.quantity == sign]
        if numbers:
            items.append(MoveItem(sku_id=sku, warehouse_id=place, quantity=sign * len(numbers), serials=numbers))
    return items


async def _open_cases(tx: Tx, count: StockCount, refused: Sequence[dict[str, Any]], actor: str) -> None:
    """Which promise to break is a decision: each line that is short gets a case, named in its refusal."""
    for facts in refused:
        if facts["code"] == "below_reserved":
            case = await shortages.open_case(
                tx,
                sku_id=UUID(facts["sku_id"]),
                warehouse_id=count.warehouse_id,
                change=facts["variance"],
                cause="count",
                reason=f"counted on {count.number}",
                actor=actor,
                reference_id=str(count.id),
            )
            facts["shortage_id"] = str(case.id)


async def _mark(
    tx: Tx, count_id: UUID, booked: Sequence[Judged], refused: Sequence[dict[str, Any]], actor: str
) -> None:
    approved = [
        {"sku_id": str(x.sku_id), "bucket": x.bucket, "late": x.late_quantity, "variance": x.variance} for x in booked
    ]
    await tx.run(sql.mark_approved, id=count_id, lines=Json(approved), actor=actor)
    facts = [{"sku_id": x["sku_id"], "bucket": x["bucket"], "refusal": x} for x in refused]
    await tx.run(sql.mark_refused, id=count_id, lines=Jsonb(facts))
