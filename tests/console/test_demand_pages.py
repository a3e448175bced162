"""Demand and forecasts in the browser: look, say what is known, see first what it does."""

from __future__ import annotations

import json
from datetime import timedelta
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.console.conftest import Console

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("console-demand")]


def _demand(console: Console) -> None:
    """The ledger as demand, and of the first SKU one order of 400 yesterday."""
    shop = console.shop
    item = {"sku_id": str(shop.skus[0]), "warehouse_id": str(shop.warehouses[0]), "quantity": 400}
    shop.post(
        "stock_move", event_type="inventory.received", movement_type="in", reference_type="receipt", reason="received",
        items=[item],
    )  # fmt: skip
    shop.post(
        "stock_move", event_type="inventory.sold", movement_type="out", reference_type="sale", reason="sale",
        reference_id="WEDDING-7", occurred_at=(shop.today - timedelta(hours=30)).isoformat(),
        items=[{**item, "quantity": -400}],
    )  # fmt: skip
    shop.connection.execute("select demand_refresh()")


def _override(console: Console, days_ago: int, value: float, outcome: tuple[float, float, float] | None) -> None:
    first = (console.shop.today - timedelta(days=days_ago)).date()
    console.shop.connection.execute(
        "insert into forecast_overrides (sku_id, warehouse_id, first_day, last_day, kind, value, reason,"
        " model_daily_mean, said_by, graded_at, observed_days, actual_units, model_units, override_units)"
        " values (%s, %s, %s, %s, 'percent', %s, 'fair', 3, 'user:anna@shop.example', now(), 7, %s, %s, %s)",
        [console.shop.skus[0], console.shop.warehouses[0], first, first + timedelta(days=6), value, *(outcome or ())],
    )


def _grades(console: Console) -> None:
    """Five forecasts of each SKU in Shanghai, the later SKUs further off; all within their 95 percent level."""
    shop = console.shop
    for n, sku in enumerate(shop.skus):
        for k in range(5):
            made = (shop.today - timedelta(days=80 - 16 * k)).date()
            shop.connection.execute(
                "insert into forecast_grades (sku_id, warehouse_id, made_on, last_day, method, mean_units, quantiles,"
                " naive_units, graded_at, observed_days, actual_units)"
                " values (%s, %s, %s, %s, 'ses-negbin', %s, array[100, 130, 150, 170, 200], 150, now(), 16, 100)",
                [sku, shop.warehouses[0], made, made + timedelta(days=15), 100 + 4 * n],
            )
    # They are added up as an upgrade does with grades that are there already.
    steps = (files("holdfast.db") / "migrations" / "0147_accuracy_by_day.sql").read_text()
    shop.connection.execute(steps[steps.index("insert into forecast_accuracy") : steps.index("grant ")])


def _facts(page: Any) -> dict[str, Any]:
    return json.loads(page.text_content("#demand-chart"))


@pytest.mark.parametrize("script", [True, False])
def test_an_override_is_seen_before_it_is_saved(console: Console, script: bool) -> None:
    _demand(console)
    sku = console.shop.skus[0]
    page = console.open(f"/stock/{sku}/demand?warehouse={console.shop.warehouses[0]}", script=script)
    expect(page.locator("h1")).to_have_text("About 21 a week")
    facts = _facts(page)
    assert (len(facts["ordinary"]), len(facts["expected"]) - facts["past"], facts["planned"]) == (52, 13, [])
    assert sum(facts["one_off"]) == 400
    page.fill("[name=value]", "100")
    page.click("button[value=look]")
    expect(page.locator(".preview")).to_contain_text("on 168 units in Shanghai main instead of 84. Nothing is saved")
    assert _facts(page)["planned"][52:57] == [42, 42, 42, 42, None]
    assert console.shop.value("select count(*) from forecast_overrides") == 0
    page.click("button[value=save]")
    assert page.text_content("#wrong-reason") == "Say why, so that it can be judged later."
    page.fill("[name=reason]", "school fair")
    page.click("button[value=save]")
    expect(page.locator("#overrides")).to_contain_text("100% more")
    assert console.shop.value("select value from forecast_overrides where said_by = 'user:anna@shop.example'") == 100
    page.fill("[name=value]", "5")
    page.fill("[name=reason]", "again")
    page.click("button[value=save]")
    expect(page.locator("#override [role=alert]")).to_contain_text("Withdraw it first.")
    page.click("#overrides button:has-text('Withdraw')")
    expect(page.locator("#overrides")).to_contain_text("withdrawn")
    assert _facts(page)["planned"] == []


def test_a_large_order_is_judged_with_one_click(console: Console) -> None:
    _demand(console)
    page = console.open(f"/stock/{console.shop.skus[0]}/demand?by=day")
    line = page.locator("#lines tbody tr")
    expect(line).to_contain_text("WEDDING-7")
    expect(line).to_contain_text("by its size")
    line.locator("button:has-text('Normal')").click()
    expect(page.locator("#lines td.hide-s .hf-tag")).to_have_text("normal")
    assert page.url.endswith("by=day#lines")
    facts = _facts(page)
    assert (len(facts["ordinary"]), sum(facts["one_off"])) == (90, 0)
    assert console.shop.value("select not is_one_off from demand_verdicts") is True


def test_a_new_sku_borrows_a_past_and_an_old_one_is_replaced(console: Console) -> None:
    _demand(console)
    shop = console.shop
    new = shop.value("insert into skus (code, name, category) values ('NEW', 'New bunting', 'Party') returning id")
    page = console.open(f"/stock/{new}/demand")
    expect(page.locator("#picture")).to_contain_text("Nothing was sold yet")
    page.click(".proposals li:has-text('SKU-003') button")
    expect(page.locator("#like")).to_contain_text("Sells like Party bunting")
    page.goto(f"{console.address}/stock/{shop.skus[7]}/demand")
    page.fill("#successor-code", "NOPE")
    page.click("#successor button")
    assert page.text_content("#successor-wrong") == "There is no SKU with the code NOPE."
    page.fill("#successor-code", "SKU-011")
    page.fill("#field-from_day", "2031-01-01")
    page.click("#successor button")
    expect(page.locator("#successor")).to_contain_text("takes over from 1 Jan 2031 on")
    assert shop.value("select kind from sku_likeness where sku_id = %s", shop.skus[11]) == "successor"


def test_a_file_of_promotions_is_looked_at_cell_by_cell_before_it_counts(console: Console) -> None:
    page = console.open("/demand/calendar?year=2031", script=False)
    expect(page.locator("main")).to_contain_text("Nothing is said about 2031 yet")
    head = "kind,label,first_day,last_day,sku,category,warehouse\n"
    rows = "promotion,Spring sale,2031-03-01,2031-03-14,,Party,\nholiday,New year,2031-01-01,,,,\n"
    wrong = head + "party,Spring,2031-03-01,,,,\nholiday,New year,2031-13-01,,NOPE,,\n"
    file = {"name": "days.csv", "mimeType": "text/csv", "buffer": wrong.encode()}
    page.set_input_files("[name=file]", files=[file])  # type: ignore[list-item]
    page.click("button[value=look]")
    cells = [" ".join(row.split()) for row in page.locator("#file tbody tr").all_inner_texts()]
    assert [cell.split()[:2] for cell in cells] == [["2", "kind"], ["3", "first_day"], ["3", "sku"]]
    page.fill("[name=text]", head + rows)
    page.click("button[value=look]")
    expect(page.locator("#file [role=status]")).to_contain_text("2 new entries, 0 known already.")
    assert console.shop.value("select count(*) from demand_calendar") == 0
    page.click("button[value=apply]")
    expect(page.locator("[role=status]")).to_contain_text("2 entries are new.")
    page.goto(f"{console.address}/demand/calendar?year=2031")
    assert page.get_attribute(".strip-bar >> nth=0", "aria-label") == "Promotion: Spring sale, 1 Mar – 14 Mar"
    page.click("tr:has-text('New year') button")
    expect(page.locator("tr:has-text('New year')")).to_have_count(0)
    page.fill("[name=label]", "Stocktake")
    page.fill("[name=first_day]", "2031-06-30")
    page.fill("[name=last_day]", "2031-06-01")
    page.click("#add button.primary")
    assert page.text_content("#wrong-last_day") == "The last day lies before the first."


def test_the_worst_forecasts_come_first_with_what_to_do(console: Console) -> None:
    _demand(console)
    _grades(console)
    _override(console, 30, 100, (40, 21, 42))
    _override(console, 50, -50, (20, 21, 10))
    page = console.open("/demand/accuracy")
    expect(page.locator("h1")).to_have_text("Forecasts were off by 22%")
    expect(page.locator("main")).to_contain_text("Stock meant to last 95 times of 100 lasted 100 times. It is more")
    first = page.locator("table:has-text('Units missed') tbody tr").first
    expect(first).to_contain_text("SKU-011")
    expect(first).to_contain_text("220")
    expect(first).to_contain_text("Wrong in one direction: say what you know")
    expect(page.locator("table:has-text('Units nearer') tbody tr")).to_contain_text("+ 8")
    page.click("button:has-text('Do it now')")
    expect(page.locator("#run")).to_contain_text("Under way since")
    page.click("#run button:has-text('Stop')")
    expect(page.locator("#run")).to_contain_text("what it did stays")
    assert console.shop.value("select status from demand_runs") == "stopped"
