"""The order on paper: one Typst template for every language, with a font that prints Chinese wherever we run."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from holdfast.purchasing.model import OrderDetail, OrderLine, Supplier
from holdfast.warehouses.model import Warehouse
from holdfast.web.formats import Formats
from holdfast.web.i18n import ENGLISH, LANGUAGES

if TYPE_CHECKING:
    # Loaded by whoever prints: most starts of the program print nothing.
    import typst

# Paper nobody would read: the CSV beside it has all lines.
LINES_ON_PAPER: Final = 1000
_FOLDER = Path(str(files("holdfast.purchasing") / "print"))


async def order_pdf(detail: OrderDetail, supplier: Supplier, warehouse: Warehouse, address: str) -> bytes:
    """An order as PDF in the supplier's language. The same order gives the same bytes."""
    facts = order_facts(detail, supplier, warehouse, address)
    written_at = detail.order.sent_at or detail.order.created_at
    # Pure computing (a third of a second for the first order, for reading fonts): no other request shall wait for it.
    return await asyncio.to_thread(_compiled, json.dumps(facts, ensure_ascii=False), int(written_at.timestamp()))


def order_facts(detail: OrderDetail, supplier: Supplier, warehouse: Warehouse, address: str) -> dict[str, Any]:
    """What the template prints, every figure written out in the supplier's language."""
    order, language = detail.order, LANGUAGES.get(supplier.language, ENGLISH)
    formats = Formats(language.locale, UTC)
    return {
        "language": language.code,
        "number": order.number,
        "supplier": supplier.name,
        "supplier_code": supplier.code,
        "warehouse": warehouse.name,
        "address": address,
        "sent_at": formats.day(order.sent_at or order.created_at, year=True),
        "expected_at": formats.day(order.expected_at, year=True),
        "total": formats.money(order.cost_total, order.currency),
        "note": order.note,
        "lines": [_line(line, order.currency, formats) for line in detail.lines[:LINES_ON_PAPER]],
        "more": formats.number(len(detail.lines) - LINES_ON_PAPER) if len(detail.lines) > LINES_ON_PAPER else "",
    }


def _line(line: OrderLine, currency: str, formats: Formats) -> dict[str, Any]:
    return {
        "line_no": line.line_no,
        "code": line.supplier_code or "",
        "our_code": line.sku_code,
        "name": line.sku_name,
        "quantity": formats.number(line.ordered_quantity),
        "cost": formats.exact(line.unit_cost, currency),
        "worth": formats.money(line.unit_cost * line.ordered_quantity, currency),
        "day": formats.day(line.expected_at, year=True) if line.expected_at else "",
    }


@cache
def _fonts() -> typst.Fonts:
    """Ours first; those of the machine for characters ours has not."""
    import typst

    return typst.Fonts(include_system_fonts=True, include_embedded_fonts=False, font_paths=[_FOLDER])


def _compiled(facts: str, written_at: int) -> bytes:
    import typst

    # A compiler of our own per document: it keeps its inputs, and several threads may print at once.
    compiler = typst.Compiler(_FOLDER / "order.typ", root=_FOLDER, font_paths=_fonts(), sys_inputs={"order": facts})
    printed = compiler.compile(format="pdf", timestamp=written_at)
    assert isinstance(printed, bytes), "one document is asked for"
    return printed
