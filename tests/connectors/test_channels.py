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
