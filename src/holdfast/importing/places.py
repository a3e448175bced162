"""Which SKUs and warehouses the codes of a file mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from holdfast.catalog.importing import skus_by_code
from holdfast.catalog.model import Sku
from holdfast.db import Tx, statements
from holdfast.importing import cells
from holdfast.importing.model import Column, Problem, Row

sql = statements("holdfast.importing")

SKU = Column(
    "sku",
    cells.text(100),
    (
        "sku_code",
        "code",
        "item",
        "item_code",
        "item_number",
        "article",
        "product_code",
        "stock_code",
        "货号",
        "编码",
        "商品编码",
    ),
    is_required=True,
)
WAREHOUSE = Column(
    "warehouse",
    cells.text(50),
    ("warehouse_code", "location", "location_code", "site", "store", "depot", "仓库", "仓库编码"),
    is_required=True,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A warehouse a file may name; ``today`` is the day it is there."""

    id: UUID
    code: str
    time_zone: str
    today: date


@dataclass(frozen=True, slots=True)
class Placed:
    """A row with the SKU and the warehouse it means."""

    row: Row
    sku: Sku
    place: Place

    @property
    def pair(self) -> tuple[UUID, UUID]:
        return self.sku.id, self.place.id


async def placed_rows(tx: Tx, rows: Sequence[Row]) -> tuple[list[Placed], list[Problem]]:
    """Rows whose codes are known, and a problem for each code that is not."""
    known = await skus_by_code(tx, sorted({row.values["sku"] for row in rows}))
    places = {place.code: place for place in await tx.all(sql.list_warehouses, Place)}
    placed: list[Placed] = []
    problems: list[Problem] = []
    for row in rows:
        sku, place = known.get(row.values["sku"]), places.get(row.values["warehouse"])
        if sku is None:
            problems.append(Problem(row.number, "sku", row.values["sku"], "unknown_sku", "there is no such SKU"))
        if place is None:
            message = f"there is no such warehouse; there are {', '.join(sorted(places)[:8]) or 'none yet'}"
            problems.append(Problem(row.number, "warehouse", row.values["warehouse"], "unknown_warehouse", message))
        if sku is not None and place is not None:
            placed.append(Placed(row, sku, place))
    return placed, problems
