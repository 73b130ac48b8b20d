"""A lead walked through a flow on its page."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from events.models import Event
from flows import plans
from flows.models import StepRecipient
from tests.browser.conftest import pictures, sign_in
from tests.factories import VALUES, deliver_lead, make_flow, make_recipient, make_source, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_lead_is_walked_through_without_being_sent(page, live_server, clear_record):
    source = make_source()
    recipients = [make_recipient(name) for name in ("abc-insurance", "best-quotes", "cover-all")]
    flow = make_flow(source, *recipients)
    recipients[0].filter = {"field": "score", "op": "gt", "value": 95}
    recipients[0].save()
    StepRecipient.objects.filter(recipient=recipients[2]).update(price=60)
    flow.steps.filter(kind="deliver").update(
        order="best_price", remediation=make_recipient("bulk-pool")
    )
    plans.changed()
    lead_id = deliver_lead(flow, source)
    events = Event.objects.count()
    make_user("olga")
    sign_in(page, live_server, "olga")
    pk = flow.pk.replace("_", "_5F")
    page.goto(f"{live_server.url}/admin/flows/flow/{pk}/change/")
    page.get_by_role("link", name="Simulate").click()
    expect(page.get_by_label("Lead", exact=True)).to_have_value(lead_id)
    page.get_by_role("button", name="Walk it through").click()
    rows = page.locator("#station-buyers tbody tr:not(.flow-request)")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("Cover All")
    expect(rows.nth(0)).to_contain_text("60.00")
    expect(rows.nth(1)).to_contain_text("Recipient's filter: score is")
    expect(rows.nth(2)).to_contain_text("Best Quotes")
    expect(rows.nth(3)).to_contain_text("last, when all have declined")
    page.get_by_text("The request to Cover All").click()
    expect(page.locator("#station-buyers")).to_contain_text(VALUES["email"])
    pictures(page, "simulate")

    page.get_by_label("Lead", exact=True).select_option("pasted")
    page.get_by_text("Typed in", exact=True).click()
    page.get_by_label("Fields, as JSON").fill(json.dumps({**VALUES, "state": "NY"}))
    page.get_by_role("button", name="Walk it through").click()
    expect(page.locator("#walk-title")).to_contain_text("Stopped: State not in approved list")
    expect(page.locator("#station-geographic_filter")).to_contain_text("saw NY")
    expect(page.locator("#station-buyers")).to_contain_text("not reached")
    pictures(page, "simulate-stopped")
    assert Event.objects.count() == events
