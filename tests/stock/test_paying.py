"""A customer who pays keeps the hold until the payment is through, once, and not for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from tests.house import House, open_house


@pytest.fixture
async def house(fresh_url: str) -> AsyncIterator[House]:
    async with open_house(fresh_url, extension_minutes_max=20, payment_grace_minutes=15) as found:
        yield found


async def hold(house: House, minutes: int | None) -> dict[str, Any]:
    await house.stock("TEA", "GZ", 5)
    items = [{"sku_id": await house.sku("TEA"), "quantity": 1}]
    kind = "cart" if minutes else "order"
    body = {"reference_type": kind, "reference_id": "C-1", "expires_in_minutes": minutes, "items": items}
    return await house.post("/inventory/reservations", body)


async def paying(house: House, held: dict[str, Any], *, expect: int = 200) -> Any:
    return await house.post(f"/inventory/reservations/{held['reservation_id']}/paying", expect=expect)


def minutes_between(before: dict[str, Any], after: dict[str, Any]) -> int:
    ends = [datetime.fromisoformat(x["expires_at"]) for x in (before, after)]
    return round((ends[1] - ends[0]).total_seconds() / 60)


async def test_who_pays_has_at_least_the_grace_and_who_has_more_keeps_it(house: House) -> None:
    short = await hold(house, 5)
    granted = await paying(house, short)
    assert minutes_between(short, granted) in (10, 11)
    assert minutes_between(granted, await paying(house, short)) in (0, 1), "asking again gives nothing more"
    long = await hold(house, 60)
    assert minutes_between(long, await paying(house, long)) == 0
    assert (await paying(house, await hold(house, None)))["expires_at"] is None


async def test_the_grace_counts_as_an_extension_and_goes_beyond_their_limit_once(house: House) -> None:
    held = await hold(house, 1)
    extend = f"/inventory/reservations/{held['reservation_id']}/extend"
    granted = await paying(house, held)
    assert minutes_between(held, granted) in (14, 15)
    refused = await house.call("PUT", extend, json={"additional_minutes": 7}, expect=409)
    assert (refused["code"], refused["minutes_left"] in (5, 6)) == ("extension_limit_reached", True)
    await house.call("PUT", extend, json={"additional_minutes": 5}, expect=200)


async def test_a_hold_that_is_over_is_not_paid_into_life(house: House) -> None:
    held = await hold(house, 5)
    await house.post(f"/inventory/reservations/{held['reservation_id']}/release", expect=200)
    assert (await paying(house, held, expect=409))["code"] == "already_cancelled"
