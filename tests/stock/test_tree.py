"""Stock summed up the tree of warehouses, and warehouses that are fuller than they should be."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.house import House

from holdfast.stock import tree
from holdfast.stock.tree import PlaceRow, arranged
from holdfast.webhooks import publisher


async def country(house: House) -> None:
    """A main warehouse, a region below it, a shop below that, and one that lies apart."""
    main = await house.warehouse("MAIN")
    south = await house.warehouse("SOUTH", type="regional", parent_id=main)
    await house.warehouse("SHOP", type="local", parent_id=south)
    await house.warehouse("APART")
    for code, units in (("MAIN", 10), ("SOUTH", 5), ("SHOP", 2), ("APART", 7)):
        await house.stock("TEA", code, units)
    await house.stock("CUP", "SHOP", 4)


async def sums(house: House, **asked: Any) -> dict[str, tuple[int, int, int]]:
    """Per warehouse: depth, on hand alone, on hand with everything below."""
    found = (await house.get("/inventory/by-warehouse", **asked))["warehouses"]
    return {
        place["code"].split("-")[0]: (place["depth"], place["own"]["on_hand"], place["total"]["on_hand"])
        for place in found
    }


async def test_stock_is_summed_up_the_tree_of_warehouses(house: House) -> None:
    await country(house)
    everything = {"APART": (0, 7, 7), "MAIN": (0, 10, 21), "SOUTH": (1, 5, 11), "SHOP": (2, 6, 6)}
    assert await sums(house) == everything
    tea = await sums(house, sku_id=await house.sku("TEA"))
    assert tea == {"APART": (0, 7, 7), "MAIN": (0, 10, 17), "SOUTH": (1, 5, 7), "SHOP": (2, 2, 2)}


async def test_the_parts_of_a_sum_are_summed_each_by_itself(house: House) -> None:
    await country(house)
    items = [{"sku_id": await house.sku("TEA"), "quantity": 2, "warehouse_id": await house.warehouse("SHOP")}]
    body = {"reference_type": "order", "reference_id": "O-1", "expires_in_minutes": None, "items": items}
    await house.post("/inventory/reservations", body)
    found = (await house.get("/inventory/by-warehouse"))["warehouses"]
    main = next(place for place in found if place["code"].startswith("MAIN"))
    assert main["total"] == {"on_hand": 21, "available": 19, "reserved": 2, "unavailable": 0, "in_transit": 0}
    assert main["own"]["reserved"] == 0


def test_what_lies_below_a_place_that_is_not_shown_stands_at_the_top() -> None:
    rows = [
        PlaceRow(UUID(int=n), f"W{n}", "", "main", parent and UUID(int=parent), None, True, n, 0, 0, 0, 0)
        for n, parent in ((1, 9), (2, 1), (3, None))
    ]
    places = [(place.code, place.depth, place.total.on_hand) for place in arranged(rows)]
    assert places == [("W1", 0, 3), ("W2", 1, 2), ("W3", 0, 3)]


async def test_a_warehouse_over_its_capacity_is_told_once_and_refused_nothing(house: House) -> None:
    await house.warehouse("GZ", capacity=10)
    await house.stock("TEA", "GZ", 10)

    async def told() -> list[tuple[str, int]]:
        async with house.database.transaction() as tx:
            await tree.note_capacity(tx)
        await publisher.publish_all(house.database)
        events = (await house.get("/events", limit=500))["events"]
        kinds = ("warehouse.over_capacity", "warehouse.within_capacity")
        return [(e["event_type"].partition(".")[2], e["data"]["on_hand"]) for e in events if e["event_type"] in kinds]

    assert await told() == []
    await house.stock("CUP", "GZ", 1)
    assert await told() == [("over_capacity", 11)]
    await house.stock("CUP", "GZ", 5)
    assert await told() == [("over_capacity", 11)]
    await house.sell("TEA", "GZ", 6)
    assert await told() == [("over_capacity", 11), ("within_capacity", 10)]
