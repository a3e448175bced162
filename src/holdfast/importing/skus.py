"""SKUs from a file: new ones are created, known ones changed where the file says something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from holdfast.catalog.importing import CHANGEABLE, change_many, codes_by_barcode, create_many, skus_by_code
from holdfast.catalog.model import Sku
from holdfast.db import Tx
from holdfast.importing import cells
from holdfast.importing.model import Change, Column, Plan, Problem, Row, duplicates
from holdfast.importing.places import SKU

# An empty cell leaves a known SKU as it is: a file is never a way to lose something by saying nothing.
COLUMNS = (
    replace(SKU, name="code", aliases=("sku", *(alias for alias in SKU.aliases if alias != "code"))),
    Column("name", cells.text(200), ("title", "product_name", "item_name", "description", "名称", "商品名称", "品名")),
    Column("barcode", cells.text(100), ("ean", "ean13", "gtin", "upc", "条码", "条形码")),
    Column("category", cells.text(200), ("product_category", "group", "product_group", "类别", "分类", "品类")),
    Column("unit", cells.text(50), ("uom", "unit_of_measure", "base_unit", "单位")),
    Column("price", cells.money, ("unit_price", "sales_price", "list_price", "价格", "单价", "售价")),
    Column("currency", cells.currency, ("price_currency", "币种", "货币")),
    Column("tracking", cells.one_of("none", "batch", "serial"), ("tracked_by", "跟踪方式")),
)


async def plan_skus(tx: Tx, rows: Sequence[Row]) -> Plan:
    """What applying the rows would do. Nothing is written."""
    plan = Plan(work=([], []))
    plan.problems += duplicates(rows, ("code",), "the same code is given twice")
    plan.problems += duplicates(rows, ("barcode",), "the same barcode is given twice")
    bad = {problem.row for problem in plan.problems}
    known = await skus_by_code(tx, [row.values["code"] for row in rows])
    barcodes = await codes_by_barcode(tx, [row.values["barcode"] for row in rows if "barcode" in row.values])
    for row in rows:
        if row.number not in bad:
            found = _problem(row, known.get(row.values["code"]), barcodes)
            if found is not None:
                plan.problems.append(found)
            else:
                _add(plan, row, known.get(row.values["code"]))
    return plan


async def apply_skus(tx: Tx, plan: Plan, *, actor: str, reference: str) -> None:
    """Raises Conflict(``skus_changed``) when somebody else was faster."""
    created, changed = plan.work
    await create_many(tx, created, actor=actor, reference=reference)
    await change_many(tx, changed, actor=actor, reference=reference)


def _add(plan: Plan, row: Row, sku: Sku | None) -> None:
    created, changed = plan.work
    if sku is None:
        created.append({name: _plain(value) for name, value in row.values.items()})
        plan.new += 1
        return
    differences = {
        name: (getattr(sku, name), row.values[name])
        for name in CHANGEABLE
        if name in row.values and row.values[name] != getattr(sku, name)
    }
    if not differences:
        plan.unchanged += 1
        return
    plan.changes.append(Change(row.number, sku.code, differences))
    wanted = {name: _plain(row.values.get(name, getattr(sku, name))) for name in CHANGEABLE}
    changed.append({"id": sku.id, "version": sku.version, **wanted})


def _problem(row: Row, sku: Sku | None, barcodes: dict[str, str]) -> Problem | None:
    """The first thing that stands against a row whose cells can all be read."""
    values = row.values
    if sku is None and "name" not in values:
        return Problem(row.number, "name", "", "empty", "is empty, and a new SKU needs a name")
    price = values.get("price", sku.price if sku else None)
    if price is not None and not values.get("currency", sku.currency if sku else None):
        return Problem(row.number, "currency", "", "empty", "is empty, and a price needs its currency")
    owner = barcodes.get(values.get("barcode", ""))
    if owner is not None and owner != values["code"]:
        return Problem(row.number, "barcode", values["barcode"], "barcode_taken", f"belongs to the SKU {owner}")
    if sku is not None and values.get("tracking", sku.tracking) != sku.tracking:
        message = f"cannot be changed by an import; the SKU has {sku.tracking}"
        return Problem(row.number, "tracking", values["tracking"], "tracking_fixed", message)
    return None


def _plain(value: Any) -> Any:
    """Numbers with a point travel as text, so that none of their digits is lost."""
    return value if value is None or isinstance(value, str | int) else str(value)
