"""A small shop to look at: three warehouses, twelve SKUs with ninety days behind them, everything in every state."""

from __future__ import annotations

import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from argon2 import PasswordHasher

EMAIL = "anna@shop.example"
PASSWORD = "correct horse battery"
NAMES = (
    "White hanging heart T-light holder|Home decor",
    "Red retrospot jumbo bag|Bags",
    "Regency cakestand 3 tier|Kitchen",
    "Party bunting|Party",
    "Jam making set with jars|Kitchen",
    "Assorted colour bird ornament|Home decor",
    "Set of 3 cake tins pantry design|Kitchen",
    "Pack of 72 retrospot cake cases|Party",
    "Lunch bag red retrospot|Bags",
    "天然石板心形黑板|家居",
    "Heart of wicker small with a name long enough to need two lines on a telephone|Home decor",
    "<b>Spotty</b> bunting & co|Party",
)


class Shop:
    """Rows made by the owner role; stock itself only through the posting functions."""

    def __init__(self, url: str, *, skus: int = len(NAMES)) -> None:
        self.connection: psycopg.Connection[Any] = psycopg.connect(url, autocommit=True)
        self.random = random.Random(4)  # noqa: S311 - a shop, not a secret
        self.today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self.warehouses = [self._warehouse(*w) for w in (("SH", "Shanghai main", 300), ("CD", "Chengdu regional", 200))]
        self.suppliers = [self._supplier("LUMEN", "Lumen Ltd", 9), self._supplier("HUAYI", "华艺陶瓷", 14)]
        self.skus = [self._sku(n) for n in range(skus)]
        self._history()
        self.suggestions = [self._suggestion(n) for n in range(skus)]
        self.rule = self._one("insert into alert_rules (name, created_by) values ('Low', 'test') returning id")
        for n in range(0, skus, 2):
            self._alert(n)
        self.orders = [self._order(n, *o) for n, o in enumerate((("draft", None), ("sent", -2), ("sent", 5)))]
        self.hold(0, "cart-1")
        self.transfers = [self._transfer(is_shipped=shipped) for shipped in (False, True)]
        self.count = self._count()
        self.batches: list[uuid.UUID] = []
        self.tracked: list[uuid.UUID] = []
        self.units_transfers: list[uuid.UUID] = []
        self.sell(4, 3, "TILL-77")
        self.shortage = self._shortage()
        self._one(
            "insert into notifications (channel, kind, recipient, subject, body, facts, link, status)"
            " values ('inbox', 'order_not_mailed', 'everyone', '', '', %s, '/purchase-orders', 'sent') returning id",
            json.dumps({"number": "PO-00001", "supplier_name": "Lumen Ltd"}),
        )
        self._one(
            "insert into notifications (channel, kind, recipient, subject, body, dedupe_key, status)"
            " values ('email', 'purchase_order', 'lumen@shop.example', 'Purchase order PO-00002', '', %s, 'sent')"
            " returning id",
            f"purchase_order:{self.orders[1]}:1",
        )
        self._one(
            "insert into users (email, name, password_hash, role) values (%s, 'Anna Lind', %s, 'admin') returning id",
            EMAIL,
            PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD),
        )

    def _one(self, statement: str, *values: Any) -> Any:
        row = self.connection.execute(statement, values).fetchone()  # type: ignore[arg-type]
        return row[0] if row else None

    def _warehouse(self, code: str, name: str, priority: int) -> uuid.UUID:
        return self._one(
            "insert into warehouses (code, name, type, priority, time_zone)"
            " values (%s, %s, 'main', %s, 'Asia/Shanghai') returning id",
            code,
            name,
            priority,
        )

    def _supplier(self, code: str, name: str, lead: int) -> uuid.UUID:
        return self._one(
            "insert into suppliers (code, name, email, currency, lead_time_days, lead_time_sd_days)"
            " values (%s, %s, %s, 'GBP', %s, 2) returning id",
            code,
            name,
            f"{code.lower()}@supplier.example",
            lead,
        )

    def _sku(self, n: int) -> uuid.UUID:
        name, category = NAMES[n % len(NAMES)].split("|")
        sku = self._one(
            "insert into skus (code, name, category, price, currency, barcode)"
            " values (%s, %s, %s, 2.95, 'GBP', %s) returning id",
            f"SKU-{n:03d}",
            name,
            category,
            f"40{n:06d}",
        )
        self._one(
            "insert into supplier_items (supplier_id, sku_id, unit_cost, order_multiple, is_preferred)"
            " values (%s, %s, 1.25, 12, true) returning sku_id",
            self.suppliers[n % 2],
            sku,
        )
        return sku

    def _history(self) -> None:
        rows: list[dict[str, Any]] = []
        for n, sku in enumerate(self.skus):
            for m, warehouse in enumerate(self.warehouses):
                daily = 3 + (n * 7 + m * 3) % 20
                rows += self._days(sku, warehouse, daily)
                self.connection.execute(
                    "insert into demand_forecasts (sku_id, warehouse_id, made_at, method, demand_class, daily_mean,"
                    " daily_sd, trend_percent_per_week, protection_days, quantiles, day_variance, level_variance,"
                    " observed_days, bulk_units)"
                    " values (%s, %s, now(), 'test', 'smooth', %s, %s, 0, 16, array[1, 2, 3, 4, 5], %s, 0.5, 90, 0)",
                    [sku, warehouse, daily, daily / 2, daily * daily / 4],
                )
        rows.sort(key=lambda row: row["occurred_at"])
        self.connection.execute("select stock_import_history(%s, 'import')", [json.dumps(rows)])
        for sku in self.skus:
            for warehouse in self.warehouses:
                self.connection.execute(
                    "select stock_set_computed(%s::uuid[], %s::uuid[], array[20], array[120], array[300])",
                    [[sku], [warehouse]],
                )

    def _days(self, sku: uuid.UUID, warehouse: uuid.UUID, daily: int) -> list[dict[str, Any]]:
        level = daily * 30
        place = {"sku_id": str(sku), "warehouse_id": str(warehouse)}
        start = self.today - timedelta(days=91)
        rows = [
            {**place, "movement_type": "in", "quantity": level, "reference_type": "import", "reason": "opening",
             "occurred_at": start.isoformat()}
        ]  # fmt: skip
        for day in range(90, 0, -1):
            sold = max(0, min(level - 60, self.random.randint(0, daily * 2)))  # sixty stay for the tests
            at = self.today - timedelta(days=day, hours=-9)
            if sold:
                rows.append(
                    {**place, "movement_type": "out", "quantity": -sold, "reference_type": "sale",
                     "reference_id": f"ORD-{day}", "reason": "sale", "occurred_at": at.isoformat()}
                )  # fmt: skip
                level -= sold
            if level < daily * 5 and day > 10:
                rows.append(
                    {**place, "movement_type": "in", "quantity": daily * 25, "reference_type": "purchase",
                     "reason": "receipt", "occurred_at": (at + timedelta(hours=1)).isoformat()}
                )  # fmt: skip
                level += daily * 25
        return rows

    def _suggestion(self, n: int) -> uuid.UUID:
        arithmetic = [
            {"key": "expected_demand", "sign": 1, "amount": 160, "facts": {"lead_days": 9, "review_days": 7}},
            {"key": "buffer", "sign": 1, "amount": 40, "facts": {"cycle_service_level": 0.95}},
            {"key": "available", "sign": -1, "amount": 83, "facts": {}},
            {"key": "order_multiple", "sign": 1, "amount": 3, "facts": {"order_multiple": 12, "packs": 10}},
        ]
        urgent = n % 3 == 0
        return self._one(
            "insert into replenishment_suggestions (sku_id, warehouse_id, supplier_id, current_quantity,"
            " suggested_quantity, priority, reason, days_of_cover, lead_time_days, unit_cost, estimated_cost, currency,"
            " arithmetic) values (%s, %s, %s, 83, 120, %s, %s, %s, 9, 1.25, 150, 'GBP', %s) returning id",
            self.skus[n],
            self.warehouses[0],
            self.suppliers[n % 2],
            "urgent" if urgent else "medium",
            "runs_out_before_delivery" if urgent else "below_reorder_point",
            4.2 if urgent else 14,
            json.dumps(arithmetic),
        )

    def _alert(self, n: int) -> None:
        self._one(
            "insert into alerts (rule_id, sku_id, warehouse_id, severity, metric, value, threshold)"
            " values (%s, %s, %s, %s, 'available_quantity', 3, 20) returning id",
            self.rule,
            self.skus[n],
            self.warehouses[0],
            "critical" if n % 4 == 0 else "warning",
        )

    def _order(self, n: int, status: str, due_in: int | None) -> uuid.UUID:
        order = self._one(
            "insert into purchase_orders (supplier_id, warehouse_id, status, currency, expected_at, created_by,"
            " sent_at) values (%s, %s, %s, 'GBP', %s, 'user:anna@shop.example', now()) returning id",
            self.suppliers[n % 2],
            self.warehouses[0],
            status,
            None if due_in is None else (self.today + timedelta(days=due_in)).date(),
        )
        for line, sku in enumerate(self.skus[n : n + 2], start=1):
            coming = 0 if status == "draft" else 48
            self.connection.execute(
                "insert into purchase_order_lines (purchase_order_id, line_no, sku_id, ordered_quantity, open_quantity,"
                " unit_cost) values (%s, %s, %s, 48, %s, 1.25)",
                [order, line, sku, coming],
            )
            if coming:
                lines = [{"sku_id": str(sku), "warehouse_id": str(self.warehouses[0]), "quantity": coming}]
                self.connection.execute("select stock_expect(%s, %s)", [json.dumps(lines), str(order)])
        return order

    def _transfer(self, *, is_shipped: bool) -> uuid.UUID:
        """Ten of each of the last two SKUs on the way to Chengdu, due yesterday; or a draft of them."""
        source, destination = self.warehouses
        transfer = self._one(
            "insert into transfers (from_warehouse_id, to_warehouse_id, status, expected_at, created_by, created_at,"
            " shipped_at) values (%s, %s, %s, %s, 'user:anna@shop.example', now(), %s) returning id",
            source,
            destination,
            "shipped" if is_shipped else "draft",
            (self.today - timedelta(days=1)).date() if is_shipped else None,
            self.today if is_shipped else None,
        )
        items: list[dict[str, Any]] = []
        for line, sku in enumerate(self.skus[-2:], start=1):
            self.connection.execute(
                "insert into transfer_lines (transfer_id, line_no, sku_id, quantity, open_quantity, unit_cost)"
                " values (%s, %s, %s, 10, %s, 1.25)",
                [transfer, line, sku, 10 if is_shipped else 0],
            )
            items.append({"sku_id": str(sku), "warehouse_id": str(source), "quantity": -10})
            items.append({"sku_id": str(sku), "warehouse_id": str(destination), "quantity": 0, "inbound_delta": 10})
        if is_shipped:
            self.post(
                "stock_move", event_type="inventory.transferred", movement_type="transfer", reference_type="transfer",
                reference_id=str(transfer), reason="shipped", items=items,
            )  # fmt: skip
        return transfer

    def _count(self) -> uuid.UUID:
        """Every SKU of Shanghai; of the first one two are missing, the second is exact, the others are left."""
        count = self._one(
            "insert into stock_counts (warehouse_id, created_by, created_at)"
            " values (%s, 'user:anna@shop.example', now()) returning id",
            self.warehouses[0],
        )
        for n, sku in enumerate(self.skus):
            self.connection.execute(
                "insert into stock_count_lines (stock_count_id, sku_id, is_listed) values (%s, %s, true)", [count, sku]
            )
            if n < 2:
                self.connection.execute(
                    "update stock_count_lines l set status = 'counted', count_no = 1,"
                    " counted_quantity = x.sellable - %s, counted_at = now(), counted_by = 'user:anna@shop.example',"
                    " recorded_quantity = x.sellable,"
                    " ledger_at = x.created_at, ledger_seq = x.seq"
                    " from (select m.balance_after - m.unsellable_after as sellable, m.created_at, m.seq"
                    "         from inventory_movements m where m.sku_id = %s and m.warehouse_id = %s"
                    "        order by m.created_at desc, m.seq desc limit 1) x"
                    " where l.stock_count_id = %s and l.sku_id = %s",
                    [2 - 2 * n, sku, self.warehouses[0], count, sku],
                )
        return count

    def add_batches(self) -> None:
        """Milk in two batches, one of them sold to TILL-9 in part, and two numbered cameras. Once per shop."""
        if self.batches:
            return
        insert = "insert into skus (code, name, tracking) values (%s, %s, %s) returning id"
        milk = self._one(insert, "MILK", "Milk, one litre", "batch")
        camera = self._one(insert, "CAM", "Camera", "serial")
        self.tracked = [milk, camera]
        for number, days in (("L-1", 5), ("L-2", 60)):
            batch = {"number": number, "expiry_date": str((self.today + timedelta(days=days)).date())}
            self._receive(milk, 40, batch=batch)
        self._receive(camera, 2, serials=["SN-1", "SN-2"])
        item = {"sku_id": str(milk), "warehouse_id": str(self.warehouses[0]), "quantity": -3}
        self.post(
            "stock_move", event_type="inventory.sold", movement_type="out", reference_type="sale", reason="sale",
            reference_id="TILL-9", items=[item],
        )  # fmt: skip
        rows = self.connection.execute("select id from batches where sku_id = %s order by number", [milk]).fetchall()
        self.batches = [row[0] for row in rows]

    def add_pools(self) -> None:
        """Units of the first SKU for a channel, more than are here for another. Once per shop."""
        if self.value("select count(*) from sales_channels"):
            return
        for code, name, quantity in (("web", "Web shop", 4), ("tmall", "天猫旗舰店", 10_000)):
            channel = self._one(
                "insert into sales_channels (code, name, created_at, created_by) values (%s, %s, now(), 'test')"
                " returning id",
                code,
                name,
            )
            pool = {"sku_id": self.skus[0], "warehouse_id": self.warehouses[0], "channel_id": channel}
            ask = {name: str(value) for name, value in pool.items()} | {"quantity": quantity, "actor": "test"}
            assert self.value("select outcome from stock_set_pool(%s)", json.dumps(ask)) == "pool_changed"

    def add_units_transfers(self) -> None:
        """A draft of tracked SKUs and one that is on its way. Once per shop."""
        if not self.units_transfers:
            self.add_batches()
            self.units_transfers = [self._units_transfer(is_shipped=shipped) for shipped in (False, True)]

    def _units_transfer(self, *, is_shipped: bool) -> uuid.UUID:
        """Two litres and a camera to Chengdu, as a draft or on their way; the shelf in Shanghai is left as it was."""
        transfer = self._one(
            "insert into transfers (from_warehouse_id, to_warehouse_id, status, created_by, created_at, shipped_at)"
            " values (%s, %s, %s, 'user:anna@shop.example', now(), %s) returning id",
            *self.warehouses,
            "shipped" if is_shipped else "draft",
            self.today if is_shipped else None,
        )
        parts = ((self.tracked[0], 2, {"number": "L-5", "expiry_date": "2031-01-01"}, None),)
        for line, (sku, quantity, batch, serials) in enumerate((*parts, (self.tracked[1], 1, None, ["SN-8"])), start=1):
            self.connection.execute(
                "insert into transfer_lines (transfer_id, line_no, sku_id, quantity, open_quantity)"
                " values (%s, %s, %s, %s, %s)",
                [transfer, line, sku, quantity, quantity if is_shipped else 0],
            )
            if is_shipped:
                units = {"batch": batch} if batch else {"serials": serials}
                self._receive(sku, quantity, **units)
                place = {"sku_id": str(sku)}
                items = [
                    {**place, "warehouse_id": str(self.warehouses[0]), "quantity": -quantity, **units},
                    {**place, "warehouse_id": str(self.warehouses[1]), "quantity": 0, "inbound_delta": quantity},
                ]
                self.post(
                    "stock_move", event_type="inventory.transferred", movement_type="transfer",
                    reference_type="transfer", reference_id=str(transfer), reason="shipped", items=items,
                )  # fmt: skip
                self.connection.execute(
                    "insert into transfer_parts (transfer_id, line_no, sku_id, batch_id, serial_number, open_quantity)"
                    " select %s, %s, %s, (select id from batches where sku_id = %s and number = 'L-5'), %s, %s",
                    [transfer, line, sku, sku if batch else None, serials[0] if serials else None, quantity],
                )
        return transfer

    def _receive(self, sku: uuid.UUID, quantity: int, **units: Any) -> None:
        item = {"sku_id": str(sku), "warehouse_id": str(self.warehouses[0]), "quantity": quantity, **units}
        self.post(
            "stock_move", event_type="inventory.received", movement_type="in", reference_type="receipt",
            reason="received", items=[item],
        )  # fmt: skip

    def hold(self, n: int, reference: str, quantity: int = 2, *, place: int = 0) -> None:
        sku = self.skus[n % len(self.skus)]
        item = {"sku_id": str(sku), "warehouse_id": str(self.warehouses[place]), "quantity": quantity}
        self.post("stock_reserve", reference_type="cart", reference_id=reference, minutes=30, items=[item])

    def _shortage(self) -> uuid.UUID:
        """Of the sixth SKU all but one unit are promised, and three are missing."""
        level = "select available_quantity from inventory where sku_id = %s and warehouse_id = %s"
        self.hold(5, "order-5", self._one(level, self.skus[5 % len(self.skus)], self.warehouses[1]) - 1, place=1)
        return self._one(
            "insert into shortage_cases (sku_id, warehouse_id, cause, change, missing_quantity, reason, opened_by,"
            " opened_at) values (%s, %s, 'adjustment', -4, 3, 'lost', 'user:anna@shop.example', now()) returning id",
            self.skus[5 % len(self.skus)],
            self.warehouses[1],
        )

    def sell(self, n: int, quantity: int, reference: str | None = None) -> None:
        sku = self.skus[n % len(self.skus)]
        item = {"sku_id": str(sku), "warehouse_id": str(self.warehouses[0]), "quantity": -quantity}
        self.post(
            "stock_move", event_type="inventory.sold", movement_type="out", reference_type="sale", reason="sale",
            reference_id=reference, items=[item],
        )  # fmt: skip

    def post(self, function: str, **request: Any) -> None:
        ask = [{"n": 0, "principal_id": str(uuid.uuid4()), "actor": "test", **request}]
        row = self.connection.execute(f"select outcome from {function}(%s)", [json.dumps(ask)]).fetchone()  # type: ignore[arg-type]
        assert row is not None
        assert row[0] in ("reserved", "moved"), row

    def value(self, statement: str, *values: Any) -> Any:
        """One value from the database, to see what a page did."""
        return self._one(statement, *values)

    def close(self) -> None:
        self.connection.close()
