"""The hot lane described for OpenAPI, from the very types that decode its bodies."""

from __future__ import annotations

from typing import Any

import msgspec

from holdfast.stock.asks import QUANTITY_MAX, BatchBody, ConvertBody, ExtendBody, ReserveBody, ResolveBody

_BODIES = (ReserveBody, BatchBody, ExtendBody, ResolveBody, ConvertBody)
_UUID = {"type": "string", "format": "uuid"}
_QUANTITY = {"type": "integer", "minimum": 1, "maximum": QUANTITY_MAX}
_COUNT = {"type": "integer", "minimum": 0}
_TIME: dict[str, Any] = {"type": ["string", "null"], "format": "date-time"}
_BASE = "/api/v1/inventory"

_RESERVATION: dict[str, Any] = {
    "type": "object",
    "required": ["reservation_id", "status", "expires_at", "items"],
    "properties": {
        "reservation_id": _UUID,
        "status": {"enum": ["active", "consumed", "expired", "cancelled"]},
        "reference_type": {"enum": ["cart", "order", "manual"]},
        "reference_id": {"type": "string"},
        "channel": {"type": "string", "description": "for which it was made, if for one"},
        "created_at": {"type": "string", "format": "date-time"},
        "expires_at": _TIME,
        "resolved_at": _TIME,
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["sku_id", "reserved_quantity", "warehouse_id"],
                "properties": {
                    "sku_id": _UUID,
                    "warehouse_id": _UUID,
                    "reserved_quantity": _COUNT,
                    "open_quantity": _COUNT,
                    "consumed_quantity": _COUNT,
                    "backordered_quantity": {**_COUNT, "description": "promised and not there yet; an item of its own"},
                    "promise_date": {"type": ["string", "null"], "format": "date", "description": "null: unknown"},
                },
            },
        },
        "bundles": {
            "type": "array",
            "description": "the bundles that were asked for; items has their components",
            "items": {
                "type": "object",
                "required": ["sku_id", "quantity", "components"],
                "properties": {
                    "sku_id": _UUID,
                    "quantity": _COUNT,
                    "open_quantity": {**_COUNT, "description": "how many what is still held makes"},
                    "components": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"sku_id": _UUID, "quantity": _COUNT}},
                    },
                },
            },
        },
    },
}
_AVAILABILITY: dict[str, Any] = {
    "type": "object",
    "required": ["available", "quantity_available", "warehouses", "fulfillable_from_one", "promise_date"],
    "properties": {
        "available": {"type": "boolean"},
        "quantity_available": _COUNT,
        "warehouses": {
            "type": "array",
            "items": {"type": "object", "properties": {"warehouse_id": _UUID, "quantity_available": _COUNT}},
        },
        "fulfillable_from_one": {"type": "boolean"},
        "promise_date": {"type": ["string", "null"], "format": "date"},
    },
}
_BATCH_ANSWER: dict[str, Any] = {
    "type": "object",
    "required": ["answers"],
    "properties": {
        "answers": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["status", "body"],
                "properties": {
                    "status": {"type": "integer"},
                    "body": {
                        "anyOf": [
                            {"$ref": "#/components/schemas/Reservation"},
                            {"$ref": "#/components/schemas/Problem"},
                        ]
                    },
                },
            },
        }
    },
}


def hot_routes() -> tuple[dict[str, Any], dict[str, Any]]:
    """Paths and component schemas of the hot lane."""
    _, schemas = msgspec.json.schema_components(_BODIES, ref_template="#/components/schemas/{name}")
    schemas |= {"Reservation": _RESERVATION, "Availability": _AVAILABILITY, "BatchAnswer": _BATCH_ANSWER}
    by_id = f"{_BASE}/reservations/{{reservation_id}}"
    paths: dict[str, Any] = {
        f"{_BASE}/reservations": {"post": _write("Hold every line, or none", "ReserveBody", 201, "Reservation")},
        f"{_BASE}/reservations:batch": {
            "post": _write("Up to 1,000 reservation requests, each decided on its own", "BatchBody", 200, "BatchAnswer")
        },
        by_id: {"delete": _write("Cancel a reservation", None, 204, None, "reservation_id")},
        f"{by_id}/extend": {"put": _write("Give it more time", "ExtendBody", 200, "Reservation", "reservation_id")},
        f"{by_id}/consume": {"post": _write("Sell what is held", "ResolveBody", 200, "Reservation", "reservation_id")},
        f"{by_id}/release": {"post": _write("Give back", "ResolveBody", 200, "Reservation", "reservation_id")},
        f"{by_id}/convert": {
            "post": _write("Hand over, cart to order", "ConvertBody", 200, "Reservation", "reservation_id")
        },
        f"{_BASE}/{{sku_id}}/availability": {"get": _availability()},
    }
    return paths, schemas


def _write(
    summary: str, body: str | None, status: int, answer: str | None, parameter: str | None = None
) -> dict[str, Any]:
    found: dict[str, Any] = {"summary": summary, "tags": ["Reservations"], "responses": {str(status): _answer(answer)}}
    if body is not None:
        required = body != "ResolveBody"
        found["requestBody"] = {"required": required, "content": _json(body)}
    if parameter is not None:
        found["parameters"] = [{"name": parameter, "in": "path", "required": True, "schema": _UUID}]
    return found


def _availability() -> dict[str, Any]:
    def query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
        return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}

    return {
        "summary": "Can so many be had, and where",
        "tags": ["Inventory"],
        "parameters": [
            {"name": "sku_id", "in": "path", "required": True, "schema": _UUID},
            {"name": "quantity", "in": "query", "required": True, "schema": _QUANTITY, "description": "units wanted"},
            query("warehouse_id", _UUID, "only this warehouse"),
            query("exclude_reference_id", {"type": "string"}, "do not count the hold of this cart or order against it"),
            query(
                "channel", {"type": "string"}, "as a reservation of this channel finds it: its warehouses, its pools"
            ),
            query("by", {"type": "string", "format": "date"}, "by this day, with what is on its way; else now"),
        ],
        "responses": {"200": _answer("Availability")},
    }


def _answer(schema: str | None) -> dict[str, Any]:
    return {"description": "Done."} | ({} if schema is None else {"content": _json(schema)})


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
