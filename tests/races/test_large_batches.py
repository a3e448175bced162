"""A large batch is decided in two transactions beside one another, and answered as if it were one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import Shelf

from holdfast.db.commit import CommitGate
from holdfast.db.posting import Answer
from holdfast.kernel.errors import TryAgain
from holdfast.stock.asks import BatchAsk, ReserveAsk, ReserveItem
from holdfast.stock.lanes import Lanes
from holdfast.stock.parts import PART_MIN, parts_of

pytestmark = [pytest.mark.xdist_group("races"), pytest.mark.timeout(60)]

OWNER = str(UUID(int=7))


@pytest.fixture
async def lanes(racing_url: str) -> AsyncIterator[Lanes]:
    """They give up on a lock after about a third of a second."""
    lanes = Lanes(racing_url, queue_max=1000, gate=CommitGate(racing_url, seconds_max=1.0))
    yield lanes
    await lanes.close()


def batch(key: str | None, *lines: ReserveItem, body: str = "one") -> BatchAsk:
    requests = [
        ReserveAsk(n=n, reference_type="cart", reference_id=f"c-{n}", minutes=5, items=[line], actor="test")
        for n, line in enumerate(lines)
    ]
    return BatchAsk(principal_id=OWNER, actor="test", key=key, hash=body, requests=requests)


def stocked(shop: Shelf, name: str, quantity: int) -> ReserveItem:
    shop.given(f"{name}@GZ {quantity}")
    (item,) = shop.items(f"{name}@GZ 1")
    return ReserveItem(UUID(item["sku_id"]), 1, UUID(item["warehouse_id"]))


def said(answer: Answer) -> list[Any]:
    """201 or the code of the refusal, of each request."""
    return [
        entry["status"] if entry.get("status") == 201 else entry.get("outcome") or entry["body"]["code"]
        for entry in json.loads(answer.facts)
    ]


async def test_each_request_is_answered_in_its_place_and_in_its_turn(shop: Shelf, lanes: Lanes) -> None:
    tea, cup = stocked(shop, "TEA", 60), stocked(shop, "CUP", 500)
    answer = await lanes.reserve_batch(batch(None, *[tea, cup] * 150))
    assert said(answer)[1::2] == [201] * 150
    assert said(answer)[::2] == [201] * 60 + ["insufficient_stock"] * 90
    entries = json.loads(answer.facts)
    assert {entry["body"]["reference_id"] for entry in entries[1::2]} == {f"c-{n}" for n in range(1, 300, 2)}
    assert shop.level("TEA@GZ") == "on_hand=60 available=0 reserved=60"
    assert shop.level("CUP@GZ") == "on_hand=500 available=350 reserved=150"


async def test_a_repeat_answers_what_was_answered_and_changes_nothing(shop: Shelf, lanes: Lanes) -> None:
    tea, cup, key = stocked(shop, "TEA", 500), stocked(shop, "CUP", 500), uuid4().hex
    first = await lanes.reserve_batch(batch(key, *[tea, cup] * 150))
    again = await lanes.reserve_batch(batch(key, *[tea, cup] * 150))
    assert (again.facts, first.replayed, again.replayed) == (first.facts, False, True)
    assert shop.level("TEA@GZ") == "on_hand=500 available=350 reserved=150"


@pytest.mark.parametrize("before", [1, 300])
async def test_a_key_of_another_batch_is_refused_whole(shop: Shelf, lanes: Lanes, before: int) -> None:
    tea, cup, key = stocked(shop, "TEA", 900), stocked(shop, "CUP", 900), uuid4().hex
    await lanes.reserve_batch(batch(key, *([cup, tea] * 150)[:before]))
    levels = [shop.level("TEA@GZ"), shop.level("CUP@GZ")]
    other = await lanes.reserve_batch(batch(key, *[tea, cup] * 150, body="another"))
    assert other.outcome == "idempotency_key_reused"
    assert [shop.level("TEA@GZ"), shop.level("CUP@GZ")] == levels


async def test_a_part_that_cannot_be_decided_leaves_the_other_decided_and_is_by_a_repeat(
    shop: Shelf, racing_url: str, lanes: Lanes
) -> None:
    tea, cup, key = stocked(shop, "TEA", 500), stocked(shop, "CUP", 500), uuid4().hex
    with psycopg.connect(racing_url) as somebody:
        somebody.execute("select from inventory where sku_id = %s for update", [tea.sku_id])
        first = await lanes.reserve_batch(batch(key, *[tea, cup] * 150))
        assert said(first) == ["database_busy", 201] * 150
        assert json.loads(first.facts)[0]["status"] == 503
        assert shop.level("CUP@GZ") == "on_hand=500 available=350 reserved=150"
    again = await lanes.reserve_batch(batch(key, *[tea, cup] * 150))
    assert said(again) == [201, 201] * 150
    assert json.loads(again.facts)[1::2] == json.loads(first.facts)[1::2]
    assert (first.replayed, again.replayed) == (False, False)
    assert shop.level("TEA@GZ") == "on_hand=500 available=350 reserved=150"
    assert shop.level("CUP@GZ") == "on_hand=500 available=350 reserved=150"


async def test_a_batch_of_which_nothing_could_be_decided_says_so(shop: Shelf, racing_url: str, lanes: Lanes) -> None:
    tea, cup = stocked(shop, "TEA", 500), stocked(shop, "CUP", 500)
    with psycopg.connect(racing_url) as somebody:
        somebody.execute("select from inventory where sku_id in (%s, %s) for update", [tea.sku_id, cup.sku_id])
        with pytest.raises(TryAgain, match="database_busy"):
            await lanes.reserve_batch(batch(uuid4().hex, *[tea, cup] * 150))
    assert shop.level("TEA@GZ") == "on_hand=500 available=500 reserved=0"


@given(st.integers(0, 700), st.integers(1, 400), st.randoms(use_true_random=False))
def test_parts_share_no_sku_and_keep_the_order(count: int, skus: int, chance: Random) -> None:
    asked = [[chance.randrange(skus) for _ in range(chance.choice((1, 1, 1, 1, 2)))] for _ in range(count)]
    lines = [[ReserveItem(UUID(int=sku), 1) for sku in of] for of in asked]
    requests = [
        ReserveAsk(n=n, reference_type="cart", reference_id="c", minutes=5, items=items)
        for n, items in enumerate(lines)
    ]
    parts = parts_of(BatchAsk(key="k", hash="h", requests=requests))
    assert sorted(ask.n for part in parts for ask in part.requests) == list(range(count))
    assert all([ask.n for ask in part.requests] == sorted(ask.n for ask in part.requests) for part in parts)
    if len(parts) == 1:
        assert parts[0].key == "k"
    else:
        one, other = ({item.sku_id for ask in part.requests for item in ask.items} for part in parts)
        assert one.isdisjoint(other)
        assert min(len(part.requests) for part in parts) >= PART_MIN
        assert len({"k", *(part.key for part in parts)}) == 3
