"""Suppliers and terms typed into the console: what is right is kept as the API keeps it, what is wrong is named."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from tests.console.test_edge import person, sign_in, token_on
from tests.house import House

SUPPLIER = {
    "code": "SHUNDE",
    "name": "顺德竹木制品厂",
    "contact_name": "王芳",
    "email": "orders@shunde.example",
    "phone": "+86 757 2222 3333",
    "language": "zh",
    "currency": "CNY",
    "lead_time_days": "9",
    "lead_time_sd_days": "2.5",
    "minimum_order_value": "1,500.50",
    "over_receipt_percent": "5",
    "weekday": ["1", "4"],
    "truck_volume_l": "12000",
    "truck_weight_kg": "",
    "closed-first-0": "2027-02-06",
    "closed-last-0": "2027-02-12",
    "closed-first-1": "2027-05-01",
}
TERMS = {
    "unit_cost": "13.25",
    "supplier_code": "SD-9",
    "moq": "20",
    "order_multiple": "10",
    "max_order_quantity": "5000",
    "pack_size": "10",
    "pack_volume_l": "24.5",
    "valid_to": "2027-06-30",
    "lead_time_days": "12",
    "is_preferred": "yes",
    "break-quantity-0": "500",
    "break-cost-0": "12.10",
    "break-quantity-1": "100",
    "break-cost-1": "12.80",
}


class Typist:
    """Somebody at the console of a house, who fills in forms."""

    def __init__(self, client: httpx2.AsyncClient, house: House) -> None:
        self.client = client
        self.house = house

    async def send(self, path: str, fields: dict[str, Any], *, form_at: str = "/suppliers/new") -> httpx2.Response:
        return await self.client.post(path, data={"csrf": await token_on(self.client, form_at), **fields})

    async def made(self, **changes: Any) -> str:
        answer = await self.send("/suppliers", SUPPLIER | changes)
        assert answer.status_code == 303, wrong_in(answer)
        return answer.headers["location"].rsplit("/", 1)[1]


def wrong_in(answer: httpx2.Response) -> dict[str, str]:
    """What the page says is wrong, by field."""
    return dict(re.findall(r'id="wrong-([\w-]+)"[^>]*>([^<]*)<', answer.text))


@pytest.fixture
async def typist(house: House) -> AsyncIterator[Typist]:
    async with at_the_console(house, "planner") as found:
        yield found


class at_the_console:
    def __init__(self, house: House, role: Any) -> None:
        self.house = house
        self.role = role
        self.client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(house.application, raise_app_exceptions=False), base_url="http://shop.test"
        )

    async def __aenter__(self) -> Typist:
        email = f"{self.role}@shop.example"
        await person(self.house.database.url, email, self.role)
        await sign_in(self.client, email)
        return Typist(self.client, self.house)

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()


async def test_a_supplier_typed_is_the_supplier_of_the_api(typist: Typist) -> None:
    made = await typist.house.get(f"/suppliers/{await typist.made()}")
    wanted = {
        "code": "SHUNDE",
        "name": "顺德竹木制品厂",
        "contact_name": "王芳",
        "phone": "+86 757 2222 3333",
        "lead_time_sd_days": "2.50",
        "minimum_order_value": "1500.50",
        "over_receipt_share": "0.0500",
        "order_weekdays": [1, 4],
        "closed_days": [
            {"first_day": "2027-02-06", "last_day": "2027-02-12"},
            {"first_day": "2027-05-01", "last_day": "2027-05-01"},
        ],
        "truck_volume_l": "12000.000",
        "truck_weight_kg": None,
        "is_active": True,
    }
    assert {name: made[name] for name in wanted} == wanted


async def test_saving_a_form_as_it_came_changes_nothing(typist: Typist) -> None:
    supplier = await typist.made()
    before = await typist.house.get(f"/suppliers/{supplier}")
    page = (await typist.client.get(f"/suppliers/{supplier}/edit")).text
    fields: dict[str, Any] = dict(re.findall(r'<input[^>]*name="([\w-]+)" type="\w+" value="([^"]*)"', page))
    fields["weekday"] = re.findall(r'name="weekday" value="(\d)" checked', page)
    fields |= {"language": "zh", "is_active": "yes"}
    answer = await typist.send(f"/suppliers/{supplier}/edit", fields)
    assert answer.status_code == 303, wrong_in(answer)
    after = await typist.house.get(f"/suppliers/{supplier}")
    assert {**before, "updated_at": None} == {**after, "updated_at": None}


WRONG_SUPPLIERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"name": "", "code": ""}, ["code", "name"]),
    ({"name": "x" * 201}, ["name"]),
    ({"email": "no address"}, ["email"]),
    ({"currency": "yuan"}, ["currency"]),
    ({"lead_time_days": "soon"}, ["lead_time_days"]),
    ({"lead_time_days": ""}, ["lead_time_days"]),
    ({"lead_time_days": "4000"}, ["lead_time_days"]),
    ({"lead_time_sd_days": "-1"}, ["lead_time_sd_days"]),
    ({"minimum_order_value": "1,5"}, ["minimum_order_value"]),
    ({"minimum_order_value": "1.555"}, ["minimum_order_value"]),
    ({"over_receipt_percent": "101"}, ["over_receipt_percent"]),
    ({"truck_volume_l": "0"}, ["truck_volume_l"]),
    ({"weekday": []}, ["weekday"]),
    ({"closed-first-0": "", "closed-last-0": "2027-02-12"}, ["closed-first-0"]),
    ({"closed-last-0": "2027-02-01"}, ["closed-last-0"]),
    ({"closed-first-0": "next week"}, ["closed-first-0"]),
]


async def test_each_wrong_field_of_a_supplier_is_named(typist: Typist) -> None:
    for changes, fields in WRONG_SUPPLIERS:
        answer = await typist.send("/suppliers", SUPPLIER | changes)
        assert (answer.status_code, sorted(wrong_in(answer))) == (422, sorted(fields)), changes
        assert 'href="#field-' in answer.text
        assert "王芳" in answer.text, "what was typed is still there"
    assert (await typist.house.get("/suppliers"))["suppliers"] == []


async def test_a_code_is_given_once(typist: Typist) -> None:
    await typist.made()
    answer = await typist.send("/suppliers", SUPPLIER)
    assert (answer.status_code, list(wrong_in(answer))) == (422, ["code"])


async def test_terms_typed_are_the_terms_of_the_api(typist: Typist) -> None:
    supplier, sku = await typist.made(), await typist.house.sku("TEA")
    found = await typist.client.get(f"/suppliers/{supplier}/items?sku_code=TEA-{typist.house.tag}")
    path = found.headers["location"]
    assert path == f"/suppliers/{supplier}/items/{sku}"
    for _ in range(2):
        answer = await typist.send(path, TERMS, form_at=path)
        assert answer.status_code == 303, wrong_in(answer)
    [terms] = (await typist.house.get(f"/suppliers/{supplier}/items"))["items"]
    wanted = {
        "unit_cost": "13.250000",
        "supplier_code": "SD-9",
        "currency": None,
        "moq": 20,
        "order_multiple": 10,
        "max_order_quantity": 5000,
        "pack_size": 10,
        "pack_volume_l": "24.5000",
        "valid_from": None,
        "valid_to": "2027-06-30",
        "lead_time_days": "12.00",
        "lead_time_sd_days": None,
        "is_preferred": True,
        "price_breaks": [
            {"min_quantity": 100, "unit_cost": "12.800000"},
            {"min_quantity": 500, "unit_cost": "12.100000"},
        ],
    }
    assert {name: terms[name] for name in wanted} == wanted
    page = (await typist.client.get(path)).text
    assert re.findall(r'name="break-(?:quantity|cost)-\d" type="text" value="([^"]+)"', page) == [
        "100",
        "12.8",
        "500",
        "12.1",
    ]


WRONG_TERMS: list[tuple[dict[str, Any], list[str]]] = [
    ({"unit_cost": ""}, ["unit_cost"]),
    ({"unit_cost": "-3"}, ["unit_cost"]),
    ({"unit_cost": "1.1234567"}, ["unit_cost"]),
    ({"currency": "cny"}, ["currency"]),
    ({"moq": "0"}, ["moq"]),
    ({"moq": "1.5"}, ["moq"]),
    ({"max_order_quantity": "10"}, ["max_order_quantity"]),
    ({"pack_volume_l": "big"}, ["pack_volume_l"]),
    ({"valid_from": "2027-07-01"}, ["valid_to"]),
    ({"break-cost-0": ""}, ["break-cost-0"]),
    ({"break-quantity-1": "500"}, ["break-quantity-1"]),
    ({"lead_time_days": "x", "moq": "x"}, ["lead_time_days", "moq"]),
]


async def test_each_wrong_field_of_terms_is_named(typist: Typist) -> None:
    path = f"/suppliers/{await typist.made()}/items/{await typist.house.sku('TEA')}"
    for changes, fields in WRONG_TERMS:
        answer = await typist.send(path, TERMS | changes, form_at=path)
        assert (answer.status_code, sorted(wrong_in(answer))) == (422, sorted(fields)), changes
    assert (await typist.house.get(path.rsplit("/", 1)[0]))["items"] == []


async def test_a_change_is_taken_back_on_the_page_and_once(typist: Typist) -> None:
    supplier = await typist.made()
    await typist.send(f"/suppliers/{supplier}/edit", SUPPLIER | {"is_active": "yes", "lead_time_days": "30"})
    sku = await typist.house.sku("TEA")
    path = f"/suppliers/{supplier}/items/{sku}"
    await typist.send(path, TERMS, form_at=path)
    await typist.send(f"{path}/remove", {}, form_at=path)
    assert (await typist.house.get(f"/suppliers/{supplier}/items"))["items"] == []
    page = await typist.client.get(f"/suppliers/{supplier}")
    removed, _, changed = re.findall(rf"/suppliers/{supplier}/undo/(\d+)", page.text)
    said: list[str] = []
    for audit_id in (removed, removed, changed):
        answer = await typist.send(f"/suppliers/{supplier}/undo/{audit_id}", {}, form_at="/suppliers/new")
        shown = await typist.client.get(answer.headers["location"])
        said += re.findall(r'<div class="flash (bad)?', shown.text)[:1]
    assert said == ["", "bad", ""]
    assert len((await typist.house.get(f"/suppliers/{supplier}/items"))["items"]) == 1
    assert (await typist.house.get(f"/suppliers/{supplier}"))["lead_time_days"] == "9.00"


async def test_a_change_of_another_supplier_is_not_taken_back_here(typist: Typist) -> None:
    ours, other = await typist.made(), await typist.made(code="OTHER")
    await typist.send(f"/suppliers/{other}/edit", SUPPLIER | {"is_active": "yes", "lead_time_days": "30"})
    page = await typist.client.get(f"/suppliers/{other}")
    [changed] = re.findall(rf"/suppliers/{other}/undo/(\d+)", page.text)
    await typist.send(f"/suppliers/{ours}/undo/{changed}", {})
    assert (await typist.house.get(f"/suppliers/{other}"))["lead_time_days"] == "30.00"


async def test_who_may_not_plan_changes_nothing(house: House) -> None:
    supplier, sku = await house.supplier("ACME"), await house.sku("TEA")
    async with at_the_console(house, "operator") as reader:
        page = f"/suppliers/{supplier}"
        answers = [
            (await reader.send(path, fields, form_at=page)).status_code
            for path, fields in (
                ("/suppliers", SUPPLIER),
                (f"{page}/edit", SUPPLIER),
                (f"{page}/items/{sku}", TERMS),
                (f"{page}/items/{sku}/remove", {}),
                (f"{page}/accept", {}),
                (f"{page}/channel", {"channel": "page"}),
                (f"{page}/test", {}),
                (f"{page}/undo/1", {}),
            )
        ]
        shown = await reader.client.get(page)
    assert answers == [403] * len(answers)
    assert "/edit" not in shown.text


async def test_a_secret_that_was_made_is_shown_once(house: House) -> None:
    supplier = await house.supplier("ACME")
    async with at_the_console(house, "approver") as typist:
        channel = {"channel": "api", "url": "https://orders.acme.example/in", "is_idempotent": "yes"}
        wrong = await typist.send(f"/suppliers/{supplier}/channel", channel | {"url": "ftp://x"})
        assert (wrong.status_code, list(wrong_in(wrong))) == (422, ["url"])
        first = await typist.send(f"/suppliers/{supplier}/channel", channel)
        assert (first.status_code, first.headers["cache-control"]) == (200, "no-store")
        assert len(re.findall(r'value="whsec_[A-Za-z0-9+/=]+"', first.text)) == 1
        again = await typist.send(f"/suppliers/{supplier}/channel", channel)
        assert again.status_code == 303
        assert "whsec_" not in (await typist.client.get(f"/suppliers/{supplier}")).text
