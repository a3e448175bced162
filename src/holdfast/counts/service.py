"""Count while selling: each entry is compared with the ledger at the moment it was counted.

A variance is a fact about that moment. Sales, receipts and transfers before or after it change both the shelf and the
books and so leave it alone; only another adjustment may have booked the same gap already, and then the shelf is counted
again. Approving posts the variance, never an absolute quantity.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Json

from holdfast.access import audit
from holdfast.counts.model import (
    REFUSED,
    Chosen,
    Counted,
    CountEntry,
    CountLine,
    StockCount,
    already_counted,
    is_repeat,
    unit_fault,
)
from holdfast.db import Tx, statements
from holdfast.kernel.errors import Conflict, Invalid, NotFound
from holdfast.warehouses.service import get_warehouse

sql = statements("holdfast.counts")


async def open_count(
    tx: Tx, *, warehouse_id: UUID, category: str | None, sku_ids: Sequence[UUID] | None, note: str, actor: str
) -> StockCount:
    """Open a count of a warehouse, or of a category or some SKUs of it. Nothing is locked and selling goes on.

    Raises NotFound(``warehouse_not_found``), Invalid(``invalid_request``) for an unknown SKU.
    """
    await get_warehouse(tx, warehouse_id, "warehouse_id")
    count_id: UUID = await tx.value(
        sql.insert_count, warehouse_id=warehouse_id, category=category, note=note, actor=actor
    )
    if sku_ids is None:
        await tx.run(sql.list_levels_to_count, id=count_id, warehouse_id=warehouse_id, category=category)
    else:
        await _check_skus(tx, sku_ids, ["sku_ids"])
        await tx.run(sql.list_skus_to_count, id=count_id, sku_ids=list(sku_ids), category=category)
    count = await get_count(tx, count_id)
    await tell(tx, "stock_count.opened", count, actor, lines=count.lines_total)
    return count


async def enter(tx: Tx, count_id: UUID, entries: Sequence[Counted], *, actor: str) -> list[CountLine]:
    """Record what was counted, all entries or none; answers their lines.

    A SKU that was not on the list is added to it. Raises Conflict(``already_counted``) for a line that somebody counted
    meanwhile and the entry does not name as ``recount_of``; Conflict(``count_closed`` | ``count_cancelled``);
    Invalid(``invalid_request``) for an unknown SKU, one SKU twice, a moment outside the count, or units that do not fit
    the SKU or the quantity.
    """
    count = await _lock(tx, count_id, is_shared=True)
    await _check_skus(tx, [entry.sku_id for entry in entries], ["items"])
    await _check_moments(tx, entries, opened_at=count["created_at"])
    await _check_units(tx, entries)
    keys = Json([{"sku_id": str(entry.sku_id), "bucket": entry.bucket} for entry in entries])
    await tx.run(sql.add_found, id=count_id, entries=keys)
    lines = await tx.all(sql.lock_lines, CountLine, id=count_id, entries=keys)
    late = already_counted(entries, lines, actor)
    if late:
        raise Conflict(
            "already_counted",
            "Somebody counted this meanwhile; to replace it, say which counting you saw (recount_of).",
            errors=late,
        )
    by_key = {(line.sku_id, line.bucket): line for line in lines}
    new = [entry for entry in entries if not is_repeat(entry, by_key[entry.sku_id, entry.bucket], actor)]
    if new:
        await _record(tx, count_id, count["warehouse_id"], new, actor)
    return await tx.all(sql.lock_lines, CountLine, id=count_id, entries=keys)


async def close(
    tx: Tx, count_id: UUID, *, discard_waiting: bool, actor: str, expected_version: int | None = None
) -> StockCount:
    """Nothing more is counted. What was not counted stays as the books have it. Closing twice is fine.

    Raises Conflict(``count_has_waiting_lines``) unless ``discard_waiting``, Conflict(``count_cancelled``).
    """
    return await _end(tx, count_id, "closed", actor, expected_version, discard_waiting=discard_waiting)


async def cancel(tx: Tx, count_id: UUID, *, actor: str, expected_version: int | None = None) -> StockCount:
    """The count did not happen. Raises Conflict(``count_has_approved_lines``) once something of it was booked."""
    return await _end(tx, count_id, "cancelled", actor, expected_version, discard_waiting=True)


async def get_count(tx: Tx, count_id: UUID) -> StockCount:
    """A count with its progress. Raises NotFound(``count_not_found``)."""
    found = await list_counts(tx, limit=1, id=count_id)
    if not found:
        raise NotFound("count_not_found", "There is no such stock count.")
    return found[0]


async def list_counts(tx: Tx, *, limit: int, before: UUID | None = None, **filters: Any) -> list[StockCount]:
    """One page and one row more, newest first. Filters: status, warehouse_id."""
    columns: dict[str, Any] = dict.fromkeys(("id", "status", "warehouse_id")) | filters
    return await tx.all(sql.list_counts, StockCount, before=before, limit=limit + 1, **columns)


async def list_lines(
    tx: Tx, count_id: UUID, *, limit: int, after: list[str] | None = None, **filters: Any
) -> list[CountLine]:
    """One page and one row more, by SKU code. Filters: status (``pending`` is left to do), sku_id, has_variance."""
    columns: dict[str, Any] = dict.fromkeys(("status", "sku_id", "has_variance")) | filters
    return await tx.all(
        sql.list_lines,
        CountLine,
        id=count_id,
        after_code=after[0] if after else None,
        after_bucket=after[1] if after else None,
        limit=limit + 1,
        **columns,
    )


async def list_entries(tx: Tx, count_id: UUID, sku_id: UUID) -> list[CountEntry]:
    """Every counting of one SKU, newest first."""
    return await tx.all(sql.list_entries, CountEntry, id=count_id, sku_id=sku_id)


async def lock_open(tx: Tx, count_id: UUID, *, expected_version: int | None = None) -> dict[str, Any]:
    """Lock an open count for a decision, which excludes every entry meanwhile."""
    return await _lock(tx, count_id, is_shared=False, expected_version=expected_version)


async def tell(tx: Tx, event_type: str, count: StockCount, actor: str, **facts: Any) -> None:
    """One event and one audit entry per change."""
    sku_ids: list[UUID] = facts.pop("sku_ids", [])
    data = {
        "stock_count_id": str(count.id),
        "number": count.number,
        "status": count.status,
        "warehouse_id": str(count.warehouse_id),
        **facts,
    }
    await tx.run(sql.write_event, event_type=event_type, sku_ids=sku_ids, data=Json(data))
    await audit.record(
        tx, actor=actor, action=event_type, subject=f"stock_count:{count.id}", number=count.number, **facts
    )


async def choose(tx: Tx, count_id: UUID, chosen: Sequence[Chosen]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The chosen lines that can be judged as ``{sku_id, bucket}``, and why others cannot.

    A line that is approved already is in neither: saying yes twice is fine.
    """
    asked = [{"sku_id": str(c.sku_id), "bucket": c.bucket} for c in chosen]
    lines = await tx.all(sql.lock_lines, CountLine, id=count_id, entries=Json(asked))
    by_key = {(line.sku_id, line.bucket): line for line in lines}
    judged: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for ask, c in zip(asked, chosen, strict=True):
        line = by_key.get((c.sku_id, c.bucket))
        if line is None:
            refused.append({"code": "not_on_count", **ask})
        elif line.status == "pending":
            refused.append({"code": "not_counted", **ask, "sku_code": line.sku_code})
        elif c.count_no not in (None, line.count_no):
            facts = {"count_no": line.count_no, "counted": line.counted_quantity, "counted_by": line.counted_by}
            refused.append({"code": "counted_again", **ask, "sku_code": line.sku_code, **facts})
        elif line.status != "approved" and ask not in judged:
            judged.append(ask)
    return judged, refused


async def _record(tx: Tx, count_id: UUID, warehouse_id: UUID, entries: Sequence[Counted], actor: str) -> None:
    rows = [
        {
            "sku_id": str(entry.sku_id),
            "bucket": entry.bucket,
            "quantity": entry.quantity,
            "counted_at": None if entry.counted_at is None else entry.counted_at.isoformat(),
            "shelf": entry.shelf,
            "found": entry.found(),
        }
        for entry in entries
    ]
    await tx.run(sql.record_entries, id=count_id, warehouse_id=warehouse_id, entries=Json(rows), actor=actor)
    skus = list({entry.sku_id for entry in entries})
    counted = [{"sku_id": r["sku_id"], "bucket": r["bucket"], "quantity": r["quantity"]} for r in rows]
    await tell(tx, "stock_count.counted", await get_count(tx, count_id), actor, sku_ids=skus, items=counted)


async def _end(
    tx: Tx, count_id: UUID, status: str, actor: str, expected_version: int | None, *, discard_waiting: bool
) -> StockCount:
    before = await get_count(tx, count_id)
    locked = await tx.dicts(sql.lock_count, id=count_id)
    if locked[0]["status"] == status:
        return before
    await lock_open(tx, count_id, expected_version=expected_version)
    lines = (await tx.dicts(sql.count_undecided, id=count_id))[0]
    if status == "cancelled" and lines["approved"]:
        facts = {"approved": lines["approved"]}
        raise Conflict("count_has_approved_lines", "Part of the count was booked; close it instead.", facts)
    if lines["waiting"] and not discard_waiting:
        facts = {"waiting": lines["waiting"]}
        raise Conflict("count_has_waiting_lines", "Counted lines wait for a decision; approve or discard them.", facts)
    await tx.run(sql.count_change, id=count_id, status=status)
    count = await get_count(tx, count_id)
    await tell(tx, f"stock_count.{status}", count, actor, discarded=lines["waiting"])
    return count


async def _lock(tx: Tx, count_id: UUID, *, is_shared: bool, expected_version: int | None = None) -> dict[str, Any]:
    found = await tx.dicts(sql.share_count if is_shared else sql.lock_count, id=count_id)
    if not found:
        raise NotFound("count_not_found", "There is no such stock count.")
    if found[0]["status"] != "open":
        raise Conflict(*REFUSED[found[0]["status"]], {"count_status": found[0]["status"]})
    version = found[0]["version"]
    if expected_version is not None and expected_version != version:
        raise Conflict("version_conflict", "The count was changed meanwhile; read it again.", {"version": version})
    return found[0]


async def _check_skus(tx: Tx, sku_ids: Sequence[UUID], loc: list[str]) -> None:
    unknown = await tx.dicts(sql.find_unknown, sku_ids=list(sku_ids))
    if unknown:
        errors = [
            {"loc": [*loc, u["line"]], "code": "unknown_sku", "message": "There is no such SKU."} for u in unknown
        ]
        raise Invalid("invalid_request", "A SKU does not exist.", errors=errors)


async def _check_moments(tx: Tx, entries: Sequence[Counted], *, opened_at: datetime) -> None:
    now: datetime = await tx.value(sql.now)
    seen: set[tuple[UUID, str]] = set()
    errors: list[dict[str, Any]] = []
    for number, entry in enumerate(entries):
        if (entry.sku_id, entry.bucket) in seen:
            says = "A SKU is counted in one entry, wherever in the warehouse it lies."
            errors.append({"loc": ["items", number, "sku_id"], "code": "named_twice", "message": says})
        seen.add((entry.sku_id, entry.bucket))
        if entry.counted_at is not None and not opened_at <= entry.counted_at <= now:
            says = "Counted before the count was opened, or later than now."
            errors.append({"loc": ["items", number, "counted_at"], "code": "out_of_range", "message": says})
    if errors:
        raise Invalid("invalid_request", "An entry cannot be recorded.", errors=errors)


async def _check_units(tx: Tx, entries: Sequence[Counted]) -> None:
    rows = await tx.dicts(sql.find_tracking, sku_ids=[entry.sku_id for entry in entries])
    tracking: dict[UUID, str] = {row["id"]: row["tracking"] for row in rows}
    wrong = [(n, why) for n, entry in enumerate(entries) if (why := unit_fault(entry, tracking.get(entry.sku_id)))]
    if wrong:
        errors = [{"loc": ["items", n, field], "code": code, "message": says} for n, (field, code, says) in wrong]
        raise Invalid("invalid_request", "An entry cannot be recorded.", errors=errors)
