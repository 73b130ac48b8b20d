"""A submission specification: shared from the console, opened by the source, a test lead tried."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from events.models import Lead
from flows.models import FlowSource
from tests.browser.conftest import picture, sign_in
from tests.factories import make_flow, make_recipient, make_source, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_source_opens_its_specification_and_tries_it(
    page, browser: Browser, live_server, clear_record
):
    source = make_source(key="src_secret_key_0001")
    source.aliases = {"fname": "first_name", "contact.phone": "phone_1"}
    source.redirect_hosts = ["www.example.com"]
    source.save()
    flow = make_flow(source, make_recipient())
    FlowSource.objects.update(require=["phone_1"], allowed_ips=["127.0.0.0/8"])
    make_user("olga")
    sign_in(page, live_server, "olga")
    pk = flow.pk.replace("_", "_5F")
    page.goto(f"{live_server.url}/admin/flows/flow/{pk}/change/")
    link = page.locator("a", has_text="Open, share, try it")  # on a tab not shown yet
    page.goto(f"{live_server.url}{link.get_attribute('href')}")
    page.get_by_role("button", name="Make a link").click()
    expect(page.locator("#links tbody tr")).to_have_count(1)
    picture(page, "submission-console-light")
    page.evaluate("document.documentElement.classList.add('dark')")
    picture(page, "submission-console-dark")
    address = page.locator("#links a").get_attribute("href")

    context = browser.new_context(viewport={"width": 1100, "height": 900})
    stranger = context.new_page()
    stranger.goto(address)
    expect(stranger.get_by_role("heading", name="Submission specification")).to_be_visible()
    expect(stranger.locator("tbody tr", has_text="phone_1")).to_contain_text("contact.phone")
    picture(stranger, "submission-light")
    stranger.get_by_role("button", name="Post a test lead").click()
    expect(stranger.locator("#answer")).to_contain_text('"outcome": "success"')
    lead = Lead.objects.get()
    assert lead.test
    expect(stranger.locator("#answer")).to_contain_text(lead.id)
    picture(stranger, "submission-tried-light")
    stranger.emulate_media(color_scheme="dark")
    picture(stranger, "submission-tried-dark")
    stranger.locator("[name='field.email']").fill("nonsense")
    stranger.get_by_role("button", name="Post a test lead").click()
    expect(stranger.locator("#answer")).to_contain_text("Invalid email")
    expect(stranger.locator("[name='field.email']")).to_have_value("nonsense")
    stranger.emulate_media(media="print", color_scheme="light")
    expect(stranger.get_by_role("button", name="Post a test lead")).to_be_hidden()
    picture(stranger, "submission-print")
    stranger.emulate_media(media="screen")
    stranger.set_viewport_size({"width": 400, "height": 800})
    assert stranger.evaluate("document.documentElement.scrollWidth") <= 400
    picture(stranger, "submission-narrow")
    context.close()


def test_terms_are_edited_on_the_pages_of_source_and_flow(page, live_server, clear_record):
    source = make_source()
    flow = make_flow(source, make_recipient())
    make_user("olga")
    sign_in(page, live_server, "olga")
    page.goto(f"{live_server.url}/admin/flows/source/{source.pk.replace('_', '_5F')}/change/")
    page.fill("[name=aliases]", "{fname: first_name}")
    prices = page.locator(".leadops-terms", has=page.locator("[name=prices]"))
    prices.get_by_role("button", name="As text").click()
    page.fill("[name=prices]", "- when: {field: state, op: iz, value: TX}\n  price: 12")
    picture(page, "source-terms-light")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("body")).to_contain_text("“iz” is not an operator")
    page.fill("[name=prices]", "- when: {field: state, op: is, value: TX}\n  price: 12")
    page.check("[name=open_submit]")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("body")).to_contain_text("was changed successfully")
    source.refresh_from_db()
    assert source.prices[0]["price"] == "12.00"
    assert source.open_submit
    page.goto(f"{live_server.url}/admin/flows/source/{source.pk.replace('_', '_5F')}/change/")
    page.evaluate("document.documentElement.classList.add('dark')")
    picture(page, "source-terms-dark")
    page.goto(f"{live_server.url}/admin/flows/flow/{flow.pk.replace('_', '_5F')}/change/#sources")
    picture(page, "flow-sources")
