"""The invented past as rows: entries of the ledger, demand of the same days, orders still on their way. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from holdfast.demand import DemandHistory, OrderingDemand, forecast_demand, without_unsold_start
from holdfast.demo.past import LEDGER_DAYS, LOOK_BACK_DAYS, Buying, Delivery, Past, Whole, live_through
from holdfast.demo.records import WAREHOUSE_CODES, Demand, Product
from holdfast.demo.shop import SUPPLIERS, Terms, terms_of
from holdfast.replenishment import UNSET, Mode, compute_levels
from holdfast.replenishment import Terms as PlanTerms

# Entries posted in one transaction: about a second of work, so a stopped load loses no more than that.
ENTRIES_PER_GROUP = 6000
SEED = 20111209
# Of every so many orders the supplier cuts the first lines short.
CUT_ORDER_EVERY = 9
CUT_LINES = 2


@dataclass(frozen=True, slots=True)
class Level:
    """A (SKU, warehouse) of the demo with its ids."""

    sku_id: UUID
    warehouse_id: UUID


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order on its way when the demo begins: supplier and warehouse codes, (level number, quantity) lines."""

    supplier: str
    warehouse: str
    expected_on: date
    lines: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class PastOrder:
    """An order that has arrived: (level number, units that came, units the supplier did not have) lines."""

    id: UUID
    supplier: str
    ordered_at: datetime
    promised_on: date
    arrived_at: datetime
    lines: list[tuple[int, int, int]]


@dataclass(slots=True)
class Group:
    """What is posted in one transaction, and the number of the last level in it."""

    entries: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    last_level: int = 0


class Story:
    """The lived past of every level, ready to be written down; day 0 is ``LEDGER_DAYS`` before today."""

    def __init__(self, demand: Demand, products: list[Product], last_day: date) -> None:
        self.demand = demand
        self.last_day = last_day
        of = {product.code: product for product in products}
        self.terms: list[Terms] = [terms_of(code, of[code].name, of[code].price) for code, _ in demand.levels]
        buying = _buying(demand, self.terms)
        seen = demand.units[:, -LEDGER_DAYS - LOOK_BACK_DAYS :]
        self.past: Past = live_through(seen, buying, _planned(demand, self.terms, buying), seed=SEED)
        self._arrived: dict[int, list[tuple[int, Delivery, int]]] = {}
        for number, delivery in enumerate(self.past.deliveries):
            for at, level in enumerate(delivery.levels.tolist()):
                self._arrived.setdefault(level, []).append((number, delivery, int(delivery.quantities[at])))

    def day(self, number: int) -> date:
        return self.last_day - timedelta(days=LEDGER_DAYS - 1 - number)

    def groups(self, levels: dict[int, Level]) -> Iterator[Group]:
        """Ledger entries of the given levels in groups; a level's entries are never split."""
        group = Group()
        for number, level in levels.items():
            group.entries += self.entries(number, level)
            group.last_level = number
            if len(group.entries) >= ENTRIES_PER_GROUP:
                yield group
                group = Group()
        if group.entries:
            yield group

    def entries(self, number: int, level: Level) -> list[dict[str, Any]]:
        """What happened to one level, as ``stock_import_history`` takes it."""
        found: list[dict[str, Any]] = []
        past, supplier = self.past, self.terms[number].supplier
        cost = str(self.terms[number].unit_cost)

        def add(day: int, at: time, kind: str, quantity: int, reference: tuple[str, str, str]) -> None:
            reference_type, reference_id, reason = reference
            found.append(
                {
                    "sku_id": level.sku_id,
                    "warehouse_id": level.warehouse_id,
                    "movement_type": kind,
                    "quantity": quantity,
                    "reference_type": reference_type,
                    "reference_id": reference_id,
                    "reason": reason,
                    "unit_cost": cost,
                    "occurred_at": datetime.combine(self.day(day), at, UTC),
                }
            )

        if past.opening[number] > 0:
            add(0, time(6), "in", int(past.opening[number]), ("import", "opening", "opening stock"))
        for order, delivery, quantity in self._arrived.get(number, []):
            if delivery.arrives_on < LEDGER_DAYS:
                at = time(7, order % 60)
                add(
                    delivery.arrives_on,
                    at,
                    "in",
                    quantity,
                    ("purchase", str(self.order_id(order)), f"received from {supplier.name}"),
                )
        for day in np.flatnonzero(past.launches[number]).tolist():
            add(day, time(7, 30), "in", int(past.launches[number, day]), ("purchase", "launch", "first delivery"))
        for day in np.flatnonzero(past.to_order[number]).tolist():
            add(
                day, time(8), "in", int(past.to_order[number, day]), ("purchase", "to order", "bought for one customer")
            )
        for day in np.flatnonzero(past.sold[number]).tolist():
            minute = (number * 37 + day * 101) % 600
            at = time(9 + minute // 60, minute % 60)
            add(day, at, "out", -int(past.sold[number, day]), ("sale", f"{self.day(day):%Y-%m-%d}", "sold that day"))
        return found

    def order_id(self, number: int) -> UUID:
        """Of an order of the past: the same in every run, and in the order of time as every id."""
        made = datetime.combine(self.day(self.past.deliveries[number].ordered_on), time(10, number % 60), UTC)
        milliseconds = int(made.timestamp() * 1000)
        return UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | number)

    def past_orders(self) -> Iterator[PastOrder]:
        """What arrived within the ledger, in the order it was ordered. Now and then a supplier cuts a line short.

        What arrived and when is what the ledger says; what was missing was asked for on top and never came.
        """
        for number, delivery in enumerate(self.past.deliveries):
            if delivery.arrives_on >= LEDGER_DAYS:
                continue
            supplier = SUPPLIERS[delivery.supplier]
            ordered_on = self.day(delivery.ordered_on)
            levels: list[int] = delivery.levels.tolist()
            quantities: list[int] = delivery.quantities.tolist()
            lines = [
                (level, quantity, self.terms[level].order_multiple if self._is_cut(number, at) else 0)
                for at, (level, quantity) in enumerate(zip(levels, quantities, strict=True))
            ]
            yield PastOrder(
                id=self.order_id(number),
                supplier=supplier.code,
                ordered_at=datetime.combine(ordered_on, time(10, number % 60), UTC),
                promised_on=ordered_on + timedelta(days=math.ceil(supplier.lead_time_days)),
                arrived_at=datetime.combine(self.day(delivery.arrives_on), time(7, number % 60), UTC),
                lines=lines,
            )

    @staticmethod
    def _is_cut(order: int, line: int) -> bool:
        return order % CUT_ORDER_EVERY == 0 and line < CUT_LINES

    def short_days(self, levels: dict[int, Level]) -> Iterator[tuple[UUID, UUID, date, int, int, bool]]:
        """(sku, warehouse, day, units sold, 1 if any, not observed) of days on which more was wanted than was there."""
        for number, level in levels.items():
            for day in np.flatnonzero(self.past.short[number]).tolist():
                sold = int(self.past.sold[number, day])
                yield (level.sku_id, level.warehouse_id, self.day(day), sold, min(sold, 1), False)

    def open_orders(self) -> list[OpenOrder]:
        """What was ordered and had not arrived yesterday."""
        return [
            OpenOrder(
                SUPPLIERS[order.supplier].code,
                WAREHOUSE_CODES[order.warehouse],
                self.day(order.arrives_on),
                list(zip(order.levels.tolist(), order.quantities.tolist(), strict=True)),
            )
            for order in self.past.deliveries
            if order.arrives_on >= LEDGER_DAYS
        ]


def _planned(demand: Demand, terms: list[Terms], buying: Buying) -> tuple[Whole, Whole]:
    """Reorder point and order-up-to level of every level, as Holdfast plans them under the policy it starts with."""
    count = len(terms)
    unset = np.full(count, UNSET, np.int64)
    planned = PlanTerms(
        mode=np.full(count, Mode.AUTO, np.int8),
        lead_days=buying.lead_days,
        lead_days_sd=buying.lead_sd_days,
        review_days=np.full(count, 7.0),
        cycle_service_level=np.full(count, 0.95),
        order_cost=np.full(count, 2.0),
        holding_rate_per_year=np.full(count, 0.25),
        unit_cost=np.array([float(t.unit_cost) for t in terms], np.float64),
        moq=buying.moq,
        order_multiple=buying.order_multiple,
        manual_reorder_point=unset,
        manual_safety_stock=unset,
        max_stock=unset,
    )
    observed = without_unsold_start(demand.units, np.ones(demand.units.shape, np.bool_))
    forecast = forecast_demand(DemandHistory(demand.units, observed), planned.protection_days, OrderingDemand())
    levels = compute_levels(forecast, planned)
    return levels.reorder_point, levels.order_up_to


def _buying(demand: Demand, terms: list[Terms]) -> Buying:
    number_of = {supplier.code: n for n, supplier in enumerate(SUPPLIERS)}
    return Buying(
        supplier=np.array([number_of[t.supplier.code] for t in terms], np.int64),
        warehouse=np.array([WAREHOUSE_CODES.index(warehouse) for _, warehouse in demand.levels], np.int64),
        lead_days=np.array([t.supplier.lead_time_days for t in terms], np.float64),
        lead_sd_days=np.array([t.supplier.lead_time_sd_days for t in terms], np.float64),
        moq=np.array([t.moq for t in terms], np.int64),
        order_multiple=np.array([t.order_multiple for t in terms], np.int64),
        review_weekday=np.array([t.supplier.review_weekday for t in terms], np.int64),
    )
