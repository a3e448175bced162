"""What suppliers ask for, and that an order keeps to it: breaks, packs, calendar, truck, currency, validity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.house import House


async def offered(house: House, sku: str, cost: str = "2", supplier: str = "ACME", **terms: Any) -> dict[str, Any]:
    path = f"/suppliers/{await house.supplier(supplier)}/items"
    return await house.post(path, {"sku_id": await house.sku(sku), "unit_cost": cost, **terms})


async def drafted(house: House, *lines: tuple[str, int], expect: int = 201) -> dict[str, Any]:
    items = [{"sku_id": await house.sku(sku), "quantity": n} for sku, n in lines]
    body = {"supplier_id": await house.supplier("ACME"), "warehouse_id": await house.warehouse("GZ"), "items": items}
    return await house.post("/purchase-orders", body, expect=expect)


async def sending(house: House, draft: dict[str, Any]) -> list[str]:
    """The codes of the terms that stop an order from being sent; none: it was sent."""
    answer = await house.client.post(f"/api/v1/purchase-orders/{draft['id']}/send")
    return [] if answer.status_code == 200 else [e["code"] for e in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("quantity", "cost"), [(1, "2"), (99, "2"), (100, "1.8"), (499, "1.8"), (500, "1.5"), (9_000, "1.5")]
)
async def test_from_a_break_on_every_unit_costs_less(house: House, quantity: int, cost: str) -> None:
    breaks = [{"min_quantity": 500, "unit_cost": "1.5"}, {"min_quantity": 100, "unit_cost": "1.8"}]
    made = await offered(house, "TEA", price_breaks=breaks)
    assert [b["min_quantity"] for b in made["price_breaks"]] == [100, 500]
    [line] = (await drafted(house, ("TEA", quantity)))["items"]
    assert Decimal(line["unit_cost"]) == Decimal(cost)


async def test_one_quantity_has_one_price(house: House) -> None:
    twice = [{"min_quantity": 100, "unit_cost": "1.5"}, {"min_quantity": 100, "unit_cost": "1.8"}]
    path = f"/suppliers/{await house.supplier('ACME')}/items"
    body = {"sku_id": await house.sku("TEA"), "unit_cost": "2", "price_breaks": twice}
    assert (await house.post(path, body, expect=422))["code"] == "min_quantity_twice"


async def test_terms_that_do_not_hold_today_order_nothing(house: House) -> None:
    await offered(house, "TEA", valid_to="2020-01-31")
    await offered(house, "CUP", valid_from="2020-01-31", valid_to="2999-01-01")
    refused = await drafted(house, ("CUP", 1), ("TEA", 1), expect=422)
    assert [(e["loc"], e["code"]) for e in refused["errors"]] == [(["items", 1], "terms_not_valid")]


async def test_an_order_is_in_one_currency(house: House) -> None:
    await house.supplier("ACME", currency="USD")
    await offered(house, "TEA", currency="CNY")
    await offered(house, "CUP")
    assert (await drafted(house, ("TEA", 1)))["currency"] == "CNY"
    assert (await drafted(house, ("CUP", 1)))["currency"] == "USD"
    assert (await drafted(house, ("TEA", 1), ("CUP", 1), expect=422))["code"] == "mixed_currencies"


async def test_more_than_a_supplier_sells_at_once_is_stopped(house: House) -> None:
    await offered(house, "TEA", max_order_quantity=100)
    assert await sending(house, await drafted(house, ("TEA", 101))) == ["above_max_order_quantity"]
    assert await sending(house, await drafted(house, ("TEA", 100))) == []


async def test_what_fits_on_no_truck_is_stopped(house: House) -> None:
    await house.supplier("ACME", truck_volume_l="100", truck_weight_kg="50")
    await offered(house, "TEA", pack_size=10, pack_volume_l="20", pack_weight_kg="5")
    assert await sending(house, await drafted(house, ("TEA", 51))) == ["over_truck_volume"]
    assert await sending(house, await drafted(house, ("TEA", 101))) == ["over_truck_volume", "over_truck_weight"]
    assert await sending(house, await drafted(house, ("TEA", 50))) == []


async def test_an_order_waits_for_a_day_on_which_the_supplier_takes_orders(house: House) -> None:
    today = datetime.now(UTC).date()
    tomorrow = today + timedelta(days=1)
    await house.supplier("ACME", order_weekdays=[tomorrow.isoweekday()])
    await offered(house, "TEA")
    draft = await drafted(house, ("TEA", 1))
    refused = await house.post(f"/purchase-orders/{draft['id']}/send", expect=409)
    assert refused["errors"] == [{"code": "no_order_day", "next_order_day": tomorrow.isoformat()}]
    supplier = f"/suppliers/{await house.supplier('ACME')}"
    closed = [{"first_day": tomorrow.isoformat(), "last_day": (today + timedelta(days=7)).isoformat()}]
    changed = await house.call("PATCH", supplier, json={"closed_days": closed}, expect=200)
    assert changed["closed_days"] == closed
    refused = await house.post(f"/purchase-orders/{draft['id']}/send", expect=409)
    assert refused["errors"][0]["next_order_day"] == (tomorrow + timedelta(days=7)).isoformat()
    await house.call("PATCH", supplier, json={"order_weekdays": None}, expect=200)
    assert await sending(house, draft) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"closed_days": [{"first_day": "2027-02-02", "last_day": "2027-02-01"}]},
        {"order_weekdays": [0]},
        {"order_weekdays": []},
        {"truck_volume_l": "0"},
    ],
)
async def test_a_calendar_and_a_truck_make_sense(house: House, wrong: dict[str, Any]) -> None:
    supplier = f"/suppliers/{await house.supplier('ACME')}"
    await house.call("PATCH", supplier, json=wrong, expect=422)


async def test_terms_are_one_row_per_supplier_and_sku(house: House) -> None:
    await house.supplier("ACME", lead_time_days=9, lead_time_sd_days=2, order_weekdays=[1, 3])
    breaks = [{"min_quantity": 100, "unit_cost": "1.5"}]
    await offered(house, "TEA", price_breaks=breaks, moq=5, order_multiple=6)
    await offered(house, "CUP", lead_time_days=30)
    async with house.database.connection() as connection:
        rows = await connection.execute(
            "select unit_cost, break_quantities, break_costs, moq, order_multiple, lead_time_days, lead_time_sd_days,"
            " lead_time_source, order_weekdays from supplier_terms where supplier_id = %s order by lead_time_days",
            [await house.supplier("ACME")],
        )
        found = await rows.fetchall()
    assert found == [
        (Decimal("2"), [100], [Decimal("1.5")], 5, 6, 9.0, 2.0, "promised", [1, 3]),
        (Decimal("2"), [], [], 1, 1, 30.0, 2.0, "promised", [1, 3]),
    ]


async def test_terms_of_a_sku_that_is_none_name_their_line(house: House) -> None:
    supplier = f"/suppliers/{await house.supplier('ACME')}/items"
    tea, nobody = await house.sku("TEA"), "01890000-0000-7000-8000-000000000000"
    given = [{"sku_id": tea, "unit_cost": "2"}, {"sku_id": nobody, "unit_cost": "2"}]
    refused = await house.call("PUT", supplier, json={"items": given}, expect=422)
    assert [(e["loc"], e["code"]) for e in refused["errors"]] == [(["items", 1, "sku_id"], "unknown_sku")]
    refused = await house.call("PUT", supplier, json={"items": [given[0], given[0]]}, expect=422)
    assert [(e["loc"], e["code"]) for e in refused["errors"]] == [(["items", 1, "sku_id"], "sku_named_twice")]
