"""How long ten thousand units with serial numbers take through the API: in, held, picked.

    python -m bench.serials [--units 10000]

One process, embedded PostgreSQL with fsync on; prints seconds per call, the best of three.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import httpx2

from holdfast.app import Application
from holdfast.db.embedded import EmbeddedServer
from holdfast.db.migrate import migrate
from holdfast.settings import Settings

TOKEN = "bench"


async def timed(client: httpx2.AsyncClient, path: str, body: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    answer = await client.post(f"/api/v1{path}", json=body)
    assert answer.status_code < 300, answer.text
    return time.perf_counter() - start, answer.json()


async def run(url: str, units: int) -> dict[str, float]:
    application = Application(Settings(db_url=url, bootstrap_token=TOKEN, secret="bench"))
    best: dict[str, float] = {}
    async with application.lifespan(application.pages):
        transport = httpx2.ASGITransport(application)
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://bench", headers=headers, timeout=60
        ) as client:
            place = (await timed(client, "/warehouses", {"code": "W", "name": "W", "type": "main"}))[1]["id"]
            for _ in range(3):
                tag = uuid.uuid4().hex[:6]
                sku = (await timed(client, "/skus", {"code": tag, "name": tag, "tracking": "serial"}))[1]["id"]
                line = {"sku_id": sku, "quantity": units}
                numbers = [f"{tag}-{n:08}" for n in range(units)]
                receipt = {"warehouse_id": place, "items": [{**line, "serials": numbers}]}
                hold = {"items": [{**line, "warehouse_id": place}], "reference_type": "order", "reference_id": tag}
                seconds = {"receive": (await timed(client, "/inventory/receipts", receipt))[0]}
                seconds["hold"], held = await timed(client, "/inventory/reservations", hold)
                path = f"/inventory/reservations/{held['reservation_id']}/consume"
                seconds["pick"] = (await timed(client, path, {}))[0]
                best = {verb: min(taken, best.get(verb, taken)) for verb, taken in seconds.items()}
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=10_000)
    units: int = parser.parse_args().units
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "data")
        server.start()
        try:
            migrate(server.url())
            for verb, seconds in asyncio.run(run(server.url(), units)).items():
                print(f"{verb:8} {units:,} units: {seconds:.3f} s")
        finally:
            server.stop("immediate")


if __name__ == "__main__":
    main()
