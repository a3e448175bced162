"""A supplier answers one order without an account: what it may do, and everything it may not."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx2
import pytest
from tests.house import House
from tests.purchasing.test_orders import arrived, do, order

from holdfast.access.signed_paths import signed_path
from holdfast.purchasing import links

SECRET = "a secret of tests"


class Visitor:
    """A browser at the supplier's, at the address of one order."""

    def __init__(self, client: httpx2.AsyncClient, path: str) -> None:
        self.client = client
        self.path = path
        self.page = ""

    async def open(self, expect: int = 200, **headers: str) -> str:
        answer = await self.client.get(self.path, headers=headers)
        assert answer.status_code == expect, answer.text
        self.page = answer.text
        return self.page

    def form(self, action: str) -> dict[str, str]:
        """The fields of a form as the page has filled them in."""
        html = self.page.split(f'action="{self.path}/{action}"')[1].split("</form>")[0]
        found = dict(re.findall(r'<input[^>]*?name="([^"]+)"[^>]*?value="([^"]*)"', html))
        for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', html, re.S):
            found[name] = re.findall(r'value="([^"]+)" selected', options)[0]
        return found

    async def send(self, action: str, expect: int = 303, **fields: str) -> str:
        return await self.send_raw(action, {**self.form(action), **fields}, expect)

    async def send_raw(self, action: str, fields: dict[str, str], expect: int = 303) -> str:
        answer = await self.client.post(f"{self.path}/{action}", data=fields)
        assert answer.status_code == expect, answer.text
        return answer.text


async def path_to(house: House, made: dict[str, Any]) -> str:
    async with house.database.transaction() as tx:
        [link, *_] = await links.list_links(tx, UUID(made["id"]))
    path = signed_path(links.path_of(link.id), SECRET)
    assert path
    return path


@asynccontextmanager
async def visiting(house: House, made: dict[str, Any]) -> AsyncIterator[Visitor]:
    transport = httpx2.ASGITransport(house.application)
    async with httpx2.AsyncClient(transport=transport, base_url="http://house") as client:
        yield Visitor(client, await path_to(house, made))


async def sent(house: House, *lines: tuple[str, int], **fields: Any) -> dict[str, Any]:
    return await do(house, await order(house, *lines, **fields), "send", {"duplicate_reason": "a second one"})


async def read(house: House, made: dict[str, Any]) -> dict[str, Any]:
    return await house.get(f"/purchase-orders/{made['id']}")


def state(detail: dict[str, Any]) -> list[tuple[Any, ...]]:
    names = (
        "confirmed_quantity",
        "refused_quantity",
        "refusal",
        "open_quantity",
        "expected_at",
        "schedule",
        "exceptions",
    )
    return [(detail["status"], *(item[name] for name in names)) for item in detail["items"]]


async def test_confirming_by_page_and_by_api_gives_the_same(house: House) -> None:
    by_page = await sent(house, ("TEA", 100), ("CUP", 5), ("POT", 8), expected_at="2027-01-20")
    by_api = await sent(house, ("TEA", 100), ("CUP", 5), ("POT", 8), expected_at="2027-01-20")
    async with visiting(house, by_page) as visitor:
        await visitor.open()
        typed = {"quantity-1": "60", "day-1": "2027-01-05", "rest-1": "open", "quantity-2": "0", "day-2": ""}
        more = {"reason-2": "no longer made", "day-3": "2027-01-20"}
        await visitor.send("confirm", **typed, **more)
    said = [
        {"line_no": 1, "quantity": 60, "expected_at": "2027-01-05", "is_rest_open": True},
        {"line_no": 2, "quantity": 0, "reason": "no longer made"},
        {"line_no": 3, "quantity": 8, "expected_at": "2027-01-20"},
    ]
    await do(house, by_api, "confirm", {"items": said})
    assert state(await read(house, by_page)) == state(await read(house, by_api))
    assert (await read(house, by_page))["statements"][0]["source"] == "link"


async def test_a_page_sent_untouched_confirms_the_order_as_it_is(house: House) -> None:
    made = await sent(house, ("TEA", 100), expected_at="2027-01-20")
    async with visiting(house, made) as visitor:
        await visitor.open()
        await visitor.send("confirm")
    assert state(await read(house, made)) == [("confirmed", 100, 0, None, 100, "2027-01-20", None, [])]


async def test_what_is_confirmed_in_two_deliveries_comes_back_as_it_was_typed(house: House) -> None:
    made = await sent(house, ("TEA", 100), expected_at="2027-01-20")
    async with visiting(house, made) as visitor:
        await visitor.open()
        two = {"quantity-1": "60", "day-1": "2027-01-05", "quantity2-1": "40", "day2-1": "2027-02-01"}
        await visitor.send("confirm", **two)
        await visitor.open()
        again = visitor.form("confirm")
        assert {name: again[name] for name in two} == two
        await visitor.send("confirm")
    [line] = (await read(house, made))["items"]
    assert [(p["quantity"], p["expected_at"]) for p in line["schedule"]] == [(60, "2027-01-05"), (40, "2027-02-01")]


async def test_after_a_delivery_the_page_asks_for_the_rest(house: House) -> None:
    made = await sent(house, ("TEA", 100), ("CUP", 5), expected_at="2027-01-20")
    await do(house, made, "receive", await arrived(house, "TEA", 30))
    await do(house, made, "receive", await arrived(house, "CUP", 5))
    async with visiting(house, made) as visitor:
        await visitor.open()
        assert visitor.form("confirm")["quantity-1"] == "70"
        assert "quantity-2" not in visitor.form("confirm")
        await visitor.send("confirm", **{"quantity-1": "71"}, expect=422)
        await visitor.send("confirm", **{"quantity-1": "50", "rest-1": "refused"})
    [tea, _] = (await read(house, made))["items"]
    assert (tea["confirmed_quantity"], tea["open_quantity"], tea["refused_quantity"]) == (80, 50, 20)


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity-1": "many"},
        {"quantity-1": "101"},
        {"day-1": "2020-01-01"},
        {"day-1": "soon"},
        {"day-1": "2999-01-01"},
    ],
)
async def test_a_slip_is_named_beside_its_field_and_changes_nothing(house: House, wrong: dict[str, str]) -> None:
    made = await sent(house, ("TEA", 100))
    async with visiting(house, made) as visitor:
        await visitor.open()
        page = await visitor.send("confirm", expect=422, **wrong)
        assert f'id="wrong-{next(iter(wrong))}"' in page
        assert next(iter(wrong.values())) in page
    assert (await read(house, made))["status"] == "sent"


async def test_a_form_sent_twice_is_one_statement(house: House) -> None:
    made = await sent(house, ("TEA", 100))
    async with visiting(house, made) as visitor:
        await visitor.open()
        fields = {**visitor.form("message"), "text": "Hello"}
        for _ in range(3):
            await visitor.send_raw("message", fields)
        ship = {**visitor.form("shipment"), "arrives": "2027-01-05", "ship-1": "60"}
        for _ in range(3):
            await visitor.send_raw("shipment", ship)
        confirm = visitor.form("confirm")
        await visitor.send_raw("confirm", confirm)
        await do(house, made, "receive", await arrived(house, "TEA", 100))
        await visitor.send_raw("confirm", confirm)
    detail = await read(house, made)
    assert [s["kind"] for s in detail["statements"]] == ["message", "shipped", "confirmed"]
    assert detail["status"] == "received"


async def test_a_shipment_is_announced_from_the_page(house: House) -> None:
    made = await sent(house, ("TEA", 100), expected_at="2027-01-20")
    async with visiting(house, made) as visitor:
        await visitor.open()
        assert 'id="wrong-arrives"' in await visitor.send("shipment", expect=422)
        named = {"arrives": "2027-01-05", "carrier": "SF", "tracking_number": "SF-1"}
        await visitor.send("shipment", expect=422, **named)
        await visitor.send("shipment", **named, **{"ship-1": "60"})
    detail = await read(house, made)
    [line] = detail["items"]
    assert [(p["quantity"], p["expected_at"]) for p in line["schedule"]] == [(60, "2027-01-05"), (40, None)]
    assert await house.level("TEA", "GZ") == "available=0 in_transit=100"


async def test_no_other_address_opens_and_none_says_why(house: House) -> None:
    made, other = await sent(house, ("TEA", 1)), await sent(house, ("CUP", 1))
    path, stranger = await path_to(house, made), await path_to(house, other)
    wrong = [
        f"{path[:-1]}{'A' if path[-1] != 'A' else 'B'}",
        path.rpartition(".")[0],
        f"{path.rpartition('.')[0]}.{stranger.rpartition('.')[2]}",
        f"{links.FOLDER}{made['id']}.x",
        f"{links.FOLDER}nonsense",
    ]
    async with visiting(house, made) as visitor:
        pages = set()
        for address in wrong:
            visitor.path = address
            pages.add(re.sub(r'value="[^"]*"', "", await visitor.open(404)))
        assert len(pages) == 1
        visitor.path = path
        page = await visitor.open()
        assert "TEA name" in page
        assert "CUP name" not in page


async def test_a_revoked_or_expired_address_is_closed(house: House) -> None:
    made = await sent(house, ("TEA", 1))
    async with visiting(house, made) as visitor:
        await visitor.open()
        form = visitor.form("message")
        await house.call("DELETE", f"/purchase-orders/{made['id']}/links", expect=204)
        await visitor.open(404)
        await visitor.send_raw("message", {**form, "text": "x"}, expect=404)
    await house.post(f"/purchase-orders/{made['id']}/links", expect=201)
    async with visiting(house, made) as visitor:
        await visitor.open()
        async with house.database.connection() as connection:
            await connection.execute(
                "update supplier_links set expires_at = business_now() where purchase_order_id = %s", [made["id"]]
            )
        await visitor.open(404)


async def test_a_new_address_takes_the_place_of_the_old_one_and_is_mailed(house: House) -> None:
    made = await sent(house, ("TEA", 1))
    old = await path_to(house, made)
    answer = await house.post(f"/purchase-orders/{made['id']}/links", expect=201)
    assert answer["path"] == await path_to(house, made) != old
    [mail, _] = (await house.get("/notifications", channel="email"))["notifications"]
    assert mail["kind"] == "purchase_order_link"
    async with visiting(house, made) as visitor:
        visitor.path = old
        await visitor.open(404)


async def test_who_hammers_waits(house: House) -> None:
    made = await sent(house, ("TEA", 1))
    async with visiting(house, made) as visitor:
        async with house.database.connection() as connection:
            await connection.execute(
                "update supplier_links set window_began_at = clock_timestamp(), window_requests = %s"
                " where purchase_order_id = %s",
                [links.REQUESTS_PER_MINUTE - 1, made["id"]],
            )
        await visitor.open()
        form = visitor.form("message")
        await visitor.open(429)
        await visitor.send_raw("message", {**form, "text": "x"}, expect=429)
    assert (await read(house, made))["statements"] == []


async def test_another_site_cannot_speak_for_the_supplier(house: House) -> None:
    made = await sent(house, ("TEA", 1))
    async with visiting(house, made) as visitor:
        await visitor.open()
        form = {**visitor.form("message"), "text": "x"}
        await visitor.send_raw("message", {**form, "csrf": "guessed"}, expect=403)
        visitor.client.headers["origin"] = "https://evil.example"
        await visitor.send_raw("message", form, expect=403)
    assert (await read(house, made))["statements"] == []


async def test_the_page_is_private(house: House) -> None:
    made = await sent(house, ("TEA", 1))
    async with visiting(house, made) as visitor:
        for path in (visitor.path, f"{visitor.path}/order.pdf"):
            answer = await visitor.client.get(path)
            assert answer.status_code == 200
            wanted = {
                "cache-control": "no-store",
                "referrer-policy": "no-referrer",
                "x-robots-tag": "noindex, nofollow",
            }
            assert {name: answer.headers[name] for name in wanted} == wanted


async def test_the_page_speaks_the_suppliers_language_until_another_is_chosen(house: House) -> None:
    await house.supplier("ACME", language="zh")
    made = await sent(house, ("TEA", 1))
    async with visiting(house, made) as visitor:
        assert 'lang="zh' in await visitor.open()
        visitor.client.cookies.set("holdfast_language", "en")
        assert 'lang="en' in await visitor.open()


async def test_a_cancelled_order_says_so_and_takes_no_confirmation(house: House) -> None:
    made = await sent(house, ("TEA", 1))
    async with visiting(house, made) as visitor:
        await visitor.open()
        form = visitor.form("confirm")
        await do(house, made, "cancel")
        await visitor.send_raw("confirm", form, expect=409)
        page = await visitor.open()
        assert "/confirm" not in page
        assert "The order is cancelled" in page
    assert (await read(house, made))["status"] == "cancelled"


async def test_without_a_secret_no_address_opens(house: House) -> None:
    made = await sent(house, ("TEA", 1))
    async with house.database.transaction() as tx:
        [link, *_] = await links.list_links(tx, UUID(made["id"]))
        assert signed_path(links.path_of(link.id), "") is None
        assert await links.open_link(tx, f"{link.id}.", "") is None
