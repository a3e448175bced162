"""Transfers: draft, ship, receive in parts, close with what is missing.

Shipping takes the goods out of the source and puts them in transit to the destination in one posting; from then on
every unit is in exactly one place: an open line (in transit), a shelf of the destination (sellable or unsellable), or a
loss. So the legs in the ledger, the losses and the open lines of a transfer add up to zero, and the doctor checks it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.types.json import Json, Jsonb

from holdfast.access import audit
from holdfast.db import Tx, statements
from holdfast.kernel.errors import Conflict, Invalid, NotFound
from holdfast.stock import promises
from holdfast.stock import service as stock
from holdfast.stock.asks import MoveAsk, MoveItem
from holdfast.stock.model import BatchNamed
from holdfast.transfers.model import (
    FOLLOWS,
    REFUSED,
    Arrival,
    Loss,
    Part,
    Picked,
    Transfer,
    TransferDetail,
    TransferLine,
    TransferReceipt,
    merged,
    named,
    same_delivery,
    too_much,
)
from holdfast.warehouses.service import get_warehouse

sql = statements("holdfast.transfers")

_UNMOVABLE = {
    "unknown_sku": "There is no such SKU.",
    "sku_archived": "The SKU is archived and could not be received.",
    "sku_is_bundle": "A bundle has no stock of its own; move its components.",
}


async def create_transfer(
    tx: Tx,
    *,
    from_warehouse_id: UUID,
    to_warehouse_id: UUID,
    lines: Sequence[tuple[UUID, int]],
    expected_at: date | None,
    note: str,
    actor: str,
) -> TransferDetail:
    """A draft of ``(sku_id, quantity)`` lines; nothing is held or moved by it.

    Raises NotFound(``warehouse_not_found``), Conflict(``warehouse_inactive``), Invalid(``same_warehouse`` |
    ``invalid_request``).
    """
    if from_warehouse_id == to_warehouse_id:
        raise Invalid.at(["to_warehouse_id"], "same_warehouse", "A transfer goes to another warehouse.")
    await get_warehouse(tx, from_warehouse_id, "from_warehouse_id")
    if not (await get_warehouse(tx, to_warehouse_id, "to_warehouse_id")).is_active:
        raise Conflict("warehouse_inactive", "The destination is not active.")
    transfer_id: UUID = await tx.value(
        sql.insert_transfer,
        from_warehouse_id=from_warehouse_id,
        to_warehouse_id=to_warehouse_id,
        expected_at=expected_at,
        note=note,
        actor=actor,
    )
    await _add_lines(tx, transfer_id, lines)
    return await _told(tx, "transfer.created", transfer_id, actor)


async def change_draft(
    tx: Tx,
    transfer_id: UUID,
    *,
    lines: Sequence[tuple[UUID, int]] | None,
    changes: dict[str, Any],
    expected_version: int | None,
    actor: str,
) -> TransferDetail:
    """Write a draft anew: ``lines`` replace all lines, ``changes`` are of note and expected_at."""
    await _lock(tx, transfer_id, "change", expected_version=expected_version)
    before = (await get_transfer(tx, transfer_id)).transfer
    if lines is not None:
        await tx.run(sql.delete_lines, id=transfer_id)
        await _add_lines(tx, transfer_id, lines)
    columns = {"note": before.note, "expected_at": before.expected_at, **changes}
    await tx.run(sql.change_transfer, id=transfer_id, **columns)
    return await _told(tx, "transfer.changed", transfer_id, actor)


async def ship(
    tx: Tx,
    transfer_id: UUID,
    *,
    actor: str,
    picked: Sequence[Picked] = (),
    expected_version: int | None = None,
) -> TransferDetail:
    """Out of the source and into transit, every line or none, in one posting.

    ``picked`` names batches or units; what it leaves open goes first expired first out.

    Raises Conflict(``transfer_is_empty`` | ``insufficient_stock`` | ``sku_archived`` | ``transfer_already_shipped`` …).
    """
    await _lock(tx, transfer_id, "ship", expected_version=expected_version)
    detail = await get_transfer(tx, transfer_id)
    if not detail.lines:
        raise Conflict("transfer_is_empty", "The transfer has no lines.")
    unmovable = await tx.dicts(sql.find_unmovable, sku_ids=[line.sku_id for line in detail.lines])
    if unmovable:
        errors = [{"sku_id": str(u["sku_id"]), "line_no": u["line"] + 1} for u in unmovable]
        raise Conflict("sku_archived", "A SKU of this transfer is archived and could not be received.", errors=errors)
    transfer = detail.transfer
    items: list[MoveItem] = []
    for line in detail.lines:
        sku_id = str(line.sku_id)
        items += _leaving(transfer, line, [p for p in picked if p.sku_id == line.sku_id])
        # No unit is physically at the destination yet: the item only raises what is on its way.
        items.append(_arriving(transfer, sku_id, 0, inbound_delta=line.quantity))
    _check_picked(detail.lines, picked)
    facts = await stock.move(tx, _leg(transfer, "shipped on", items, actor))
    await tx.run(sql.open_lines, id=transfer_id)
    await tx.run(sql.add_parts, id=transfer_id, items=Json(facts["items"]))
    await tx.run(sql.mark_shipped, id=transfer_id)
    await promises.inbound_changed(tx, [(line.sku_id, transfer.to_warehouse_id) for line in detail.lines])
    return await _told(tx, "transfer.shipped", transfer_id, actor)


async def receive(
    tx: Tx,
    transfer_id: UUID,
    *,
    arrivals: Sequence[Arrival] | None,
    reference: str | None,
    reason: str,
    actor: str,
    expected_version: int | None = None,
) -> TransferDetail:
    """Goods arrived: the destination rises, in_transit falls. Without ``arrivals``, everything open arrived well.

    Lost units need a ``reason``. The same delivery note (``reference``) with the same lines is the same delivery and
    changes nothing. Raises Conflict(``over_receipt`` | ``delivery_note_reused`` | ``transfer_not_shipped`` …),
    Invalid(``not_on_transfer`` | ``reason_required``).
    """
    await _lock(tx, transfer_id)
    before = await get_transfer(tx, transfer_id)
    known = (
        await tx.maybe(sql.find_receipt, TransferReceipt, id=transfer_id, reference=reference) if reference else None
    )
    if known is not None:
        # A repeat of "everything open arrived" names nothing, so there is nothing to compare.
        if arrivals is not None and not same_delivery(known, merged(arrivals)):
            raise Conflict("delivery_note_reused", "This delivery note was booked with other lines.")
        return before
    await _lock(tx, transfer_id, "receive", expected_version=expected_version)
    if arrivals is None:
        arrivals = [Arrival(line.sku_id, line.open_quantity) for line in before.lines if line.open_quantity]
    arrivals = merged(arrivals, by_batch=True)
    _check_arrivals(before.lines, merged(arrivals), reason)
    await _book(tx, before, arrivals, reference=reference, reason=reason, actor=actor)
    return await _told(tx, "transfer.received", transfer_id, actor, received=[a.as_line() for a in merged(arrivals)])


async def close(
    tx: Tx, transfer_id: UUID, *, reason: str, actor: str, expected_version: int | None = None
) -> TransferDetail:
    """What has not come will not come: it is written off as lost and nothing is in transit any more.

    Closing twice is fine. Raises Conflict(``transfer_not_shipped`` | ``transfer_received`` | ``transfer_cancelled``).
    """
    if await _lock(tx, transfer_id) == "closed":
        return await get_transfer(tx, transfer_id)
    await _lock(tx, transfer_id, "close", expected_version=expected_version)
    before = await get_transfer(tx, transfer_id)
    missing = [Arrival(line.sku_id, lost_quantity=line.open_quantity) for line in before.lines if line.open_quantity]
    await _book(tx, before, missing, reference=None, reason=reason, actor=actor, is_receipt=False)
    lost = [{"sku_id": str(a.sku_id), "quantity": a.lost_quantity} for a in missing]
    return await _told(tx, "transfer.closed", transfer_id, actor, reason=reason, lost=lost)


async def cancel(
    tx: Tx, transfer_id: UUID, *, reason: str, actor: str, expected_version: int | None = None
) -> TransferDetail:
    """A draft is not needed any more. Cancelling twice is fine. Raises Conflict once it was shipped."""
    if await _lock(tx, transfer_id) == "cancelled":
        return await get_transfer(tx, transfer_id)
    await _lock(tx, transfer_id, "cancel", expected_version=expected_version)
    await tx.run(sql.mark_cancelled, id=transfer_id)
    return await _told(tx, "transfer.cancelled", transfer_id, actor, reason=reason)


async def get_transfer(tx: Tx, transfer_id: UUID) -> TransferDetail:
    """A transfer with its lines, what arrived of it and what was lost."""
    transfer = await tx.maybe(sql.get_transfer, Transfer, id=transfer_id)
    if transfer is None:
        raise NotFound("transfer_not_found", "There is no such transfer.")
    return TransferDetail(
        transfer,
        tuple(await tx.all(sql.list_lines, TransferLine, id=transfer_id)),
        tuple(await tx.all(sql.list_receipts, TransferReceipt, id=transfer_id)),
        tuple(await tx.all(sql.list_losses, Loss, id=transfer_id)),
    )


async def list_transfers(tx: Tx, *, limit: int, before: UUID | None = None, **filters: Any) -> list[Transfer]:
    """One page and one row more, newest first.

    Filters: status, from_warehouse_id, to_warehouse_id, number, sku_id, is_late.
    """
    names = ("status", "from_warehouse_id", "to_warehouse_id", "number", "sku_id", "is_late")
    columns: dict[str, Any] = dict.fromkeys(names) | filters
    return await tx.all(sql.list_transfers, Transfer, before=before, limit=limit + 1, **columns)


async def _lock(tx: Tx, transfer_id: UUID, verb: str | None = None, *, expected_version: int | None = None) -> str:
    """Lock the transfer and answer its status; with a verb, raises the Conflict of a state that forbids it."""
    found = await tx.dicts(sql.lock_transfer, id=transfer_id)
    if not found:
        raise NotFound("transfer_not_found", "There is no such transfer.")
    status, version = found[0]["status"], found[0]["version"]
    if verb is not None and status not in FOLLOWS[verb]:
        code, detail = REFUSED[status]
        raise Conflict(code, detail, {"transfer_status": status})
    if expected_version is not None and expected_version != version:
        raise Conflict("version_conflict", "The transfer was changed meanwhile; read it again.", {"version": version})
    return status


async def _add_lines(tx: Tx, transfer_id: UUID, lines: Sequence[tuple[UUID, int]]) -> None:
    unmovable = await tx.dicts(sql.find_unmovable, sku_ids=[sku_id for sku_id, _ in lines])
    if unmovable:
        errors = [
            {"loc": ["items", u["line"], "sku_id"], "code": u["code"], "message": _UNMOVABLE[u["code"]]}
            for u in unmovable
        ]
        raise Invalid("invalid_request", "A line cannot be transferred.", errors=errors)
    asked = [{"sku_id": str(sku_id), "quantity": quantity} for sku_id, quantity in lines]
    await tx.run(sql.add_lines, id=transfer_id, lines=Json(asked))


def _check_arrivals(lines: Sequence[TransferLine], arrivals: Sequence[Arrival], reason: str) -> None:
    on_transfer = {line.sku_id for line in lines}
    strange = [a for a in arrivals if a.sku_id not in on_transfer]
    if strange or not arrivals:
        errors = [{"sku_id": str(a.sku_id), "code": "not_on_transfer"} for a in strange]
        raise Invalid("not_on_transfer", "Something in this delivery is not on the transfer.", errors=errors)
    excess = too_much(lines, arrivals)
    if excess:
        raise Conflict("over_receipt", "More arrived than is on its way; nothing was booked.", errors=excess)
    if not reason and any(a.lost_quantity for a in arrivals):
        raise Invalid.at(["reason"], "reason_required", "Say why units are lost.")


async def _book(
    tx: Tx,
    before: TransferDetail,
    arrivals: Sequence[Arrival],
    *,
    reference: str | None,
    reason: str,
    actor: str,
    is_receipt: bool = True,
) -> None:
    """Take arrivals and losses off the open lines, and post what reached a shelf."""
    transfer = before.transfer
    arrivals, wrong = named(arrivals, await tx.all(sql.list_parts, Part, id=transfer.id))
    if wrong:
        says = "Batches or serial numbers of this delivery are missing, too many, or not on the transfer."
        raise Invalid("units_unclear", says, errors=wrong)
    booked = [a.as_line() for a in merged(arrivals)]
    units = [unit for a in arrivals for unit in _units(a)]
    await tx.run(sql.receive_parts, id=transfer.id, units=Json(units))
    for a in arrivals:
        if a.lost_serials:
            await tx.run(sql.lose_units, sku_id=a.sku_id, serials=list(a.lost_serials))
    await tx.run(sql.receive_lines, id=transfer.id, lines=Json(booked))
    await tx.run(sql.insert_losses, id=transfer.id, lines=Json(booked), reason=reason, actor=actor)
    await tx.run(sql.mark_received, id=transfer.id)
    if is_receipt:
        told = [
            x | ({"units": mine} if (mine := [u for u in units if u["sku_id"] == x["sku_id"]]) else {}) for x in booked
        ]
        await tx.run(sql.insert_receipt, id=transfer.id, reference=reference, lines=Jsonb(told), actor=actor)
    costs = {line.sku_id: line.unit_cost for line in before.lines}
    items: list[MoveItem] = []
    for a in arrivals:
        cost = None if (found := costs[a.sku_id]) is None else str(found)
        good = _arriving(transfer, str(a.sku_id), a.quantity, inbound_delta=-a.total, unit_cost=cost)
        batch = None if a.batch is None else BatchNamed(a.batch)
        good.serials, good.batch = list(a.serials) or None, batch if a.quantity else None
        items.append(good)
        if a.unsellable_quantity:
            kept = _arriving(transfer, str(a.sku_id), a.unsellable_quantity, unit_cost=cost)
            kept.bucket, kept.serials, kept.batch = "unsellable", list(a.unsellable_serials) or None, batch
            items.append(kept)
    await stock.move(tx, _leg(transfer, "received on" if is_receipt else "closed on", items, actor))


def _leaving(transfer: Transfer, line: TransferLine, picked: Sequence[Picked]) -> list[MoveItem]:
    source = str(transfer.from_warehouse_id)
    items = [
        MoveItem(
            sku_id=str(line.sku_id),
            warehouse_id=source,
            quantity=-p.quantity,
            batch=None if p.batch is None else BatchNamed(p.batch),
            serials=None if p.serials is None else list(p.serials),
        )
        for p in picked
    ]
    rest = line.quantity - sum(p.quantity for p in picked)
    return [*items, MoveItem(sku_id=str(line.sku_id), warehouse_id=source, quantity=-rest)] if rest else items


def _check_picked(lines: Sequence[TransferLine], picked: Sequence[Picked]) -> None:
    planned = {line.sku_id: line.quantity for line in lines}
    for p in picked:
        planned[p.sku_id] = planned.get(p.sku_id, 0) - p.quantity
    errors = [{"sku_id": str(sku_id), "code": "not_on_transfer"} for sku_id, rest in planned.items() if rest < 0]
    if errors:
        raise Invalid("not_on_transfer", "More is picked of a SKU than the transfer has.", errors=errors)


def _units(a: Arrival) -> list[dict[str, Any]]:
    """What an arrival closes of the parts on their way."""
    if a.all_serials:
        return [{"sku_id": str(a.sku_id), "serial": number, "quantity": 1} for number in a.all_serials]
    return [{"sku_id": str(a.sku_id), "batch": a.batch, "quantity": a.total}] if a.batch else []


def _arriving(
    transfer: Transfer, sku_id: str, quantity: int, *, inbound_delta: int = 0, unit_cost: str | None = None
) -> MoveItem:
    return MoveItem(
        sku_id=sku_id,
        warehouse_id=str(transfer.to_warehouse_id),
        quantity=quantity,
        inbound_delta=inbound_delta,
        unit_cost=unit_cost,
    )


def _leg(transfer: Transfer, what: str, items: list[MoveItem], actor: str) -> MoveAsk:
    return MoveAsk(
        actor=actor,
        event_type="inventory.transferred",
        movement_type="transfer",
        reference_type="transfer",
        reference_id=str(transfer.id),
        reason=f"{what} {transfer.number}",
        items=items,
    )


async def _told(tx: Tx, event_type: str, transfer_id: UUID, actor: str, **facts: Any) -> TransferDetail:
    detail = await get_transfer(tx, transfer_id)
    transfer = detail.transfer
    data = {
        "transfer_id": str(transfer.id),
        "number": transfer.number,
        "status": transfer.status,
        "from_warehouse_id": str(transfer.from_warehouse_id),
        "to_warehouse_id": str(transfer.to_warehouse_id),
        "expected_at": transfer.expected_at.isoformat() if transfer.expected_at else None,
        "lines": [
            {
                "line_no": line.line_no,
                "sku_id": str(line.sku_id),
                "quantity": line.quantity,
                "open_quantity": line.open_quantity,
                "received_quantity": line.received_quantity,
                "unsellable_quantity": line.unsellable_quantity,
                "lost_quantity": line.lost_quantity,
            }
            for line in detail.lines
        ],
        **facts,
    }
    skus = list({line.sku_id for line in detail.lines})
    await tx.run(sql.write_event, event_type=event_type, sku_ids=skus, data=Json(data))
    await audit.record(
        tx, actor=actor, action=event_type, subject=f"transfer:{transfer.id}", number=transfer.number, **facts
    )
    return detail
