"""Versions of a flow: compared and gone back to."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from flows import plans, tasks, versions
from flows.models import FlowMove
from leadops.changes import recorded
from tests.browser.conftest import pictures, sign_in
from tests.factories import make_flow, make_recipient, make_source, make_user, post_lead

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_flow_is_compared_and_gone_back_to(page, live_server, clear_record):
    flow = make_flow(make_source(), make_recipient("abc"), make_recipient("best-quotes"))
    versions.keep_first(flow)
    with recorded(flow, by="mia"):
        step = flow.steps.get(kind="deliver")
        step.pattern, step.order = "simultaneous", "best_price"
        step.save()
    make_user("olga")
    sign_in(page, live_server, "olga")
    pk = flow.pk.replace("_", "_5F")
    page.goto(f"{live_server.url}/admin/flows/flow/{pk}/change/")
    page.get_by_role("link", name="Versions").click()
    expect(page.locator("#versions tbody tr")).to_have_count(2)
    expect(page.locator("#difference ins")).to_contain_text(["+ "] * 2)
    expect(page.locator("#difference")).to_contain_text("simultaneous")
    pictures(page, "flow-versions")
    page.get_by_role("button", name="Go back to version 1").click()
    expect(page.locator("#versions tbody tr")).to_have_count(3)
    expect(page.locator("#versions tbody tr").first).to_contain_text("back to version 1")
    step.refresh_from_db()
    assert step.pattern == "waterfall"


def test_leads_under_way_are_moved_to_the_current_version(page, live_server, clear_record):
    flow = make_flow(make_source(), make_recipient("abc"), make_recipient("best-quotes"))
    source = flow.sources.get().source
    for number in range(3):
        post_lead(flow, source, email=f"a{number}@example.com")
    for reason in ("Elsewhere", "Not here"):
        with recorded(flow, by="mia"):
            flow.steps.filter(kind="filter").update(reason=reason)
            plans.changed()
        post_lead(flow, source, email=f"{len(reason)}@example.com")
    make_user("olga")
    sign_in(page, live_server, "olga")
    pk = flow.pk.replace("_", "_5F")
    page.goto(f"{live_server.url}/admin/flows/flow/{pk}/change/")
    expect(page.locator("#behind")).to_contain_text("4 leads are under way by earlier versions")
    pictures(page, "flow-behind")
    page.locator("#behind").get_by_role("link", name="Versions").click()
    pictures(page, "flow-moves")
    page.get_by_role("button", name="Move 3 leads to version 3").click()
    expect(page.locator("#moves")).to_contain_text("0 of 3 moved")
    pictures(page, "flow-moving")
    tasks.flow_move(FlowMove.objects.get().pk)
    # It looks again by itself.
    expect(page.locator("#last-move")).to_contain_text("3 leads moved by olga")
    expect(page.locator("#moves tbody tr")).to_have_count(1)
