"""A person keeps units of a SKU for a channel, in a browser."""

from __future__ import annotations

import pytest
from tests.console.conftest import Console

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("console-work")]


def test_units_are_kept_for_a_channel_changed_and_set_free(console: Console) -> None:
    shop = console.shop
    shop.add_pools()
    here = f"/stock/{shop.skus[0]}/pools"
    pooled = "select pooled_quantity from inventory where (sku_id, warehouse_id) = (%s, %s)"
    page = console.open(here)

    def keep(channel: str, warehouse: int, quantity: str) -> None:
        page.select_option("main select[name=channel]", channel)
        page.select_option("main select[name=warehouse_id]", str(shop.warehouses[warehouse]))
        page.fill("main [name=quantity]", quantity)
        page.click("main button.primary")

    keep("web", 1, "none")
    assert page.text_content("main .wrong") == "Type a number from 1 to 1,000,000,000."
    assert page.input_value("main [name=quantity]") == "none"
    keep("web", 1, "7")
    assert page.url.endswith(here)
    assert shop.value(pooled, shop.skus[0], shop.warehouses[1]) == 7
    # Somebody else changes it while this person looks at the old figure.
    shop.value("update channel_pools set version = version + 1 where quantity = 7 returning id")
    keep("web", 1, "9")
    assert page.text_content("main .wrong") == "Somebody else changed this meanwhile. Look at it again."
    page.goto(console.address + here)
    keep("web", 1, "9")
    assert shop.value(pooled, shop.skus[0], shop.warehouses[1]) == 9
    page.goto(f"{console.address}/stock/{shop.skus[0]}")
    assert page.locator("main a", has_text="9 kept").count() == 1
    page.click("main .actions a:has-text('Channels')")
    page.locator("main tr", has_text="Web shop").first.locator("button").click()
    page.wait_for_url("**/pools")
    assert shop.value("select count(*) from channel_pools where ended_at is not null") == 1
    assert shop.value("select count(*) from audit_log where action like 'channel.pool%%'") == 3
