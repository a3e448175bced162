"""The last unit, and the last minute: whoever comes at once, one gets it and the books balance."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psycopg
from tests.books import violations_at
from tests.conftest import Shelf


def asking(url: str, function: str, request: dict[str, object]) -> str:
    """The outcome of one request on a connection of its own; a deadlock is repeated, as the group writer does."""
    ask = json.dumps([{"n": 0, "actor": "test", **request}])
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            try:
                row = connection.execute(f"select outcome from {function}(%s)", [ask]).fetchone()  # type: ignore[arg-type]
            except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
                continue
            assert row
            return row[0]


def receiving(shelf: Shelf, sku: str, **item: object) -> dict[str, object]:
    kind = {"event_type": "inventory.received", "movement_type": "in", "reference_type": "receipt", "reason": "test"}
    return {**kind, "items": [{"sku_id": sku, "warehouse_id": shelf.warehouse("GZ"), **item}]}


async def test_twelve_buyers_of_the_last_unit_by_name_and_not(fresh_shelf: Shelf, fresh_url: str) -> None:
    phone, place = fresh_shelf.sku("PHONE", tracking="serial"), fresh_shelf.warehouse("GZ")
    fresh_shelf.post("stock_move", **receiving(fresh_shelf, phone, quantity=1, serials=["S1"]))
    line = {"sku_id": phone, "warehouse_id": place}
    sale = {"event_type": "inventory.sold", "movement_type": "out", "reference_type": "sale", "reason": "sold"}
    cart = {"reference_type": "cart", "reference_id": "c", "minutes": 5}
    asks = [
        ("stock_move", {**sale, "items": [{**line, "quantity": -1}]}),
        ("stock_move", {**sale, "items": [{**line, "quantity": -1, "serials": ["S1"]}]}),
        ("stock_reserve", {**cart, "items": [{**line, "quantity": 1, "serials": ["S1"]}]}),
    ] * 4
    with ThreadPoolExecutor(12) as pool:
        told = Counter(pool.map(lambda ask: asking(fresh_url, *ask), asks))
    assert told["moved"] + told["reserved"] == 1
    assert await violations_at(fresh_url) == []


async def test_one_serial_number_received_in_many_places_at_once_is_in_one(fresh_shelf: Shelf, fresh_url: str) -> None:
    phone = fresh_shelf.sku("PHONE", tracking="serial")
    asks = [receiving(fresh_shelf, phone, quantity=1, serials=["S1"]) for _ in range(8)]
    for n, ask in enumerate(asks):
        ask["items"][0]["warehouse_id"] = fresh_shelf.warehouse(f"W{n}")  # type: ignore[index]
    with ThreadPoolExecutor(8) as pool:
        told = Counter(pool.map(lambda ask: asking(fresh_url, "stock_move", ask), asks))
    assert told == {"moved": 1, "serial_in_stock": 7}
    assert await violations_at(fresh_url) == []


async def test_recall_and_picks_at_once_ship_nothing_after_the_recall(fresh_shelf: Shelf, fresh_url: str) -> None:
    milk = fresh_shelf.sku("MILK", tracking="batch")
    fresh_shelf.post("stock_move", **receiving(fresh_shelf, milk, quantity=20, batch={"number": "A"}))
    held = [fresh_shelf.reserve("MILK@GZ 1", minutes=None, reference_type="order")["reservation_id"] for _ in range(12)]

    def recall(_: object) -> str:
        with psycopg.connect(fresh_url, autocommit=True) as connection:
            connection.execute("select stock_judge_batch(id, 'recalled', 'glass', 'me') from batches")
        return "recalled"

    def pick(reservation: str) -> str:
        return asking(fresh_url, "stock_resolve", {"reservation_id": reservation, "action": "consume"})

    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(pick, h) for h in held]
        jobs.insert(6, pool.submit(recall, None))
        told = Counter(job.result() for job in jobs)
    assert told["consumed"] + told["units_not_usable"] == 12
    row = fresh_shelf.connection.execute(
        "select sellable_quantity, unsellable_quantity from inventory_batches where sku_id = %s", [milk]
    ).fetchone()
    assert row == (told["units_not_usable"], 8)
    assert await violations_at(fresh_url) == []
