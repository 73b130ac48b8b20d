"""A flow's picture on its page."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from flows import plans
from flows.models import Step
from recipients.outcomes import Outcome
from tests.browser.conftest import pictures, sign_in
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_flow_is_drawn_with_what_came_of_its_leads(page, live_server, clear_record):
    source = make_source()
    first, second, pool = (make_recipient(name) for name in ("abc", "best-quotes", "cover-all"))
    flow = make_flow(source, first, second)
    Step.objects.filter(kind="deliver").update(remediation=pool, order="weighted")
    plans.changed()
    make_user("olga")
    sign_in(page, live_server, "olga")
    address = f"{live_server.url}/admin/flows/flow/{flow.pk.replace('_', '_5F')}/change/"
    page.goto(address)
    expect(page.locator("#picture-empty")).to_be_visible()

    for number in range(4):
        deliver_lead(flow, source, email=f"a{number}@example.com")
    deliver_lead(flow, source, outcomes={first.slug: [Outcome.REJECTED]})
    deliver_lead(flow, source, state="NY")
    deliver_lead(flow, source, email="")
    page.goto(address)
    picture = page.locator("#picture")
    expect(picture.locator("#picture-title")).to_contain_text("7 leads today, UTC")
    expect(picture.locator(".flow-door")).to_contain_text("1 × Missing required field: email")
    expect(picture.locator(".flow-filter")).to_contain_text("1 × State not in approved list")
    expect(picture.locator(".flow-arrow").nth(2)).to_contain_text("5")
    expect(picture.locator(".flow-deliver")).to_contain_text("remediation")
    expect(picture.locator(".flow-done")).to_contain_text("5 sold")
    pictures(page, "picture")

    picture.get_by_role("link", name="1 failed").click()
    expect(page.locator("#leads tbody tr")).to_have_count(1)
    expect(page.locator("#leads")).to_contain_text("State not in approved list")
    page.goto(address)
    page.get_by_role("navigation", name="Period").get_by_role("link", name="Yesterday").click()
    expect(page.locator("#picture-title")).to_contain_text("0 leads yesterday")
    page.goto(address)
    picture.get_by_role("link", name="geographic_filter").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/flows/step/**")
