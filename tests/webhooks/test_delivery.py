"""Every change tells: at least once, in order, signed; what cannot be delivered is kept, shown and told again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from tests.house import House, open_house
from tests.receiver import Receiver, receiving
from tests.webhooks.conftest import make_due

from holdfast.db import Tx
from holdfast.webhooks import publisher
from holdfast.webhooks.delivery import deliver_due
from holdfast.webhooks.model import ATTEMPTS_MAX, retry_seconds


@pytest.fixture
async def house(fresh_url: str) -> AsyncIterator[House]:
    """An installation that may call loopback addresses."""
    async with open_house(fresh_url, allow_private_webhooks=True) as found:
        yield found


async def subscribe(house: House, receiver: Receiver, *event_types: str, **fields: Any) -> str:
    made = await house.post("/webhooks", {"url": receiver.url, "event_types": list(event_types) or ["*"], **fields})
    receiver.secret = made["secret"]
    return made["id"]


async def publish(house: House) -> int:
    return await publisher.publish_all(house.database)


async def deliver(house: House, webhook: str) -> int:
    return await deliver_due(house.database, house.application.settings, UUID(webhook))


async def deliveries(house: House, webhook: str) -> list[tuple[str, int, int | None]]:
    found = (await house.get(f"/webhooks/{webhook}/deliveries"))["deliveries"]
    return [(d["status"], d["attempts"], d["last_status"]) for d in reversed(found)]


async def test_a_change_of_stock_arrives_signed_and_once(house: House, receiver: Receiver) -> None:
    webhook = await subscribe(house, receiver, "inventory.*")
    await house.stock("TEA", "GZ", 5)
    assert await publish(house) > 0
    assert await deliver(house, webhook) == 1
    assert await publish(house) == 1, "that the SKU came into stock"
    assert await publish(house) == 0
    assert await deliver(house, webhook) == 0
    [message] = receiver.taken
    assert (message["type"], message["data"]["items"][0]["quantity"], receiver.forged) == ("inventory.received", 5, 0)


async def test_a_wrong_secret_is_noticed_by_the_receiver(house: House, receiver: Receiver) -> None:
    webhook = await subscribe(house, receiver, "inventory.*")
    receiver.secret = "whsec_" + "A" * 44
    await house.stock("TEA", "GZ", 5)
    await publish(house)
    assert await deliver(house, webhook) == 0
    assert (receiver.forged, await deliveries(house, webhook)) == (1, [("pending", 1, 401)])


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (["*"], ["inventory.received", "inventory.sold"]),
        (["inventory.*"], ["inventory.received", "inventory.sold"]),
        (["inventory.sold"], ["inventory.sold"]),
        (["inventory"], []),
        (["invent.*", "alert.*"], []),
    ],
)
async def test_a_receiver_hears_what_it_asked_for(
    house: House, receiver: Receiver, wanted: list[str], told: list[str]
) -> None:
    await house.sku("TEA")
    await house.warehouse("GZ")
    await publish(house)
    webhook = await subscribe(house, receiver, *wanted)
    await house.stock("TEA", "GZ", 5)
    await house.sell("TEA", "GZ", 2)
    await publish(house)
    await deliver(house, webhook)
    assert receiver.types == told


async def test_order_is_kept_when_the_first_message_fails(house: House, receiver: Receiver) -> None:
    webhook = await subscribe(house, receiver, "inventory.*")
    await house.stock("TEA", "GZ", 9)
    for quantity in (1, 2, 3):
        await house.sell("TEA", "GZ", quantity)
    await publish(house)
    receiver.answers = [503, 500]
    for expected in (0, 0, 4):
        await make_due(house)
        assert await deliver(house, webhook) == expected
    assert [m["data"]["items"][0]["quantity"] for m in receiver.taken] == [9, -1, -2, -3]
    assert await deliveries(house, webhook) == [("delivered", 3, 204)] + [("delivered", 1, 204)] * 3


async def test_a_failed_message_waits_for_its_time(house: House, receiver: Receiver) -> None:
    webhook = await subscribe(house, receiver, "inventory.*")
    await house.stock("TEA", "GZ", 1)
    await publish(house)
    receiver.answers = [(503, {"retry-after": "600"})]
    assert [await deliver(house, webhook), await deliver(house, webhook)] == [0, 0]
    assert receiver.requests == 1
    async with house.database.connection() as connection:
        rows = await connection.execute(
            "select extract(epoch from next_attempt_at - now()) between 590 and 600 from webhook_deliveries"
        )
        assert await rows.fetchall() == [(True,)]


async def test_a_dead_letter_lets_the_next_pass_and_is_told_again_on_request(house: House, receiver: Receiver) -> None:
    webhook = await subscribe(house, receiver, "inventory.*")
    await house.stock("TEA", "GZ", 5)
    await house.sell("TEA", "GZ", 1)
    await publish(house)
    receiver.answers = [500] * ATTEMPTS_MAX
    for _ in range(ATTEMPTS_MAX):
        await make_due(house)
        await deliver(house, webhook)
    assert await deliver(house, webhook) == 1
    assert await deliveries(house, webhook) == [("dead", ATTEMPTS_MAX, 500), ("delivered", 1, 204)]
    assert (await house.get(f"/webhooks/{webhook}"))["dead"] == 1
    assert await house.post(f"/webhooks/{webhook}/deliveries/replay", expect=200) == {"replayed": 1}
    assert await deliver(house, webhook) == 1
    assert receiver.types == ["inventory.sold", "inventory.received"]
    [newest, oldest] = (await house.get(f"/webhooks/{webhook}/deliveries"))["deliveries"]
    assert receiver.message_ids == [newest["message_id"], oldest["message_id"]]


async def test_one_delivery_can_be_told_again(house: House, receiver: Receiver) -> None:
    webhook = await subscribe(house, receiver, "inventory.*")
    await house.stock("TEA", "GZ", 5)
    await publish(house)
    await deliver(house, webhook)
    [delivery] = (await house.get(f"/webhooks/{webhook}/deliveries"))["deliveries"]
    path = f"/webhooks/{webhook}/deliveries/{delivery['id']}/replay"
    assert await house.post(path, expect=200) == {"replayed": 1}
    assert await deliver(house, webhook) == 1
    assert receiver.message_ids == [delivery["message_id"]] * 2


async def test_redirects_are_not_followed(house: House, receiver: Receiver) -> None:
    webhook = await subscribe(house, receiver, "inventory.*")
    await house.stock("TEA", "GZ", 5)
    await publish(house)
    receiver.answers = [(307, {"location": receiver.url + "/elsewhere"})]
    assert await deliver(house, webhook) == 0
    assert (receiver.requests, receiver.taken) == (1, [])


async def test_a_receiver_that_is_gone_is_left_alone(house: House, receiver: Receiver) -> None:
    webhook = await subscribe(house, receiver, "inventory.*")
    await house.stock("TEA", "GZ", 5)
    await publish(house)
    receiver.answers = [410]
    await deliver(house, webhook)
    await make_due(house)
    assert await deliver(house, webhook) == 0
    found = await house.get(f"/webhooks/{webhook}")
    assert (found["is_active"], "410 Gone" in found["disabled_reason"]) == (False, True)
    await house.call("PATCH", f"/webhooks/{webhook}", json={"is_active": True}, expect=200)
    assert await deliver(house, webhook) == 1


async def test_nobody_listening_is_an_outcome_and_not_a_crash(house: House, receiver: Receiver) -> None:
    with receiving() as gone:
        webhook = await subscribe(house, gone, "inventory.*")
    await house.stock("TEA", "GZ", 5)
    await publish(house)
    assert await deliver(house, webhook) == 0
    [delivery] = (await house.get(f"/webhooks/{webhook}/deliveries"))["deliveries"]
    assert delivery["last_error"].startswith("ConnectError")


async def test_the_secret_is_sealed_and_useless_with_another_key(house: House, receiver: Receiver) -> None:
    webhook = await subscribe(house, receiver, "inventory.*")
    async with house.database.connection() as connection:
        sealed = (await (await connection.execute("select secret_sealed from webhooks")).fetchall())[0][0]
    assert receiver.secret.encode() not in sealed
    assert "secret" not in await house.get(f"/webhooks/{webhook}")
    await house.stock("TEA", "GZ", 5)
    await publish(house)
    other = house.with_settings(secret="another key")
    assert await deliver_due(house.database, other.settings, UUID(webhook)) == 0
    assert receiver.requests == 0


async def test_a_publisher_that_dies_halfway_publishes_nothing_and_then_everything_once(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = await subscribe(house, receiver, "inventory.*")
    await house.stock("TEA", "GZ", 5)

    async def dies(_tx: Tx, _after: int, _until: int) -> None:
        raise KeyError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(publisher, "_listeners", [dies])
        with pytest.raises(KeyError):
            await publish(house)
    assert (await house.get("/events"))["events"] == []
    assert await publish(house) > 0
    assert await deliver(house, webhook) == 1


async def test_two_publishers_at_once_fan_out_each_event_once(house: House, receiver: Receiver) -> None:
    import asyncio

    webhook = await subscribe(house, receiver, "inventory.*")
    await house.stock("TEA", "GZ", 50)
    for _ in range(20):
        await house.sell("TEA", "GZ", 1)
    found = await asyncio.gather(*(publisher.publish_all(house.database, limit=3) for _ in range(4)))
    await deliver(house, webhook)
    assert sum(found) == len((await house.get("/events", limit=500))["events"])
    assert (len(receiver.taken), len(set(receiver.message_ids))) == (21, 21)


def test_attempts_spread_from_seconds_to_most_of_an_hour() -> None:
    waits = [retry_seconds(n, 1.0) for n in range(1, ATTEMPTS_MAX)]
    assert (waits[0], waits[-1], 40 <= sum(waits) / 60 <= 45) == (5, 1280, True)
    assert (retry_seconds(1, 0.0), retry_seconds(1, 1.0, 90), retry_seconds(1, 1.0, 10**6)) == (2.5, 90, 3600)
