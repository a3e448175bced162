"""Beside the sales: what was lost on an empty shelf, what was refused, and what was a one-off."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from psycopg.types.json import Json
from tests.conftest import Shelf
from tests.demand.test_demand_keeping import DAY, Shop
from tests.house import House

from holdfast.db import Database
from holdfast.demand import explaining, store


@pytest.fixture
async def shop(fresh_shelf: Shelf, fresh_database: Database) -> Shop:
    """It is the beginning of a day."""
    shop = Shop(fresh_shelf, fresh_database)
    row = fresh_shelf.connection.execute(
        "select extract(epoch from date_trunc('day', business_now()) + interval '1 day' - business_now())::float8 / 60"
    ).fetchone()
    assert row
    fresh_shelf.advance(row[0] + 1)
    shop.first_day = shop._today()
    return shop


async def sell_for(shop: Shop, days: int, units: int = 4) -> None:
    shop.shelf.given("TEA@GZ 1000")
    for _ in range(days):
        shop.sell(f"TEA@GZ {units}")
        shop.next_day()


def lost(shop: Shop) -> dict[int, Any]:
    """``{day: (empty share, estimated units)}`` in hundredths and tenths."""
    found = shop.days("TEA@GZ", "round(empty_share::numeric, 2)::float8, round(lost_quantity::numeric, 1)::float8")
    return {day: figures for day, figures in found.items() if figures[0]}


async def test_a_part_day_without_stock_lost_its_share_of_the_rate(shop: Shop) -> None:
    await sell_for(shop, 10)
    shop.shelf.advance(DAY / 4)
    shop.sell("TEA@GZ 960")
    shop.shelf.advance(DAY / 2)
    shop.shelf.given("TEA@GZ 50")
    await shop.refresh()
    assert lost(shop) == {}, "the day is not over"
    shop.next_day(0.5)
    await shop.refresh()
    # Before: 80 empty days of nothing known and ten days in stock with 40 units.
    assert lost(shop) == {10: (0.5, 2.0)}
    assert shop.days("TEA@GZ", "quantity")[10] == 960, "the estimate stands beside the sales"


async def test_a_part_day_counts_with_what_would_have_sold_in_the_rest_of_it(shop: Shop) -> None:
    """Four a day; one was sold before the shelf was empty for half of the day: the forecast reads 1 + 2."""
    await sell_for(shop, 10)
    shop.shelf.advance(DAY / 4)
    shop.sell("TEA@GZ 1")
    broken = [shop.shelf.items("TEA@GZ 1")[0] | {"quantity": -959}]
    kinds = {"event_type": "inventory.adjusted", "movement_type": "adjustment", "reference_type": "adjustment"}
    gone = shop.shelf.post("stock_move", **kinds, reason="fire", items=broken)
    assert gone["outcome"] == "moved"
    shop.shelf.advance(DAY / 2)
    shop.shelf.given("TEA@GZ 50")
    shop.next_day(0.5)
    await shop.refresh()
    assert lost(shop) == {10: (0.5, 2.0)}
    day = shop.first_day + timedelta(days=10)
    pair = [uuid.UUID(shop.shelf.sku("TEA"))], [uuid.UUID(shop.shelf.warehouse("GZ"))]
    async with shop.database.transaction() as tx:
        history = await store.read_histories(tx, *pair, days=4)
        kept = (
            await store.list_demand(
                tx, before=None, limit=1, sku_id=pair[0][0], warehouse_id=None, since=day, until=day
            )
        )[0]
        told = await explaining.explain(tx, pair[0][0], pair[1][0], day)
    assert history.quantity[0].tolist() == [4, 4, 4, 3]
    assert history.observed.all()
    assert kept.quantity == 1, "what was counted stays a count"
    (part,) = [part for part in told.parts if part.part == "forecast"]
    assert (part.units, part.is_part_of_demand) == (pytest.approx(3.0, abs=0.01), False)
    assert "seen for 0.500 of the day" in part.made_by
    assert told.adds_up


def test_fractions_of_units_add_up_over_the_days() -> None:
    assert store._whole(np.full(10, 30)).tolist() == [0, 1, 0, 0, 1, 0, 0, 0, 1, 0]
    assert store._whole(np.array([250, 0, 250])).tolist() == [3, 0, 2]


async def test_days_without_stock_lose_the_rate_until_goods_come(shop: Shop) -> None:
    await sell_for(shop, 10)
    shop.sell("TEA@GZ 960")
    shop.next_day(2)
    await shop.refresh()
    shop.next_day(0.5)
    shop.shelf.given("TEA@GZ 9")
    shop.next_day()
    await shop.refresh()
    shares = {day: share for day, (share, _) in lost(shop).items()}
    assert shares == {10: 1.0, 11: 1.0, 12: 0.5}
    assert lost(shop)[10] == (1.0, 4.0)


async def test_all_units_promised_is_an_empty_shelf_too(shop: Shop) -> None:
    await sell_for(shop, 10)
    placed = shop.order("TEA@GZ 960", "A-1")
    await shop.refresh()
    shop.shelf.advance(DAY / 4)
    shop.resolve(placed, "release")
    await shop.refresh()
    shop.next_day()
    await shop.refresh()
    assert lost(shop) == {10: (0.25, 1.0)}


async def test_nothing_is_estimated_where_too_little_was_seen(shop: Shop) -> None:
    await sell_for(shop, 3)
    shop.sell("TEA@GZ 988")
    shop.next_day(2)
    await shop.refresh()
    assert lost(shop)[3] == (1.0, None)


def ask(shop: Shop, text: str, customer: str, *, key: str | None = None, available: bool = False) -> str:
    """A hold for one customer's cart, as the API asks for it."""
    request = cart(shop, text, customer) | ({"key": key, "hash": f"{text} for {customer}"} if key else {})
    outcome: str = shop.shelf.post("stock_reserve", **request)["outcome"]
    assert (outcome == "reserved") == available, outcome
    return outcome


def cart(shop: Shop, text: str, customer: str) -> dict[str, Any]:
    return {"reference_type": "cart", "reference_id": customer, "minutes": 30, "items": shop.shelf.items(text)}


def refused(shop: Shop) -> dict[int, int]:
    return {day: units for day, units in shop.days("TEA@GZ", "refused_quantity").items() if units}


async def test_refusals_count_once_per_customer_however_often_they_try(shop: Shop) -> None:
    """With or without a key: the most that one cart was short of on one day."""
    shop.shelf.given("TEA@GZ 2")
    ask(shop, "TEA@GZ 4", "ann")
    await shop.refresh()
    for key in ("a", "a", None, "b"):
        ask(shop, "TEA@GZ 5", "ann", key=key)
    ask(shop, "TEA@GZ 3", "ann")
    ask(shop, "TEA@GZ 5", "bob")
    ask(shop, "TEA 3", "cyd")
    ask(shop, "TEA@GZ 2", "dee", available=True)
    for _ in range(2):
        await shop.refresh()
    assert refused(shop) == {0: 3 + 3 + 1}
    shop.next_day()
    ask(shop, "TEA@GZ 5", "ann")
    await shop.refresh()
    assert refused(shop) == {0: 7, 1: 3}, "another day is another attempt; the two that dee held are free again"


async def test_refusals_within_a_batch_count_each_on_its_own(shop: Shop) -> None:
    shop.shelf.given("TEA@GZ 2, CUP@GZ 9")
    requests = [
        {"n": n, "actor": "shop"} | cart(shop, text, customer)
        for n, (text, customer) in enumerate([("TEA@GZ 5", "ann"), ("CUP@GZ 3", "bob"), ("TEA@GZ 4", "cyd")])
    ]
    batch = {"n": 0, "principal_id": str(uuid.UUID(int=1)), "key": "b-1", "hash": "h", "requests": requests}
    for _ in range(2):  # the second time the stored answer is given
        shop.shelf.connection.execute("select stock_reserve_batch(%s)", [Json([batch])])
    await shop.refresh()
    assert refused(shop) == {0: 3 + 2}


async def test_a_refused_sale_is_lost_and_a_refused_correction_is_not(shop: Shop) -> None:
    shop.shelf.given("TEA@GZ 2")
    for reference, quantity in (("sale", -6), ("adjustment", -7)):
        items = [item | {"quantity": quantity} for item in shop.shelf.items("TEA@GZ 1")]
        answer = shop.shelf.post(
            "stock_move",
            movement_type="out" if reference == "sale" else "adjust",
            reference_type=reference,
            items=items,
        )
        assert answer["outcome"] == "insufficient_stock"
    await shop.refresh()
    assert refused(shop) == {0: 4}


async def test_what_is_held_leaves_nothing_to_take_over(shop: Shop) -> None:
    shop.shelf.given("TEA@GZ 2")
    ask(shop, "TEA@GZ 2", "dee", available=True)
    assert shop.shelf.connection.execute("select count(*) from refused_lines").fetchone() == (0,)
    ask(shop, "TEA@GZ 1", "ann")
    assert shop.shelf.connection.execute("select count(*) from refused_lines").fetchone() == (1,)


async def test_a_refusal_is_not_lost_when_sums_are_made_again(shop: Shop) -> None:
    shop.shelf.given("TEA@GZ 2")
    ask(shop, "TEA@GZ 5", "ann")
    await shop.refresh()
    shop.shelf.connection.execute("select demand_start_over()")
    await shop.refresh()
    assert refused(shop) == {0: 3}


async def test_a_line_far_above_the_usual_is_told_apart(shop: Shop) -> None:
    await sell_for(shop, 6, units=10)
    shop.ship(shop.order("TEA@GZ 300", "WEDDING"))
    shop.ship(shop.order("TEA@GZ 55", "BIG-TABLE"))
    await shop.refresh()
    assert shop.days("TEA@GZ", "sold_quantity, bulk_quantity")[6] == (355, 300), "six times ten units is 60"
    await shop.take_back("TEA@GZ 100", "WEDDING")
    await shop.refresh()
    assert shop.days("TEA@GZ", "quantity, bulk_quantity")[6] == (255, 200), "what came back is no demand at all"


async def test_with_fewer_than_five_sale_days_nothing_is_a_one_off(shop: Shop) -> None:
    await sell_for(shop, 4, units=10)
    shop.sell("TEA@GZ 300")
    await shop.refresh()
    assert shop.days("TEA@GZ", "sold_quantity, bulk_quantity")[4] == (300, 0)


async def test_the_planners_word_on_a_line_wins_and_stays(house: House) -> None:
    await house.stock("TEA", "GZ", 1000)
    level = {"sku_id": await house.sku("TEA"), "warehouse_id": await house.warehouse("GZ")}
    async with house.database.transaction() as tx:
        await tx.connection.execute(
            "insert into demand_daily (sku_id, warehouse_id, day, imported_quantity, imported_orders)"
            " select %s, %s, current_date - n, 4, 1 from generate_series(1, 9) n",
            list(level.values()),
        )
    await house.post(
        "/inventory/sales",
        {
            "warehouse_id": level["warehouse_id"],
            "items": [{"sku_id": level["sku_id"], "quantity": 200}],
            "reference": "FAIR",
        },
    )

    async def bulk() -> int:
        (day,) = [d for d in (await house.get("/demand", **level))["demand"] if d["sold_quantity"]]
        assert day["ordinary_quantity"] == day["quantity"] - day["bulk_quantity"]
        return day["bulk_quantity"]

    async def refresh(*before: str) -> None:
        async with house.database.transaction() as tx:
            for statement in (*before, "select demand_refresh()"):
                await tx.connection.execute(statement)  # type: ignore[arg-type]

    await refresh()
    assert await bulk() == 200
    (line,) = (await house.get("/demand/large-lines", unjudged=True))["lines"]
    assert (line["quantity"], line["one_off_above"], line["is_one_off"], line["reference_type"]) == (
        200,
        30,
        True,
        "sale",
    )
    verdict = {**level, "is_one_off": False, "reason": "a new customer, every week from now on"}
    path = f"/demand/lines/{line['source_id']}/verdict"
    await house.call("PUT", path, json=verdict, expect=200)
    assert await bulk() == 0
    assert (await house.get("/demand/large-lines", unjudged=True))["lines"] == []
    (told,) = (await house.get("/demand/lines", sku_id=level["sku_id"]))["lines"]
    assert told["judged_because"] == verdict["reason"]
    await refresh("select demand_start_over()")
    assert await bulk() == 0
    await house.call("PUT", path, json={**level, "is_one_off": None}, expect=200)
    assert await bulk() == 200
    unknown = await house.call("PUT", f"/demand/lines/{uuid.uuid4()}/verdict", json=verdict, expect=404)
    assert unknown["code"] == "demand_line_not_found"


async def test_every_figure_of_a_day_says_how_it_was_made(house: House) -> None:
    await house.stock("TEA", "GZ", 50)
    await house.sell("TEA", "GZ", 3)
    level = {"sku_id": await house.sku("TEA"), "warehouse_id": await house.warehouse("GZ")}
    held = {"items": [{**level, "quantity": 4}], "reference_type": "order", "reference_id": "A-1"}
    await house.post("/inventory/reservations", {**held, "expires_in_minutes": None})
    refused = {"items": [{**level, "quantity": 99}], "reference_type": "cart", "reference_id": "C-1"}
    await house.post("/inventory/reservations", refused, expect=409, headers={"Idempotency-Key": "one"})
    async with house.database.transaction() as tx:
        await tx.connection.execute("select demand_refresh()")
    (day,) = (await house.get("/demand", **level))["demand"]
    assert (day["quantity"], day["orders"], day["refused_quantity"], day["lost_total"]) == (7, 2, 56, 56)
    told = await house.get(f"/demand/{level['sku_id']}/explain", warehouse_id=level["warehouse_id"], day=day["day"])
    assert told["adds_up"]
    assert {p["part"]: p["units"] for p in told["parts"] if p["is_part_of_demand"]} == {
        "imported": 0,
        "sold": 7,
        "returned": 0,
    }
    assert [(x["kind"], x["quantity"], x["reference_id"]) for x in told["lines"]] == [
        ("sale", 3, None),
        ("order", 4, "A-1"),
    ]
    assert [(r["requested"], r["available"]) for r in told["refusals"]] == [(99, 43)]
    missing = await house.call(
        "GET", f"/demand/{level['sku_id']}/explain", params={**level, "day": "2020-01-01"}, expect=404
    )
    assert missing["code"] == "demand_not_found"
