"""The data sets planning is measured on, read from a folder the caller names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from holdfast.demand import Panel, Period, read_history

WEB_SHOP = "online_retail_ii/demand_daily.parquet"
FRESH_FOOD = "freshretail_sample/demand_daily.parquet"
WEEKLY = "uci_weekly_811/demand_weekly.parquet"

WANTED = f"""The folder must hold (all CC BY 4.0; see docs/planning.md for where they come from):
  {WEB_SHOP}    date, sku, location, quantity, price: Online Retail II per day, SKU and country
  {FRESH_FOOD}  date, sku, location, quantity, stockout_hours: FreshRetailNet-50K per day and store
  {WEEKLY}      date, sku, location, quantity: Sales Transactions Weekly
Name it with --data DIR or HOLDFAST_BENCH_DATA."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the sets are. A set is read when it is asked for."""

    path: Path

    def file(self, name: str) -> Path:
        found = self.path / name
        if not found.is_file():
            raise SystemExit(f"There is no {found}.\n{WANTED}")
        return found

    def web_shop(self) -> Panel:
        """Units ordered per SKU and day over all countries; a shop sees the orders it refuses, so all is observed."""
        totals = "select date, sku, sum(quantity) as quantity, max(price) as price"
        rows = f"{totals} from '{self.file(WEB_SHOP)}' group by all"
        return _read(rows, Period.DAY)

    def fresh_food(self) -> Panel:
        """Units sold per SKU, store and day; a day with an hour without stock shows less than was wanted."""
        rows = f"select date, sku, location, quantity, stockout_hours = 0 as observed from '{self.file(FRESH_FOOD)}'"
        return _read(rows, Period.DAY)

    def weekly(self) -> Panel:
        """Units sold per product and week, one year."""
        return read_history(self.file(WEEKLY))


def _read(rows: str, period: Period) -> Panel:
    connection = duckdb.connect()
    connection.execute(f"create table chosen as {rows}")
    return read_history(_Stream(connection.table("chosen")), period=period)


@dataclass(frozen=True, slots=True)
class _Stream:
    """A DuckDB relation as what any Arrow table is."""

    relation: duckdb.DuckDBPyRelation

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.relation.__arrow_c_stream__(requested_schema)
