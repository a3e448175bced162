"""The whole way through real processes: a sale over HTTP, the job runner, a receiver."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.receiver import receiving
from tests.running import Running, environment


@contextmanager
def worker(running: Running) -> Iterator[subprocess.Popen[bytes]]:
    """A job runner process that may call loopback addresses."""
    process = subprocess.Popen(
        [sys.executable, "-m", "holdfast", "worker"],
        env=environment(running.database_url, HOLDFAST_ALLOW_PRIVATE_WEBHOOKS="true"),
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(15)


def made(running: Running, path: str, body: dict[str, Any]) -> Any:
    with running.client() as client:
        answer = client.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()


def receive(running: Running, sku: str, warehouse: str, quantity: int) -> None:
    made(running, "/inventory/receipts", {"warehouse_id": warehouse, "items": [{"sku_id": sku, "quantity": quantity}]})


def test_a_receipt_reaches_the_receiver_also_after_the_job_runner_was_killed(running: Running) -> None:
    with receiving() as receiver:
        running_hook = {"url": receiver.url, "event_types": ["inventory.*"]}
        with running.client() as client:
            refused = client.post("/webhooks", json=running_hook)
            assert refused.status_code == 422, "loopback is refused unless it is allowed"
        sku = made(running, "/skus", {"code": "TEA", "name": "Tea"})["id"]
        warehouse = made(running, "/warehouses", {"code": "GZ", "name": "Guangzhou", "type": "main"})["id"]
        receiver.secret = subscribe_directly(running, receiver.url)
        with worker(running) as first:
            receive(running, sku, warehouse, 1)
            receiver.wait_for(1)
            receiver.answers = [503]
            receive(running, sku, warehouse, 2)
            os.kill(first.pid, signal.SIGKILL)
            first.wait(15)
        receiver.answers = []
        with worker(running):
            receiver.wait_for(2, seconds=60)
        quantities = [m["data"]["items"][0]["quantity"] for m in receiver.taken]
        assert quantities == [1, 2]
        assert receiver.forged == 0


def subscribe_directly(running: Running, url: str) -> str:
    """A webhook made by an administrator whose installation allows loopback; answers its secret."""
    import psycopg

    from holdfast.webhooks.sealing import new_secret, seal

    secret = new_secret()
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        connection.execute(
            "insert into webhooks (name, url, event_types, secret_sealed, created_by) values ('t', %s, %s, %s, 'test')",
            [url, ["inventory.*"], seal(secret, "a secret for tests")],
        )
    return secret
