"""Where an address without coordinates is: by the longest prefix of its postcode that the shop's table has."""

from __future__ import annotations

from typing import Any

import pytest
from tests.house import House

from holdfast.allocation.postcodes import Postcode, set_postcodes

TABLE = (
    Postcode("GB", "NG", 52.95, -1.15),
    Postcode("GB", "NG31", 52.91, -0.64),
    Postcode("GB", "EH", 55.95, -3.19),
    Postcode("FR", "NG", 0.0, 0.0),
)


async def planned(house: House, **ship_to: Any) -> tuple[str, float | None]:
    """The warehouse chosen for one TEA, and how far it is."""
    body = {"items": [{"sku_id": await house.sku("TEA"), "quantity": 1}], "ship_to": ship_to, "strategy": "nearest"}
    [parcel] = (await house.post("/allocations", body, expect=200))["parcels"]
    return parcel["warehouse_code"].split("-")[0], parcel["distance_km"]


@pytest.fixture
async def two_places(house: House) -> House:
    """A warehouse in Nottingham with coordinates, and one in Edinburgh known by its postcode only."""
    await house.warehouse("NOT", latitude=52.95, longitude=-1.15, address={"country": "GB"})
    await house.warehouse("EDI", address={"country": "GB", "postcode": "eh1 1aa"})
    for place in ("NOT", "EDI"):
        await house.stock("TEA", place, 5)
    return house


async def test_a_postcode_stands_for_its_coordinates_and_the_longest_prefix_wins(two_places: House) -> None:
    house = two_places
    assert (await planned(house, country="GB", postcode="EH8 9YL"))[1] is None, "nothing is known of postcodes yet"
    async with house.database.transaction() as tx:
        await set_postcodes(tx, TABLE)
    assert await planned(house, country="gb", postcode="EH8 9YL") == ("EDI", 0.0)
    assert await planned(house, country="GB", postcode="ng7-2rd") == ("NOT", 0.0)
    place, kilometres = await planned(house, country="GB", postcode="NG31 6AA")
    assert (place, round(kilometres or 0)) == ("NOT", 34)
    assert (await planned(house, country="GB", postcode="ZZ1"))[1] is None


async def test_coordinates_go_before_the_postcode(two_places: House) -> None:
    async with two_places.database.transaction() as tx:
        await set_postcodes(tx, TABLE)
    here = {"latitude": 52.95, "longitude": -1.15, "country": "GB", "postcode": "EH8 9YL"}
    assert await planned(two_places, **here) == ("NOT", 0.0)
