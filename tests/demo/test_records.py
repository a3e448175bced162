"""The real orders behind the demo."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from holdfast.demo.past import LEDGER_DAYS, LOOK_BACK_DAYS
from holdfast.demo.records import Records
from holdfast.demo.shop import LOCAL, MAIN, REGIONAL, SUPPLIERS, category_of, shown_name, terms_of


@pytest.fixture(scope="module")
def records() -> Iterator[Records]:
    with Records() as found:
        yield found


def test_no_unit_is_lost_or_invented_between_customers_and_warehouses(records: Records) -> None:
    days = LEDGER_DAYS + LOOK_BACK_DAYS
    with duckdb.connect() as database:
        real = database.execute(
            f"select sum(quantity) from read_parquet(?) where date > date '2011-12-09' - {days}", [str(records.source)]
        ).fetchone()
    demand = records.demand(days)
    assert real is not None
    assert int(demand.units.sum()) == real[0]
    assert (demand.units >= 0).all()
    assert ((demand.orders > 0) == (demand.units > 0)).all()


def test_every_warehouse_has_real_demand_and_the_main_one_most(records: Records) -> None:
    demand = records.demand(28)
    sold = dict.fromkeys((MAIN, REGIONAL, LOCAL), 0)
    for (_, warehouse), units in zip(demand.levels, demand.units.sum(axis=1).tolist(), strict=True):
        sold[warehouse] += units
    assert sold[MAIN] > sold[LOCAL] > 0 < sold[REGIONAL]


def test_the_split_of_the_home_market_is_the_same_every_time(records: Records) -> None:
    with Records() as again:
        assert (again.demand(10).units == records.demand(10).units).all()


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("HANGING BAUBLE T-LIGHT HOLDER SMALL", "Christmas"),
        ("LETTER O BLING KEY RING", "Jewellery"),
        ("JUMBO BAG RED RETROSPOT", "Bags"),
        ("CERAMIC CHERRY CAKE MONEY BANK", "Kitchen & table"),
        ("SPACE FROG", None),
    ],
)
def test_a_category_is_what_the_name_says_or_nothing(name: str, category: str | None) -> None:
    assert category_of(name) == category


def test_terms_fit_the_price(records: Records) -> None:
    used: set[str] = set()
    for product in records.products():
        terms = terms_of(product.code, product.name, product.price)
        used.add(terms.supplier.code)
        assert 0 < terms.unit_cost < product.price
        assert terms.moq % terms.order_multiple == 0
    assert used == {supplier.code for supplier in SUPPLIERS}


def test_names_are_readable() -> None:
    assert shown_name("18PC WOODEN  CUTLERY SET") == "18PC wooden cutlery set"
