"""What channels are shown, and when they hear that something came into stock or went out of it."""

from __future__ import annotations

import itertools
import random
from typing import Any
from uuid import UUID

from tests.connectors.test_levels import push
from tests.house import House
from tests.receiver import Receiver

from holdfast.connectors import channels
from holdfast.webhooks import publisher

STATES = ("sku.back_in_stock", "sku.out_of_stock", "channel.back_in_stock", "channel.out_of_stock")


async def told(house: House) -> list[str]:
    """Every state that was told so far: ``TEA back_in_stock 9`` or ``TEA out_of_stock shop 0``."""
    for _ in range(2):  # what a step tells is published by the next
        await publisher.publish_all(house.database)
    events = (await house.get("/events", limit=500))["events"]
    return [
        " ".join(
            str(part)
            for part in (
                event["data"]["sku_code"].split("-")[0],
                event["event_type"].partition(".")[2],
                event["data"].get("channel"),
                event["data"].get("available_quantity", event["data"].get("published_quantity")),
            )
            if part is not None
        )
        for event in events
        if event["event_type"] in STATES
    ]


async def shown(house: House, channel: str, sku: str) -> int:
    page = await house.get(f"/channels/{channel}/stock", sku_id=await house.sku(sku))
    return page["published"][0]["published_quantity"]


async def buffer(house: House, channel: str, quantity: int | None, **subject: str) -> None:
    await house.call("PUT", f"/channels/{channel}/buffers", json={"buffer": quantity, **subject}, expect=200)


async def hold(house: House, sku: str, quantity: int, **more: Any) -> str:
    items = [{"sku_id": await house.sku(sku), "quantity": quantity, **more}]
    body = {"reference_type": "order", "reference_id": f"O-{quantity}", "expires_in_minutes": None, "items": items}
    return (await house.post("/inventory/reservations", body))["reservation_id"]


async def test_only_the_change_of_state_is_told_and_never_twice(house: House) -> None:
    await house.stock("TEA", "GZ", 2)
    assert await told(house) == ["TEA back_in_stock 2"]
    await house.stock("TEA", "SH", 5)
    await house.sell("TEA", "GZ", 2)
    held = await hold(house, "TEA", 4)
    assert await told(house) == ["TEA back_in_stock 2"]
    await hold(house, "TEA", 1)
    expected = ["TEA back_in_stock 2", "TEA out_of_stock 0"]
    assert await told(house) == expected
    await house.post(f"/inventory/reservations/{held}/release", expect=200)
    assert await told(house) == [*expected, "TEA back_in_stock 4"]
    assert await told(house) == [*expected, "TEA back_in_stock 4"]


async def test_what_comes_and_goes_between_two_looks_is_not_told(house: House) -> None:
    await house.stock("TEA", "GZ", 1)
    await house.sell("TEA", "GZ", 1)
    assert await told(house) == []


async def test_a_step_of_the_publisher_that_fails_tells_once_when_it_is_repeated(house: House) -> None:
    await house.stock("TEA", "GZ", 1)
    async with house.database.transaction() as tx:
        await publisher.publish_step(tx)
        await tx.connection.execute("rollback")
        await tx.connection.execute("begin")
    assert await told(house) == ["TEA back_in_stock 1"]


async def test_a_bundle_comes_and_goes_with_its_parts_and_an_archived_sku_goes(house: House) -> None:
    tea, cup = await house.sku("TEA"), await house.sku("CUP")
    parts = [{"sku_id": tea, "quantity": 2}, {"sku_id": cup, "quantity": 1}]
    bundle = await house.sku("SET")
    await house.call("PUT", f"/skus/{bundle}/components", json={"components": parts}, expect=200)
    await house.stock("TEA", "GZ", 3)
    await house.stock("CUP", "GZ", 1)
    assert sorted(await told(house)) == ["CUP back_in_stock 1", "SET back_in_stock 1", "TEA back_in_stock 3"]
    await house.sell("TEA", "GZ", 2)
    assert (await told(house))[3:] == ["SET out_of_stock 0"]
    version = (await house.get(f"/skus/{tea}"))["version"]
    change = {"archived": True, "expected_version": version}
    await house.call("PATCH", f"/skus/{tea}", json=change, expect=200)
    assert (await told(house))[4:] == ["TEA out_of_stock 0"]


async def test_a_channel_is_shown_what_is_above_its_buffer(house: House) -> None:
    tea = await house.sku("TEA", category="drinks")
    await house.stock("TEA", "GZ", 9)
    await house.stock("CUP", "GZ", 9)
    await house.post("/channels", {"code": "shop", "name": "Web shop", "buffer": 2})
    assert [await shown(house, "shop", sku) for sku in ("TEA", "CUP")] == [7, 7]
    await buffer(house, "shop", 5, category="drinks")
    assert [await shown(house, "shop", sku) for sku in ("TEA", "CUP")] == [4, 7]
    await buffer(house, "shop", 20, sku_id=tea)
    assert [await shown(house, "shop", sku) for sku in ("TEA", "CUP")] == [0, 7]
    await buffer(house, "shop", None, sku_id=tea)
    await buffer(house, "shop", None, category="drinks")
    await house.call("PATCH", "/channels/shop", json={"buffer": 0}, expect=200)
    assert [await shown(house, "shop", sku) for sku in ("TEA", "CUP")] == [9, 9]
    await house.call("PATCH", "/channels/shop", json={"is_active": False}, expect=200)
    assert await shown(house, "shop", "TEA") == 0


async def test_a_channel_hears_when_its_published_quantity_comes_and_goes(house: House) -> None:
    await house.post("/channels", {"code": "shop", "name": "Web shop", "buffer": 3})
    await house.stock("TEA", "GZ", 3)
    assert await told(house) == ["TEA back_in_stock 3"], "three are kept back"
    await house.stock("TEA", "GZ", 1)
    assert (await told(house))[1:] == ["TEA back_in_stock shop 1"]
    await house.sell("TEA", "GZ", 1)
    assert (await told(house))[2:] == ["TEA out_of_stock shop 0"]
    await house.call("PATCH", "/channels/shop", json={"buffer": 0}, expect=200)
    assert await channels.look_at_changed(house.database) == 1
    assert (await told(house))[3:] == ["TEA back_in_stock shop 3"]
    assert await channels.look_at_changed(house.database) == 0


async def test_a_channel_sells_from_its_warehouses_and_only_what_lasts(house: House) -> None:
    gz, sh = await house.warehouse("GZ"), await house.warehouse("SH")
    milk = await house.sku("MILK", tracking="batch")
    for place, number, year, quantity in ((gz, "A", 2026, 4), (gz, "B", 2040, 5), (sh, "B", 2040, 7)):
        batch = {"number": number, "expiry_date": f"{year}-12-30"}
        items = [{"sku_id": milk, "quantity": quantity, "batch": batch}]
        await house.post("/inventory/receipts", {"warehouse_id": place, "items": items})
    await house.post("/channels", {"code": "all", "name": "Everywhere"})
    await house.post("/channels", {"code": "store", "name": "The store", "warehouse_ids": [gz]})
    await house.post("/channels", {"code": "far", "name": "Ships far", "min_remaining_days": 1000})
    assert [await shown(house, code, "MILK") for code in ("all", "store", "far")] == [16, 9, 12]
    # A promise that asks for such a life comes first.
    await hold(house, "MILK", 5, warehouse_id=gz, min_remaining_days=1000)
    assert [await shown(house, code, "MILK") for code in ("all", "store", "far")] == [11, 4, 7]


async def test_a_hold_of_a_channel_takes_only_what_lasts_as_long_as_the_channel_asks_for(house: House) -> None:
    """D-44: by itself, whether a line names a life or not; a part of a bundle too, and when the order is planned."""
    gz, milk, cup = await house.warehouse("GZ"), await house.sku("MILK", tracking="batch"), await house.sku("CUP")
    for number, year, quantity in (("A", 2030, 4), ("B", 2040, 5)):
        batch = {"number": number, "expiry_date": f"{year}-12-30"}
        items = [{"sku_id": milk, "quantity": quantity, "batch": batch}]
        await house.post("/inventory/receipts", {"warehouse_id": gz, "items": items})
    await house.stock("CUP", "GZ", 9)
    box = await house.sku("BOX")
    parts = [{"sku_id": milk, "quantity": 1}, {"sku_id": cup, "quantity": 1}]
    await house.call("PUT", f"/skus/{box}/components", json={"components": parts}, expect=200)
    await house.post("/channels", {"code": "far", "name": "Ships far", "min_remaining_days": 3000})

    async def ask(sku: str, quantity: int, expect: int, **more: Any) -> None:
        body = {"reference_type": "order", "reference_id": "O", "expires_in_minutes": None, **more}
        items = [{"sku_id": sku, "quantity": quantity}]
        await house.post("/inventory/reservations", {**body, "channel": "far", "items": items}, expect=expect)

    for sku in ("MILK", "BOX"):
        there = await house.get(f"/inventory/{await house.sku(sku)}/availability", quantity=1, channel="far")
        assert (there["quantity_available"], await shown(house, "far", sku)) == (5, 5)
    planned = {"ship_to": {"country": "CN", "region": "GD"}}
    await ask(milk, 6, 409)
    await ask(box, 6, 409)
    await ask(milk, 6, 409, **planned)
    await ask(box, 6, 409, **planned)
    await ask(cup, 1, 201)
    await ask(box, 1, 201)
    await ask(milk, 1, 201)
    await ask(milk, 2, 201, **planned)
    await ask(box, 1, 201, **planned)
    assert await shown(house, "far", "MILK") == 0
    # Who asks for no life has what is left, and none of what the channel was promised.
    await hold(house, "MILK", 4)
    assert (await house.get(f"/inventory/{milk}/availability", quantity=1))["quantity_available"] == 0


async def test_the_pool_of_a_channel_keeps_units_that_last_for_it(house: House) -> None:
    gz, milk = await house.warehouse("GZ"), await house.sku("MILK", tracking="batch")
    for number, year, quantity in (("A", 2030, 4), ("B", 2040, 5)):
        batch = {"number": number, "expiry_date": f"{year}-12-30"}
        items = [{"sku_id": milk, "quantity": quantity, "batch": batch}]
        await house.post("/inventory/receipts", {"warehouse_id": gz, "items": items})
    await house.post("/channels", {"code": "far", "name": "Ships far", "min_remaining_days": 3000})
    await house.post("/channels", {"code": "also", "name": "Ships far too", "min_remaining_days": 3000})
    pool = {"sku_id": milk, "warehouse_id": gz, "quantity": 3}
    await house.call("PUT", "/channels/far/pools", json=pool, expect=200)
    assert [await shown(house, code, "MILK") for code in ("far", "also")] == [5, 2]
    body = {"reference_type": "order", "reference_id": "O", "expires_in_minutes": None, "channel": "also"}
    for quantity, status in ((3, 409), (2, 201)):
        items = [{"sku_id": milk, "quantity": quantity}]
        await house.post("/inventory/reservations", {**body, "items": items}, expect=status)
    assert [await shown(house, code, "MILK") for code in ("far", "also")] == [3, 0]


async def test_pools_are_set_listed_explained_and_ended(house: House) -> None:
    await house.stock("TEA", "GZ", 10)
    gz, tea = await house.warehouse("GZ"), await house.sku("TEA")
    await house.post("/channels", {"code": "shop", "name": "Web shop", "buffer": 1})
    place = {"sku_id": tea, "warehouse_id": gz}

    async def set_pool(expect: int, **fields: Any) -> Any:
        return await house.call("PUT", "/channels/shop/pools", json={**place, **fields}, expect=expect)

    made = (await set_pool(200, quantity=4, expected_version=0))["pool"]
    assert (made["remaining_quantity"], made["there_quantity"], made["version"]) == (4, 4, 1)
    assert (await set_pool(409, quantity=5, expected_version=0))["code"] == "version_conflict"
    items = [{"sku_id": tea, "quantity": 3}]
    body = {"reference_type": "cart", "reference_id": "c", "channel": "shop", "items": items}
    held = await house.post("/inventory/reservations", body)
    assert (await house.get(f"/inventory/reservations/{held['reservation_id']}"))["channel"] == "shop"
    sale = {"warehouse_id": gz, "channel": "shop", "items": [{"sku_id": tea, "quantity": 1}]}
    await house.post("/inventory/sales", sale)
    [level] = (await house.get(f"/inventory/{tea}/explain"))["levels"]
    assert (level["pooled"]["quantity"], level["pooled"]["free"], level["pooled"]["adds_up"]) == (0, 6, True)
    [told] = level["pooled"]["entries"]
    assert (told["channel"], told["held"], told["sold"], told["taken_quantity"]) == ("shop", 3, 1, 4)
    below = await set_pool(409, quantity=3)
    assert (below["code"], below["taken_quantity"]) == ("below_taken", 4)
    await set_pool(200, quantity=6)
    [level] = (await house.get("/inventory", sku_id=tea))["inventories"]
    assert (level["available_quantity"], level["pooled_quantity"]) == (6, 2)
    assert (await house.get("/channels/shop/stock", sku_id=tea))["published"][0]["published_quantity"] == 5
    [listed] = (await house.get("/channels/shop/pools"))["pools"]
    assert (listed["quantity"], listed["taken_quantity"]) == (6, 4)
    away = {"warehouse_ids": [await house.warehouse("SH")]}
    elsewhere = await house.call("PATCH", "/channels/shop", json=away, expect=409)
    assert elsewhere["code"] == "pools_elsewhere"
    assert await set_pool(200, quantity=None) == {"pool": None}
    assert (await house.get("/channels/shop/pools"))["pools"] == []
    await publisher.publish_all(house.database)
    events = (await house.get("/events", limit=500))["events"]
    changes = [e["data"]["quantity"] for e in events if e["event_type"] == "inventory.pool_changed"]
    assert changes == [4, 6, None]
    asked = {"quantity": 1, "channel": "nowhere"}
    unknown = await house.call("GET", f"/inventory/{tea}/availability", params=asked, expect=422)
    assert unknown["code"] == "unknown_channel"


async def test_what_closes_without_an_event_of_a_sku_is_found_by_the_round(house: House) -> None:
    gz = await house.warehouse("GZ")
    await house.stock("TEA", "GZ", 3)
    await told(house)
    version = (await house.get(f"/warehouses/{gz}"))["version"]
    await house.call("PATCH", f"/warehouses/{gz}", json={"is_active": False, "expected_version": version}, expect=200)
    assert await channels.look_at_all(house.database) == 1
    assert (await told(house))[1:] == ["TEA out_of_stock 0"]


async def test_a_round_over_everything_touches_only_what_changed(house: House) -> None:
    for sku in ("TEA", "CUP", "POT"):
        await house.stock(sku, "GZ", 3)
    await told(house)

    async def rows() -> list[Any]:
        async with house.database.transaction() as tx:
            # A row that was locked or written has another xmax or place.
            found = await tx.connection.execute("select sku_id, ctid::text, xmax::text from stock_states order by 1")
            return await found.fetchall()

    before = await rows()
    assert len(before) == 3
    assert await channels.look_at_all(house.database) == 0
    assert await rows() == before


async def test_a_level_channel_is_told_what_is_published(house: House, receiver: Receiver) -> None:
    made = await house.post("/webhooks", {"url": receiver.url, "mode": "levels"})
    receiver.secret = made["secret"]
    await house.post("/channels", {"code": "shop", "name": "Web shop", "buffer": 4, "webhook_id": made["id"]})
    await house.stock("TEA", "GZ", 9)
    await house.stock("TEA", "SH", 1)
    await push(house, UUID(made["id"]))
    levels = receiver.taken[-1]["data"]["levels"]
    assert [(x["available_quantity"], x["channel"], x["published_quantity"]) for x in levels] == [
        (9, "shop", 6),
        (1, "shop", 6),
    ]
    # A new buffer changes what is shown though no level changed.
    await house.call("PATCH", "/channels/shop", json={"buffer": 1}, expect=200)
    await channels.look_at_changed(house.database)
    await push(house, UUID(made["id"]))
    assert [x["published_quantity"] for x in receiver.taken[-1]["data"]["levels"]] == [9, 9]


async def test_wrong_channels_are_refused(house: House) -> None:
    await house.post("/channels", {"code": "shop", "name": "Web shop"})
    taken: Any = await house.post("/channels", {"code": "shop", "name": "Another"}, expect=409)
    assert taken["code"] == "channel_code_taken"
    events = await house.post("/webhooks", {"url": "https://shop.example/hook"})
    cases = (
        ({"code": "b", "name": "B", "warehouse_ids": [events["id"]]}, 422, "unknown_warehouse"),
        ({"code": "b", "name": "B", "webhook_id": events["id"]}, 409, "not_a_level_channel"),
        ({"code": "b", "name": "B", "buffer": -1}, 422, "invalid_request"),
    )
    for body, status, code in cases:
        refused: Any = await house.post("/channels", body, expect=status)
        assert code in (refused["code"], *(error["code"] for error in refused.get("errors", [])))
    stale: Any = await house.call("PATCH", "/channels/shop", json={"name": "X", "expected_version": 9}, expect=409)
    assert stale["code"] == "version_conflict"
    nobody: Any = await house.call("GET", "/channels/nobody/stock", expect=404)
    assert nobody["code"] == "channel_not_found"


async def test_q14_a_receiver_that_gets_messages_twice_and_out_of_order_ends_right(
    house: House, receiver: Receiver
) -> None:
    """The receiver is written as docs/reference/events.md says: keep the highest version per SKU and warehouse."""
    made = await house.post("/webhooks", {"url": receiver.url, "mode": "levels"})
    receiver.secret = made["secret"]
    for sku, place, quantity in (("TEA", "GZ", 9), ("TEA", "SH", 5), ("CUP", "GZ", 7)):
        await house.stock(sku, place, quantity)
        await push(house, UUID(made["id"]))
    for sku, place in (("TEA", "GZ"), ("CUP", "GZ"), ("TEA", "SH"), ("TEA", "GZ")):
        await house.sell(sku, place, 1)
        await push(house, UUID(made["id"]))
    messages = receiver.taken
    assert len(messages) == 7
    truth = {("TEA", "GZ"): 7, ("TEA", "SH"): 4, ("CUP", "GZ"): 6}
    for seed in range(20):
        arrived = [*messages, *messages]
        random.Random(seed).shuffle(arrived)  # noqa: S311 - an order, not a secret
        assert kept(arrived) == truth
    newest_last = [*messages[:-1], messages[0]]
    assert kept(newest_last, by_version=False) != truth, "a receiver that believes the last message is wrong"


def kept(messages: list[dict[str, Any]], *, by_version: bool = True) -> dict[tuple[str, str], int]:
    shelf: dict[tuple[str, str], tuple[int, int]] = {}
    for level in itertools.chain.from_iterable(message["data"]["levels"] for message in messages):
        place = level["sku_code"].split("-")[0], level["warehouse_code"].split("-")[0]
        if not by_version or level["version"] > shelf.get(place, (-1, 0))[0]:
            shelf[place] = (level["version"], level["available_quantity"])
    return {place: quantity for place, (_, quantity) in shelf.items()}
