"""What stock is worth, now or on a day of the past."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed, Visit
from holdfast.stock import valuation
from holdfast.stock.named_units import is_day
from holdfast.stock.valuation import Method, Total
from holdfast.web.address import Address

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@dataclass(frozen=True, slots=True)
class ValueView:
    """Totals per currency, and within it per warehouse and per category; `day` is empty for now."""

    address: Address
    as_of: datetime
    day: str
    method: Method
    totals: tuple[Total, ...]
    by_warehouse: tuple[Total, ...]
    by_category: tuple[Total, ...]
    csv_path: str

    @property
    def unvalued(self) -> int:
        return sum(t.quantity - t.valued_quantity for t in self.totals)

    def whole(self, currency: str | None) -> Decimal:
        return next((t.value for t in self.totals if t.currency == currency), Decimal())


@router.get("/value")
async def value(visit: Signed) -> Response:
    return visit.page("stock/value.html", await _view(visit), active="network", block="results")


@router.get("/value.csv")
async def value_csv(visit: Signed) -> Response:
    method, day, moment = await _asked(visit)
    values = await valuation.list_values(visit.tx, as_of=moment if day else None, method=method)
    name = f'attachment; filename="valuation-{moment:%Y-%m-%d}-{method}.csv"'
    headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
    return Response(valuation.csv_text(values), headers=headers, media_type="text/csv; charset=utf-8")


async def _view(visit: Visit) -> ValueView:
    """Two statements."""
    method, day, moment = await _asked(visit)
    totals = await valuation.list_totals(visit.tx, as_of=moment if day else None, method=method)
    address = Address.of("/value", day=day, method="" if method == "average" else method)
    return ValueView(
        address=address,
        as_of=moment,
        day=day,
        method=method,
        totals=tuple(t for t in totals if not t.by_warehouse and not t.by_category),
        by_warehouse=tuple(t for t in totals if t.by_warehouse),
        by_category=tuple(t for t in totals if t.by_category),
        csv_path=str(Address("/value.csv", address.query)),
    )


async def _asked(visit: Visit) -> tuple[Method, str, datetime]:
    """Method, day and instant: the value of a day is that at its end, by the time zone the console shows."""
    method: Method = "fifo" if visit.asked("method") == "fifo" else "average"
    day, now = visit.asked("day"), await valuation.now(visit.tx)
    if not is_day(day):
        return method, "", now
    end = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), visit.shell.time_zone)
    return method, day, min(end, now)
