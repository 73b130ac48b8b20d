"""A suppression list from its making to a file worked in, and what uses it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from flows import tasks
from flows.models import Flow
from leadops.lib import queue
from recipients.models import SuppressionList, SuppressionUpload
from tests.browser.conftest import pictures, sign_in
from tests.factories import make_flow, make_recipient, make_source, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FILE = "name,phone\nAnn,(512) 555-0100\nBob,nothing\nCy,5125550102\n"


def test_a_list_is_made_filled_searched_and_used(
    page: Page, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "enqueue", lambda *_, **__: None)
    make_user("olga")
    recipient = make_recipient()
    flow = make_flow(make_source(), recipient)
    sign_in(page, live_server, "olga")

    page.goto("/admin/recipients/suppressionlist/add/")
    page.fill("[name=slug]", "dnc")
    page.fill("[name=name]", "Do not call")
    page.fill("[name=fields]", '["phone_1"]')
    pictures(page, "suppression-list-new")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Search, upload").click()

    page.set_input_files(
        "[name=file]", {"name": "dnc.csv", "mimeType": "text/csv", "buffer": FILE.encode()}
    )
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/suppression/uploads/**")
    made = SuppressionUpload.objects.get()
    tasks.suppression_upload(made.id)
    expect(page.locator("#changed")).to_have_text("2")  # the page looks again by itself
    expect(page.locator("#report")).to_contain_text("is not a phone number")
    pictures(page, "suppression-upload")

    page.get_by_role("link", name="Do not call").first.click()
    page.fill("[name=value]", "512-555-0102")
    page.get_by_role("button", name="Look it up").click()
    expect(page.locator("#found")).to_have_text("It is on the list.")
    pictures(page, "suppression-list")

    row = SuppressionList.objects.get()
    flow.suppress.add(row)
    recipient.suppress.add(row)
    Flow.objects.filter(pk=flow.pk).update(consent_field="trustedform_cert_url")
    page.goto("/admin/recipients/suppressionlist/")
    pictures(page, "suppression-lists")
    page.goto(f"/admin/flows/flow/{flow.pk}/change/")
    page.wait_for_load_state("networkidle")
    pictures(page, "suppression-flow")
    page.goto(f"/admin/recipients/recipient/{recipient.pk}/change/")
    page.get_by_text("Filter", exact=True).first.click()
    pictures(page, "suppression-recipient")
