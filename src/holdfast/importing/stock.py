"""Stock from a file, posted as adjustments. Whether a number sets or adds is always said, never guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from holdfast.catalog.packs import units_of
from holdfast.db import Tx
from holdfast.importing import cells
from holdfast.importing.model import Change, Column, Plan, Problem, Row, duplicates
from holdfast.importing.places import SKU, WAREHOUSE, Placed, placed_rows, sql
from holdfast.kernel.errors import Conflict
from holdfast.stock import service as stock
from holdfast.stock.asks import QUANTITY_MAX, MoveAsk, MoveItem
from holdfast.stock.model import BatchNamed

Mode = Literal["set", "add"]

COLUMNS = (
    SKU,
    WAREHOUSE,
    Column(
        "quantity",
        cells.whole,
        ("qty", "on_hand", "on_hand_quantity", "stock", "count", "units", "数量", "库存", "库存数量"),
        True,
    ),
    Column("pack", cells.text(50), ("pack_name", "uom", "unit_of_measure", "包装", "包装单位")),
    Column("bucket", cells.one_of("sellable", "unsellable"), ("condition", "状态")),
    Column("batch", cells.text(200), ("batch_number", "lot", "lot_number", "批次", "批号")),
    Column("expiry_date", cells.day, ("expiry", "best_before", "expires", "有效期", "到期日")),
    Column("serials", cells.text(2_000_000), ("serial_numbers", "serial", "序列号")),
    Column("unit_cost", cells.money, ("cost", "cost_price", "purchase_price", "成本", "成本价")),
)
# The cost of a posting grows faster than its lines; all postings are in one transaction anyway.
ITEMS_PER_POSTING = 200


@dataclass(frozen=True, slots=True)
class _Level:
    available: int = 0
    reserved: int = 0
    unavailable: int = 0

    def physical(self, bucket: str) -> int:
        """What is there in a bucket, promised or not."""
        return self.unavailable if bucket == "unsellable" else self.available + self.reserved


async def plan_stock(tx: Tx, rows: Sequence[Row], mode: Mode) -> Plan:
    """What applying the rows would do. ``set``: so many are physically there, promised ones included; ``add``: so many
    more, or with a minus fewer, than now. Nothing is written.
    """
    plan = Plan(work=[])
    rows = [Row(row.number, {"bucket": "sellable", "batch": "", **row.values}) for row in rows]
    keys = ("sku", "warehouse", "bucket", "batch")
    plan.problems += duplicates(rows, keys, "this SKU and warehouse are given twice")
    bad = {problem.row for problem in plan.problems}
    placed, unknown = await placed_rows(tx, [row for row in rows if row.number not in bad])
    plan.problems += unknown
    levels = await _levels(tx, placed)
    packed = await units_of(tx, [(x.sku.id, x.row.values["pack"]) for x in placed if _is_packed(x)])
    for line in placed:
        if _is_packed(line):
            units = packed.get((line.sku.id, line.row.values["pack"]))
            if units is None or abs(line.row.values["quantity"]) * units > QUANTITY_MAX:
                message = "is no pack of this SKU" if units is None else "makes too many units"
                plan.problems.append(Problem(line.row.number, "pack", line.row.values["pack"], "unknown_pack", message))
                continue
            line.row.values["quantity"] *= units
        level = levels.get(line.pair, _Level())
        found = _unnamed(line, level, mode) or _problem(line, level, mode)
        if found is not None:
            plan.problems.append(found)
        else:
            _add(plan, line, level, mode)
    return plan


def _is_packed(line: Placed) -> bool:
    """Whether the quantity counts packs; the SKU's own unit is what stock is kept in anyway."""
    return line.row.values.get("pack", line.sku.unit) != line.sku.unit


async def apply_stock(tx: Tx, plan: Plan, *, actor: str, reference: str) -> None:
    """Raises Conflict(``stock_changed``) when a level moved between the plan and now; nothing is applied then."""
    for start in range(0, len(plan.work), ITEMS_PER_POSTING):
        ask = MoveAsk(
            actor=actor,
            event_type="inventory.adjusted",
            movement_type="adjustment",
            reference_type="import",
            reference_id=reference,
            reason=f"stock import {reference}",
            items=plan.work[start : start + ITEMS_PER_POSTING],
        )
        try:
            await stock.move(tx, ask)
        except Conflict as refusal:
            message = f"Stock moved while the file was read ({refusal.code}); nothing was applied. Repeat it."
            raise Conflict("stock_changed", message, errors=refusal.errors) from refusal


async def _levels(tx: Tx, placed: Sequence[Placed]) -> dict[Any, _Level]:
    rows = await tx.dicts(
        sql.list_levels, sku_ids=[line.sku.id for line in placed], warehouse_ids=[line.place.id for line in placed]
    )
    return {
        (row["sku_id"], row["warehouse_id"]): _Level(
            row["available_quantity"], row["reserved_quantity"], row["unavailable_quantity"]
        )
        for row in rows
    }


def _serials(line: Placed) -> list[str]:
    """Serial numbers stand apart by spaces, commas or semicolons."""
    return line.row.values.get("serials", "").replace(",", " ").replace(";", " ").split()


def _unnamed(line: Placed, level: _Level, mode: Mode) -> Problem | None:
    """Why the units of a row cannot be told apart as its SKU demands."""
    values, tracking = line.row.values, line.sku.tracking
    if tracking == "none":
        return None
    if mode == "set" and level.physical(values["bucket"]):
        message = "cannot be set at once: units of this SKU are told apart; add them, or adjust them by name"
        return Problem(line.row.number, "quantity", str(values["quantity"]), "tracked_sku", message)
    if tracking == "batch" and not values["batch"]:
        return Problem(line.row.number, "batch", "", "batch_required", "is empty, and this SKU is kept by batch")
    if tracking == "serial" and len(_serials(line)) != abs(values["quantity"]):
        message = f"names {len(_serials(line))} units and not {abs(values['quantity'])}"
        return Problem(line.row.number, "serials", "", "serials_required", message)
    return None


def _problem(line: Placed, level: _Level, mode: Mode) -> Problem | None:
    values = line.row.values
    quantity, bucket = values["quantity"], values["bucket"]
    free = level.unavailable if bucket == "unsellable" else level.available
    change = quantity if mode == "add" else quantity - level.physical(bucket)
    if mode == "set" and quantity < 0:
        message = "is negative, and less than nothing cannot be there"
    elif mode == "set" and bucket == "sellable" and quantity < level.reserved:
        message = f"is fewer than the {level.reserved} that are reserved"
    elif change < -free:
        message = f"takes more than the {free} that are available"
    elif change > 0 and line.sku.archived_at is not None:
        message = "cannot be added: the SKU is archived"
    else:
        return None
    return Problem(line.row.number, "quantity", str(quantity), "impossible_quantity", message)


def _add(plan: Plan, line: Placed, level: _Level, mode: Mode) -> None:
    values = line.row.values
    quantity, bucket = values["quantity"], values["bucket"]
    before = level.physical(bucket)
    after = quantity if mode == "set" else before + quantity
    if before == after:
        plan.unchanged += 1
        return
    key = f"{line.sku.code} @ {line.place.code}" + (" (unsellable)" if bucket == "unsellable" else "")
    plan.changes.append(Change(line.row.number, key, {"quantity": (before, after)}))
    cost, expires = values.get("unit_cost"), values.get("expiry_date")
    is_set = mode == "set" and line.sku.tracking == "none"
    batch = BatchNamed(values["batch"], None if expires is None else expires.isoformat()) if values["batch"] else None
    plan.work.append(
        MoveItem(
            sku_id=str(line.sku.id),
            warehouse_id=str(line.place.id),
            bucket=bucket,
            quantity=None if is_set else quantity,
            set_to=after if is_set else None,
            expected_quantity=before if is_set else None,
            batch=batch,
            serials=_serials(line) or None,
            unit_cost=None if cost is None else str(cost),
        )
    )
