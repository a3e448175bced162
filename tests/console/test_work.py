"""People get their work done: in a browser, with and without script."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.console.conftest import Console

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("console-work")]


def test_a_wrong_password_is_refused_with_one_sentence(looking: Console) -> None:
    context = looking.browser.new_context()
    looking.contexts.append(context)
    page = context.new_page()
    page.goto(f"{looking.address}/replenishment")
    assert page.url == f"{looking.address}/sign-in?next=/replenishment"
    page.fill("[name=email]", "anna@shop.example")
    page.fill("[name=password]", "not the password")
    page.click("main button.primary")
    assert page.text_content("[role=alert]") == "E-mail or password is wrong."
    assert page.input_value("[name=email]") == "anna@shop.example"


def test_slash_puts_the_cursor_into_the_search_and_enter_finds(looking: Console) -> None:
    page = looking.open("/alerts")
    page.keyboard.press("/")
    page.keyboard.type("SKU-003")
    page.keyboard.press("Enter")
    page.wait_for_url("**/stock/*-*")
    assert page.text_content("h1") == "Party bunting"


def test_a_name_with_markup_in_it_is_text(looking: Console) -> None:
    page = looking.open(f"/stock/{looking.shop.skus[11]}")
    assert page.text_content("h1") == "<b>Spotty</b> bunting & co"
    assert page.locator("h1 b").count() == 0


def test_filters_live_in_the_address_and_answer_while_one_types(looking: Console) -> None:
    page = looking.open("/stock")
    assert page.locator("tbody tr").count() == 12
    page.fill("main .filters [type=search]", "bunting")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page).to_have_url(f"{looking.address}/stock?q=bunting")
    page.select_option("[name=category]", "Party")
    expect(page).to_have_url(f"{looking.address}/stock?q=bunting&category=Party")
    page.reload()
    assert page.locator("tbody tr").count() == 2
    page.click("th a:has-text('Available')")
    assert "sort=available" in page.url
    assert page.get_attribute("th:has-text('Available')", "aria-sort") == "ascending"


def test_filters_work_without_script(looking: Console) -> None:
    page = looking.open("/stock", script=False)
    page.fill("main .filters [type=search]", "bunting")
    page.click("main .filters button:has-text('Show')")
    expect(page.locator("tbody tr")).to_have_count(2)


def test_the_chart_library_is_loaded_only_where_there_is_a_chart(looking: Console) -> None:
    page = looking.open("/stock")
    assert page.locator("script[src*=echarts]").count() == 0
    page.goto(f"{looking.address}/stock/{looking.shop.skus[0]}")
    page.wait_for_selector("[data-chart] canvas")
    assert page.locator("script[src*=echarts]").count() == 1


def test_the_button_says_how_many_are_ticked_and_what_they_cost(looking: Console) -> None:
    page = looking.open("/replenishment")
    button = page.locator(".head button.primary[name=decision]")
    expect(button).to_have_text("Approve 4 selected · £600")
    page.locator("input[data-tick]:not(:checked)").first.check()
    expect(button).to_have_text("Approve 5 selected · £750")
    page.locator("input[data-tick-all]").check()
    expect(button).to_have_text("Approve 12 selected · £1,800")
    page.locator("input[data-tick-all]").uncheck()
    expect(button).to_be_disabled()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_ticked_suggestions_become_draft_orders(console: Console, script: bool) -> None:
    page = console.open("/replenishment", script=script)
    page.click(".head button.primary[name=decision]")
    assert "4 approved" in (page.text_content(".flash") or "")
    shop = console.shop
    assert shop.value("select count(*) from replenishment_suggestions where status = 'approved'") == 4
    assert (
        shop.value(
            "select count(*) from purchase_order_lines l join purchase_orders o on o.id = l.purchase_order_id"
            " where o.status = 'draft' and l.suggestion_id is not null"
        )
        == 4
    )
    assert page.locator("tbody input[data-tick]").count() == 8


def test_a_suggestion_that_changed_meanwhile_is_not_approved(looking: Console) -> None:
    page = looking.open(f"/stock/{looking.shop.skus[0]}")
    looking.shop.value(
        "update replenishment_suggestions set suggested_quantity = 240, version = version + 1"
        " where id = %s returning id",
        looking.shop.suggestions[0],
    )
    page.click(".head button.primary")
    assert "stayed as it was" in (page.text_content(".flash.bad") or "")
    status = "select status from replenishment_suggestions where id = %s"
    assert looking.shop.value(status, looking.shop.suggestions[0]) == "pending"


def test_an_order_is_received_line_by_line(looking: Console) -> None:
    order, sku = looking.shop.orders[1], looking.shop.skus[1]
    level = "select available_quantity from inventory where sku_id = %s and warehouse_id = %s"
    before = looking.shop.value(level, sku, looking.shop.warehouses[0])
    page = looking.open(f"/purchase-orders/{order}", size="phone")
    page.fill("[name=line-1]", "twelve")
    page.click("button:has-text('Book the receipt')")
    assert page.text_content("#wrong-line-1") == "Type a whole number."
    assert page.input_value("[name=line-1]") == "twelve"
    page.fill("[name=line-1]", "20")
    page.fill("[name=line-2]", "")
    page.click("button:has-text('Book the receipt')")
    assert page.text_content(".flash div") == "Booked: 20 units are in stock now."
    assert looking.shop.value(level, sku, looking.shop.warehouses[0]) == before + 20
    page.fill("[name=line-1]", "29")
    page.click("button:has-text('Book the receipt')")
    assert page.text_content("#wrong-line-1") == "At most 28 more."
    assert looking.shop.value(level, sku, looking.shop.warehouses[0]) == before + 20


def test_a_draft_is_sent_and_then_cancelled_after_a_question(looking: Console) -> None:
    page = looking.open(f"/purchase-orders/{looking.shop.orders[0]}")
    page.click("button:has-text('Send to Lumen Ltd')")
    status = "select status from purchase_orders where id = %s"
    assert looking.shop.value(status, looking.shop.orders[0]) == "sent"
    page.click("summary:has-text('Cancel order')")
    page.click("details[open] button:has-text('Cancel order')")
    assert looking.shop.value(status, looking.shop.orders[0]) == "cancelled"


def test_a_correction_says_why_and_never_overwrites_a_sale(looking: Console) -> None:
    sku, shop = looking.shop.skus[2], looking.shop
    level = "select available_quantity + reserved_quantity from inventory where sku_id = %s and warehouse_id = %s"
    page = looking.open(f"/stock/{sku}/adjust")
    page.check(f"[value='{shop.warehouses[0]}']")
    page.fill("[name=quantity]", "500")
    page.click("main button:has-text('Adjust')")
    assert page.text_content("#wrong-reason") == "Say why: the ledger keeps it."
    shop.sell(2, 1)
    sold = shop.value(level, sku, shop.warehouses[0])
    page.select_option("[name=reason]", "count")
    page.click("main button:has-text('Adjust')")
    assert "changed while you were typing" in (page.text_content("#wrong-quantity") or "")
    assert shop.value(level, sku, shop.warehouses[0]) == sold
    page.click("main button:has-text('Adjust')")
    page.wait_for_url(f"**/stock/{sku}")
    assert shop.value(level, sku, shop.warehouses[0]) == 500
    newest = "select reason from inventory_movements where sku_id = %s order by seq desc limit 1"
    assert shop.value(newest, sku) == "count"


def test_a_hold_is_released(looking: Console) -> None:
    page = looking.open("/holds")
    page.click("button:has-text('Release')")
    assert "available again" in (page.text_content(".flash") or "")
    assert looking.shop.value("select status from reservations where reference_id = 'cart-1'") == "cancelled"


def test_today_moves_without_a_reload(looking: Console) -> None:
    page = looking.open("/")
    reserved = page.locator(".figure:has-text('Reserved') .figure-number")
    before = int(reserved.text_content() or "")
    page.evaluate("window.notReloaded = true")
    looking.shop.hold(1, "cart-2", 5)
    expect(reserved).to_have_text(str(before + 5), timeout=12_000)
    assert page.evaluate("window.notReloaded")
    assert looking.complaints == []


def test_the_phone_reaches_every_place_with_the_thumb(looking: Console) -> None:
    page = looking.open("/", size="phone")
    page.click(".thumb a:has-text('Stock')")
    page.wait_for_url("**/stock")
    page.click(".thumb summary")
    page.click(".thumb .panel a:has-text('Alerts')")
    page.wait_for_url("**/alerts")
    bar = page.locator(".thumb").bounding_box()
    assert bar is not None
    assert round(bar["y"] + bar["height"]) == 844


def test_alerts_are_acknowledged_and_resolved_together(looking: Console) -> None:
    page = looking.open("/alerts")
    page.check("thead input[data-tick-all]")
    page.click(".head button:has-text('Acknowledge 6')")
    expect(page.locator(".head button:has-text('Acknowledge 6')")).to_have_count(0)
    page.click(".tabs a:has-text('Acknowledged')")
    expect(page.locator("tbody tr")).to_have_count(6)
    page.locator("tbody input").first.check()
    page.click(".head button:has-text('Resolve 1')")
    expect(page.locator(".head button:has-text('Resolve 1')")).to_have_count(0)
    page.goto(page.url)
    expect(page.locator("tbody tr")).to_have_count(5)
    counts = "select count(*) from alerts where status = %s"
    assert [looking.shop.value(counts, s) for s in ("open", "acknowledged", "resolved")] == [0, 5, 1]


def test_a_notice_is_worded_for_its_reader_and_read_once(looking: Console) -> None:
    page = looking.open("/", language="zh")
    notice = page.locator("a[href='/purchase-orders']", has_text="PO-00001")
    assert notice.text_content() == "订单 PO-00001 未发送邮件"
    page.click("button:has-text('全部标为已读')")
    expect(page.locator("button:has-text('全部标为已读')")).to_have_count(0)
    assert looking.shop.value("select count(*) from notifications where channel = 'inbox' and read_at is null") == 0
