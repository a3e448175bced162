"""One OpenAPI document describes every route of both lanes, and random requests that fit it never break the server."""

from __future__ import annotations

import re

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from tests.api.conftest import Caller
from tests.running import TOKEN, Running

from holdfast.stock.hot import PREFIX

pytestmark = [pytest.mark.xdist_group("api"), pytest.mark.timeout(170)]


def test_the_document_describes_the_hot_lane_too(caller: Caller) -> None:
    document = caller.ask("GET", "/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    hot = {
        ("post", "reservations"), ("post", "reservations:batch"), ("delete", "reservations/{}"),
        ("put", "reservations/{}/extend"), ("post", "reservations/{}/consume"), ("post", "reservations/{}/release"),
        ("post", "reservations/{}/convert"), ("get", "{}/availability"),
    }  # fmt: skip
    described = {
        (method, re.sub(r"\{\w+\}", "{}", path.removeprefix(PREFIX)))
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert hot <= described


def test_every_operation_says_how_it_refuses(caller: Caller) -> None:
    document = caller.ask("GET", "/openapi.json").json()
    silent = [
        f"{method} {path}"
        for path, operations in document["paths"].items()
        if path.startswith("/api/")
        for method, operation in operations.items()
        if not any(status.startswith(("4", "d")) for status in operation["responses"])
    ]
    assert silent == []


def test_random_requests_never_break_the_server(running: Running) -> None:
    """A 5xx to a request of the right or the wrong form is ours. A few tries each; run more with ``st run``."""
    schema = schemathesis.openapi.from_url(f"{running.address}/api/v1/openapi.json")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    broken: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()
        # A revoked admin key would end the run, and what leaves the machine is tested where it is.
        if operation.path.startswith("/api/v1/api-keys/"):
            continue

        @given(case=operation.as_strategy())
        @settings(
            max_examples=5,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        )
        def probe(case: schemathesis.Case) -> None:
            reply = case.call(headers=headers)
            if reply.status_code >= 500:
                broken.append(f"{case.method} {case.formatted_path}: {reply.status_code} {reply.text[:200]}")

        probe()
    assert broken == []
