"""The warehouse floor at work: on a phone, with a scanner, with and without script."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from tests.console.conftest import Console

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("console-floor")]

LEVEL = "select available_quantity from inventory where sku_id = %s and warehouse_id = %s"
UNSELLABLE = "select unavailable_quantity from inventory where sku_id = %s and warehouse_id = %s"
STATUS = "select status from transfers where id = %s"


def scan(page: Page, code: str) -> None:
    """What a scanner does: types the code and presses Enter."""
    page.fill("[name=sku_code]", code)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_transfer_is_scanned_shipped_and_received(console: Console, script: bool) -> None:
    shop, (source, destination) = console.shop, console.shop.warehouses
    page = console.open("/transfers/new", script=script, size="phone")
    page.select_option("[name=from]", str(source))
    page.select_option("[name=to]", str(source))
    page.click("main button.primary")
    assert page.text_content("#field-to ~ .wrong") == "A transfer goes to another warehouse."
    page.select_option("[name=to]", str(destination))
    page.click("main button.primary")
    scan(page, "40000003")
    expect(page.locator(".flash")).to_have_text("1 × Party bunting added.")
    scan(page, "sku-003")
    expect(page.locator("[name=line-1]")).to_have_value("2")
    before = shop.value(LEVEL, shop.skus[3], destination)
    page.click("button:has-text('Ship 2 units')")
    page.click("a:has-text('Receive by scanning')")
    scan(page, "40000003")
    page.fill("[name=good]", "1")
    page.fill("[name=damaged]", "1")
    page.click("main button.primary")
    assert "0 still to come" in (page.text_content(".flash") or "")
    assert shop.value(LEVEL, shop.skus[3], destination) == before + 1
    assert shop.value(UNSELLABLE, shop.skus[3], destination) == 1
    assert page.locator(".floor form").count() == 0
    assert "Nothing is left to receive" in (page.text_content("main") or "")


def test_several_names_fit_and_one_is_chosen_without_typing_the_quantity_again(console: Console) -> None:
    page = console.open(f"/transfers/{console.shop.transfers[0]}", script=False)
    page.fill("[name=quantity]", "7")
    scan(page, "bunting")
    assert page.text_content("#wrong-sku_code") == "Several fit. Which one is it?"
    assert page.input_value("[name=quantity]") == "7"
    page.click(".which button:has-text('Party bunting')")
    assert page.text_content(".flash div") == "7 × Party bunting added."
    scan(page, "no such thing")
    assert page.text_content("#wrong-sku_code") == "No SKU has this code, barcode or name."
    assert page.input_value("[name=sku_code]") == "no such thing"


def test_what_is_lost_is_said_before_it_is_written_off(console: Console) -> None:
    transfer = console.shop.transfers[1]
    page = console.open(f"/transfers/{transfer}", size="phone")
    page.fill("[name=good-1]", "eight")
    page.click("button:has-text('Book the receipt')")
    assert page.text_content("#wrong-good-1") == "Type a whole number."
    assert page.input_value("[name=good-1]") == "eight"
    page.fill("[name=good-1]", "11")
    page.click("button:has-text('Book the receipt')")
    assert page.text_content("#wrong-good-1") == "At most 10 more."
    page.fill("[name=good-1]", "8")
    page.fill("[name=good-2]", "")
    page.click("button:has-text('Book the receipt')")
    page.click("summary:has-text('Close with a loss')")
    panel = page.locator("details[open] .panel")
    assert "12 units have not arrived. They will be written off as lost" in (panel.text_content() or "")
    assert panel.locator("dd").all_text_contents() == ["2", "10"]
    panel.locator("[name=reason]").fill("fell off the truck")
    panel.locator("button").click()
    assert page.text_content(".flash div") == "Closed: 12 units are written off as lost."
    assert console.shop.value(STATUS, transfer) == "closed"
    assert "fell off the truck" in (page.text_content("main") or "")
