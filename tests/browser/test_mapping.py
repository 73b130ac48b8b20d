"""The mapping editor: type, see the request, insert, mend, try on many, save."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from events.models import Event
from flows.trying import drafts
from recipients.models import Recipient
from tests.browser.conftest import choose, picture, sign_in
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def enter(page: Page, live_server, recipient: Recipient) -> None:
    make_user("olga")
    sign_in(page, live_server, "olga")
    page.goto(f"/admin/recipients/recipient/{recipient.pk.replace('_', '_5F')}/change/")
    choose(page, "Mapping", "Mapping editor")
    expect(page.locator("#mapping-preview")).to_be_visible()


def test_it_follows_what_is_typed_tries_it_and_saves_it(page: Page, live_server):
    source, recipient = make_source(), make_recipient()
    flow = make_flow(source, recipient)
    for place in range(3):
        deliver_lead(flow, source, email=f"a{place}@example.com", phone_1=f"512555000{place}")
    enter(page, live_server, recipient)
    body = page.locator("#mapping-body")
    expect(body).to_contain_text("a2@example.com")
    page.click("#mapping-add")
    page.keyboard.type("first")
    page.keyboard.press("Tab")
    page.keyboard.type("{{lead.frist_name}}")
    said = page.locator(".leadops-maprow .leadops-said").nth(1)
    expect(said).to_have_text("lead.frist_name: no such field; did you mean lead.first_name?")
    expect(page.locator("#mapping-left-out")).to_contain_text("first blank")
    picture(page, "mapping-unknown")
    page.click("[data-mend]")
    expect(body).to_contain_text('"first": "John"')
    expect(said).to_be_empty()

    page.click("#mapping-add")
    page.keyboard.type("phone")
    page.fill("#mapping-search", "phone_1")
    page.press("#mapping-search", "ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("[name=mapping_rows-2-value]")).to_have_value("{{lead.phone_1}}")
    expect(body).to_contain_text('"phone": "5125550002"')
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("#mapping-list [name$=-key]").nth(1)).to_have_value("phone")

    page.fill("[name=mapping_rows-2-value]", "{{uper lead.phone_1}}")
    expect(page.locator("#mapping-problems")).to_contain_text("Did you mean upper?")
    picture(page, "mapping-wrong")
    page.click("[data-go]")
    expect(page.locator("[name=mapping_rows-2-value]")).to_be_focused()
    page.fill("[name=mapping_rows-2-value]", '{{format lead.phone_1 "(###) ###-####"}}')
    expect(body).to_contain_text("(512) 555-0002")

    # A condition as rules, in the editor that filters have.
    page.get_by_role("button", name="Write it as rules").nth(1).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Add rule").click()
    page.keyboard.type("phone_1")
    dialog.locator(".leadops-rule-op").select_option("not_blank")
    picture(page, "mapping-when")
    dialog.get_by_role("button", name="Use these rules").click()
    rule = '{"all":[{"field":"phone_1","op":"not_blank"}]}'
    expect(page.locator("[name$=-when]").nth(1)).to_have_value(rule)

    page.click("#mapping-run")
    expect(page.locator("#mapping-summary")).to_contain_text("3 of 3 payloads would differ")
    expect(page.locator("#mapping-summary")).to_contain_text("key phone in 3")
    expect(page.locator("#mapping-changes tbody tr")).to_have_count(3)
    picture(page, "mapping-light")
    page.evaluate("document.documentElement.classList.add('dark')")
    picture(page, "mapping-dark")
    page.click("button[name=_save]")
    expect(page.get_by_text("is saved and in force")).to_be_visible()
    assert [row.key for row in recipient.mapping_rows.all()] == ["email", "phone", "first"]
    changed = Event.objects.filter(type="config.changed").latest("timestamp")
    assert "(###) ###-####" in str(changed.data)


def test_a_long_dry_run_comes_part_by_part(page: Page, live_server, monkeypatch):
    monkeypatch.setattr(drafts, "CHUNK_SECONDS", 0.0)  # a lead a part
    source, recipient = make_source(), make_recipient()
    flow = make_flow(source, recipient)
    for place in range(4):
        deliver_lead(flow, source, email=f"a{place}@example.com", phone_1=f"512555000{place}")
    enter(page, live_server, recipient)
    parts: list[str] = []
    page.on("request", lambda sent: parts.append(sent.headers.get("x-leadops-part", "")))
    page.fill("[name=mapping_rows-0-value]", "{{upper lead.email}}")
    page.fill("#mapping-count", "3")
    page.press("#mapping-count", "Enter")
    expect(page.locator("#mapping-summary")).to_contain_text("3 of 3 payloads would differ")
    expect(page.locator("#mapping-changes tbody tr")).to_have_count(3)
    expect(page.locator("#mapping-progress")).to_be_hidden()
    assert parts.count("run") >= 3
    page.fill("[name=mapping_rows-0-value]", "{{upper")
    page.click("#mapping-run")
    expect(page.locator("#mapping-sums")).to_have_text("Correct the draft first.")


def test_it_previews_a_lead_that_is_pasted_and_makes_rows_of_a_text(page: Page, live_server):
    recipient = make_recipient(mapping_text="name: '{{lead.name}}'\n")
    enter(page, live_server, recipient)
    page.select_option("#mapping-lead", "pasted")
    page.fill("[name=pasted]", '{"name": "Zoë <b>"}')
    expect(page.locator("#mapping-body")).to_contain_text('"name": "Zoë <b>"')
    page.fill("[name=pasted]", '{"name": ')
    expect(page.locator("#mapping-bad-lead")).to_contain_text("This is no JSON")
    page.click("#mapping-to-rows")
    expect(page.locator("#mapping-list [name$=-value] >> visible=true")).to_have_value(
        "{{lead.name}}"
    )
    page.click("button[name=_save]")
    expect(page.get_by_text("is saved and in force")).to_be_visible()
    recipient.refresh_from_db()
    assert recipient.mapping_text == ""
    assert [(row.key, row.value) for row in recipient.mapping_rows.all()] == [
        ("name", "{{lead.name}}")
    ]
