"""One board of everything that holds or sends goods: warehouses as a tree, and suppliers with something on its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from holdfast.access.visit import Visit
from holdfast.db import statements
from holdfast.stock.tree import Place, list_places

sql = statements("holdfast.console", "network.sql")


@dataclass(frozen=True, slots=True)
class Worth:
    """What is there at the moving average, per currency; `levels` counts SKUs that were ever here."""

    warehouse_id: UUID
    currency: str | None
    value: Decimal
    levels: int
    empty: int
    low: int


@dataclass(frozen=True, slots=True)
class Coming:
    """Units on their way to a warehouse, by order or transfer; late is what should have come before today."""

    warehouse_id: UUID
    orders: int
    transfers: int
    next_at: date | None
    late: int


@dataclass(frozen=True, slots=True)
class Node:
    place: Place
    worth: str
    levels: int
    empty: int
    low: int
    coming: Coming | None

    @property
    def fill(self) -> float | None:
        """How full it is, 1 being its capacity."""
        return self.place.own.on_hand / self.place.capacity if self.place.capacity else None


@dataclass(frozen=True, slots=True)
class SupplierNode:
    id: UUID
    name: str
    orders: int
    units: int
    next_at: date | None
    late_orders: int
    days_late: int | None
    lead_days: float


@dataclass(frozen=True, slots=True)
class NetworkView:
    nodes: tuple[Node, ...]
    suppliers: tuple[SupplierNode, ...]
    worth: str

    @property
    def late(self) -> int:
        return sum(node.coming.late for node in self.nodes if node.coming)

    @property
    def low(self) -> int:
        return sum(node.low for node in self.nodes)

    @property
    def over(self) -> int:
        return sum((node.fill or 0) > 1 for node in self.nodes)

    @property
    def coming(self) -> int:
        return sum(node.coming.orders + node.coming.transfers for node in self.nodes if node.coming)


async def network_view(visit: Visit) -> NetworkView:
    """Four statements, however many warehouses and suppliers there are; each is one pass over what it sums."""
    places = await list_places(visit.tx)
    worths: dict[UUID, list[Worth]] = {}
    for worth in await visit.tx.all(sql.network_worth, Worth):
        worths.setdefault(worth.warehouse_id, []).append(worth)
    coming = {row.warehouse_id: row for row in await visit.tx.all(sql.network_coming, Coming)}
    return NetworkView(
        nodes=tuple(_node(visit, place, worths.get(place.id, []), coming) for place in places),
        suppliers=tuple(await visit.tx.all(sql.network_suppliers, SupplierNode)),
        worth=_money(visit, [worth for place in places for worth in worths.get(place.id, [])]),
    )


def _node(visit: Visit, place: Place, worths: Sequence[Worth], coming: Mapping[UUID, Coming]) -> Node:
    return Node(
        place,
        _money(visit, worths),
        sum(worth.levels for worth in worths),
        sum(worth.empty for worth in worths),
        sum(worth.low for worth in worths),
        coming.get(place.id),
    )


def _money(visit: Visit, worths: Sequence[Worth]) -> str:
    """Sums per currency; what has no currency or no known cost is worth nobody knows what."""
    sums: dict[str, Decimal] = {}
    for worth in worths:
        if worth.currency and worth.value:
            sums[worth.currency] = sums.get(worth.currency, Decimal()) + worth.value
    return " + ".join(visit.formats.money(sums[c], c, whole=True) for c in sorted(sums))
