"""The demo's buyer and its suppliers: orders go out, are confirmed and arrive, in minutes instead of weeks."""

from __future__ import annotations

import asyncio
import random
import re
from collections import defaultdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

from holdfast.demo.client import Client
from holdfast.demo.mailbox import read_letter

# One day of a supplier's lead time.
DAY_SECONDS = 30.0
LOOK_SECONDS = 5.0
CONFIRMED_AFTER_SECONDS = 8.0
DELIVERED_IN_PARTS = 0.25
FIRST_PART = 0.6

# The buyer takes a little at a time, so that there is always something left to decide for the person watching.
BUYER_SECONDS = 120.0
BUYER_LINES_MAX = 15

_NUMBER = re.compile(r"PO-\d+")


class Buyer:
    """Approves the most urgent suggestions of one supplier at a time and sends the order."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def buy_on(self) -> None:
        while True:
            await asyncio.sleep(BUYER_SECONDS)
            await self.buy_once()

    async def buy_once(self) -> str | None:
        """The number of the order that was sent, if one was."""
        found = await self._client.read("/replenishment/suggestions", status="pending", limit=200)
        groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for one in found.get("suggestions", []):
            if one["supplier_id"]:
                groups[one["supplier_id"], one["warehouse_id"]].append(one["id"])
        if not groups:
            return None
        (supplier, warehouse), ids = max(groups.items(), key=lambda group: len(group[1]))
        await self._client.write("POST", "/replenishment/suggestions:approve", {"ids": ids[:BUYER_LINES_MAX]})
        drafts = await self._client.read(
            "/purchase-orders", status="draft", supplier_id=supplier, warehouse_id=warehouse, limit=1
        )
        for draft in drafts.get("purchase_orders", []):
            # Below the supplier's minimum the draft waits for more lines, and beyond the budget for the next month.
            path = f"/purchase-orders/{draft['id']}/send"
            status, order = await self._client.write("POST", path)
            broken = {str(e.get("code")) for e in order.get("errors", [])} if status == 409 else set[str]()
            if broken and broken <= {"over_truck_volume", "over_truck_weight"}:
                status, order = await self._client.write("POST", path, {"limit_reason": "two trucks"})
            return str(order["number"]) if status == 200 else None
        return None


class Suppliers:
    """All suppliers: they read their mail, confirm, and deliver, now and then in two parts.

    ``mail`` is the demo's mailbox; None when the installation has a mail server of its own, whose mail we cannot read.
    """

    def __init__(self, client: Client, mail: Path | None, chance: random.Random) -> None:
        self._client = client
        self._mail = mail
        self._chance = chance
        self._ordered: set[str] = set()
        self._read: set[str] = set()
        self._due: dict[str, float] = {}

    async def deliver_on(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Do what is due now."""
        if self._mail is not None:
            await asyncio.to_thread(self._read_mail, self._mail)
        now = asyncio.get_running_loop().time()
        for status in ("sent", "confirmed", "partly_received"):
            found = await self._client.read("/purchase-orders", status=status, limit=200)
            for order in found.get("purchase_orders", []):
                if self._mail is None or order["number"] in self._ordered or status != "sent":
                    await self._attend(order, status, now)

    async def _attend(self, order: dict[str, Any], status: str, now: float) -> None:
        due = self._due.setdefault(f"{order['id']} {status}", now + self._waits(order, status))
        if due > now:
            return
        if status == "sent":
            await self._client.write("POST", f"/purchase-orders/{order['id']}/confirm", {})
            return
        body: dict[str, Any] = {"reference": f"{order['number']}-{status}"}
        if status == "confirmed" and self._chance.random() < DELIVERED_IN_PARTS:
            body["items"] = await self._first_part(order["id"])
        if body.get("items") != []:
            await self._client.write("POST", f"/purchase-orders/{order['id']}/receive", body)

    async def _first_part(self, order_id: str) -> list[dict[str, Any]]:
        detail = await self._client.read(f"/purchase-orders/{order_id}")
        return [
            {"sku_id": line["sku_id"], "line_no": line["line_no"], "quantity": quantity}
            for line in detail.get("items", [])
            if (quantity := int(line["open_quantity"] * FIRST_PART))
        ]

    def _waits(self, order: dict[str, Any], status: str) -> float:
        if status == "sent":
            return CONFIRMED_AFTER_SECONDS
        if status == "partly_received":
            return 3 * DAY_SECONDS
        expected, sent = order.get("expected_at"), order.get("sent_at")
        days = (date.fromisoformat(expected) - datetime.fromisoformat(sent).date()).days if expected and sent else 7
        return max(days, 1) * DAY_SECONDS

    def _read_mail(self, folder: Path) -> None:
        for file in folder.glob("*.eml"):
            if file.stem not in self._read:
                self._read.add(file.stem)
                letter = read_letter(folder, file.stem)
                self._ordered |= set(_NUMBER.findall(letter.subject)) if letter else set()
