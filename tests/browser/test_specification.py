"""A delivery specification: the link is made in the console and opened by a stranger."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from recipients.models import Endpoint, MappingRow, ResponseRule
from tests.browser.conftest import choose, picture, sign_in
from tests.factories import make_flow, make_recipient, make_source, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_link_is_made_opened_printed_and_revoked(
    page, browser: Browser, live_server, clear_record
):
    recipient = make_recipient(notes="Phone must be mobile", contact_name="John Doe")
    make_flow(make_source(), recipient)
    recipient.endpoints.update(auth="bearer", auth_secret="t-0123456789")
    Endpoint.objects.create(
        recipient=recipient, kind="sandbox", url="https://sandbox.abc.example/leads"
    )
    ResponseRule.objects.create(
        recipient=recipient, contains="DUP", status="200", outcome="duplicate"
    )
    for place, (key, value) in enumerate(
        {
            "applicant.firstName": "{{lead.first_name}}",
            "applicant.phone": '{{format lead.phone_1 "(###) ###-####"}}',
            "campaign": "winter_2026",
        }.items()
    ):
        MappingRow.objects.create(recipient=recipient, position=place + 1, key=key, value=value)
    make_user("olga")
    sign_in(page, live_server, "olga")
    pk = recipient.pk.replace("_", "_5F")
    page.goto(f"{live_server.url}/admin/recipients/recipient/{pk}/change/")
    choose(page, "More", "Specification")
    expect(page.locator("#links-none")).to_be_visible()
    page.get_by_role("button", name="Make a link").click()
    expect(page.locator("#links tbody tr")).to_have_count(1)
    picture(page, "specification-console-light")
    page.evaluate("document.documentElement.classList.add('dark')")
    picture(page, "specification-console-dark")
    address = page.locator("#links a").get_attribute("href")

    context = browser.new_context(viewport={"width": 1100, "height": 900})
    stranger = context.new_page()
    stranger.goto(address)
    expect(stranger.get_by_role("heading", name="Delivery specification")).to_be_visible()
    expect(stranger.locator("tbody tr", has_text="applicant.phone")).to_contain_text(
        "(###) ###-####"
    )
    assert "t-0123456789" not in stranger.content()
    picture(stranger, "specification-light")
    stranger.emulate_media(color_scheme="dark")
    picture(stranger, "specification-dark")
    stranger.emulate_media(media="print", color_scheme="light")
    picture(stranger, "specification-print")
    stranger.emulate_media(media="screen")
    stranger.set_viewport_size({"width": 400, "height": 800})
    assert stranger.evaluate("document.documentElement.scrollWidth") <= 400
    picture(stranger, "specification-narrow")

    page.get_by_role("button", name="Revoke").click()
    expect(page.locator("#links-none")).to_be_visible()
    stranger.goto(address)
    expect(stranger.get_by_role("heading", name="This link has ended")).to_be_visible()
    context.close()
