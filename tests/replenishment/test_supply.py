"""What a supplier makes of a quantity."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.house import House
from tests.replenishment.shop import past, pending, plan
from tests.replenishment.test_policy import demand, position, terms

from holdfast.replenishment import UNSET, explain, figures_of, plan_orders, total_of
from holdfast.replenishment.limits import Cap
from holdfast.replenishment.supply import Holding, SupplierOffer, fit_to_offer

HOLDING = Holding(order_cost=10.0, rate_per_year=0.25)


def _offer(*breaks: tuple[int, str], most: int | None = None) -> SupplierOffer:
    return SupplierOffer(Decimal(2), tuple((least, Decimal(cost)) for least, cost in breaks), most)


@pytest.mark.parametrize(
    ("offer", "quantity", "unit_cost"),
    [
        (_offer(), 151, "2"),
        (_offer((100, "1.90")), 151, "1.90"),  # reached already
        (_offer((200, "1.90")), 200, "1.90"),  # a year of 3,650 units is 365 cheaper
        (_offer((1_800, "1.999")), 151, "2"),  # saves 4 a year and costs 190 more to keep
        (_offer((200, "1.90"), (500, "1.50")), 500, "1.50"),
        (_offer((5_000, "0.01")), 151, "2"),  # half a year sells 1,820
        (_offer(most=120), 120, "2"),
        (_offer((200, "1.90"), most=180), 180, "2"),
    ],
)
def test_a_price_break_is_reached_when_a_year_is_cheaper_with_it(
    offer: SupplierOffer, quantity: int, unit_cost: str
) -> None:
    made = plan_orders(demand(10.0), terms(reorder_point=200, review=7, lead=9), position(119))
    figures = figures_of(made, 0)
    assert figures.quantity == 151, "what is wanted without any offer"
    fitted = fit_to_offer(figures, offer, HOLDING)
    assert (fitted.quantity, offer.cost_at(fitted.quantity)) == (quantity, Decimal(unit_cost))
    assert total_of(explain(fitted)) == quantity


@given(
    st.integers(0, 400),
    st.integers(0, 300),
    st.integers(0, 300),
    st.integers(1, 60),
    st.integers(1, 90),
    st.one_of(st.just(UNSET), st.integers(0, 600)),
    st.lists(st.integers(1, 900), max_size=3, unique=True).map(sorted),
    st.one_of(st.none(), st.integers(1, 500)),
    st.sampled_from(list(range(3))),
    st.sampled_from([float("nan"), 0.9, 0.99]),
    st.sampled_from(list(Cap)),
)
def test_the_leaves_add_up_whatever_is_ordered(
    available: int,
    in_transit: int,
    later: int,
    moq: int,
    multiple: int,
    max_stock: int,
    breaks: list[int],
    most: int | None,
    method: int,
    fill_rate: float,
    cap: Cap,
) -> None:
    """N-06: whatever is assumed, the leaves of the arithmetic recompute the quantity exactly."""
    base = terms(unit_cost=2.0, order_cost=10.0, moq=moq, multiple=multiple, max_stock=max_stock)
    asked = replace(base, method=np.array([method], np.int8), fill_rate=np.array([fill_rate]))
    here = replace(position(available, in_transit), later=np.array([min(later, in_transit)]))
    figures = figures_of(plan_orders(demand(10.0, 5.0), asked, here), 0, cap)
    offer = SupplierOffer(Decimal(2), tuple((n, Decimal(2) - Decimal(i + 1) / 4) for i, n in enumerate(breaks)), most)
    fitted = fit_to_offer(figures, offer, HOLDING)
    assert total_of(explain(fitted)) == fitted.quantity
    assert fitted.quantity >= 0
    assert fitted.quantity % multiple == 0


async def test_a_suggestion_takes_the_break_and_says_what_a_unit_costs_then(house: House) -> None:
    await past(house, "TEA", "GZ", per_day=10, left=30)
    supplier = await house.supplier("ACME", lead_time_days=7)
    item: dict[str, Any] = {
        "sku_id": await house.sku("TEA"),
        "unit_cost": "2.00",
        "is_preferred": True,
        "price_breaks": [{"min_quantity": 500, "unit_cost": "1.50"}],
    }
    await house.call("PUT", f"/suppliers/{supplier}/items", json={"items": [item]}, expect=204)
    await plan(house)
    (one,) = await pending(house)
    assert (one["suggested_quantity"], float(one["unit_cost"]), one["estimated_cost"]) == (500, 1.5, "750.00")
    why = await house.get(f"/replenishment/suggestions/{one['id']}/explain")
    assert why["adds_up"]
    assert [line["facts"] for line in why["lines"] if line["key"] == "price_break"] == [{"break_at": 500}]
    approved = await house.post(f"/replenishment/suggestions/{one['id']}/approve", expect=200)
    order = await house.get(f"/purchase-orders/{approved['purchase_order_id']}")
    assert float(order["items"][0]["unit_cost"]) == 1.5
