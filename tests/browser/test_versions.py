"""Versions of a mapping: looked at, compared, gone back to."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from events.models import Delivery
from recipients import versions
from recipients.models import MappingRow
from tests.browser.conftest import choose, pictures, sign_in
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_mapping_is_compared_and_gone_back_to(page, live_server, clear_record):
    recipient, source = make_recipient(), make_source()
    flow = make_flow(source, recipient)
    for note in ("as they first asked", "their new schema"):
        recipient.mapping_rows.all().delete()
        for place, key in enumerate(("email", note.split()[-1]), 1):
            MappingRow.objects.create(
                recipient=recipient, position=place, key=key, value="{{lead.email}}"
            )
        versions.keep(recipient, by="olga", note=note)
    for number in range(3):
        deliver_lead(flow, source, email=f"a{number}@example.com")
    Delivery.objects.update(mapping_version=1)
    make_user("olga")
    sign_in(page, live_server, "olga")
    pk = recipient.pk.replace("_", "_5F")
    page.goto(f"{live_server.url}/admin/recipients/recipient/{pk}/change/")
    choose(page, "Mapping", "Mapping versions")
    expect(page.locator("#versions tbody tr")).to_have_count(2)
    expect(page.locator("#difference del").last).to_have_text("− asked: {{lead.email}}")
    expect(page.locator("#difference ins").last).to_have_text("+ schema: {{lead.email}}")
    page.locator("#versions tbody tr").first.get_by_label("from", exact=True).check()
    page.locator("#versions tbody tr").last.get_by_label("to", exact=True).check()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#difference ins").last).to_have_text("+ asked: {{lead.email}}")
    pictures(page, "versions")

    page.get_by_role("button", name="Start a trial").click()
    expect(page.locator("#trial")).to_contain_text("Version 1 gets 50 % of the leads")
    expect(page.locator("#trial-judged")).to_contain_text("Too few deliveries")
    pictures(page, "versions-trial")
    page.get_by_role("button", name="End the trial").click()
    page.get_by_role("button", name="Go back to version 1").click()
    expect(page.locator("#versions tbody tr")).to_have_count(3)
    expect(page.locator("#versions tbody tr").first).to_contain_text("back to version 1")
    assert list(recipient.mapping_rows.values_list("key", flat=True)) == ["email", "asked"]
