"""What suppliers ask for SKUs, from a file: new terms are set, known ones changed where the file says otherwise."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from holdfast.catalog.importing import skus_by_code
from holdfast.catalog.model import Sku
from holdfast.db import Tx
from holdfast.importing import cells
from holdfast.importing.model import Change, Column, Plan, Problem, Row, duplicates
from holdfast.importing.places import SKU
from holdfast.purchasing.importing import items_of_suppliers, suppliers_by_code
from holdfast.purchasing.model import Supplier, SupplierItem
from holdfast.purchasing.suppliers import put_items

_BREAK = re.compile(r"(\d{1,10}):(\d{1,12}(?:\.\d{1,6})?)")
_YES_NO = {"yes": True, "true": True, "1": True, "是": True, "no": False, "false": False, "0": False, "否": False}
_DAYS_MAX = Decimal(3650)


def _count(cell: str) -> int:
    number = cells.whole(cell)
    if not 1 <= number <= 1_000_000_000:
        raise ValueError("is not between 1 and 1000000000")
    return number


def _within(most: Decimal, decimals: int) -> Callable[[str], Decimal]:
    def read(cell: str) -> Decimal:
        number = cells.money(cell)
        if number > most or number != round(number, decimals):
            raise ValueError(f"is not a number up to {most} with at most {decimals} decimals")
        return number

    return read


def _yes(cell: str) -> bool:
    found = _YES_NO.get(cell.lower())
    if found is None:
        raise ValueError("is neither yes nor no")
    return found


def _breaks(cell: str) -> list[dict[str, Any]]:
    found: dict[int, Decimal] = {}
    for part in re.split(r"[|\s]+", cell.strip()):
        match = _BREAK.fullmatch(part)
        if not match or int(match[1]) == 0:
            raise ValueError("is not a list of quantity:cost such as 100:12.80 | 500:12.10")
        if int(match[1]) in found:
            raise ValueError(f"gives the quantity {match[1]} twice")
        found[int(match[1])] = Decimal(match[2])
    return [{"min_quantity": quantity, "unit_cost": found[quantity]} for quantity in sorted(found)]


COLUMNS = (
    Column("supplier", cells.text(100), ("supplier_code", "vendor", "vendor_code", "供应商", "供应商编码"), True),
    SKU,
    Column("unit_cost", cells.money, ("cost", "purchase_price", "cost_price", "进价", "采购价", "单位成本")),
    Column("currency", cells.currency, ("cost_currency", "币种", "货币")),
    Column("supplier_sku", cells.text(200), ("their_code", "vendor_sku", "supplier_item", "供应商货号")),
    Column("moq", _count, ("minimum_quantity", "min_order_quantity", "起订量")),
    Column("order_multiple", _count, ("multiple", "倍数", "订货倍数")),
    Column("max_order_quantity", _count, ("maximum_quantity", "最大订量")),
    Column("pack_size", _count, ("units_per_pack", "每包数量", "包装数")),
    Column("pack_volume_l", _within(Decimal(9_999_999_999), 4), ("pack_litres", "每包体积")),
    Column("pack_weight_kg", _within(Decimal(9_999_999_999), 4), ("pack_kilograms", "每包重量")),
    Column("valid_from", cells.day, ("from", "生效日期")),
    Column("valid_to", cells.day, ("until", "失效日期")),
    Column("lead_time_days", _within(_DAYS_MAX, 2), ("lead_time", "提前期")),
    Column("lead_time_sd_days", _within(_DAYS_MAX, 2), ("lead_time_spread", "提前期波动")),
    Column("preferred", _yes, ("is_preferred", "首选")),
    Column("price_breaks", _breaks, ("quantity_prices", "阶梯价")),
)
# Where a column of the file goes by another name than the terms themselves.
_NAMES = {"supplier_sku": "supplier_code", "preferred": "is_preferred"}
_NOT_TERMS = ("supplier", "sku")


async def plan_terms(tx: Tx, rows: Sequence[Row]) -> Plan:
    """What applying the rows would do. Nothing is written."""
    work: defaultdict[UUID, list[dict[str, Any]]] = defaultdict(list)
    plan = Plan(work=work)
    plan.problems += duplicates(rows, ("supplier", "sku"), "the same SKU of the same supplier is given twice")
    bad = {problem.row for problem in plan.problems}
    skus = await skus_by_code(tx, sorted({row.values["sku"] for row in rows}))
    suppliers = await suppliers_by_code(tx, sorted({row.values["supplier"] for row in rows}))
    known = await items_of_suppliers(tx, [supplier.id for supplier in suppliers.values()])
    for row in rows:
        if row.number in bad:
            continue
        sku, supplier = skus.get(row.values["sku"]), suppliers.get(row.values["supplier"])
        item = known.get((supplier.id, sku.id)) if sku and supplier else None
        found = _problems(row, sku, supplier, item)
        plan.problems += found
        if not found and sku is not None and supplier is not None:
            _add(plan, row, sku, supplier, item)
    return plan


async def apply_terms(tx: Tx, plan: Plan, *, actor: str, reference: str) -> None:
    for supplier_id, items in plan.work.items():
        await put_items(tx, supplier_id, items, actor=actor)


def _add(plan: Plan, row: Row, sku: Sku, supplier: Supplier, item: SupplierItem | None) -> None:
    said = {_NAMES.get(name, name): value for name, value in row.values.items() if name not in _NOT_TERMS}
    before = _terms(item) if item else {}
    if item is None:
        plan.new += 1
    else:
        differences = {name: (before[name], value) for name, value in said.items() if before[name] != value}
        if not differences:
            plan.unchanged += 1
            return
        plan.changes.append(Change(row.number, f"{supplier.code} {sku.code}", differences))
    plan.work[supplier.id].append({**before, **said, "sku_id": sku.id})


def _terms(item: SupplierItem) -> dict[str, Any]:
    names = [_NAMES.get(column.name, column.name) for column in COLUMNS if column.name not in _NOT_TERMS]
    return {name: getattr(item, name) for name in names}


def _problems(row: Row, sku: Sku | None, supplier: Supplier | None, item: SupplierItem | None) -> list[Problem]:
    """What stands against a row whose cells can all be read."""
    values = row.values
    found: list[Problem] = []
    if supplier is None:
        found.append(
            Problem(row.number, "supplier", values["supplier"], "unknown_supplier", "there is no such supplier")
        )
    if sku is None:
        found.append(Problem(row.number, "sku", values["sku"], "unknown_sku", "there is no such SKU"))
    if item is None and "unit_cost" not in values:
        found.append(Problem(row.number, "unit_cost", "", "empty", "is empty, and new terms need a cost"))
    first, last = (values.get(name, getattr(item, name, None)) for name in ("valid_from", "valid_to"))
    if first and last and last < first:
        found.append(Problem(row.number, "valid_to", str(last), "impossible_date", f"is before {first}"))
    return found
