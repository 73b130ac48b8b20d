"""The tab of a recipient's hours, caps and limits, as people see it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import pictures, sign_in
from tests.factories import make_user
from tests.flows.delivery.test_capacity import accept, post
from tests.flows.scene import recipient, scene

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_it_shows_what_is_used_and_what_waits(page, live_server):
    made = recipient("abc")
    made.timezone = "America/New_York"
    made.caps = [
        {"count": 5, "per": "day"},
        {"money": "200.00", "per": "month"},
        {"count": 2, "per": "hour", "when": {"field": "state", "op": "is", "value": "TX"}},
    ]
    made.limits = {"concurrency": 1, "per_minute": 60}
    made.save()
    here = scene(made)
    post(here, 4)
    accept(here, here.start())
    here.start()
    made.hours = {"mon-fri": "9am-8pm", "sat-sun": "24h", "holidays": ["2026-12-25"]}
    made.save()
    make_user("olga")
    sign_in(page, live_server, "olga")
    page.goto(f"{live_server.url}/admin/recipients/recipient/{made.pk}/change/")
    page.get_by_text("Hours, caps and limits", exact=True).click()
    page.get_by_text("2 of 5 per day").wait_for()
    page.get_by_text("90.00 of 200.00 per month").wait_for()
    page.get_by_text("1 of 1 at once").wait_for()
    page.get_by_label("Held leads").wait_for()
    pictures(page, "capacity")

    # A cap more, of some leads only: its rules are written in the editor that filters have.
    caps = page.get_by_role("group", name="Caps", exact=True)
    expect(caps.locator(".leadops-terms-row")).to_have_count(3)
    page.get_by_role("button", name="Add cap").click()
    page.keyboard.type("7")
    fresh = caps.locator(".leadops-terms-row").nth(3)
    fresh.get_by_label("Per", exact=True).select_option("week")
    fresh.get_by_role("button", name="Every lead").click()
    fresh.get_by_role("button", name="Add rule").click()
    page.keyboard.type("state")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("CA")
    fresh.get_by_role("button", name="Try on recent leads").click()
    expect(fresh.locator(".leadops-rules-found")).to_contain_text("of the last 4 leads")
    caps.get_by_role("button", name="Remove cap").first.click()

    prices = page.get_by_role("group", name="Prices by rules")
    page.get_by_role("button", name="Add price").click()
    prices.get_by_label("What it is").select_option("percent")
    prices.get_by_label("Amount").fill("10")
    prices.get_by_role("button", name="Every lead").click()
    prices.get_by_role("button", name="Add rule").click()
    page.keyboard.type("quality.conversion_rat")
    page.keyboard.press("Tab")
    page.keyboard.type("is ab")
    page.keyboard.press("Tab")
    page.keyboard.type("0.12")
    page.click("button[name=_continue]")
    expect(prices).to_contain_text("There is no quality.conversion_rat;")
    prices.locator(".leadops-rule-field").fill("quality.conversion_rate")
    pictures(page, "prices")
    page.click("button[name=_continue]")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    made.refresh_from_db()
    assert made.caps == [
        {"money": "200.00", "per": "month"},
        {"count": 2, "per": "hour", "when": {"field": "state", "op": "is", "value": "TX"}},
        {
            "count": 7,
            "per": "week",
            "when": {"all": [{"field": "state", "op": "is", "value": "CA"}]},
        },
    ]
    high = {"field": "quality.conversion_rate", "op": "gt", "value": 0.12}
    assert made.prices == [{"when": {"all": [high]}, "percent": "10"}]
