"""Many buyers at once, over HTTP, through several processes: nothing is sold twice, nobody hears of a deadlock."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.books import violations_at
from tests.conftest import Shelf
from tests.races.conftest import Crowd, Reply, counted
from tests.stock.pooled import Pooled

pytestmark = [pytest.mark.xdist_group("races"), pytest.mark.timeout(120)]


def basket(shop: Shelf, text: str, reference: str = "cart") -> dict[str, Any]:
    return {"reference_type": "cart", "reference_id": reference, "items": shop.items(text)}


async def test_200_buyers_for_one_unit_make_one_sale(crowd: Crowd, shop: Shelf, racing_url: str) -> None:
    for code in ("TEA", "CUP", "JAR"):
        shop.given(f"{code}@GZ 1")
        where = f"{code}@GZ 1" if code != "JAR" else "JAR 1"  # the last lets us choose the warehouse

        async def buy(client: httpx2.AsyncClient, n: int, where: str = where) -> Reply:
            return await client.post("/inventory/reservations", json=basket(shop, where, f"cart-{n}"))

        replies = await crowd.together(buy, 200)
        assert counted(replies) == {201: 1, 409: 199}
        assert {r.json()["code"] for r in replies if r.status_code == 409} == {"insufficient_stock"}
        assert shop.level(f"{code}@GZ") == "on_hand=1 available=0 reserved=1"
    assert await violations_at(racing_url) == []


async def test_crossing_baskets_never_deadlock_and_balance(crowd: Crowd, shop: Shelf, racing_url: str) -> None:
    shop.given("TEA@GZ 200, CUP@GZ 200, JAR@GZ 200")
    orders = ["TEA@GZ 1, CUP@GZ 1", "CUP@GZ 1, TEA@GZ 1", "CUP 1, JAR@GZ 1", "JAR@GZ 1, TEA 1"]

    async def buy(client: httpx2.AsyncClient, n: int) -> Reply:
        return await client.post("/inventory/reservations", json=basket(shop, orders[n % 4]))

    replies = await crowd.together(buy, 600)
    told = counted(replies)
    assert set(told) == {201, 409}
    held = sum(int(shop.level(f"{code}@GZ").split("reserved=")[1]) for code in ("TEA", "CUP", "JAR"))
    assert held == 2 * told[201]
    # Refused only where there was nothing left: of some SKU every unit is held.
    assert any("available=0" in shop.level(f"{code}@GZ") for code in ("TEA", "CUP", "JAR"))
    assert await violations_at(racing_url) == []


async def test_receipts_sales_and_holds_of_one_level_at_once_add_up(crowd: Crowd, shop: Shelf, racing_url: str) -> None:
    sku, warehouse = shop.sku("TEA"), shop.warehouse("GZ")  # a level that does not exist yet

    async def anything(client: httpx2.AsyncClient, n: int) -> Reply:
        line = {"sku_id": sku, "quantity": 2}
        match n % 4:
            case 0 | 1:
                return await client.post("/inventory/receipts", json={"warehouse_id": warehouse, "items": [line]})
            case 2:
                return await client.post("/inventory/sales", json={"warehouse_id": warehouse, "items": [line]})
            case _:
                return await client.post("/inventory/reservations", json=basket(shop, "TEA 2"))

    replies = await crowd.together(anything, 240)
    counted(replies)
    received = 2 * sum(r.status_code == 201 for r in replies[0::4] + replies[1::4])
    sold = 2 * sum(r.status_code == 201 for r in replies[2::4])
    held = 2 * sum(r.status_code == 201 for r in replies[3::4])
    on_hand = received - sold
    assert received == 240
    assert shop.level("TEA@GZ") == f"on_hand={on_hand} available={on_hand - held} reserved={held}"
    assert await violations_at(racing_url) == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/inventory/reservations", 201),
        ("/inventory/receipts", 201),
        ("/inventory/sales", 201),
        ("/inventory/{sku}/adjust", 200),
        ("/inventory/reservations/{hold}/consume", 200),
        ("/inventory/reservations/{hold}/release", 200),
        ("/inventory/reservations/{hold}/extend", 200),
        ("/inventory/reservations/{hold}", 204),
        ("/skus", 201),
    ],
)
async def test_one_key_50_times_in_parallel_has_one_effect_and_one_answer(
    crowd: Crowd, shop: Shelf, racing_url: str, path: str, status: int
) -> None:
    shop.given("TEA@GZ 500")
    held = shop.reserve("TEA@GZ 7")["reservation_id"]
    line = {"sku_id": shop.sku("TEA"), "quantity": 3}
    move = {"warehouse_id": shop.warehouse("GZ"), "items": [line]}
    body: Any = {
        "/inventory/reservations": basket(shop, "TEA@GZ 3"),
        "/inventory/receipts": move,
        "/inventory/sales": move,
        "/inventory/{sku}/adjust": {
            "warehouse_id": shop.warehouse("GZ"),
            "adjustment_type": "increase",
            "quantity": 3,
            "reason": "found",
        },
        "/inventory/reservations/{hold}/extend": {"additional_minutes": 40},
        "/skus": {"code": f"NEW-{shop.tag}", "name": "New"},
    }.get(path)
    method = {"/inventory/{sku}/adjust": "PUT", "/inventory/reservations/{hold}/extend": "PUT"}.get(path, "POST")
    method = "DELETE" if path.endswith("{hold}") else method
    url = path.format(sku=shop.sku("TEA"), hold=held)

    async def repeat(client: httpx2.AsyncClient, _: int) -> Reply:
        return await client.request(method, url, json=body, headers={"Idempotency-Key": f"key-{shop.tag}"})

    before = shop.level("TEA@GZ")
    replies = await crowd.together(repeat, 50)
    assert counted(replies) == {status: 50}
    assert len({reply.content for reply in replies}) == 1
    assert sum("idempotent-replayed" in reply.headers for reply in replies) == 49
    figures = dict(part.split("=") for part in shop.level("TEA@GZ").split())
    changes = {key: int(figures[key]) - int(value) for key, value in (p.split("=") for p in before.split())}
    assert changes == {
        "/inventory/reservations": {"on_hand": 0, "available": -3, "reserved": 3},
        "/inventory/receipts": {"on_hand": 3, "available": 3, "reserved": 0},
        "/inventory/sales": {"on_hand": -3, "available": -3, "reserved": 0},
        "/inventory/{sku}/adjust": {"on_hand": 3, "available": 3, "reserved": 0},
        "/inventory/reservations/{hold}/consume": {"on_hand": -7, "available": 0, "reserved": -7},
        "/inventory/reservations/{hold}/release": {"on_hand": 0, "available": 7, "reserved": -7},
        "/inventory/reservations/{hold}": {"on_hand": 0, "available": 7, "reserved": -7},
    }.get(path, {"on_hand": 0, "available": 0, "reserved": 0})
    assert await violations_at(racing_url) == []


async def test_buyers_of_two_channels_and_of_none_never_take_what_is_kept_for_others(
    crowd: Crowd, shop: Shelf, racing_url: str
) -> None:
    pooled = Pooled(shop)
    shop.given("TEA@GZ 30")
    pooled.pools("web 10, till 8")
    names = [None, pooled.channel("web"), pooled.channel("till")]

    async def buy(client: httpx2.AsyncClient, n: int) -> Reply:
        named = {} if names[n % 3] is None else {"channel": names[n % 3]}
        reply = await client.post("/inventory/reservations", json={**basket(shop, "TEA 1", f"cart-{n}"), **named})
        if reply.status_code == 201 and n % 4 == 0:
            await client.delete(f"/inventory/reservations/{reply.json()['reservation_id']}")
        return reply

    assert set(counted(await crowd.together(buy, 300))) == {201, 409}
    rows = shop.connection.execute(
        "select c.name, sum(l.quantity)::int, sum(l.quantity) filter (where l.pool_id is not null)::int"
        "  from inventory_reservations l join reservations h on h.id = l.reservation_id"
        "  left join sales_channels c on c.id = h.channel_id"
        " where l.sku_id = %s and l.status = 'active' group by c.name",
        [shop.sku("TEA")],
    ).fetchall()
    held = {name: (in_all, of_pool or 0) for name, in_all, of_pool in rows}
    free = sum(in_all - of_pool for in_all, of_pool in held.values())
    assert free <= 12, "what no pool keeps was sold once"
    assert held.get("web", (0, 0))[1] <= 10
    assert held.get("till", (0, 0))[1] <= 8
    assert held.get(None, (0, 0))[1] == 0
    # What was given back last is there for whom it is kept.
    for name, code in (("web", names[1]), ("till", names[2])):
        left = {"web": 10, "till": 8}[name] - held.get(name, (0, 0))[1]
        assert pooled.may(name) == left + 12 - free, code
    assert await violations_at(racing_url) == []
