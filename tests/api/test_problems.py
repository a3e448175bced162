"""Every "no" is a problem document, on both lanes, unknown paths and wrong methods too; keys replay first answers."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.api.conftest import Caller, problem
from tests.running import Running

pytestmark = pytest.mark.xdist_group("api")

HOT, ORDINARY = "/inventory/reservations", "/skus"


@pytest.mark.parametrize("path", ["/nothing", "/inventory/nothing/at/all", "/inventory/x/y", "/skus/x/y"])
def test_an_unknown_path_is_a_problem(caller: Caller, path: str) -> None:
    assert problem(caller.ask("GET", path))[0] == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/inventory"),
        ("DELETE", "/inventory/movements"),
        ("PUT", "/inventory/reservations"),
        ("GET", "/inventory/reservations:batch"),
        ("GET", "/inventory/reservations/00000000-0000-0000-0000-000000000000/consume"),
        ("POST", "/inventory/00000000-0000-0000-0000-000000000000/availability"),
    ],
)
def test_a_wrong_method_is_a_problem(caller: Caller, method: str, path: str) -> None:
    assert problem(caller.ask(method, path)) == (405, "method_not_allowed")


@pytest.mark.parametrize("path", [HOT, ORDINARY, "/inventory/receipts"])
@pytest.mark.parametrize("body", [b"{", b"\xff", b"{'a': 1}"])
def test_a_body_that_is_no_json_is_400(caller: Caller, path: str, body: bytes) -> None:
    reply = caller.client.post(path, content=body, headers={"content-type": "application/json"})
    assert problem(reply) == (400, "not_json")


@pytest.mark.parametrize("path", [HOT, ORDINARY, "/inventory/receipts"])
@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"text"'])
def test_a_body_of_the_wrong_kind_is_422(caller: Caller, path: str, body: bytes) -> None:
    reply = caller.client.post(path, content=body, headers={"content-type": "application/json"})
    assert problem(reply)[0] == 422


@pytest.mark.parametrize("path", [HOT, ORDINARY, "/inventory/receipts"])
def test_another_media_type_is_415(caller: Caller, path: str) -> None:
    reply = caller.client.post(path, content=b"a=1", headers={"content-type": "application/x-www-form-urlencoded"})
    assert problem(reply) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", "Basic dGVzdA==", "test-admin-token", "Bearer \u00ff"]
)
@pytest.mark.parametrize(("method", "path"), [("POST", HOT), ("GET", "/inventory"), ("POST", ORDINARY)])
def test_without_a_valid_token_it_is_401(running: Running, header: str | None, method: str, path: str) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    reply = httpx2.request(method, f"{running.address}/api/v1{path}", headers=headers)  # type: ignore[arg-type]
    assert problem(reply) == (401, "unauthenticated")
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", [HOT, ORDINARY])
def test_one_key_is_for_one_request(caller: Caller, path: str) -> None:
    caller.shelf.given("TEA@GZ 5")
    bodies: dict[str, Any] = {
        HOT: {"reference_type": "cart", "reference_id": "c", "items": [caller.line("TEA@GZ 1")]},
        ORDINARY: {"code": f"K-{caller.shelf.tag}", "name": "Once"},
    }
    key = {"Idempotency-Key": f"{caller.shelf.tag}-{path}"}
    first = caller.ask("POST", path, bodies[path], headers=key)
    again = caller.ask("POST", path, bodies[path], headers=key)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    changed = {**bodies[path], **({"reference_id": "other"} if path == HOT else {"name": "Other"})}
    assert problem(caller.ask("POST", path, changed, headers=key)) == (422, "idempotency_key_reused")


def test_a_refusal_is_replayed_too(caller: Caller) -> None:
    caller.shelf.given("TEA@GZ 1")
    key = {"Idempotency-Key": caller.shelf.tag}
    body = {"reference_type": "cart", "reference_id": "c", "items": [caller.line("TEA@GZ 2")]}
    first = caller.ask("POST", HOT, body, headers=key)
    caller.shelf.given("TEA@GZ 5")
    again = caller.ask("POST", HOT, body, headers=key)
    assert (again.status_code, again.json()) == (409, first.json())
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("path", [HOT, ORDINARY])
@pytest.mark.parametrize("key", ["", "k" * 201])
def test_a_key_has_1_to_200_characters(caller: Caller, path: str, key: str) -> None:
    assert problem(caller.ask("POST", path, {}, headers={"Idempotency-Key": key}))[0] == 422


def test_a_malformed_request_does_not_use_up_its_key(caller: Caller) -> None:
    key = {"Idempotency-Key": caller.shelf.tag}
    assert problem(caller.ask("POST", ORDINARY, {"code": ""}, headers=key))[0] == 422
    good = {"code": f"M-{caller.shelf.tag}", "name": "Good"}
    assert caller.ask("POST", ORDINARY, good, headers=key).status_code == 201


@pytest.mark.parametrize(("path", "kind"), [("/healthz", "json"), ("/readyz", "json"), ("/metrics", "text/plain")])
def test_health_and_metrics_need_no_token(running: Running, path: str, kind: str) -> None:
    reply = httpx2.get(f"{running.address}{path}")
    assert reply.status_code == 200
    assert kind in reply.headers["content-type"]


def test_metrics_name_routes_and_not_ids(caller: Caller, running: Running) -> None:
    caller.shelf.given("TEA@GZ 5")
    caller.hold("TEA@GZ 1")
    figures = httpx2.get(f"{running.address}/metrics").text
    assert 'holdfast_requests_total{method="POST",route="/api/v1/inventory/reservations",status="201"}' in figures
    assert caller.shelf.sku("TEA") not in figures
