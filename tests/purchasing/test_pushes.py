"""Orders over a supplier's own API: signed, once, and never guessed about when the answer does not come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from tests.house import House
from tests.purchasing.supplier_system import SupplierSystem, supplier_system
from tests.purchasing.test_orders import do, order

from holdfast.purchasing import pushing
from holdfast.purchasing.pushing import ATTEMPTS_MAX, fate_of
from holdfast.webhooks.client import Outcome


@pytest.fixture
def system() -> Iterator[SupplierSystem]:
    with supplier_system() as found:
        yield found


async def sent(house: House, system: SupplierSystem, *, is_idempotent: bool = True) -> dict[str, Any]:
    supplier = await house.supplier("ACME")
    # The house forbids private addresses at the door; the worker of these tests may call them.
    async with house.database.connection() as connection:
        made = await house.call(
            "PUT",
            f"/suppliers/{supplier}/order-channel",
            json={"channel": "api", "url": "https://orders.acme.example", "is_idempotent": is_idempotent},
            expect=200,
        )
        await connection.execute("update suppliers set api_url = %s where id = %s", [system.url, supplier])
    system.secret = made["secret"]
    return await do(house, await order(house, ("TEA", 10), ("CUP", 4)), "send")


async def pushes(house: House, made: dict[str, Any]) -> list[tuple[str, str, int]]:
    found = await house.get(f"/purchase-orders/{made['id']}/pushes")
    return [(p["kind"], p["status"], p["attempts"]) for p in found["pushes"]]


async def push_id(house: House, made: dict[str, Any], n: int = 0) -> UUID:
    return UUID((await house.get(f"/purchase-orders/{made['id']}/pushes"))["pushes"][n]["id"])


async def push(house: House, made: dict[str, Any], n: int = 0) -> str | None:
    work = house.with_settings(allow_private_webhooks=True)
    return await pushing.push(work.database, work.settings, await push_id(house, made, n))


async def live(house: House, made: dict[str, Any]) -> list[str]:
    found = await house.get("/purchase-order-exceptions", purchase_order_id=made["id"])
    return [e["kind"] for e in found["exceptions"]]


async def test_an_order_goes_signed_and_whole_and_once(house: House, system: SupplierSystem) -> None:
    made = await sent(house, system)
    assert await push(house, made) == "accepted"
    assert await push(house, made) is None
    [message] = system.taken.values()
    lines = [(line["line_no"], line["quantity"], line["unit_cost"]) for line in message["data"]["lines"]]
    assert (message["data"]["number"], lines) == (made["number"], [(1, 10, "1.500000"), (2, 4, "1.500000")])
    assert (system.complaints, system.requests) == ([], 1)
    assert (await house.get("/notifications", channel="email"))["notifications"] == [], "one order, one way"


async def test_the_push_is_queued_in_the_transaction_of_the_sending(house: House, system: SupplierSystem) -> None:
    made = await sent(house, system)
    async with house.database.connection() as connection:
        rows = await connection.execute(
            "select args ->> 'push_id', lock from procrastinate_jobs where task_name = 'holdfast:push_order'"
            " and args ->> 'push_id' = %s",
            [str(await push_id(house, made))],
        )
        assert await rows.fetchall() == [(str(await push_id(house, made)), f"push:{made['id']}")]


async def test_an_answer_that_never_came_is_asked_for_again_under_the_same_id(
    house: House, system: SupplierSystem
) -> None:
    made = await sent(house, system)
    system.troubles = ["vanish", "miss", 503, 500]
    fates = [await push(house, made) for _ in range(5)]
    assert fates == ["queued", "queued", "queued", "queued", "accepted"]
    assert len(system.taken) == 1
    assert await pushes(house, made) == [("order", "accepted", 5)]


async def test_where_a_second_order_could_follow_a_person_decides(house: House, system: SupplierSystem) -> None:
    made = await sent(house, system, is_idempotent=False)
    system.troubles = [503, "vanish"]
    assert await push(house, made) == "queued", "it said that it did not take it"
    assert await push(house, made) == "unknown"
    assert await push(house, made) is None
    assert (system.requests, await live(house, made)) == (2, ["not_delivered"])
    path = f"/purchase-orders/{made['id']}/pushes/{await push_id(house, made)}"
    await house.post(path, {"decision": "received"}, expect=200)
    assert (await pushes(house, made), await live(house, made)) == ([("order", "accepted", 2)], [])
    assert (await house.post(path, {"decision": "again"}, expect=409))["code"] == "push_not_waiting"


async def test_a_worker_that_died_in_between_leaves_the_fate_unknown(house: House, system: SupplierSystem) -> None:
    made = await sent(house, system, is_idempotent=False)
    async with house.database.connection() as connection:
        await connection.execute(
            "update purchase_order_pushes set status = 'sending' where purchase_order_id = %s", [made["id"]]
        )
    assert await push(house, made) == "unknown"
    assert system.requests == 0
    path = f"/purchase-orders/{made['id']}/pushes/{await push_id(house, made)}"
    await house.post(path, {"decision": "again"}, expect=200)
    assert await push(house, made) == "accepted"


async def test_what_the_supplier_refuses_is_seen_and_not_repeated(house: House, system: SupplierSystem) -> None:
    made = await sent(house, system)
    system.troubles = [422]
    assert await push(house, made) == "refused"
    assert await push(house, made) is None
    assert await live(house, made) == ["not_delivered"]


async def test_a_cancellation_follows_its_order(house: House, system: SupplierSystem) -> None:
    made = await sent(house, system)
    await push(house, made)
    await do(house, made, "cancel")
    assert await push(house, made, 1) == "accepted"
    assert [m["type"] for m in system.taken.values()] == ["purchase_order.sent", "purchase_order.cancelled"]
    assert system.complaints == []


async def test_nobody_listening_is_tried_again(house: House, system: SupplierSystem) -> None:
    made = await sent(house, system, is_idempotent=False)
    async with house.database.connection() as connection:
        await connection.execute(
            "update suppliers set api_url = 'http://127.0.0.1:1/orders' where id = %s", [await house.supplier("ACME")]
        )
    assert await push(house, made) == "queued"


@pytest.mark.parametrize(
    ("outcome", "is_idempotent", "attempts", "fate"),
    [
        (Outcome(204, None), False, 1, "accepted"),
        (Outcome(409, "409"), True, 1, "refused"),
        (Outcome(429, "429"), False, 1, "queued"),
        (Outcome(429, "429"), False, ATTEMPTS_MAX, "refused"),
        (Outcome(None, "no", is_reached=False), False, 1, "queued"),
        (Outcome(None, "no", is_reached=False), False, ATTEMPTS_MAX, "refused"),
        (Outcome(None, "no"), False, 1, "unknown"),
        (Outcome(502, "502"), False, 1, "unknown"),
        (Outcome(502, "502"), True, 1, "queued"),
        (Outcome(None, "no"), True, ATTEMPTS_MAX, "unknown"),
    ],
)
def test_the_fate_of_a_request(outcome: Outcome, is_idempotent: bool, attempts: int, fate: str) -> None:
    assert fate_of(outcome, is_idempotent=is_idempotent, attempts=attempts) == fate


async def test_a_private_address_is_refused_at_the_door(house: House) -> None:
    path = f"/suppliers/{await house.supplier('ACME')}/order-channel"
    refused = await house.call("PUT", path, json={"channel": "api", "url": "http://127.0.0.1/x"}, expect=422)
    assert refused["errors"][0]["code"] == "private_address"
