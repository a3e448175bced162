"""A shop spoken to over real HTTP, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.conftest import Shelf, new_database
from tests.running import Running, serving

from holdfast.db.embedded import EmbeddedServer


class Caller:
    """Speaks JSON with the API; SKUs and warehouses are those of the shelf."""

    def __init__(self, client: httpx2.Client, shelf: Shelf) -> None:
        self.client = client
        self.shelf = shelf

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> httpx2.Response:
        if body is not None:
            options["json"] = body
        return self.client.request(method, path, **options)

    def line(self, text: str) -> dict[str, Any]:
        """``TEA@GZ 2`` as the API takes it."""
        return {k: v for k, v in self.shelf.items(text)[0].items() if v is not None}

    def hold(self, *lines: str, **more: Any) -> httpx2.Response:
        items = [self.line(text) for text in lines]
        body = {"reference_type": "cart", "reference_id": "cart-1", "items": items}
        return self.ask("POST", "/inventory/reservations", {**body, **more})

    def adjust(self, level: str, kind: str, quantity: int, **more: Any) -> httpx2.Response:
        line = self.line(f"{level} 1")
        body = {"warehouse_id": line["warehouse_id"], "adjustment_type": kind, "quantity": quantity, "reason": "count"}
        return self.ask("PUT", f"/inventory/{line['sku_id']}/adjust", {**body, **more})


@pytest.fixture(scope="session")
def api_url(server: EmbeddedServer, run_dir: Path) -> str:
    return new_database(server, run_dir)


@pytest.fixture(scope="session")
def running(api_url: str) -> Iterator[Running]:
    """One process for all tests of the contract."""
    with serving(api_url) as found:
        yield found


@pytest.fixture
def caller(running: Running, api_url: str) -> Iterator[Caller]:
    shelf = Shelf(api_url)
    with running.client() as client:
        yield Caller(client, shelf)
    shelf.close()


def problem(reply: httpx2.Response) -> tuple[int, str]:
    """Status and code of a problem document, whose form is checked on the way."""
    assert reply.headers["content-type"] == "application/problem+json", reply.text
    document = reply.json()
    assert {"type", "title", "status", "code", "detail", "errors"} <= set(document)
    assert document["status"] == reply.status_code
    assert document["type"].endswith(document["code"])
    return reply.status_code, document["code"]
