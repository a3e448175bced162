"""How orders reach a supplier: tried before the first one, and a page that a person passes on."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from tests.house import House
from tests.purchasing.supplier_system import supplier_system
from tests.purchasing.test_orders import do, order

from holdfast.purchasing.links import list_links
from holdfast.purchasing.trying import try_channel


async def letters(house: House) -> list[tuple[str, str]]:
    found = await house.get("/notifications", channel="email")
    return [(n["kind"], n["recipient"]) for n in found["notifications"]]


async def waiting_id(house: House) -> UUID:
    async with house.database.connection() as connection:
        rows = await connection.execute("select message_id from supplier_tests")
        return (await rows.fetchall())[0][0]


async def last(house: House, path: str) -> tuple[Any, ...]:
    found = await house.get(f"{path}/order-channel/test")
    return found["channel"], found["status"], found["last_status"]


async def test_an_e_mail_test_says_that_nothing_is_ordered(house: House) -> None:
    path = f"/suppliers/{await house.supplier('ACME', language='zh')}"
    await house.call("GET", f"{path}/order-channel/test", expect=404)
    made = await house.post(f"{path}/order-channel/test", expect=202)
    assert (made["channel"], made["recipient"], made["status"]) == ("email", "acme@example.org", "waiting")
    assert await letters(house) == [("supplier_test", "acme@example.org")]
    [letter] = (await house.get("/notifications", channel="email"))["notifications"]
    assert "不构成订单" in letter["body"]
    async with house.database.connection() as connection:
        await connection.execute("update notifications set status = 'sent', sent_at = now()")
    assert (await last(house, path))[1] == "taken"


async def test_a_test_of_a_suppliers_system_tells_what_it_answered(house: House) -> None:
    path = f"/suppliers/{await house.supplier('ACME')}"
    body = {"channel": "api", "url": "https://orders.acme.example"}
    work = house.with_settings(allow_private_webhooks=True)
    with supplier_system() as system:
        system.secret = (await house.call("PUT", f"{path}/order-channel", json=body, expect=200))["secret"]
        async with house.database.connection() as connection:
            await connection.execute("update suppliers set api_url = %s", [system.url])
        answers: list[tuple[Any, ...]] = []
        for trouble in (None, 500, "miss"):
            system.troubles = [trouble] if trouble else []
            await house.post(f"{path}/order-channel/test", expect=202)
            answers.append(await last(house, path))
            await try_channel(work.database, work.settings, await waiting_id(house))
            answers.append(await last(house, path))
        requests = system.requests
        # A job that runs again finds nothing to send.
        await try_channel(work.database, work.settings, await waiting_id(house))
        assert (system.requests, system.complaints) == (requests, [])
    told = [answers[n] for n in (1, 3, 5)]
    assert told == [("api", "taken", 200), ("api", "refused", 500), ("api", "refused", None)]
    assert [answers[n] for n in (0, 2, 4)] == [("api", "waiting", None)] * 3
    assert (await house.get("/purchase-orders"))["purchase_orders"] == []


async def test_without_an_address_there_is_nothing_to_try(house: House) -> None:
    path = f"/suppliers/{await house.supplier('ACME', email=None)}"
    assert (await house.post(f"{path}/order-channel/test", expect=409))["code"] == "nothing_to_try"
    await house.call("PUT", f"{path}/order-channel", json={"channel": "page"}, expect=200)
    assert (await house.post(f"{path}/order-channel/test", expect=409))["code"] == "nothing_to_try"


async def test_where_a_person_passes_the_page_on_nothing_is_mailed_and_the_page_opens(house: House) -> None:
    path = f"/suppliers/{await house.supplier('ACME')}"
    await house.call("PUT", f"{path}/order-channel", json={"channel": "page"}, expect=200)
    made = await do(house, await order(house, ("TEA", 10)), "send")
    async with house.database.transaction() as tx:
        assert [link.is_valid for link in await list_links(tx, UUID(made["id"]))] == [True]
    assert await letters(house) == []


@pytest.mark.parametrize("channel", ["email", "page"])
async def test_what_goes_by_e_mail_and_what_does_not(house: House, channel: str) -> None:
    path = f"/suppliers/{await house.supplier('ACME')}"
    await house.call("PUT", f"{path}/order-channel", json={"channel": channel}, expect=200)
    made = await do(house, await order(house, ("TEA", 10)), "send")
    await house.post(f"/purchase-orders/{made['id']}/links", expect=201)
    await do(house, made, "cancel")
    wanted = ["purchase_order", "purchase_order_cancelled", "purchase_order_link"] if channel == "email" else []
    assert sorted(kind for kind, _ in await letters(house)) == wanted
