"""What people type about a supplier and its terms: the fields, and how each is read and filled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from holdfast.access.typed import TypedForm
from holdfast.purchasing.model import Supplier, SupplierItem
from holdfast.web.i18n import LANGUAGES, N_

QUANTITY_MAX: Final = 1_000_000_000
DAYS_MAX: Final = "3650"
ROOM_MAX: Final = "9999999999"
COST_MAX: Final = "999999999999"
ROWS_MAX: Final = 50
# So many empty rows wait under what is there already.
ROWS_EMPTY: Final = 2

SUPPLIER_FIELDS: Final = {
    "code": N_("Code"),
    "name": N_("Name"),
    "contact_name": N_("Contact person"),
    "email": N_("E-mail"),
    "phone": N_("Phone"),
    "language": N_("Its language"),
    "currency": N_("Currency"),
    "lead_time_days": N_("Lead time, days"),
    "lead_time_sd_days": N_("Spread of it, days"),
    "minimum_order_value": N_("Least worth of an order"),
    "over_receipt_percent": N_("Accepted beyond the order, percent"),
    "weekday": N_("Days on which it takes orders"),
    "truck_volume_l": N_("A truck takes, litres"),
    "truck_weight_kg": N_("A truck carries, kilograms"),
    "is_active": N_("We order from it"),
    "closed": N_("Days without orders"),
}
TERMS_FIELDS: Final = {
    "sku_code": N_("SKU code"),
    "supplier_code": N_("Its code"),
    "unit_cost": N_("Cost of one unit"),
    "currency": N_("Currency"),
    "moq": N_("At least"),
    "order_multiple": N_("In steps of"),
    "max_order_quantity": N_("At most"),
    "pack_size": N_("Units in a pack"),
    "pack_volume_l": N_("A pack takes, litres"),
    "pack_weight_kg": N_("A pack weighs, kilograms"),
    "valid_from": N_("Holds from"),
    "valid_to": N_("Holds until"),
    "lead_time_days": N_("Lead time, days"),
    "lead_time_sd_days": N_("Spread of it, days"),
    "is_preferred": N_("We order it here first"),
    "breaks": N_("Prices by quantity"),
}
_EMAIL: Final = r"[^@\s<>,;]+@[^@\s<>,;]+"


def supplier_texts(supplier: Supplier) -> dict[str, str]:
    """A supplier as it stands in the form."""
    texts = {name: plain(getattr(supplier, name, None)) for name in SUPPLIER_FIELDS}
    texts["over_receipt_percent"] = plain(supplier.over_receipt_share * 100)
    texts["is_active"] = "yes" if supplier.is_active else ""
    for number, closed in enumerate(supplier.closed_days):
        texts[f"closed-first-{number}"], texts[f"closed-last-{number}"] = closed["first_day"], closed["last_day"]
    return texts


def terms_texts(item: SupplierItem) -> dict[str, str]:
    """The terms of one SKU as they stand in the form."""
    texts = {name: plain(getattr(item, name, None)) for name in TERMS_FIELDS}
    texts["is_preferred"] = "yes" if item.is_preferred else ""
    for number, found in enumerate(item.price_breaks):
        texts[f"break-quantity-{number}"] = plain(found["min_quantity"])
        texts[f"break-cost-{number}"] = plain(found["unit_cost"])
    return texts


def rows_of(texts: Mapping[str, str], name: str) -> range:
    """The rows of a repeated pair of fields that are filled, and some empty ones to fill."""
    filled = [int(key.rsplit("-", 1)[1]) for key, text in texts.items() if key.startswith(f"{name}-") and text]
    return range(min(ROWS_MAX, max(filled, default=-1) + 1 + ROWS_EMPTY))


def read_supplier(typed: TypedForm, *, is_new: bool) -> dict[str, Any]:
    """The columns of a supplier; what is wrong stands in ``typed.wrong``."""
    words = typed.visit.words
    percent = typed.amount("over_receipt_percent", "0", "100", decimals=2)
    columns: dict[str, Any] = {
        "name": typed.text("name", 200, required=True),
        "contact_name": typed.text("contact_name", 200),
        "email": typed.matching(
            "email", _EMAIL, words.gettext("Type an address such as orders@supplier.example."), most=254
        ),
        "phone": typed.text("phone", 50),
        "language": typed.among("language", LANGUAGES, "en"),
        "currency": _currency(typed, required=True),
        "lead_time_days": typed.amount("lead_time_days", "0", DAYS_MAX, decimals=2, required=True),
        "lead_time_sd_days": typed.amount("lead_time_sd_days", "0", DAYS_MAX, decimals=2) or Decimal(0),
        "minimum_order_value": typed.amount("minimum_order_value", "0", COST_MAX, decimals=2),
        "over_receipt_share": (percent or Decimal(0)) / 100,
        "order_weekdays": _weekdays(typed),
        "closed_days": _closed(typed),
        "truck_volume_l": typed.amount("truck_volume_l", "0", ROOM_MAX, decimals=3, above=True),
        "truck_weight_kg": typed.amount("truck_weight_kg", "0", ROOM_MAX, decimals=3, above=True),
    }
    if is_new:
        return {"code": typed.text("code", 100, required=True), **columns}
    return {**columns, "is_active": typed.form.text("is_active") == "yes"}


def read_terms(typed: TypedForm, sku_id: UUID | None) -> dict[str, Any]:
    """The terms of one SKU; what is wrong stands in ``typed.wrong``."""
    words = typed.visit.words
    terms: dict[str, Any] = {
        "sku_id": sku_id,
        "supplier_code": typed.text("supplier_code", 200),
        "unit_cost": typed.amount("unit_cost", "0", COST_MAX, decimals=6, required=True),
        "currency": _currency(typed),
        "moq": typed.whole("moq", 1, QUANTITY_MAX) or 1,
        "order_multiple": typed.whole("order_multiple", 1, QUANTITY_MAX) or 1,
        "max_order_quantity": typed.whole("max_order_quantity", 1, QUANTITY_MAX),
        "pack_size": typed.whole("pack_size", 1, QUANTITY_MAX) or 1,
        "pack_volume_l": typed.amount("pack_volume_l", "0", ROOM_MAX, decimals=4),
        "pack_weight_kg": typed.amount("pack_weight_kg", "0", ROOM_MAX, decimals=4),
        "valid_from": typed.day("valid_from"),
        "valid_to": typed.day("valid_to"),
        "lead_time_days": typed.amount("lead_time_days", "0", DAYS_MAX, decimals=2),
        "lead_time_sd_days": typed.amount("lead_time_sd_days", "0", DAYS_MAX, decimals=2),
        "is_preferred": typed.form.text("is_preferred") == "yes",
        "price_breaks": _breaks(typed),
    }
    if _is_before(terms["valid_to"], terms["valid_from"]):
        typed.wrong.setdefault("valid_to", words.gettext("This day is before the first one."))
    most = terms["max_order_quantity"]
    if most is not None and most < terms["moq"]:
        typed.wrong.setdefault("max_order_quantity", words.gettext("This is less than the least quantity."))
    return terms


def plain(value: Any) -> str:
    """As people type it: no exponent, no zeros at the end, nothing for None."""
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return "" if value is None else str(value)


def _currency(typed: TypedForm, *, required: bool = False) -> str | None:
    sentence = typed.visit.words.gettext("Type three capital letters such as CNY.")
    return typed.matching("currency", "[A-Z]{3}", sentence, most=3, required=required)


def _weekdays(typed: TypedForm) -> list[int] | None:
    """ISO weekdays; None is every day."""
    ticked = sorted({int(day) for day in typed.form.every("weekday") if day in set("1234567")})
    if not ticked:
        typed.wrong["weekday"] = typed.visit.words.gettext("Tick at least one day.")
    return None if len(ticked) == 7 else ticked


def _closed(typed: TypedForm) -> list[dict[str, date]]:
    found: list[dict[str, date]] = []
    words = typed.visit.words
    for number in _rows(typed, "closed-first", "closed-last"):
        first, last = typed.day(f"closed-first-{number}"), typed.day(f"closed-last-{number}")
        name = f"closed-first-{number}"
        if first is None:
            typed.wrong.setdefault(name, words.gettext("Name the first day."))
        elif _is_before(last, first):
            typed.wrong.setdefault(f"closed-last-{number}", words.gettext("This day is before the first one."))
        else:
            found.append({"first_day": first, "last_day": last or first})
    return found


def _breaks(typed: TypedForm) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    seen: set[int] = set()
    for number in _rows(typed, "break-quantity", "break-cost"):
        quantity = typed.whole(f"break-quantity-{number}", 1, QUANTITY_MAX, required=True)
        cost = typed.amount(f"break-cost-{number}", "0", COST_MAX, decimals=6, required=True)
        if quantity is None or cost is None:
            continue
        if quantity in seen:
            said = typed.visit.words.gettext("This quantity has a price already.")
            typed.wrong.setdefault(f"break-quantity-{number}", said)
        seen.add(quantity)
        found.append({"min_quantity": quantity, "unit_cost": cost})
    return found


def _rows(typed: TypedForm, *names: str) -> Sequence[int]:
    """The rows of which at least one field is filled."""
    return [n for n in range(ROWS_MAX) if any(typed.form.text(f"{name}-{n}") for name in names)]


def _is_before(day: date | None, other: date | None) -> bool:
    return day is not None and other is not None and day < other
