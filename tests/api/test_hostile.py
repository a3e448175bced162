"""What nobody sends by intention: the server says which field it is, and nothing it took makes its lists unreadable."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.api.conftest import Caller, problem
from tests.running import Running

pytestmark = pytest.mark.xdist_group("api")

NOWHERE = "00000000-0000-0000-0000-000000000000"


def fields(reply: Any) -> list[list[str | int]]:
    return [error["loc"] for error in reply.json()["errors"]]


def sale(caller: Caller, **more: Any) -> Any:
    return caller.ask("POST", "/inventory/sales", {"items": [caller.line("TEA@GZ 1")], **more})


@pytest.mark.parametrize("bought", ["0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00"])
def test_a_sale_of_no_time_of_ours_is_refused_and_the_ledger_stays_readable(caller: Caller, bought: str) -> None:
    caller.shelf.given("TEA@GZ 5")
    refused = sale(caller, occurred_at=bought)
    assert problem(refused)[0] == 422
    assert fields(refused) == [["occurred_at"]]
    movements = caller.ask("GET", f"/inventory/movements?sku_id={caller.shelf.sku('TEA')}")
    assert [m["quantity"] for m in movements.json()["movements"]] == [5]


def test_a_sale_may_be_told_by_a_clock_that_runs_ahead_and_not_by_one_of_next_year(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5")
    row = caller.shelf.connection.execute(
        "select business_now() + interval '14 hours', business_now() + interval '2 days'"
    ).fetchone()
    assert row
    assert sale(caller, occurred_at=row[0].isoformat()).status_code == 201
    assert problem(sale(caller, occurred_at=row[1].isoformat())) == (422, "occurs_later")


@pytest.mark.parametrize("quantity", [True, "5", 5.0, [5]])
def test_a_quantity_is_a_whole_number_and_nothing_that_could_be_read_as_one(caller: Caller, quantity: Any) -> None:
    caller.shelf.given("TEA@GZ 5")
    line = {**caller.line("TEA@GZ 1"), "quantity": quantity}
    level = f"/inventory/{line['sku_id']}"
    where = {"warehouse_id": line["warehouse_id"], "reason": "r"}
    outcome = {k: line[k] for k in ("sku_id", "quantity")}
    bodies: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", f"{level}/adjust", {**where, "adjustment_type": "increase", "quantity": quantity}),
        ("POST", f"{level}/state", {**where, "quantity": quantity, "from_state": "sellable", "to_state": "damaged"}),
        ("POST", "/inventory/receipts", {"warehouse_id": line["warehouse_id"], "items": [outcome]}),
        ("POST", "/inventory/sales", {"items": [line]}),
        ("POST", "/waiting-list", {**outcome, "reference_id": "w"}),
        ("POST", "/transfers", {"from_warehouse_id": NOWHERE, "to_warehouse_id": NOWHERE, "items": [outcome]}),
        ("POST", "/allocations", {"items": [outcome], "ship_to": {"country": "CN"}}),
    ]
    for method, path, body in bodies:
        refused = caller.ask(method, path, body)
        assert problem(refused) == (422, "invalid_request"), (path, refused.text)
        assert all(loc[-1] in ("quantity", 0) for loc in fields(refused)), path


def test_a_number_beyond_every_count_is_the_fault_of_its_field(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5")
    beyond = 2**63
    replies = [
        caller.adjust("TEA@GZ", "set", 3, expected_quantity=beyond),
        caller.ask("PATCH", f"/skus/{caller.shelf.sku('TEA')}", {"name": "x", "expected_version": beyond}),
        caller.ask("PATCH", f"/skus/{caller.shelf.sku('TEA')}", {"name": "x"}, headers={"If-Match": f'"{beyond}"'}),
        caller.ask("PATCH", f"/skus/{caller.shelf.sku('TEA')}", {"name": "x"}, headers={"If-Match": b'"\xb2"'}),
        caller.ask("GET", f"/inventory/{caller.shelf.sku('TEA')}/availability?quantity={'9' * 5000}"),
    ]
    assert [problem(reply) for reply in replies] == [(422, "invalid_request")] * len(replies)
    names = ["expected_quantity", "expected_version", "If-Match", "If-Match", "quantity"]
    assert [fields(reply)[0][-1] for reply in replies] == names


def test_a_cost_that_no_ledger_can_hold_names_its_line(caller: Caller) -> None:
    line = caller.line("TEA@GZ 1")
    cost = {"unit_cost": "999999999999", "cost_currency": "EUR", "exchange_rate": "999999999"}
    items = [{"sku_id": line["sku_id"], "quantity": 1}, {"sku_id": line["sku_id"], "quantity": 1, **cost}]
    refused = caller.ask("POST", "/inventory/receipts", {"warehouse_id": line["warehouse_id"], "items": items})
    assert problem(refused) == (422, "invalid_request")
    assert fields(refused) == [["items", 1, "unit_cost"]]


def test_text_that_cannot_be_kept_names_its_field(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5")
    sku = caller.shelf.sku("TEA")
    half = b'{"code": "A", "name": "B", "attributes": {"colour": "\\ud800"}}'
    replies = [
        caller.adjust("TEA@GZ", "increase", 1, reason="a\0b"),
        sale(caller, reference="\0"),
        caller.client.post("/skus", content=half, headers={"content-type": "application/json"}),
        caller.ask("GET", "/inventory?q=%00"),
        caller.ask("GET", f"/inventory/{sku}/availability?quantity=1&exclude_reference_id=%00"),
        caller.ask("GET", f"/skus/{sku}/serials/%00"),
    ]
    assert [problem(reply) for reply in replies] == [(422, "invalid_text")] * len(replies)
    told = [["reason"], ["reference"], ["attributes", "colour"], ["query", "q"], ["query", "exclude_reference_id"]]
    assert [fields(reply)[0] for reply in replies] == [*told, ["path", "serial_number"]]


@pytest.mark.parametrize("path", ["/inventory", "/skus", "/warehouses", "/audit-log", "/waiting-list", "/ledger/seals"])
@pytest.mark.parametrize("key", ["\0", "\ud800", "9" * 5000])
def test_a_cursor_nobody_was_given_is_refused(caller: Caller, path: str, key: str) -> None:
    keys = [key, "a"] if path == "/inventory" else [key]
    cursor = base64.urlsafe_b64encode(json.dumps(keys).encode()).decode().rstrip("=")
    reply = caller.ask("GET", f"{path}?cursor={cursor}")
    if key.isdigit() and path in ("/inventory", "/skus", "/warehouses"):
        assert reply.status_code == 200  # a code may have many digits
    else:
        assert fields(reply) == [["query", "cursor"]]


@pytest.mark.parametrize("path", ["/inventory/reservations", "/inventory/receipts"])
def test_a_body_nested_beyond_reason_is_no_json_of_ours(caller: Caller, path: str) -> None:
    body = b'{"ship_to":' + b'{"a":' * 50_000
    reply = caller.client.post(path, content=body, headers={"content-type": "application/json"})
    assert problem(reply) == (400, "not_json")


def test_a_reason_of_blanks_is_none(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5")
    assert fields(caller.adjust("TEA@GZ", "increase", 1, reason=" \t ")) == [["reason"]]
    movements = caller.ask("GET", f"/inventory/movements?sku_id={caller.shelf.sku('TEA')}").json()["movements"]
    undone = caller.ask("POST", f"/inventory/movements/{movements[0]['id']}/undo", {"reason": "  "})
    assert fields(undone) == [["reason"]]


def test_an_expectation_is_compared_whatever_the_adjustment(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5")
    for kind in ("increase", "decrease"):
        refused = caller.adjust("TEA@GZ", kind, 1, expected_quantity=4)
        assert problem(refused) == (409, "version_conflict")
        assert refused.json()["errors"][0] | {"expected": 4, "actual": 5} == refused.json()["errors"][0]
    assert caller.adjust("TEA@GZ", "increase", 1, expected_quantity=5).json()["on_hand_quantity"] == 6


def test_an_expectation_is_of_the_batch_that_is_named(caller: Caller) -> None:
    caller.shelf.sku("MILK", tracking="batch")
    for number in ("B1", "B2"):
        assert caller.adjust("MILK@GZ", "increase", 3, batch={"number": number}).status_code == 200
    more = {"batch": {"number": "B1"}, "expected_quantity": 6}
    assert problem(caller.adjust("MILK@GZ", "decrease", 1, **more)) == (409, "version_conflict")
    assert caller.adjust("MILK@GZ", "decrease", 1, **{**more, "expected_quantity": 3}).status_code == 200


def test_sellable_units_have_no_state_that_says_why_they_are_not(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5")
    assert fields(caller.adjust("TEA@GZ", "increase", 1, state="damaged")) == [["state"]]


def test_what_is_not_there_names_its_field(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5")
    sku, here = caller.shelf.sku("TEA"), caller.shelf.warehouse("GZ")
    channel = f"web-{caller.shelf.tag}"
    assert caller.ask("POST", "/channels", {"code": channel, "name": "Web"}).status_code == 201
    pool = {"sku_id": sku, "warehouse_id": here, "quantity": 1}
    wanted: list[tuple[str, str, Any, list[str | int]]] = [
        ("POST", "/waiting-list", {"sku_id": sku, "quantity": 1, "reference_id": "w", "warehouse_id": NOWHERE},
         ["warehouse_id"]),
        ("PUT", f"/inventory/{sku}/backorder-policy", {"mode": "dated", "warehouse_id": NOWHERE}, ["warehouse_id"]),
        ("PUT", f"/channels/{channel}/pools", {**pool, "sku_id": NOWHERE}, ["sku_id"]),
        ("PUT", f"/channels/{channel}/pools", {**pool, "warehouse_id": NOWHERE}, ["warehouse_id"]),
        ("PUT", f"/skus/{sku}/components", {"components": [{"sku_id": NOWHERE, "quantity": 1}]}, ["components"]),
        ("GET", f"/inventory/{sku}/availability?quantity=1&channel=nobody", None, ["query", "channel"]),
        ("GET", f"/inventory/{sku}/availability?quantity=1&warehouse_id={NOWHERE}", None, ["query", "warehouse_id"]),
    ]  # fmt: skip
    for method, path, body, loc in wanted:
        refused = caller.ask(method, path, body)
        assert problem(refused)[0] == 422, (path, refused.text)
        assert fields(refused) == [loc], path


def test_the_past_is_searched_like_the_present_and_says_what_is_not_known_of_it(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5, CUP@GZ 3")
    row = caller.shelf.connection.execute("select business_now()").fetchone()
    assert row
    past = {"as_of": row[0].isoformat(), "warehouse_id": caller.shelf.warehouse("GZ")}
    found = caller.ask("GET", "/inventory", params={**past, "q": f"CUP-{caller.shelf.tag}"}).json()["inventories"]
    assert [level["on_hand_quantity"] for level in found] == [3]
    assert caller.ask("GET", "/inventory", params={**past, "category": "nothing"}).json()["inventories"] == []
    for name, value in (("status", "low"), ("include_reserved", "true")):
        assert fields(caller.ask("GET", "/inventory", params={**past, name: value})) == [["query", name]]


def test_a_time_in_which_nothing_moved_opens_and_closes_with_what_was_there(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5")
    row = caller.shelf.connection.execute("select business_now(), business_now() - interval '1 day'").fetchone()
    assert row
    path = f"/inventory/{caller.shelf.sku('TEA')}/statement"
    here = {"warehouse_id": caller.shelf.warehouse("GZ")}
    quiet = caller.ask("GET", path, params={**here, "since": row[0].isoformat()}).json()
    assert (quiet["opening_quantity"], quiet["closing_quantity"], quiet["entries"]) == (5, 5, [])
    before = caller.ask("GET", path, params={**here, "until": row[1].isoformat()}).json()
    assert (before["opening_quantity"], before["closing_quantity"]) == (0, 0)
    elsewhere = caller.ask("GET", path, params={"warehouse_id": NOWHERE})
    assert problem(elsewhere) == (404, "sku_not_found")


def test_a_bundle_is_no_part_of_itself(caller: Caller) -> None:
    sku = caller.shelf.sku("SET")
    refused = caller.ask("PUT", f"/skus/{sku}/components", {"components": [{"sku_id": sku, "quantity": 1}]})
    assert problem(refused) == (422, "nested_bundle")
    assert fields(refused) == [["components"]]


def test_a_strategy_without_an_address_is_not_passed_over(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5")
    assert fields(caller.hold("TEA@GZ 1", strategy="nearest")) == [["strategy"]]


def test_a_transfer_says_which_of_its_warehouses_there_is_not(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 5")
    here, item = caller.shelf.warehouse("GZ"), {"sku_id": caller.shelf.sku("TEA"), "quantity": 1}
    for field, other in (("from_warehouse_id", "to_warehouse_id"), ("to_warehouse_id", "from_warehouse_id")):
        refused = caller.ask("POST", "/transfers", {field: NOWHERE, other: here, "items": [item]})
        assert problem(refused) == (404, "warehouse_not_found")
        assert fields(refused) == [[field]]


@pytest.mark.parametrize("field", ["code", "name", "barcode", "category"])
def test_blanks_are_no_name(caller: Caller, field: str) -> None:
    body = {"code": f"B-{caller.shelf.tag}", "name": "Bowl", field: "  "}
    assert fields(caller.ask("POST", "/skus", body)) == [[field]]


def test_a_code_is_kept_without_the_blanks_around_it(caller: Caller) -> None:
    made = caller.ask("POST", "/warehouses", {"code": f" W-{caller.shelf.tag} ", "name": "West", "type": "main"})
    assert made.json()["code"] == f"W-{caller.shelf.tag}"
    assert fields(caller.ask("POST", "/warehouses", {"code": " ", "name": "West", "type": "main"})) == [["code"]]


def operations(caller: Caller) -> Iterator[tuple[str, str]]:
    """Method and path of everything below ``/api/v1``, with ids of nothing."""
    for path, methods in caller.ask("GET", "/openapi.json").json()["paths"].items():
        if path.startswith("/api/v1/"):
            for method in {"get", "post", "put", "patch", "delete"} & set(methods):
                yield method.upper(), re.sub(r"\{\w+\}", NOWHERE, path.removeprefix("/api/v1"))


def test_every_operation_asks_for_a_token(caller: Caller, running: Running) -> None:
    with httpx2.Client(base_url=f"{running.address}/api/v1") as nobody:
        open_to_all = [
            f"{method} {path}"
            for method, path in operations(caller)
            if problem(nobody.request(method, path)) != (401, "unauthenticated")
        ]
    assert open_to_all == []


def test_who_may_only_read_changes_nothing(caller: Caller, running: Running) -> None:
    made = caller.ask("POST", "/api-keys", {"name": "reader", "scopes": ["read"]}).json()
    # These two only answer what would be so.
    previews = ("/alert-rules:preview", f"/replenishment/suggestions/{NOWHERE}/what-if")
    with httpx2.Client(
        base_url=f"{running.address}/api/v1", headers={"Authorization": f"Bearer {made['token']}"}
    ) as reader:
        refused = {
            f"{method} {path}": problem(reader.request(method, path, json=None if method == "DELETE" else {}))
            for method, path in operations(caller)
            if method != "GET" and path not in previews
        }
    assert {name: told for name, told in refused.items() if told != (403, "missing_scope")} == {}


def test_what_was_to_come_in_is_told_as_a_quantity(caller: Caller) -> None:
    line = caller.line("TEA@GZ 3")
    items = [{"sku_id": NOWHERE, "quantity": 3}]
    refused = caller.ask("POST", "/inventory/receipts", {"warehouse_id": line["warehouse_id"], "items": items})
    assert problem(refused) == (422, "unknown_sku")
    assert refused.json()["errors"][0]["requested"] == 3
