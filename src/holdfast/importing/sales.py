"""Past sales from a file: history for the forecast, or, when asked, sales that are taken from stock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from holdfast.db import Tx
from holdfast.demand.importing import SoldDay, known_days, ledger_starts, put_days
from holdfast.importing import cells
from holdfast.importing.model import Change, Column, Plan, Problem, Row
from holdfast.importing.places import SKU, WAREHOUSE, Place, Placed, placed_rows, sql
from holdfast.kernel.errors import Conflict
from holdfast.stock import service as stock
from holdfast.stock.asks import MoveAsk, MoveItem
from holdfast.stock.shapes import EARLIEST

COLUMNS = (
    Column("date", cells.day, ("day", "sold_on", "sale_date", "order_date", "invoice_date", "日期", "销售日期"), True),
    SKU,
    WAREHOUSE,
    Column("quantity", cells.not_negative, ("qty", "units", "sold", "quantity_sold", "数量", "销量"), True),
    Column("orders", cells.not_negative, ("order_count", "lines", "订单数")),
)


async def plan_history(tx: Tx, rows: Sequence[Row]) -> Plan:
    """What applying the rows to the demand history would do; rows of one day are summed. Nothing is written."""
    plan = Plan()
    placed, plan.problems = await placed_rows(tx, rows)
    starts = await ledger_starts(tx, sorted({line.pair for line in placed}))
    kept = [line for line in placed if _is_past(line, plan, starts.get(line.pair))]
    days = _summed(kept)
    known = await known_days(tx, list(days.values()))
    first_row = {key: line.row.number for line in reversed(kept) if (key := (*line.pair, line.row.values["date"]))}
    names = {line.pair: f"{line.sku.code} @ {line.place.code}" for line in kept}
    plan.work = []
    for key, day in days.items():
        before = known.get(key)
        if before == day:
            plan.unchanged += 1
            continue
        plan.work.append(day)
        if before is None:
            plan.new += 1
        else:
            differences = {"quantity": (before.quantity, day.quantity), "orders": (before.orders, day.orders)}
            changed = {name: pair for name, pair in differences.items() if pair[0] != pair[1]}
            plan.changes.append(Change(first_row[key], f"{names[key[:2]]} on {day.day}", changed))
    return plan


async def apply_history(tx: Tx, plan: Plan, *, actor: str, reference: str) -> None:
    await put_days(tx, plan.work)


async def plan_sales(tx: Tx, rows: Sequence[Row]) -> Plan:
    """What selling the rows from stock would do, oldest first. Nothing is written."""
    plan = Plan(work=[])
    placed, plan.problems = await placed_rows(tx, rows)
    wanted = [line for line in placed if _is_past(line, plan, None) and line.row.values["quantity"]]
    plan.unchanged = len(placed) - len(wanted)
    levels = await tx.dicts(
        sql.list_levels, sku_ids=[line.sku.id for line in wanted], warehouse_ids=[line.place.id for line in wanted]
    )
    left: defaultdict[tuple[UUID, UUID], int] = defaultdict(int)
    left |= {(level["sku_id"], level["warehouse_id"]): level["free_quantity"] for level in levels}
    for line in sorted(wanted, key=lambda line: line.row.values["date"]):
        quantity: int = line.row.values["quantity"]
        if quantity > left[line.pair]:
            message = f"is more than the {left[line.pair]} that are left then"
            plan.problems.append(Problem(line.row.number, "quantity", str(quantity), "insufficient_stock", message))
            continue
        left[line.pair] -= quantity
        plan.new += 1
        plan.work.append(line)
    return plan


async def apply_sales(tx: Tx, plan: Plan, *, actor: str, reference: str) -> None:
    """Sales at noon of their day. Raises Conflict(``stock_changed``) when somebody else sold meanwhile."""
    by_day: defaultdict[tuple[date, Place], list[MoveItem]] = defaultdict(list)
    for line in plan.work:
        sold = MoveItem(sku_id=str(line.sku.id), warehouse_id=str(line.place.id), quantity=-line.row.values["quantity"])
        by_day[line.row.values["date"], line.place].append(sold)
    for (day, place), items in by_day.items():
        ask = MoveAsk(
            actor=actor,
            event_type="inventory.sold",
            movement_type="out",
            reference_type="sale",
            reference_id=reference,
            reason=f"sales import {reference}",
            items=items,
            # Noon of today may still be to come; then it was just now.
            occurred_at=None
            if day == place.today
            else datetime.combine(day, time(12), ZoneInfo(place.time_zone)).isoformat(),
        )
        try:
            await stock.move(tx, ask)
        except Conflict as refusal:
            message = f"Stock moved while the file was read ({refusal.code}); nothing was applied. Repeat it."
            raise Conflict("stock_changed", message, errors=refusal.errors) from refusal


def _is_past(line: Placed, plan: Plan, ledger_start: date | None) -> bool:
    """Whether a row may become history; if not, the plan gets its problem."""
    day: date = line.row.values["date"]
    if day < EARLIEST.date():
        message = f"is before {EARLIEST:%Y-%m-%d}"
    elif day > line.place.today:
        message = f"is in the future; in {line.place.code} it is {line.place.today}"
    elif ledger_start is not None and day >= ledger_start:
        message = f"is in the ledger: its sales of this SKU are counted from {ledger_start} on"
    else:
        return True
    plan.problems.append(Problem(line.row.number, "date", day.isoformat(), "impossible_date", message))
    return False


def _summed(placed: Sequence[Placed]) -> dict[tuple[UUID, UUID, date], SoldDay]:
    """Order lines of one SKU, warehouse and day are one figure; without a count of orders each row is one."""
    units: defaultdict[tuple[UUID, UUID, date], list[int]] = defaultdict(lambda: [0, 0])
    for line in placed:
        total = units[*line.pair, line.row.values["date"]]
        total[0] += line.row.values["quantity"]
        total[1] += line.row.values.get("orders", 1 if line.row.values["quantity"] else 0)
    return {key: SoldDay(*key, quantity, orders) for key, (quantity, orders) in units.items()}
