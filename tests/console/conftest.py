"""A shop, the console in front of it, and a browser that looks at it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from tests.conftest import new_database
from tests.console.shop import EMAIL, PASSWORD, Shop
from tests.running import serving

from holdfast.db.embedded import EmbeddedServer

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"desk": (1440, 920), "phone": (390, 844)}


@dataclass
class Console:
    """A running console on a shop of its own, and what the browser complained about."""

    address: str
    shop: Shop
    browser: Browser
    complaints: list[str] = field(default_factory=list[str])
    contexts: list[BrowserContext] = field(default_factory=list[BrowserContext])

    def open(
        self, path: str = "/", *, size: str = "desk", theme: str = "light", language: str = "en", script: bool = True
    ) -> Page:
        """A page of someone signed in, in a browser without a past."""
        width, height = SIZES[size]
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, java_script_enabled=script, locale="en-GB"
        )
        self.contexts.append(context)
        context.add_cookies(
            [
                {"name": "holdfast_theme", "value": theme, "url": self.address},
                {"name": "holdfast_language", "value": language, "url": self.address},
            ]
        )
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda said: self.complaints.append(f"{page.url} {said.type}: {said.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url} {error}"))
        page.goto(f"{self.address}/sign-in?next={quote(path)}")
        page.fill("[name=email]", EMAIL)
        page.fill("[name=password]", PASSWORD)
        page.click("main button.primary")
        page.wait_for_url(f"{self.address}{path}")
        return page

    def close(self) -> None:
        for context in self.contexts:
            context.close()


# Playwright's synchronous face keeps an event loop running in this thread, in which no asynchronous test could run:
# it ends with the module.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def shared_console(server: EmbeddedServer, run_dir: Path, browser: Browser) -> Iterator[Console]:
    """For tests that only look."""
    url = new_database(server, run_dir)
    shop = Shop(url)
    with serving(url) as running:
        yield Console(running.address, shop, browser)
    shop.close()


@pytest.fixture
def looking(shared_console: Console) -> Iterator[Console]:
    shared_console.complaints.clear()
    yield shared_console
    shared_console.close()
    shared_console.contexts.clear()


@pytest.fixture
def console(server: EmbeddedServer, run_dir: Path, browser: Browser) -> Iterator[Console]:
    """For tests that change something: a shop of their own."""
    url = new_database(server, run_dir)
    shop = Shop(url)
    with serving(url) as running:
        found = Console(running.address, shop, browser)
        yield found
        found.close()
    shop.close()


@pytest.fixture
def new_url(server: EmbeddedServer, run_dir: Path) -> str:
    """A second database of one test."""
    return new_database(server, run_dir)


@pytest.fixture
def shop(fresh_url: str) -> Iterator[Shop]:
    """A shop for tests that ask the application in this process."""
    found = Shop(fresh_url, skus=12)
    yield found
    found.close()


@pytest.fixture
def shop_url(fresh_url: str, shop: Shop) -> str:
    """The database of `shop`."""
    return fresh_url


@pytest.fixture
def shop_transfers(shop: Shop) -> list[str]:
    """A draft and one that is on its way."""
    return [str(transfer) for transfer in shop.transfers]
