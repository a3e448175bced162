"""A running installation in this process: the API without a socket, and its jobs run one by one."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2

from holdfast.app import Application
from holdfast.db import Database
from holdfast.jobs import Work
from holdfast.settings import Settings

TOKEN = "house-token"


class House:
    """Speaks to the API as an administrator; SKUs, warehouses and suppliers are made on first use by their code."""

    def __init__(self, client: httpx2.AsyncClient, application: Application) -> None:
        self.client = client
        self.application = application
        self.tag = uuid.uuid4().hex[:8]
        self.ids: dict[str, str] = {}

    @property
    def database(self) -> Database:
        return self.application.database

    @property
    def work(self) -> Work:
        return Work(self.database, self.application.settings)

    def with_settings(self, **settings: Any) -> Work:
        return Work(self.database, replace(self.application.settings, **settings))

    async def call(self, method: str, path: str, *, expect: int | None = None, **options: Any) -> Any:
        answer = await self.client.request(method, f"/api/v1{path}", **options)
        assert expect is None or answer.status_code == expect, (answer.status_code, answer.text)
        return answer.json() if answer.content else None

    async def post(self, path: str, body: Any = None, *, expect: int = 201, **options: Any) -> Any:
        return await self.call("POST", path, json=body, expect=expect, **options)

    async def get(self, path: str, **params: Any) -> Any:
        return await self.call("GET", path, params=params, expect=200)

    async def sku(self, code: str, **fields: Any) -> str:
        return await self._made("skus", code, {"name": f"{code} name", **fields})

    async def warehouse(self, code: str, **fields: Any) -> str:
        return await self._made("warehouses", code, {"name": f"{code} house", "type": "main", **fields})

    async def supplier(self, code: str, **fields: Any) -> str:
        return await self._made(
            "suppliers", code, {"name": f"{code} Ltd", "email": f"{code.lower()}@example.org", **fields}
        )

    async def _made(self, kind: str, code: str, body: dict[str, Any]) -> str:
        key = f"{kind}:{code}"
        if key not in self.ids:
            self.ids[key] = (await self.post(f"/{kind}", {"code": f"{code}-{self.tag}", **body}))["id"]
        return self.ids[key]

    async def stock(self, sku: str, warehouse: str, quantity: int) -> None:
        items = [{"sku_id": await self.sku(sku), "quantity": quantity}]
        await self.post("/inventory/receipts", {"warehouse_id": await self.warehouse(warehouse), "items": items})

    async def sell(self, sku: str, warehouse: str, quantity: int) -> None:
        items = [{"sku_id": await self.sku(sku), "quantity": quantity}]
        await self.post("/inventory/sales", {"warehouse_id": await self.warehouse(warehouse), "items": items})

    async def level(self, sku: str, warehouse: str) -> str:
        """``available=3 in_transit=10``."""
        found = await self.get("/inventory", sku_id=await self.sku(sku), warehouse_id=await self.warehouse(warehouse))
        if not found["inventories"]:
            return "available=0 in_transit=0"
        level = found["inventories"][0]
        return f"available={level['available_quantity']} in_transit={level['in_transit_quantity']}"


@asynccontextmanager
async def open_house(url: str, **settings: Any) -> AsyncIterator[House]:
    ours: dict[str, Any] = {"redis_url": os.environ.get("INVENTORY_REDIS_URL", ""), **settings}
    application = Application(Settings(db_url=url, bootstrap_token=TOKEN, secret="a secret of tests", **ours))
    async with application.lifespan(application.pages):
        transport = httpx2.ASGITransport(application)
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://house", headers=headers) as client:
            yield House(client, application)
