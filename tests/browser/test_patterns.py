"""A delivery step made an exclusive window by hand, and a lead's page that says until when it
waits."""

from __future__ import annotations

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from tests.browser.conftest import pictures, sign_in
from tests.factories import make_flow, make_recipient, make_source, make_user, post_lead

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_it_opens_a_tier_after_a_day(page: Page, live_server, clear_record) -> None:
    make_user("olga")
    source = make_source()
    flow = make_flow(source, make_recipient("gold"), make_recipient("silver"))
    step = flow.steps.get(kind="deliver")
    sign_in(page, live_server, "olga")
    page.goto(f"{live_server.url}/admin/flows/step/{step.pk}/change/")
    page.select_option("[name=pattern]", "exclusive_window")
    page.select_option("[name=order]", "best_price")
    page.select_option("[name=when_declined]", "open_next")
    page.fill("[name=learn_over]", "7d")
    page.fill("[name=recipients-1-opens_after]", "24h")
    pictures(page, "step-exclusive-window")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(lambda url: "/flows/flow/" in url)
    step.refresh_from_db()
    assert (step.pattern, step.learn_over) == ("exclusive_window", 604_800)
    assert step.recipients.get(recipient__slug="silver").opens_after == 86_400


def test_a_lead_says_until_when_it_waits(page: Page, live_server, clear_record) -> None:
    make_user("olga")
    source = make_source()
    answer = post_lead(make_flow(source, make_recipient("gold")), source)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE flows_work SET due_at = '2999-01-02T03:04:05Z'")
    sign_in(page, live_server, "olga")
    page.goto(f"{live_server.url}/leads/{answer.lead_id}/")
    expect(page.get_by_text("Waits for the next tier until")).to_be_visible()
    pictures(page, "lead-waits")
