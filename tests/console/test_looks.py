"""Every page at both sizes, in both themes and languages: it fits, it is silent, its words can be read."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page
from tests.console.conftest import Console

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("console-looks")]

PAGES = (
    "/",
    "/stock",
    "/stock?status=out",
    "/stock/{sku}",
    "/stock/{sku}/adjust",
    "/stock/{sku}/pools",
    "/stock/{camera}/pools",
    "/holds",
    "/replenishment",
    "/replenishment/policies",
    "/replenishment/policies?class=AX",
    "/replenishment/limits",
    "/replenishment/grades",
    "/replenishment/backtest",
    "/stock/{sku}/demand",
    "/stock/{milk}/demand?by=day",
    "/demand/calendar",
    "/demand/accuracy",
    "/purchase-orders",
    "/purchase-orders/{order}",
    "/alerts",
    "/search?q=bunting",
    "/account",
    "/transfers",
    "/transfers/new",
    "/transfers/{draft}",
    "/transfers/{shipped}",
    "/transfers/{shipped}/scan",
    "/transfers/{shipped}/scan?sku_code=SKU-010",
    "/stock-counts",
    "/stock-counts/new",
    "/stock-counts/{count}",
    "/stock-counts/{count}?state=left",
    "/stock-counts/{count}/count",
    "/stock-counts/{count}/count?sku_code=SKU-000",
    "/shortages",
    "/shortages/{shortage}",
    "/returns",
    "/returns/new",
    "/returns/new?reference_id=ORD-1",
    "/returns/new?reference_id=X-1",
    "/returns/new?reference_id=X-1&unmatched=yes&sku_code=SKU-003",
    "/allocation",
    "/allocation?n-{sku}=70&sku_code=SKU-003",
    "/health",
    "/batches",
    "/batches/{batch}",
    "/serials",
    "/serials/{camera}/SN-1",
    "/stock/{milk}",
    "/stock/{milk}/adjust",
    "/stock/{camera}/adjust",
    "/stock/{milk}/receive",
    "/stock/{camera}/receive",
    "/undo/{entry}",
    "/value",
    "/network",
    "/transfers/{units_draft}",
    "/transfers/{units}",
    "/transfers/{units}/scan?sku={milk}",
    "/transfers/{units}/scan?sku={camera}",
    "/stock-counts/{count}/count?sku={milk}",
    "/stock-counts/{count}/count?sku={camera}",
)
VARIANTS = (("desk", "light", "en"), ("desk", "dark", "zh"), ("phone", "light", "zh"), ("phone", "dark", "en"))

# Every visible text against the first opaque ground behind it: WCAG 2.2 AA, 4.5 to 1, or 3 to 1 for large text.
WEAK_TEXTS = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255];
  };
  const weak = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (!text || ['SCRIPT', 'STYLE', 'OPTION'].includes(element.tagName)) continue;
    if (!element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    const style = getComputedStyle(element);
    if (style.clipPath !== 'none') continue;
    const [a, b] = [light(rgba(style.color)), light(ground(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) weak.push(`${ratio.toFixed(2)} ${text.slice(0, 40)}`);
  }
  return weak;
}"""

# A control a finger must hit is at least 24 by 24 CSS pixels (WCAG 2.2, 2.5.8); inline links are exempt.
SMALL_TARGETS = """() => [...document.querySelectorAll('button, select, summary, .btn, .thumb a, label.tick')]
  .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 24)
  .map((e) => e.outerHTML.slice(0, 80))"""
NAMELESS_CONTROLS = """() => [...document.querySelectorAll('input:not([type=hidden]), select, button, a[href]')]
  .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length || e.title))
  .map((e) => e.outerHTML.slice(0, 80))"""


def settled(page: Page) -> None:
    page.wait_for_load_state("load")
    if page.locator("[data-chart]").count():
        page.wait_for_selector("[data-chart] canvas")
    # A colour on its way to another is neither.
    page.evaluate("Promise.allSettled(document.getAnimations().map((moving) => moving.finished))")


@pytest.mark.parametrize(("size", "theme", "language"), VARIANTS)
def test_every_page_fits_is_silent_and_readable(looking: Console, size: str, theme: str, language: str) -> None:
    draft, shipped = looking.shop.transfers
    looking.shop.add_units_transfers()
    looking.shop.add_pools()
    names = {
        "sku": looking.shop.skus[0],
        "order": looking.shop.orders[1],
        "draft": draft,
        "shipped": shipped,
        "count": looking.shop.count,
        "shortage": looking.shop.shortage,
        "batch": looking.shop.batches[0],
        "milk": looking.shop.tracked[0],
        "camera": looking.shop.tracked[1],
        "entry": looking.shop.value("select id from inventory_movements where reference_id = 'TILL-9'"),
        "units_draft": looking.shop.units_transfers[0],
        "units": looking.shop.units_transfers[1],
    }
    page = looking.open("/account", size=size, theme=theme, language=language)
    found: dict[str, object] = {}
    for path in PAGES:
        answer = page.goto(looking.address + path.format(**names))
        assert answer is not None
        settled(page)
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        faults = {
            "status": answer.status if answer.status != 200 else None,
            "overflow": wide if wide > 0 else None,
            "weak": page.evaluate(WEAK_TEXTS),
            "small": page.evaluate(SMALL_TARGETS),
            "nameless": page.evaluate(NAMELESS_CONTROLS),
        }
        if any(faults.values()):
            found[path] = {name: fault for name, fault in faults.items() if fault}
    assert found == {}
    assert looking.complaints == []


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_the_sign_in_page_is_readable_too(looking: Console, size: str) -> None:
    context = looking.browser.new_context(viewport={"width": 390 if size == "phone" else 1440, "height": 844})
    looking.contexts.append(context)
    page = context.new_page()
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        page.goto(f"{looking.address}/sign-in")
        assert page.evaluate(WEAK_TEXTS) == []
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_the_check_of_contrast_sees_a_pale_text(looking: Console) -> None:
    page = looking.open("/alerts")
    page.evaluate("document.querySelector('h1').style.color = '#bbbbbb'")
    assert len(page.evaluate(WEAK_TEXTS)) == 1


def test_the_system_theme_is_followed_until_one_is_chosen(looking: Console) -> None:
    page = looking.open("/account", theme="auto")

    def ground() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    page.emulate_media(color_scheme="light")
    light = ground()
    page.emulate_media(color_scheme="dark")
    assert ground() != light
    for _ in range(2):  # as the system → dark → light
        page.click(".rail-foot button[name=theme]")
    assert page.get_attribute("html", "data-theme") == "light"
    assert ground() == light


def test_a_page_keeps_its_place_when_the_language_changes(looking: Console) -> None:
    page = looking.open("/stock?q=bunting&sort=-available")
    page.click(".rail-foot button[name=language]")
    assert page.url == f"{looking.address}/stock?q=bunting&sort=-available"
    assert page.get_attribute("html", "lang") == "zh-CN"
    assert page.text_content("h1") == "库存"
