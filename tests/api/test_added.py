"""The calls we add to the specification: the rest of a reservation's life, the ledger, catalogue, warehouses, keys."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import Caller, problem
from tests.running import Running

pytestmark = pytest.mark.xdist_group("api")


def held(caller: Caller, *lines: str, **more: Any) -> str:
    caller.shelf.given("TEA@GZ 9, CUP@GZ 9")
    reply = caller.hold(*lines, **more)
    assert reply.status_code == 201, reply.text
    return f"/inventory/reservations/{reply.json()['reservation_id']}"


def test_a_part_is_consumed_another_released_and_the_rest_converted(caller: Caller) -> None:
    path = held(caller, "TEA@GZ 5", "CUP@GZ 2")
    part = caller.ask("POST", f"{path}/consume", {"items": [caller.line("TEA@GZ 2")]}).json()
    assert [(i["reserved_quantity"], i["open_quantity"], i["consumed_quantity"]) for i in part["items"]] == [
        (5, 3, 2),
        (2, 2, 0),
    ]
    caller.ask("POST", f"{path}/release", {"items": [caller.line("CUP 1")]})
    order = {"reference_type": "order", "reference_id": "order-9", "expires_in_minutes": None}
    converted = caller.ask("POST", f"{path}/convert", order).json()
    assert (converted["status"], converted["reference_id"], converted["expires_at"]) == ("active", "order-9", None)
    whole = caller.ask("GET", path).json()
    assert [i["open_quantity"] for i in whole["items"]] == [3, 1]
    too_much = caller.ask("POST", f"{path}/consume", {"items": [caller.line("TEA@GZ 4")]})
    assert problem(too_much) == (409, "exceeds_reservation")


def test_reservations_are_listed_newest_first_by_their_reference(caller: Caller) -> None:
    mine = f"ref-{caller.shelf.tag}"
    paths = [held(caller, "TEA@GZ 1", reference_id=mine) for _ in range(3)]
    caller.ask("DELETE", paths[0])

    def listed(**query: Any) -> list[str]:
        found = caller.ask("GET", "/inventory/reservations", params={"reference_id": mine, **query}).json()
        return [f"/inventory/reservations/{r['reservation_id']}" for r in found["reservations"]]

    assert listed() == paths[::-1]
    assert listed(status="active") == [paths[2], paths[1]]
    assert listed(status="cancelled", sku_id=caller.shelf.sku("TEA")) == [paths[0]]
    assert listed(sku_id=caller.shelf.sku("CUP")) == []
    assert listed(expiring_before="2020-01-01T00:00:00Z") == []


def test_a_batch_answers_each_request_in_order(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5")
    hold = {"reference_type": "cart", "reference_id": "c"}
    asks = [{**hold, "items": [caller.line(f"TEA@GZ {quantity}")]} for quantity in (3, 4, 2)]
    body = {"reservations": asks}
    reply = caller.ask("POST", "/inventory/reservations:batch", body, headers={"Idempotency-Key": caller.shelf.tag})
    assert reply.status_code == 200
    assert [answer["status"] for answer in reply.json()["answers"]] == [201, 409, 201]
    again = caller.ask("POST", "/inventory/reservations:batch", body, headers={"Idempotency-Key": caller.shelf.tag})
    assert (again.json(), again.headers["idempotent-replayed"]) == (reply.json(), "true")
    assert caller.shelf.level("TEA@GZ") == "on_hand=5 available=0 reserved=5"
    body["reservations"][0]["reference_id"] = "d"
    other = caller.ask("POST", "/inventory/reservations:batch", body, headers={"Idempotency-Key": caller.shelf.tag})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    keyless = caller.ask("POST", "/inventory/reservations:batch", {"reservations": asks[1:2]})
    assert [answer["body"]["code"] for answer in keyless.json()["answers"]] == ["insufficient_stock"]
    asks[1]["items"][0]["quantity"] = 0
    wrong = caller.ask("POST", "/inventory/reservations:batch", body)
    assert wrong.json()["errors"][0]["loc"] == ["reservations", 1, "items", 0, "quantity"]


def test_receipts_and_sales_answer_what_was_posted(caller: Caller) -> None:
    line = caller.line("TEA@GZ 5")
    warehouse = line.pop("warehouse_id")
    receipt = {"warehouse_id": warehouse, "reference": "note-1", "items": [{**line, "unit_cost": "1.25"}]}
    reply = caller.ask("POST", "/inventory/receipts", receipt)
    assert (reply.status_code, reply.json()["items"][0]["quantity"]) == (201, 5)
    sale = {"warehouse_id": warehouse, "items": [{**line, "quantity": 2}]}
    reply = caller.ask("POST", "/inventory/sales", sale)
    assert (reply.status_code, reply.json()["items"][0]["quantity"]) == (201, -2)
    sale["items"] = [{**line, "quantity": 9}]
    assert problem(caller.ask("POST", "/inventory/sales", sale)) == (409, "insufficient_stock")
    assert caller.shelf.level("TEA@GZ") == "on_hand=3 available=3 reserved=0"


def test_the_ledger_is_paged_newest_first_without_gaps(caller: Caller) -> None:
    for _ in range(7):
        caller.shelf.given("TEA@GZ 1")
    query: dict[str, Any] = {"sku_id": caller.shelf.sku("TEA"), "limit": 3}
    seen: list[int] = []
    pages = 0
    while True:
        page = caller.ask("GET", "/inventory/movements", params=query).json()
        seen += [m["balance_after"] for m in page["movements"]]
        pages += 1
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert (seen, pages) == ([7, 6, 5, 4, 3, 2, 1], 3)
    movement = caller.ask("GET", "/inventory/movements", params={"sku_id": query["sku_id"]}).json()["movements"][0]
    assert {
        "id", "sku_id", "warehouse_id", "movement_type", "quantity", "bucket", "balance_after", "reference_type",
        "reference_id", "reason", "actor", "occurred_at", "created_at",
    } <= set(movement)  # fmt: skip


LISTS = ["/inventory", "/inventory/movements", "/inventory/reservations", "/skus", "/api-keys"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", [{"cursor": "nonsense"}, {"cursor": "W10"}, {"limit": 0}, {"limit": 501}])
def test_a_cursor_of_another_list_and_a_limit_out_of_range_are_refused(
    caller: Caller, path: str, query: dict[str, Any]
) -> None:
    assert problem(caller.ask("GET", path, params=query))[0] == 422


def test_levels_are_paged_without_gaps(caller: Caller) -> None:
    caller.shelf.given(", ".join(f"S{n}@GZ 1" for n in range(7)))
    query: dict[str, Any] = {"q": caller.shelf.tag, "limit": 2}
    codes: list[str] = []
    while True:
        page = caller.ask("GET", "/inventory", params=query).json()
        codes += [level["sku_code"] for level in page["inventories"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert codes == [f"S{n}-{caller.shelf.tag}" for n in range(7)]


def test_every_figure_is_explained_by_entries_that_sum_to_it(caller: Caller) -> None:
    held(caller, "TEA@GZ 4")
    caller.adjust("TEA@GZ", "increase", 2, bucket="unsellable")
    told = caller.ask("GET", f"/inventory/{caller.shelf.sku('TEA')}/explain").json()
    [level] = told["levels"]
    for figure in ("on_hand", "reserved"):
        assert sum(entry["quantity"] for entry in level[figure]["entries"]) == level[figure]["quantity"]
    assert sum(part["quantity"] for part in level["available"]["arithmetic"]) == level["available"]["quantity"]
    figures = {name: level[name]["quantity"] for name in ("on_hand", "reserved", "unavailable", "available")}
    assert figures == {"on_hand": 11, "reserved": 4, "unavailable": 2, "available": 5}
    assert all(level[name]["adds_up"] for name in ("on_hand", "reserved", "unavailable"))


def test_a_sku_is_created_read_changed_and_archived(caller: Caller) -> None:
    new = {"code": f"NEW-{caller.shelf.tag}", "name": "New", "price": "12.50", "currency": "EUR"}
    new |= {"attributes": {"colour": "red"}}
    made = caller.ask("POST", "/skus", new)
    assert made.status_code == 201, made.text
    path = f"/skus/{made.json()['id']}"
    assert caller.ask("GET", path).json()["attributes"] == {"colour": "red"}
    assert problem(caller.ask("POST", "/skus", new))[0] == 409
    assert problem(caller.ask("GET", "/skus/00000000-0000-0000-0000-000000000000"))[0] == 404
    assert caller.ask("DELETE", path).status_code == 405, "nothing that stock may point to is deleted"


def test_skus_are_found_by_their_attributes(caller: Caller) -> None:
    mark = caller.shelf.tag
    for colour, size in (("red", "M"), ("red", "L"), ("blue", "M")):
        attributes = {"mark": mark, "colour": colour, "size": size}
        caller.ask("POST", "/skus", {"code": f"{colour}-{size}-{mark}", "name": "Shirt", "attributes": attributes})

    def found(*wanted: str) -> list[str]:
        query = {"attribute": [f"mark:{mark}", *wanted]}
        return [sku["code"].removesuffix(f"-{mark}") for sku in caller.ask("GET", "/skus", params=query).json()["skus"]]

    assert found("colour:red") == ["red-L", "red-M"]
    assert found("colour:red", "size:M") == ["red-M"]
    assert found("colour:green") == []


def test_a_warehouse_lies_below_another_and_never_below_itself(caller: Caller) -> None:
    def made(name: str, parent: str | None = None) -> str:
        new = {"code": f"{name}-{caller.shelf.tag}", "name": name, "type": "local", "parent_id": parent}
        return str(caller.ask("POST", "/warehouses", new).json()["id"])

    def moved(warehouse: str, parent: str) -> int:
        return caller.ask("PATCH", f"/warehouses/{warehouse}", {"parent_id": parent}).status_code

    country = made("country")
    city = made("city", country)
    shop = made("shop", city)
    assert caller.ask("GET", f"/warehouses/{shop}").json()["parent_id"] == city
    assert [moved(country, below) for below in (country, city, shop)] == [422, 422, 422]
    assert (moved(shop, caller.shelf.sku("TEA")), moved(shop, country)) == (422, 200)


def test_a_warehouse_is_created_and_knows_its_place(caller: Caller) -> None:
    new = {"code": f"W-{caller.shelf.tag}", "name": "West", "type": "regional", "latitude": 51.5, "longitude": -0.1}
    made = caller.ask("POST", "/warehouses", new)
    assert made.status_code == 201, made.text
    found = caller.ask("GET", f"/warehouses/{made.json()['id']}").json()
    assert (found["priority"], found["is_active"], found["type"]) == (100, True, "regional")
    assert problem(caller.ask("POST", "/warehouses", {**new, "code": "x", "type": "moon"}))[0] == 422
    assert problem(caller.ask("POST", "/warehouses", new))[0] == 409


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (["read"], {"read"}),
        (["operate"], {"read", "operate"}),
        (["plan"], {"read"}),
        (["admin"], {"read", "operate", "admin"}),
    ],
)
def test_a_key_may_do_what_its_scopes_say(
    caller: Caller, running: Running, scopes: list[str], allowed: set[str]
) -> None:
    caller.shelf.given("TEA@GZ 5")
    made = caller.ask("POST", "/api-keys", {"name": "shop", "scopes": scopes})
    assert made.status_code == 201
    token = {"Authorization": f"Bearer {made.json()['token']}"}
    hold = {"reference_type": "cart", "reference_id": "c", "items": [caller.line("TEA@GZ 1")]}
    sku, new = f"/inventory/{caller.shelf.sku('TEA')}", {"code": made.json()["id"], "name": "x"}
    asks: dict[str, list[tuple[str, str, Any]]] = {
        "read": [("GET", "/inventory", None), ("GET", f"{sku}/availability?quantity=1", None)],
        "operate": [("POST", "/inventory/reservations", hold), ("POST", "/skus", new)],
        "admin": [("GET", "/api-keys", None), ("GET", "/audit-log", None)],
    }
    for scope, calls in asks.items():
        for method, path, body in calls:
            reply = caller.ask(method, path, body, headers=token)
            if scope in allowed:
                assert reply.status_code in (200, 201), reply.text
            else:
                assert problem(reply) == (403, "missing_scope"), path


def test_a_revoked_key_is_unknown_within_its_trust(caller: Caller) -> None:
    made = caller.ask("POST", "/api-keys", {"name": "gone", "scopes": ["read"]}).json()
    assert caller.ask("DELETE", f"/api-keys/{made['id']}").json()["revoked_at"] is not None
    token = {"Authorization": f"Bearer {made['token']}"}
    assert problem(caller.ask("GET", "/inventory", headers=token)) == (401, "unauthenticated")
    listed = caller.ask("GET", "/api-keys", params={"limit": 500}).json()["api_keys"]
    assert all("token" not in key and "token_hash" not in key for key in listed)


def test_a_cart_is_not_handed_over_to_another_cart_to_live_for_ever(caller: Caller) -> None:
    path = held(caller, "TEA@GZ 1")
    again = {"reference_type": "cart", "reference_id": "cart-2", "expires_in_minutes": 60}
    assert problem(caller.ask("POST", f"{path}/convert", again)) == (422, "invalid_request")
