"""Allocation over real HTTP: planned for the whole order, held in the same transaction, told and explained."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from tests.conftest import new_database
from tests.running import Running, serving

from holdfast.db.embedded import EmbeddedServer

GUANGZHOU = {"latitude": 23.13, "longitude": 113.26}
PARIS = {"latitude": 48.86, "longitude": 2.35}


class Shop:
    """Warehouses and stock of one test, and orders in short form."""

    def __init__(self, running: Running) -> None:
        self.client: httpx2.Client = running.client()
        self.database: psycopg.Connection[Any] = psycopg.connect(running.database_url, autocommit=True)
        self.tag = uuid.uuid4().hex[:6]
        self.skus: dict[str, str] = {}
        self.warehouses: dict[str, str] = {}

    def close(self) -> None:
        self.client.close()
        self.database.close()

    def warehouse(self, code: str, stock: str = "", **fields: Any) -> None:
        """A warehouse with stock as in ``"TEA 5, CUP 1"``."""
        body = {"code": f"{code}-{self.tag}", "name": code, "type": "main", **fields}
        self.warehouses[code] = self.ok("POST", "/warehouses", body)["id"]
        if stock:
            self.ok("POST", "/inventory/receipts", {"warehouse_id": self.warehouses[code], "items": self.items(stock)})

    def sku(self, code: str) -> str:
        if code not in self.skus:
            self.skus[code] = self.ok("POST", "/skus", {"code": f"{code}-{self.tag}", "name": code})["id"]
        return self.skus[code]

    def items(self, text: str) -> list[dict[str, Any]]:
        parts = (part.split() for part in text.split(","))
        return [{"sku_id": self.sku(sku), "quantity": int(quantity)} for sku, quantity in parts]

    def ok(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = self.client.request(method, path, json=body, **options)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def ask(self, text: str, key: str | None = None, **more: Any) -> httpx2.Response:
        headers = {"Idempotency-Key": key} if key else {}
        body = {"items": self.items(text), "ship_to": GUANGZHOU, **more}
        return self.client.post("/allocations", json=body, headers=headers)

    def reserve(self, text: str, key: str | None = None, **more: Any) -> httpx2.Response:
        held = {"reserve": True, "reference_type": "order", "reference_id": f"O-{self.tag}"}
        return self.ask(text, key, **{**held, **more})

    def shown(self, answer: httpx2.Response) -> str:
        """``"TEA GZ 2, CUP BJ 1"``."""
        assert answer.status_code in (200, 201), answer.text
        skus = {sku: code for code, sku in self.skus.items()}
        return ", ".join(
            f"{skus[item['sku_id']]} {a['warehouse_code'].split('-')[0]} {a['quantity']}"
            for item in answer.json()["items"]
            for a in item["allocations"]
        )

    def level(self, sku: str, warehouse: str) -> tuple[int, int]:
        """Available and reserved."""
        row = self.database.execute(
            "select available_quantity, reserved_quantity from inventory where sku_id = %s and warehouse_id = %s",
            [self.sku(sku), self.warehouses[warehouse]],
        ).fetchone()
        assert row
        return row

    def events(self, sku: str) -> list[str]:
        rows = self.database.execute(
            "select event_type from outbox_events"
            " where %s = any (sku_ids) and event_type like 'allocation.%%' order by id",
            [self.sku(sku)],
        )
        return [row[0] for row in rows]


@pytest.fixture(scope="module")
def house_running(server: EmbeddedServer, run_dir: Path) -> Iterator[Running]:
    with serving(new_database(server, run_dir)) as found:
        yield found


@pytest.fixture
def shop(house_running: Running) -> Iterator[Shop]:
    """GZ is near the customer and has no cups, BJ is far and has everything, SZ is near and has only cups."""
    found = Shop(house_running)
    found.warehouse("GZ", "TEA 5", **GUANGZHOU)
    found.warehouse("SZ", "CUP 5", latitude=22.54, longitude=114.06)
    found.warehouse("BJ", "TEA 5, CUP 5", latitude=39.9, longitude=116.4)
    yield found
    found.database.execute("delete from settings where name = 'allocation'")
    found.close()


def test_a_plan_is_made_for_the_whole_order_and_holds_nothing(shop: Shop) -> None:
    answer = shop.ask("TEA 2, CUP 1")
    assert (answer.status_code, shop.shown(answer)) == (200, "TEA BJ 2, CUP BJ 1")
    told = answer.json()
    assert (told["is_complete"], told["is_optimal"], told["reservation"]) == (True, True, None)
    assert told["figures"]["parcels"] == 1
    assert told["figures"]["distance_km"] == pytest.approx(1887, abs=10)
    [parcel] = told["parcels"]
    assert parcel["distance_basis"] == "coordinates"
    assert [i["quantity"] for i in parcel["items"]] == [2, 1]
    assert shop.level("TEA", "BJ") == (5, 0)
    assert shop.events("TEA") == []  # a what-if is no change


def test_every_line_says_why(shop: Shop) -> None:
    tea, cup = (item["allocations"][0]["reason"] for item in shop.ask("TEA 2, CUP 1").json()["items"])
    assert (tea["code"], tea["here"], tea["elsewhere"]) == ("parcels", 1, 2)
    assert tea["instead"] == [f"GZ-{shop.tag}"]
    assert cup["instead"] == [f"SZ-{shop.tag}"]


def test_the_strategy_is_chosen_by_name(shop: Shop) -> None:
    assert shop.shown(shop.ask("TEA 2, CUP 1", strategy="nearest")) == "TEA GZ 2, CUP SZ 1"
    unknown = shop.ask("TEA 1", strategy="cheapest")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_strategy")
    assert "nearest" in unknown.json()["strategies"]


def test_a_channel_has_its_strategy(shop: Shop) -> None:
    shop.ok("PUT", "/allocations/strategies", {"default": "fewest_parcels", "channels": {"express": "nearest"}})
    assert shop.shown(shop.ask("TEA 2, CUP 1", channel="express")) == "TEA GZ 2, CUP SZ 1"
    assert shop.shown(shop.ask("TEA 2, CUP 1")) == "TEA BJ 2, CUP BJ 1"
    assert shop.shown(shop.ask("TEA 2, CUP 1", channel="express", strategy="priority")) == "TEA BJ 2, CUP BJ 1"
    unknown = shop.ask("TEA 1", channel="expres")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_channel")


def test_a_shop_defines_strategies_of_its_own(shop: Shop) -> None:
    own = {"name": "one_band", "criteria": ["distance", "priority"], "band_km": 20_000}
    offered = shop.ok("PUT", "/allocations/strategies", {"default": "one_band", "strategies": [own]})
    assert [s["name"] for s in offered["strategies"]][-1] == "one_band"
    assert shop.ok("GET", "/allocations/strategies") == offered
    assert shop.ask("TEA 1").json()["strategy"] == "one_band"


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"default": "cheapest"}, ["default"]),
        ({"channels": {"web": "cheapest"}}, ["channels", "web"]),
        ({"strategies": [{"name": "x", "criteria": ["parcels", "price"]}]}, ["strategies", 0, "criteria", 1]),
        ({"strategies": [{"name": "x", "criteria": ["parcels", "parcels"]}]}, ["strategies", 0, "criteria", 1]),
    ],
)
def test_a_choice_that_does_not_exist_is_refused_and_named(
    shop: Shop, change: dict[str, Any], loc: list[str | int]
) -> None:
    answer = shop.client.put("/allocations/strategies", json={"default": "nearest", **change})
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, loc)
    assert shop.ok("GET", "/allocations/strategies")["default"] == "fewest_parcels"


def test_compare_answers_what_the_other_strategies_would_cost(shop: Shop) -> None:
    others = {a["strategy"]: a["figures"] for a in shop.ask("TEA 2, CUP 1", compare=True).json()["alternatives"]}
    assert others["nearest"]["parcels"] == 2
    assert others["nearest"]["distance_km"] < 200
    assert "fewest_parcels" not in others


def test_a_reserved_plan_is_held_told_and_kept_with_its_reasons(shop: Shop) -> None:
    answer = shop.reserve("TEA 2, CUP 1", strategy="nearest")
    assert answer.status_code == 201
    held = answer.json()["reservation"]
    assert (held["status"], held["reference_id"]) == ("active", f"O-{shop.tag}")
    assert sorted(i["warehouse_id"] for i in held["items"]) == sorted([shop.warehouses["GZ"], shop.warehouses["SZ"]])
    assert (shop.level("TEA", "GZ"), shop.level("CUP", "SZ")) == ((3, 2), (4, 1))
    assert shop.events("TEA") == ["allocation.held"]
    [kept] = shop.ok("GET", f"/allocations?reservation_id={held['reservation_id']}")["allocations"]
    assert kept["plan"]["items"] == answer.json()["items"]
    assert shop.ok("GET", f"/allocations/{answer.json()['allocation_id']}") == kept
    assert "23.13" not in str(kept)


def test_holding_is_all_or_nothing(shop: Shop) -> None:
    refused = shop.reserve("TEA 2, CUP 11")
    assert (refused.status_code, refused.json()["code"]) == (409, "insufficient_stock")
    [short] = refused.json()["errors"]
    assert (short["sku_id"], short["requested"], short["available"]) == (shop.sku("CUP"), 11, 10)
    assert (shop.level("TEA", "GZ"), shop.level("TEA", "BJ")) == ((5, 0), (5, 0))
    assert shop.events("TEA") == []


def test_partial_is_held_only_when_it_was_allowed(shop: Shop) -> None:
    answer = shop.reserve("TEA 2, CUP 11", allow_partial=True)
    assert answer.json()["is_complete"] is False
    assert [(i["requested"], i["allocated"]) for i in answer.json()["items"]] == [(2, 2), (11, 10)]
    nothing = shop.reserve("JAR 1", allow_partial=True)
    assert (nothing.status_code, nothing.json()["code"]) == (409, "insufficient_stock")


def test_a_line_is_split_over_warehouses_with_a_distance_each(shop: Shop) -> None:
    answer = shop.ask("TEA 7")
    assert shop.shown(answer) == "TEA GZ 5, TEA BJ 2"
    near, far = (a["distance_km"] for a in answer.json()["items"][0]["allocations"])
    assert near < 1
    assert far > 1800


def test_one_sku_named_twice_counts_together(shop: Shop) -> None:
    assert shop.ask("TEA 6, TEA 5").status_code == 409
    assert shop.shown(shop.ask("TEA 6, TEA 4")) == "TEA GZ 5, TEA BJ 5"


def test_a_repeat_with_the_same_key_holds_once(shop: Shop) -> None:
    first, again = (shop.reserve("TEA 2", key=f"key-{shop.tag}") for _ in range(2))
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert shop.level("TEA", "GZ") == (3, 2)


def test_an_inactive_warehouse_serves_nobody(shop: Shop) -> None:
    shop.ok("PATCH", f"/warehouses/{shop.warehouses['GZ']}", {"is_active": False})
    assert shop.shown(shop.ask("TEA 1")) == "TEA BJ 1"


def test_without_coordinates_country_and_region_rank(shop: Shop) -> None:
    shop.warehouse("ZH", "POT 5", address={"country": "CN", "region": "Guangdong"})
    shop.warehouse("AH", "POT 5", address={"country": "CN", "region": "Anhui"})
    answer = shop.ask("POT 1", ship_to={"country": "cn", "region": "Anhui", "city": "Hefei"})
    assert shop.shown(answer) == "POT AH 1"
    [parcel] = answer.json()["parcels"]
    assert (parcel["distance_km"], parcel["distance_basis"]) == (None, "region")
    assert answer.json()["figures"]["distance_km"] is None


def test_the_last_unit_of_another_region_stays_there_when_the_next_is_as_good(shop: Shop) -> None:
    shop.warehouse("ZH", "POT 1", address={"country": "CN", "region": "Hebei"}, priority=200)
    shop.warehouse("AH", "POT 5", address={"country": "CN", "region": "Hunan"}, priority=100)
    assert shop.shown(shop.ask("POT 1", ship_to={"country": "CN", "region": "Anhui"})) == "POT AH 1"
    assert shop.shown(shop.ask("POT 1", ship_to={"country": "CN", "region": "Hebei"})) == "POT ZH 1"


@pytest.mark.parametrize("ship_to", [{}, {"latitude": 1}, {"latitude": 91, "longitude": 0}, {"region": "Anhui"}])
def test_an_order_goes_somewhere(shop: Shop, ship_to: dict[str, Any]) -> None:
    answer = shop.ask("TEA 1", ship_to=ship_to)
    assert (answer.status_code, answer.json()["errors"][0]["loc"][0]) == (422, "ship_to")


def test_a_hold_says_what_it_is_for_and_a_cart_has_a_deadline(shop: Shop) -> None:
    for more, field in (
        ({"reference_type": None}, "reference_type"),
        ({"reference_id": None}, "reference_id"),
        ({"reference_type": "cart", "expires_in_minutes": None}, "expires_in_minutes"),
    ):
        answer = shop.reserve("TEA 1", **more)
        assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, [field])
    assert shop.reserve("TEA 1", expires_in_minutes=None).json()["reservation"]["expires_at"] is None
    assert shop.reserve("TEA 1").json()["reservation"]["expires_at"] is not None


def test_unknown_and_archived_skus_are_refused(shop: Shop) -> None:
    unknown = shop.client.post(
        "/allocations", json={"items": [{"sku_id": str(uuid.uuid4()), "quantity": 1}], "ship_to": PARIS}
    )
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_sku")
    shop.ok("PATCH", f"/skus/{shop.sku('TEA')}", {"archived": True})
    assert shop.ask("TEA 1").json()["code"] == "sku_archived"


def test_stock_under_an_expired_hold_can_be_planned_and_held(shop: Shop) -> None:
    shop.reserve("TEA 10")
    assert shop.ask("TEA 1").status_code == 409
    shop.database.execute("update business_clock set shift = shift + interval '31 minutes'")
    try:
        assert shop.shown(shop.reserve("TEA 10")) == "TEA GZ 5, TEA BJ 5"
    finally:
        shop.database.execute("update business_clock set shift = '0'")


def test_a_plan_that_lost_its_stock_meanwhile_is_made_anew(shop: Shop, house_running: Running) -> None:
    """Another transaction takes all tea of GZ after the plan was read and before it is posted."""
    with psycopg.connect(house_running.database_url) as other, ThreadPoolExecutor(1) as pool:
        other.execute(
            "update inventory set available_quantity = 0, unavailable_quantity = 5"
            " where sku_id = %s and warehouse_id = %s",
            [shop.sku("TEA"), shop.warehouses["GZ"]],
        )
        answer = pool.submit(shop.reserve, "TEA 3", strategy="nearest")
        waiting = (
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%stock_reserve%'"
            " and datname = current_database()"
        )
        while shop.database.execute(waiting).fetchone() == (0,):
            assert not answer.done(), answer.result().text
        other.commit()
        assert shop.shown(answer.result(30)) == "TEA BJ 3"
    assert shop.level("TEA", "BJ") == (2, 3)


def test_buyers_at_once_never_get_more_than_there_is(house_running: Running, shop: Shop) -> None:
    """20 buyers of 1 tea and 1 cup: 10 of each are there, so 10 orders are held and 10 refused."""
    skus = shop.items("TEA 1, CUP 1")
    barrier = threading.Barrier(20)

    def buy(number: int) -> int:
        body = {"items": skus, "ship_to": GUANGZHOU, "reserve": True, "reference_type": "order"}
        with house_running.client() as client:
            barrier.wait()
            for _ in range(20):
                answer = client.post("/allocations", json={**body, "reference_id": f"R{number}-{shop.tag}"})
                if answer.status_code != 503:
                    return answer.status_code
        return 503

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(buy, range(20)))
    assert (answers.count(201), answers.count(409)) == (10, 10)
    taken = [shop.level(*where) for where in (("TEA", "GZ"), ("TEA", "BJ"), ("CUP", "SZ"), ("CUP", "BJ"))]
    assert taken == [(0, 5)] * 4


def test_a_reader_may_not_allocate(shop: Shop) -> None:
    made = shop.ok("POST", "/api-keys", {"name": f"reader-{shop.tag}", "scopes": ["read"]})
    refused = shop.client.post(
        "/allocations",
        json={"items": shop.items("TEA 1"), "ship_to": PARIS},
        headers={"Authorization": f"Bearer {made['token']}"},
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
