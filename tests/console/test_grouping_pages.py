"""Orders under limits in the browser: set a limit, see what waits, place the rest, and a plan that is under way."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.console.conftest import Console

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("console-planning")]


@pytest.mark.parametrize("script", [True, False])
def test_a_limit_is_set_what_waits_is_said_and_the_rest_becomes_drafts(console: Console, script: bool) -> None:
    page = console.open("/replenishment/orders", script=script)
    page.click("button:has-text('Group again')")
    expect(page.locator("[role=status]").first).to_contain_text("Grouped. Nothing is ordered yet.")
    whole = page.locator(".order-card").count()
    assert whole >= 1
    page.fill("[name=most]", "much")
    page.click("#limits button:has-text('Set the limit')")
    assert page.text_content("#wrong-most") == "Type an amount."
    page.select_option("[name=per]", "order")
    page.fill("[name=most]", "40")
    page.click("#limits button:has-text('Set the limit')")
    expect(page.locator("#limits td:has-text('Money, each order')")).to_be_visible()
    expect(page.locator("h2:has-text('What waits, the dearest first')")).to_be_visible()
    before = console.shop.value("select count(*) from replenishment_suggestions where status = 'approved'")
    page.locator("#limits button:has-text('Remove')").click()
    expect(page.locator("#limits td:has-text('Money, each order')")).to_have_count(0)
    page.locator(".head button.primary").click()
    expect(page.locator("[role=status]").first).to_contain_text("Send them under Orders.")
    assert console.shop.value("select count(*) from replenishment_suggestions where status = 'approved'") > before
    expect(page.locator(".order-head a[href^='/purchase-orders/']").first).to_be_visible()


def test_what_changed_meanwhile_is_grouped_again_and_shown_first(console: Console) -> None:
    page = console.open("/replenishment/orders")
    page.click("button:has-text('Group again')")
    console.shop.connection.execute(
        "update replenishment_suggestions set status = 'rejected' where status = 'pending' and kind = 'purchase'"
    )
    orders = console.shop.value("select count(*) from purchase_order_lines")
    page.locator(".head button.primary").click()
    expect(page.locator("[role=alert]")).to_contain_text("grouped again")
    assert console.shop.value("select count(*) from purchase_order_lines") == orders
    expect(page.locator("h1")).to_contain_text("Nothing to order")


def test_a_lane_of_its_own_is_set_and_removed(console: Console) -> None:
    page = console.open("/replenishment/lanes")
    page.fill("[name=lead_days]", "3")
    page.select_option("[name=source]", index=1)
    page.click("button:has-text('Save the lane')")
    expect(page.locator("[role=alert]")).to_contain_text("Choose two different warehouses")
    page.select_option("[name=target]", index=2)
    page.click("button:has-text('Save the lane')")
    expect(page.locator(".rows td:has-text('3 d')")).to_be_visible()
    page.click("button:has-text('Remove')")
    expect(page.locator(".rows td:has-text('3 d')")).to_have_count(0)


def test_the_bar_of_a_plan_moves_by_itself_and_the_page_is_new_when_it_is_over(console: Console) -> None:
    run = console.shop.value(
        "insert into replenishment_runs (started_by, pairs_total, pairs_done) values ('test', 24, 6) returning id"
    )
    page = console.open("/replenishment")
    bar = page.locator("#run")
    expect(bar).to_contain_text("6 of 24 levels")
    console.shop.connection.execute("update replenishment_runs set pairs_done = 18 where id = %s", [run])
    expect(bar).to_contain_text("18 of 24 levels")
    console.shop.connection.execute(
        "update replenishment_runs set status = 'finished', finished_at = now(), pairs_done = 24 where id = %s", [run]
    )
    expect(bar).to_have_count(0)
    expect(page.locator(".head")).to_contain_text("from 24 levels")


@pytest.mark.parametrize("path", ["/replenishment/backtest", "/replenishment/grades", "/demand/calendar"])
def test_on_a_phone_the_open_tab_is_in_view(console: Console, path: str) -> None:
    page = console.open(path, size="phone")
    tab = page.locator(".tabs [aria-current]")
    box, width = tab.bounding_box(), 390
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
