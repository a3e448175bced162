"""A level channel is told absolute levels: coalesced, newest, versioned, and none is lost."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.house import House
from tests.receiver import Receiver
from tests.webhooks.conftest import make_due

from holdfast.connectors.levels import batch_levels
from holdfast.webhooks import publisher
from holdfast.webhooks.delivery import deliver_due
from holdfast.webhooks.model import ATTEMPTS_MAX


async def subscribe(house: House, receiver: Receiver, mode: str = "levels") -> UUID:
    made = await house.post("/webhooks", {"url": receiver.url, "mode": mode})
    receiver.secret = made["secret"]
    return UUID(made["id"])


async def push(house: House, webhook: UUID) -> None:
    """What the jobs do."""
    await publisher.publish_all(house.database)
    async with house.database.transaction() as tx:
        await batch_levels(tx)
    await deliver_due(house.database, house.application.settings, webhook)


def told(receiver: Receiver) -> list[list[tuple[str, int]]]:
    """Per message: SKU and available quantity."""
    return [
        [(level["sku_code"].split("-")[0], level["available_quantity"]) for level in message["data"]["levels"]]
        for message in receiver.taken
    ]


async def test_many_changes_of_a_level_are_told_once_with_the_newest_figure(house: House, receiver: Receiver) -> None:
    webhook = await subscribe(house, receiver)
    await house.stock("TEA", "GZ", 9)
    await house.stock("CUP", "GZ", 4)
    for _ in range(3):
        await house.sell("TEA", "GZ", 1)
    await push(house, webhook)
    await push(house, webhook)
    assert told(receiver) == [[("CUP", 4), ("TEA", 6)]]


async def test_only_the_warehouse_that_changed_is_told(house: House, receiver: Receiver) -> None:
    webhook = await subscribe(house, receiver)
    await house.stock("TEA", "GZ", 9)
    await house.stock("TEA", "SH", 5)
    await push(house, webhook)
    await house.sell("TEA", "SH", 1)
    await push(house, webhook)
    assert told(receiver) == [[("TEA", 9), ("TEA", 5)], [("TEA", 4)]]


async def test_versions_only_grow(house: House, receiver: Receiver) -> None:
    webhook = await subscribe(house, receiver)
    await house.stock("TEA", "GZ", 9)
    for _ in range(3):
        await house.sell("TEA", "GZ", 1)
        await push(house, webhook)
    versions = [message["data"]["levels"][0]["version"] for message in receiver.taken]
    assert (len(versions), versions) == (3, sorted(set(versions)))


async def test_while_the_receiver_is_away_changes_pile_up_to_one_message(house: House, receiver: Receiver) -> None:
    webhook = await subscribe(house, receiver)
    await house.stock("TEA", "GZ", 9)
    receiver.answers = [503]
    await push(house, webhook)
    for _ in range(5):
        await house.sell("TEA", "GZ", 1)
        await push(house, webhook)
    await make_due(house)
    await push(house, webhook)
    await push(house, webhook)
    assert told(receiver) == [[("TEA", 9)], [("TEA", 4)]]


async def test_a_dead_letter_loses_no_level(house: House, receiver: Receiver) -> None:
    webhook = await subscribe(house, receiver)
    await house.stock("TEA", "GZ", 9)
    receiver.answers = [500] * ATTEMPTS_MAX
    for _ in range(ATTEMPTS_MAX):
        await push(house, webhook)
        await make_due(house)
    assert told(receiver) == []
    await push(house, webhook)
    assert told(receiver) == [[("TEA", 9)]]


async def test_a_receiver_that_starts_asks_for_everything(house: House, receiver: Receiver) -> None:
    await house.stock("TEA", "GZ", 9)
    await house.stock("CUP", "GZ", 4)
    await publisher.publish_all(house.database)
    webhook = await subscribe(house, receiver)
    await push(house, webhook)
    assert told(receiver) == []
    assert await house.post(f"/webhooks/{webhook}/sync", expect=202) == {"noted": 2}
    await push(house, webhook)
    assert told(receiver) == [[("CUP", 4), ("TEA", 9)]]


async def test_a_channel_of_events_has_no_levels_to_tell(house: House, receiver: Receiver) -> None:
    webhook = await subscribe(house, receiver, mode="events")
    refused: Any = await house.post(f"/webhooks/{webhook}/sync", expect=409)
    assert refused["code"] == "not_a_level_channel"
