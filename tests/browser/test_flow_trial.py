"""A change of a flow tried on its last leads, then published."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import pictures, sign_in
from tests.factories import make_flow, make_recipient, make_source, make_user, post_lead

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_change_is_tried_before_it_is_published(page, live_server, clear_record):
    source = make_source()
    flow = make_flow(source, make_recipient("abc"), make_recipient("best-quotes", price="60"))
    for state in ("TX", "CA", "NY"):
        post_lead(flow, source, state=state)
    make_user("olga")
    sign_in(page, live_server, "olga")
    page.goto(f"{live_server.url}/admin/flows/flow/{flow.pk.replace('_', '_5F')}/change/")
    page.get_by_role("link", name="Try a change").click()
    box = page.get_by_label("The draft")
    box.fill(box.input_value().replace("order: listed", "order: nonsense"))
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#trial-problems")).to_contain_text("nonsense")
    box.fill(box.input_value().replace("order: nonsense", "order: best_price"))
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#trial-title")).to_contain_text("2 of 3 leads would fare otherwise")
    expect(page.locator("#trial-leads-found tbody tr")).to_have_count(2)
    pictures(page, "flow-trial")
    page.get_by_role("button", name="Publish this draft").click()
    expect(page.get_by_text("The draft is the flow now.")).to_be_visible()
    assert flow.steps.get(kind="deliver").order == "best_price"
