"""Chromium, driven by Playwright, in front of the real pages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.events.conftest import clear_record

__all__ = ["clear_record"]

TIMEOUT = 30_000  # milliseconds: others use the machine as well
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not os.path.exists(CHROMIUM):
        pytest.skip(f"There is no {CHROMIUM}; set CHROMIUM to where it is.")
    # Playwright's synchronous face runs a loop in this thread, which Django would take for async.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        # In a container as root Chromium cannot make its sandbox.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(browser: Browser, live_server: Any, clear_record: None) -> Iterator[Page]:
    """A fresh page that knows its server; the test fails when its scripts did."""
    context = browser.new_context(
        base_url=live_server.url, viewport={"width": 1440, "height": 1000}
    )
    context.set_default_timeout(TIMEOUT)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield opened
    context.close()
    assert errors == []


def picture(page: Page, name: str) -> None:
    """Kept where PICTURES says, to be looked at."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def pictures(page: Page, name: str) -> None:
    """The same, by day and by night."""
    if os.environ.get("PICTURES"):
        picture(page, f"{name}-light")
        page.evaluate("document.documentElement.classList.add('dark')")
        picture(page, f"{name}-dark")
        page.evaluate("document.documentElement.classList.remove('dark')")


def sign_in(page: Page, live_server: Any, username: str) -> None:
    """Sign in as somebody that `tests.factories` made."""
    page.goto(f"{live_server.url}/admin/login/")
    page.fill("[name=username]", username)
    page.fill("[name=password]", "correct-horse")
    page.press("[name=password]", "Enter")
    page.wait_for_url(lambda url: "login" not in url)


def choose(page: Page, group: str, name: str) -> None:
    """Click one of a drop-down of a page's top bar."""
    page.get_by_role("button", name=group, exact=True).click()
    page.get_by_role("link", name=name).click()
