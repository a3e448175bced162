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


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_shelf_is_counted_blind_and_its_gap_approved(console: Console, script: bool) -> None:
    shop, (warehouse, _) = console.shop, console.shop.warehouses
    page = console.open("/stock-counts/new", script=script, size="phone")
    page.select_option("[name=warehouse]", str(warehouse))
    page.fill("[name=words]", "no such thing")
    page.click("main button:has-text('Open the count')")
    assert "Choose less" in (page.text_content("#wrong-words") or "")
    page.fill("[name=words]", "bunting")
    page.click("main button:has-text('Open the count')")
    assert page.text_content(".flash div") == "2 SKUs to count. Selling goes on meanwhile."
    there = shop.value(LEVEL, shop.skus[3], warehouse)
    page.click("a:has-text('Count on a phone')")
    scan(page, "40000003")
    expect(page.locator("h1")).to_have_text("Party bunting")
    assert str(there) not in (page.text_content(".floor") or ""), "counting is blind"
    page.fill("[name=quantity]", "some")
    page.click(".floor button.primary")
    assert "nothing there is 0" in (page.text_content("#wrong-quantity") or "")
    assert page.input_value("[name=quantity]") == "some"
    page.fill("[name=quantity]", str(there - 3))
    shop.sell(3, 5)
    page.click(".floor button.primary")
    # Sold after the books were read but before we saved: the moment of saving counts.
    expect(page.locator(".flash")).to_contain_text("Party bunting")
    page.click("a.crumb")
    assert (page.text_content("tbody tr td.end >> nth=2") or "").strip() == "+ 2"
    shop.sell(3, 1)
    page.reload()
    page.click("summary:has-text('Why this difference')")
    assert "− 1 moved since then" in (page.text_content("dl.sum") or "")
    page.click("button:has-text('Approve')")
    assert page.text_content(".flash div") == "1 line booked."
    assert shop.value(LEVEL, shop.skus[3], warehouse) == there - 5 - 1 + 2


def test_fewer_than_reserved_is_said_at_the_line_and_costs_no_other(console: Console) -> None:
    shop = console.shop
    held = shop.value(LEVEL, shop.skus[0], shop.warehouses[0])
    shop.hold(0, "order-9", held)
    page = console.open(f"/stock-counts/{shop.count}")
    expect(page.locator(".head button[data-tick-label]")).to_have_text("Approve 2 selected")
    page.click(".head button[data-tick-label]")
    assert page.text_content(".flash.bad div") == "1 line booked. 1 could not be booked; the line says why."
    said = page.text_content(".wrong-line") or ""
    assert "are promised to customers" in said
    page.click(".wrong-line a")
    assert "order-9" in (page.text_content("main") or "")
