"""Stock per warehouse, and summed up the tree of warehouses: a region is what lies in it and below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from psycopg.types.json import Json

from holdfast.db import Tx, statements

sql = statements("holdfast.stock", "tree.sql")


@dataclass(frozen=True, slots=True)
class Sums:
    """Units of a warehouse, or of it and everything below."""

    on_hand: int = 0
    available: int = 0
    reserved: int = 0
    unavailable: int = 0
    in_transit: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.on_hand + other.on_hand,
            self.available + other.available,
            self.reserved + other.reserved,
            self.unavailable + other.unavailable,
            self.in_transit + other.in_transit,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A warehouse in the tree: ``depth`` 0 lies below no other. ``total`` counts what lies below it too."""

    id: UUID
    code: str
    name: str
    type: str
    parent_id: UUID | None
    capacity: int | None
    is_active: bool
    own: Sums
    total: Sums
    depth: int = 0
    has_below: bool = False


@dataclass(frozen=True, slots=True)
class PlaceRow:
    id: UUID
    code: str
    name: str
    type: str
    parent_id: UUID | None
    capacity: int | None
    is_active: bool
    on_hand: int
    available: int
    reserved: int
    unavailable: int
    in_transit: int


async def list_places(tx: Tx, *, sku_id: UUID | None = None) -> list[Place]:
    """Every warehouse with its sums, of one SKU or of all, parents before what lies below them. One statement."""
    return arranged(await tx.all(sql.place_sums, PlaceRow, sku_id=sku_id))


async def note_capacity(tx: Tx) -> int:
    """Tell of warehouses that hold more than they have room for, or fit again, once each; answers how many."""
    rows = await tx.dicts(sql.changed_capacity)
    for row in rows:
        facts: dict[str, Any] = {**row, "warehouse_id": str(row["warehouse_id"])}
        is_over = facts.pop("is_over")
        await tx.run(
            sql.note_capacity,
            warehouse_id=row["warehouse_id"],
            is_over=is_over,
            event_type="warehouse.over_capacity" if is_over else "warehouse.within_capacity",
            data=Json(facts),
        )
    return len(rows)


def arranged(rows: Sequence[PlaceRow]) -> list[Place]:
    """The tree from the top, each place followed by what lies below it; siblings keep their order."""
    below: dict[UUID | None, list[PlaceRow]] = {}
    known = {row.id for row in rows}
    for row in rows:
        below.setdefault(row.parent_id if row.parent_id in known else None, []).append(row)

    def walk(row: PlaceRow, depth: int) -> list[Place]:
        own = Sums(row.on_hand, row.available, row.reserved, row.unavailable, row.in_transit)
        place = Place(row.id, row.code, row.name, row.type, row.parent_id, row.capacity, row.is_active, own, own, depth)
        under = [walk(child, depth + 1) for child in below.get(row.id, [])]
        total = sum((branch[0].total for branch in under), own)
        return [replace(place, total=total, has_below=bool(under)), *(p for branch in under for p in branch)]

    return [place for row in below.get(None, []) for place in walk(row, 0)]
