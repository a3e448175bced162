"""The stages of loading the demo shop. Imported only when there is something to load."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb
from rich.progress import Progress

from holdfast.access import people
from holdfast.catalog.importing import create_many
from holdfast.db import Database, Tx
from holdfast.demand import service as demand
from holdfast.demo import DEMO_EMAIL
from holdfast.demo.ledger import Level, Story
from holdfast.demo.load import Done, sql
from holdfast.demo.past import LEDGER_DAYS
from holdfast.demo.records import WAREHOUSE_CODES, Product, Records
from holdfast.demo.shop import (
    ACTOR,
    CURRENCY,
    ORDER_LIMITS,
    SUPPLIERS,
    WAREHOUSES,
    category_of,
    shown_name,
    terms_of,
    volume_of,
)
from holdfast.purchasing import service as purchasing
from holdfast.purchasing import suppliers
from holdfast.purchasing.keeping import learn_supplier
from holdfast.purchasing.model import DraftLine
from holdfast.replenishment.order_limits import put_order_limit
from holdfast.warehouses.service import create_warehouse

# Days of demand the story of the shop is told from.
STORY_DAYS = 365
# Not sold for a year: taken out of the range.
ARCHIVED_AFTER_DAYS = 365


class Loading:
    """One run of the load."""

    def __init__(self, database: Database, bar: Progress, done: Done) -> None:
        self._database = database
        self._bar = bar
        self._task = bar.add_task("reading two years of orders", total=100)
        self._done = done

    async def run(self) -> None:
        with Records() as records:
            products = records.products()
            self._tell("living through four months", 5)
            story = Story(records.demand(STORY_DAYS), products, self._done.last_day)
            self._tell("products and suppliers", 10)
            async with self._stage("shop") as tx:
                if tx is not None:
                    await _write_shop(tx, products)
            levels = await self._levels(story)
            self._tell("two years of demand", 15)
            async with self._stage("demand") as tx:
                if tx is not None:
                    await self._write_demand(tx, records, story, levels)
        self._tell("the ledger of four months", 45)
        await self._write_ledger(story, levels)
        self._tell("orders of four months", 92)
        async with self._stage("past orders") as tx:
            if tx is not None:
                await _write_past_orders(tx, story, levels)
        self._tell("orders on their way", 95)
        async with self._stage("orders") as tx:
            if tx is not None:
                await _write_orders(tx, story, levels)
                await _write_limits(tx, levels, story.demand.levels)
        self._tell("the demo shop is ready", 100)

    def _tell(self, doing: str, percent: float) -> None:
        self._bar.update(self._task, description=doing, completed=percent)

    @asynccontextmanager
    async def _stage(self, name: str) -> AsyncGenerator[Tx | None]:
        """The transaction of a stage, noted as done when it commits; None when it was done before."""
        if name in self._done.stages:
            yield None
            return
        async with self._database.transaction() as tx:
            yield tx
            self._done = replace(self._done, stages=(*self._done.stages, name))
            await tx.run(sql.write_progress, value=Jsonb(msgspec.to_builtins(self._done)))

    async def _levels(self, story: Story) -> dict[int, Level]:
        """The ids of every level of the story, by its number."""
        async with self._database.transaction() as tx:
            rows = await tx.dicts(sql.list_level_ids, warehouses=list(WAREHOUSE_CODES))
        ids = {(row["sku"], row["warehouse"]): Level(row["sku_id"], row["warehouse_id"]) for row in rows}
        return {number: ids[level] for number, level in enumerate(story.demand.levels)}

    async def _write_demand(self, tx: Tx, records: Records, story: Story, levels: dict[int, Level]) -> None:
        ids = {story.demand.levels[n]: (level.sku_id, level.warehouse_id) for n, level in levels.items()}
        for block, share in records.old_demand(ids, last_day=story.last_day, before=LEDGER_DAYS):
            async with tx.connection.cursor().copy(sql.copy_demand.text) as copy:
                await copy.write(block)
            self._tell("two years of demand", 15 + 25 * share)
        async with tx.connection.cursor().copy(sql.copy_short_days.text) as copy:
            for row in story.short_days(levels):
                await copy.write((",".join(str(cell) for cell in row) + "\n").encode())

    async def _write_ledger(self, story: Story, levels: dict[int, Level]) -> None:
        """In groups of their own transactions: levels that already have entries were written before."""
        if "ledger" in self._done.stages:
            return
        async with self._database.transaction() as tx:
            written = {Level(row["sku_id"], row["warehouse_id"]) for row in await tx.dicts(sql.levels_with_entries)}
        left = {number: level for number, level in levels.items() if level not in written}
        for group in story.groups(left):
            async with self._database.transaction() as tx:
                await tx.run(sql.import_history, rows=msgspec.json.encode(group.entries).decode(), actor=ACTOR)
            self._tell("the ledger of four months", 45 + 47 * group.last_level / len(levels))
        async with self._stage("ledger") as tx:
            assert tx is not None
            await demand.refresh(tx)


async def _write_shop(tx: Tx, products: list[Product]) -> None:
    main: UUID | None = None
    for warehouse in WAREHOUSES:
        made = await create_warehouse(tx, actor=ACTOR, parent_id=main, is_active=True, **warehouse)
        main = main or made.id
    skus = await create_many(
        tx,
        [
            {
                "code": product.code,
                "name": shown_name(product.name),
                "category": category_of(product.name),
                "price": str(product.price),
                "currency": CURRENCY,
                "archived": product.last_sold < -ARCHIVED_AFTER_DAYS,
            }
            for product in products
        ],
        actor=ACTOR,
        reference="demo",
    )
    await _write_suppliers(tx, products, skus)
    await people.add_person(tx, email=DEMO_EMAIL, name="Demo", role="admin")


async def _write_suppliers(tx: Tx, products: list[Product], skus: dict[str, UUID]) -> None:
    for supplier in SUPPLIERS:
        made = await suppliers.create_supplier(
            tx,
            actor=ACTOR,
            code=supplier.code,
            name=supplier.name,
            email=supplier.email,
            language=supplier.language,
            currency=CURRENCY,
            lead_time_days=supplier.lead_time_days,
            lead_time_sd_days=supplier.lead_time_sd_days,
            minimum_order_value=supplier.minimum_order_value,
            truck_volume_l=supplier.truck_volume_l,
            over_receipt_share=0,
        )
        terms = {p.code: terms_of(p.code, p.name, p.price) for p in products}
        items = [
            {
                "sku_id": skus[code],
                "unit_cost": term.unit_cost,
                "moq": term.moq,
                "order_multiple": term.order_multiple,
                "is_preferred": True,
                "pack_size": term.order_multiple,
                "pack_volume_l": volume_of(code, term),
            }
            for code, term in terms.items()
            if term.supplier is supplier
        ]
        await suppliers.put_items(tx, made.id, items, actor=ACTOR)


async def _write_past_orders(tx: Tx, story: Story, levels: dict[int, Level]) -> None:
    """What was ordered and has arrived, as the services would have left it; then what it teaches about lead times."""
    for order in story.past_orders():
        lines = [
            {
                "sku_id": levels[level].sku_id,
                "came": came,
                "missing": missing,
                "unit_cost": str(story.terms[level].unit_cost),
            }
            for level, came, missing in order.lines
        ]
        await tx.run(
            sql.write_past_order,
            id=order.id,
            supplier=order.supplier,
            warehouse_id=levels[order.lines[0][0]].warehouse_id,
            currency=CURRENCY,
            ordered_at=order.ordered_at,
            promised_on=order.promised_on,
            arrived_at=order.arrived_at,
            actor=ACTOR,
            lines=msgspec.json.encode(lines).decode(),
        )
    for supplier in await suppliers.list_suppliers(tx, limit=len(SUPPLIERS)):
        await learn_supplier(tx, supplier.id)


async def _write_orders(tx: Tx, story: Story, levels: dict[int, Level]) -> None:
    """What the buyer of the past had ordered and not yet received goes out now, as real orders by e-mail."""
    known = {supplier.code: supplier.id for supplier in await suppliers.list_suppliers(tx, limit=len(SUPPLIERS))}
    for order in story.open_orders():
        lines = [DraftLine(levels[number].sku_id, quantity, None, None) for number, quantity in order.lines]
        made = await purchasing.create_order(
            tx,
            supplier_id=known[order.supplier],
            warehouse_id=levels[order.lines[0][0]].warehouse_id,
            lines=lines,
            expected_at=order.expected_on,
            note="",
            actor=ACTOR,
        )
        await purchasing.send(tx, made.order.id, actor=ACTOR, accept_terms_broken=True, limit_reason="ordered so")


async def _write_limits(tx: Tx, levels: dict[int, Level], demand_levels: list[tuple[str, str]]) -> None:
    """What may still be ordered this month and, into the London stockroom, this week: less than will be suggested."""
    places = {place: levels[number].warehouse_id for number, (_, place) in enumerate(demand_levels)}
    for code, room, limit in ORDER_LIMITS:
        scope = {"supplier_id": None, "warehouse_id": None if code is None else places[code], **limit}
        made = await put_order_limit(tx, actor=ACTOR, most=Decimal(0), **scope)
        most = (made.used / 100).to_integral_value() * 100 + room
        await put_order_limit(tx, actor=ACTOR, most=most, **scope)
