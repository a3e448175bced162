"""The feed has one order, and no event appears behind a cursor that was given out."""

from __future__ import annotations

import psycopg
from tests.house import House

from holdfast.webhooks import publisher


async def test_an_event_that_commits_late_comes_later_in_the_feed(house: House, fresh_url: str) -> None:
    with psycopg.connect(fresh_url) as slow:
        slow.execute("insert into outbox_events (event_type, data) values ('slow.began_first', '{}')")
        await house.sku("TEA")
        await publisher.publish_all(house.database)
        first = await house.get("/events")
        slow.commit()
    await publisher.publish_all(house.database)
    second = await house.get("/events", cursor=first["next_cursor"])
    assert [e["event_type"] for e in first["events"]] == ["sku.created"]
    assert [e["event_type"] for e in second["events"]] == ["slow.began_first"]
    assert (await house.get("/events", cursor=second["next_cursor"])) == {"events": [], "next_cursor": None}


async def test_events_of_one_sku_are_in_the_order_in_which_they_happened(house: House) -> None:
    await house.stock("TEA", "GZ", 9)
    await house.stock("CUP", "GZ", 9)
    for quantity in (1, 2, 3):
        await house.sell("TEA", "GZ", quantity)
    await publisher.publish_all(house.database, limit=2)
    found = await house.get("/events", sku_id=await house.sku("TEA"), event_type="inventory.*")
    assert [e["data"]["items"][0]["quantity"] for e in found["events"]] == [9, -1, -2, -3]
    page = await house.get("/events", limit=2)
    assert len(page["events"]) == 2


async def test_positions_have_no_gaps_and_no_doubles(house: House) -> None:
    for code in ("A", "B", "C"):
        await house.stock(code, "GZ", 1)
    await publisher.publish_all(house.database, limit=2)
    positions = [e["position"] for e in (await house.get("/events", limit=500))["events"]]
    assert positions == list(range(1, len(positions) + 1))
