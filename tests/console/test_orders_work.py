"""Orders and suppliers in the console, and the supplier's own page: they fit, they can be read, and they work."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page
from tests.console.conftest import SIZES, Console
from tests.console.ordering import Ordering, arrange
from tests.console.test_looks import NAMELESS_CONTROLS, SMALL_TARGETS, VARIANTS, WEAK_TEXTS, settled

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("console-orders")]


@pytest.fixture(scope="module")
def ordering(shared_console: Console) -> Ordering:
    return arrange(shared_console)


def faults(page: Page) -> dict[str, object]:
    settled(page)
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    found = {
        "overflow": wide if wide > 0 else None,
        "weak": page.evaluate(WEAK_TEXTS),
        "small": page.evaluate(SMALL_TARGETS),
        "nameless": page.evaluate(NAMELESS_CONTROLS),
    }
    return {name: fault for name, fault in found.items() if fault}


@pytest.mark.parametrize(("size", "theme", "language"), VARIANTS)
def test_orders_and_suppliers_fit_and_are_readable(
    looking: Console, ordering: Ordering, size: str, theme: str, language: str
) -> None:
    page = looking.open("/suppliers", size=size, theme=theme, language=language)
    paths = (
        f"/purchase-orders/{ordering.order}",
        f"/purchase-orders/{ordering.tracked}",
        "/purchase-orders?state=exceptions",
        f"/suppliers/{ordering.supplier}",
        f"/suppliers/{ordering.supplier}/edit",
        f"/suppliers/{ordering.supplier}/items/{looking.shop.skus[0]}",
    )
    found = {"/suppliers": faults(page)}
    for path in paths:
        page.goto(looking.address + path)
        found[path] = faults(page)
    assert {path: fault for path, fault in found.items() if fault} == {}
    assert looking.complaints == []


@pytest.mark.parametrize(("size", "theme", "language"), VARIANTS)
def test_the_suppliers_page_fits_and_is_readable_without_an_account(
    looking: Console, ordering: Ordering, size: str, theme: str, language: str
) -> None:
    page = at_the_door(looking, ordering, size, theme, language)
    assert faults(page) == {}
    for fold in page.locator("details").all():
        fold.evaluate("e => e.open = true")
    assert faults(page) == {}
    # Every field has its label, and the page one heading and one main part (WCAG 1.3.1, 3.3.2).
    fields = "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]"
    assert page.evaluate(f"{fields}.filter(e => !e.labels.length).length") == 0
    assert (page.locator("h1").count(), page.locator("main").count()) == (1, 1)


def at_the_door(looking: Console, ordering: Ordering, size: str, theme: str, language: str) -> Page:
    width, height = SIZES[size]
    context = looking.browser.new_context(viewport={"width": width, "height": height}, locale="en-GB")
    looking.contexts.append(context)
    context.add_cookies(
        [
            {"name": "holdfast_theme", "value": theme, "url": looking.address},
            {"name": "holdfast_language", "value": language, "url": looking.address},
        ]
    )
    page = context.new_page()
    page.goto(looking.address + ordering.door)
    return page


def test_a_supplier_confirms_on_a_phone_and_we_see_it(looking: Console, ordering: Ordering) -> None:
    page = at_the_door(looking, ordering, "phone", "light", "en")
    page.fill("#field-quantity-3", "41")
    page.fill("#field-quantity2-3", "2")
    page.click("button:has-text('Confirm')")
    assert "At most 42 more." in (page.text_content("#wrong-quantity-3") or "")
    page.fill("#field-quantity2-3", "1")
    page.fill("#field-day-1", "2020-01-01")
    page.click("button:has-text('Confirm')")
    assert page.text_content("#wrong-day-1") == "This day is over."
    page.fill("#field-day-1", looking.shop.today.date().isoformat())
    page.click("button:has-text('Confirm')")
    assert page.text_content(".flash div") == "Thank you. Your confirmation has reached us."
    page.fill("#field-text", "Truck at ten.")
    page.click("button:has-text('Send')")
    ours = looking.open(f"/purchase-orders/{ordering.order}")
    said = ours.text_content("section:has-text('What the supplier said')") or ""
    assert "Truck at ten." in said
    assert "on its page" in said
    assert "line 3: 41" in said


def test_batches_and_serial_numbers_are_received_line_by_line(looking: Console, ordering: Ordering) -> None:
    page = looking.open(f"/purchase-orders/{ordering.tracked}")
    page.fill("[name=line-1]", "2")
    page.click("button:has-text('Book the receipt')")
    assert page.text_content("#wrong-batch-1") == "Units of this SKU are kept by batch. Say which."
    page.fill("[name=batch-1]", "L-77")
    page.fill("[name=expiry-1]", "2099-01-31")
    page.click("summary:has-text('More batches')")
    page.fill("[name=batch-1-2]", "L-78")
    page.fill("[name=line-1-2]", "1")
    page.fill("[name=line-2]", "SN-91\nSN-92")
    page.fill("[name=cost-2]", "99.5")
    page.click("button:has-text('Book the receipt')")
    assert page.text_content(".flash div") == "Booked: 5 units are in stock now."
    batches = "select string_agg(number, ' ' order by number) from batches where sku_id = %s and number like 'L-7%%'"
    assert looking.shop.value(batches, looking.shop.tracked[0]) == "L-77 L-78"
    cost = "select unit_cost from inventory_movements where sku_id = %s and reference_id = %s limit 1"
    assert float(looking.shop.value(cost, looking.shop.tracked[1], ordering.tracked)) == 99.5
    page.fill("[name=line-2]", "SN-91")
    page.click("button:has-text('Book the receipt')")
    assert "In stock already" in (page.text_content(".flash.bad") or "")


def test_an_exception_is_seen_to_and_the_door_closed(looking: Console, ordering: Ordering) -> None:
    page = looking.open(f"/purchase-orders/{ordering.order}")
    page.click("button:has-text('I see to it')")
    assert "sees to it" in (page.text_content("section:has-text('Not as it should be')") or "")
    page.click("summary:has-text('Close the page')")
    page.click("details[open] button:has-text('Close the page')")
    assert "No address of this order opens." in (page.text_content("main") or "")
    answer = page.goto(looking.address + ordering.door)
    assert answer is not None
    assert answer.status == 404
