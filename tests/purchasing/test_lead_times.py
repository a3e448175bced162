"""Lead times learned from receipts: honest intervals, few receipts believed little, and used once there are enough."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import timedelta
from statistics import NormalDist
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.house import House
from tests.purchasing.test_orders import arrived, do, order

from holdfast.purchasing.keeping import learn_supplier, suppliers_to_learn
from holdfast.purchasing.lead_times import DELIVERIES_MIN, Delivery, LeadTime, Learned, learn

Draw = Callable[[random.Random, float, float], float]


def lognormal(rng: random.Random, days: float, spread: float) -> float:
    return days * math.exp(rng.gauss(0, spread))


def gamma(rng: random.Random, days: float, spread: float) -> float:
    return rng.gammavariate(1 / spread**2, days * spread**2)


def whole_days(rng: random.Random, days: float, spread: float) -> float:
    return float(math.ceil(max(0.5, rng.gauss(days, days * spread))))


def sometimes_late(rng: random.Random, days: float, spread: float) -> float:
    return lognormal(rng, days, spread / 2) * (1.8 if rng.random() < 0.1 else 1)


def covered(rng: random.Random, draw: Draw, orders: int) -> tuple[int, int]:
    """Of one supplier's held-out deliveries, how many lay in the interval, and how many there were."""
    bias, spread = math.exp(rng.gauss(0.1, 0.25)), rng.choice([0.1, 0.2, 0.35])
    skus = [(UUID(int=n), rng.choice([5.0, 10.0, 20.0]), math.exp(rng.gauss(0, 0.15))) for n in range(8)]
    seen: list[Delivery] = []
    held: list[Delivery] = []
    for number in range(orders + 5):
        for sku, promise, own in rng.sample(skus, 3):
            days = draw(rng, promise * bias * own, spread)
            (seen if number < orders else held).append(Delivery(sku, UUID(int=1000 + number), days, promise))
    found = learn(seen, promised_share=0.2)
    assert found is not None
    inside = 0
    for one in held:
        low, high = bounds(found, one)
        inside += low <= one.days <= high
    return inside, len(held)


def bounds(found: Learned, one: Delivery) -> tuple[float, float]:
    if one.sku_id in found.skus:
        own = found.skus[one.sku_id]
        return own.low, own.high
    return found.supplier.low * one.promised_days, found.supplier.high * one.promised_days


@pytest.mark.parametrize("orders", [5, 10, 30])
@pytest.mark.parametrize("draw", [lognormal, gamma, whole_days, sometimes_late])
def test_nine_of_ten_held_out_deliveries_lie_in_the_interval(draw: Draw, orders: int) -> None:
    rng = random.Random(1)  # noqa: S311 - a simulation
    inside, held = (sum(pair) for pair in zip(*(covered(rng, draw, orders) for _ in range(100)), strict=True))
    assert 0.87 <= inside / held <= 0.94


def one_sku(*days: float, promised: float = 10) -> LeadTime:
    found = learn([Delivery(UUID(int=1), UUID(int=n), d, promised) for n, d in enumerate(days)], promised_share=0.2)
    assert found is not None
    return found.skus[UUID(int=1)]


def test_one_late_delivery_is_believed_little_and_many_are_believed() -> None:
    assert 10 < one_sku(20).median < 20
    assert one_sku(*[20] * 30).median == pytest.approx(20, rel=0.05)
    assert not one_sku(*[20] * (DELIVERIES_MIN - 1)).is_used
    assert one_sku(*[20] * DELIVERIES_MIN).is_used


def test_more_receipts_make_the_interval_narrower() -> None:
    normal = NormalDist(0, 0.2)

    def evenly_spread(n: int) -> LeadTime:
        return one_sku(*(10 * math.exp(normal.inv_cdf((i + 0.5) / n)) for i in range(n)))

    widths = [found.high - found.low for found in map(evenly_spread, (5, 15, 60))]
    assert widths == sorted(widths, reverse=True)


def test_a_sku_with_few_receipts_leans_on_its_supplier() -> None:
    """Its supplier takes twice what it promises; this SKU came on time once."""
    rng = random.Random(3)  # noqa: S311 - a simulation
    known = [Delivery(UUID(int=n % 6), UUID(int=100 + n), lognormal(rng, 20, 0.1), 10) for n in range(60)]
    found = learn([*known, Delivery(UUID(int=9), UUID(int=999), 10, 10)], promised_share=0.1)
    assert found is not None
    assert found.supplier.mean == pytest.approx(2, rel=0.15)
    assert 14 < found.skus[UUID(int=9)].median < 21


def test_one_truck_with_many_skus_is_one_delivery() -> None:
    truck = [Delivery(UUID(int=n), UUID(int=1), 20, 10) for n in range(50)]
    found = learn(truck, promised_share=0.2)
    assert found is not None
    assert (found.supplier.receipts, found.supplier.is_used) == (1, False)
    assert found.supplier.mean < 1.7


def test_nothing_arrived_teaches_nothing() -> None:
    assert learn([], promised_share=None) is None


def test_a_delivery_on_the_day_of_the_order_is_no_catastrophe() -> None:
    found = one_sku(*[0.0] * 10, promised=0)
    assert 0 < found.low < found.median < found.high < 5


async def received_after(house: House, days: float, **terms: Any) -> dict[str, Any]:
    """An order of TEA that was sent so many days ago and has arrived."""
    made = await do(house, await order(house, ("TEA", 10), **terms), "send")
    async with house.database.connection() as connection:
        await connection.execute(
            "update purchase_orders set sent_at = sent_at - %s where id = %s", [timedelta(days=days), made["id"]]
        )
    return await do(house, made, "receive", await arrived(house, "TEA", 10))


async def learn_all(house: House) -> None:
    async with house.database.transaction() as tx:
        for supplier_id in await suppliers_to_learn(tx):
            await learn_supplier(tx, supplier_id)


async def lead_times(house: House) -> dict[str, dict[str, Any]]:
    found = await house.get(f"/suppliers/{await house.supplier('ACME')}/lead-times")
    return {row["sku_code"].split("-")[0]: row for row in found["lead_times"]}


async def test_what_was_learned_takes_the_place_of_the_promise_once_there_are_enough(house: House) -> None:
    path = f"/suppliers/{await house.supplier('ACME', lead_time_days=7)}/items"
    for sku in ("TEA", "NEW"):
        await house.post(path, {"sku_id": await house.sku(sku), "unit_cost": "1.5"})
    for _ in range(DELIVERIES_MIN - 1):
        await received_after(house, 14)
    await learn_all(house)
    few = await lead_times(house)
    assert (few["TEA"]["source"], few["TEA"]["lead_time_days"], few["TEA"]["receipts"]) == ("promised", 7, 4)
    await received_after(house, 14)
    await learn_all(house)
    enough = await lead_times(house)
    assert {row["source"] for row in enough.values()} == {"learned"}
    assert 10 < enough["TEA"]["lead_time_days"] < 15
    assert enough["NEW"]["receipts"] is None
    assert 10 < enough["NEW"]["lead_time_days"] < 16, "a SKU that never came leans on its supplier"
    async with house.database.transaction() as tx:
        assert UUID(await house.supplier("ACME")) not in await suppliers_to_learn(tx)


async def test_the_next_order_is_expected_when_the_supplier_really_delivers(house: House) -> None:
    path = f"/suppliers/{await house.supplier('ACME', lead_time_days=7)}/items"
    await house.post(path, {"sku_id": await house.sku("TEA"), "unit_cost": "1.5"})
    for _ in range(12):
        await received_after(house, 30)
    await learn_all(house)
    made = await do(house, await order(house, ("TEA", 1)), "send")
    async with house.database.connection() as connection:
        rows = await connection.execute(
            "select expected_at - sent_at::date from purchase_orders where id = %s", [made["id"]]
        )
        [(days,)] = await rows.fetchall()
    assert 25 <= days <= 33


async def test_a_supplier_is_scored_by_what_it_promised_first(house: House) -> None:
    path = f"/suppliers/{await house.supplier('ACME')}"
    for cost in ("2", "2", "2.5"):
        await house.post(f"{path}/items", {"sku_id": await house.sku("TEA"), "unit_cost": cost})
    sent = {sku: await do(house, await order(house, (sku, 10)), "send") for sku in ("TEA", "CUP", "POT")}
    await do(house, sent["POT"], "confirm", {"items": [{"line_no": 1, "quantity": 6}]})
    for sku, quantity in (("TEA", 10), ("CUP", 10), ("POT", 6)):
        await do(house, sent[sku], "receive", await arrived(house, sku, quantity))
    async with house.database.connection() as connection:
        # Yesterday each of them was due; only TEA had come by then.
        await connection.execute("update purchase_order_lines set promised_at = business_now()::date - 1")
    async with await psycopg.AsyncConnection.connect(house.database.url) as connection:
        await connection.execute(
            "update purchase_receipts set received_at = received_at - interval '2 days' where purchase_order_id = %s",
            [sent["TEA"]["id"]],
        )
    card = await house.get(f"{path}/scorecard")
    assert (card["lines_due"], card["on_time_share"], card["lines_cut"]) == (3, pytest.approx(1 / 3), 1)
    assert card["in_full_share"] == pytest.approx(2 / 3)
    [change] = card["cost_changes"]
    assert (change["cost_before"], change["cost_after"]) == ("2.000000", "2.500000")
    assert (await house.call("GET", f"/suppliers/{sent['TEA']['id']}/scorecard", expect=404))[
        "code"
    ] == "supplier_not_found"
