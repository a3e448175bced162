"""The edge of the console: who gets in, which forms are believed, how many statements a page may ask."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from tests.console.shop import EMAIL, PASSWORD, Shop

from holdfast.access import people
from holdfast.access.visit import own_path
from holdfast.app import Application
from holdfast.db import Database, Tx
from holdfast.settings import Settings


@asynccontextmanager
async def console(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """The application in this process and a browser-like client without a session."""
    application = Application(Settings(db_url=url, secret="a secret of tests"))
    async with application.lifespan(application.pages):
        transport = httpx2.ASGITransport(application, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://shop.test") as client:
            yield client


async def token_on(client: httpx2.AsyncClient, path: str) -> str:
    page = await client.get(path)
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found, page.text[:300]
    return found[1]


async def sign_in(client: httpx2.AsyncClient, email: str = EMAIL, password: str = PASSWORD) -> httpx2.Response:
    form = {"csrf": await token_on(client, "/sign-in"), "email": email, "password": password}
    return await client.post("/sign-in", data=form)


async def person(url: str, email: str, role: people.Role, password: str | None = PASSWORD) -> None:
    database = Database(url, size=1)
    await database.open()
    async with database.transaction() as tx:
        await people.add_person(tx, email=email, name=email, role=role, password=password)
    await database.close()


@pytest.fixture
async def url(fresh_url: str) -> str:
    await person(fresh_url, EMAIL, "admin")
    return fresh_url


async def test_every_page_sends_strangers_to_the_sign_in_and_back_afterwards(url: str) -> None:
    async with console(url) as client:
        answer = await client.get("/stock?q=tea")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/stock%3Fq%3Dtea")
        fragment = await client.get("/stock", headers={"HX-Request": "true"})
        assert (fragment.status_code, fragment.headers["hx-redirect"]) == (204, "/sign-in?next=/stock")
        form = {
            "csrf": await token_on(client, "/sign-in"),
            "email": EMAIL,
            "password": PASSWORD,
            "next": "/stock?q=tea",
        }
        assert (await client.post("/sign-in", data=form)).headers["location"] == "/stock?q=tea"


async def test_the_session_cookie_is_kept_from_scripts_and_ends_on_the_server_too(url: str) -> None:
    async with console(url) as client:
        answer = await sign_in(client)
        cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("holdfast_session="))
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        session = client.cookies["holdfast_session"]
        await client.post("/sign-out", data={"csrf": await token_on(client, "/account")})
        assert "holdfast_session" not in client.cookies
        again = await client.get("/account", headers={"cookie": f"holdfast_session={session}"})
        assert again.status_code == 303


@pytest.mark.parametrize(
    ("headers", "csrf", "code"),
    [
        ({}, "stolen", "csrf"),
        ({}, "", "csrf"),
        ({"origin": "http://evil.test"}, None, "cross_site"),
        ({"sec-fetch-site": "cross-site"}, None, "cross_site"),
    ],
)
async def test_a_form_of_another_site_changes_nothing(
    url: str, headers: dict[str, str], csrf: str | None, code: str
) -> None:
    async with console(url) as client:
        await sign_in(client)
        token = await token_on(client, "/account") if csrf is None else csrf
        answer = await client.post("/account", data={"csrf": token, "password": "a new password"}, headers=headers)
        assert (answer.status_code, code in answer.text) == (403, True)
        client.cookies.clear()
        assert (await sign_in(client)).status_code == 303


async def test_guessing_a_password_is_stopped_for_a_while(url: str) -> None:
    async with console(url) as client:
        answers = [(await sign_in(client, password=f"guess {n}")).status_code for n in range(11)]
        assert answers == [422] * 10 + [429]
        assert (await sign_in(client)).status_code == 429
        assert (await sign_in(client, email="nobody@shop.example")).status_code == 422


async def test_a_one_time_link_signs_in_once_and_looking_at_it_does_not_use_it_up(url: str) -> None:
    database = Database(url, size=1)
    await database.open()
    async with database.transaction() as tx:
        link = await people.first_link(tx, EMAIL)
    await database.close()
    async with console(url) as client:
        await token_on(client, f"/sign-in/{link}")
        csrf = await token_on(client, f"/sign-in/{link}")
        assert (await client.post(f"/sign-in/{link}", data={"csrf": csrf})).headers["location"] == "/"
        assert (await client.get("/account")).status_code == 200
        client.cookies.clear()
        assert (await client.get(f"/sign-in/{link}")).status_code == 404


async def test_a_role_may_do_what_its_scopes_say(url: str) -> None:
    await person(url, "viewer@shop.example", "viewer")
    async with console(url) as client:
        await sign_in(client, email="viewer@shop.example")
        csrf = await token_on(client, "/account")
        assert (await client.get("/stock")).status_code == 200
        for path in (
            "/replenishment/decide",
            "/replenishment/run",
            f"/purchase-orders/{'0' * 8}-0000-4000-8000-{'0' * 12}/send",
        ):
            assert (await client.post(path, data={"csrf": csrf})).status_code == 403, path


async def test_a_new_password_signs_other_browsers_out(url: str) -> None:
    async with console(url) as client:
        await sign_in(client)
        old = client.cookies["holdfast_session"]
        client.cookies.clear()
        await sign_in(client)
        csrf = await token_on(client, "/account")
        assert (await client.post("/account", data={"csrf": csrf, "password": "short"})).status_code == 422
        assert (await client.post("/account", data={"csrf": csrf, "password": "a longer password"})).status_code == 303
        assert (await client.get("/account")).status_code == 200
        client.cookies.clear()
        assert (await client.get("/account", headers={"cookie": f"holdfast_session={old}"})).status_code == 303


@pytest.mark.parametrize(
    ("asked", "sent_to"),
    [
        ("/stock?q=a", "/stock?q=a"),
        ("//evil.test", "/"),
        ("https://evil.test/", "/"),
        ("/\\evil.test", "/"),
        ("/a\\b", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_people_are_only_sent_to_our_own_pages(asked: str, sent_to: str) -> None:
    assert own_path(asked) == sent_to


async def test_pages_carry_a_strict_policy_and_are_not_kept(url: str) -> None:
    async with console(url) as client:
        await sign_in(client)
        for path in ("/", "/stock", "/sign-in/unknown"):
            headers = (await client.get(path)).headers
            assert "unsafe" not in headers["content-security-policy"]
            assert "default-src 'none'" in headers["content-security-policy"]
            assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/no-such-page", "/stock/not-an-id", "/stock/00000000-0000-4000-8000-000000000000"])
async def test_a_person_sees_a_page_where_a_program_gets_a_document(url: str, path: str) -> None:
    async with console(url) as client:
        await sign_in(client)
        page = await client.get(path, headers={"accept": "text/html", "accept-language": "zh-CN"})
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "回到今日" in page.text
        document = await client.get("/api/v1/no-such-thing", headers={"accept": "text/html"})
        assert document.headers["content-type"] == "application/problem+json"


async def test_files_may_be_kept_for_ever_under_their_fingerprint_only(url: str) -> None:
    async with console(url) as client:
        page = (await client.get("/sign-in")).text
        address = re.search(r'href="(/static/\w+/console.css)"', page)
        assert address
        kept = await client.get(address[1])
        stale = await client.get("/static/000000000000/console.css")
        assert "immutable" in kept.headers["cache-control"]
        assert (stale.status_code, stale.headers["cache-control"]) == (200, "no-cache")
        assert (await client.get("/static/000000000000/vendor/README.md")).status_code == 404


PAGES = (
    "/",
    "/stock",
    "/stock/{sku}",
    "/holds",
    "/replenishment",
    "/stock/{sku}/demand",
    "/demand/calendar",
    "/demand/accuracy",
    "/purchase-orders",
    "/purchase-orders/{order}",
    "/alerts",
    "/transfers",
    "/transfers/{draft}",
    "/transfers/{shipped}",
    "/transfers/{shipped}/scan",
    "/stock-counts",
    "/stock-counts/{count}",
    "/stock-counts/{count}/count",
    "/shortages",
    "/shortages/{shortage}",
    "/returns",
    "/returns/new?reference_id=ORD-1",
    "/allocation?n-{sku}=70",
    "/health",
    "/batches",
    "/batches/{batch}",
    "/serials",
)


async def statements_of(url: str, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many statements each page runs."""
    counted = 0

    def counting(name: str) -> None:
        original = getattr(Tx, name)

        async def counted_call(self: Tx, *arguments: Any, **named: Any) -> Any:
            nonlocal counted
            counted += 1
            return await original(self, *arguments, **named)

        monkeypatch.setattr(Tx, name, counted_call)

    # `one` asks through `maybe`, so counting it too would count twice.
    for name in ("all", "maybe", "dicts", "value", "run"):
        counting(name)
    found: dict[str, int] = {}
    async with console(url) as client:
        await sign_in(client)
        for path in PAGES:
            counted = 0
            draft, shipped = shop.transfers
            shop.add_batches()
            names = {
                "sku": shop.skus[0],
                "batch": shop.batches[0],
                "order": shop.orders[1],
                "draft": draft,
                "shipped": shipped,
            }
            answer = await client.get(path.format(**names, count=shop.count, shortage=shop.shortage))
            assert answer.status_code == 200, path
            found[path] = counted
    monkeypatch.undo()
    return found


async def test_a_page_asks_as_often_for_few_rows_as_for_many(
    fresh_url: str, new_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = Shop(fresh_url, skus=4), Shop(new_url, skus=40)
    for n in range(1, 20):
        many.hold(n, f"cart-{n + 1}", 1)
        many.hold(0, f"basket-{n}", 1)
    small = await statements_of(fresh_url, few, monkeypatch)
    large = await statements_of(new_url, many, monkeypatch)
    few.close()
    many.close()
    assert large == small
    assert max(large.values()) <= 13
