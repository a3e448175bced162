"""Counting, selling and approving at once, over the API of two processes."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.books import violations_at
from tests.running import serving


async def test_parallel_approvals_during_sales_book_each_variance_once(fresh_url: str) -> None:
    """Two processes; ten SKUs of which three units each are missing; everybody sells, counts and approves at once."""
    with serving(fresh_url, processes=2) as running, running.client() as one, running.client(1) as two:
        warehouse = one.post("/warehouses", json={"code": "GZ", "name": "GZ", "type": "main"}).json()["id"]
        skus = [one.post("/skus", json={"code": f"S{n}", "name": "x"}).json()["id"] for n in range(10)]
        items = [{"sku_id": sku, "quantity": 100} for sku in skus]
        one.post("/inventory/receipts", json={"warehouse_id": warehouse, "items": items})
        sheet = one.post("/stock-counts", json={"warehouse_id": warehouse}).json()["id"]
        shelves = dict.fromkeys(skus, 97)
        # Goods leave a shelf and are counted one thing after the other; approvals come whenever they like.
        hands = {sku: threading.Lock() for sku in skus}

        rng = random.Random(5)  # noqa: S311 - the same story every time
        plan = [(rng.choice(["sell", "sell", "sell", "count", "approve"]), rng.choice(skus)) for _ in range(300)]

        def act(n: int) -> int:
            client, (step, sku) = (one, two)[n % 2], plan[n]
            if step == "approve":
                return client.post(f"/stock-counts/{sheet}/approve").status_code
            with hands[sku]:
                if step == "count":
                    entry = {"items": [{"sku_id": sku, "quantity": shelves[sku]}]}
                    return client.post(f"/stock-counts/{sheet}/entries", json=entry).status_code
                sale = {"warehouse_id": warehouse, "items": [{"sku_id": sku, "quantity": 1}]}
                answer = client.post("/inventory/sales", json=sale)
                shelves[sku] -= answer.status_code == 201
                return answer.status_code

        with ThreadPoolExecutor(16) as pool:
            answers = set(pool.map(act, range(300)))
        assert answers <= {200, 201, 409}, "409: counted already"
        with ThreadPoolExecutor(16) as pool:
            approvals = pool.map(lambda n: (one, two)[n % 2].post(f"/stock-counts/{sheet}/approve"), range(10))
            assert {a.status_code for a in approvals} == {200}
        lines = one.get(f"/stock-counts/{sheet}/lines").json()["lines"]
        assert {(line["variance"], line["posted_quantity"], line["status"]) for line in lines} == {(-3, -3, "approved")}
        levels = {x["sku_id"]: x["available_quantity"] for x in one.get("/inventory").json()["inventories"]}
        assert levels == shelves
    assert await violations_at(fresh_url) == []


async def test_two_counts_of_the_same_shelves_approved_at_once_book_each_gap_once(fresh_url: str) -> None:
    """Six rounds; in each, two counts find one unit of each SKU missing, and both are approved at the same moment."""
    with serving(fresh_url, processes=2) as running, running.client() as one, running.client(1) as two:
        warehouse = one.post("/warehouses", json={"code": "GZ", "name": "GZ", "type": "main"}).json()["id"]
        skus = [one.post("/skus", json={"code": f"S{n}", "name": "x"}).json()["id"] for n in range(10)]
        items = [{"sku_id": sku, "quantity": 50} for sku in skus]
        one.post("/inventory/receipts", json={"warehouse_id": warehouse, "items": items})
        for found in range(49, 43, -1):
            sheets = [one.post("/stock-counts", json={"warehouse_id": warehouse}).json()["id"] for _ in range(2)]
            entry = {"items": [{"sku_id": sku, "quantity": found} for sku in skus]}
            for sheet in sheets:
                one.post(f"/stock-counts/{sheet}/entries", json=entry)
            ready = threading.Barrier(2)

            def approve_one(client: Any, sheet: str, ready: threading.Barrier = ready) -> list[str]:
                ready.wait()
                answer = client.post(f"/stock-counts/{sheet}/approve").json()
                return ["approved" for _ in answer["approved"]] + [r["code"] for r in answer["refused"]]

            with ThreadPoolExecutor(2) as pool:
                told = [code for codes in pool.map(approve_one, (one, two), sheets) for code in codes]
            assert sorted(told) == ["adjusted_since_counted"] * 10 + ["approved"] * 10
            levels = [level["available_quantity"] for level in one.get("/inventory").json()["inventories"]]
            assert levels == [found] * 10
    assert await violations_at(fresh_url) == []
