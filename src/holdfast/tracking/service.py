"""Read batches and units, judge batches, and trace them to customers and back to suppliers."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from holdfast import cache
from holdfast.access import audit
from holdfast.db import Tx, statements
from holdfast.kernel.errors import Conflict, Invalid, NotFound
from holdfast.stock import shortages
from holdfast.tracking.model import FOLLOWS, Balance, Batch, State, Trace, Unit, UnitStep

sql = statements("holdfast.tracking")

_FILTERS = ("id", "sku_id", "number", "state", "supplier_id", "expiring_before", "warehouse_id")


async def list_batches(
    tx: Tx,
    *,
    limit: int,
    after: list[str] | None = None,
    in_stock: bool = False,
    stranded: bool = False,
    **filters: Any,
) -> list[Batch]:
    """One page and one row more, by expiry date.

    Filters: id, sku_id, number, state, supplier_id, expiring_before, warehouse_id (quantities are then of it alone).
    ``stranded``: only batches with units past their use that are still promised.
    """
    columns: dict[str, Any] = dict.fromkeys(_FILTERS) | filters
    return await tx.all(
        sql.list_batches,
        Batch,
        limit=limit + 1,
        after_date=after[0] if after else None,
        after_id=after[1] if after else None,
        in_stock=in_stock,
        stranded=stranded,
        **columns,
    )


async def get_batch(tx: Tx, batch_id: UUID) -> Batch:
    """Raises NotFound(``batch_not_found``)."""
    found = await list_batches(tx, limit=1, id=batch_id)
    if not found:
        raise NotFound("batch_not_found", "There is no such batch.")
    return found[0]


async def list_balances(tx: Tx, batch_ids: list[UUID]) -> list[Balance]:
    """Where the batches lie."""
    return await tx.all(sql.list_balances, Balance, ids=batch_ids)


async def judge(tx: Tx, batch_id: UUID, state: State, *, reason: str, actor: str) -> Batch:
    """Quarantine, release (``usable``) or recall a batch in every warehouse at once.

    Units leave what is available, or come back to it; what is promised stays and is named by :func:`trace`. Saying it
    twice is fine. Raises NotFound(``batch_not_found``), Conflict(``batch_recalled``) for a quarantine after a recall.
    """
    before = await get_batch(tx, batch_id)
    if before.state not in FOLLOWS[state]:
        raise Conflict("batch_recalled", "The batch is recalled; release it first.", {"state": before.state})
    await tx.run(sql.judge_batch, id=batch_id, state=state, reason=reason, actor=actor)
    await shortages.follow_stranded(tx, actor=actor, sku_id=before.sku_id)
    if before.state != state:
        verb = "released" if state == "usable" else state
        await audit.record(
            tx, actor=actor, action=f"batch.{verb}", subject=f"batch:{batch_id}", number=before.number, reason=reason
        )
    await _forget_levels(tx, before)
    return await get_batch(tx, batch_id)


async def change(tx: Tx, batch_id: UUID, changes: dict[str, Any], *, expected_version: int | None, actor: str) -> Batch:
    """Correct ``production_date``, ``expiry_date``, ``supplier_id``; usability is worked out anew everywhere.

    Raises NotFound(``batch_not_found``), Conflict(``version_conflict``), Invalid(``invalid_request``).
    """
    before = await get_batch(tx, batch_id)
    names = ("production_date", "expiry_date", "supplier_id")
    columns: dict[str, Any] = {name: getattr(before, name) for name in names} | changes
    produced: date | None = columns["production_date"]
    expires: date | None = columns["expiry_date"]
    if produced and expires and produced > expires:
        raise Invalid.field_error(["expiry_date"], "out_of_range", "It cannot expire before it was produced.")
    supplier: UUID | None = columns["supplier_id"]
    if supplier is not None and not await tx.value(sql.supplier_exists, id=supplier):
        raise Invalid.field_error(["supplier_id"], "unknown_supplier", "There is no such supplier.")
    expected = before.version if expected_version is None else expected_version
    found: int | None = await tx.value(sql.change_batch, id=batch_id, expected_version=expected, actor=actor, **columns)
    if found != expected:
        raise Conflict("version_conflict", "The batch was changed meanwhile; read it again.", {"version": found})
    await shortages.follow_stranded(tx, actor=actor, sku_id=before.sku_id)
    told = {name: str(value) for name, value in changes.items()}
    await audit.record(
        tx, actor=actor, action="batch.changed", subject=f"batch:{batch_id}", number=before.number, **told
    )
    await _forget_levels(tx, before)
    return await get_batch(tx, batch_id)


async def trace(tx: Tx, batch_id: UUID) -> Trace:
    """Forward to whoever got units, back to what brought them, and the open holds that cannot be served."""
    batch = await get_batch(tx, batch_id)
    return Trace(
        customers=await tx.dicts(sql.trace_out, id=batch_id),
        sources=await tx.dicts(sql.trace_in, id=batch_id),
        transfers=await tx.dicts(sql.trace_transfers, id=batch_id),
        holds=await tx.dicts(sql.list_stranded, sku_ids=[batch.sku_id]),
    )


async def list_units(tx: Tx, *, limit: int, after: list[str] | None = None, **filters: Any) -> list[Unit]:
    """One page and one row more. Filters: sku_id, serial_number, state, warehouse_id, batch_id, reservation_id."""
    names = ("sku_id", "serial_number", "state", "warehouse_id", "batch_id", "reservation_id")
    columns: dict[str, Any] = dict.fromkeys(names) | filters
    return await tx.all(
        sql.list_units,
        Unit,
        limit=limit + 1,
        after_sku=after[0] if after else None,
        after_number=after[1] if after else None,
        **columns,
    )


async def get_unit(tx: Tx, sku_id: UUID, serial_number: str) -> tuple[Unit, list[UnitStep]]:
    """A unit and its life, newest first. Raises NotFound(``serial_not_found``)."""
    found = await list_units(tx, limit=1, sku_id=sku_id, serial_number=serial_number)
    if not found:
        raise NotFound("serial_not_found", "There is no such unit.")
    return found[0], await tx.all(sql.list_steps, UnitStep, sku_id=sku_id, serial_number=serial_number)


async def withdraw_due(tx: Tx, *, limit: int) -> int:
    """Take units past their use out of what can be sold; answers how many withdrawals were posted."""
    return await tx.value(sql.withdraw, limit=limit)


async def follow_stranded(tx: Tx) -> None:
    """Shortage cases of all levels where promised units are past their use, as things are now."""
    await shortages.follow_stranded(tx, actor="schedule")


async def _forget_levels(tx: Tx, batch: Batch) -> None:
    tx.changed.add(cache.totals(batch.sku_id))
    for balance in await list_balances(tx, [batch.id]):
        tx.changed.add(cache.level(balance.warehouse_id, batch.sku_id))
