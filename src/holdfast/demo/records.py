"""The real orders behind the demo, read with DuckDB and moved to our warehouses and to days up to yesterday."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.resources import as_file, files
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import UUID

import duckdb
import numpy as np
from numpy.typing import NDArray

from holdfast.demo.shop import CONTINENT, HOME, LOCAL, LONDON_SHARE, MAIN, REGIONAL, WAREHOUSES

LAST_REAL_DAY = date(2011, 12, 9)

# Days are numbered from 0 = the last one backwards (-1, -2, …), so nothing here depends on today.
# The home market is shared by order lines, rounded up or down by a hash of SKU and day: the same split every time, and
# a day with one line goes to one place whole.
_PLACED = """
create table placed as
with home as (
    select day, sku, quantity, orders,
           floor(orders * {share} + (md5_number_lower(sku || day) % 1000000) / 1000000.0)::bigint as london_orders
      from (select date_diff('day', date '{last}', date::date)::integer as day, sku, quantity::bigint as quantity,
                   greatest(orders, 1)::bigint as orders, location from '{demand}')
     where location = '{home}'
), shared as (
    select *, case london_orders when 0 then 0 when orders then quantity
                   else least(greatest(round(quantity * london_orders / orders)::bigint, london_orders),
                              quantity - (orders - london_orders)) end as london_quantity
      from home
), split as (
    select day, sku, '{local}' as warehouse, london_quantity as quantity, london_orders as orders from shared
    union all
    select day, sku, '{main}', quantity - london_quantity, orders - london_orders from shared
    union all
    select date_diff('day', date '{last}', date::date)::integer, sku,
           case when location in ({continent}) then '{regional}' else '{main}' end, quantity, greatest(orders, 1)
      from '{demand}' where location <> '{home}'
)
select day, sku, warehouse, sum(quantity)::bigint as quantity, sum(orders)::integer as orders
  from split where quantity > 0 group by all
"""

_PRODUCTS = """
select sku, name, coalesce(median(price) filter (where location = '{home}' and date > date '{last}' - 365),
                           median(price))::double as price,
       max(date_diff('day', date '{last}', date::date))::integer as last_sold
  from '{demand}' join '{names}' using (sku)
 group by sku, name order by sku
"""

# In the order of the table's key, which PostgreSQL then fills without searching.
_OLD_DEMAND = """
copy (select i.sku_id, i.warehouse_id, (date '{last_day}' + p.day)::date, p.quantity, p.orders
        from placed p
        join read_csv('{ids}', header = false, all_varchar = true,
                      names = ['sku', 'warehouse', 'sku_id', 'warehouse_id']) i using (sku, warehouse)
       where p.day <= -{before}
       order by i.sku_id, i.warehouse_id, p.day)
  to '{rows}' (format csv, header false)
"""
COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Product:
    """A real product; ``price`` in GBP, ``last_sold`` in days before the last day (0, -1, …)."""

    code: str
    name: str
    price: Decimal
    last_sold: int


@dataclass(frozen=True, slots=True)
class Demand:
    """Levels that were ever ordered from (code, warehouse), and what was asked of each in the last days.

    ``units`` and ``orders`` are (levels x days) with the last day at the right.
    """

    levels: list[tuple[str, str]]
    units: NDArray[np.int64]
    orders: NDArray[np.int64]


class Records:
    """The packaged files, open for reading; use as a context manager."""

    def __init__(self) -> None:
        self._folder = as_file(files("holdfast.demo") / "data")
        self._connection = duckdb.connect(config={"threads": 2, "memory_limit": "1GB"})
        self._facts: dict[str, Any] = {}

    def __enter__(self) -> Records:
        folder = self._folder.__enter__()
        self._facts = {
            "demand": folder / "demand_daily.parquet",
            "names": folder / "sku_names.parquet",
            "last": LAST_REAL_DAY,
            "share": LONDON_SHARE,
            "home": HOME,
            "continent": ", ".join(f"'{country}'" for country in CONTINENT),
            "local": LOCAL,
            "main": MAIN,
            "regional": REGIONAL,
        }
        self._connection.execute(_PLACED.format(**self._facts))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection.close()
        self._folder.__exit__(kind, error, traceback)

    @property
    def source(self) -> Path:
        """The packaged file of orders."""
        return Path(self._facts["demand"])

    def products(self) -> list[Product]:
        rows = self._connection.execute(_PRODUCTS.format(**self._facts)).fetchall()
        return [
            Product(code, name, max(Decimal(f"{price:.2f}"), Decimal("0.05")), last_sold)
            for code, name, price, last_sold in rows
        ]

    def demand(self, days: int) -> Demand:
        """What each level was asked for on each of the last ``days`` days."""
        levels = self._connection.execute(
            "select sku, warehouse from placed group by all order by sku, warehouse"
        ).fetchall()
        row_of = {level: n for n, level in enumerate(levels)}
        found = self._connection.execute(
            "select sku, warehouse, day, quantity, orders from placed where day > ?", [-days]
        ).fetchall()
        units = np.zeros((len(levels), days), np.int64)
        orders = np.zeros((len(levels), days), np.int64)
        for sku, warehouse, day, quantity, count in found:
            at = row_of[sku, warehouse], days - 1 + day
            units[at] = quantity
            orders[at] = count
        return Demand(levels, units, orders)

    def old_demand(
        self, ids: dict[tuple[str, str], tuple[UUID, UUID]], *, last_day: date, before: int
    ) -> Iterator[tuple[bytes, float]]:
        """The days before the last ``before`` ones as CSV (sku_id, warehouse_id, day, quantity, orders), in blocks of
        whole lines, each with the share of the file that is then behind us. ``ids`` maps (code, warehouse) to ids.
        """
        with tempfile.TemporaryDirectory(prefix="holdfast-demo-") as folder:
            names, rows = Path(folder, "ids.csv"), Path(folder, "demand.csv")
            names.write_text("".join(f"{','.join(level)},{sku},{place}\n" for level, (sku, place) in ids.items()))
            self._connection.execute(_OLD_DEMAND.format(ids=names, last_day=last_day, before=before, rows=rows))
            size = rows.stat().st_size
            with rows.open("rb") as lines:
                while block := lines.readlines(COPY_BYTES):
                    yield b"".join(block), lines.tell() / size


WAREHOUSE_CODES = tuple(str(warehouse["code"]) for warehouse in WAREHOUSES)
