"""Options as fields: a Salesforce recipient by hand, mistakes beside their option, switching."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from recipients.models import Endpoint, Recipient
from tests.browser.conftest import picture, sign_in
from tests.factories import make_recipient, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADD = "/admin/recipients/recipient/add/"


def option(page: Page, choice: str, name: str, *, of: str = "options", card: int = 0):
    return page.locator(f'[name="endpoints-{card}-{of}:{choice}:{name}"]')


def test_it_adds_a_salesforce_recipient(page: Page, live_server, clear_record) -> None:
    make_user("olga")
    sign_in(page, live_server, "olga")
    page.goto(live_server.url + ADD)
    page.locator("[name=name]").press_sequentially("Salesforce Production")
    expect(page.locator("[name=slug]")).to_have_value("salesforce-production")
    page.select_option("[name=type]", "crm")
    page.select_option("[name=integration]", "salesforce.create_lead")
    page.get_by_role("link", name="Endpoints").click()
    page.get_by_role("link", name="Add another Endpoint").click()
    expect(page.locator("[name=endpoints-0-url]")).to_have_attribute(
        "placeholder", "https://your-domain.my.salesforce.com"
    )
    expect(page.locator("[name=endpoints-0-format]")).to_be_hidden()
    page.fill("[name=endpoints-0-url]", "https://na152.salesforce.com")
    sf = "salesforce.create_lead"
    expect(option(page, sf, "duplicate_check")).to_be_checked()
    expect(option(page, "five9.add_to_list", "domain")).to_be_hidden()
    option(page, sf, "trigger_workflows").uncheck()
    option(page, sf, "api_version").fill("59.0")
    page.select_option("[name=endpoints-0-auth]", "oauth2")
    page.fill("[name=endpoints-0-auth_username]", "3MVG9.client")
    page.fill("[name=endpoints-0-auth_secret]", "s3cret")
    option(page, "oauth2", "token_url", of="auth_options").fill(
        "https://login.salesforce.com/services/oauth2/token"
    )
    picture(page, "options-new-light")
    page.get_by_role("button", name="Save", exact=True).click()
    wrong = page.locator('[data-option="bypass_field"] .leadops-wrong')
    expect(wrong).to_have_text("must be given where workflows are off")
    expect(option(page, sf, "api_version")).to_have_value("59.0")
    picture(page, "options-wrong-light")
    page.evaluate("document.documentElement.classList.add('dark')")
    picture(page, "options-wrong-dark")
    option(page, sf, "bypass_field").fill("Bypass_Automation__c")
    page.fill("[name=endpoints-0-auth_secret]", "s3cret")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(lambda url: ADD not in url)
    endpoint = Endpoint.objects.get()
    assert Recipient.objects.get().slug == "salesforce-production"
    assert endpoint.options == {
        "api_version": "59.0",
        "trigger_workflows": False,
        "bypass_field": "Bypass_Automation__c",
    }
    assert endpoint.auth_options == {
        "token_url": "https://login.salesforce.com/services/oauth2/token"
    }
    assert endpoint.method == "POST"


def test_it_shows_the_options_of_what_is_chosen(page: Page, live_server, clear_record) -> None:
    recipient: Recipient = make_recipient()
    Endpoint.objects.update(options={"form_lists": "repeat", "json_list": True}, format="form")
    make_user("olga")
    sign_in(page, live_server, "olga")
    path = f"/admin/recipients/recipient/{recipient.pk.replace('_', '_5F')}/change/"
    page.goto(live_server.url + path)
    page.get_by_role("link", name="Endpoints").click()
    expect(option(page, "http", "form_lists")).to_have_value("repeat")
    expect(option(page, "http", "json_list")).to_be_checked()
    page.select_option("[name=endpoints-0-integration]", "custom_xml")
    expect(page.locator("[name=endpoints-0-format]")).to_have_value("xml")
    expect(page.locator("[name=endpoints-0-xml_root]")).to_be_visible()
    expect(option(page, "http", "xml_declaration")).to_be_visible()
    expect(option(page, "http", "form_lists")).to_be_hidden()
    option(page, "http", "xml_namespaces").fill("xmlns: urn:buyer:leads\nxsi: urn:x")
    picture(page, "options-xml-light")
    page.evaluate("document.documentElement.classList.add('dark')")
    picture(page, "options-xml-dark")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(lambda url: path not in url)
    endpoint = Endpoint.objects.get()
    assert endpoint.options == {"xml_namespaces": {"xmlns": "urn:buyer:leads", "xsi": "urn:x"}}
    assert (endpoint.integration, endpoint.format) == ("custom_xml", "xml")


def test_it_asks_only_for_what_the_chosen_format_can_use(page: Page, live_server, clear_record):
    make_user("olga")
    sign_in(page, live_server, "olga")
    page.goto(live_server.url + ADD)
    page.select_option("[name=integration]", "generic_http")
    page.get_by_role("link", name="Endpoints").click()
    page.get_by_role("link", name="Add another Endpoint").click()
    for format, name in (("json", "json_list"), ("xml", "xml_namespaces"), ("csv", "csv_columns")):
        page.select_option("[name=endpoints-0-format]", format)
        shown = page.locator(".leadops-option:visible").evaluate_all(
            "rows => rows.map(row => row.dataset.option).filter(of => /^(json|xml|csv)_/.test(of))"
        )
        assert name in shown
        assert all(each.startswith(f"{format}_") for each in shown)
