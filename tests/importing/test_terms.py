"""Terms of suppliers from a file: read cell by cell, shown first, applied whole or not at all."""

from __future__ import annotations

import html
import re
from typing import Any

from tests.console.test_supplier_forms import at_the_console
from tests.house import House

HEAD = "supplier,sku,unit_cost,moq,order_multiple,valid_from,valid_to,lead_time_days,preferred,price_breaks\n"


async def sent(house: House, text: str, *, expect: int = 200, **how: Any) -> Any:
    """``{ACME}`` and ``{TEA}`` in the text are the codes of this house."""
    return await house.call(
        "POST", "/supplier-items:import", content=await filled(house, text), params=how, expect=expect
    )


async def filled(house: House, text: str) -> str:
    for code in ("TEA", "CUP"):
        await house.sku(code)
    await house.supplier("ACME")
    return text.format(**{code: f"{code}-{house.tag}" for code in ("ACME", "TEA", "CUP")})


async def terms(house: House) -> dict[str, dict[str, Any]]:
    found = await house.get(f"/suppliers/{await house.supplier('ACME')}/items")
    return {item["sku_code"].split("-")[0]: item for item in found["items"]}


def counts(answer: Any) -> tuple[int, int, int, int]:
    return answer["new"], answer["changed"], answer["unchanged"], answer["rows_with_problems"]


async def test_a_file_is_shown_then_applied_and_twice_is_once(house: House) -> None:
    text = HEAD + "{ACME},{TEA},12.80,20,10,,2027-06-30,9,yes,100:12.10 | 500:11\n{ACME},{CUP},3,,,,,,,\n"
    assert counts(await sent(house, text)) == (2, 0, 0, 0)
    assert await terms(house) == {}
    applied = await sent(house, text, apply=True)
    assert (counts(applied), applied["is_applied"]) == ((2, 0, 0, 0), True)
    tea = (await terms(house))["TEA"]
    wanted = {
        "unit_cost": "12.800000",
        "moq": 20,
        "order_multiple": 10,
        "valid_to": "2027-06-30",
        "lead_time_days": "9.00",
        "is_preferred": True,
        "price_breaks": [
            {"min_quantity": 100, "unit_cost": "12.100000"},
            {"min_quantity": 500, "unit_cost": "11.000000"},
        ],
    }
    assert {name: tea[name] for name in wanted} == wanted
    assert counts(await sent(house, text, apply=True)) == (0, 0, 2, 0)


async def test_an_empty_cell_and_an_absent_column_leave_terms_as_they_are(house: House) -> None:
    await sent(house, HEAD + "{ACME},{TEA},12.80,20,10,,,9,yes,100:12.10\n", apply=True)
    changed = await sent(house, "供应商编码;货号;起订量\n{ACME};{TEA};30\n", apply=True)
    assert counts(changed) == (0, 1, 0, 0)
    assert changed["changes"][0]["differences"] == {"moq": {"before": "20", "after": "30"}}
    tea = (await terms(house))["TEA"]
    assert (tea["moq"], tea["unit_cost"], tea["is_preferred"], len(tea["price_breaks"])) == (30, "12.800000", True, 1)


WRONG = [
    ("{ACME},{TEA},,,,,,,,", "unit_cost", "empty"),
    ("{ACME},NONE,1,,,,,,,", "sku", "unknown_sku"),
    ("NONE,{TEA},1,,,,,,,", "supplier", "unknown_supplier"),
    ("{ACME},{TEA},1.2.3,,,,,,,", "unit_cost", "invalid"),
    ("{ACME},{TEA},1,0,,,,,,", "moq", "invalid"),
    ("{ACME},{TEA},1,,1.5,,,,,", "order_multiple", "invalid"),
    ("{ACME},{TEA},1,,,2027-02-01,2027-01-01,,,", "valid_to", "impossible_date"),
    ("{ACME},{TEA},1,,,,,4000,,", "lead_time_days", "invalid"),
    ("{ACME},{TEA},1,,,,,,maybe,", "preferred", "invalid"),
    ("{ACME},{TEA},1,,,,,,,100-12", "price_breaks", "invalid"),
    ("{ACME},{TEA},1,,,,,,,100:12|100:13", "price_breaks", "invalid"),
]


async def test_each_wrong_cell_is_named_and_nothing_is_applied(house: House) -> None:
    good = "{ACME},{CUP},3,,,,,,,\n"
    for row, column, code in WRONG:
        refused = await sent(house, HEAD + good + row + "\n", apply=True, expect=422)
        assert refused["code"] == "import_has_problems"
        [error] = refused["errors"]
        assert (error["loc"], error["code"]) == (["rows", 3, column], code), row
        assert await terms(house) == {}
    taken = await sent(house, HEAD + good + WRONG[0][0] + "\n", apply=True, valid_rows_only=True)
    assert (counts(taken), list(await terms(house))) == ((1, 0, 0, 1), ["CUP"])


async def test_one_sku_twice_is_neither(house: House) -> None:
    row = "{ACME},{TEA},1,,,,,,,\n"
    refused = await sent(house, HEAD + row + row, apply=True, expect=422)
    assert [(e["loc"][1], e["code"]) for e in refused["errors"]] == [(2, "duplicate"), (3, "duplicate")]


async def test_the_console_shows_a_pasted_table_and_applies_it_with_a_second_press(house: House) -> None:
    text = await filled(house, HEAD + "{ACME},{TEA},12.80,20,10,,,,,\n")
    async with at_the_console(house, "planner") as typist:
        at = "/suppliers/import"
        wrong = await typist.send(at, {"text": text.replace("12.80", "x"), "action": "apply"}, form_at=at)
        assert (wrong.status_code, "is not an amount" in wrong.text) == (422, True)
        shown = await typist.send(at, {"text": text, "action": "look"}, form_at=at)
        assert (shown.status_code, await terms(house)) == (200, {})
        kept = html.unescape(re.findall(r'name="text" value="([^"]*)"', shown.text)[0])
        applied = await typist.send(at, {"text": kept, "action": "apply"}, form_at=at)
        assert (applied.status_code, list(await terms(house))) == (303, ["TEA"])
        for nothing in ("", "no such thing"):
            answer = await typist.send(at, {"text": nothing, "action": "look"}, form_at=at)
            assert answer.status_code == 422
    async with at_the_console(house, "operator") as reader:
        assert (
            await reader.send("/suppliers/import", {"text": text, "action": "apply"}, form_at="/")
        ).status_code == 403
