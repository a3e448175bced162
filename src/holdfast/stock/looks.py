"""What is read through the cache: totals of a SKU, from which availability is answered, and reservations.

Pure but for the types of the cache: it decodes what ``stock_look`` answers and does the arithmetic of availability for
the plain question. ``tests/cache`` holds both to ``stock_availability``.
"""

from __future__ import annotations

import re

import msgspec

from holdfast import cache
from holdfast.cache import Look, Looked
from holdfast.db.posting import Answer, Ask
from holdfast.stock.asks import AvailabilityAsk


class LookAsk(Ask):
    sku_ids: list[str]
    reservation_ids: list[str]


class Shelf(msgspec.Struct, omit_defaults=True):
    """One level in the totals. Units of holds whose time is over count as available, not as reserved; what pools keep
    for single channels does not.
    """

    available: int
    reserved: int
    in_transit: int
    unavailable: int
    is_active: bool
    pooled: int = 0
    version: int = 0
    last_updated: str | None = None


class Totals(msgspec.Struct):
    """``warehouses`` is ordered as availability shows them: higher priority, then more stock."""

    archived: bool
    plain: bool
    total_available: int
    total_in_transit: int
    today: str
    warehouses: dict[str, Shelf]


class _TotalsRow(msgspec.Struct):
    id: str
    version: int
    valid_until: int
    plain: bool
    body: msgspec.Raw


class _HoldRow(msgspec.Struct):
    id: str
    valid_until: int | None
    may_be_kept: bool
    body: msgspec.Raw


class _Facts(msgspec.Struct):
    now: int
    totals: list[_TotalsRow]
    holds: list[_HoldRow]


_facts = msgspec.json.Decoder(_Facts)
_totals = msgspec.json.Decoder(Totals)
_UNKNOWN = Look(b"", may_be_kept=False)


def ask_for(names: list[str]) -> LookAsk:
    """The question to ``stock_look`` for names of the cache."""
    ids: dict[str, list[str]] = {cache.totals(""): [], cache.hold(""): []}
    for name in names:
        kind, _, id_ = name.partition(":")
        ids[f"{kind}:"].append(id_)
    return LookAsk(sku_ids=ids[cache.totals("")], reservation_ids=ids[cache.hold("")])


def looked(names: list[str], answer: Answer) -> Looked:
    """The looks of an answer; what does not exist has an empty body and is not kept."""
    facts = _facts.decode(answer.facts)
    looks = dict.fromkeys(names, _UNKNOWN)
    for row in facts.totals:
        body = bytes(row.body)
        parts = {} if not row.plain else _levels(row.id, body)
        looks[cache.totals(row.id)] = Look(body, row.version, row.valid_until, parts=parts)
    for hold in facts.holds:
        looks[cache.hold(hold.id)] = Look(bytes(hold.body), 0, hold.valid_until, hold.may_be_kept)
    return Looked(facts.now, looks)


def _levels(sku_id: str, body: bytes) -> dict[str, tuple[int, bytes]]:
    """The level of each warehouse by itself, for programs that read the cache."""
    levels: dict[str, tuple[int, bytes]] = {}
    for warehouse_id, shelf in _totals.decode(body).warehouses.items():
        version, shelf.version = shelf.version, 0  # it stands in the head of the value already
        levels[cache.level(warehouse_id, sku_id)] = version, msgspec.json.encode(shelf)
    return levels


def availability(body: bytes, ask: AvailabilityAsk) -> Answer | None:
    """Answer from totals what ``stock_availability`` would; None when that depends on more than totals."""
    if not body:
        return Answer("sku_not_found", "{}")
    totals = _totals.decode(body)
    if not totals.plain or ask.warehouse_id not in (None, *totals.warehouses):
        return None
    shelves = [
        (warehouse_id, shelf.available)
        for warehouse_id, shelf in totals.warehouses.items()
        if shelf.available > 0 and shelf.is_active and ask.warehouse_id in (None, warehouse_id)
    ]
    total = sum(available for _, available in shelves)
    enough = total >= ask.quantity and not totals.archived
    if not enough and totals.total_in_transit > 0:
        # When more will come is a question about dated documents.
        return None
    from_one = not totals.archived and any(available >= ask.quantity for _, available in shelves)
    split = ", ".join(
        f'{{"warehouse_id" : "{warehouse_id}", "quantity_available" : {available}}}'
        for warehouse_id, available in shelves
    )
    day = f'"{totals.today}"' if enough else "null"
    return Answer(
        "availability",
        # As PostgreSQL would write it.
        f'{{"available" : {_json(enough)}, "quantity_available" : {total}, "warehouses" : [{split}], '
        f'"fulfillable_from_one" : {_json(from_one)}, "promise_date" : {day}}}',
    )


def _json(truth: bool) -> str:
    return "true" if truth else "false"


_ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_LEVEL = re.compile(f'"sku_id" ?: ?"({_ID})"[^{{}}]*?"warehouse_id" ?: ?"({_ID})"')
_HOLD = re.compile(f'"reservation_id" ?: ?"({_ID})"')


def names_in(facts: str) -> set[str]:
    """The names that a change concerns, found in what the posting function answered (JSON text)."""
    names: set[str] = set()
    for sku_id, warehouse_id in _LEVEL.findall(facts):
        names.add(cache.totals(sku_id))
        names.add(cache.level(warehouse_id, sku_id))
    for reservation_id in _HOLD.findall(facts):
        names.add(cache.hold(reservation_id))
    return names
