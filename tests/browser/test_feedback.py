"""What goes out to a source, as its settings are typed."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from flows.models import Source
from tests.browser.conftest import pictures, sign_in
from tests.events.passing.stage import Receiver, Sold, receiver, run, sold
from tests.factories import make_user
from tests.pages import page_of

__all__ = ["receiver", "sold"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_preview_follows_what_is_typed(
    page: Page, live_server: Any, sold: Sold, receiver: Receiver
) -> None:
    sold.say(value="1250.00", reason="Sold")
    run()
    make_user("olga")
    sign_in(page, live_server, "olga")
    page.goto(page_of(sold.source))
    shown = page.locator("#feedback-preview")
    expect(shown).to_contain_text('"type": "feedback.conversion"')
    expect(page.locator("[name=feedback_timezone]")).to_be_hidden()
    pictures(page, "feedback-usual")
    template = page.locator("[name=feedback_template]")
    template.fill("status: sold\nworth: {{number feedback.valeu}}\n")
    expect(shown).to_contain_text("did you mean feedback.value?")
    shown.get_by_role("button", name="line 2, column 17").click()
    expect(template).to_be_focused()
    assert template.evaluate("box => box.selectionStart") == len("status: sold\nworth: {{number ")
    pictures(page, "feedback-mistake")
    template.fill("status: sold\nworth: {{number feedback.value}}\nclick: {{lead.click_id}}\n")
    page.locator("[name=feedback_format]").select_option("xml")
    expect(shown).to_contain_text("<feedback><status>sold</status><worth>1250</worth></feedback>")
    expect(shown).to_contain_text("lead.click_id")
    expect(page.locator("[name=feedback_xml_root]")).to_be_visible()
    pictures(page, "feedback-template")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/source/")
    assert Source.objects.get().feedback_format == "xml"
