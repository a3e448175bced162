"""What a supplier is written: the order as text and as a CSV file that spreadsheets open."""

from __future__ import annotations

import csv
import io
from typing import Any, Final

from holdfast.db import Tx
from holdfast.notify import service as notify
from holdfast.notify.model import Attachment
from holdfast.purchasing import links
from holdfast.purchasing.model import OrderDetail, OrderLine, Supplier
from holdfast.purchasing.printing import order_pdf
from holdfast.warehouses.service import get_warehouse

# A letter lists so many lines; the attachment has all.
LINES_IN_LETTER: Final = 40
_ADDRESS_ORDER: Final = ("street", "district", "postal_code", "city", "region", "province", "state", "country")


async def write_order(tx: Tx, detail: OrderDetail, supplier: Supplier, *, actor: str) -> bool:
    """Queue the order to its supplier; False when there is no address, which the inbox then says."""
    order = detail.order
    key = f"purchase_order:{order.id}:sent"
    if not supplier.email:
        facts = {"number": order.number, "supplier_name": supplier.name}
        await notify.queue_inbox(
            tx, kind="order_not_mailed", facts=facts, dedupe_key=key, link=f"/purchase-orders/{order.id}"
        )
        return False
    warehouse = await get_warehouse(tx, order.warehouse_id)
    facts = {
        "number": order.number,
        "supplier_name": supplier.name,
        "warehouse_name": warehouse.name,
        "address": one_line(warehouse.address),
        "expected_at": order.expected_at.isoformat() if order.expected_at else None,
        "currency": order.currency,
        "cost_total": str(order.cost_total),
        "lines_total": order.lines_total,
        "lines_left": max(0, order.lines_total - LINES_IN_LETTER),
        "note": order.note,
        "lines": [
            {
                "sku_code": line.sku_code,
                "supplier_code": line.supplier_code,
                "name": line.sku_name,
                "quantity": line.ordered_quantity,
                "unit_cost": str(line.unit_cost),
            }
            for line in detail.lines[:LINES_IN_LETTER]
        ],
    }
    await notify.queue_email(
        tx,
        kind="purchase_order",
        recipient=supplier.email,
        language=supplier.language,
        facts=facts,
        dedupe_key=key,
        attachments=(
            Attachment(f"{order.number}.pdf", "application/pdf", await printed(tx, detail, supplier)),
            Attachment(f"{order.number}.csv", "text/csv", order_csv(detail)),
        ),
        link=await links.new_link(tx, order.id, actor=actor),
    )
    return True


async def printed(tx: Tx, detail: OrderDetail, supplier: Supplier) -> bytes:
    """The order as PDF."""
    warehouse = await get_warehouse(tx, detail.order.warehouse_id)
    return await order_pdf(detail, supplier, warehouse, one_line(warehouse.address))


async def write_link(tx: Tx, detail: OrderDetail, supplier: Supplier, path: str) -> None:
    """Tell the supplier its new address for an order."""
    if supplier.email:
        await notify.queue_email(
            tx,
            kind="purchase_order_link",
            recipient=supplier.email,
            language=supplier.language,
            facts={"number": detail.order.number, "supplier_name": supplier.name},
            dedupe_key=f"purchase_order:{detail.order.id}:link:{path}",
            link=path,
        )


async def write_cancellation(tx: Tx, detail: OrderDetail, supplier: Supplier, *, reason: str) -> None:
    """Tell the supplier not to deliver."""
    if supplier.email:
        await notify.queue_email(
            tx,
            kind="purchase_order_cancelled",
            recipient=supplier.email,
            language=supplier.language,
            facts={"number": detail.order.number, "supplier_name": supplier.name, "reason": reason},
            dedupe_key=f"purchase_order:{detail.order.id}:cancelled",
        )


def order_csv(detail: OrderDetail) -> bytes:
    """All lines of an order. UTF-8 with a byte order mark, without which spreadsheets misread Chinese names."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["line", "sku", "supplier_code", "name", "quantity", "unit_cost", "currency", "expected_at"])
    rows.writerows(_csv_row(detail, line) for line in detail.lines)
    return text.getvalue().encode("utf-8-sig")


def _csv_row(detail: OrderDetail, line: OrderLine) -> list[Any]:
    return [
        line.line_no,
        _inert(line.sku_code),
        _inert(line.supplier_code or ""),
        _inert(line.sku_name),
        line.ordered_quantity,
        line.unit_cost,
        detail.order.currency,
        line.expected_at or detail.order.expected_at or "",
    ]


def _inert(text: str) -> str:
    """A name that a spreadsheet would run as a formula is shown instead (OWASP: CSV injection)."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def one_line(address: dict[str, Any]) -> str:
    """An address in one line, from the door outwards; jsonb does not keep the order in which people wrote it."""
    known = [name for name in _ADDRESS_ORDER if name in address]
    others = [name for name in address if name not in _ADDRESS_ORDER]
    return ", ".join(str(address[name]) for name in [*others, *known] if address[name])
