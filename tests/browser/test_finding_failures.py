"""From a failed event to its pattern, the test of the fix and the retry, in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from events.eventpages import views, walking
from events.models import Event
from leadops.lib import queue
from recipients.outcomes import Outcome
from tests.browser.conftest import pictures, sign_in
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_failure_is_found_understood_and_sent_again(
    page, live_server, clear_record, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(queue, "enqueue", lambda *_, **__: None)
    source = make_source()
    first, second = make_recipient("abc"), make_recipient("best-quotes")
    flow = make_flow(source, first, second)
    no = {"abc": [Outcome.SERVER_ERROR, Outcome.REJECTED], "best-quotes": [Outcome.REJECTED]}
    for number in range(4):
        deliver_lead(flow, source, email=f"a{number}@example.com", outcomes=no)
    deliver_lead(flow, source, email="sold@example.com")
    make_user("olga")
    sign_in(page, live_server, "olga")

    # The search: by keyboard, with a list of types that Escape closes; kept under a name.
    page.goto(f"{live_server.url}/events/")
    types = page.locator("summary", has_text="Types")
    types.focus()
    page.keyboard.press("Enter")
    page.get_by_label("recipient.failed", exact=True).check()
    page.keyboard.press("Escape")
    expect(types).to_be_focused()
    page.locator("[name=recipient]").select_option("abc")
    page.locator("[name=period]").select_option("custom")
    expect(page.locator("[name=start]")).to_be_focused()
    page.locator("[name=period]").select_option("24h")
    page.get_by_role("button", name="Find").click()
    expect(page).to_have_url(
        f"{live_server.url}/events/?period=24h&recipient=abc&type=recipient.failed"
    )
    expect(page.locator("#rows tr")).to_have_count(4)
    page.locator("summary", has_text="Keep this search").click()
    page.locator("input[name=name]").fill("ABC’s refusals")
    pictures(page, "events")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_role("navigation", name="Kept searches")).to_contain_text("ABC’s refusals")

    # The lead: its way, where the time went, the request as a command.
    page.locator("#rows tr").first.get_by_role("link", name="recipient.failed").click()
    expect(page.locator("#path")).to_contain_text("Try 2")
    expect(page.locator("#phases")).to_contain_text("Total")
    page.locator("summary", has_text="As a curl command").click()
    expect(page.locator("#curl")).to_contain_text("--data-raw")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name="Cop")).to_be_visible()
    pictures(page, "lead-way")
    page.locator("#course a").first.click()
    expect(page.locator("#course a").first).to_have_attribute("aria-current", "true")
    expect(page.locator("#curl")).to_have_count(0)

    # All like it, the test call with its values, and exactly these sent again.
    page.locator("#path").get_by_role("link", name="Try 2").click()
    page.get_by_role("link", name="All like it").click()
    expect(page.locator("#count")).to_have_text("4")
    expect(page.locator("canvas")).to_be_visible()
    pictures(page, "alike")
    page.get_by_role("link", name="Test call like this lead").click()
    expect(page.locator("#like-lead")).to_be_visible()
    page.get_by_role("link", name="Back to all that failed like it").click()
    page.get_by_role("link", name="Send exactly these again…").click()
    page.get_by_role("button", name="Send 4 again").click()
    expect(page.locator("#progress-title")).to_contain_text("of 4")
    page.get_by_role("link", name="as they were found").click()
    expect(page.locator("#rows tr")).to_have_count(4)

    # Where nothing is near, the page looks further back by itself.
    monkeypatch.setattr(walking, "LEAST", 5)
    monkeypatch.setattr(walking, "STRETCHES", (5,))
    monkeypatch.setattr(views, "ROUNDS", 3)
    page.goto(f"{live_server.url}/events/?reason=nonesuch")
    expect(page.locator("#further")).to_contain_text("or narrow it down")
    monkeypatch.setattr(views, "ROUNDS", 100)
    page.goto(f"{live_server.url}/events/?type=source.submitted&type=flow.completed")
    wanted = Event.objects.filter(type__in=["source.submitted", "flow.completed"]).count()
    expect(page.locator("#rows tr")).to_have_count(wanted)
