"""Customers who do as the contract tells them, and what must be true of what they were told."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from typing import Any

import httpx2
import psycopg
from tests.books import violations_at
from tests.running import TOKEN


class Buyers(threading.Thread):
    """Customers who repeat with the same key until they are answered, as the contract tells them to."""

    def __init__(self, address: str, sku: str, warehouse: str) -> None:
        super().__init__(daemon=True)
        self.address, self.sku, self.warehouse = address, sku, warehouse
        self.stopping = threading.Event()
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.statuses = Counter[int]()
        self.cut_off = 0
        self.longest_wait = 0.0
        self.broken: list[str] = []

    def run(self) -> None:
        number = 0
        with httpx2.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20) as client:
            while not self.stopping.is_set():
                number += 1
                self.once(client, number)

    def once(self, client: httpx2.Client, number: int) -> None:
        reference = f"{self.name}-{number}"
        line = {"sku_id": self.sku, "warehouse_id": self.warehouse, "quantity": 1}
        hold = {"reference_type": "order", "reference_id": reference, "items": [line]}
        held = self.until_answered(client, "/inventory/reservations", hold, reference)
        if held is not None and number % 2:
            path = f"/inventory/reservations/{held['reservation_id']}/consume"
            self.until_answered(client, path, None, f"{reference}-consume")
        if number % 5 == 0:
            receipt = {"warehouse_id": self.warehouse, "reference": reference, "items": [{**line, "quantity": 2}]}
            del receipt["items"][0]["warehouse_id"]
            self.until_answered(client, "/inventory/receipts", receipt, f"{reference}-receipt")

    def until_answered(self, client: httpx2.Client, path: str, body: Any, key: str) -> dict[str, Any] | None:
        started = time.monotonic()
        while True:
            try:
                reply = client.post(f"{self.address}/api/v1{path}", json=body, headers={"Idempotency-Key": key})
            except httpx2.HTTPError:
                self.cut_off += 1
                self.stopping.wait(0.05)
                if self.stopping.is_set():
                    return None
                continue
            self.statuses[reply.status_code] += 1
            if reply.status_code < 300:
                self.acknowledged[key] = reply.json()
                self.longest_wait = max(self.longest_wait, time.monotonic() - started)
                return reply.json()
            if reply.status_code != 503 or "retry-after" not in reply.headers:
                self.broken.append(reply.text)
                return None
            if self.stopping.wait(0.05):
                return None


def wait_for_new(buyers: list[Buyers], count: int = 15) -> None:
    """Until every buyer was answered so many times more."""
    goals = [len(b.acknowledged) + count for b in buyers]
    waiting = threading.Event()
    while any(len(b.acknowledged) < goal and not b.broken for b, goal in zip(buyers, goals, strict=True)):
        waiting.wait(0.02)


def check_books(url: str, buyers: list[Buyers]) -> None:
    """Every acknowledged write is there, once."""
    told = {key: facts for buyer in buyers for key, facts in buyer.acknowledged.items()}
    with psycopg.connect(url) as connection:
        rows = connection.execute("select reference_id, id::text, status from reservations").fetchall()
        received = connection.execute(
            "select reference_id, count(*) from inventory_movements where reference_type = 'receipt' group by 1"
        ).fetchall()
    holds = {reference: (hold, status) for reference, hold, status in rows}
    assert len(holds) == len(rows), "a repeated request made a second hold"
    for key, facts in told.items():
        if key.endswith("-receipt"):
            assert (key.removesuffix("-receipt"), 1) in received
        elif key.endswith("-consume"):
            assert holds[key.removesuffix("-consume")] == (facts["reservation_id"], "consumed")
        else:
            assert holds[key][0] == facts["reservation_id"]
    assert all(count == 1 for _, count in received)
    assert asyncio.run(violations_at(url)) == []
