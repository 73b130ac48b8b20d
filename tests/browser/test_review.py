"""The review queue and sending again in bulk, as ops work with them."""

from __future__ import annotations

import pytest
from django.db.models.functions import Now
from playwright.sync_api import Page, expect

from events.models import Delivery, Event, Lead
from flows import tasks
from flows.models import BulkRetry, Work
from leadops.lib import queue
from recipients.models import Recipient, RetryRule
from recipients.outcomes import Outcome
from tests.browser.conftest import pictures, sign_in
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def held(count: int = 2, outcome: Outcome = Outcome.UNREADABLE) -> None:
    source, abc, xyz = make_source(), make_recipient(), make_recipient("xyz-mutual")
    flow = make_flow(source, abc, xyz)
    for place in range(count):
        deliver_lead(
            flow, source, outcomes={"abc-insurance": [outcome] * 4},
            email=f"p{place}@example.com", phone_1=f"512555010{place}", ssn="457-55-5462",
        )  # fmt: skip


def enter(page: Page, live_server, address: str) -> None:
    make_user("olga")
    sign_in(page, live_server, "olga")
    page.goto(address)


def test_it_shows_why_takes_a_correction_and_sends_again(page: Page, live_server):
    held()
    enter(page, live_server, "/review/")
    expect(page.locator("#queue tbody tr")).to_have_count(2)
    expect(page.get_by_role("link", name="Review queue 2")).to_be_visible()
    pictures(page, "queue")
    page.locator("#queue tbody tr").first.get_by_role("link", name="Abc Insurance").click()
    expect(page.locator("#why")).to_have_text("Unreadable")
    expect(page.locator("#has")).to_contain_text("may have the lead")
    expect(page.locator("#last")).to_contain_text("p0@example.com")
    expect(page.get_by_label("email *")).to_have_value("p0@example.com")
    expect(page.get_by_label("ssn")).to_have_value("")
    pictures(page, "item")
    page.get_by_label("email *").fill("nobody")
    page.get_by_role("button", name="Save and send again").click()
    expect(page.locator("#problem-email")).to_be_visible()
    expect(page.get_by_label("email *")).to_have_value("nobody")
    pictures(page, "problem")
    page.get_by_label("email *").fill("new@example.com")
    page.get_by_label("email *").press("Tab")
    page.get_by_role("button", name="Save and send again").click()
    expect(page.get_by_text("Changed email, and sent again to Abc Insurance.")).to_be_visible()
    expect(page.locator("#queue tbody tr")).to_have_count(1)
    again = Event.objects.get(type="retry.scheduled", data__manual=True)
    assert again.data["by"] == "olga"
    work = Work.objects.get(kind="deliver")
    assert Delivery.objects.get(id=work.delivery_id).state == "waiting"
    assert Event.objects.get(type="lead.edited").data["changes"][0]["after"] == "•••"


def test_it_closes_with_a_reason_and_the_flow_goes_on(page: Page, live_server):
    held(1)
    enter(page, live_server, "/review/")
    page.get_by_role("link", name="Abc Insurance").click()
    page.get_by_label("They declined it").check()
    page.get_by_label("Why", exact=True).fill("They told me on the phone")
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_text("Closed. The lead goes on.")).to_be_visible()
    expect(page.get_by_text("Nothing waits for a person")).to_be_visible()
    pictures(page, "empty")
    assert Delivery.objects.get().state == "declined"
    assert Lead.objects.get().status == "working"
    assert Work.objects.get().kind == "advance"


def test_another_recipient_gets_it_once_somebody_says_that_it_may_be_sold_twice(
    page: Page, live_server
):
    held(1)
    enter(page, live_server, "/review/")
    page.get_by_role("link", name="Abc Insurance").click()
    page.get_by_label("Or to another recipient").select_option(label="Xyz Mutual")
    page.get_by_label("may have it too").check()
    page.get_by_role("button", name="Send to this one instead").click()
    expect(page.get_by_text("Sent to Xyz Mutual instead.")).to_be_visible()
    assert Delivery.objects.get(recipient__slug="xyz-mutual").state == "waiting"


def test_a_lead_that_was_sold_and_is_done_goes_to_another_as_well(page: Page, live_server):
    source, abc = make_source(), make_recipient()
    make_recipient("xyz-mutual")
    deliver_lead(make_flow(source, abc), source)
    Delivery.objects.update(state="review", outcome="unreadable", reason="Odd", held_at=Now())
    assert Lead.objects.get().status == "done"
    enter(page, live_server, "/review/")
    page.get_by_role("link", name="Abc Insurance").click()
    expect(page.locator("#elsewhere")).to_contain_text("The lead is done (Sold)")
    pictures(page, "done-lead")
    page.get_by_label("Or to another recipient").select_option(label="Xyz Mutual")
    page.get_by_label("Abc Insurance bought it before: it may be sold twice").check()
    page.get_by_role("button", name="Send to this one instead").click()
    expect(page.get_by_text("Sent to Xyz Mutual instead.")).to_be_visible()
    assert Lead.objects.get().status == "working"
    assert Event.objects.get(type="review.redirected").data["by"] == "olga"


def test_what_somebody_else_decided_meanwhile_is_said(page: Page, live_server):
    held(1)
    enter(page, live_server, "/review/")
    page.get_by_role("link", name="Abc Insurance").click()
    from flows.byhand import reviewing

    reviewing.close(Delivery.objects.get().id, by="omar", reason="Done", decision="failed")
    page.get_by_role("button", name="Send again to Abc Insurance").click()
    expect(page.get_by_text("Something happened to this lead in the meantime")).to_be_visible()
    expect(page.get_by_text("does not wait for review any more")).to_be_visible()


def test_many_are_sent_again_with_progress_and_cancel(page: Page, live_server, monkeypatch):
    held(1, Outcome.REJECTED)
    RetryRule.objects.all().delete()
    Recipient.objects.update(breaker_enabled=False)
    monkeypatch.setattr(queue, "enqueue", lambda *_, **__: None)
    enter(page, live_server, "/retries/")
    page.get_by_label("State").select_option("declined")
    page.get_by_role("button", name="Count them").click()
    expect(page.locator("#found")).to_contain_text("1 delivery fits")
    expect(page.locator("#found")).to_contain_text("sold meanwhile")
    pictures(page, "bulk")
    page.get_by_label("Send exclusive ones too").check()
    page.get_by_role("button", name="Send 1 again").click()
    expect(page.locator("#progress-title")).to_have_text("0 of 1")
    pictures(page, "progress")
    tasks.bulk_retry(BulkRetry.objects.get().id)
    expect(page.locator("#progress-title")).to_have_text("1 of 1")  # by itself
    expect(page.locator("#sent")).to_have_text("1")
    expect(page.get_by_role("button", name="Cancel the rest")).to_have_count(0)
    pictures(page, "done")


def test_a_lead_page_leads_to_sending_again(page: Page, live_server):
    held(1, Outcome.REJECTED)
    enter(page, live_server, f"/leads/{Lead.objects.get().id}/")
    page.locator("#deliveries tbody tr", has_text="Xyz Mutual").get_by_role(
        "link", name="Send again"
    ).click()
    expect(page.get_by_text("accepted this lead before")).to_be_visible()
    pictures(page, "again")
    page.get_by_label("Send it all the same").check()
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("Sent again to Xyz Mutual.")).to_be_visible()
    assert Work.objects.count() == 1
