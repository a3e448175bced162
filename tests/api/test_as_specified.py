"""The calls of the source specification, to the letter: paths, names, shapes, statuses."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.api.conftest import Caller, problem

pytestmark = pytest.mark.xdist_group("api")

LEVEL = {
    "sku_id", "sku_code", "warehouse_id", "warehouse_code", "available_quantity", "on_hand_quantity",
    "in_transit_quantity", "unavailable_quantity", "backordered_quantity",
    "pooled_quantity", "safety_stock", "reorder_point", "max_stock",
    "status", "version", "last_updated",
}  # fmt: skip
NIL = "00000000-0000-0000-0000-000000000000"


def levels(caller: Caller, **query: Any) -> list[dict[str, Any]]:
    reply = caller.ask("GET", "/inventory", params={"sku_id": caller.shelf.sku("TEA"), **query})
    assert reply.status_code == 200, reply.text
    assert set(reply.json()) == {"inventories", "next_cursor"}
    return reply.json()["inventories"]


def test_levels_have_the_specified_shape(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5")
    [level] = levels(caller)
    assert set(level) == LEVEL
    assert (level["available_quantity"], level["on_hand_quantity"], level["status"]) == (5, 5, "ok")


def test_levels_tell_who_holds_units_when_asked(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5")
    held = caller.hold("TEA@GZ 2").json()
    [level] = levels(caller, include_reserved="true")
    assert set(level) == LEVEL | {"reserved_quantity", "reservations"}
    assert (level["reserved_quantity"], level["available_quantity"]) == (2, 3)
    [hold] = level["reservations"]
    assert (hold["reservation_id"], hold["quantity"], hold["reference_id"]) == (held["reservation_id"], 2, "cart-1")


@pytest.mark.parametrize(
    ("query", "found"),
    [({}, 2), ({"warehouse_id": "GZ"}, 1), ({"status": "out"}, 1), ({"status": "ok"}, 1), ({"category": "none"}, 0)],
)
def test_levels_are_filtered(caller: Caller, query: dict[str, str], found: int) -> None:
    caller.shelf.given("TEA@GZ 5, TEA@BJ 1")
    assert caller.adjust("TEA@BJ", "set", 0, expected_quantity=1).status_code == 200
    if "warehouse_id" in query:
        query = {"warehouse_id": caller.shelf.warehouse("GZ")}
    assert len(levels(caller, **query)) == found


def test_levels_as_of_a_past_instant(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5")
    before = datetime.now(UTC) - timedelta(days=1)
    assert [level["on_hand_quantity"] for level in levels(caller, as_of=before.isoformat())] == [0]
    assert [level["on_hand_quantity"] for level in levels(caller, as_of=datetime.now(UTC).isoformat())] == [5]


def test_availability_has_the_specified_shape(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5, TEA@BJ 2")
    reply = caller.ask("GET", f"/inventory/{caller.shelf.sku('TEA')}/availability", params={"quantity": 6})
    assert reply.status_code == 200
    facts = reply.json()
    assert (facts["available"], facts["quantity_available"], facts["fulfillable_from_one"]) == (True, 7, False)
    assert all(set(place) == {"warehouse_id", "quantity_available"} for place in facts["warehouses"])
    assert "promise_date" in facts
    one = {"quantity": 6, "warehouse_id": caller.shelf.warehouse("GZ")}
    reply = caller.ask("GET", f"/inventory/{caller.shelf.sku('TEA')}/availability", params=one)
    assert (reply.json()["available"], reply.json()["quantity_available"]) == (False, 5)


@pytest.mark.parametrize("quantity", ["0", "-1", "x", "1.5", ""])
def test_availability_needs_a_quantity_from_one(caller: Caller, quantity: str) -> None:
    reply = caller.ask("GET", f"/inventory/{caller.shelf.sku('TEA')}/availability", params={"quantity": quantity})
    assert problem(reply)[0] == 422
    assert reply.json()["errors"][0]["loc"][-1] == "quantity"


def test_availability_of_an_unknown_sku_is_not_found(caller: Caller) -> None:
    assert problem(caller.ask("GET", f"/inventory/{NIL}/availability?quantity=1")) == (404, "sku_not_found")


@pytest.mark.parametrize(
    ("kind", "quantity", "more", "available"),
    [
        ("increase", 3, {}, 8),
        ("decrease", 3, {}, 2),
        ("set", 9, {"expected_quantity": 5}, 9),
        ("increase", 3, {"bucket": "unsellable"}, 5),
        ("increase", 3, {"unit_cost": "2.50"}, 8),
    ],
)
def test_an_adjustment_answers_the_level(
    caller: Caller, kind: str, quantity: int, more: dict[str, Any], available: int
) -> None:
    caller.shelf.given("TEA@GZ 5")
    reply = caller.adjust("TEA@GZ", kind, quantity, **more)
    assert reply.status_code == 200, reply.text
    assert set(reply.json()) == LEVEL
    assert reply.json()["available_quantity"] == available


@pytest.mark.parametrize(
    ("kind", "quantity", "more", "expected"),
    [
        ("set", 9, {}, (422, "invalid_request")),
        ("set", 9, {"expected_quantity": 4}, (409, "version_conflict")),
        ("set", 1, {"expected_quantity": 5}, (409, "below_reserved")),
        ("decrease", 4, {}, (409, "insufficient_stock")),
        ("increase", 0, {}, (422, "invalid_request")),
        ("increase", -1, {}, (422, "invalid_request")),
        ("increase", 1, {"reason": ""}, (422, "invalid_request")),
        ("increase", 1, {"reason": None}, (422, "invalid_request")),
        ("double", 1, {}, (422, "invalid_request")),
        ("increase", 1, {"warehouse_id": NIL}, (422, "unknown_warehouse")),
    ],
)
def test_a_wrong_adjustment_is_refused(
    caller: Caller, kind: str, quantity: int, more: dict[str, Any], expected: tuple[int, str]
) -> None:
    caller.shelf.given("TEA@GZ 5")
    caller.hold("TEA@GZ 2")
    assert problem(caller.adjust("TEA@GZ", kind, quantity, **more)) == expected
    assert caller.shelf.level("TEA@GZ") == "on_hand=5 available=3 reserved=2"


def test_adjusting_an_unknown_sku_is_not_found(caller: Caller) -> None:
    body = {"warehouse_id": caller.shelf.warehouse("GZ"), "adjustment_type": "increase", "quantity": 1, "reason": "r"}
    assert problem(caller.ask("PUT", f"/inventory/{NIL}/adjust", body))[0] == 404


def test_a_reservation_is_created(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5, CUP@GZ 5")
    before = datetime.now(UTC)
    reply = caller.hold("TEA@GZ 2", "CUP 1")
    assert reply.status_code == 201, reply.text
    facts = reply.json()
    assert {"reservation_id", "status", "expires_at", "items"} <= set(facts)
    assert uuid.UUID(facts["reservation_id"]).version == 7
    assert facts["status"] == "active"
    lasts = datetime.fromisoformat(facts["expires_at"]) - before
    assert timedelta(minutes=29) < lasts < timedelta(minutes=31)
    gz = caller.shelf.warehouse("GZ")
    assert facts["items"] == [
        {"sku_id": caller.shelf.sku("TEA"), "reserved_quantity": 2, "warehouse_id": gz},
        {"sku_id": caller.shelf.sku("CUP"), "reserved_quantity": 1, "warehouse_id": gz},
    ]


@pytest.mark.parametrize(
    ("kind", "minutes", "status"),
    [("order", None, 201), ("manual", None, 201), ("cart", None, 422), ("cart", 0, 422), ("cart", 1, 201)],
)
def test_only_a_cart_must_expire(caller: Caller, kind: str, minutes: int | None, status: int) -> None:
    caller.shelf.given("TEA@GZ 5")
    reply = caller.hold("TEA@GZ 1", reference_type=kind, expires_in_minutes=minutes)
    assert reply.status_code == status
    assert status == 422 or (reply.json()["expires_at"] is None) == (minutes is None)


def test_a_shortage_lists_every_short_line(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 1, CUP@GZ 1, JAR@GZ 9")
    reply = caller.hold("TEA@GZ 2", "CUP 3", "JAR 1")
    assert problem(reply) == (409, "insufficient_stock")
    gz = caller.shelf.warehouse("GZ")
    assert reply.json()["errors"] == [
        {"sku_id": caller.shelf.sku("TEA"), "warehouse_id": gz, "requested": 2, "available": 1},
        {"sku_id": caller.shelf.sku("CUP"), "requested": 3, "available": 1},
    ]


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"items": []}, ["items"]),
        ({"items": [{"sku_id": "x", "quantity": 1}]}, ["items", 0, "sku_id"]),
        ({"items": [{"sku_id": NIL, "quantity": 0}]}, ["items", 0, "quantity"]),
        ({"items": [{"sku_id": NIL}]}, ["items", 0, "quantity"]),
        ({"items": [{"sku_id": NIL, "quantity": 1}]}, ["items", 0, "sku_id"]),
        ({"reference_type": "wish"}, ["reference_type"]),
        ({"reference_id": ""}, ["reference_id"]),
        ({"reference_id": "a\0b"}, ["reference_id"]),
        ({"expires_in_minute": 5}, ["expires_in_minute"]),
        ({"items": [{"sku_id": NIL, "quantity": 1, "qty": 2}]}, ["items", 0, "qty"]),
    ],
)
def test_a_wrong_field_is_named(caller: Caller, change: dict[str, Any], loc: list[str | int]) -> None:
    caller.shelf.given("TEA@GZ 1")
    reply = caller.hold("TEA@GZ 1", **change)
    assert problem(reply)[0] == 422
    assert reply.json()["errors"][0]["loc"] == loc


@pytest.mark.parametrize(("minutes", "status"), [(0, 422), (1, 200), (60, 200), (61, 422), ("5", 422), (None, 422)])
def test_an_extension_is_1_to_60_minutes(caller: Caller, minutes: Any, status: int) -> None:
    caller.shelf.given("TEA@GZ 5")
    held = caller.hold("TEA@GZ 1").json()
    path = f"/inventory/reservations/{held['reservation_id']}/extend"
    reply = caller.ask("PUT", path, {"additional_minutes": minutes})
    assert reply.status_code == status
    if status == 200:
        longer = datetime.fromisoformat(reply.json()["expires_at"]) - datetime.fromisoformat(held["expires_at"])
        assert longer == timedelta(minutes=minutes)
        assert problem(caller.ask("PUT", path, {"additional_minutes": 60})) == (409, "extension_limit_reached")


def test_a_cancelled_reservation_stays_cancelled(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5")
    path = f"/inventory/reservations/{caller.hold('TEA@GZ 2').json()['reservation_id']}"
    for _ in range(2):
        reply = caller.ask("DELETE", path)
        assert (reply.status_code, reply.content) == (204, b"")
    assert caller.shelf.level("TEA@GZ") == "on_hand=5 available=5 reserved=0"
    assert problem(caller.ask("POST", f"{path}/consume")) == (409, "already_cancelled")
    assert problem(caller.ask("PUT", f"{path}/extend", {"additional_minutes": 1})) == (409, "already_cancelled")


def test_a_consumed_reservation_cannot_be_cancelled(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5")
    path = f"/inventory/reservations/{caller.hold('TEA@GZ 2').json()['reservation_id']}"
    assert caller.ask("POST", f"{path}/consume").json()["status"] == "consumed"
    assert problem(caller.ask("DELETE", path)) == (409, "already_consumed")


@pytest.mark.parametrize(
    ("method", "tail", "body"),
    [
        ("DELETE", "", None),
        ("PUT", "/extend", {"additional_minutes": 1}),
        ("POST", "/consume", None),
        ("POST", "/release", None),
        ("POST", "/convert", {"reference_type": "order", "reference_id": "o"}),
        ("GET", "", None),
    ],
)
def test_an_unknown_reservation_is_not_found(caller: Caller, method: str, tail: str, body: Any) -> None:
    reply = caller.ask(method, f"/inventory/reservations/{NIL}{tail}", body)
    assert problem(reply) == (404, "reservation_not_found")
    assert problem(caller.ask(method, f"/inventory/reservations/not-a-uuid{tail}", body))[0] in (404, 422)
