"""How a cell is read. Every reader takes the text of a non-empty cell and raises ValueError with what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from holdfast.stock.asks import QUANTITY_MAX

_WHOLE = re.compile(r"[+-]?\d+(\.0+)?")
_GROUPED = re.compile(r"-?\d{1,3}([, ]\d{3})+")
_AMOUNT = re.compile(r"[+-]?\d{1,30}(\.\d{0,30})?")
_DAY = re.compile(r"(\d{4})([-/.]?)(\d{1,2})\2(\d{1,2})(?:[T ]\d{2}:\d{2}.*)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MONEY_MAX = Decimal(10**12)


def text(length_max: int) -> Callable[[str], str]:
    """Text is kept as it is, also when it looks like a formula."""

    def read(cell: str) -> str:
        if len(cell) > length_max:
            raise ValueError(f"is {len(cell)} characters long, and {length_max} is the most")
        if _CONTROL.search(cell):
            raise ValueError("contains characters that cannot be printed")
        return cell

    return read


def whole(cell: str) -> int:
    """A whole number, also written ``12.0``; never rounded, never with thousands separators."""
    if not cell.isascii() or not _WHOLE.fullmatch(cell):
        hint = " (write it without thousands separators)" if _GROUPED.fullmatch(cell) else ""
        raise ValueError(f"is not a whole number{hint}")
    digits = cell.partition(".")[0]
    if len(digits) > 20 or abs(int(digits)) > QUANTITY_MAX:
        raise ValueError(f"is beyond {QUANTITY_MAX}")
    return int(digits)


def not_negative(cell: str) -> int:
    number = whole(cell)
    if number < 0:
        raise ValueError("is negative")
    return number


def money(cell: str) -> Decimal:
    """An amount such as ``1234.50``: a point, at most six decimals, no separators, no currency sign."""
    if not cell.isascii() or not _AMOUNT.fullmatch(cell):
        raise ValueError("is not an amount (write it like 1234.50)")
    amount = Decimal(cell)
    if amount < 0:
        raise ValueError("is negative")
    if amount >= _MONEY_MAX or amount != round(amount, 6):
        raise ValueError("has more digits than money has: at most twelve before the point and six after it")
    return amount


def currency(cell: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{3}", cell):
        raise ValueError("is not a currency code such as GBP")
    return cell.upper()


def day(cell: str) -> date:
    """A day as ``2026-11-21``, also with a time behind it; a day that could be read two ways is refused."""
    found = _DAY.fullmatch(cell) if cell.isascii() else None
    if not found:
        raise ValueError("is not a date like 2026-11-21")
    try:
        return date(int(found[1]), int(found[3]), int(found[4]))
    except ValueError:
        raise ValueError("is not a day of the calendar") from None


def one_of(*names: str) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if cell.lower() not in names:
            raise ValueError(f"is none of {', '.join(names)}")
        return cell.lower()

    return read
