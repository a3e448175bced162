"""Today: what needs a decision now, and what moves while one looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from holdfast.access.visit import Visit
from holdfast.console.frame import sql
from holdfast.notify import service as notify
from holdfast.notify.model import EVERYONE
from holdfast.web.pictures import Sparkline, sparkline

NOTICES: Final = 4


@dataclass(frozen=True, slots=True)
class Decisions:
    currency: str
    suggestions: int
    cost: Decimal
    suppliers: int
    urgent: int


@dataclass(frozen=True, slots=True)
class RunningOut:
    sku_id: UUID
    code: str
    name: str
    warehouse: str
    days_of_cover: float | None
    lead_time_days: float
    quantity: int
    supplier: str | None
    total: int


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    id: UUID
    number: str
    status: str
    supplier: str
    expected_at: date | None
    days_late: int | None
    cost: Decimal
    currency: str
    unsent_total: int
    late_total: int


@dataclass(frozen=True, slots=True)
class OpenAlert:
    id: UUID
    severity: str
    metric: str
    value: Decimal
    threshold: Decimal
    opened_at: datetime
    sku_id: UUID
    name: str
    warehouse: str
    total: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that did not get through: `kind` email, webhook or plan, how often, and one example."""

    kind: str
    number: int
    example: str | None


@dataclass(frozen=True, slots=True)
class Hour:
    units: int
    orders: int


@dataclass(frozen=True, slots=True)
class Shop:
    available: int
    reserved: int
    in_transit: int
    empty_levels: int
    levels: int


@dataclass(frozen=True, slots=True)
class Notice:
    """One unread entry of the shared inbox, worded in the reader's language; `link` leads to its cause."""

    subject: str
    link: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Floor:
    """What waits: transfers to receive, lines to decide, shortages, batches near their date, orders not as promised."""

    transfers: int
    late_transfers: int
    counted_lines: int
    shortages: int
    expiring: int
    order_alerts: int

    @property
    def is_busy(self) -> bool:
        return bool(self.transfers or self.counted_lines or self.shortages or self.expiring or self.order_alerts)


@dataclass(frozen=True, slots=True)
class TodayView:
    decisions: tuple[Decisions, ...]
    cost: str
    running_out: tuple[RunningOut, ...]
    orders: tuple[WaitingOrder, ...]
    alerts: tuple[OpenAlert, ...]
    failures: tuple[Failure, ...]
    notices: tuple[Notice, ...]
    floor: Floor
    shop: Shop
    sold_units: int
    sold_orders: int
    pulse: Sparkline

    @property
    def pending(self) -> int:
        return sum(d.suggestions for d in self.decisions)

    @property
    def suppliers(self) -> int:
        return sum(d.suppliers for d in self.decisions)

    @property
    def runs_out(self) -> int:
        return self.running_out[0].total if self.running_out else 0

    @property
    def late(self) -> int:
        return self.orders[0].late_total if self.orders else 0

    @property
    def unsent(self) -> int:
        return self.orders[0].unsent_total if self.orders else 0

    @property
    def alert_total(self) -> int:
        return self.alerts[0].total if self.alerts else 0

    @property
    def is_empty(self) -> bool:
        """A shop without a single level: nothing was set up yet."""
        return self.shop.levels == 0


async def today_view(visit: Visit) -> TodayView:
    """Nine statements, whatever the size of the shop."""
    tx = visit.tx
    decisions = tuple(await tx.all(sql.today_decisions, Decisions))
    hours = await tx.all(sql.today_sales, Hour)
    return TodayView(
        decisions=decisions,
        cost=" + ".join(
            visit.formats.money(d.cost, d.currency, whole=True) for d in decisions if d.currency and d.cost
        ),
        running_out=tuple(await tx.all(sql.today_running_out, RunningOut)),
        orders=tuple(await tx.all(sql.today_orders, WaitingOrder)),
        alerts=tuple(await tx.all(sql.today_alerts, OpenAlert)),
        failures=tuple(await tx.all(sql.today_failures, Failure)),
        notices=await _notices(visit),
        floor=await tx.one(sql.today_floor, Floor),
        shop=await tx.one(sql.today_stock, Shop),
        sold_units=sum(h.units for h in hours),
        sold_orders=sum(h.orders for h in hours),
        pulse=sparkline([h.units for h in hours], width=190, height=30),
    )


async def _notices(visit: Visit) -> tuple[Notice, ...]:
    found = await notify.list_notifications(
        visit.tx,
        limit=NOTICES,
        language=visit.shell.language.code,
        channel="inbox",
        recipient=EVERYONE,
        unread=True,
    )
    return tuple(Notice(n.subject, n.link or "/", n.created_at) for n in found[:NOTICES])


async def mark_notices_read(visit: Visit) -> None:
    await notify.mark_all_read(visit.tx)
