"""Amounts and currencies of limits as people type them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

from holdfast.access.visit import Form, Visit

CENTS: Final = Decimal("0.01")
_MOST: Final = Decimal(10) ** 13


def typed_amount(
    visit: Visit,
    form: Form,
    name: str,
    wrong: dict[str, str],
    *,
    least: Decimal = Decimal(0),
    step: Decimal = CENTS,
) -> Decimal:
    """Rounded to ``step``. What is no amount is said in ``wrong``."""
    try:
        value = Decimal(form.text(name).replace(",", "") or "x").quantize(step)
    except InvalidOperation:
        value = Decimal(-1)
    if not least <= value <= _MOST:
        wrong[name] = visit.words.gettext("Type an amount.")
    return value


def typed_currency(visit: Visit, form: Form, name: str, wrong: dict[str, str]) -> str:
    """Three letters. What is no currency is said in ``wrong``."""
    code = form.text(name).upper()
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        wrong[name] = visit.words.gettext("Three letters, like EUR.")
    return code
