"""The part of a recipient's page about failing, in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from recipients.models import Breaker
from tests.browser.conftest import choose, sign_in
from tests.factories import make_recipient, make_user
from tests.pages import page_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def recipient(page: Page, live_server, clear_record):
    """The page of a recipient, seen by somebody in ops."""
    made = make_recipient()
    make_user("olga")
    sign_in(page, live_server, "olga")
    page.goto(live_server.url + page_of(made))
    return made


def test_the_picture_of_tries_follows_the_form(page: Page, recipient):
    page.get_by_text("Retries", exact=False).first.click()
    picture = page.locator("#leadops-retry-picture")
    expect(picture.get_by_role("img", name="server_error: try 1 at 0 s")).to_be_visible()
    page.get_by_text("Add another Retry policy").click()
    page.locator("select[name='retry_rules-0-outcome']").select_option("server_error")
    page.fill("[name='retry_rules-0-times']", "1")
    page.fill("[name='retry_rules-0-jitter']", "0")
    page.fill("[name='retry_rules-0-backoff']", "40s")
    wanted = "server_error: try 1 at 0 s, try 2 at 40 s"
    expect(picture.get_by_role("img", name=wanted, exact=True)).to_be_visible()
    picture.get_by_text("As a table").click()
    expect(picture.get_by_role("cell", name="40 s", exact=True)).to_be_visible()
    page.fill("[name='retry_rules-0-backoff']", "soon")
    expect(picture.get_by_text("Cannot be drawn as it stands.")).to_be_visible()


def test_a_breaker_is_opened_and_closed_in_dialogs(page: Page, recipient):
    choose(page, "Breakers", "Open breaker")
    page.locator("#dialog input[name=reason]").fill("They are moving")
    page.locator("#dialog button[type=submit]").click()
    caution = page.get_by_text(
        "The production endpoint’s breaker is open (By olga: They are moving)"
    )
    expect(caution).to_be_visible()
    assert Breaker.objects.get().until is None
    choose(page, "Breakers", "Close breaker")
    page.locator("#dialog input[name=reason]").fill("They have moved")
    page.locator("#dialog button[type=submit]").click()
    expect(page.get_by_text("Closed the production endpoint’s breaker.")).to_be_visible()
    expect(page.locator("a", has_text="Close breaker")).to_have_count(0)
