"""Extend, sweep, consume and cancel meet at the instant a hold expires: it is resolved once, and all are told so."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import Any

import httpx2
import psycopg
import pytest
from tests.books import violations_at
from tests.conftest import Shelf
from tests.races.conftest import Crowd, Reply, counted

pytestmark = [pytest.mark.xdist_group("races"), pytest.mark.timeout(120)]

HOLDS = 60


@pytest.fixture
def clock(shop: Shelf) -> Any:
    """Moves business time so that a deadline is ``milliseconds`` away; back to now afterwards."""

    def until(deadline: str, milliseconds: int) -> None:
        shop.connection.execute(
            "update business_clock set shift = %s::timestamptz - make_interval(secs => %s) - clock_timestamp()",
            [deadline, milliseconds / 1000],
        )

    yield until
    shop.connection.execute("update business_clock set shift = '0'")


async def sweep(url: str, until_done: asyncio.Event) -> None:
    """The sweeper, as often as it can."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while not until_done.is_set():
            await connection.execute("select stock_expire(7)")


@pytest.mark.parametrize("milliseconds", [0, 60, 150])
async def test_a_hold_is_resolved_once(
    crowd: Crowd, shop: Shelf, racing_url: str, clock: Any, milliseconds: int
) -> None:
    shop.given(f"TEA@GZ {HOLDS}, CUP@GZ {HOLDS}")
    held = [shop.reserve("TEA@GZ 1, CUP@GZ 1", minutes=1) for _ in range(HOLDS)]
    ids = [h["reservation_id"] for h in held]
    clock(held[HOLDS // 2]["expires_at"], milliseconds)

    async def strike(client: httpx2.AsyncClient, n: int) -> Reply:
        path = f"/inventory/reservations/{ids[n // 4]}"
        match n % 4:
            case 0:
                return await client.put(f"{path}/extend", json={"additional_minutes": 1})
            case 1:
                return await client.post(f"{path}/consume")
            case 2:
                return await client.delete(path)
            case _:
                return await client.post(f"{path}/consume")

    done = asyncio.Event()
    sweeper = asyncio.create_task(sweep(racing_url, done))
    replies = await crowd.together(strike, 4 * HOLDS)
    done.set()
    await sweeper
    assert set(counted(replies)) <= {200, 204, 409}
    check(shop, ids, replies)
    assert [d for d in await violations_at(racing_url) if "clock" not in d] == []


def check(shop: Shelf, ids: list[str], replies: list[Reply]) -> None:
    """Answers, lines and events of each hold tell the same story."""
    lines: dict[str, Counter[str]] = defaultdict(Counter)
    for hold, status, quantity in shop.connection.execute(
        "select reservation_id::text, status, sum(quantity) from inventory_reservations"
        " where reservation_id = any (%s) group by 1, 2",
        [ids],
    ):
        lines[hold][status] = int(quantity)
    events: dict[str, Counter[str]] = defaultdict(Counter)
    for hold, kind in shop.connection.execute(
        "select data ->> 'reservation_id', event_type from outbox_events where data ->> 'reservation_id' = any (%s)",
        [ids],
    ):
        events[hold][kind.removeprefix("inventory.reservation_")] += 1
    consumed = 0
    for n, hold in enumerate(ids):
        _, first, cancelled, second = (r.status_code for r in replies[4 * n : 4 * n + 4])
        assert len(lines[hold]) == 1, "both lines share one outcome"
        [(outcome, units)] = lines[hold].items()
        assert units == 2
        ended = {"consumed": "consumed", "cancelled": "released", "expired": "expired"}
        assert sum(events[hold][kind] for kind in ended.values()) == 1
        assert events[hold][ended[outcome]] == 1
        assert (first, second) == ((200, 200) if outcome == "consumed" else (409, 409))
        assert cancelled == (409 if outcome == "consumed" else 204)
        consumed += outcome == "consumed"
    for code in ("TEA", "CUP"):
        assert shop.level(f"{code}@GZ") == f"on_hand={HOLDS - consumed} available={HOLDS - consumed} reserved=0"
