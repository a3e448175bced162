"""Suppliers and what they ask for each SKU."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Json

from holdfast.access import audit
from holdfast.catalog.service import escaped
from holdfast.db import Tx, statements
from holdfast.kernel.errors import Conflict, Invalid, NotFound
from holdfast.purchasing.keeping import promise_changed
from holdfast.purchasing.model import Supplier, SupplierItem
from holdfast.settings import Settings
from holdfast.webhooks.addresses import check_url
from holdfast.webhooks.sealing import new_secret, seal

sql = statements("holdfast.purchasing", "suppliers.sql")
events = statements("holdfast.purchasing")

# What a supplier has unless somebody says otherwise.
_PLAIN_SUPPLIER: dict[str, Any] = {
    "order_weekdays": None,
    "closed_days": (),
    "truck_volume_l": None,
    "truck_weight_kg": None,
    "contact_name": None,
    "phone": None,
}
_PROMISE = ("lead_time_days", "lead_time_sd_days")
_PLAIN_ITEM: dict[str, Any] = {"moq": 1, "order_multiple": 1, "pack_size": 1, "is_preferred": False}


async def create_supplier(tx: Tx, *, actor: str, **columns: Any) -> Supplier:
    """Raises Conflict(``code_taken``)."""
    try:
        async with tx.connection.transaction():
            supplier_id: UUID = await tx.value(sql.insert_supplier, **_row({**_PLAIN_SUPPLIER, **columns}))
    except psycopg.errors.UniqueViolation as error:
        raise Conflict("code_taken", "Another supplier has this code.") from error
    supplier = await get_supplier(tx, supplier_id)
    await _tell(tx, "supplier.created", supplier, actor)
    return supplier


async def get_supplier(tx: Tx, supplier_id: UUID) -> Supplier:
    found = await tx.maybe(sql.get_supplier, Supplier, id=supplier_id)
    if found is None:
        raise NotFound("supplier_not_found", "There is no such supplier.")
    return found


async def list_suppliers(
    tx: Tx, *, limit: int, after: str | None = None, q: str | None = None, is_active: bool | None = None
) -> list[Supplier]:
    """One page and one row more, by code."""
    pattern = f"%{escaped(q)}%" if q else None
    return await tx.all(
        sql.list_suppliers, Supplier, after=after, pattern=pattern, is_active=is_active, limit=limit + 1
    )


async def change_supplier(tx: Tx, supplier_id: UUID, changes: dict[str, Any], *, actor: str) -> Supplier:
    """Change the given columns only."""
    before = asdict(await get_supplier(tx, supplier_id))
    values = {**before, **changes}
    await tx.run(sql.change_supplier, **_row(values))
    if any(values[name] != before[name] for name in _PROMISE):
        await promise_changed(tx, supplier_id)
    supplier = await get_supplier(tx, supplier_id)
    await _tell(tx, "supplier.changed", supplier, actor)
    return supplier


async def list_items(
    tx: Tx, supplier_id: UUID, *, limit: int, after: str | None = None, sku_id: UUID | None = None
) -> list[SupplierItem]:
    """One page and one row more, by SKU code."""
    await get_supplier(tx, supplier_id)
    return await tx.all(
        sql.list_supplier_items, SupplierItem, supplier_id=supplier_id, sku_id=sku_id, after=after, limit=limit + 1
    )


async def put_items(tx: Tx, supplier_id: UUID, items: list[dict[str, Any]], *, actor: str) -> None:
    """Set the terms of many SKUs: ``sku_id``, ``unit_cost`` and any other column of SupplierItem, with the breaks as
    ``price_breaks: [{min_quantity, unit_cost}]``. A preferred supplier takes the place of the one before.

    Raises NotFound(``supplier_not_found``), Invalid(``unknown_sku`` | ``sku_named_twice`` | ``min_quantity_twice``).
    """
    supplier = await get_supplier(tx, supplier_id)
    named = [item["sku_id"] for item in items]
    if len(set(named)) < len(named):
        first: dict[Any, int] = {}
        again = [place for place, sku_id in enumerate(named) if first.setdefault(sku_id, place) != place]
        errors = [_of_item(place, "sku_named_twice", "The SKU was given before.") for place in again]
        raise Invalid("sku_named_twice", "Each SKU may be given once.", errors=errors)
    preferred = [item["sku_id"] for item in items if item.get("is_preferred")]
    await tx.run(sql.unprefer_others, sku_ids=preferred, supplier_id=supplier_id)
    complete = [_item(number, item) for number, item in enumerate(items)]
    try:
        async with tx.connection.transaction():
            await tx.run(sql.note_cost_changes, supplier_id=supplier_id, items=Json(complete))
            await tx.run(sql.put_supplier_items, supplier_id=supplier_id, items=Json(complete))
    except psycopg.errors.ForeignKeyViolation as error:
        unknown = await tx.value(sql.find_unknown_skus, sku_ids=named)
        errors = [_of_item(place, "unknown_sku", "There is no such SKU.") for place in unknown]
        raise Invalid("unknown_sku", "One of the SKUs does not exist.", errors=errors) from error
    await promise_changed(tx, supplier_id)
    await audit.record(
        tx, actor=actor, action="supplier.items_set", subject=f"supplier:{supplier.id}", skus=len(complete)
    )


def _of_item(place: int, code: str, message: str) -> dict[str, Any]:
    return {"loc": ["items", place, "sku_id"], "code": code, "message": message}


async def remove_item(tx: Tx, supplier_id: UUID, sku_id: UUID, *, actor: str) -> None:
    """The supplier no longer offers this SKU; doing it twice is fine."""
    await get_supplier(tx, supplier_id)
    await tx.run(sql.delete_supplier_item, supplier_id=supplier_id, sku_id=sku_id)
    await audit.record(
        tx, actor=actor, action="supplier.item_removed", subject=f"supplier:{supplier_id}", sku_id=str(sku_id)
    )


async def set_channel(
    tx: Tx,
    supplier_id: UUID,
    settings: Settings,
    *,
    channel: str,
    url: str | None,
    secret: str | None,
    is_idempotent: bool,
    actor: str,
) -> str | None:
    """How orders reach a supplier: by e-mail, over its own API, or on a page whose address a person passes on.

    Answers the signing secret when one was made now.

    Raises Invalid for an address we would not call or an API without one, Conflict(``secret_not_set``).
    """
    supplier = await get_supplier(tx, supplier_id)
    made: str | None = None
    if channel == "page" and not settings.secret:
        raise Conflict("secret_not_set", "HOLDFAST_SECRET is not set, so no address can be signed. Set it and restart.")
    if channel == "api":
        if not url:
            raise Invalid.field_error(["url"], "required", "An API has an address.")
        check_url(url, allow_private=settings.allow_private_webhooks)
        if secret is None and not supplier.has_api_secret:
            secret = made = new_secret()
    sealed = seal(secret, settings.secret) if secret else None
    await tx.run(sql.set_channel, id=supplier_id, channel=channel, url=url, sealed=sealed, is_idempotent=is_idempotent)
    await audit.record(
        tx, actor=actor, action="supplier.channel_set", subject=f"supplier:{supplier_id}", channel=channel, url=url
    )
    return made


def _row(columns: dict[str, Any]) -> dict[str, Any]:
    return {**columns, "closed_days": Json([{k: str(v) for k, v in c.items()} for c in columns["closed_days"]])}


def _item(number: int, item: dict[str, Any]) -> dict[str, Any]:
    """One item as the statement takes it, its price breaks as two arrays in ascending order."""
    breaks = sorted(item.get("price_breaks") or (), key=lambda b: b["min_quantity"])
    quantities = [b["min_quantity"] for b in breaks]
    if len(set(quantities)) < len(quantities):
        raise Invalid(
            "min_quantity_twice",
            "Each quantity may have one price.",
            errors=[{"loc": ["items", number, "price_breaks"], "code": "min_quantity_twice"}],
        )
    plain = {name: _plain(value) for name, value in item.items() if name != "price_breaks"}
    arrays = {"break_quantities": quantities, "break_costs": [str(b["unit_cost"]) for b in breaks]}
    return _PLAIN_ITEM | plain | arrays


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int) else str(value)


async def write_event(tx: Tx, event_type: str, supplier: Supplier) -> None:
    facts = {"supplier_id": str(supplier.id), "code": supplier.code, "is_active": supplier.is_active}
    await tx.run(events.write_event, event_type=event_type, sku_ids=[], data=Json(facts))


async def _tell(tx: Tx, event_type: str, supplier: Supplier, actor: str) -> None:
    await write_event(tx, event_type, supplier)
    await audit.record(tx, actor=actor, action=event_type, subject=f"supplier:{supplier.id}", code=supplier.code)
