"""Planning in the browser: a class gets its target, a sum is worked out otherwise, a duplicate needs a reason."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.console.conftest import Console

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("console-planning")]


def _classes(console: Console) -> None:
    """Every level is in class AX, except the last three SKUs, which are in CZ."""
    console.shop.connection.execute(
        "insert into replenishment_classes (sku_id, warehouse_id, class_code, yearly_value, currency, classed_at)"
        " select sku_id, warehouse_id, case when sku_id = any(%s) then 'CZ' else 'AX' end, 1000, 'GBP', now()"
        " from inventory",
        [console.shop.skus[-3:]],
    )


@pytest.mark.parametrize("script", [True, False])
def test_a_class_gets_its_target_with_two_clicks(console: Console, script: bool) -> None:
    _classes(console)
    page = console.open("/replenishment/policies", script=script)
    cell = page.locator(".classes td a[aria-label='Class AX']")
    expect(cell).to_contain_text("18 levels · £18,000")
    cell.click()
    page.fill("[name=target]", "98.5")
    page.select_option("[name=measure]", "fill")
    page.click("#policy button.primary")
    expect(page.locator(".classes td a[aria-label='Class AX']")).to_contain_text("its own policy")
    expect(page.locator(".classes td a[aria-label='Class CZ']")).to_contain_text("as everything")
    kept = console.shop.value("select target_fill_rate from replenishment_policies where class_code = 'AX'")
    assert kept == pytest.approx(0.985)
    page.click("a.name:has-text('Class AX')")
    assert page.input_value("[name=target]") == "98.5"
    page.fill("[name=target]", "700")
    page.click("#policy button.primary")
    assert page.text_content("#wrong-target") == "Type a number from 50 to 99.99."
    assert page.input_value("[name=target]") == "700"


def test_the_sum_follows_the_sliders_and_nothing_is_saved(console: Console) -> None:
    before = console.shop.value("select count(*) from audit_log")
    page = console.open(f"/replenishment/suggestions/{console.shop.suggestions[0]}")
    worked = page.locator("#worked")
    expect(worked.locator("h2")).to_contain_text("Order")
    was = worked.locator("h2").text_content() or ""
    page.locator("[name=lead_time_days]").fill("60")
    expect(worked).to_contain_text("Assumed: Delivery, days 60, known 9")
    expect(worked.locator("h2")).not_to_have_text(was)
    parts = worked.locator(".part > summary strong").all_text_contents()
    total = worked.locator(".total dd").text_content() or ""
    signed = [int(part.replace("\N{MINUS SIGN}", "-").replace(" ", "").replace(",", "")) for part in parts]
    assert sum(signed) == int(total.replace(",", ""))
    assert console.shop.value("select count(*) from audit_log") == before


def test_what_if_works_without_script(console: Console) -> None:
    page = console.open(f"/replenishment/suggestions/{console.shop.suggestions[0]}", script=False)
    page.locator("[name=order_multiple]").fill("50")
    page.click(".what-if button:has-text('Work it out')")
    expect(page.locator("#worked")).to_contain_text("In packs of 50, known 12")


def test_an_order_that_repeats_what_is_open_needs_a_reason(console: Console) -> None:
    draft, sku = console.shop.orders[0], console.shop.skus[1]
    console.shop.connection.execute("update inventory set computed_reorder_point = 0 where sku_id = %s", [sku])
    page = console.open(f"/purchase-orders/{draft}")
    page.click(".head button.primary")
    alert = page.locator("[role=alert]").first
    expect(alert).to_contain_text("What is open already covers this order.")
    expect(alert).to_contain_text("SKU-001")
    page.click("a:has-text('What is open')")
    expect(page.locator("h1")).to_contain_text("covered already")
    page.goto(f"{console.address}/purchase-orders/{draft}")
    page.click(".head button.primary")
    page.fill("[name=reason]", "second shop opens")
    page.click("button:has-text('Send anyway')")
    expect(page.locator("[role=status]")).to_contain_text("is on its way to")
    assert console.shop.value("select status from purchase_orders where id = %s", draft) == "sent"


def test_limits_and_rules_are_set_and_removed(console: Console) -> None:
    page = console.open("/replenishment/limits")
    page.select_option("[name=role]", "approver")
    page.fill("[name=max_value]", "2,500")
    page.click("button:has-text('Set the limit')")
    expect(page.locator("td:has-text('£2,500.00')")).to_be_visible()
    page.fill("[name=each]", "800")
    page.fill("[name=daily]", "500")
    page.click("button:has-text('Save the rule')")
    expect(page.locator("[role=alert]")).to_contain_text("One suggestion cannot exceed the limit of the day.")
    page.fill("[name=daily]", "5000")
    page.select_option("[name=is_active]", "yes")
    page.click("button:has-text('Save the rule')")
    expect(page.locator("td:has-text('£0 of £5,000')")).to_be_visible()
    page.locator("button:has-text('Remove')").last.click()
    expect(page.locator("td:has-text('£0 of £5,000')")).to_have_count(0)


def test_a_plan_is_stopped_and_goes_on_without_script(console: Console) -> None:
    console.shop.value(
        "insert into replenishment_runs (started_by, pairs_total, pairs_done) values ('test', 24, 10) returning id"
    )
    page = console.open("/replenishment", script=False)
    page.click("button:has-text('Stop the plan')")
    expect(page.locator("#run")).to_contain_text("10 of 24 levels")
    page.click("button:has-text('Go on planning')")
    expect(page.locator("button:has-text('Stop the plan')")).to_be_visible()
    assert console.shop.value("select status from replenishment_runs") == "running"
