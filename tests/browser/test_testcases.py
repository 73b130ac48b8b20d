"""Test cases in a browser: begun with a set, run, and in the way of a change that breaks them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from recipients.models import MappingRow, Recipient, TestCase
from tests.browser.conftest import choose, pictures, sign_in
from tests.factories import make_flow, make_recipient, make_source, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def recipient(page: Page, live_server) -> Recipient:
    recipient = make_recipient(timezone="America/New_York")
    make_flow(make_source(), recipient)
    MappingRow.objects.create(
        recipient=recipient, position=1, key="applicant.name", value="{{lead.first_name}}"
    )
    make_user("olga")
    sign_in(page, live_server, "olga")
    return recipient


def change_url(recipient: Recipient) -> str:
    return f"/admin/recipients/recipient/{recipient.pk.replace('_', '_5F')}/change/"


def test_a_set_is_added_and_run_and_shows_what_differs(page: Page, recipient: Recipient):
    page.goto(change_url(recipient))
    choose(page, "Mapping", "Test cases")
    expect(page.locator("#cases-none")).to_be_visible()
    page.get_by_role("button", name="Add the starting set").click()
    expect(page.get_by_text("Added 15 test cases")).to_be_visible()
    page.get_by_role("button", name="Run all").click()
    expect(page.locator("#cases-summary")).to_have_text("All 15 passed")
    pictures(page, "cases-passed")
    row = MappingRow.objects.get(key="applicant.name")
    row.value = "{{lead.last_name}}"
    row.save()
    page.get_by_role("button", name="Run Emoji").click()
    expect(page.locator("#cases-summary")).to_have_text("It passed")
    TestCase.objects.filter(name="Success").update(outcome="rejected")
    page.get_by_role("button", name="Run all").click()
    expect(page.locator("#cases-summary")).to_contain_text("of 15 failed")
    expect(page.locator(".leadops-diff").first).to_contain_text('"name": "Lead"')
    expect(page.locator(".leadops-why").first).to_contain_text("expected rejected, got accepted")
    pictures(page, "cases-failed")


def test_a_change_that_breaks_a_case_is_saved_only_when_insisted(page: Page, recipient: Recipient):
    TestCase.objects.create(
        recipient=recipient, name="Named", lead={"first_name": "Zoë"},
        request='{"applicant": {"name": "Zoë"}}',
    )  # fmt: skip
    page.goto(f"{change_url(recipient)}#mapping_rows")
    box = page.locator("[name=mapping_rows-1-value]")
    box.fill("{{lead.last_name}}")
    page.get_by_role("button", name="Save", exact=True).click()
    said = page.get_by_text("1 test case would fail")
    expect(said.first).to_be_visible()
    pictures(page, "cases-refused")
    assert MappingRow.objects.get(position=1).value == "{{lead.first_name}}"
    page.get_by_label("Publish although cases fail").first.check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert MappingRow.objects.get(position=1).value == "{{lead.last_name}}"
