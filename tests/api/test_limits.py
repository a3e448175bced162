"""A request that is too large is refused on both lanes before it is read whole."""

from __future__ import annotations

import pytest
from tests.running import Running

pytestmark = pytest.mark.xdist_group("api")

TOO_MUCH = b'{"code": "' + b"x" * 2_000_001 + b'"}'


@pytest.mark.parametrize("path", ["/skus", "/inventory/reservations"])
def test_a_request_past_the_limit_is_refused_on_both_lanes(running: Running, path: str) -> None:
    with running.client() as client:
        answer = client.post(path, content=TOO_MUCH, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large")
